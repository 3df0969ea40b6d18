"""Whether the store commits at all: told to the log once when it stops to, and once when it does again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.domain.clock import Clock

FORGOTTEN: Final = 60.0
"""Seconds after which a failure that nobody repeated says nothing any more: what matters is repeated far sooner."""

SAID_EVERY: Final = 60.0
"""Seconds: where some transactions fit on a full disk and others don't, the log isn't filled by it."""

_log = structlog.stdlib.get_logger(__name__)


class Outage:
    """What keeps the store from committing, if anything does. May be used from any thread."""

    def __init__(self, clock: Clock, place: str, changed: Callable[[], None]) -> None:
        """Take what names the store, and what is called when an outage begins or ends."""
        self._clock = clock
        self._place = place
        self._changed = changed
        self._cause: str | None = None
        self._began = 0.0
        self._last = 0.0
        self._said = float("-inf")
        self._open = False

    @property
    def cause(self) -> str | None:
        """Why nothing can be committed now; None while all is well, as far as anybody has tried."""
        cause = self._cause
        return cause if self._clock.monotonic() - self._last <= FORGOTTEN else None

    def failed(self, cause: str) -> None:
        """Note that the database could not be used, for a reason that no unit is to blame for."""
        now = self._last = self._clock.monotonic()
        if self._cause is not None:
            return
        self._began, self._cause = now, cause
        if not self._open and now - self._said >= SAID_EVERY:
            self._said, self._open = now, True
            _log.error("the store can't commit; everything waits for it", cause=cause)
        self._changed()

    def over(self) -> None:
        """Note that the database can be used."""
        if self._cause is None:
            return
        self._cause = None
        if self._open:
            self._open = False
            seconds = round(self._clock.monotonic() - self._began, 1)
            _log.info("the store commits again", store=self._place, seconds=seconds)
        self._changed()
