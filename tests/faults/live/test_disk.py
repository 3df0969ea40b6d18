"""The store's disk is full, or fails: nothing that was promised is absent, and nothing is promised that isn't kept."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg
import pytest

from tests.servers.burst import PATIENCE, Burst, complaints
from tests.servers.disk import Disk, breakable_disk, mounted, small_disk
from tests.servers.ports import HOST, claim_port, release_port
from tests.servers.postgres import Postgres
from tests.servers.prosody import Prosody
from tests.servers.scene import Scene, mastodon_account
from tests.servers.sink import Sink
from tests.servers.watch import Watch

pytestmark = [pytest.mark.live, pytest.mark.servers, pytest.mark.timeout(240)]

TEXTS = "SELECT text FROM post"
STOPS, GOES_ON = "the store can't commit; everything waits for it", "the store commits again"


@pytest.fixture
def web_port() -> Iterator[int]:
    port = claim_port()
    yield port
    release_port(port)


@pytest.fixture
def new_scene(
    prosody: Prosody, sink: Sink, new_name: Callable[[str], str], tmp_path: Path, web_port: int
) -> Callable[[Path | str], Any]:
    """Make a scene whose store is a file or a URL, and leave it (even with a disk that fails) by a kill."""

    @asynccontextmanager
    async def make(store: Path | str) -> AsyncGenerator[Scene]:
        account = mastodon_account(sink.base_url, sink.token, settle_after="0s", deadline="2s")
        scene = Scene(
            server=prosody,
            new_name=new_name,
            folder=tmp_path,
            accounts={"mastodon": account},
            overrides={"posting": {"hold": "0s", "backoff": "50ms"}, "web": {"listen": f"{HOST}:{web_port}"}},
            store_url=store if isinstance(store, str) else f"sqlite:///{store}",
        )
        async with scene:
            try:
                yield scene
            finally:
                if scene.bridge.running:
                    await scene.bridge.kill()

    return make


@pytest.fixture
def disk(require: Callable[[str], None], tmp_path: Path) -> Iterator[Disk]:
    require("disk")
    with small_disk(tmp_path / "disk", size="8m") as made:
        yield made


@pytest.fixture
def server(require: Callable[[str], None]) -> Iterator[tuple[Postgres, Disk]]:
    """A durable PostgreSQL whose data have a small disk to themselves."""
    require("postgresql")
    require("disk")
    postgres = Postgres()
    try:
        with small_disk(postgres.data, size="80m", owner=postgres.user) as disk:
            try:
                postgres.start_now()
                yield postgres, disk
            finally:
                postgres.stop_now()
    finally:
        postgres.close()


def health(port: int) -> tuple[int, list[str]]:
    """Return what the page for monitors says."""
    try:
        with urlopen(f"http://{HOST}:{port}/healthz") as answer:
            status, body = answer.status, answer.read()
    except HTTPError as error:
        status, body = error.code, error.read()
    return status, json.loads(body).get("problems", [])


def stored(store: Path) -> set[str]:
    """Return the texts of the posts that are committed."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        return {row[0] for row in connection.execute(TEXTS)}


def stored_there(url: str) -> set[str]:
    """Return the texts of the posts that are committed in a database of PostgreSQL."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        return {row[0] for row in connection.execute(TEXTS)}


class Shown:
    """What Raj sees of the bot's presence in the room from now on: each other `show`, with its first status."""

    def __init__(self, scene: Scene) -> None:
        self.seen = [("", "")]
        self._watch = Watch()
        scene.raj.client.add_event_handler(f"muc::{scene.room}::presence", self._note)

    async def becomes(self, show: str) -> None:
        await self._watch.until(
            lambda: self.seen[-1][0] == show, timeout=PATIENCE, otherwise=lambda: f"it showed {self.seen}"
        )

    def _note(self, presence: Any) -> None:
        show = presence.xml.findtext("{jabber:client}show") or ""
        if presence["from"].resource == "status" and show != self.seen[-1][0]:
            self.seen.append((show, presence["status"]))
            self._watch.changed()


async def fills_up(scene: Scene, sink: Sink, disk: Disk, port: int, *, lines: int) -> None:
    """Say a third, fill the disk, say a third, make room, say the rest."""
    burst = Burst(scene=scene, sink=sink, lines=lines)
    store, presences, before = disk.folder / "statusbridge.db", Shown(scene), lines // 3
    await burst.say(1, before)
    await sink.has_committed(before)
    assert health(port) == (200, [])
    disk.fill()
    await burst.say(before + 1, 2 * before)
    cause = (await scene.bridge.logs(STOPS))["cause"]
    assert cause == f"the disk of {store} is full: make room"
    assert health(port) == (503, [f"the store can't commit: {cause}"])
    assert set(sink.texts) <= stored(store)
    disk.free()
    await burst.say(2 * before + 1, lines)
    await burst.arrives()
    assert complaints(scene) == [STOPS]
    assert len(scene.bridge.events(GOES_ON)) == 1
    assert health(port) == (200, [])
    await presences.becomes("")
    assert [show for show, _ in presences.seen] == ["", "dnd", ""]
    assert presences.seen[1][1].startswith("I can't write anything down")


async def test_a_full_disk_loses_nothing_and_is_told(
    new_scene: Callable[[Path], Any], sink: Sink, disk: Disk, web_port: int
) -> None:
    async with new_scene(disk.folder / "statusbridge.db") as scene:
        await fills_up(scene, sink, disk, web_port, lines=15)


async def test_a_full_disk_with_fifty_posts(
    new_scene: Callable[[Path], Any], sink: Sink, disk: Disk, web_port: int
) -> None:
    async with new_scene(disk.folder / "statusbridge.db") as scene:
        await fills_up(scene, sink, disk, web_port, lines=51)


async def test_killed_on_a_full_disk_it_goes_on_when_there_is_room(
    new_scene: Callable[[Path], Any], sink: Sink, disk: Disk
) -> None:
    async with new_scene(disk.folder / "statusbridge.db") as scene:
        burst = Burst(scene=scene, sink=sink, lines=30)
        await burst.say(1, 10)
        await sink.has_committed(10)
        disk.fill()
        await burst.say(11, 20)
        await scene.bridge.logs(STOPS)
        await scene.bridge.kill()
        await burst.say(21, 30)
        disk.free()
        await scene.bridge.start()
        await burst.arrives()


async def test_a_full_disk_of_postgresql_loses_nothing_and_is_told(
    new_scene: Callable[[str], Any], sink: Sink, server: tuple[Postgres, Disk], web_port: int
) -> None:
    postgres, disk = server
    url = postgres.new_database()
    async with new_scene(url) as scene:
        burst = Burst(scene=scene, sink=sink, lines=200)
        await burst.say(1, 10)
        await sink.has_committed(10)
        disk.fill()
        # The tables have room for some lines yet.
        await burst.say(11, 190)
        cause = (await scene.bridge.logs(STOPS))["cause"]
        assert cause.startswith("the disk of database test_1 on "), cause
        # Meanwhile it may have had room for something small again, so that nothing is sure of this instant but:
        assert set(sink.texts) <= stored_there(url)
        disk.free()
        await burst.say(191, 200)
        await burst.arrives()
        assert set(complaints(scene)) == {STOPS}
        assert len(scene.bridge.events(GOES_ON)) == len(complaints(scene))
        assert health(web_port) == (200, [])


async def test_a_disk_that_turns_read_only(
    new_scene: Callable[[Path], Any], sink: Sink, tmp_path: Path, web_port: int
) -> None:
    folder = tmp_path / "disk"
    async with AsyncExitStack() as stack:
        with breakable_disk(folder) as disk:
            store = folder / "statusbridge.db"
            scene: Scene = await stack.enter_async_context(new_scene(store))
            burst = Burst(scene=scene, sink=sink, lines=30)
            await burst.say(1, 10)
            await sink.has_committed(10)
            disk.turn_read_only()
            await burst.say(11, 20)
            await scene.bridge.logs(STOPS)
            status, problems = health(web_port)
            assert (status, len(problems)) == (503, 1)
            assert str(store) in problems[0]
            before = len(sink.texts)
            assert set(sink.texts) <= stored(store)
            await scene.bridge.kill()
            assert complaints(scene) == [STOPS]
            assert len(sink.texts) == before
        with mounted(folder.with_suffix(".image"), folder):
            await scene.bridge.start()
            await burst.say(21, 30)
            await burst.arrives()
            await scene.bridge.kill()


async def test_a_disk_that_is_read_only_at_the_start(
    new_scene: Callable[[Path], Any], sink: Sink, tmp_path: Path
) -> None:
    folder = tmp_path / "disk"
    async with AsyncExitStack() as stack:
        with breakable_disk(folder):
            scene: Scene = await stack.enter_async_context(new_scene(folder / "statusbridge.db"))
            burst = Burst(scene=scene, sink=sink, lines=6)
            await burst.say(1, 3)
            await sink.has_committed(3, patience=PATIENCE)
            await scene.bridge.stop()
        with mounted(folder.with_suffix(".image"), folder, "ro"):
            after = len(scene.bridge.lines)
            await scene.bridge.start()
            assert await scene.bridge.wait() == 1
            said = complaints(scene, after=after)
            assert len(said) == 1, said
            assert said[0].startswith(f"can't write {folder}/statusbridge.db")
        await burst.say(4, 6)
        with mounted(folder.with_suffix(".image"), folder):
            await scene.bridge.start()
            await burst.arrives()
            await scene.bridge.kill()
