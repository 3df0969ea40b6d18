"""kill -9 at random instants: nothing lost, nothing doubled, nothing out of order."""

from __future__ import annotations

import pytest

from tests.servers.ordeal import ordeal
from tests.servers.scene import Scene
from tests.servers.sink import Sink

pytestmark = [pytest.mark.live, pytest.mark.parametrize("sink", ["keys", "search"], indirect=True)]


@pytest.mark.timeout(240)
async def test_five_kills_over_two_hundred_deliveries(scene: Scene, sink: Sink) -> None:
    outcome = await ordeal(scene, sink, lines=200, kills=5, seed=1)
    assert outcome.verdict.clean, str(outcome)
    assert outcome.kills == 5


@pytest.mark.servers
@pytest.mark.timeout(900)
async def test_twenty_kills_over_a_thousand_deliveries(scene: Scene, sink: Sink) -> None:
    outcome = await ordeal(scene, sink, lines=1000, kills=20, seed=2, patience=600.0)
    assert outcome.verdict.clean, str(outcome)
    print(outcome)
