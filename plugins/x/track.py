"""What anybody says about a word: X's search of the last seven days (https://docs.x.com/x-api/posts/search)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from bridge.plugin import Cursor, Edited, Item, RefusedError, by_age
from plugins.x.answers import Json
from plugins.x.authors import Authors
from plugins.x.listen import Backlog, Look, newest, told
from plugins.x.place import NOWHERE, Place
from plugins.x.prices import Kind
from plugins.x.reading import Listing, Reader
from plugins.x.snowflakes import first_of
from plugins.x.translate import Me

LONGEST: Final = 512
"""Characters of a query."""
MOST: Final = 300
"""How many posts one look reads: each costs as much as five mentions."""

_WEEK: Final = timedelta(days=7) - timedelta(minutes=5)
_MARKED: Final = re.compile(r"[#@]\w+")
_USELESS: Final = re.compile(r"[\"“”„]")  # X takes these for quotation marks too


def query(wanted: str, me: Me) -> str:
    """Return what is asked for: every word, whatever X's search would take it for, but no reposts, nor own posts.

    Hashtags and names keep their meaning, which they lose between quotation marks. Raises RefusedError for what X can't
    search for.
    """
    terms = " ".join(_terms(wanted))
    if not terms:
        raise RefusedError("There is nothing to look for: give a word or a #hashtag.")
    asked = f"{terms} -is:retweet -from:{me.username}"
    if len(asked) > LONGEST:
        raise RefusedError(f"X searches for at most {LONGEST} characters, and this comes to {len(asked)}: give fewer.")
    return asked


def _terms(wanted: str) -> Iterator[str]:
    for word in _USELESS.sub(" ", wanted).split():
        if _MARKED.fullmatch(word):
            yield word
        elif re.search(r"\w", word):
            yield f'"{word}"'
        else:
            raise RefusedError(f"X can't search for {word}, which has neither a letter nor a digit.")


class Matches:
    """What a search finds."""

    name = "matches"

    def __init__(self, reader: Reader, authors: Authors, me: Me, wanted: str) -> None:
        """Take what reads, who is known, who asks, and the words; raises RefusedError where X can't search for them."""
        self._reader = reader
        self._authors = authors
        self._me = me
        self._listing = Listing(
            route="/2/tweets/search/recent",
            kind=Kind.READ_POST,
            query={"query": query(wanted, me)},
            least=10,
            token="next_token",  # noqa: S106 # the name of a parameter
        )
        self._backlog = Backlog(reader, authors, me, MOST)

    async def newest(self) -> str:
        """Return the id of the newest match."""
        return await newest(self._reader, self._listing)

    async def look(self, place: Place, now: datetime) -> Look:
        """Return the matches after a place; with a gap where that is more than a week ago, or there are too many."""
        oldest = first_of(now - _WEEK)
        since = max(place.at, oldest, key=by_age)
        found = await self._backlog.collect(self._listing, since)
        missed = found.gap is None and place.at not in {NOWHERE, since}
        return replace(found, gap=oldest) if missed else found

    def thing(self, entry: Json, cursor: Cursor) -> Item | Edited | None:
        """Return a match."""
        return told(entry, self._authors, self._me, cursor)
