"""Two bridges on one store: the second ends with one clear line, and the first goes on as if nothing were."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psycopg
import pytest

from bridge.store.engine import LOCK_SPACE
from tests.servers.bridge import BridgeProcess
from tests.servers.burst import Burst, complaints
from tests.servers.prosody import Prosody
from tests.servers.scene import Scene, mastodon_account
from tests.servers.sink import Sink

pytestmark = [pytest.mark.live, pytest.mark.servers, pytest.mark.timeout(120)]


@pytest.fixture
async def scene(
    prosody: Prosody, sink: Sink, new_name: Callable[[str], str], tmp_path: Path, store_url: str
) -> AsyncIterator[Scene]:
    async with Scene(
        server=prosody,
        new_name=new_name,
        folder=tmp_path,
        accounts={"mastodon": mastodon_account(sink.base_url, sink.token, settle_after="0s", deadline="2s")},
        overrides={"posting": {"hold": "0s", "backoff": "50ms"}},
        store_url=store_url,
    ) as made:
        yield made


def second(scene: Scene) -> BridgeProcess:
    """Return another process on the very same configuration."""
    return BridgeProcess(scene.bridge.config, log_path=scene.folder / "second.log")


async def test_the_second_ends_and_the_first_goes_on(scene: Scene, sink: Sink) -> None:
    burst = Burst(scene=scene, sink=sink, lines=6)
    await burst.say(1, 2)
    other = second(scene)
    await other.start()
    await burst.say(3, 4)
    assert await other.wait() == 1
    said = [line["event"] for line in other.lines if line["level"] not in {"debug", "info"}]
    assert len(said) == 1, said
    assert said[0].startswith("another bridge")
    assert said[0].endswith("stop it first")
    await burst.say(5, 6)
    await burst.arrives()
    assert complaints(scene) == []
    assert len(scene.bridge.events("ready")) == 1


async def test_after_a_kill_the_store_is_free_at_once(scene: Scene, sink: Sink) -> None:
    burst = Burst(scene=scene, sink=sink, lines=4)
    await burst.say(1, 2)
    await scene.bridge.kill()
    other = second(scene)
    async with other:
        await burst.say(3, 4)
        await burst.arrives()
    assert [line["event"] for line in other.lines if line["level"] not in {"debug", "info"}] == []


def conninfo(url: str) -> str:
    return url.replace("+psycopg", "")


def take_over(thief: psycopg.Connection, database: str) -> None:
    """Stand in the queue for the store's lock, then end the session that holds it."""
    lock = f"SELECT pg_advisory_lock({LOCK_SPACE}, hashtext(current_schema()))".encode()
    ours = b"locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    waiting = threading.Thread(target=thief.execute, args=(lock,))
    with psycopg.connect(database, autocommit=True) as admin:
        waiting.start()
        while not admin.execute(b"SELECT FROM pg_locks WHERE NOT granted AND " + ours).fetchall():
            pass
        admin.execute(b"SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE granted AND " + ours)
        waiting.join()


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
async def test_one_whose_session_was_taken_over_ends_and_writes_nothing_more(
    scene: Scene, sink: Sink, store_url: str
) -> None:
    burst = Burst(scene=scene, sink=sink, lines=4)
    await burst.say(1, 2)
    await sink.has_committed(2)
    await burst.scene.raj.hears(r"\[2\].*mastodon (http|2 sent)", where=scene.room)
    with psycopg.connect(conninfo(store_url), autocommit=True) as thief:
        await asyncio.to_thread(take_over, thief, conninfo(store_url))
        await burst.say(3, 4)
        assert await scene.bridge.wait() == 1
        said = complaints(scene)
        assert len(said) == 1, said
        assert said[0].startswith("another bridge works with database")
        assert len(sink.texts) == 2
    await scene.bridge.start()
    await burst.arrives()
