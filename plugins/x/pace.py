"""How often X is asked for news: often while somebody may answer, and seldom else. The decision is pure."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Final

from bridge.plugin import Clock

OFTEN: Final = timedelta(seconds=45)
SELDOM: Final = timedelta(minutes=5)
RARELY: Final = timedelta(minutes=10)
LIVELY: Final = timedelta(minutes=30)
"""How long after a post or a mention somebody may answer at once."""
QUIET: Final = timedelta(hours=2)
"""After how long without any it is as quiet as at night."""


def interval(now: datetime, last: datetime, fixed: timedelta | None = None) -> timedelta:
    """Return how long to wait until the next look; `last` is when something was published or heard.

    45 s for half an hour, then 5 minutes, after two hours 10; or `fixed`, where the settings give it. A `last` in the
    future, as after the clock was set back, counts as now.
    """
    if fixed is not None:
        return fixed
    since = now - last
    if since < LIVELY:
        return OFTEN
    return SELDOM if since < QUIET else RARELY


class Pulse:
    """When something last happened on an account, shared by what publishes and what listens."""

    def __init__(self, clock: Clock, fixed: timedelta | None = None) -> None:
        """Begin as if something had happened long ago."""
        self._clock = clock
        self._fixed = fixed
        self._last = datetime.min.replace(tzinfo=clock.now().tzinfo)
        self._beat = asyncio.Event()

    def beat(self) -> None:
        """Something was published or heard: looks become frequent, and one that is being waited for comes sooner."""
        self._last = self._clock.now()
        self._beat.set()

    async def rest(self) -> None:
        """Return when it is time for the next look."""
        began = self._clock.now()
        while (left := self._left(began)) > timedelta(0):
            self._beat.clear()
            try:
                await self._clock.within(left.total_seconds(), self._beat.wait())
            except TimeoutError:
                return

    def _left(self, began: datetime) -> timedelta:
        now = self._clock.now()
        return interval(now, self._last, self._fixed) - max(now - began, timedelta(0))
