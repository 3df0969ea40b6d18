"""Accounts on Mastodon, and on servers that speak its API, by Mastodon.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from collections.abc import Set as AbstractSet
from contextlib import aclosing
from datetime import datetime
from typing import ClassVar, Final, Self, TypeVar

from bridge.plugin import (
    Author,
    Clock,
    Cursor,
    Deletes,
    Edits,
    Favours,
    Finds,
    Heard,
    Item,
    Keep,
    Key,
    Listens,
    Plugin,
    PluginError,
    Post,
    Posted,
    PostId,
    Profile,
    Ref,
    RefusedError,
    Repeats,
    Shows,
    Tracks,
    UnauthorizedError,
    UnavailableError,
)
from plugins.mastodon import edits, find, length, publish, reactions, show, stream, track, translate
from plugins.mastodon.client import Client
from plugins.mastodon.ear import Ear
from plugins.mastodon.media import Uploads
from plugins.mastodon.settings import MastodonSettings
from plugins.mastodon.translate import Json, Me, Server
from plugins.mastodon.transport import Gate
from plugins.mastodon.worker import Worker

__all__ = ["MastodonPlugin", "MastodonSettings"]

T = TypeVar("T")

_DEADLINE: Final = 30.0
_NO_LOGIN: Final = frozenset({401, 403, 422})


class MastodonPlugin(Plugin[MastodonSettings], Edits, Deletes, Finds, Listens, Tracks, Repeats, Favours, Shows):
    """One account: posts, answers, edits, deletes, is searched for what may have arrived, and listens.

    Two clients in two threads, so that a poll that hangs keeps nothing from being posted; a third holds the stream.
    """

    Settings: ClassVar = MastodonSettings

    def __init__(self, settings: MastodonSettings, keep: Keep, clock: Clock) -> None:
        """Take what the account needs; no I/O happens here."""
        super().__init__(settings, keep, clock)
        self._host = settings.host
        self._token = settings.access_token.get_secret_value().strip() if settings.access_token else ""
        self._writer = Worker(f"mastodon-write-{self._host}", self._client)
        self._reader = Worker(f"mastodon-read-{self._host}", self._client)
        self._uploads = Uploads(self._writer.call, clock, self._host, settings.media_time.total_seconds())
        self._streamer = Worker(f"mastodon-stream-{self._host}", self._client)
        self._stream_address: str | None = None
        self._me: Me
        # Until the server was asked, a text is counted as an unknown one would.
        self._server = translate.server({}, self._host)

    async def __aenter__(self) -> Self:
        """Check the token, learn who the account is and what fits."""
        if not self._token:
            raise UnauthorizedError(f"The account on {self._host} has no token yet: set its access_token.")
        if not self._token.isascii() or not self._token.isprintable():
            raise UnauthorizedError(f"The access_token for {self._host} isn't one: it holds characters that none has.")
        try:
            self._server, self._me, self._stream_address = await self._within(self._writer, self._introduce)
        except BaseException:
            await self._close()
            raise
        self.limits = self._server.limits
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Let go of all clients, in the middle of a call too."""
        await self._close()

    def length(self, text: str) -> int:
        """Count a text as Mastodon does: a link is 23, a mention its name without the domain."""
        return length.length(text, self._server.characters_per_url, concedes=self._server.is_mastodon)

    async def post(self, post: Post, key: Key) -> Posted:
        """Publish with the delivery's key, after its attachments are on the server.

        An answer to something that isn't there (any more) is refused, also where the server publishes it as a post
        of its own: that one is deleted again.
        """
        self._server.room.check(post.media, self._host)
        attached = await self._uploads.ready(post.media, key)
        ids = tuple(one.id for one in attached)
        draft = translate.draft(post, key.token, self.settings.visibility, self.settings.language, ids)
        with self._uploads.until_settled(key):
            return await self._writer.call(lambda client: publish.publish(client, draft, attached))

    async def edit(self, posted: Posted, post: Post, key: Key) -> Posted:
        """Change a status, and leave as it is what the post doesn't speak of."""
        self._server.room.check(post.media, self._host)
        there = await self._writer.call(lambda _: edits.kept(posted, post.media))
        new = [one for one, known in zip(post.media, there, strict=True) if known is None]
        uploaded = iter(await self._uploads.ready(new, key))
        change = edits.change_of(post, [known or next(uploaded) for known in there])
        now = self.clock.now()
        with self._uploads.until_settled(key):
            return await self._writer.call(lambda client: edits.edit(client, posted, change, self._host, now))

    async def delete(self, posted: Posted) -> None:
        """Delete a status, or take a boost back; what the server denies having but still shows is a RefusedError."""
        await self._writer.call(lambda client: publish.take_back(client, posted, self._host))

    async def repeat(self, item: Ref, key: Key) -> Posted:
        """Boost a status; again, it is the same boost, so that no key is needed."""
        del key
        return await self._writer.call(lambda client: reactions.repeat(client, item, self._me.id, self._host))

    async def favour(self, item: Ref) -> None:
        """Mark a status as a favourite."""
        await self._writer.call(lambda client: client.favour(item.id))

    async def thread(self, item: Ref) -> tuple[Item, ...]:
        """Return a status, 20 that led to it, and 40 that answer it."""
        return await self._within(self._reader, lambda client: show.thread(client, item, self._me, self._host))

    async def profile(self, who: Author | str) -> Profile:
        """Return what an account says about itself; one that the server hasn't met is asked for."""
        return await self._within(self._reader, lambda client: show.profile(client, who, self._me.domain, self._host))

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

    async def items(self, since: Cursor | None) -> AsyncGenerator[Heard]:
        """Yield mentions of every visibility, their edits and deletions; each look overlaps the last by a page.

        The notifications are read every `poll_interval`, and as soon as the stream tells that something happened.
        """
        address = self._stream_address if self.settings.streaming else None
        events = stream.Stream(self._streamer, address, self.clock)
        interval = self.settings.poll_interval.total_seconds()
        ear = Ear(fetch=self._mentions, exists=self._exists, account=self._me)
        async with events.listening(), aclosing(ear.hear(since, lambda: events.wait(interval))) as heard:
            async for thing in heard:
                yield thing

    async def matches(self, query: str, since: Cursor | None) -> AsyncGenerator[Heard]:
        """Yield public posts with a hashtag (`#open`), or those in which the server's search finds words, by polling.

        Raises RefusedError where the server doesn't search texts.
        """
        interval = self.settings.poll_interval.total_seconds()
        fetch = track.listing(
            query,
            lambda job: self._within(self._reader, job),
            account=self._me.id,
            host=self._host,
            clock=self.clock,
        )
        ear = Ear(fetch=fetch, exists=self._exists, account=self._me)
        async with aclosing(ear.hear(since, lambda: self.clock.sleep(interval))) as heard:
            async for thing in heard:
                yield thing

    async def _mentions(self, *, min_id: str | None = None, max_id: str | None = None) -> list[Json]:
        return await self._within(self._reader, lambda client: client.mentions(min_id=min_id, max_id=max_id))

    async def _exists(self, identifier: str) -> bool:
        return await self._within(self._reader, lambda client: client.exists(identifier))

    async def _within(self, worker: Worker[Client], job: Callable[[Client], T]) -> T:
        """Run a job that only reads, for 30 s all in all: a server that drips would take its time for ever."""
        try:
            return await self.clock.within(_DEADLINE, worker.call(job))
        except TimeoutError:
            raise UnavailableError(f"{self._host} doesn't answer within {_DEADLINE:.0f} s.") from None

    def _introduce(self, client: Client) -> tuple[Server, Me, str | None]:
        try:
            account = client.verify()
        except RefusedError as error:
            status = client.answer.status if client.answer else None
            if status in _NO_LOGIN:
                raise UnauthorizedError(str(error)) from None
            raise UnavailableError(f"{error} Is {self.settings.base_url} a server with Mastodon's API?") from None
        instance = _instance(client)
        server = translate.server(instance, self._host)
        me = translate.me(account, server.domain)
        if me is None:
            raise UnavailableError(f"{self._host} doesn't tell whose the token is: is it a server with Mastodon's API?")
        return server, me, stream.address(instance, self.settings.base_url)

    def _client(self, gate: Gate) -> Client:
        return Client(self.settings.base_url, self._token, self._host, self.clock, gate)

    async def _close(self) -> None:
        await asyncio.gather(self._writer.close(), self._reader.close(), self._streamer.close())


def _instance(client: Client) -> Json:
    """Return what the server tells about itself, or nothing: no account waits for that."""
    try:
        return client.instance()
    except PluginError:
        return {}
