"""Direct lines that come back after the server had acknowledged them, and that were taken for done."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from bridge.chat.outgoing import BOUNCES, bounce_pause
from bridge.store import notices

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.domain.clock import Clock
    from bridge.store import Store

_log = structlog.stdlib.get_logger(__name__)


class Returns:
    """Owes such lines again, as often as any other line that bounces, and then gives them up."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Take the store that knows the lines."""
        self._store = store
        self._clock = clock
        self._waiting: list[tuple[str, str, str]] = []

    def note(self, origin_id: str, sender: str, condition: str) -> None:
        """Take a bounce of a line that isn't in flight; only from whom the line was for it counts."""
        self._waiting.append((origin_id, sender, condition))

    def __len__(self) -> int:
        """Return how many wait to be seen to."""
        return len(self._waiting)

    async def work_off(self, many: int) -> None:
        """See to so many of those that were noted, whose lines are written down as done, the oldest first.

        Raises StoreError, after which it can be tried again.
        """
        for _ in range(many):
            await self._settle(*self._waiting[0])
            self._waiting.pop(0)

    async def _settle(self, origin_id: str, sender: str, condition: str) -> None:
        given_up = await self._store.write(
            lambda tx: notices.came_back(tx, origin_id, sender, most=BOUNCES, due_at=self._due, why=condition)
        )
        if given_up:
            _log.warning("a line could not be delivered", target=sender, cause=condition)

    def _due(self, sends: int) -> datetime:
        return self._clock.now() + timedelta(seconds=bounce_pause(sends))
