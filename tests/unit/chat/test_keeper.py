from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest

from bridge.chat.conversation import CaughtUp
from bridge.chat.keeper import Keeper
from bridge.chat.rooms import NotJoined, Room
from bridge.store import NotCommitted, Store, Tx, notices
from tests.unit.chat.kit import ROOM, Kit, until

if TYPE_CHECKING:
    from bridge.testing.clock import FakeClock

ADMINS = ["boss@example.org", "ana@example.org"]
CLOSED = f"I am no longer in the room {ROOM}: kicked (out). I try to go back in"
AGAIN = f"I am in the room {ROOM} again"


class Door(Room):
    """A room that lets us in unless it is `shut`."""

    shut = False
    entered = 0

    async def join(self, stream: Any) -> None:
        await asyncio.sleep(0)
        if self.shut:
            raise NotJoined("can't enter it", lasting=True)
        self.by_hand = False
        self.joined = True
        self.left.clear()
        self.entered += 1

    async def learn_affiliations(self, stream: Any) -> None:
        self.listed = True

    def kick(self) -> None:
        self.why, self.by_hand = "kicked (out)", True
        self.left.set()


class Nothing:
    """A conversation in which nothing was said."""

    def enter(self) -> None: ...

    def leave(self) -> None: ...

    async def catch_up(self) -> CaughtUp:
        return CaughtUp(archived=True)


@pytest.fixture
async def kit(stream: Any, store: Store, clock: FakeClock) -> AsyncIterator[Kit]:
    made = Kit(stream, store, clock)
    yield made
    await made.stop()


@pytest.fixture
def door(clock: FakeClock) -> Door:
    return Door(ROOM, "status", clock)


@asynccontextmanager
async def keeping(kit: Kit, door: Room) -> AsyncGenerator[None]:
    """Keep the room while the block runs, as one run of the program does."""
    online = asyncio.Event()
    online.set()

    async def caught_up(_: str) -> None:
        await asyncio.sleep(0)

    keeper = Keeper(
        stream=kit.stream,
        archives=kit.archives,
        sender=kit.sender,
        store=kit.store,
        clock=kit.clock,
        online=online,
        admins=lambda: ADMINS,
        on_caught_up=caught_up,
        on_left=lambda _: None,
    )
    kit.sender.online()
    task = asyncio.ensure_future(keeper.keep_room(door, cast("Any", Nothing())))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def told(store: Store) -> list[tuple[str, str]]:
    return [(one.target.jid, one.body) for one in await store.read(notices.pending)]


async def time_passes(kit: Kit, look: Callable[[], object]) -> None:
    while not look():
        await until(lambda: kit.clock.sleepers > 0 or look())
        if not look():
            await kit.clock.advance(1)


async def test_the_admins_hear_of_a_kick_once_and_that_we_are_back(kit: Kit, door: Door) -> None:
    async with keeping(kit, door):
        await until(lambda: ROOM in kit.sender.present)
        door.kick()
        await time_passes(kit, lambda: door.entered == 2 and ROOM in kit.sender.present)
    assert await told(kit.store) == [(jid, body) for body in (CLOSED, AGAIN) for jid in ADMINS]


async def test_a_kick_is_told_even_if_the_store_fails_at_first(kit: Kit, door: Door) -> None:
    write = kit.store.write
    failures = 3

    async def failing(unit: Callable[[Tx], Any], *, bulk: bool = False) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise NotCommitted("the disk is full")
        return await write(unit, bulk=bulk)

    async with keeping(kit, door):
        await until(lambda: ROOM in kit.sender.present)
        cast("Any", kit.store).write = failing
        door.kick()
        await time_passes(kit, lambda: door.entered == 2 and ROOM in kit.sender.present)
    assert failures == 0
    assert await told(kit.store) == [(jid, body) for body in (CLOSED, AGAIN) for jid in ADMINS]


async def test_a_restart_forgets_neither_that_a_closed_room_was_told_nor_that_it_is_open_again(
    kit: Kit, door: Door
) -> None:
    door.shut = True
    closed = [(jid, "I can't enter it. I try on, and what I owe it comes to you") for jid in ADMINS]
    for _ in range(2):
        async with keeping(kit, door):
            await until(lambda: kit.clock.sleepers > 0)
        assert await told(kit.store) == closed
    door.shut = False
    for _ in range(2):
        async with keeping(kit, door):
            await until(lambda: ROOM in kit.sender.present)
        kit.sender.leave(ROOM)
        assert await told(kit.store) == [*closed, *((jid, AGAIN) for jid in ADMINS)]
