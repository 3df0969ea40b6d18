"""Accounts on Townsquare that hear what others say."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any

from bridge.plugin import Author, Cursor, Item, Listens, PostId, Seen, UnavailableError
from statusbridge_townsquare import TownsquarePlugin


class ListeningPlugin(TownsquarePlugin, Listens):
    """The same account, with ears."""

    async def items(self, since: Cursor | None) -> AsyncGenerator[Item | Seen]:
        """Yield mentions, by asking every 20 s."""
        if since is None:
            newest = await self._look("/mentions/newest")
            since = Cursor(str(newest["id"]))
            yield Seen(cursor=since)
        while True:
            page = await self._look("/mentions", params={"after": since})
            for note in page["notes"]:
                since = Cursor(str(note["id"]))
                yield Item(
                    id=PostId(since),
                    author=Author(id=note["author"], handle=f"{note['author']}@square.example.org"),
                    text=note["text"],
                    created_at=datetime.fromisoformat(note["at"]),
                    cursor=since,
                    url=note["url"],
                    answer_prefix=f"@{note['author']}",
                )
            await self.clock.sleep(20)

    async def _look(self, path: str, **how: Any) -> dict[str, Any]:
        """Ask, for 30 s all in all: the bridge has a deadline for its calls, but none for those of `items`."""
        try:
            return await self.clock.within(30, self._ask("GET", path, **how))
        except TimeoutError:
            raise UnavailableError("Townsquare doesn't answer.") from None
