"""Mutants that break what is promised of listening."""

from __future__ import annotations

import asyncio
import html
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from bridge.plugin import (
    Cursor,
    Heard,
    Item,
    Key,
    PluginError,
    Post,
    Posted,
    UnavailableError,
)
from bridge.testing import AbleFakePlugin
from tests.unit.testing.mutation import caught_by

Things = AsyncGenerator[Heard]


def next_cursor(thing: Heard) -> Heard:
    return replace(thing, cursor=Cursor(str(int(thing.cursor) + 1))) if isinstance(thing, Item) else thing


@caught_by("test_it_goes_on_after_any_item")
class SkipsByItsCursor(AbleFakePlugin):
    async def items(self, since: Cursor | None) -> Things:
        async for thing in super().items(since):
            yield next_cursor(thing)


@caught_by("test_what_is_said_after_the_first_look_is_not_old")
class AlwaysBeginsAtNow(AbleFakePlugin):
    async def items(self, since: Cursor | None) -> Things:
        async for thing in super().items(None):
            yield thing


@caught_by("test_the_first_look_begins_at_now")
class TellsOldNews(AbleFakePlugin):
    async def items(self, since: Cursor | None) -> Things:
        async for thing in super().items(since or Cursor("0")):
            yield thing


@caught_by("test_the_first_look_begins_at_now")
class SaysNoFirstPosition(AbleFakePlugin):
    async def items(self, since: Cursor | None) -> Things:
        async for thing in super().items(since):
            if isinstance(thing, Item):
                yield thing


@caught_by("test_items_come_oldest_first")
class TellsTheNewestFirst(AbleFakePlugin):
    async def items(self, since: Cursor | None) -> Things:
        if since is not None:
            for item in reversed(self.settings.platform.items[int(since) :]):
                yield item
            since = Cursor(str(len(self.settings.platform.items)))
        async for thing in super().items(since):
            yield thing


@caught_by("test_own_posts_are_not_heard")
class HearsItself(AbleFakePlugin):
    async def post(self, post: Post, key: Key) -> Posted:
        posted = await super().post(post, key)
        self.settings.platform.say(post.text, who="shop")
        return posted


@caught_by("test_a_text_comes_as_it_was_said")
class LeavesMarkupInTheText(AbleFakePlugin):
    async def items(self, since: Cursor | None) -> Things:
        async for thing in super().items(since):
            yield replace(thing, text=html.escape(thing.text)) if isinstance(thing, Item) else thing


@caught_by("test_an_item_says_who_and_what_and_when")
class SaysTheTimeWithoutAZone(AbleFakePlugin):
    async def items(self, since: Cursor | None) -> Things:
        async for thing in super().items(since):
            yield replace(thing, created_at=thing.created_at.replace(tzinfo=None)) if isinstance(thing, Item) else thing


@caught_by("test_what_can_not_be_read_is_an_item_too")
class DropsWhatItCanNotRead(AbleFakePlugin):
    async def items(self, since: Cursor | None) -> Things:
        async for thing in super().items(since):
            if not isinstance(thing, Item) or thing.raw is None:
                yield thing


@caught_by("test_it_can_be_closed_while_it_listens")
class CanNotBeClosed(AbleFakePlugin):
    async def items(self, since: Cursor | None) -> Things:
        async for thing in super().items(since):
            yield thing
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            await asyncio.Event().wait()


@caught_by("test_it_can_be_closed_while_it_listens")
class SpoilsTheInstanceWhenClosed(AbleFakePlugin):
    async def items(self, since: Cursor | None) -> Things:
        try:
            async for thing in super().items(since):
                yield thing
        finally:
            self.left.set()


@caught_by("test_listening_keeps_nothing_from_being_posted")
class ListensAndPostsOnOneLine(AbleFakePlugin):
    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.line = asyncio.Lock()

    async def post(self, post: Post, key: Key) -> Posted:
        async with self.line:
            return await super().post(post, key)

    async def items(self, since: Cursor | None) -> Things:
        things = super().items(since)
        async with self.line:
            first = await anext(things)
        yield first
        async for thing in things:
            yield thing


@caught_by("test_a_request_that_hangs_is_given_up")
class WaitsForEverOnADeadLine(AbleFakePlugin):
    async def items(self, since: Cursor | None) -> Things:
        try:
            async for thing in super().items(since):
                yield thing
        except UnavailableError:
            if not self.left.is_set():
                await self.left.wait()
            raise


@caught_by("test_after_an_error_nothing_is_lost")
class EndsWithoutAWord(AbleFakePlugin):
    async def items(self, since: Cursor | None) -> Things:
        with suppress(PluginError):
            async for thing in super().items(since):
                yield thing


@caught_by("test_after_an_error_nothing_is_lost")
class ForgetsWhatCameBeforeTheError(AbleFakePlugin):
    broken = False

    async def items(self, since: Cursor | None) -> Things:
        try:
            async for thing in super().items(None if self.broken else since):
                yield thing
        except PluginError:
            type(self).broken = True
            raise


@caught_by("test_a_word_is_heard_from_now_on")
class HearsEveryWord(AbleFakePlugin):
    def matches(self, query: str, since: Cursor | None) -> Things:
        return super().matches("", since)
