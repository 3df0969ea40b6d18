"""Hearing what is said to the account: from now on, oldest first, each at least once, for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bridge.plugin import (
    Cursor,
    Item,
    Listens,
    PluginError,
    RefusedError,
    Seen,
    UnauthorizedError,
)
from bridge.testing.clock import FakeClock
from bridge.testing.contract.kit import LATER, Contract, Ear, key, meet, needs, post
from bridge.testing.contract.posting import NASTY
from bridge.testing.harness import CannotError, Harness, Trouble

Listen = Callable[..., Ear]


@needs(Listens)
class Listening(Contract):
    """What `items` promises. Things of a kind that the suite doesn't know are passed over, but for their cursor."""

    @pytest.fixture
    def listen(self, harness: Harness, clock: FakeClock) -> Listen:
        """Begin to listen with a plugin, from a cursor or from now."""

        def begin(plugin: Any, since: Cursor | None = None) -> Ear:
            return self.ear(plugin.items(since), harness, clock)

        return begin

    async def _now(self, plugin: Any, listen: Listen) -> Cursor:
        """Return the position of a very first look."""
        async with listen(plugin) as ear:
            return (await ear.next()).cursor

    async def test_the_first_look_begins_at_now(self, plugin: Any, harness: Harness, listen: Listen) -> None:
        """Nothing old, but a `Seen` with the position, and then what is said."""
        await harness.say("old")
        async with listen(plugin) as ear:
            assert type(await ear.next()) is Seen
            identifier = await harness.say("new")
            heard = await ear.item()
        assert (heard.id, heard.text) == (identifier, "new")

    async def test_what_is_said_after_the_first_look_is_not_old(
        self, plugin: Any, make: Callable[[], Any], harness: Harness, listen: Listen
    ) -> None:
        """Also where nobody had said anything before, and the bridge was restarted meanwhile."""
        since = await self._now(plugin, listen)
        await harness.say("between")
        async with make() as later, listen(later, since) as ear:
            assert [item.text for item in await ear.until("between")] == ["between"]

    async def test_an_item_says_who_and_what_and_when(self, plugin: Any, harness: Harness, listen: Listen) -> None:
        """Its author can be named, its time has a zone, it can be answered, and it was read."""
        since = await self._now(plugin, listen)
        await harness.say("are you open?", who="lee")
        async with listen(plugin, since) as ear:
            item = await ear.item()
        assert isinstance(item, Item)
        assert item.id
        assert item.author.id
        assert "lee" in item.author.handle
        assert not item.author.handle.startswith("@")
        assert item.created_at.tzinfo is not None
        assert item.raw is None
        assert (item.text, item.ref.id) == ("are you open?", item.id)
        assert all(isinstance(text, str) for pair in item.memo.items() for text in pair)

    @pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
    async def test_a_text_comes_as_it_was_said(self, plugin: Any, harness: Harness, listen: Listen, text: str) -> None:
        """Plain text, without markup or escapes; what isn't fit to be shown may be missing."""
        since = await self._now(plugin, listen)
        await harness.say(text)
        async with listen(plugin, since) as ear:
            heard = await ear.item()
        assert _plain(heard.text) == _plain(text)

    async def test_items_come_oldest_first(self, plugin: Any, harness: Harness, listen: Listen) -> None:
        """Whether they wait or come while somebody listens."""
        since = await self._now(plugin, listen)
        for text in ("first", "second"):
            await harness.say(text)
        async with listen(plugin, since) as ear:
            heard = await ear.until("second")
            for text in ("third", "fourth"):
                await harness.say(text)
            heard += await ear.until("fourth")
        assert list(dict.fromkeys(item.text for item in heard)) == ["first", "second", "third", "fourth"]

    async def test_it_goes_on_after_any_item(
        self, plugin: Any, make: Callable[[], Any], harness: Harness, listen: Listen
    ) -> None:
        """A cursor is the position after its item: nothing that follows is left out, by another instance either."""
        said = ["one", "two", "three", "four"]
        since = await self._now(plugin, listen)
        for text in said:
            await harness.say(text)
        async with listen(plugin, since) as ear:
            heard = await ear.until(said[-1])
        assert list(dict.fromkeys(item.text for item in heard)) == said
        for item in heard:
            rest = said[said.index(item.text) + 1 :]
            await harness.say(f"after {item.text}")
            said.append(f"after {item.text}")
            async with make() as later, listen(later, item.cursor) as ear:
                again = [thing.text for thing in await ear.until(said[-1])]
            assert [text for text in dict.fromkeys(again) if text in rest] == rest

    async def test_own_posts_are_not_heard(
        self, plugin: Any, harness: Harness, clock: FakeClock, listen: Listen
    ) -> None:
        """What the account itself says isn't told to the room as news."""
        since = await self._now(plugin, listen)
        await self.soon(plugin.post(post("our own"), key(clock)))
        await harness.say("another's")
        async with listen(plugin, since) as ear:
            assert [item.text for item in await ear.until("another's")] == ["another's"]

    async def test_what_can_not_be_read_is_an_item_too(self, plugin: Any, harness: Harness, listen: Listen) -> None:
        """It comes with its source and its link, and keeps nothing else from being heard."""
        since = await self._now(plugin, listen)
        try:
            link = await harness.say_unreadable()
        except CannotError as reason:
            pytest.skip(str(reason))
        await harness.say("readable")
        async with listen(plugin, since) as ear:
            broken, *_ = await ear.until("readable")
        assert broken.raw
        assert broken.url == link

    async def test_it_can_be_closed_while_it_listens(
        self, plugin: Any, harness: Harness, clock: FakeClock, listen: Listen
    ) -> None:
        """The bridge closes it when it is done, at any time; the instance works on, and can listen anew."""
        async with listen(plugin) as ear:
            since = (await ear.next()).cursor
        await self.soon(plugin.post(post(), key(clock)))
        await harness.say("later")
        async with listen(plugin, since) as ear:
            assert (await ear.until("later"))[-1].text == "later"

    async def test_leaving_ends_it(self, make: Callable[[], Any], clock: FakeClock, listen: Listen) -> None:
        """A listener doesn't outlive its plugin: at its next look at the latest it ends with a PluginError."""
        plugin = make()
        await plugin.__aenter__()
        async with listen(plugin) as ear:
            await ear.next()
            await clock.advance(0)
            await self.soon(plugin.__aexit__(None, None, None))
            await clock.advance(LATER)
            assert isinstance(await self._end(ear), PluginError)

    async def test_listening_keeps_nothing_from_being_posted(
        self, plugin: Any, harness: Harness, clock: FakeClock, listen: Listen
    ) -> None:
        """Also while a request of the listener hangs."""
        since = await self._now(plugin, listen)
        await meet(harness, Trouble.HANGS)
        async with listen(plugin, since):
            await self.soon(harness.hanging())
            await harness.trouble(None)
            await self.soon(plugin.post(post("meanwhile"), key(clock)))
        assert [shown.text for shown in await harness.published()] == ["meanwhile"]

    async def test_a_request_that_hangs_is_given_up(
        self, plugin: Any, harness: Harness, clock: FakeClock, listen: Listen
    ) -> None:
        """The bridge has no deadline for `items`: a listener that waits for ever on a dead line hears nothing more."""
        since = await self._now(plugin, listen)
        await meet(harness, Trouble.HANGS)
        async with listen(plugin, since) as ear:
            await self.soon(harness.hanging())
            await harness.trouble(None)
            await clock.advance(LATER)
            await harness.say("later")
            heard = await self._whatever_comes(plugin, listen, ear, since)
        assert "later" in heard

    @pytest.mark.parametrize(
        "kind", [kind for kind in Trouble if kind is not Trouble.HANGS], ids=lambda kind: kind.name
    )
    async def test_after_an_error_nothing_is_lost(
        self, plugin: Any, harness: Harness, listen: Listen, kind: Trouble
    ) -> None:
        """What it raises is a PluginError, and from the last position on everything is heard."""
        since = await self._now(plugin, listen)
        await harness.say("before")
        await meet(harness, kind)
        async with listen(plugin, since) as ear:
            asking = asyncio.ensure_future(ear.next())
            await asyncio.wait({asking, ear.task}, timeout=self.patience)
            asking.cancel()
            error = await self._end(ear)
        if kind is Trouble.UNAUTHORIZED:
            assert isinstance(error, UnauthorizedError | RefusedError)
        assert isinstance(error, PluginError)
        await harness.trouble(None)
        await harness.say("after")
        async with listen(plugin, since) as ear:
            heard = [item.text for item in await ear.until("after")]
        assert list(dict.fromkeys(heard)) == ["before", "after"]

    async def _end(self, ear: Ear) -> BaseException | None:
        await asyncio.wait({ear.task}, timeout=self.patience)
        assert ear.task.done(), "it neither hears anything nor says that it can't"
        return ear.task.exception()

    async def _whatever_comes(self, plugin: Any, listen: Listen, ear: Ear, since: Cursor) -> list[str]:
        """Return what the listener hears, or where it ended with a PluginError, what the next one hears."""
        try:
            return [item.text for item in await ear.until("later")]
        except PluginError:
            async with listen(plugin, since) as again:
                return [item.text for item in await again.until("later")]


def _plain(text: str) -> str:
    """Return a text without what may be taken from it before it is shown, and with single spaces."""
    return " ".join("".join(sign for sign in text if sign.isprintable() or sign.isspace()).split())
