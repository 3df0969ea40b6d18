"""kill -9 at random instants: nothing lost, nothing doubled, nothing out of order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.servers.ordeal import ordeal
from tests.servers.prosody import Prosody
from tests.servers.scene import Scene, mastodon_account
from tests.servers.sink import TOKEN, Sink

pytestmark = pytest.mark.live


@pytest.fixture(params=["keys", "search"])
async def sink(request: pytest.FixtureRequest) -> AsyncIterator[Sink]:
    """A platform that remembers keys, and one that remembers none and can be searched."""
    async with Sink(keys=request.param == "keys", is_mastodon=request.param == "keys") as server:
        yield server


@pytest.fixture
async def scene(
    prosody: Prosody, sink: Sink, new_name: Callable[[str], str], tmp_path: Path
) -> AsyncIterator[Scene]:
    account = mastodon_account(sink.base_url, TOKEN, settle_after="0s")
    posting = {"hold": "0s", "backoff": "50ms"}
    async with Scene(
        prosody=prosody,
        new_name=new_name,
        folder=tmp_path,
        accounts={"mastodon": account},
        overrides={"posting": posting},
    ) as made:
        yield made


@pytest.mark.timeout(240)
async def test_five_kills_over_a_hundred_deliveries(scene: Scene, sink: Sink) -> None:
    outcome = await ordeal(scene, sink, lines=100, kills=5, seed=1)
    assert outcome.verdict.clean, str(outcome)
    assert outcome.kills == 5


@pytest.mark.servers
@pytest.mark.timeout(900)
async def test_twenty_kills_over_a_thousand_deliveries(
    scene: Scene, sink: Sink, record_testsuite_property: Callable[[str, object], None]
) -> None:
    outcome = await ordeal(scene, sink, lines=1000, kills=20, seed=2, patience=600.0)
    assert outcome.verdict.clean, str(outcome)
    print(outcome)
