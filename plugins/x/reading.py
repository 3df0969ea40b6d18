"""What is read of X, page by page, as cheaply as X lets it, and paid for."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol

from bridge.plugin import RefusedError
from plugins.x import translate
from plugins.x.answers import Json
from plugins.x.budget import Stop
from plugins.x.failures import cause
from plugins.x.ledger import Ledger
from plugins.x.prices import Kind

POSTS: Final[Sequence[Mapping[str, str]]] = (
    {"post.fields": "attachments,created_at,entities,lang,note_post"},
    {
        "tweet.fields": "attachments,author_id,created_at,edit_history_tweet_ids,entities,lang,note_tweet,"
        "referenced_tweets"
    },
    {
        "post.fields": "attachments,created_at,entities,lang,note_post",
        "expansions": "author_id,referenced_posts",
    },
)
"""How a post's author and what it answers may be had, the cheapest way first.

X's document lists them among the expansions alone, each of which brings a resource that costs; older servers have them
as fields of the post itself, which cost nothing.
"""

MESSAGES: Final[Sequence[Mapping[str, str]]] = (
    {"dm_event.fields": "attachments,created_at,entities,event_type,id,text"},
    {"dm_event.fields": "attachments,created_at,entities,event_type,id,sender_id,text"},
    {"dm_event.fields": "attachments,created_at,entities,event_type,id,text", "expansions": "sender_id"},
)
"""The same for the sender of a message."""


class StoppedError(Exception):
    """A budget doesn't allow to read any more."""

    def __init__(self, stop: Stop) -> None:
        """Keep what stops it."""
        super().__init__(stop.why)
        self.stop = stop


class Ask(Protocol):
    """Asks X one thing that publishes nothing; raises a PluginError."""

    async def __call__(self, method: str, route: str, *, params: Mapping[str, str] | None = None) -> Json:
        """Return the answer's JSON."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One list of X's: where it is, what is charged for an entry, and how the entries' authors may be had."""

    route: str
    kind: Kind
    wordings: Sequence[Mapping[str, str]] = POSTS
    query: Mapping[str, str] | None = None
    least: int = 5
    most: int = 100
    token: str = "pagination_token"  # noqa: S105 # the name of a parameter


class Reader:
    """Reads lists for one account, and remembers how X wants to be asked."""

    def __init__(self, ask: Ask, ledger: Ledger) -> None:
        """Take what asks, and what pays."""
        self._ask = ask
        self._ledger = ledger
        self._wording: dict[str, int] = {}

    async def pages(
        self, listing: Listing, *, since: str | None = None, until: str | None = None, size: int = 100
    ) -> AsyncGenerator[Json]:
        """Yield the answers with what is newer than `since` and older than `until`, the newest first, each charged.

        A page is as long as there is money for. Raises StoppedError where a budget doesn't allow for the next, and a
        PluginError.
        """
        bounds = {"since_id": since, "until_id": until}
        asked = {**(listing.query or {}), **{name: bound for name, bound in bounds.items() if bound is not None}}
        token: str | None = None
        while True:
            count = self._affordable(listing, size)
            page = {"max_results": str(count), **({listing.token: token} if token else {})}
            answer = await self._answer(listing, {**asked, **page})
            yield answer
            if (token := translate.next_page(answer)) is None:
                return

    async def once(self, listing: Listing, params: Mapping[str, str], count: int) -> Json:
        """Return an answer with at most `count` entries, charged; raises as `pages` does."""
        if (stop := self._ledger.stop(listing.kind, count)) is not None:
            raise StoppedError(stop)
        return await self._answer(listing, params)

    def _affordable(self, listing: Listing, size: int) -> int:
        """Return how many entries may be read now, at most `size`; raises StoppedError where not the fewest may."""
        if (stop := self._ledger.stop(listing.kind, listing.least)) is not None:
            raise StoppedError(stop)
        room = self._ledger.room(listing.kind)
        most = min(size, listing.most)
        return most if room is None else max(listing.least, min(most, room))

    async def _answer(self, listing: Listing, params: Mapping[str, str]) -> Json:
        """Ask in the cheapest words that were enough so far, and in dearer ones where they aren't."""
        first = known = self._wording.get(listing.route, 0)
        while True:
            last = known == len(listing.wordings) - 1
            try:
                answer = await self._ask("GET", listing.route, params={**params, **listing.wordings[known]})
            except RefusedError as error:
                said = cause(error)
                if last or known == first or said is None or said.status != HTTPStatus.BAD_REQUEST:
                    raise
            else:
                entries = translate.listed(answer)
                await self._charge(listing, answer, len(entries))
                if all(translate.author_id(one) for one in entries) or last:
                    if entries:
                        self._wording[listing.route] = known
                    return answer
            known += 1

    async def _charge(self, listing: Listing, answer: Json, count: int) -> None:
        for kind, found in (
            (listing.kind, count),
            (Kind.READ_USER, len(translate.included(answer, "users"))),
            (Kind.READ_POST, len(translate.included(answer, "posts", "tweets"))),
            (Kind.READ_MEDIA, len(translate.included(answer, "media"))),
        ):
            if found:
                await self._ledger.charge(kind, found)
