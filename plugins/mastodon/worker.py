"""A thread that works for the event loop and can be given up in the middle."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Final, Generic, Protocol, TypeVar

from bridge.plugin import PluginError, UnavailableError, UncertainError
from plugins.mastodon.transport import Gate

_PATIENCE: Final = 0.5


class Closes(Protocol):
    """What a thread works with: made in it, used by it alone."""

    def close(self) -> None:
        """Let go of connections."""
        ...


C = TypeVar("C", bound=Closes)
T = TypeVar("T")


class Worker(Generic[C]):
    """One client in one daemon thread, one job at a time; both are replaced when a job is cancelled.

    The thread of a cancelled job is neither waited for nor heard again, and its client sends nothing more.
    """

    def __init__(self, name: str, make: Callable[[Gate], C]) -> None:
        """Take the thread's name and what makes its client; nothing starts before the first job."""
        self._name = name
        self._make = make
        self._turn = asyncio.Lock()
        self._thread: _Thread[C] | None = None
        self._leaving: list[_Thread[C]] = []
        self._closed = False

    async def call(self, job: Callable[[C], T]) -> T:
        """Run the job in the thread and return what it returns, or raise what it raises.

        Cancelled, it gives thread and client up at once. Once closed it raises UnavailableError, and a job that was
        under way then UncertainError.
        """
        async with self._turn:
            if self._closed:
                raise UnavailableError("This account has been closed.")
            if self._thread is None:
                self._thread = _Thread(self._name, self._make)
            thread = self._thread
            try:
                return await thread.run(job)
            except asyncio.CancelledError:
                thread.abandon()
                self._leaving = [*(former for former in self._leaving if not former.ended), thread]
                self._thread = None
                raise

    async def close(self) -> None:
        """End the thread, in the middle of a job too; what doesn't end within half a second is left behind."""
        self._closed = True
        threads = [*self._leaving, *([self._thread] if self._thread else [])]
        self._leaving, self._thread = [], None
        await asyncio.gather(*(thread.end() for thread in threads))


class _Thread(Generic[C]):
    """The thread itself, used from one event loop."""

    def __init__(self, name: str, make: Callable[[Gate], C]) -> None:
        self._make = make
        self._gate = Gate()
        self._loop = asyncio.get_running_loop()
        self._client: C | None = None
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._busy: asyncio.Future[Any] | None = None
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def run(self, job: Callable[[C], T]) -> T:
        outcome: asyncio.Future[T] = self._loop.create_future()

        def attempt() -> None:
            # Neither the traceback nor the context of an expected error leaves the thread: they hold the request.
            try:
                if self._client is None:
                    self._client = self._make(self._gate)
                result = job(self._client)
            except PluginError as error:
                error.__context__ = error.__cause__ = None
                self._tell(_fail, outcome, error.with_traceback(None))
            except Exception as error:  # noqa: BLE001 # whatever it is belongs to the caller
                self._tell(_fail, outcome, error)
            else:
                self._tell(_succeed, outcome, result)

        self._busy = outcome
        self._jobs.put(attempt)
        try:
            return await outcome
        finally:
            self._busy = None

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    def abandon(self) -> None:
        self._gate.shut()
        self._jobs.put(None)

    async def end(self) -> None:
        if self._busy is not None and not self._busy.done():
            self._busy.set_exception(UncertainError("The account was closed in the middle of a request."))
        self.abandon()
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await self._ended.wait()
                self._thread.join(_PATIENCE)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
        if self._client is not None:
            self._client.close()
        self._tell(self._ended.set)

    def _tell(self, what: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop has ended: nobody listens any more
            self._loop.call_soon_threadsafe(what, *arguments)


def _succeed(outcome: asyncio.Future[T], result: T) -> None:
    if not outcome.done():
        outcome.set_result(result)


def _fail(outcome: asyncio.Future[T], error: Exception) -> None:
    if not outcome.done():
        outcome.set_exception(error)
