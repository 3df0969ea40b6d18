"""What the parts of the suite share: the fixtures, the steps that tests take, and an ear to listen with."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, ClassVar, Final, Protocol, Self, TypeVar

import pytest
import pytest_asyncio

from bridge.plugin import Cursor, Item, Key, Plugin, PluginError, Post, Posted, PostId
from bridge.testing.clock import FakeClock
from bridge.testing.harness import Harness, Shown, Trouble
from bridge.testing.keep import MemoryKeep

DOUBTFUL: Final = (Trouble.BROKEN, Trouble.GARBLED, Trouble.LOST)
"""The deed is done, and the plugin can't know."""

LATER: Final = 3600.0
"""Seconds after which nothing that was given up may still be at work."""

T = TypeVar("T")
_NEEDS: Final = "__needs__"


class Thing(Protocol):
    """Whatever a listener yields: its cursor is the position after it."""

    @property
    def cursor(self) -> Cursor:
        """The position."""
        ...


def needs(*abilities: type) -> Callable[[T], T]:
    """Mark a part of the suite, or one test, as for plugins with these abilities."""

    def mark(part: T) -> T:
        setattr(part, _NEEDS, abilities)
        return part

    return mark


def needed(part: object) -> tuple[type, ...]:
    """Return the abilities that `needs` asked for on just this class or function."""
    return getattr(part, "__dict__", {}).get(_NEEDS, ())


class Contract:
    """What every part has: the plugin under test, a clock that stands still, and patience."""

    plugin_class: ClassVar[type[Plugin[Any]]]

    patience: ClassVar[float] = 20.0
    """Real seconds that anything may take before it counts as hanging."""

    pytestmark = pytest.mark.asyncio

    @pytest.fixture
    def clock(self) -> FakeClock:
        """The plugin's clock, and the platform's if it can be helped."""
        return FakeClock()

    @pytest.fixture
    def keep(self) -> MemoryKeep:
        """What the account remembers, from one instance to the next."""
        return MemoryKeep()

    @pytest.fixture
    def make(self, harness: Harness, keep: MemoryKeep, clock: FakeClock) -> Callable[[], Any]:
        """Make a new instance of the plugin for the one account, not entered."""
        made = self.plugin_class
        return lambda: made(made.Settings.model_validate(harness.settings()), keep, clock)

    @pytest_asyncio.fixture
    async def plugin(self, make: Callable[[], Any]) -> AsyncIterator[Any]:
        """The plugin, entered."""
        async with make() as plugin:
            yield plugin

    async def soon(self, awaitable: Awaitable[T]) -> T:
        """Await what needs no time of the clock's; a call that waits for it, say to try again by itself, fails here."""
        async with asyncio.timeout(self.patience):
            return await awaitable

    async def ends(self, task: asyncio.Task[Any]) -> None:
        """Wait for a task to end, whatever it comes to."""
        await asyncio.wait({task}, timeout=self.patience)
        assert task.done(), "it goes on, though it was cancelled or its plugin was left"

    async def give_up(self, call: Awaitable[object], harness: Harness) -> None:
        """Begin a call, and cancel it while its request hangs; what comes later goes well."""
        await meet(harness, Trouble.HANGS)
        task = asyncio.ensure_future(call)
        waiting = asyncio.ensure_future(harness.hanging())
        await asyncio.wait({task, waiting}, timeout=self.patience, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        assert not task.done(), f"it ended before its answer came: {task!r}"
        assert waiting.done(), "no request hangs"
        task.cancel()
        await self.ends(task)
        assert task.cancelled(), f"it was cancelled, and came to {task!r}"
        await harness.trouble(None)

    async def outcome(self, call: Awaitable[object]) -> PluginError | None:
        """Return the error that a call ends with, or None where it went well; any other exception is a bug."""
        try:
            await self.soon(call)
        except PluginError as error:
            return error
        return None

    def ear(self, things: AsyncGenerator[Any], harness: Harness, clock: FakeClock) -> Ear:
        """Listen as the bridge does."""
        return Ear(things, clock, harness.poll, self.patience)


async def meet(harness: Harness, kind: Trouble) -> None:
    """Let all requests meet a trouble from now on; skips the test where the harness can't make it."""
    if kind in harness.cannot:
        pytest.skip(f"{kind.name}: {harness.cannot[kind]}")
    await harness.trouble(kind)


async def texts(harness: Harness) -> list[str]:
    """Return the texts that are to be seen, oldest first."""
    return [shown.text for shown in await harness.published()]


async def only(harness: Harness) -> Shown:
    """Return the one post that is to be seen."""
    shown = await harness.published()
    assert len(shown) == 1, f"there is not one post, but {[one.text for one in shown]}"
    return shown[0]


def key(clock: FakeClock, name: str = "one") -> Key:
    """Return the key of one delivery, as random and as long as the bridge's are."""
    return Key(token=f"{name:0<32}", minted_at=clock.now())


def post(text: str = "hello") -> Post:
    """Return a post that says nothing but its text."""
    return Post(text=text)


def stored(posted: Posted) -> Posted:
    """Return what a platform answered as the store gives it back."""
    assert isinstance(posted, Posted), f"{posted!r} is no Posted"
    memo: dict[str, str] = json.loads(json.dumps(dict(posted.memo)))
    assert all(isinstance(text, str) for text in memo.values()), f"the memo holds more than texts: {memo}"
    return Posted(id=PostId(str(posted.id)), url=posted.url, memo=memo)


class Ear:
    """A listener as the bridge has one: a task of its own, which closes what it reads when it is cancelled.

    Kinds of things that it doesn't know are positions to it, as every thing is.
    """

    def __init__(self, things: AsyncGenerator[Any], clock: FakeClock, poll: float | None, patience: float) -> None:
        """Take what is to be read; `poll` is after how many seconds of the clock it looks again."""
        self._things = things
        self._clock = clock
        self._poll = poll
        self._patience = patience
        self._heard: deque[Thing] = deque()
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Begin to listen."""
        self._pump = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop, and see that it stops."""
        self._pump.cancel()
        await asyncio.wait({self._pump}, timeout=self._patience)
        assert self._pump.done(), "the listener can't be closed"
        if not self._pump.cancelled() and not isinstance(self._pump.exception(), PluginError | None):
            self._pump.result()

    @property
    def task(self) -> asyncio.Task[None]:
        """What listens: it ends with the listener's error."""
        return self._pump

    async def next(self) -> Thing:
        """Return the next thing, letting time pass where the plugin sleeps; raises what the listener raises."""
        async with asyncio.timeout(self._patience):
            while not self._heard:
                if self._pump.done():
                    self._pump.result()
                    raise AssertionError("the listener ended, and should go on for ever")
                await self._pass_time()
            thing = self._heard.popleft()
        assert isinstance(thing.cursor, str), f"the cursor of {thing!r} is no text"
        assert thing.cursor, f"the cursor of {thing!r} is empty"
        return thing

    async def item(self) -> Item:
        """Return the next thing that is an item, passing over the others."""
        while not isinstance(thing := await self.next(), Item):
            pass
        return thing

    async def until(self, text: str) -> list[Item]:
        """Return the next items up to the one with that text."""
        heard = [await self.item()]
        while heard[-1].text != text:
            heard.append(await self.item())
        return heard

    async def _run(self) -> None:
        async with aclosing(self._things) as things:
            async for thing in things:
                self._heard.append(thing)
                self._news.set()

    async def _pass_time(self) -> None:
        """Wait until something was heard, the listener has ended, or it has slept until its next look."""
        self._news.clear()
        arrived = asyncio.ensure_future(self._news.wait())
        waiting: set[asyncio.Future[Any]] = {arrived, self._pump}
        if self._poll is not None:
            waiting.add(asyncio.ensure_future(self._clock.wait_for_wait(self._poll)))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if self._poll is not None and not self._heard and not self._pump.done():
                await self._clock.advance(self._poll)
        finally:
            for future in waiting - {self._pump}:
                future.cancel()
