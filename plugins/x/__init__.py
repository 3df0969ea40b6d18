"""Accounts on X, by tweepy."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from collections.abc import Set as AbstractSet
from contextlib import aclosing
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import ClassVar, Final, Self, TypeVar, cast

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
    Limits,
    Listens,
    Money,
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
    Spending,
    Spends,
    Tracks,
    UnauthorizedError,
    UnavailableError,
    UncertainError,
)
from plugins.x import find, length, media, messages, publish, reactions
from plugins.x.answers import Json, Meaning
from plugins.x.client import Client
from plugins.x.failures import LAG, cause, meaning
from plugins.x.hearing import Hearing
from plugins.x.ledger import Ledger
from plugins.x.media import Uploads
from plugins.x.memory import Memory
from plugins.x.prices import Kind, money, of_post, price, said
from plugins.x.settings import XSettings
from plugins.x.signing import Login
from plugins.x.translate import Me

__all__ = ["PremiumXPlugin", "XPlugin", "XSettings"]

T = TypeVar("T")

_SHORT: Final = 280
_LONG: Final = 25_000
_SETTLE_AFTER: Final = timedelta(seconds=30)
"""A request ends after 15 s there as here, and what it made shows within another 15."""


class XPlugin(Plugin[XSettings], Spends, Deletes, Finds, Listens, Tracks, Repeats, Favours, Shows):
    """One account: posts, answers, deletes, is searched for what may have arrived, and listens.

    Everything costs money: it is counted before it is asked for, and nothing goes beyond the account's budgets.
    """

    Settings: ClassVar = XSettings

    @classmethod
    def for_settings(cls, settings: XSettings) -> type[Plugin[XSettings]]:
        """Return the class that edits, too, for an account with Premium."""
        return PremiumXPlugin if settings.premium else cls

    def __init__(self, settings: XSettings, keep: Keep, clock: Clock) -> None:
        """Take what the account needs; no I/O happens here."""
        super().__init__(settings, keep, clock)
        self._login = Login.of(settings)
        self._client = Client(settings.base_url, self._login, clock)
        self._ledger = Ledger(keep, clock, daily=settings.daily_budget, monthly=settings.monthly_budget)
        self._uploads = Uploads(self._client, self._ledger, clock, settings.media_time.total_seconds())
        self._hearing = Hearing(self._client, keep, clock, self._ledger, fixed=settings.poll_interval)
        self._memory = Memory()
        self._account = ""
        self._username = ""

    async def __aenter__(self) -> Self:
        """Check the login, and learn who the account is."""
        if missing := self.settings.missing:
            raise UnauthorizedError(f"The account on X has no login yet: set its {', '.join(missing)}.")
        if not self._login.plausible:
            raise UnauthorizedError("The keys and tokens for X aren't any: one holds characters that none has.")
        try:
            await self._ledger.load()
            self._client.open()
            await self._introduce()
        except BaseException:
            await self._client.close()
            raise
        self.limits = Limits(
            text=_LONG if self.settings.premium else _SHORT,
            media=media.COUNT,
            media_bytes=media.PICTURE_BYTES,
            media_types=media.TYPES,
            settle_after=_SETTLE_AFTER,
            threads=False,
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Let go of the connections, in the middle of a call too."""
        await self._client.close()

    def length(self, text: str) -> int:
        """Count a text as X does: a link is 23, most of what isn't Latin, Greek or Cyrillic counts twice."""
        return length.weighted(text)

    def cost(self, post: Post) -> Money:
        """Return what publishing takes, with the descriptions of its pictures; a link makes it the dearest by far."""
        if messages.addressee(post) is not None:
            return money(price(Kind.SEND_MESSAGE))
        link, summoned = length.has_link(post.text), publish.is_summoned(post)
        rest = price(Kind.UPLOAD, len(post.media)) + price(Kind.DESCRIBE, sum(bool(one.alt) for one in post.media))
        without = price(of_post(link=False, summoned=summoned)) + rest
        why = f"with a link; {said(without)} without" if link else ""
        return money(price(of_post(link=link, summoned=summoned)) + rest, why)

    def spending(self) -> Spending:
        """Return what was spent, by X's price list, and what may be."""
        return self._ledger.spending()

    async def post(self, post: Post, key: Key) -> Posted:
        """Publish, after its attachments are at X; X has no keys, so that the same key twice is two posts.

        A text that X calls a duplicate is refused where the other one surely isn't this very post, and else in doubt.
        """
        if (person := messages.addressee(post)) is not None:
            return await self._send(person, post, key)
        publish.check(post, self.length(post.text), self.limits.text)
        media.check(post.media)
        kind = of_post(link=length.has_link(post.text), summoned=publish.is_summoned(post))
        if (why_not := self._ledger.may(kind)) is not None:
            raise RefusedError(why_not)
        attached = await self._uploads.ready(post.media, key)
        with self._uploads.until_settled(key):
            made = publish.body(post, attached)
            try:
                posted = await self._paid(kind, lambda: publish.publish(self._client, made, self._username))
            except RefusedError as error:
                if meaning(error) is Meaning.DUPLICATE:
                    await self._doubt_twins(post, key)
                raise
        self._memory.note_made(posted.id, key.token)
        self._hearing.pulse.beat()
        return posted

    async def delete(self, posted: Posted) -> None:
        """Delete a post or a message, or take a repost back; what X doesn't know any more counts as done."""
        if (repeated := posted.memo.get(reactions.REPOSTS)) is not None:
            await self._paid(Kind.DELETE, lambda: reactions.take_back(self._client, self._account, repeated))
            return
        remove = messages.delete if messages.is_message(posted.memo) else publish.delete
        if not await self._paid(Kind.DELETE, lambda: remove(self._client, posted.id)):
            await self._ledger.refund(Kind.DELETE)

    async def find(self, post: Post, key: Key, since: datetime, known: AbstractSet[PostId]) -> Posted | None:
        """Look through the account's own posts, back to `since`; only the second look, 15 s later, is sure of nothing.

        A new post may be missing in X's own list for some seconds.
        """
        self._memory.note_known(key.token, known)
        found = await self._look(post, since, known)
        if found is not None:
            self._memory.note_made(found, key.token)
            person = messages.addressee(post)
            return publish.posted(found, self._username) if person is None else messages.sent(found, person)
        if self._memory.is_contested(key.token):
            raise UncertainError("X refuses the text as one that it has already, but doesn't list it.", retry_after=LAG)
        if self._memory.is_surely_absent(key.token, self.clock.monotonic()):
            return None
        raise UncertainError("X doesn't list it, but a new post may take a while to be listed.", retry_after=LAG)

    async def items(self, since: Cursor | None) -> AsyncGenerator[Heard]:
        """Yield mentions and their edits, and direct messages where the settings ask for them.

        Looks are every `poll_interval`, or else often while somebody may answer and seldom else. A budget that is used
        up ends reading, with a notice, until the next day or month. X tells nobody that a post was deleted.
        """
        heard = self._hearing.items(self._me, since, messages=self.settings.direct_messages)
        async with aclosing(heard):
            async for thing in heard:
                yield thing

    async def matches(self, query: str, since: Cursor | None) -> AsyncGenerator[Heard]:
        """Yield public posts of the last seven days that have all the words, hashtags and names of a query.

        Own posts and reposts aren't among them. Raises RefusedError for what X can't search for.
        """
        heard = self._hearing.matches(self._me, query, since)
        async with aclosing(heard):
            async for thing in heard:
                yield thing

    async def repeat(self, item: Ref, key: Key) -> Posted:
        """Repost a post; again, it is the same repost, so that no key is needed."""
        del key
        reactions.check(item)
        return await self._paid(Kind.INTERACT, lambda: reactions.repost(self._client, self._account, item))

    async def favour(self, item: Ref) -> None:
        """Like a post."""
        reactions.check(item)
        await self._paid(Kind.INTERACT, lambda: reactions.like(self._client, self._account, item))

    async def thread(self, item: Ref) -> tuple[Item, ...]:
        """Return a post, what it answers, and what of its conversation was said within seven days; 60 posts at most."""
        if messages.is_message(item.memo):
            raise RefusedError("A direct message has no public conversation around it.")
        return await self._hearing.thread(self._me, item)

    async def profile(self, who: Author | str) -> Profile:
        """Return what an account says about itself."""
        return await self._hearing.profile(who)

    @property
    def _me(self) -> Me:
        return Me(id=self._account, username=self._username)

    async def _send(self, person: str, post: Post, key: Key) -> Posted:
        """Answer a direct message by one; nothing that was said in private is ever answered in public."""
        messages.check(post)
        sent = await self._paid(Kind.SEND_MESSAGE, lambda: messages.send(self._client, person, post.text))
        self._memory.note_made(sent.id, key.token)
        self._hearing.pulse.beat()
        return sent

    async def _look(self, post: Post, since: datetime, known: AbstractSet[PostId]) -> str | None:
        wanted = find.Wanted(account=self._account, post=post, since=since, known=known)
        if (person := messages.addressee(post)) is not None:
            return await messages.look(self._client, self._ledger, wanted, person)
        return await find.look(self._client, self._ledger, wanted, self.clock)

    async def _doubt_twins(self, post: Post, key: Key) -> None:
        """Raise UncertainError where what X calls a duplicate may be a twin of nothing, but the post itself.

        What is older than the key, or belongs to another delivery, isn't; whatever else is listed may be. Where
        nothing is, only what was in doubt before may have arrived all the same, unless a twin of the last day tells
        why X refuses it; then no look is sure any more that it is absent, and in the end the room is asked.
        """
        token = key.token
        unsure = "X has this text already, and it can't be told whether that is this very post."
        try:
            found = await self._look(post, key.minted_at, self._memory.others(token))
            doubted = found is None and self._memory.was_looked_for(token)
            explained = doubted and await self._has_twin(post)
        except PluginError:
            raise UncertainError(unsure, answered=True) from None
        if found is not None or (doubted and not explained and self._memory.contest(token)):
            raise UncertainError(unsure, answered=True, retry_after=LAG)

    async def _has_twin(self, post: Post) -> bool:
        """Tell whether the account has published the same text in the last day."""
        since = self.clock.now() - timedelta(days=1)
        wanted = find.Wanted(account=self._account, post=post, since=since, known=frozenset())
        verdicts = await find.listed(self._client, self._ledger, wanted, self.clock)
        return find.Verdict.YES in verdicts.values()

    async def _paid(self, kind: Kind, do: Callable[[], Awaitable[T]]) -> T:
        """Do what costs money: counted before, and given back where it certainly wasn't done."""
        await self._ledger.reserve(kind)
        try:
            return await do()
        except (RefusedError, UnavailableError, UnauthorizedError):
            await self._ledger.refund(kind)
            raise

    async def _introduce(self) -> None:
        try:
            answer = await self._client.call("GET", "/2/users/me")
        except RefusedError as error:
            said = cause(error)
            if said is not None and said.status == HTTPStatus.FORBIDDEN:
                raise UnauthorizedError(str(error)) from None
            raise UnavailableError(f"{error} Is {self.settings.base_url} X's API?") from None
        told = answer.get("data")
        me = cast("Json", told) if isinstance(told, dict) else {}
        self._account, self._username = str(me.get("id") or ""), str(me.get("username") or "")
        if not self._account or not self._username:
            raise UnavailableError(f"X doesn't tell whose the login is: is {self.settings.base_url} X's API?")
        await self._ledger.charge(Kind.READ_SELF)


class PremiumXPlugin(XPlugin, Edits):
    """An account with Premium, which can change its posts for an hour."""

    async def edit(self, posted: Posted, post: Post, key: Key) -> Posted:
        """Change a post of the last hour, as Premium accounts can; what it is then has a new id.

        Its newest version is read first: one that is already so is left alone, and costs no edit.
        """
        if messages.is_message(posted.memo):
            raise RefusedError("X lets nobody change a direct message: send another one.")
        publish.check(Post(text=post.text, media=post.media), self.length(post.text), self.limits.text)
        if post.warning:
            publish.check(post, 0, 0)
        media.check(post.media)
        now = self.clock.now() + (self._client.skew or timedelta(0))
        version = await publish.newest(self._client, self._ledger, posted.id, now)
        if version.is_already(post):
            return publish.posted(version.id, self._username)
        if version.why_not is not None:
            raise RefusedError(version.why_not)
        kind = of_post(link=length.has_link(post.text))
        attached = await self._uploads.ready(post.media, key)
        with self._uploads.until_settled(key):
            changed = publish.edit_body(post, version, attached)
            edited = await self._paid(kind, lambda: publish.publish(self._client, changed, self._username))
        self._memory.note_made(edited.id, key.token)
        return edited
