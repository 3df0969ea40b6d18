"""The store as the rest of the program sees it."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Self, TypeVar

from bridge.store import migrations, restored
from bridge.store.engine import Backend, backend_for
from bridge.store.outage import Outage
from bridge.store.readers import Readers
from bridge.store.writer import Writer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from sqlalchemy import Connection

    from bridge.domain.clock import Clock
    from bridge.domain.people import Target
    from bridge.store.errors import TakenError
    from bridge.store.tx import Tx

T = TypeVar("T")

CLOSE_SECONDS = 3.0

OUTAGE = "outage"
"""The topic that is woken when an outage of the store begins or ends."""


class Store:
    """One open store: units of work go in, and what is certain comes out. Used from one event loop.

    `epoch` names this run of the program; it is new at each opening. `restored` tells whether the rows are a backup's.
    """

    def __init__(self, backend: Backend, clock: Clock) -> None:
        """Take the database; `Store.open` is the way to make one."""
        loop = asyncio.get_running_loop()
        self.epoch = uuid.uuid4().hex
        self.place = backend.place
        self.restored = False
        self._clock = clock
        self._events: dict[str, asyncio.Event] = {}
        self._taken: asyncio.Future[TakenError] = loop.create_future()
        self._outage = Outage(clock, backend.place, lambda: self._call(loop, OUTAGE))
        self._readers = Readers(backend, self._outage)
        self._writer = Writer(backend, clock=clock, loop=loop, wake=self._wake, taken=self._lose, outage=self._outage)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, *, clock: Clock, lock: bool = True, told: Sequence[Target] = ()
    ) -> AsyncGenerator[Self]:
        """Open the store that the URL names, and close it again within 3 s.

        With `lock` it is made where it is missing, becomes this bridge's alone, and its tables are brought up to this
        program; one that was restored from a backup, or moved, is frozen, and `told` are told so (see
        `bridge.store.restored`). Without, it is opened beside a running bridge, as it is. Raises StartError.
        """
        backend = backend_for(url, lock=lock)
        await asyncio.to_thread(backend.open)
        try:
            store = cls(backend, clock)
            try:
                await store._start(backend, told, lock=lock)
                yield store
            finally:
                await store._close()
        finally:
            backend.close()

    async def write(self, unit: Callable[[Tx], T], *, bulk: bool = False) -> T:
        """Run a unit of work in a transaction, and return its result once it is committed.

        The unit runs in the writer's thread, perhaps together with others, and perhaps twice: it has no effect but
        rows, makes no ids or times of its own, and lets database errors out. Bulk units (100 rows at most) wait for
        all others. Cancelling the caller doesn't cancel the unit.

        Raises what the unit raises, then nothing of it is stored; NotCommitted where the database refused; InDoubt
        where it can't be known.
        """
        return await self._writer.submit(unit, bulk=bulk)

    async def read(self, query: Callable[[Tx], T]) -> T:
        """Return the answer of a query, which sees one snapshot; raises ReadError, or what the query raises."""
        return await self._readers.read(query)

    @property
    def problem(self) -> str | None:
        """Why nothing can be committed at this time; None while all is well."""
        return self._outage.cause

    def event(self, topic: str) -> asyncio.Event:
        """Return the event that is set after each commit in which the topic was woken; its waiter clears it."""
        event = self._events.get(topic)
        if event is None:
            event = self._events[topic] = asyncio.Event()
        return event

    async def taken(self) -> TakenError:
        """Return once another bridge has taken the store, after which nothing is written any more."""
        return await asyncio.shield(self._taken)

    async def _start(self, backend: Backend, told: Sequence[Target], *, lock: bool) -> None:
        beginning = restored.Beginning(epoch=self.epoch, now=self._clock.now(), told=told)

        def prepare(connection: Connection) -> None:
            migrations.ensure(backend, connection, may_migrate=lock)
            if lock:
                self.restored = restored.begin(backend, connection, beginning)

        await self._writer.start(prepare)

    async def _close(self) -> None:
        self._taken.cancel()
        await self._writer.close(CLOSE_SECONDS)
        await self._readers.close()

    def _call(self, loop: asyncio.AbstractEventLoop, topic: str) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(self._wake, frozenset({topic}))

    def _wake(self, topics: frozenset[str]) -> None:
        for topic in topics:
            self.event(topic).set()

    def _lose(self, error: TakenError) -> None:
        if not self._taken.done():
            self._taken.set_result(error)
