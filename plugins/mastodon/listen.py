"""A list of entries, read forward and without gaps, on servers of every habit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from bridge.plugin import by_age
from plugins.mastodon.place import NOWHERE
from plugins.mastodon.translate import Json


class Fetch(Protocol):
    """Asks for one page: the newest, the newest before `max_id`, or the oldest after `min_id`."""

    async def __call__(self, *, min_id: str | None = None, max_id: str | None = None) -> list[Json]:
        """Return the page in any order."""
        ...


def identifier(entry: Json) -> str:
    """Return an entry's id, as text."""
    return str(entry.get("id") or NOWHERE)


async def since(fetch: Fetch, position: str) -> AsyncIterator[Json | None]:
    """Yield the newest page, and before it whatever is between `position` and that page; oldest first.

    The newest page comes whole, also what is older than `position`: some servers list an entry late. None comes first
    where more than a page is new and the list ends before it reaches back to `position`: what the server no longer
    lists can't be told from what never was, so something may be missing.
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


async def _between(fetch: Fetch, position: str, end: str) -> AsyncIterator[Json | None]:
    """Yield what is newer than `position` and older than `end`, oldest first, and None before it as `since` does.

    It goes forward by `min_id`, and backward from the end for the rest: on a server where `min_id` means `since_id`,
    that is all of it.
    """
    told = position == NOWHERE
    while True:
        page = await fetch(min_id=position)
        inside = _inside(page, position, end)
        last = not inside or any(by_age(identifier(entry)) >= by_age(end) for entry in page)
        if last:
            inside = await _backward(fetch, position, inside, end)
        if inside and not told:
            told = True
            if not await fetch(max_id=identifier(inside[0])):
                yield None
        for entry in inside:
            yield entry
        if last:
            return
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
