"""The list of notifications, read forward and without gaps, on servers of every habit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final, Protocol

from bridge.plugin import by_age
from plugins.mastodon.translate import Json

NOWHERE: Final = "0"
"""The position before any notification."""


class Fetch(Protocol):
    """Asks for one page: the newest, the newest before `max_id`, or the oldest after `min_id`."""

    async def __call__(self, *, min_id: str | None = None, max_id: str | None = None) -> list[Json]:
        """Return the page in any order."""
        ...


def identifier(entry: Json) -> str:
    """Return a notification's id, as text."""
    return str(entry.get("id") or NOWHERE)


async def since(fetch: Fetch, position: str) -> AsyncIterator[Json]:
    """Yield the newest page, and before it whatever is between `position` and that page; oldest first.

    The newest page comes whole, also what is older than `position`: some servers list a notification late.
    """
    newest = _sorted(await fetch())
    if not newest:
        return
    first = identifier(newest[0])
    if by_age(first) > by_age(position):
        async for entry in _between(fetch, position, first):
            yield entry
    for entry in newest:
        yield entry


async def _between(fetch: Fetch, position: str, end: str) -> AsyncIterator[Json]:
    """Yield what is newer than `position` and older than `end`, oldest first.

    It goes forward by `min_id`, and backward from the end for the rest: on a server where `min_id` means `since_id`,
    that is all of it.
    """
    while True:
        page = await fetch(min_id=position)
        inside = _inside(page, position, end)
        if not inside or any(by_age(identifier(entry)) >= by_age(end) for entry in page):
            for entry in await _backward(fetch, position, inside, end):
                yield entry
            return
        for entry in inside:
            yield entry
        position = identifier(inside[-1])


async def _backward(fetch: Fetch, position: str, held: list[Json], end: str) -> list[Json]:
    before = identifier(held[0]) if held else end
    while older := _inside(await fetch(max_id=before), position, before):
        held = older + held
        before = identifier(older[0])
    return held


def _inside(page: list[Json], position: str, end: str) -> list[Json]:
    return [entry for entry in _sorted(page) if by_age(position) < by_age(identifier(entry)) < by_age(end)]


def _sorted(page: list[Json]) -> list[Json]:
    return sorted(page, key=lambda entry: by_age(identifier(entry)))
