"""Lists of what anybody says: the posts with a hashtag, or those in which the server's search finds words."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from bridge.plugin import Clock, RefusedError, to_text
from plugins.mastodon.listen import Fetch
from plugins.mastodon.translate import Json, as_mention, moment

_TAG: Final = re.compile(r"#([^\s#]+)")
_WORD: Final = re.compile(r"\b[a-z]{5,}\b", re.IGNORECASE)
_INDEXED: Final = timedelta(hours=1)


class Library(Protocol):
    """Where statuses can be looked for."""

    def tagged(self, tag: str, *, min_id: str | None = None, max_id: str | None = None) -> list[Json]:
        """Return a page of the statuses with a hashtag."""
        ...

    def containing(self, words: str, *, min_id: str | None = None, max_id: str | None = None) -> list[Json]:
        """Return a page of the statuses that the search finds."""
        ...

    def statuses(self, account: str, *, max_id: str | None = None) -> list[Json]:
        """Return a page of an account's own statuses."""
        ...


Ask = Callable[[Callable[[Library], list[Json]]], Awaitable[list[Json]]]
"""Runs a job where statuses can be looked for."""


def listing(query: str, ask: Ask, *, account: str, host: str, clock: Clock) -> Fetch:
    """Return the list of what matches, as mentions; raises RefusedError for a query of nothing.

    The list of words raises RefusedError itself, where the server doesn't search texts.
    """
    wanted = query.strip()
    if not wanted.strip("#"):
        raise RefusedError("There is nothing to look for: give a word or a #hashtag.")
    if tag := _TAG.fullmatch(wanted):
        return _tagged(tag[1], ask)
    return _containing(wanted, ask, account=account, host=host, clock=clock)


def _tagged(tag: str, ask: Ask) -> Fetch:
    async def fetch(*, min_id: str | None = None, max_id: str | None = None) -> list[Json]:
        found = await ask(lambda library: library.tagged(tag, min_id=min_id, max_id=max_id))
        return [as_mention(status) for status in found]

    return fetch


def _containing(words: str, ask: Ask, *, account: str, host: str, clock: Clock) -> Fetch:
    searches = False

    async def fetch(*, min_id: str | None = None, max_id: str | None = None) -> list[Json]:
        nonlocal searches
        found = await ask(lambda library: library.containing(words, min_id=min_id, max_id=max_id))
        if not found and not searches and await _is_blind(ask, account, clock.now()):
            raise RefusedError(f"{host} doesn't search the text of posts: track a #hashtag there instead.")
        searches = True
        return [as_mention(status) for status in found]

    return fetch


async def _is_blind(ask: Ask, account: str, now: datetime) -> bool:
    """Tell whether the search finds no text at all, not even what the account itself wrote an hour ago.

    A Mastodon without a search index answers with nothing, and nowhere says why.
    """
    word = known_word(await ask(lambda library: library.statuses(account)), now)
    return word is not None and not await ask(lambda library: library.containing(word))


def known_word(statuses: Sequence[Json], now: datetime) -> str | None:
    """Return a word that a search must find: from a public status that had an hour to get into the index."""
    for status in statuses:
        if status.get("visibility") == "public" and moment(status.get("created_at")) < now - _INDEXED:
            words = _WORD.findall(to_text(str(status.get("content") or ""), None))
            if words:
                return max(words, key=len)
    return None
