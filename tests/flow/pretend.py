"""What stands in for the outside of a bridge: a store that can fail, and a chat that hears everything at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from bridge.chat.outgoing import corrects
from bridge.delivery import conversation
from bridge.domain.clock import wait_event
from bridge.domain.notices import Notice
from bridge.store import InDoubt, NotCommitted, Store, StoreError, Tx, notices
from bridge.timers import Timers

if TYPE_CHECKING:
    from bridge.testing import FakeClock

T = TypeVar("T")

NICK = "status"


class WatchedStore(Store):
    """A real store that tells when nobody waits for it, and that can fail for a while."""

    busy = 0
    refuses: Callable[[], bool] | None = None
    """Asked before each unit: whether the database refuses it."""

    doubts: Iterator[bool] = iter(())
    """For each next unit: whether it is stored, though its commit gets no answer."""

    watch: Callable[[Tx], Any] | None = None
    """Called in each unit's own transaction, after it."""

    refused = 0

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.idle = asyncio.Event()
        self.seen: list[Any] = []

    async def write(self, unit: Callable[[Tx], T], *, bulk: bool = False) -> T:
        if self.refuses is not None and self.refuses():
            self.refused += 1
            raise NotCommitted("the disk is full")
        doubt = next(self.doubts, None)
        if doubt is False:
            raise InDoubt("the connection broke")
        watch = self.watch

        def watched(tx: Tx) -> tuple[T, Any]:
            return unit(tx), None if watch is None else watch(tx)

        done, seen = await self._count(super().write(watched, bulk=bulk))
        if watch is not None:
            self.seen.append(seen)
        if doubt:
            raise InDoubt("the connection broke")
        return done

    async def read(self, query: Callable[[Tx], T]) -> T:
        return await self._count(super().read(query))

    async def _count(self, work: Awaitable[T]) -> T:
        self.busy += 1
        try:
            return await work
        finally:
            self.busy -= 1
            if not self.busy:
                self.idle.set()

    async def wait_idle(self) -> None:
        while self.busy:
            self.idle.clear()
            await self.idle.wait()


@dataclass(frozen=True)
class Heard:
    """One message of the bot as its reader gets it; `corrects` is the body that it takes the place of."""

    to: str
    body: str
    at: timedelta
    corrects: str | None


_alarms: WeakKeyDictionary[Timers, asyncio.Task[None]] = WeakKeyDictionary()


def set_alarm(work: Timers, left: float | None) -> None:
    """Stand in for `Timers._set_alarm`, whose alarm is set by the machine's own clock."""
    if (former := _alarms.pop(work, None)) is not None:
        former.cancel()

    async def ring(seconds: float) -> None:
        await work._clock.sleep(seconds)
        await work._ring()

    if left is not None:
        _alarms[work] = asyncio.create_task(ring(left), name="alarm")


class PretendChat:
    """Everything is heard as soon as it is owed, by every conversation that attends."""

    def __init__(self, _xmpp: object, **parts: Any) -> None:
        self.desk = parts["desk"]
        self.store: WatchedStore = parts["store"]
        self.clock: FakeClock = parts["clock"]
        self.render: Callable[[Tx, Notice], str] = parts["render"]
        self.on_caught_up: Callable[[str], Awaitable[None]] = parts["on_caught_up"]
        self.on_lost: Callable[[], None] = parts["on_lost"]
        self.on_left: Callable[[str], None] = parts["on_left"]
        self.rooms = [room.jid for room in parts["rooms"]]
        self.entered: list[str] = []
        self.admins: Callable[[], tuple[str, ...]] = parts["admins"]
        self.present: set[str] = set()
        self.heard: list[Heard] = []
        self.done: list[tuple[str, str, str, str]] = []
        """What was done to lines of ours: where, reaction or retraction, the emoji, and what the line says."""
        self.bodies: dict[str, str] = {}
        self._sent: list[Heard] = []
        self._due: datetime | None = None
        self.closed = False
        self.looks = 0
        self.reviews = 0

    def configure(self, rooms: Any) -> None:
        names = [room.jid for room in rooms]
        for name in [name for name in self.rooms if name not in names]:
            self.leave(name)
        self.entered += [name for name in names if name not in self.rooms]
        self.rooms = names

    def look(self) -> None:
        self.looks += 1

    def review(self) -> None:
        self.reviews += 1

    async def run(self) -> None:
        # Here receipts don't wait for anything.
        relay = asyncio.ensure_future(self._relay())
        try:
            await self._run()
        finally:
            relay.cancel()

    async def _relay(self) -> None:
        receipts = self.store.event(notices.RECEIPTS)
        while True:
            await receipts.wait()
            receipts.clear()
            self.store.event(notices.TOPIC).set()

    async def _run(self) -> None:
        news = self.store.event(notices.TOPIC)
        while True:
            news.clear()
            try:
                await self.store.write(self._take)
            except StoreError as error:
                self._hear(certain=not isinstance(error, NotCommitted))
                await self.clock.sleep(1)
                continue
            self._hear(certain=True)
            left = None if self._due is None else (self._due - self.clock.now()).total_seconds()
            await wait_event(self.clock, news, left)

    def _hear(self, *, certain: bool) -> None:
        if certain:
            self.heard += self._sent
        self._sent = []

    async def close(self) -> None:
        self.closed = True

    async def arrive(self, *names: str) -> None:
        for name in names:
            self.present.add(name)
            await self.on_caught_up(name)
        self.store.event(notices.TOPIC).set()

    def lose(self) -> None:
        self.present.clear()
        self.on_lost()

    def leave(self, name: str) -> None:
        self.present.discard(name)
        self.on_left(name)

    def _take(self, tx: Tx) -> None:
        now = self.clock.now()
        self._sent = []
        owed = [one for one in notices.pending(tx) if conversation(one.target) in self.present]
        for one in owed:
            if one.due_at is None or one.due_at <= now:
                self._send(tx, one)
        self._due = min((one.due_at for one in owed if one.due_at is not None and one.due_at > now), default=None)

    def _send(self, tx: Tx, one: Notice) -> None:
        now = self.clock.now()
        if one.about is not None:
            notices.begin(tx, one.id, body=one.body, corrects=None, nick=NICK, at=now)
            notices.done(tx, one.origin_id, stanza_id=None, at=now)
            self.done.append((one.target.jid, one.kind.value, one.body, self.bodies.get(one.about, "")))
            return
        root = None
        if one.receipt is not None:
            root = corrects(notices.living(tx, one.target, one.receipt), NICK, now)
        body = self.render(tx, one)
        notices.begin(tx, one.id, body=body, corrects=root, nick=NICK, at=now)
        notices.done(tx, one.origin_id, stanza_id=None, at=now)
        at = timedelta(seconds=self.clock.monotonic())
        self._sent.append(Heard(one.target.jid, body, at, None if root is None else self.bodies[root]))
        self.bodies[root or one.origin_id] = body
