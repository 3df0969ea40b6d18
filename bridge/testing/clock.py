"""A clock that only moves when a test says so."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Generator, Sized
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

T = TypeVar("T")

_START: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_ROUNDS: Final = 100
_CLOSE: Final = 1e-6


@dataclass(order=True, slots=True)
class _Timer:
    """Something that happens when the clock reaches `due`; equal times in the order of their making."""

    due: float
    number: int
    fire: Callable[[], None] = field(compare=False)


class FakeClock:
    """A `Clock` whose hands a test moves; it stands still in between, however long the machine takes.

    A *sleeper* is whatever waits for this clock: a `sleep`, or the deadline of a `within`. Use it from one event loop.
    """

    def __init__(self, start: datetime = _START) -> None:
        """Begin at an aware time; raises ValueError for a naive one."""
        if start.tzinfo is None:
            raise ValueError("A clock starts at an aware time.")
        self._wall = start.astimezone(UTC)
        self._elapsed = 0.0
        self._timers: list[_Timer] = []
        self._number = 0
        self._watchers: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """Return the wall time, aware, in UTC."""
        return self._wall + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Return the seconds by which this clock has been advanced."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Return once the clock was advanced by so many seconds; for zero or less in the loop's next round."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._timer(seconds, lambda: _finish(woken)):
            await woken

    async def within(self, seconds: float, awaitable: Awaitable[T]) -> T:
        """Await something until the clock was advanced by so many seconds.

        Raises TimeoutError after cancelling it.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(None) as scope:
            if seconds <= 0:
                scope.reschedule(loop.time())
                return await awaitable
            with self._timer(seconds, lambda: scope.reschedule(loop.time())):
                return await awaitable

    @property
    def sleepers(self) -> int:
        """How many sleeps and deadlines are waiting for this clock."""
        return len(self._timers)

    @property
    def waits(self) -> tuple[float, ...]:
        """In how many seconds each of them is due, soonest first."""
        return tuple(timer.due - self._elapsed for timer in sorted(self._timers))

    async def wait_for_sleepers(self, count: int) -> None:
        """Return as soon as at least so many sleeps and deadlines are waiting for this clock."""
        await self._watch(lambda: self.sleepers >= count)

    async def wait_for_wait(self, seconds: float) -> None:
        """Return as soon as something waits that is due in so many seconds from now."""
        await self._watch(lambda: any(abs(wait - seconds) < _CLOSE for wait in self.waits))

    async def advance(self, seconds: float) -> None:
        """Move both times on, waking what is due on the way, in order.

        After each of them all tasks run until they wait for something again, and each sees the time at which it was
        due. Input and output, and threads, take their own time: wait for what they cause.
        """
        if seconds < 0:
            raise ValueError("Time can't be turned back; jump() moves the wall time alone.")
        target = self._elapsed + seconds
        await _drain()
        while self._timers and self._timers[0].due <= target:
            timer = heapq.heappop(self._timers)
            self._elapsed = max(self._elapsed, timer.due)
            timer.fire()
            await _drain()
        self._elapsed = max(self._elapsed, target)
        await _drain()

    async def stand_still(self, seconds: float) -> None:
        """Let time pass while the program doesn't run: whatever was due meanwhile happens afterwards, late."""
        await _drain()
        self._elapsed += seconds
        await self.advance(0)

    def jump(self, seconds: float) -> None:
        """Move the wall time alone, either way, as when somebody sets the machine's clock."""
        self._wall += timedelta(seconds=seconds)

    @contextmanager
    def _timer(self, seconds: float, fire: Callable[[], None]) -> Generator[None]:
        self._number += 1
        timer = _Timer(self._elapsed + seconds, self._number, fire)
        heapq.heappush(self._timers, timer)
        self._tell()
        try:
            yield
        finally:
            if timer in self._timers:
                self._timers.remove(timer)
                heapq.heapify(self._timers)

    async def _watch(self, reached: Callable[[], bool]) -> None:
        if reached():
            return
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        watcher = (reached, told)
        self._watchers.append(watcher)
        try:
            await told
        finally:
            self._watchers.remove(watcher)

    def _tell(self) -> None:
        for reached, told in self._watchers:
            if reached():
                _finish(told)


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def _drain() -> None:
    """Let every task run that can; where the loop doesn't tell which can, for a fixed number of rounds."""
    ready: Sized | None = getattr(asyncio.get_running_loop(), "_ready", None)
    for _ in range(_ROUNDS):
        await asyncio.sleep(0)
        if ready is not None and not ready:
            return
