"""What can be done with others' posts: repeat them, mark them, read the conversation around them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bridge.plugin import (
    Deletes,
    Favours,
    Item,
    Listens,
    PluginError,
    PostId,
    Profile,
    Ref,
    RefusedError,
    Repeats,
    Shows,
    UnauthorizedError,
    UnavailableError,
    UncertainError,
)
from bridge.testing.clock import FakeClock
from bridge.testing.contract.kit import DOUBTFUL, Contract, key, meet, needs, post, stored
from bridge.testing.harness import Harness, Trouble

Said = Callable[[str], Awaitable[Ref]]

_ERRORS = {
    Trouble.REFUSED: RefusedError,
    Trouble.UNAUTHORIZED: UnauthorizedError,
    Trouble.LIMITED: UnavailableError,
}
_FAILING = pytest.mark.parametrize(("kind", "error"), _ERRORS.items(), ids=lambda value: getattr(value, "name", ""))
_IN_DOUBT = pytest.mark.parametrize("kind", DOUBTFUL, ids=lambda kind: kind.name)


class Others(Contract):
    """What these parts have in common: something that somebody said."""

    @pytest.fixture
    def said(self, plugin: Any, harness: Harness, clock: FakeClock) -> Said:
        """Have something said, and return what a plugin that listens would make of it."""

        async def say(text: str) -> Ref:
            if not isinstance(plugin, Listens):
                return Ref(id=await harness.say(text))
            async with self.ear(plugin.items(None), harness, clock) as ear:
                await ear.next()
                await harness.say(text)
                return (await ear.until(text))[-1].ref

        return say


@needs(Repeats)
class Repeating(Others):
    """What `repeat` promises."""

    async def test_a_post_is_repeated_once(self, plugin: Any, harness: Harness, clock: FakeClock, said: Said) -> None:
        """By the same key twice it is still once, and the answer can be stored."""
        item = await said("worth repeating")
        await said("not that one")
        first = stored(await self.soon(plugin.repeat(item, key(clock))))
        again = stored(await self.soon(plugin.repeat(item, key(clock))))
        assert first.id == again.id
        assert list(await harness.repeated()) == [item.id]
        assert await harness.published() == []

    @needs(Deletes)
    async def test_what_was_repeated_can_be_taken_back(
        self, plugin: Any, harness: Harness, clock: FakeClock, said: Said
    ) -> None:
        """The repetition alone, since what it repeats isn't ours; twice is harmless."""
        item = await said("worth repeating")
        mine = stored(await self.soon(plugin.post(post("mine"), key(clock, "mine"))))
        posted = stored(await self.soon(plugin.repeat(item, key(clock, "two"))))
        assert list(await harness.repeated()) == [item.id]
        for _ in range(2):
            await self.soon(plugin.delete(posted))
            assert list(await harness.repeated()) == []
        assert [shown.id for shown in await harness.published()] == [mine.id]

    @_FAILING
    async def test_a_repetition_that_fails_says_how(
        self, plugin: Any, harness: Harness, clock: FakeClock, said: Said, kind: Trouble, error: type[PluginError]
    ) -> None:
        """The error is what it is for a post, and nothing was repeated."""
        item = await said("worth repeating")
        await meet(harness, kind)
        assert type(await self.outcome(plugin.repeat(item, key(clock)))) is error
        assert list(await harness.repeated()) == []

    @_IN_DOUBT
    async def test_a_repetition_in_doubt_is_made_once(
        self, plugin: Any, harness: Harness, clock: FakeClock, said: Said, kind: Trouble
    ) -> None:
        """UncertainError, and by the same key it is still once."""
        item = await said("worth repeating")
        await meet(harness, kind)
        assert type(await self.outcome(plugin.repeat(item, key(clock)))) is UncertainError
        await harness.trouble(None)
        await self.soon(plugin.repeat(item, key(clock)))
        assert list(await harness.repeated()) == [item.id]


@needs(Favours)
class Favouring(Others):
    """What `favour` promises."""

    async def test_a_post_is_marked(self, plugin: Any, harness: Harness, said: Said) -> None:
        """Twice is harmless, and no other is."""
        item = await said("well said")
        await said("not that one")
        await self.soon(plugin.favour(item))
        await self.soon(plugin.favour(item))
        assert set(await harness.favoured()) == {item.id}

    @_FAILING
    async def test_a_mark_that_fails_says_how(
        self, plugin: Any, harness: Harness, said: Said, kind: Trouble, error: type[PluginError]
    ) -> None:
        """The error is what it is for a post, and nothing was marked."""
        item = await said("well said")
        await meet(harness, kind)
        assert type(await self.outcome(plugin.favour(item))) is error
        assert list(await harness.favoured()) == []

    @_IN_DOUBT
    async def test_a_mark_in_doubt_can_be_made_again(
        self, plugin: Any, harness: Harness, said: Said, kind: Trouble
    ) -> None:
        """It isn't called refused though it was made."""
        item = await said("well said")
        await meet(harness, kind)
        error = await self.outcome(plugin.favour(item))
        assert error is None or isinstance(error, UncertainError | UnavailableError)
        await harness.trouble(None)
        await self.soon(plugin.favour(item))
        assert set(await harness.favoured()) == {item.id}


@needs(Shows)
class Showing(Others):
    """What `thread` and `profile` promise."""

    async def _conversation(self, harness: Harness) -> list[PostId]:
        first = await harness.say("first")
        second = await harness.say("second", who="lee", in_reply_to=first)
        await harness.say("another conversation")
        third = await harness.say("third", in_reply_to=second)
        return [first, second, third]

    @pytest.mark.parametrize("place", range(3))
    async def test_a_conversation_is_shown_oldest_first(self, plugin: Any, harness: Harness, place: int) -> None:
        """All of it, with itself, from whichever post one asks."""
        posts = await self._conversation(harness)
        thread: tuple[Item, ...] = await self.soon(plugin.thread(Ref(id=posts[place])))
        assert type(thread) is tuple
        assert [(item.id, item.text) for item in thread] == list(zip(posts, ("first", "second", "third"), strict=True))
        assert [item.in_reply_to for item in thread] == [None, *posts[:2]]
        assert all(item.author.handle and not item.author.handle.startswith("@") for item in thread)

    @pytest.mark.parametrize(
        "kind", [kind for kind in Trouble if kind is not Trouble.HANGS], ids=lambda kind: kind.name
    )
    async def test_a_conversation_that_can_not_be_read_is_an_error(
        self, plugin: Any, harness: Harness, kind: Trouble
    ) -> None:
        """Not an empty conversation: a PluginError, and UnauthorizedError where the login is no good."""
        posts = await self._conversation(harness)
        await meet(harness, kind)
        error = await self.outcome(plugin.thread(Ref(id=posts[0])))
        assert error is not None
        assert isinstance(error, UnauthorizedError) == (kind is Trouble.UNAUTHORIZED)

    @needs(Listens)
    async def test_somebody_is_shown_by_the_author_or_by_the_handle(
        self, plugin: Any, harness: Harness, clock: FakeClock
    ) -> None:
        """Of somebody who spoke, with the same handle, whichever of the two one asks with."""
        async with self.ear(plugin.items(None), harness, clock) as ear:
            await ear.next()
            await harness.say("who am I?")
            author = (await ear.until("who am I?"))[-1].author
        by_author: Profile = await self.soon(plugin.profile(author))
        by_handle: Profile = await self.soon(plugin.profile(author.handle))
        assert (by_author.author.id, by_author.author.handle) == (author.id, author.handle)
        assert by_handle == by_author

    async def test_somebody_who_is_not_there_is_refused(self, plugin: Any) -> None:
        """Not an empty profile."""
        assert type(await self.outcome(plugin.profile("nobody-of-that-name@nowhere.example"))) is RefusedError
