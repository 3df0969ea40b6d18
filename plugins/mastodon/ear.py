"""What a list tells, as news: each entry once, its edits, and what of it was taken back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Final, NamedTuple

from bridge.plugin import (
    Cursor,
    Deleted,
    Edited,
    Gap,
    Heard,
    Item,
    PluginError,
    PostId,
    Seen,
    UnavailableError,
    by_age,
)
from plugins.mastodon import listen, translate
from plugins.mastodon.client import PAGE
from plugins.mastodon.place import NOWHERE, Place, Watched
from plugins.mastodon.translate import Json, Me

_MEMORY: Final = 4 * PAGE


class Met(NamedTuple):
    """What an entry told when it was last read; `told` is false for what is no item, such as one's own posts."""

    told: bool
    version: str = ""
    uri: str = ""


class Ear:
    """Hears one list for an account, and remembers for a while what it has told of it.

    `fetch` gives a page of the list, `exists` tells whether the server still shows a status.
    """

    def __init__(self, *, fetch: listen.Fetch, exists: Callable[[str], Awaitable[bool]], account: Me) -> None:
        """Begin with nothing met."""
        self._fetch = fetch
        self._exists = exists
        self._account = account
        self._place = Place(start=NOWHERE, at=NOWHERE)
        self._met: dict[str, Met] = {}

    async def hear(self, since: Cursor | None, wait: Callable[[], Awaitable[None]]) -> AsyncGenerator[Heard]:
        """Yield the list's news for ever; `wait` returns when it is time for the next look.

        The first look of all yields nothing but its position. Raises a PluginError.
        """
        if since is None:
            newest = max((listen.identifier(entry) for entry in await self._fetch()), key=by_age, default=NOWHERE)
            self._place = Place(start=newest, at=newest)
            yield Seen(cursor=self._place.cursor)
            await wait()
        else:
            self._place = Place.read(since)
        while True:
            async for thing in self._look():
                yield thing
            await wait()

    async def _look(self) -> AsyncIterator[Heard]:
        told = self._place
        listed: dict[str, str] = {}
        async for entry in listen.since(self._fetch, self._place.at):
            if entry is None:
                thing = self._gap()
            else:
                identifier = listen.identifier(entry)
                if translate.status_id(entry):  # some servers list the mention still, and nothing in it
                    listed[identifier] = translate.uri(entry)
                self._place = self._place.past(identifier)
                thing = self._news(identifier, entry)
            if thing is not None:
                told = self._place
                yield thing
        async for gone in self._gone(listed):
            told = self._place
            yield gone
        if self._place != told:
            yield Seen(cursor=self._place.cursor)

    def _gap(self) -> Gap | None:
        """Tell of a gap once, also if the bridge is killed before it has read any further."""
        if self._place.gap:
            return None
        self._place = self._place.behind_gap()
        return Gap(cursor=self._place.cursor)

    def _news(self, identifier: str, entry: Json) -> Item | Edited | None:
        if by_age(identifier) <= by_age(self._place.start):
            return None
        status, version = translate.status_id(entry), translate.version(entry)
        place = self._place.watching(identifier, status) if status else self._place
        met = self._met.get(identifier)
        if met is not None and not met.told:
            return None
        if met is not None and version in {"", met.version}:
            self._place = place
            return None
        item = translate.item(entry, self._account, place)
        self._remember(identifier, Met(item is not None, version, translate.uri(entry)))
        if item is None:
            return None
        self._place = place
        return Edited(item=item) if version else item

    def _remember(self, identifier: str, met: Met) -> None:
        self._met.pop(identifier, None)
        self._met[identifier] = met
        while len(self._met) > _MEMORY:
            del self._met[next(iter(self._met))]

    async def _gone(self, listed: dict[str, str]) -> AsyncIterator[Deleted]:
        """Yield what was told and is neither listed nor shown any more; where the server doesn't say, ask it next time.

        What is shown all the same is watched no longer: people can clear a list without anything being deleted.
        """
        for watched in missing(self._place, listed):
            met = self._met.get(watched.entry)
            shown = met is not None and met.uri != "" and met.uri in listed.values()
            try:
                shown = shown or await self._exists(watched.status)
            except UnavailableError:
                return
            except PluginError:
                continue
            self._place = self._place.without(watched.entry)
            if not shown:
                yield Deleted(id=PostId(watched.status), cursor=self._place.cursor)


def missing(place: Place, listed: dict[str, str]) -> tuple[Watched, ...]:
    """Return what of the watched entries a look should have listed and has not.

    A look reaches back to the oldest entry that it lists; one that lists less than a page, to the beginning.
    """
    oldest = min(listed, key=by_age) if len(listed) >= PAGE else NOWHERE
    return tuple(
        watched for watched in place.recent if by_age(watched.entry) > by_age(oldest) and watched.entry not in listed
    )
