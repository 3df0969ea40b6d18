"""Whether the program has just stood still: stopped by a signal, suspended with its machine, starved.

To those who wait for an undo window to end, time that nobody was heard in has passed. All its words are still to be
read then, an `undo` perhaps among them, so no window may end before everything goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from bridge.domain.clock import wait_event

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from bridge.domain.clock import Clock

BEAT: Final = 2.5
STILL: Final = 2 * BEAT
"""Seconds without a beat after which the program is taken to have stood still."""

log = structlog.stdlib.get_logger()


class Pulse:
    """Beats as long as the event loop turns."""

    def __init__(self, clock: Clock) -> None:
        """Take the clock; before `run` the program counts as awake."""
        self._clock = clock
        self._last: float | None = None

    def awake(self) -> bool:
        """Tell whether the program runs, and what it missed while it stood still has been seen to."""
        return self._last is None or self._clock.monotonic() - self._last <= STILL

    async def run(self, stopped: asyncio.Event, stood_still: Callable[[], Awaitable[None]]) -> None:
        """Beat until stopped; after a stand-still the next beat comes when `stood_still` has returned."""
        while not stopped.is_set():
            self._last = self._clock.monotonic()
            await wait_event(self._clock, stopped, BEAT)
            if not self.awake():
                log.warning("the program stood still", seconds=round(self._clock.monotonic() - self._last, 1))
                await stood_still()
