"""The process is stopped by a signal for a while (SIGSTOP), in the middle of its work and without any."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.servers.burst import PATIENCE, Burst, complaints
from tests.servers.prosody import Prosody
from tests.servers.scene import Scene, mastodon_account
from tests.servers.sink import Sink

pytestmark = [pytest.mark.live, pytest.mark.servers, pytest.mark.timeout(240)]

STOOD_STILL = "the program stood still"
SHORT, LONG = 6.0, 30.0


@pytest.fixture
async def held_scene(
    prosody: Prosody, sink: Sink, new_name: Callable[[str], str], tmp_path: Path
) -> AsyncIterator[Scene]:
    """A room whose posts may be taken back for some seconds."""
    async with Scene(
        server=prosody,
        new_name=new_name,
        folder=tmp_path,
        accounts={"mastodon": mastodon_account(sink.base_url, sink.token, settle_after="0s", deadline="2s")},
        overrides={"posting": {"hold": "5s", "backoff": "50ms"}},
    ) as made:
        yield made


def standing(scene: Scene, *, after: int) -> list[str]:
    """Return what the program complained of, but for a commit in which it was stopped: that was slow indeed."""
    return [event for event in complaints(scene, after=after) if event != "store is slow"]


async def stopped_for(scene: Scene, seconds: float) -> None:
    """Stop the process, and let it go on after so many real seconds: they are the fault."""
    os.kill(scene.bridge.pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        os.kill(scene.bridge.pid, signal.SIGCONT)


async def in_a_burst(scene: Scene, sink: Sink, *, lines: int, seconds: float) -> None:
    burst = Burst(scene=scene, sink=sink, lines=lines)
    await burst.say(1, lines // 2)
    stop = asyncio.create_task(stopped_for(scene, seconds))
    await burst.say(lines // 2 + 1, lines)
    await stop
    await burst.arrives()


async def undone_meanwhile(scene: Scene, sink: Sink, *, seconds: float) -> None:
    burst = Burst(scene=scene, sink=sink, lines=1)
    before = len(scene.bridge.lines)
    await scene.raj.say(scene.room, "!post a typo")
    await scene.raj.hears(r"^\[1\].*Sending in 5 s", where=scene.room)
    stop = asyncio.create_task(stopped_for(scene, seconds))
    await scene.raj.say(scene.room, "!undo")
    await stop
    await scene.raj.hears(r"^\[1\] cancelled", where=scene.room, patience=PATIENCE)
    await scene.raj.say(scene.room, "!post status 1 of 1")
    await sink.has_committed(1, patience=PATIENCE)
    assert sink.audit(burst.texts).clean, sink.texts
    assert standing(scene, after=before) == [STOOD_STILL]


async def test_a_short_stop_in_a_burst_loses_and_doubles_nothing(scene: Scene, sink: Sink) -> None:
    await in_a_burst(scene, sink, lines=20, seconds=SHORT)


async def test_what_is_undone_while_it_is_stopped_is_not_published(held_scene: Scene, sink: Sink) -> None:
    await undone_meanwhile(held_scene, sink, seconds=SHORT)


async def test_thirty_seconds_in_a_burst_lose_and_double_nothing(scene: Scene, sink: Sink) -> None:
    await in_a_burst(scene, sink, lines=50, seconds=LONG)


async def test_thirty_idle_seconds_change_nothing(scene: Scene, sink: Sink) -> None:
    burst = Burst(scene=scene, sink=sink, lines=4)
    await burst.say(1, 2)
    await scene.raj.hears(r"\[2\].*mastodon (http|\d sent)", where=scene.room)
    before = len(scene.bridge.lines)
    await stopped_for(scene, LONG)
    await burst.say(3, 4)
    await burst.arrives()
    assert standing(scene, after=before) == [STOOD_STILL]


async def test_what_is_undone_within_thirty_seconds_is_not_published(held_scene: Scene, sink: Sink) -> None:
    await undone_meanwhile(held_scene, sink, seconds=LONG)
