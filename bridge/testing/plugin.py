"""A platform in memory and its plugin: it does what it is told, goes wrong as it is told, and remembers everything.

    platform = FakePlatform(FakeClock())
    platform.will("post", Fate(after=UncertainError("the answer got lost")))
    plugin = FullFakePlugin(FakeSettings(platform=platform), keep, platform.clock)

The platform outlives its plugins, as a real one does: after a restart, enter a new plugin for the same platform.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, Self, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict

from bridge.plugin import (
    Author,
    Clock,
    Cursor,
    Deletes,
    Finds,
    Item,
    Key,
    Limits,
    Listens,
    Plugin,
    Post,
    Posted,
    PostId,
    Seen,
    UncertainError,
)

__all__ = [
    "Call",
    "DeletingFakePlugin",
    "FakePlatform",
    "FakePlugin",
    "FakeSettings",
    "Fate",
    "FindingFakePlugin",
    "FullFakePlugin",
    "ListeningFakePlugin",
    "Published",
]

Verb: TypeAlias = Literal["enter", "post", "delete", "find", "items"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """How one call goes; by default well.

    In this order: it takes `pause` seconds; with `hangs="before"` it waits for `release`; `before` is raised, and
    nothing is done; the deed is done; with `hangs="after"` it waits for `release`; `after` is raised, though it is
    done.

    With `late` nobody ever answers, and the platform does the deed so many seconds after the call began, whatever
    became of the caller. A `stubborn` call doesn't heed that it is cancelled while it hangs.
    """

    pause: float = 0.0
    hangs: Literal["before", "after"] | None = None
    before: BaseException | None = None
    after: BaseException | None = None
    late: float | None = None
    stubborn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that reached the platform; `target` is what was to be deleted, `since` from when on it was to look."""

    verb: Verb
    at: datetime
    key: str | None = None
    post: Post | None = None
    target: PostId | None = None
    since: datetime | None = None
    known: frozenset[PostId] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A post that is, or was, to be seen on the platform."""

    id: PostId
    key: str
    post: Post
    at: datetime
    url: str

    @property
    def posted(self) -> Posted:
        """What the platform answers for it."""
        return Posted(id=self.id, url=self.url, memo={"key": self.key})


class FakePlatform:
    """What one account's platform knows, and how its next calls go; used from one event loop.

    A key is honoured for `limits.key_lifetime` after its first post (zero: never). With `findable` false it can be
    searched, but the search can't be relied on. `overlap` is how many known items a listener hears again.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        limits: Limits | None = None,
        findable: bool = True,
        overlap: int = 0,
        address: str = "https://platform.example",
    ) -> None:
        """Begin with nothing published, and everything going well."""
        self.clock = clock
        self.limits = limits or Limits(text=500, key_lifetime=timedelta(hours=1))
        self.findable = findable
        self.overlap = overlap
        self.address = address
        self.calls: list[Call] = []
        self.deleted: list[PostId] = []
        self.items: list[Item] = []
        self.entered = 0
        self.left = 0
        self._published: list[Published] = []
        self._late: list[tuple[datetime, Callable[[], object]]] = []
        self._fates: defaultdict[Verb, deque[Fate]] = defaultdict(deque)
        self._usual: dict[Verb, Fate] = {}
        self._released = asyncio.Event()
        self._news = asyncio.Event()
        self._breaks = 0
        self._broken: BaseException = UncertainError("")

    # What a test says and asks.

    def will(self, verb: Verb, *fates: Fate) -> None:
        """Let the next calls of a verb go so, one after the other; then they go as always."""
        self._fates[verb].extend(fates)

    def always(self, verb: Verb, fate: Fate | None = None) -> None:
        """Let all calls of a verb go so from now on; without a fate, well."""
        self._usual[verb] = fate or Fate()

    def release(self) -> None:
        """Let everything that hangs now go on."""
        released, self._released = self._released, asyncio.Event()
        released.set()

    def hear(self, *items: Item) -> None:
        """Have things said to the account; each gets its cursor from its place."""
        for item in items:
            self.items.append(replace(item, cursor=Cursor(str(len(self.items) + 1))))
        self._tell()

    def say(self, text: str, *, who: str = "kim", **values: Any) -> Item:
        """Have somebody say something to the account; `values` are further fields of the `Item`."""
        made = Item(
            id=PostId(f"i{len(self.items) + 1}"),
            author=Author(id=who, handle=f"{who}@platform.example"),
            text=text,
            created_at=self.clock.now(),
            cursor=Cursor(""),
            answer_prefix=f"@{who}@platform.example",
        )
        self.hear(replace(made, **values))
        return self.items[-1]

    def break_listening(self, error: BaseException) -> None:
        """Have every listener fail that listens now."""
        self._breaks += 1
        self._broken = error
        self._tell()

    @property
    def published(self) -> list[Published]:
        """All that was ever published, in order, the deleted as well."""
        self._work()
        return self._published

    @property
    def visible(self) -> list[str]:
        """The texts that are to be seen now, in order."""
        return [one.post.text for one in self.published if one.id not in self.deleted]

    def count(self, verb: Verb) -> int:
        """Return how many calls of a verb there were."""
        return sum(call.verb == verb for call in self.calls)

    # What the plugins do.

    async def enter(self) -> Limits:
        """Let a plugin in, and tell it the limits."""
        await self._go("enter", lambda: None)
        self.entered += 1
        return self.limits

    async def post(self, post: Post, key: Key) -> Posted:
        """Publish, or for a key that is remembered say what was published."""
        call = Call(verb="post", at=self.clock.now(), key=key.token, post=post)
        return await self._go("post", lambda: self._publish(post, key.token).posted, call)

    async def delete(self, posted: Posted) -> None:
        """Delete; what is not there is deleted already."""
        call = Call(verb="delete", at=self.clock.now(), target=posted.id)
        await self._go("delete", lambda: self._delete(posted.id), call)

    async def find(self, post: Post, key: Key, since: datetime, known: AbstractSet[PostId]) -> Posted | None:
        """Look for a post by its text; raises UncertainError where the search can't be relied on."""
        call = Call(verb="find", at=self.clock.now(), key=key.token, post=post, since=since, known=frozenset(known))
        return await self._go("find", lambda: self._find(post, since, known), call)

    async def listen(self, since: Cursor | None) -> AsyncGenerator[Item | Seen]:
        """Yield what was said after the cursor, then what is said from now on."""
        breaks = self._breaks
        await self._go("items", lambda: None)
        at = len(self.items) if since is None else max(0, int(since) - self.overlap)
        if since is None:
            yield Seen(cursor=Cursor(str(at)))
        while True:
            if breaks != self._breaks:
                raise self._broken
            if at < len(self.items):
                at += 1
                yield self.items[at - 1]
            else:
                await self._news.wait()

    async def _go(self, verb: Verb, deed: Callable[[], T], call: Call | None = None) -> T:
        fates = self._fates[verb]
        fate = fates.popleft() if fates else self._usual.get(verb, Fate())
        self.calls.append(call or Call(verb=verb, at=self.clock.now()))
        if fate.late is not None:
            self._late.append((self.clock.now() + timedelta(seconds=fate.late), deed))
            await asyncio.get_running_loop().create_future()
        if fate.pause:
            await self.clock.sleep(fate.pause)
        if fate.hangs == "before":
            await self._hang(fate)
        if fate.before is not None:
            raise fate.before
        self._work()
        done = deed()
        if fate.hangs == "after":
            await self._hang(fate)
        if fate.after is not None:
            raise fate.after
        return done

    async def _hang(self, fate: Fate) -> None:
        released = self._released
        while True:
            try:
                await released.wait()
            except asyncio.CancelledError:
                if not fate.stubborn:
                    raise
            else:
                return

    def _work(self) -> None:
        """Do what the platform was late with."""
        now = self.clock.now()
        for entry in [one for one in self._late if one[0] <= now]:
            self._late.remove(entry)
            entry[1]()

    def _publish(self, post: Post, key: str) -> Published:
        now = self.clock.now()
        for one in self._published:
            if one.key == key and now - one.at < self.limits.key_lifetime:
                return one
        number = PostId(f"p{len(self._published) + 1}")
        made = Published(id=number, key=key, post=post, at=now, url=f"{self.address}/{number}")
        self._published.append(made)
        return made

    def _delete(self, target: PostId) -> None:
        if target not in self.deleted:
            self.deleted.append(target)

    def _find(self, post: Post, since: datetime, known: AbstractSet[PostId]) -> Posted | None:
        if not self.findable:
            raise UncertainError("the search can't be relied on", answered=True)
        for one in reversed(self._published):
            there = one.id not in self.deleted and one.id not in known
            if there and one.at >= since and one.post == post:
                return one.posted
        return None

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


class FakeSettings(BaseModel):
    """An account on a `FakePlatform`."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    platform: FakePlatform


class FakePlugin(Plugin[FakeSettings]):
    """A plugin that can only post; the classes below add an ability each, and can be put together."""

    Settings: ClassVar[type[BaseModel]] = FakeSettings

    async def __aenter__(self) -> Self:
        """Learn the platform's limits."""
        self.limits = await self.settings.platform.enter()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Have the platform count that it was left."""
        self.settings.platform.left += 1

    async def post(self, post: Post, key: Key) -> Posted:
        """Publish."""
        return await self.settings.platform.post(post, key)


class DeletingFakePlugin(FakePlugin, Deletes):
    """It can delete as well."""

    async def delete(self, posted: Posted) -> None:
        """Delete."""
        await self.settings.platform.delete(posted)


class FindingFakePlugin(FakePlugin, Finds):
    """It can look for lost posts as well."""

    async def find(self, post: Post, key: Key, since: datetime, known: AbstractSet[PostId]) -> Posted | None:
        """Look for a post."""
        return await self.settings.platform.find(post, key, since, known)


class ListeningFakePlugin(FakePlugin, Listens):
    """It hears what is said to the account as well."""

    def items(self, since: Cursor | None) -> AsyncGenerator[Item | Seen]:
        """Yield what is said."""
        return self.settings.platform.listen(since)


class FullFakePlugin(DeletingFakePlugin, FindingFakePlugin, ListeningFakePlugin):
    """It can do all of that."""
