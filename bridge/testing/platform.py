"""A platform in memory: it does what it is told, goes wrong as it is told, and remembers everything.

    platform = FakePlatform(FakeClock())
    platform.will("post", Fate(after=UncertainError("the answer got lost")))
    plugin = FullFakePlugin(FakeSettings(platform=platform), keep, platform.clock)

The platform outlives its plugins, as a real one does: after a restart, enter a new plugin for the same platform.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeVar

from bridge.plugin import (
    Author,
    Clock,
    Cursor,
    Deleted,
    Edited,
    Heard,
    Item,
    Key,
    Limits,
    Money,
    Post,
    Posted,
    PostId,
    Profile,
    Ref,
    RefusedError,
    Seen,
    Spending,
    UnavailableError,
    UncertainError,
    graphemes,
)
from bridge.testing.fates import Call, Fate, Published, Verb

__all__ = ["FakePlatform"]

T = TypeVar("T")
H = TypeVar("H", bound=Heard)

_PATIENCE: Final = 60.0


class FakePlatform:
    """What one account's platform knows, and how its next calls go; used from one event loop.

    A key is honoured for `limits.key_lifetime` after its first post (zero: never). With `findable` false it can be
    searched, but the search can't be relied on. `overlap` is how many known items a listener hears again, `price` what
    each post costs. `items` is what was said to the account, `elsewhere` what was said to others, which only a search
    for a word hears. `hung` is set as soon as a call hangs.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        limits: Limits | None = None,
        findable: bool = True,
        overlap: int = 0,
        price: Money | None = None,
        address: str = "https://platform.example",
    ) -> None:
        """Begin with nothing published, and everything going well."""
        self.clock = clock
        self.limits = limits or Limits(text=500, key_lifetime=timedelta(hours=1))
        self.findable = findable
        self.overlap = overlap
        self.price = price
        self.address = address
        self.calls: list[Call] = []
        self.deleted: list[PostId] = []
        self.heard: list[Heard] = []
        self.elsewhere: list[Heard] = []
        self.repeated: list[PostId] = []
        self.favoured: list[PostId] = []
        self.entered = 0
        self.left = 0
        self._published: list[Published] = []
        self._ages: list[PostId] = []
        self._late: list[tuple[datetime, Callable[[], object]]] = []
        self._fates: defaultdict[Verb, deque[Fate]] = defaultdict(deque)
        self._usual: dict[Verb, Fate] = {}
        self.hung = asyncio.Event()
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

    def hear(self, *things: Heard) -> None:
        """Have things said to the account, changed, or taken back; each gets its cursor from its place."""
        for thing in things:
            self._put(self.heard, thing)

    def say(self, text: str, *, who: str = "kim", **values: Any) -> Item:
        """Have somebody say something to the account; `values` are further fields of the `Item`."""
        return self._put(self.heard, self._said(f"i{len(self.heard) + 1}", text, who, values))

    def say_elsewhere(self, text: str, *, who: str = "kim", **values: Any) -> Item:
        """Have somebody say something, but not to the account."""
        return self._put(self.elsewhere, self._said(f"e{len(self.elsewhere) + 1}", text, who, values))

    def change(self, item: Item, text: str, **values: Any) -> Item:
        """Have its author edit what was said; returns it as it is now."""
        edited = replace(item, text=text, **values)
        self.hear(Edited(item=edited))
        return edited

    def take_back(self, item: Item) -> None:
        """Have its author delete what was said."""
        self.hear(Deleted(id=item.id, cursor=Cursor("")))

    @property
    def items(self) -> list[Item]:
        """All that was ever said to the account, in order and as it was said."""
        return _items(self.heard)

    def break_listening(self, error: BaseException) -> None:
        """Have every listener fail that listens now."""
        self._breaks += 1
        self._broken = error
        self.wake()

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

    async def edit(self, posted: Posted, post: Post, key: Key) -> Posted:
        """Put another content in place of a post's; raises RefusedError where it isn't there."""
        call = Call(verb="edit", at=self.clock.now(), key=key.token, post=post, target=posted.id)
        return await self._go("edit", lambda: self._edit(posted.id, post).posted, call)

    async def delete(self, posted: Posted) -> None:
        """Delete; what is not there is deleted already."""
        call = Call(verb="delete", at=self.clock.now(), target=posted.id)
        await self._go("delete", lambda: self._delete(posted.id), call)

    async def find(self, post: Post, key: Key, since: datetime, known: AbstractSet[PostId]) -> Posted | None:
        """Look for a post by its text; raises UncertainError where the search can't be relied on."""
        call = Call(verb="find", at=self.clock.now(), key=key.token, post=post, since=since, known=frozenset(known))
        return await self._go("find", lambda: self._find(post, since, known), call)

    def listen(self, since: Cursor | None, *, left: asyncio.Event | None = None) -> AsyncGenerator[Heard]:
        """Yield what was said after the cursor, then what is said from now on.

        Raises UnavailableError at the first `wake` after `left` was set.
        """
        return self._follow("items", self.heard, since, left=left)

    def match(self, query: str, since: Cursor | None, *, left: asyncio.Event | None = None) -> AsyncGenerator[Heard]:
        """Yield what was said elsewhere with a word in it, as `listen` does."""
        return self._follow("matches", self.elsewhere, since, query=query, left=left)

    def wake(self) -> None:
        """Have every listener look again."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    def spending(self) -> Spending:
        """Return what all that was published has cost, whenever that was."""
        each = self.price or Money(amount=Decimal(0), currency="USD")
        spent = Money(amount=each.amount * len(self._published), currency=each.currency)
        return Spending(today=spent, month=spent)

    async def repeat(self, item: Ref, key: Key) -> Posted:
        """Repeat another's post, once."""
        call = Call(verb="repeat", at=self.clock.now(), key=key.token, target=item.id)
        return await self._go("repeat", lambda: self._repeat(item.id), call)

    async def favour(self, item: Ref) -> None:
        """Mark another's post, once."""
        call = Call(verb="favour", at=self.clock.now(), target=item.id)
        await self._go("favour", lambda: self._favour(item.id), call)

    async def thread(self, item: Ref) -> tuple[Item, ...]:
        """Return the conversation around a post, oldest first; raises RefusedError where it isn't there."""
        call = Call(verb="thread", at=self.clock.now(), target=item.id)
        return await self._go("thread", lambda: self._thread(item.id), call)

    async def profile(self, who: Author | str) -> Profile:
        """Return who somebody is that has spoken; raises RefusedError for anybody else."""
        call = Call(verb="profile", at=self.clock.now())
        return await self._go("profile", lambda: self._profile(who), call)

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
        self.hung.set()
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
        if graphemes(post.text) > self.limits.text or len(post.media) > self.limits.media:
            raise RefusedError("that is more than fits")
        number = PostId(f"p{len(self._published) + 1}")
        made = Published(id=number, key=key, post=post, at=now, url=f"{self.address}/{number}")
        self._published.append(made)
        self._ages.append(number)
        return made

    def _edit(self, target: PostId, post: Post) -> Published:
        for place, one in enumerate(self._published):
            if one.id == target and target not in self.deleted:
                self._published[place] = replace(one, post=post)
                return self._published[place]
        raise RefusedError("what was to be edited isn't there")

    def _delete(self, target: PostId) -> None:
        self.repeated = [one for one in self.repeated if _repetition(one) != target]
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

    def _repeat(self, target: PostId) -> Posted:
        self._favour(target, self.repeated)
        return Posted(id=_repetition(target), url=f"{self.address}/{target}")

    def _favour(self, target: PostId, marked: list[PostId] | None = None) -> None:
        marks = self.favoured if marked is None else marked
        if all(target != item.id for item in (*self.items, *_items(self.elsewhere))):
            raise RefusedError("there is no such post")
        if target not in marks:
            marks.append(target)

    def _thread(self, target: PostId) -> tuple[Item, ...]:
        there = {item.id: item for item in (*self.items, *_items(self.elsewhere), *map(self._as_item, self._published))}
        for gone in self.deleted:
            del there[gone]
        if target not in there:
            raise RefusedError("there is no such post")
        root = target
        while (parent := there[root].in_reply_to) is not None and parent in there:
            root = parent
        found = [root]
        for one in found:
            found += [other.id for other in there.values() if other.in_reply_to == one]
        return tuple(there[one] for one in sorted(found, key=self._ages.index))

    def _profile(self, who: Author | str) -> Profile:
        handle = who.handle if isinstance(who, Author) else who.removeprefix("@")
        for item in (*self.items, *_items(self.elsewhere)):
            if item.author.handle == handle:
                return Profile(author=item.author, about=f"I am {item.author.id}")
        raise RefusedError("there is no such account")

    def _as_item(self, one: Published) -> Item:
        own = Author(id="shop", handle="shop@platform.example")
        parent = one.post.in_reply_to.id if one.post.in_reply_to else None
        return Item(id=one.id, author=own, text=one.post.text, created_at=one.at, cursor=Cursor(""), in_reply_to=parent)

    async def _follow(
        self, verb: Verb, said: list[Heard], since: Cursor | None, *, query: str = "", left: asyncio.Event | None
    ) -> AsyncGenerator[Heard]:
        breaks = self._breaks
        try:
            await self.clock.within(_PATIENCE, self._go(verb, lambda: None))
        except TimeoutError:
            raise UnavailableError("no answer to a listener") from None
        at = len(said) if since is None else max(0, int(since) - self.overlap)
        if since is None:
            yield Seen(cursor=Cursor(str(at)))
        while True:
            if breaks != self._breaks:
                raise self._broken
            if left is not None and left.is_set():
                raise UnavailableError("the plugin was left")
            if at == len(said):
                await self._news.wait()
                continue
            at += 1
            thing = said[at - 1]
            if not isinstance(thing, Item) or query in thing.text:
                yield thing

    def _said(self, identifier: str, text: str, who: str, values: dict[str, Any]) -> Item:
        made = Item(
            id=PostId(identifier),
            author=Author(id=who, handle=f"{who}@platform.example"),
            text=text,
            created_at=self.clock.now(),
            cursor=Cursor(""),
            answer_prefix=f"@{who}@platform.example",
        )
        return replace(made, **values)

    def _put(self, said: list[Heard], thing: H) -> H:
        """Add a thing with the cursor of its place, and return it so."""
        cursor = Cursor(str(len(said) + 1))
        if isinstance(thing, Edited):
            placed = replace(thing, item=replace(thing.item, cursor=cursor))
        else:
            placed = replace(thing, cursor=cursor)
        said.append(placed)
        if isinstance(placed, Item):
            self._ages.append(placed.id)
        self.wake()
        return placed


def _items(said: Sequence[Heard]) -> list[Item]:
    return [thing for thing in said if isinstance(thing, Item)]


def _repetition(target: PostId) -> PostId:
    return PostId(f"r{target}")
