"""The one clock that everything asks.

Durations run on the monotonic time, what is stored carries the wall time, and tests put a hand-driven clock in.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable

T = TypeVar("T")


class Clock(Protocol):
    """Wall time, monotonic time, and waiting on the monotonic one."""

    def now(self) -> datetime:
        """Return the wall time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never run backwards; only differences mean anything."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after so many monotonic seconds (at once for zero or less)."""
        ...

    async def within(self, seconds: float, awaitable: Awaitable[T]) -> T:
        """Await something for at most so many seconds.

        Raises TimeoutError after cancelling it.
        """
        ...


class SystemClock:
    """The machine's own clock; its wall time is read once and then carried on by a clock that nobody can set.

    So a wall clock that jumps while the program runs neither fires nor freezes anything that is stored. Time that the
    machine spends suspended counts.
    """

    def __init__(self) -> None:
        """Read the wall clock."""
        self._since = datetime.now(UTC)
        self._zero = time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def now(self) -> datetime:
        """Return the wall time, aware, in UTC."""
        passed = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - self._zero
        return self._since + timedelta(microseconds=passed // 1000)

    def monotonic(self) -> float:
        """Return the machine's seconds since its start, those that it was suspended for included."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""
        await asyncio.sleep(max(0.0, seconds))

    async def within(self, seconds: float, awaitable: Awaitable[T]) -> T:
        """Await something for at most so many seconds; raises TimeoutError."""
        return await asyncio.wait_for(awaitable, seconds)


async def wait_event(clock: Clock, event: asyncio.Event, seconds: float | None) -> bool:
    """Wait until the event is set, or so many seconds (None: for ever); tell whether it was set."""
    if seconds is None:
        await event.wait()
        return True
    if event.is_set():
        return True
    if seconds <= 0:
        return False
    try:
        await clock.within(seconds, event.wait())
    except TimeoutError:
        return event.is_set()
    return True
