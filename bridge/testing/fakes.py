"""Plugins for the platform in memory, one for each ability and some that put them together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict

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
    Money,
    Plugin,
    Post,
    Posted,
    PostId,
    Profile,
    Ref,
    Repeats,
    Shows,
    Spending,
    Spends,
    Tracks,
    UnavailableError,
    UncertainError,
)
from bridge.testing.platform import FakePlatform

__all__ = [
    "AbleFakePlugin",
    "DeletingFakePlugin",
    "EditingFakePlugin",
    "FakePlugin",
    "FakeSettings",
    "FindingFakePlugin",
    "FullFakePlugin",
    "ListeningFakePlugin",
    "SociableFakePlugin",
    "SpendingFakePlugin",
    "TrackingFakePlugin",
]

T = TypeVar("T")


class FakeSettings(BaseModel):
    """An account on a `FakePlatform`."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    platform: FakePlatform


class FakePlugin(Plugin[FakeSettings]):
    """A plugin that can only post; the classes below add abilities, and can be put together."""

    Settings: ClassVar[type[BaseModel]] = FakeSettings

    def __init__(self, settings: FakeSettings, keep: Keep, clock: Clock) -> None:
        """Take what the account needs."""
        super().__init__(settings, keep, clock)
        self.left = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Learn the platform's limits."""
        self.limits = await self.settings.platform.enter()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Have the platform count that it was left, and end what is under way."""
        self.settings.platform.left += 1
        self.left.set()
        self.settings.platform.wake()

    def cost(self, post: Post) -> Money | None:
        """Return the platform's price."""
        del post
        return self.settings.platform.price

    async def post(self, post: Post, key: Key) -> Posted:
        """Publish."""
        return await self.on_line(self.settings.platform.post(post, key))

    async def on_line(self, call: Coroutine[object, object, T]) -> T:
        """Make a call until it ends or the plugin is left; raises UncertainError then, UnavailableError later."""
        if self.left.is_set():
            call.close()
            raise UnavailableError("the plugin was left")
        task = asyncio.ensure_future(call)
        leaving = asyncio.ensure_future(self.left.wait())
        try:
            await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            if not task.cancel():
                raise
            return await task
        finally:
            leaving.cancel()
        if task.done():
            return task.result()
        task.cancel()
        await asyncio.wait({task})
        raise UncertainError("the plugin was left in the middle of a call")


class DeletingFakePlugin(FakePlugin, Deletes):
    """It can delete as well."""

    async def delete(self, posted: Posted) -> None:
        """Delete."""
        await self.on_line(self.settings.platform.delete(posted))


class FindingFakePlugin(FakePlugin, Finds):
    """It can look for lost posts as well."""

    async def find(self, post: Post, key: Key, since: datetime, known: AbstractSet[PostId]) -> Posted | None:
        """Look for a post."""
        return await self.on_line(self.settings.platform.find(post, key, since, known))


class ListeningFakePlugin(FakePlugin, Listens):
    """It hears what is said to the account as well."""

    def items(self, since: Cursor | None) -> AsyncGenerator[Heard]:
        """Yield what is said."""
        return self.settings.platform.listen(since, left=self.left)


class FullFakePlugin(DeletingFakePlugin, FindingFakePlugin, ListeningFakePlugin):
    """It can do all of that."""


class EditingFakePlugin(FakePlugin, Edits):
    """It can edit as well."""

    async def edit(self, posted: Posted, post: Post, key: Key) -> Posted:
        """Edit."""
        return await self.on_line(self.settings.platform.edit(posted, post, key))


class TrackingFakePlugin(FakePlugin, Tracks):
    """It hears as well who says a word, to whomever."""

    def matches(self, query: str, since: Cursor | None) -> AsyncGenerator[Heard]:
        """Yield what is said with the word in it."""
        return self.settings.platform.match(query, since, left=self.left)


class SociableFakePlugin(FakePlugin, Repeats, Favours, Shows):
    """It can repeat, mark and show what others said as well."""

    async def repeat(self, item: Ref, key: Key) -> Posted:
        """Repeat."""
        return await self.on_line(self.settings.platform.repeat(item, key))

    async def favour(self, item: Ref) -> None:
        """Mark as a favourite."""
        await self.on_line(self.settings.platform.favour(item))

    async def thread(self, item: Ref) -> tuple[Item, ...]:
        """Return the conversation."""
        return await self.on_line(self.settings.platform.thread(item))

    async def profile(self, who: Author | str) -> Profile:
        """Return what an account says about itself."""
        return await self.on_line(self.settings.platform.profile(who))


class SpendingFakePlugin(FakePlugin, Spends):
    """It counts what it spends as well."""

    def spending(self) -> Spending:
        """Return what the platform took."""
        return self.settings.platform.spending()


class AbleFakePlugin(FullFakePlugin, EditingFakePlugin, TrackingFakePlugin, SociableFakePlugin, SpendingFakePlugin):
    """It can do whatever the contract knows, but log in."""
