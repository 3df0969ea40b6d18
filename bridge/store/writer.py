"""The one thread that writes: it gathers what waits into one transaction, and says what is certain.

waiting units ─► BEGIN, unit, unit, ... COMMIT ─► futures, topics
                   │ a unit raises ─► ROLLBACK, again with a savepoint each
                   │ SQLite has rolled back by itself ─► again, each in a transaction of its own
                   │ 40001, 40P01 ─► again
                   │ connection lost ─► reconnect, again, once
                   └ COMMIT without an answer ─► pg_xact_status
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bridge.store.engine import Fault, Verdict
from bridge.store.errors import ClosedError, InDoubt, NotCommitted, OutageError, StoreError, TakenError
from bridge.store.tx import Tx

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bridge.domain.clock import Clock
    from bridge.store.engine import Backend
    from bridge.store.outage import Outage

Unit: TypeAlias = Callable[[Tx], Any]

REPEATS = 8
"""How often a batch is repeated because the database asks for it."""
SLOW_SECONDS = 2.0
_FIRST_PAUSE, _LAST_PAUSE = 0.1, 5.0
_SETTLE_PAUSES = (0.0, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 5.0, 5.0)

_log = structlog.stdlib.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Job:
    unit: Unit
    future: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Outcome:
    job: _Job
    result: Any = None
    error: BaseException | None = None


class _Trouble(Exception):  # noqa: N818 - never leaves this module
    """A transaction of which nothing is stored; `public` is what its units fail with, unless a repetition helps."""

    def __init__(self, fault: Fault, public: BaseException, *, own: bool = False) -> None:
        super().__init__(fault)
        self.fault = fault
        self.public = public
        self.own = own


class Writer:
    """The writer of one store, used from one event loop."""

    def __init__(
        self,
        backend: Backend,
        *,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        wake: Callable[[frozenset[str]], None],
        taken: Callable[[TakenError], None],
        outage: Outage,
    ) -> None:
        """Take the database; `wake` and `taken` are called on the loop."""
        self._backend = backend
        self._clock = clock
        self._loop = loop
        self._wake = wake
        self._taken = taken
        self._outage = outage
        self._gone = False
        self._condition = threading.Condition()
        self._urgent: deque[_Job] = deque()
        self._bulk: deque[_Job] = deque()
        self._running: list[_Job] = []
        self._closing = False
        self._connection: Connection | None = None
        self._pause_next = 0.0
        self._ended = asyncio.Event()
        self._thread: threading.Thread | None = None

    async def start(self, prepare: Callable[[Connection], None]) -> None:
        """Connect, run `prepare` on the connection in the writer's thread, and begin to take units.

        Raises StartError, or what `prepare` raises.
        """
        opened: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._main, args=(prepare, opened), name="store-writer", daemon=True)
        self._thread.start()
        await opened

    def submit(self, unit: Unit, *, bulk: bool) -> asyncio.Future[Any]:
        """Queue a unit; the future gets its result once it is committed.

        Cancelling the future doesn't cancel the unit. Raises ClosedError.
        """
        job = _Job(unit, self._loop.create_future())
        with self._condition:
            if self._closing:
                raise ClosedError("the store is closed")
            (self._bulk if bulk else self._urgent).append(job)
            self._condition.notify()
        return job.future

    async def close(self, seconds: float) -> None:
        """Run what waits, then end the thread; after so many seconds fail what is left and leave it behind."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        if self._thread is None:
            return
        try:
            await asyncio.wait_for(self._ended.wait(), seconds)
        except TimeoutError:
            self._abandon()
        else:
            self._thread.join()

    def _abandon(self) -> None:
        with self._condition:
            waiting = [*self._urgent, *self._bulk]
            self._urgent.clear()
            self._bulk.clear()
            running = list(self._running)
        _log.error("store left behind at work", waiting=len(waiting), running=len(running))
        closed = ClosedError("the store was closed before this was written")
        doubt = InDoubt("the store was closed while this was being written")
        self._settle([_Outcome(job, error=closed) for job in waiting], frozenset())
        self._settle([_Outcome(job, error=doubt) for job in running], frozenset())

    def _main(self, prepare: Callable[[Connection], None], opened: asyncio.Future[None]) -> None:
        try:
            self._connection = self._backend.connect()
            prepare(self._connection)
        except BaseException as error:  # noqa: BLE001 - whatever it is, `start` raises it
            self._disconnect()
            self._call(_fail, opened, error)
            self._call(self._ended.set)
            return
        self._call(_succeed, opened)
        while (batch := self._take()) is not None:
            if batch:
                self._write(batch)
            else:
                self._ask()
        self._disconnect()
        self._call(self._ended.set)

    def _take(self) -> list[_Job] | None:
        """Return all urgent units that wait and at most one bulk unit; nothing when idle, None at the end."""
        with self._condition:
            self._condition.wait_for(lambda: self._urgent or self._bulk or self._closing, self._backend.idle)
            batch = list(self._urgent)
            self._urgent.clear()
            if self._bulk:
                batch.append(self._bulk.popleft())
            self._running = batch
            return None if self._closing and not batch else batch

    def _write(self, batch: list[_Job]) -> None:
        try:
            outcomes, topics = self._process(batch)
        except BaseException as error:  # noqa: BLE001 - the writer must outlive every failure
            _log.exception("store writer failed")
            self._disconnect()
            doubt = InDoubt(f"the store's writer failed ({type(error).__name__})")
            outcomes, topics = [_Outcome(job, error=doubt) for job in batch], frozenset[str]()
        with self._condition:
            self._running = []
        for outcome in outcomes:
            if isinstance(outcome.error, OutageError | InDoubt) and not self._gone:
                self._outage.failed(str(outcome.error))
        self._call(self._settle, outcomes, topics)

    def _process(self, jobs: list[_Job]) -> tuple[list[_Outcome], frozenset[str]]:
        savepoints = reconnected = False
        repeats = 0
        while True:
            try:
                return self._transaction(jobs, savepoints=savepoints)
            except _Trouble as trouble:
                if trouble.fault is Fault.UNIT and not savepoints and not (trouble.own and len(jobs) == 1):
                    savepoints = True
                elif trouble.fault is Fault.AGAIN and repeats < REPEATS:
                    repeats += 1
                elif trouble.fault is Fault.LOST and not reconnected:
                    reconnected = True
                elif trouble.fault is Fault.ENDED and len(jobs) > 1:
                    return self._alone(jobs)
                else:
                    return [_Outcome(job, error=trouble.public) for job in jobs], frozenset()
            except StoreError as error:
                return [_Outcome(job, error=error) for job in jobs], frozenset()

    def _alone(self, jobs: list[_Job]) -> tuple[list[_Outcome], frozenset[str]]:
        outcomes: list[_Outcome] = []
        topics: frozenset[str] = frozenset()
        for job in jobs:
            done, woken = self._process([job])
            outcomes += done
            topics |= woken
        return outcomes, topics

    def _transaction(self, jobs: list[_Job], *, savepoints: bool) -> tuple[list[_Outcome], frozenset[str]]:
        connection = self._connected()
        began = self._clock.monotonic()
        topics: set[str] = set()
        try:
            connection.begin()
            outcomes = [self._run(job, connection, topics, savepoint=savepoints) for job in jobs]
            Tx(connection, self._backend.dialect, self._backend.is_open(connection)).check()
            mark = self._backend.mark(connection)
        except _Trouble:
            self._rollback(connection)
            raise
        except (SQLAlchemyError, NotCommitted) as error:
            trouble = self._trouble(error, connection)
            self._rollback(connection)
            raise trouble from None
        try:
            connection.commit()
        except SQLAlchemyError as error:
            self._commit_failed(error, connection, mark)
        self._backend.committed()
        if mark:
            self._outage.over()
        took = self._clock.monotonic() - began
        if took > SLOW_SECONDS:
            _log.warning("store is slow", seconds=round(took, 3), units=len(jobs))
        return outcomes, frozenset(topics)

    def _run(self, job: _Job, connection: Connection, topics: set[str], *, savepoint: bool) -> _Outcome:
        tx = Tx(connection, self._backend.dialect, self._backend.is_open(connection))
        nested = connection.begin_nested() if savepoint else None
        try:
            result = job.unit(tx)
            tx.check()
            if tx.failed:
                raise NotCommitted("a unit went on after its statement had failed")  # noqa: TRY301 - one way out
            if nested is not None:
                nested.commit()
        except BaseException as error:  # noqa: BLE001 - a unit's failure is its own, whatever it is
            trouble = self._trouble(error, connection, failed=tx.failed)
            if nested is None or trouble.fault is not Fault.UNIT:
                raise trouble from None
            nested.rollback()
            return _Outcome(job, error=trouble.public)
        topics |= tx.topics
        return _Outcome(job, result)

    def _trouble(self, error: BaseException, connection: Connection, *, failed: bool = True) -> _Trouble:
        fault = self._backend.fault(error, connection)
        public = self._backend.public(error)
        if fault is not Fault.UNIT and not isinstance(public, NotCommitted):
            public = OutageError("the database gave the transaction up")
        return _Trouble(fault, public, own=not failed)

    def _commit_failed(self, error: SQLAlchemyError, connection: Connection, mark: str) -> None:
        """Return if the COMMIT has happened all the same; raise _Trouble if certainly not, InDoubt if nobody knows."""
        doubtful = self._backend.doubtful(error, connection)
        trouble = self._trouble(error, connection)
        self._disconnect()
        if not doubtful:
            raise _Trouble(Fault.AGAIN if trouble.fault is Fault.AGAIN else Fault.ENDED, trouble.public) from None
        _log.info("store commit got no answer", cause=str(trouble.public))
        for pause in _SETTLE_PAUSES if self._backend.remembers else ():
            if pause and not self._sleep(pause):
                break
            match self._verdict(mark):
                case Verdict.COMMITTED:
                    return
                case Verdict.ABORTED:
                    raise _Trouble(Fault.LOST, trouble.public) from None
                case Verdict.RUNNING:
                    continue
                case Verdict.UNKNOWN:
                    break
        raise InDoubt(f"nobody answered whether this is stored: {trouble.public}") from None

    def _verdict(self, mark: str) -> Verdict:
        try:
            return self._backend.verdict(self._connected(), mark)
        except StoreError:
            return Verdict.RUNNING
        except SQLAlchemyError:
            self._disconnect()
            return Verdict.RUNNING

    def _connected(self) -> Connection:
        """Return the connection; where it is lost, wait for the back-off and make one attempt."""
        if self._connection is not None:
            return self._connection
        if self._pause_next:
            self._sleep(self._pause_next)
        try:
            self._connection = self._backend.connect()
        except StoreError as error:
            self._pause_next = min(max(_FIRST_PAUSE, self._pause_next * 2), _LAST_PAUSE)
            if isinstance(error, TakenError):
                self._gone = True
                self._call(self._taken, error)
            else:
                self._outage.failed(str(error))
            raise OutageError(str(error)) from None
        if self._pause_next:
            self._outage.over()
        self._pause_next = 0.0
        return self._connection

    def _ask(self) -> None:
        """Find out in quiet times that the connection, and with it the lock, is lost."""
        try:
            connection = self._connected()
            try:
                connection.exec_driver_sql("SELECT 1")
                connection.rollback()
            except SQLAlchemyError:
                self._disconnect()
                self._connected()
        except StoreError:
            return  # told by whoever tried to connect

    def _rollback(self, connection: Connection) -> None:
        try:
            connection.rollback()
        except SQLAlchemyError:
            self._disconnect()
        else:
            if connection.invalidated:
                self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError):
                connection.close()
            connection.engine.dispose()

    def _sleep(self, seconds: float) -> bool:
        """Wait; tell whether the store is still wanted."""
        with self._condition:
            self._condition.wait_for(lambda: self._closing, seconds)
            return not self._closing

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(function, *arguments)

    def _settle(self, outcomes: list[_Outcome], topics: frozenset[str]) -> None:
        for outcome in outcomes:
            if outcome.error is None:
                _succeed(outcome.job.future, outcome.result)
            else:
                _fail(outcome.job.future, outcome.error)
        if topics:
            self._wake(topics)


def _succeed(future: asyncio.Future[Any], result: Any = None) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
