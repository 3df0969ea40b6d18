"""Changing what is published, and taking it back: twice is harmless, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bridge.plugin import Deletes, Edits, RefusedError, UnauthorizedError, UnavailableError, UncertainError
from bridge.testing.clock import FakeClock
from bridge.testing.contract.kit import DOUBTFUL, Contract, key, meet, needs, only, post, stored, texts
from bridge.testing.contract.posting import NASTY
from bridge.testing.harness import Harness, Trouble


@needs(Edits)
class Editing(Contract):
    """What `edit` promises."""

    async def test_an_edit_changes_the_post(
        self, plugin: Any, make: Callable[[], Any], harness: Harness, clock: FakeClock
    ) -> None:
        """After a restart too, and no second post appears; the answer names what is to be seen now."""
        await self.soon(plugin.post(post("another"), key(clock, "one")))
        posted = stored(await self.soon(plugin.post(post("helo"), key(clock, "two"))))
        async with make() as later:
            edited = stored(await self.soon(later.edit(posted, post("hello"), key(clock, "three"))))
        assert sorted(await texts(harness)) == ["another", "hello"]
        assert edited.id in {shown.id for shown in await harness.published() if shown.text == "hello"}

    async def test_editing_twice_is_harmless(self, plugin: Any, harness: Harness, clock: FakeClock) -> None:
        """To the same content, by the same key or another; and then to a third one."""
        posted = stored(await self.soon(plugin.post(post("helo"), key(clock, "one"))))
        first = stored(await self.soon(plugin.edit(posted, post("hello"), key(clock, "two"))))
        again = stored(await self.soon(plugin.edit(first, post("hello"), key(clock, "two"))))
        other = stored(await self.soon(plugin.edit(again, post("hello"), key(clock, "three"))))
        assert (await only(harness)).text == "hello"
        await self.soon(plugin.edit(other, post("good day"), key(clock, "four")))
        assert (await only(harness)).text == "good day"

    @pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
    async def test_an_edited_text_is_as_it_was_written(
        self, plugin: Any, harness: Harness, clock: FakeClock, text: str
    ) -> None:
        """Nothing in a text is a command, markup or an escape to the plugin."""
        posted = stored(await self.soon(plugin.post(post(), key(clock, "one"))))
        await self.soon(plugin.edit(posted, post(text), key(clock, "two")))
        assert (await only(harness)).text == text

    @pytest.mark.parametrize(
        ("kind", "error"),
        [
            (Trouble.REFUSED, RefusedError),
            (Trouble.UNAUTHORIZED, UnauthorizedError),
            (Trouble.LIMITED, UnavailableError),
        ],
        ids=lambda value: getattr(value, "name", ""),
    )
    async def test_an_edit_that_fails_says_how(
        self, plugin: Any, harness: Harness, clock: FakeClock, kind: Trouble, error: type[Exception]
    ) -> None:
        """The error is what it is for a post, and nothing was changed."""
        posted = stored(await self.soon(plugin.post(post("helo"), key(clock, "one"))))
        await meet(harness, kind)
        assert type(await self.outcome(plugin.edit(posted, post("hello"), key(clock, "two")))) is error
        assert await texts(harness) == ["helo"]

    @pytest.mark.parametrize("kind", DOUBTFUL, ids=lambda kind: kind.name)
    async def test_an_edit_in_doubt_can_be_made_again(
        self, plugin: Any, harness: Harness, clock: FakeClock, kind: Trouble
    ) -> None:
        """It isn't called refused though it was made, and the second attempt leaves one post as it shall be."""
        posted = stored(await self.soon(plugin.post(post("helo"), key(clock, "one"))))
        await meet(harness, kind)
        error = await self.outcome(plugin.edit(posted, post("hello"), key(clock, "two")))
        assert error is None or isinstance(error, UncertainError | UnavailableError)
        await harness.trouble(None)
        await self.soon(plugin.edit(posted, post("hello"), key(clock, "two")))
        assert (await only(harness)).text == "hello"

    async def test_an_edit_that_is_given_up_changes_nothing_more(
        self, plugin: Any, harness: Harness, clock: FakeClock
    ) -> None:
        """A call that was cancelled is over, and the next one works."""
        posted = stored(await self.soon(plugin.post(post("helo"), key(clock, "one"))))
        await self.give_up(plugin.edit(posted, post("given up"), key(clock, "two")), harness)
        assert (await only(harness)).text == "helo"
        await self.soon(plugin.edit(posted, post("hello"), key(clock, "three")))
        assert (await only(harness)).text == "hello"

    @needs(Deletes)
    async def test_an_edit_of_what_is_gone_is_refused(self, plugin: Any, harness: Harness, clock: FakeClock) -> None:
        """What people took back doesn't come again by an edit."""
        posted = stored(await self.soon(plugin.post(post("helo"), key(clock, "one"))))
        await self.soon(plugin.delete(posted))
        assert type(await self.outcome(plugin.edit(posted, post("hello"), key(clock, "two")))) is RefusedError
        assert await texts(harness) == []


@needs(Deletes)
class Deleting(Contract):
    """What `delete` promises."""

    async def test_a_deletion_takes_back_one_post(
        self, plugin: Any, make: Callable[[], Any], harness: Harness, clock: FakeClock
    ) -> None:
        """After a restart too; its twin stays."""
        first = stored(await self.soon(plugin.post(post("hello"), key(clock, "one"))))
        second = stored(await self.soon(plugin.post(post("hello again"), key(clock, "two"))))
        async with make() as later:
            await self.soon(later.delete(first))
        assert (await only(harness)).id == second.id

    async def test_what_is_already_gone_is_done(self, plugin: Any, harness: Harness, clock: FakeClock) -> None:
        """Deleting twice isn't an error."""
        posted = stored(await self.soon(plugin.post(post(), key(clock))))
        await self.soon(plugin.delete(posted))
        await self.soon(plugin.delete(posted))
        assert await texts(harness) == []

    @pytest.mark.parametrize(
        ("kind", "error"),
        [
            (Trouble.REFUSED, RefusedError),
            (Trouble.UNAUTHORIZED, UnauthorizedError),
            (Trouble.LIMITED, UnavailableError),
        ],
        ids=lambda value: getattr(value, "name", ""),
    )
    async def test_a_deletion_that_fails_says_how(
        self, plugin: Any, harness: Harness, clock: FakeClock, kind: Trouble, error: type[Exception]
    ) -> None:
        """The error is what it is for a post, and the post is still there."""
        posted = stored(await self.soon(plugin.post(post(), key(clock))))
        await meet(harness, kind)
        assert type(await self.outcome(plugin.delete(posted))) is error
        assert await texts(harness) == ["hello"]

    async def test_where_nobody_answers_nothing_is_taken_back(
        self, plugin: Any, harness: Harness, clock: FakeClock
    ) -> None:
        """A deletion that reached nobody isn't called done."""
        posted = stored(await self.soon(plugin.post(post(), key(clock))))
        await meet(harness, Trouble.UNREACHABLE)
        assert isinstance(await self.outcome(plugin.delete(posted)), UnavailableError | UncertainError)
        await harness.trouble(None)
        assert await texts(harness) == ["hello"]

    @pytest.mark.parametrize("kind", DOUBTFUL, ids=lambda kind: kind.name)
    async def test_a_deletion_in_doubt_can_be_made_again(
        self, plugin: Any, harness: Harness, clock: FakeClock, kind: Trouble
    ) -> None:
        """It isn't called refused though it was made, and the second attempt is done."""
        posted = stored(await self.soon(plugin.post(post(), key(clock))))
        await meet(harness, kind)
        error = await self.outcome(plugin.delete(posted))
        assert error is None or isinstance(error, UncertainError | UnavailableError)
        await harness.trouble(None)
        await self.soon(plugin.delete(posted))
        assert await texts(harness) == []

    async def test_a_deletion_can_be_given_up(self, plugin: Any, harness: Harness, clock: FakeClock) -> None:
        """A call that was cancelled is over, and the next one works."""
        posted = stored(await self.soon(plugin.post(post(), key(clock))))
        await self.give_up(plugin.delete(posted), harness)
        assert await texts(harness) == ["hello"]
        await self.soon(plugin.delete(posted))
        assert await texts(harness) == []
