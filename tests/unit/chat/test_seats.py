"""Rooms are entered and left while the session goes on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from bridge.chat.keeper import Keeper
from bridge.chat.rooms import Room
from bridge.chat.seats import Seats
from bridge.domain.people import Place, Target
from bridge.store import notices
from tests.unit.chat.kit import ADMIN, ROOM, Kit

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from bridge.store import Store
    from bridge.testing.clock import FakeClock

OTHER = "press@rooms.example.org"


class Told:
    """A conversation that notes that it was left."""

    left = False

    def leave(self) -> None:
        self.left = True


class Patient(Keeper):
    """A keeper that keeps each room until it is ended."""

    def __init__(self, kit: Kit, left: list[str]) -> None:
        super().__init__(
            stream=kit.stream,
            archives=kit.archives,
            sender=kit.sender,
            store=kit.store,
            clock=kit.clock,
            online=asyncio.Event(),
            admins=lambda: [ADMIN],
            on_caught_up=cast("Any", None),
            on_left=left.append,
        )
        self.keeps: list[str] = []

    async def keep_room(self, room: Room, conversation: object) -> None:
        del conversation
        self.keeps.append(room.jid)
        try:
            await asyncio.Event().wait()
        finally:
            self.keeps.remove(room.jid)


class Hall:
    """Seats with what they work with."""

    def __init__(self, kit: Kit, clock: FakeClock) -> None:
        self.kit = kit
        self.rooms = {ROOM: Room(ROOM, "status", clock)}
        self.conversations: dict[str, Told] = {ROOM: Told()}
        self.left: list[str] = []
        self.keeper = Patient(kit, self.left)
        self.tasks: list[asyncio.Task[None]] = []
        self.seats = Seats(
            self.rooms,
            cast("Any", self.conversations),
            keeper=self.keeper,
            begin=self.begin,
            room=lambda jid: Room(jid, "status", clock),
            conversation=lambda _, __: cast("Any", Told()),
        )

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self.tasks.append(task)
        return task

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def test_a_room_is_left_with_all_that_it_is_owed(stream: Any, store: Store, clock: FakeClock) -> None:
    kit = Kit(stream, store, clock)
    hall = Hall(kit, clock)
    hall.seats.take([ROOM])
    await asyncio.sleep(0)
    assert hall.keeper.keeps == [ROOM]
    target = Target(ROOM, Place.ROOM)
    await store.write(lambda tx: notices.add_line(tx, target=target, body="owed", origin_id="o1", at=clock.now()))
    former = hall.conversations[ROOM]
    hall.seats.change([OTHER])
    await asyncio.wait({hall.tasks[0], hall.tasks[1]})
    assert (hall.keeper.keeps, hall.left, former.left) == ([OTHER], [ROOM], True)
    assert (list(hall.rooms), list(hall.conversations)) == ([OTHER], [OTHER])
    sent = stream.sent[-1]
    assert (sent.get("to"), sent.get("type")) == (f"{ROOM}/status", "unavailable")
    owed = await store.read(notices.pending)
    assert [(one.target.jid, one.body) for one in owed] == [(ADMIN, f"(for {ROOM}) owed")]
    await hall.end()


async def test_before_the_first_session_rooms_are_only_remembered(stream: Any, store: Store, clock: FakeClock) -> None:
    hall = Hall(Kit(stream, store, clock), clock)
    hall.seats.change([ROOM, OTHER])
    assert hall.tasks == []
    hall.seats.take(hall.rooms)
    await asyncio.sleep(0)
    assert hall.keeper.keeps == [ROOM, OTHER]
    hall.seats.change([ROOM, OTHER])
    assert len(hall.tasks) == 2
    await hall.end()
