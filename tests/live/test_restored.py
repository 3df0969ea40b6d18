"""A backup is put back after messages went out that it doesn't know: none of them goes out again."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from bridge.domain.panic import READING
from tests.servers.prosody import Prosody
from tests.servers.scene import Scene, mastodon_account
from tests.servers.sink import Sink

pytestmark = [pytest.mark.live, pytest.mark.servers, pytest.mark.timeout(240)]


@pytest.fixture(params=["keys", "search"])
async def sink(request: pytest.FixtureRequest) -> AsyncIterator[Sink]:
    """A platform that remembers keys, and one that remembers none and can be searched."""
    async with Sink(keys=request.param == "keys", is_mastodon=request.param == "keys") as server:
        yield server


@pytest.fixture
async def scene(prosody: Prosody, sink: Sink, new_name: Callable[[str], str], tmp_path: Path) -> AsyncIterator[Scene]:
    account = mastodon_account(sink.base_url, sink.token, deadline="2s")
    async with Scene(
        server=prosody,
        new_name=new_name,
        folder=tmp_path,
        accounts={"mastodon": account},
        overrides={"posting": {"hold": "0s", "backoff": "50ms"}},
    ) as made:
        yield made


def back_up(store: Path, to: Path) -> None:
    with closing(sqlite3.connect(store)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def put_back(copy: Path, store: Path) -> None:
    for end in ("-wal", "-shm"):
        store.with_name(store.name + end).unlink(missing_ok=True)
    shutil.copy(copy, store)


async def test_nothing_goes_out_twice_and_nothing_before_a_person_says_so(scene: Scene, sink: Sink) -> None:
    store, copy = scene.folder / "statusbridge.db", scene.folder / "backup"
    await scene.raj.say(scene.room, "!post one")
    await sink.has_committed(1)
    await sink.refuse()
    await scene.raj.say(scene.room, "!post two")
    await scene.raj.hears("mastodon does not flow", where=scene.room)
    back_up(store, copy)
    await sink.accept()
    await sink.has_committed(2, patience=90)
    await scene.raj.say(scene.room, "!post three")
    await sink.has_committed(3)
    await scene.raj.hears(r"^\[3\] mastodon", where=scene.room)
    await scene.bridge.kill()

    put_back(copy, store)
    after, directly = scene.raj.mark(), scene.ana.mark()
    await scene.bridge.start()
    await scene.bridge.wait_ready()
    told = await scene.raj.hears("^I was started from a restored backup", where=scene.room, after=after)
    assert "1 message may have gone out since" in told.body
    assert told.body.endswith("new ids begin at 2000. An approver's `!resume` continues")
    own = await scene.ana.hears("^I was started from a restored backup", where=scene.bot.jid, after=directly)
    assert own.body.endswith("An approver's `resume` continues")

    await scene.raj.say(scene.room, "!post four")
    await scene.raj.hears(r"^\[2000\] waits: everything outgoing is frozen", where=scene.room, after=after)
    assert [status.text for status in sink.committed] == ["one", "two", "three"]
    await scene.ana.say(scene.room, "!resume")
    await scene.ana.hears("`!resume` once more within", where=scene.room)
    await asyncio.sleep(READING.total_seconds())
    await scene.ana.say(scene.room, "!resume")
    await sink.has_committed(4, patience=120)
    await scene.raj.hears(r"^\[2\] mastodon: found: ", where=scene.room, after=after)
    assert sink.audit(["one", "two", "three", "four"]).clean

    await scene.kill()
    await scene.bridge.wait_ready()
    await scene.raj.say(scene.room, "!post five")
    # Where the kill came before the outcome of "four" was written down, "five" waits until that is settled.
    await sink.has_committed(5, patience=90)
    assert sink.audit(["one", "two", "three", "four", "five"]).clean
    said = [heard.body for heard in scene.raj.heard(scene.room)]
    assert len([body for body in said if "restored backup" in body]) == 1
