"""Accounts on Mastodon, and on servers that speak its API, by Mastodon.py."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Callable
from collections.abc import Set as AbstractSet
from datetime import datetime
from http import HTTPStatus
from typing import ClassVar, Final, Self, TypeVar

from bridge.plugin import (
    Clock,
    Cursor,
    Deletes,
    Finds,
    Item,
    Keep,
    Key,
    Listens,
    Plugin,
    PluginError,
    Post,
    Posted,
    PostId,
    RefusedError,
    Seen,
    UnauthorizedError,
    UnavailableError,
    UncertainError,
    by_age,
)
from plugins.mastodon import find, length, listen, translate
from plugins.mastodon.client import PAGE, Client
from plugins.mastodon.settings import MastodonSettings
from plugins.mastodon.translate import Draft, Json, Me, Place, Server
from plugins.mastodon.transport import Gate
from plugins.mastodon.worker import Worker

__all__ = ["MastodonPlugin", "MastodonSettings"]

T = TypeVar("T")

_DEADLINE: Final = 30.0
_NO_LOGIN: Final = frozenset({401, 403, 422})


class MastodonPlugin(Plugin[MastodonSettings], Deletes, Finds, Listens):
    """One account: posts, answers, deletes, is searched for what may have arrived, and listens by polling.

    Two clients in two threads, so that a poll that hangs keeps nothing from being posted.
    """

    Settings: ClassVar = MastodonSettings

    def __init__(self, settings: MastodonSettings, keep: Keep, clock: Clock) -> None:
        """Take what the account needs; no I/O happens here."""
        super().__init__(settings, keep, clock)
        self._host = settings.host
        self._token = settings.access_token.get_secret_value().strip() if settings.access_token else ""
        self._writer = Worker(f"mastodon-write-{self._host}", self._client)
        self._reader = Worker(f"mastodon-read-{self._host}", self._client)
        self._me: Me
        self._server: Server = translate.server({}, self._host)  # until it was asked: lengths are counted before, too

    async def __aenter__(self) -> Self:
        """Check the token, learn who the account is and what fits."""
        if not self._token:
            raise UnauthorizedError(f"The account on {self._host} has no token yet: set its access_token.")
        if not self._token.isascii() or not self._token.isprintable():
            raise UnauthorizedError(f"The access_token for {self._host} isn't one: it holds characters that none has.")
        try:
            self._server, self._me = await self._within(self._writer, self._introduce)
        except BaseException:
            await self._close()
            raise
        self.limits = self._server.limits
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Let go of both clients, in the middle of a call too."""
        await self._close()

    def length(self, text: str) -> int:
        """Count a text as Mastodon does: a link is 23, a mention its name without the domain."""
        return length.length(text, self._server.characters_per_url)

    async def post(self, post: Post, key: Key) -> Posted:
        """Publish with the delivery's key.

        An answer to something that isn't there (any more) is refused, also where the server publishes it as a post
        of its own: that one is deleted again.
        """
        if post.media:
            raise RefusedError("Pictures can't be published to Mastodon yet.")
        draft = translate.draft(post, key.token, self.settings.visibility, self.settings.language)
        return await self._writer.call(lambda client: _publish(client, draft))

    async def delete(self, posted: Posted) -> None:
        """Delete a status; one that the server denies having but still shows is a RefusedError."""
        await self._writer.call(lambda client: _take_back(client, posted.id, self._host))

    async def find(self, post: Post, key: Key, since: datetime, known: AbstractSet[PostId]) -> Posted | None:
        """Look through the account's own statuses, back to `since`."""
        del key
        visibility = translate.effective_visibility(post, self.settings.visibility) or self._me.privacy
        wanted = find.Wanted(
            account=self._me.id,
            post=post,
            since=since,
            known=known,
            lists_all=find.lists_everything(visibility, is_mastodon=self._server.is_mastodon),
        )
        return await self._writer.call(lambda client: find.look(client, wanted, self.clock))

    async def items(self, since: Cursor | None) -> AsyncGenerator[Item | Seen]:
        """Yield mentions of every visibility, by polling; each poll overlaps the last by a page."""
        met: deque[str] = deque(maxlen=2 * PAGE)
        if since is None:
            page = await self._mentions()
            met.extend(listen.identifier(entry) for entry in page)
            newest = max(met, key=by_age, default=listen.NOWHERE)
            place = Place(start=newest, at=newest)
            yield Seen(cursor=place.cursor)
            await self._next_look()
        else:
            place = Place.read(since)
        while True:
            told = place
            async for entry in listen.since(self._mentions, place.at):
                identifier = listen.identifier(entry)
                place = place.past(identifier)
                if identifier in met or by_age(identifier) <= by_age(place.start):
                    continue
                met.append(identifier)
                if item := translate.item(entry, self._me, place):
                    told = place
                    yield item
            if place != told:
                yield Seen(cursor=place.cursor)
            await self._next_look()

    async def _next_look(self) -> None:
        """Wait until it is time to look again: the one place where a wake-up may come in."""
        await self.clock.sleep(self.settings.poll_interval.total_seconds())

    async def _mentions(self, *, min_id: str | None = None, max_id: str | None = None) -> list[Json]:
        return await self._within(self._reader, lambda client: client.mentions(min_id=min_id, max_id=max_id))

    async def _within(self, worker: Worker[Client], job: Callable[[Client], T]) -> T:
        """Run a job that only reads, for 30 s all in all: a server that drips would take its time for ever."""
        try:
            return await self.clock.within(_DEADLINE, worker.call(job))
        except TimeoutError:
            raise UnavailableError(f"{self._host} doesn't answer within {_DEADLINE:.0f} s.") from None

    def _introduce(self, client: Client) -> tuple[Server, Me]:
        try:
            account = client.verify()
        except RefusedError as error:
            status = client.answer.status if client.answer else None
            if status in _NO_LOGIN:
                raise UnauthorizedError(str(error)) from None
            raise UnavailableError(f"{error} Is {self.settings.base_url} a server with Mastodon's API?") from None
        server = translate.server(_instance(client), self._host)
        me = translate.me(account, server.domain)
        if me is None:
            raise UnavailableError(f"{self._host} doesn't tell whose the token is: is it a server with Mastodon's API?")
        return server, me

    def _client(self, gate: Gate) -> Client:
        return Client(self.settings.base_url, self._token, self._host, self.clock, gate)

    async def _close(self) -> None:
        await self._writer.close()
        await self._reader.close()


def _instance(client: Client) -> Json:
    """Return what the server tells about itself, or nothing: no account waits for that."""
    try:
        return client.instance()
    except PluginError:
        return {}


def _publish(client: Client, draft: Draft) -> Posted:
    status = client.publish(draft)
    posted = translate.posted(status)
    if draft.in_reply_to_id is not None and _lost_parent(client, status, draft.in_reply_to_id):
        try:
            client.delete(posted.id)
        except PluginError:
            raise RefusedError(
                "What it answers isn't there (any more), and the server published it as a post of its own: "
                f"delete {posted.url or posted.id} by hand."
            ) from None
        raise RefusedError("What it answers isn't there (any more).")
    return posted


def _lost_parent(client: Client, status: object, parent: str) -> bool:
    """Tell whether the server took an answer and dropped what it answers.

    Some say so in the answer; others repeat the id that they were given and know no author to it.
    """
    data = translate.json_object(status)
    if "in_reply_to_id" not in data or data.get("in_reply_to_account_id"):
        return False
    if not data["in_reply_to_id"]:
        return True
    if "in_reply_to_account_id" not in data:
        return False
    try:
        return not client.exists(parent)
    except PluginError:
        return False


def _take_back(client: Client, identifier: PostId, host: str) -> None:
    """Delete a status, and look whether it is gone where the answer leaves room for doubt."""
    try:
        if client.delete(identifier):
            return
    except UncertainError:
        succeeded = client.answer is not None and client.answer.status < HTTPStatus.MULTIPLE_CHOICES
        if succeeded and not client.exists(identifier):
            return
        raise
    if client.exists(identifier):
        raise RefusedError(f"{host} says that it knows no such post to delete, and still shows it.")
