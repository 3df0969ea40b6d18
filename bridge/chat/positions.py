"""Where each archive was read to: the archive's id of a message with the time of it, and the cursor that keeps both.

The time is for the day when the archive has forgotten the id.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bridge.store import cursors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.domain.clock import Clock
    from bridge.store import Store, Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in an archive; without an id, everything since the time is new."""

    id: str | None
    stamp: datetime

    def __str__(self) -> str:
        """Return the text that the store keeps."""
        return f"{self.stamp.isoformat()} {self.id or ''}".rstrip()

    @classmethod
    def read(cls, text: str) -> Position:
        """Read the text that the store keeps; raises ValueError."""
        stamp, _, identifier = text.partition(" ")
        return cls(id=identifier or None, stamp=datetime.fromisoformat(stamp))


def cursor_name(archive: str) -> str:
    """Return the name of an archive's cursor."""
    return f"archive:{archive}"


class Positions:
    """The cursors of the archives, in the store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Take the store that keeps them."""
        self._store = store
        self._clock = clock

    async def get(self, archive: str) -> Position | None:
        """Return how far an archive was read; None at the first visit. Raises StoreError."""
        text = await self._store.read(lambda tx: cursors.get(tx, cursor_name(archive)))
        return None if text is None else Position.read(text)

    async def begin(self, archive: str, position: Position) -> None:
        """Commit a first position, unless there is one; raises StoreError."""
        now = self._clock.now()

        def unit(tx: Tx) -> None:
            if cursors.get(tx, cursor_name(archive)) is None:
                cursors.move(tx, cursor_name(archive), str(position), now)

        await self._store.write(unit)

    async def move(self, positions: Mapping[str, str]) -> None:
        """Commit positions, by their archives; raises StoreError."""
        now = self._clock.now()

        def unit(tx: Tx) -> None:
            for archive, position in positions.items():
                cursors.move(tx, cursor_name(archive), position, now)

        await self._store.write(unit)
