"""X as a server of our own: it keeps posts, people, pictures and messages, and does wrong what a test wants."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import web

from tests.servers import x_api, x_calls, x_faults
from tests.servers.faults import Fault, Verdict, judge
from tests.servers.troubled import Troubled
from tests.servers.watch import PATIENCE
from tests.servers.x_oauth import Login, Notary
from tests.servers.x_world import Message, Person, Picture, Tweet, Words, snowflake, tidy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.servers.x_calls import Call


class Hands(Protocol):
    """The part of a clock that the stub reads."""

    def now(self) -> datetime:
        """Return the wall time."""
        ...


class _Wall:
    def now(self) -> datetime:
        return datetime.now(UTC)


class X(Troubled["Call"]):
    """The platform under `base_url`, in the event loop of the test.

    Times and ids are those of `clock`. `words` is the vocabulary of its answers. With `whole` False a post names its
    author and what it refers to only where they were asked for. `lag` is how many seconds a post takes to show in its
    author's timeline. `premium` lets the account write long posts and edit them for an hour. With the `rule` it may
    answer only who mentioned or quoted it, or answered it, and itself; with `prefixes` an answer begins with the name
    of whom it answers, as X may write it. `processing` is how many looks a film takes to be ready, and `alt_fails`
    refuses descriptions. Who has `vanished` can't be looked up, and of what is in `rubbish` no text is told. With
    `tolerance`, a request whose signature's time is so many seconds off is refused.

    `calls` holds every request, and `unsigned` those whose signature was wrong.
    """

    def __init__(
        self,
        *,
        clock: Hands | None = None,
        words: Words = Words.POST,
        premium: bool = False,
        account: str = "shop",
        whole: bool = True,
        login: Login | None = None,
    ) -> None:
        """Reserve a port; nothing listens yet."""
        super().__init__()
        self.clock = clock or _Wall()
        self.words = words
        self.premium = premium
        self.whole = whole
        self.lag = 0.0
        self.rule = True
        self.prefixes = False
        self.processing = 1
        self.processing_fails = False
        self.alt_fails = False
        self.tolerance: float | None = None
        self.login = login or Login()
        self.people: dict[str, Person] = {}
        self.me = self.person(account)
        self.tweets: dict[str, Tweet] = {}
        self.deleted: set[str] = set()
        self.replaced: set[str] = set()
        self.pictures: dict[str, Picture] = {}
        self.messages: list[Message] = []
        self.retweets: dict[str, str] = {}
        self.likes: set[str] = set()
        self.vanished: set[str] = set()
        self.rubbish: set[str] = set()
        self.calls: list[Call] = []
        self.committed: list[str] = []
        self._notary = Notary(self.login)
        self._last = 0

    # --- what people do --------------------------------------------------------------------------------------------

    def mention(self, text: str, *, from_: str = "kim", in_reply_to: str | None = None) -> Tweet:
        """Let somebody write to the account."""
        name = f"@{self.me.username}"
        body = text if name in text.split() else f"{name} {text}"
        return self.write(body, self.person(from_), reply_to=in_reply_to)

    def remark(self, text: str, *, from_: str = "kim", **how: Any) -> Tweet:
        """Let somebody write, but not to the account."""
        return self.write(text, self.person(from_), **how)

    def message(self, text: str, *, from_: str = "kim", kind: str = "MessageCreate") -> Message:
        """Let somebody send the account a direct message."""
        return self.tell(text, sender=self.person(from_).id, other=self.me.id, kind=kind)

    def edit(self, tweet: Tweet, text: str) -> Tweet:
        """Let a post be changed by its author: a new version with a new id."""
        edited = self.write(text, tweet.author, reply_to=tweet.reply_to, history=tweet.history, media=tweet.media)
        self.replaced.add(tweet.id)
        return edited

    def remove(self, identifier: str) -> None:
        """Let a post be deleted by its author."""
        self.deleted.add(identifier)
        self._watch.changed()

    # --- what a judge asks -----------------------------------------------------------------------------------------

    @property
    def own(self) -> list[Tweet]:
        """What the account has published and is to be seen now, oldest first."""
        return [tweet for tweet in self.living if tweet.author == self.me]

    @property
    def living(self) -> list[Tweet]:
        """All posts that are to be seen now, oldest first: of an edited one the last version."""
        gone = self.deleted | self.replaced
        return [tweet for identifier, tweet in self.tweets.items() if identifier not in gone]

    @property
    def texts(self) -> list[str]:
        """All texts that the account has published so far, in order of arrival, deleted ones too."""
        return [self.tweets[identifier].text for identifier in self.committed]

    @property
    def unsigned(self) -> list[Call]:
        """The requests whose signature was wrong."""
        return [call for call in self.calls if call.objection]

    def audit(self, expected: Iterable[str]) -> Verdict:
        """Say which of the `expected` texts were lost, doubled or out of order."""
        return judge(self.texts, expected)

    def asked(self, path: str, method: str = "GET") -> list[Call]:
        """Return the requests for a path so far."""
        return [call for call in self.calls if (call.method, call.path) == (method, path)]

    async def has_committed(self, count: int, *, patience: float = PATIENCE) -> None:
        """Wait until `count` posts have been published since the start."""
        await self._watch.until(
            lambda: len(self.committed) >= count,
            timeout=patience,
            otherwise=lambda: f"{len(self.committed)} posts were published, not {count}: {self.texts[-5:]}",
        )

    async def has_seen(self, count: int, *, patience: float = PATIENCE) -> None:
        """Wait until `count` attempts to post have arrived since the start, whatever became of them."""
        await self._watch.until(
            lambda: sum(call.posts for call in self.calls) >= count,
            timeout=patience,
            otherwise=lambda: f"{sum(call.posts for call in self.calls)} attempts to post arrived, not {count}",
        )

    async def is_asked(self, path: str, times: int = 1, *, patience: float = PATIENCE) -> None:
        """Wait until a path was asked for so often since the start."""
        await self._watch.until(
            lambda: len(self.asked(path)) >= times,
            timeout=patience,
            otherwise=lambda: f"{path} was asked for {len(self.asked(path))} times, not {times}",
        )

    # --- what the routes ask of the stub ---------------------------------------------------------------------------

    def person(self, username: str) -> Person:
        """Return somebody by name; whoever isn't there yet joins now."""
        if username not in self.people:
            identifier = str(1001 + len(self.people))
            self.people[username] = Person(id=identifier, username=username, name=username.title())
        return self.people[username]

    def next_id(self) -> str:
        """Return an id that nothing has: of now, and above all others."""
        identifier = snowflake(self.clock.now(), self._last)
        self._last = int(identifier)
        return identifier

    def write(self, text: str, author: Person, *, history: tuple[str, ...] = (), **how: Any) -> Tweet:
        """Let somebody publish."""
        now, identifier = self.clock.now(), self.next_id()
        parent = self.tweets.get(how.get("reply_to") or "")
        tweet = Tweet(
            id=identifier,
            text=tidy(text),
            author=author,
            at=now,
            reply_to_user=parent.author.id if parent else None,
            root=(parent.root or parent.id) if parent else "",
            history=(*history, identifier),
            shown_from=now + timedelta(seconds=self.lag),
            **how,
        )
        self.tweets[identifier] = tweet
        if author == self.me:
            self.committed.append(identifier)
        self._watch.changed()
        return tweet

    def tell(self, text: str, *, sender: str, other: str, kind: str = "MessageCreate") -> Message:
        """Let somebody send a direct message."""
        message = Message(id=self.next_id(), text=text, sender=sender, other=other, at=self.clock.now(), kind=kind)
        self.messages.append(message)
        self._watch.changed()
        return message

    # --- the server ------------------------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        call = await x_calls.read(request, len(self.calls) + 1)
        objection = self._notary.objection(request, call.plain) or x_calls.stale(call, self.clock.now(), self.tolerance)
        call = dataclasses.replace(call, objection=objection)
        self.calls.append(call)
        self._watch.changed()
        fault = self._fault(call)

        def answer() -> web.Response:
            return self._answer(call)

        reply = answer() if fault is None else await self._misbehave(fault, request, answer)
        shift = fault.shift if isinstance(fault, x_faults.Answer) else 0.0
        reply.headers["Date"] = f"{self.clock.now() + timedelta(seconds=shift):%a, %d %b %Y %H:%M:%S} GMT"
        return reply

    def _answer(self, call: Call) -> web.Response:
        if call.objection:
            return x_api.failure(401, "Unauthorized")
        return x_api.route(self, call)

    def _failed(self, fault: Fault) -> web.Response:
        if isinstance(fault, x_faults.Answer):
            return web.Response(
                status=fault.status, text=fault.body, content_type=fault.content_type, headers=dict(fault.headers)
            )
        return x_api.failure(fault.status, fault.error, headers=fault.headers)
