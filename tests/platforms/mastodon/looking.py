"""A run of the listening, look by look, on a clock that a test moves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bridge.plugin import Cursor, Deleted, Edited, Gap, Heard, Item, Notice, Seen

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from bridge.testing import FakeClock


class Listener:
    """One run of the listening; `look` returns what one look tells."""

    def __init__(self, things: AsyncGenerator[Heard], clock: FakeClock) -> None:
        self._things = things
        self._clock = clock
        self._next: asyncio.Future[Heard] | None = None
        self.cursor = Cursor("")

    async def look(self) -> list[str]:
        """Return what this look tells, as `new s1 text`, `edited s1 text`, `deleted s1` and `gap`."""
        told: list[str] = []
        if self._next is not None:
            await self._clock.advance(20)
        while True:
            self._next = self._next or asyncio.ensure_future(anext(self._things))
            waiting = asyncio.ensure_future(self._clock.wait_for_wait(20))
            await asyncio.wait({self._next, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if not self._next.done():
                return told
            thing, self._next = self._next.result(), None
            self.cursor = thing.cursor
            told += words(thing)

    async def close(self) -> None:
        if self._next is not None:
            self._next.cancel()
            await asyncio.wait({self._next})


def words(thing: Heard) -> list[str]:
    match thing:
        case Item():
            return [f"new {thing.id} {thing.text}"]
        case Edited():
            return [f"edited {thing.item.id} {thing.item.text}"]
        case Deleted():
            return [f"deleted {thing.id}"]
        case Gap():
            return ["gap"]
        case Notice():
            return [f"notice {thing.text}"]
        case Seen():
            return []
