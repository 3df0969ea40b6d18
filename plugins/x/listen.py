"""What is listened to: the account's mentions, its direct messages, and what a search finds."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from bridge.plugin import Cursor, Edited, Item, Visibility, by_age
from plugins.x import translate
from plugins.x.answers import Json
from plugins.x.authors import Authors
from plugins.x.place import NOWHERE, Place
from plugins.x.prices import Kind
from plugins.x.reading import MESSAGES, Listing, Reader
from plugins.x.snowflakes import before, first_of
from plugins.x.translate import Me

MENTIONS: Final = "/2/users/{id}/mentions"
LISTED: Final = 800
"""How many mentions X lists."""
PAUSE: Final = timedelta(minutes=5)
"""How long messages are left alone at least: each look costs as much as ten mentions, though nothing is new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look found: entries that are new, the oldest first, and the id after which something may be missing."""

    entries: Sequence[Json] = ()
    gap: str | None = None


class Source(Protocol):
    """One list that is listened to."""

    name: str

    async def newest(self) -> str:
        """Return the id of the newest entry, or NOWHERE; raises StoppedError and PluginError, as `look` does."""
        ...

    async def look(self, place: Place, now: datetime) -> Look:
        """Return what is newer than a place; `now` is X's time."""
        ...

    def thing(self, entry: Json, cursor: Cursor) -> Item | Edited | None:
        """Return what an entry tells, or None where nobody said anything to the account."""
        ...


class Mentions:
    """Who mentions the account, publicly."""

    name = "mentions"

    def __init__(self, reader: Reader, authors: Authors, me: Me) -> None:
        """Take what reads, who is known, and whose mentions they are."""
        self._reader = reader
        self._authors = authors
        self._me = me
        self._listing = Listing(route=MENTIONS.format(id=me.id), kind=Kind.READ_MENTION)
        self._backlog = Backlog(reader, authors, me, LISTED)

    async def newest(self) -> str:
        """Return the id of the newest mention."""
        return await newest(self._reader, self._listing)

    async def look(self, place: Place, now: datetime) -> Look:
        """Return the mentions after a place, paged to the end, and their authors learned."""
        del now
        return await self._backlog.collect(self._listing, place.at)

    def thing(self, entry: Json, cursor: Cursor) -> Item | Edited | None:
        """Return a mention; its edits are versions with an id of their own."""
        return told(entry, self._authors, self._me, cursor)


class Messages:
    """Direct messages, which X lists without any `since_id`: so the newest alone is asked for first."""

    name = "messages"

    def __init__(self, reader: Reader, authors: Authors, me: Me) -> None:
        """Take what reads, who is known, and whose messages they are."""
        self._reader = reader
        self._authors = authors
        self._me = me
        self._looked: datetime | None = None
        self._held: dict[str, Json] = {}
        self._peek = Listing(
            route="/2/dm_events",
            kind=Kind.READ_MESSAGE,
            wordings=MESSAGES,
            query={"event_types": "MessageCreate"},
            least=1,
            most=1,
        )

    async def newest(self) -> str:
        """Return the id of the newest message."""
        return await newest(self._reader, self._peek)

    async def look(self, place: Place, now: datetime) -> Look:
        """Return the messages after a place, paging back to it; X keeps them for 30 days."""
        if self._looked is not None and timedelta(0) <= now - self._looked < PAUSE:
            return Look()
        self._looked = now
        if by_age(await self.newest()) <= by_age(place.at):
            return Look()
        async with aclosing(self._reader.pages(replace(self._peek, most=5))) as pages:
            async for answer in pages:
                entries = translate.listed(answer)
                fresh = [one for one in entries if by_age(translate.identifier(one)) > by_age(place.at)]
                self._authors.meet(answer)
                self._held |= {translate.identifier(one): one for one in fresh}
                if len(fresh) < len(entries):
                    break
        await self._authors.learn(author for one in self._held.values() if (author := others(one, self._me)))
        found, self._held = sorted(self._held.values(), key=_age), {}
        return Look(entries=found)

    def thing(self, entry: Json, cursor: Cursor) -> Item | None:
        """Return a message to the account; its own are none."""
        sender = translate.author_id(entry)
        if sender == self._me.id:
            return None
        who = self._authors.of(sender)
        try:
            return translate.message(translate.said(entry), who, cursor)
        except ValueError:
            return translate.unreadable(entry, who, cursor, Visibility.DIRECT)


async def newest(reader: Reader, listing: Listing) -> str:
    """Return the id of a list's newest entry, or NOWHERE."""
    async with aclosing(reader.pages(listing, size=listing.least)) as pages:
        async for answer in pages:
            return max((translate.identifier(one) for one in translate.listed(answer)), key=by_age, default=NOWHERE)
    return NOWHERE


class Backlog:
    """What is read of a list and not told yet: kept over a stop or a failure, so that it isn't paid for twice.

    X lists the newest first, and what is told is the oldest first: so nothing is told before all of it is read.
    """

    def __init__(self, reader: Reader, authors: Authors, me: Me, most: int) -> None:
        """Begin with nothing; `most` entries are read at once."""
        self._reader = reader
        self._authors = authors
        self._me = me
        self._most = most
        self._held: dict[str, Json] = {}

    async def collect(self, listing: Listing, since: str) -> Look:
        """Return the entries after a place, the oldest first, with their authors learned; a gap where `most` are read.

        Then it reads no further, and X lists no further in some lists: what is before them can't be known. After a stop
        it goes on where that was; what is newer comes with the next look.
        """
        until = min(self._held, key=by_age, default=None)
        pages = self._reader.pages(listing, since=None if since == NOWHERE else since, until=until)
        async with aclosing(pages):
            while len(self._held) < self._most and (answer := await anext(pages, None)) is not None:
                self._held |= {name: one for one in translate.listed(answer) if (name := translate.identifier(one))}
                self._authors.meet(answer)
        await self._authors.learn(author for one in self._held.values() if (author := others(one, self._me)))
        entries = sorted(self._held.values(), key=_age)
        self._held = {}
        return Look(
            entries=entries, gap=before(translate.identifier(entries[0])) if len(entries) >= self._most else None
        )


def told(entry: Json, authors: Authors, me: Me, cursor: Cursor) -> Item | Edited | None:
    """Return what a public post tells: an item, its edit, or None for the account's own and for mere repeats."""
    sender = translate.author_id(entry)
    if sender == me.id:
        return None
    who = authors.of(sender)
    try:
        said = translate.said(entry)
    except ValueError:
        return translate.unreadable(entry, who, cursor, Visibility.PUBLIC)
    if said.repeats:
        return None
    item = translate.item(said, who, me, cursor)
    return Edited(item=item) if said.id != said.first else item


def settled(now: datetime, lag_seconds: float) -> str:
    """Return the id up to which nothing can show up any more, where X may list something so late."""
    return first_of(datetime.fromtimestamp(now.timestamp() - lag_seconds, now.tzinfo))


def others(entry: Json, me: Me) -> str:
    """Return whose an entry is, if it isn't the account's own."""
    author = translate.author_id(entry)
    return "" if author == me.id else author


def _age(entry: Json) -> tuple[int, str]:
    return by_age(translate.identifier(entry))
