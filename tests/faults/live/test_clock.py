"""Somebody sets the machine's clock while the whole program runs: nothing fires by it, and nothing freezes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.servers import faults
from tests.servers.burst import PATIENCE, Burst, complaints
from tests.servers.prosody import Prosody
from tests.servers.scene import Scene, mastodon_account
from tests.servers.sink import Sink
from tests.servers.wall import WallClock

pytestmark = [pytest.mark.live, pytest.mark.servers, pytest.mark.timeout(240)]

YEARS = 3650 * 86_400


@pytest.fixture
def wall(require: Callable[[str], None], tmp_path: Path) -> WallClock:
    require("compiler")
    return WallClock(tmp_path)


@pytest.fixture(params=["0s", "5s"])
async def scene(
    request: pytest.FixtureRequest,
    prosody: Prosody,
    sink: Sink,
    new_name: Callable[[str], str],
    tmp_path: Path,
) -> AsyncIterator[Scene]:
    async with Scene(
        server=prosody,
        new_name=new_name,
        folder=tmp_path,
        accounts={"mastodon": mastodon_account(sink.base_url, sink.token, settle_after="0s", deadline="2s")},
        overrides={"posting": {"hold": request.param, "backoff": "50ms"}},
        environment=request.getfixturevalue("wall").environment,
    ) as made:
        yield made


def years_logged(scene: Scene) -> set[int]:
    """Return the years of the log's times, which are the wall clock's: proof that it really was set."""
    return {int(str(line["timestamp"])[:4]) for line in scene.bridge.lines if "timestamp" in line}


@pytest.mark.parametrize("scene", ["0s"], indirect=True)
async def test_jumps_both_ways_in_a_burst(scene: Scene, sink: Sink, wall: WallClock) -> None:
    burst = Burst(scene=scene, sink=sink, lines=50)
    await burst.say(1, 10)
    wall.set(YEARS)
    await burst.say(11, 25)
    await sink.has_committed(20)
    wall.set(-YEARS)
    await burst.say(26, 50)
    await burst.arrives()
    assert complaints(scene) == []
    assert len(years_logged(scene)) == 3


@pytest.mark.parametrize("scene", ["0s"], indirect=True)
@pytest.mark.parametrize("seconds", [YEARS, -YEARS], ids=["forward", "back"])
async def test_a_jump_while_a_platform_is_away(scene: Scene, sink: Sink, wall: WallClock, seconds: int) -> None:
    burst = Burst(scene=scene, sink=sink, lines=6)
    sink.outage(faults.rate_limited("1"))
    await burst.say(1, 6)
    await sink.has_seen(2, patience=PATIENCE)
    wall.set(seconds)
    await scene.raj.hears("mastodon does not flow", where=scene.room, patience=PATIENCE)
    sink.heal()
    await scene.raj.hears("flows again", where=scene.room, patience=PATIENCE)
    await burst.arrives()
    assert "stale" not in " ".join(heard.body for heard in scene.raj.heard(scene.room))


@pytest.mark.parametrize("scene", ["5s"], indirect=True)
@pytest.mark.parametrize("seconds", [YEARS, -YEARS], ids=["forward", "back"])
async def test_a_jump_in_an_undo_window(scene: Scene, sink: Sink, wall: WallClock, seconds: int) -> None:
    await scene.raj.say(scene.room, "!post a typo")
    await scene.raj.hears(r"^\[1\].*Sending in 5 s", where=scene.room)
    wall.set(seconds)
    await scene.raj.say(scene.room, "!undo")
    await scene.raj.hears(r"^\[1\] cancelled", where=scene.room, patience=PATIENCE)
    await scene.raj.say(scene.room, "!post status 1 of 1")
    await sink.has_committed(1, patience=PATIENCE)
    assert sink.texts == ["status 1 of 1"]
    assert complaints(scene) == []


@pytest.mark.parametrize("scene", ["0s"], indirect=True)
async def test_a_clock_that_stands_otherwise_at_the_next_start(scene: Scene, sink: Sink, wall: WallClock) -> None:
    burst = Burst(scene=scene, sink=sink, lines=12)
    await burst.say(1, 4)
    sink.next(faults.hang(faults.Commit.FIRST))
    await burst.say(5, 8)
    await sink.has_committed(5)
    await scene.bridge.kill()
    wall.set(1800)  # not back: the certificate of the XMPP server would not be valid yet
    await scene.bridge.start()
    sink.release()
    await burst.say(9, 12)
    await burst.arrives()
