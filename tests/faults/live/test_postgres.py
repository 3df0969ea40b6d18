"""PostgreSQL goes away under the whole program and comes back: 0 lost, 0 doubled, in order, and one line of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.servers.burst import Burst, complaints
from tests.servers.postgres import Postgres
from tests.servers.prosody import Prosody
from tests.servers.scene import Scene, mastodon_account
from tests.servers.sink import Sink

pytestmark = [pytest.mark.live, pytest.mark.servers, pytest.mark.timeout(240)]

STOPS, GOES_ON = "the store can't commit; everything waits for it", "the store commits again"


@pytest.fixture(scope="module")
def server(require: Callable[[str], None]) -> Iterator[Postgres]:
    """A durable PostgreSQL that these tests may stop."""
    require("postgresql")
    with Postgres() as started:
        yield started


@pytest.fixture
def store_url(server: Postgres) -> Iterator[str]:
    if not server.running:
        server.start_now()
    url = server.new_database()
    yield url
    if not server.running:
        server.start_now()
    server.drop_database(url)


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


async def goes_away(scene: Scene, sink: Sink, fault: Callable[[], Awaitable[None]], *, lines: int) -> None:
    """Have the fault happen in the middle of a burst."""
    burst = Burst(scene=scene, sink=sink, lines=lines)
    talk = asyncio.create_task(burst.say(1, lines))
    await sink.has_committed(lines // 4)
    await fault()
    await talk
    await burst.arrives()
    # How long the recovery of a database takes is the machine's matter.
    said = [one for one in complaints(scene) if one != "store is slow"]
    assert said in ([], [STOPS]), said  # none where it was back before anybody noticed
    assert len(scene.bridge.events(GOES_ON)) == len(said)


def restart(server: Postgres, stop: Callable[[], Awaitable[None]], seconds: float) -> Callable[[], Awaitable[None]]:
    async def fault() -> None:
        await stop()
        await asyncio.sleep(seconds)  # so long it is away: that is the fault
        await server.start()

    return fault


async def test_a_restart(scene: Scene, sink: Sink, server: Postgres) -> None:
    await goes_away(scene, sink, restart(server, server.stop, 0), lines=20)


@pytest.mark.parametrize("seconds", [0, 5])
async def test_a_fast_shutdown_with_fifty_posts(scene: Scene, sink: Sink, server: Postgres, seconds: float) -> None:
    await goes_away(scene, sink, restart(server, server.stop, seconds), lines=50)


@pytest.mark.parametrize("seconds", [0, 5])
async def test_an_immediate_shutdown_with_fifty_posts(
    scene: Scene, sink: Sink, server: Postgres, seconds: float
) -> None:
    await goes_away(scene, sink, restart(server, server.crash, seconds), lines=50)


async def test_an_absence_without_any_work_is_told_once(scene: Scene, server: Postgres) -> None:
    await server.stop()
    await scene.bridge.logs(STOPS)
    await server.start()
    await scene.bridge.logs(GOES_ON)
    assert complaints(scene) == [STOPS]
