"""Publishing while something goes wrong: what is raised says what the bridge shall do next, and is true."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, cast

import pytest
from pydantic import BaseModel, SecretStr

from bridge.plugin import (
    Plugin,
    PluginError,
    RefusedError,
    UnauthorizedError,
    UnavailableError,
    UncertainError,
)
from bridge.testing.clock import FakeClock
from bridge.testing.contract.kit import DOUBTFUL, LATER, Contract, key, meet, only, post, texts
from bridge.testing.harness import Harness, Trouble

_ALL: Final = tuple(kind for kind in Trouble if kind is not Trouble.HANGS)


def secrets(model: BaseModel) -> Iterator[str]:
    """Yield all secrets of an account's settings."""
    for name in type(model).model_fields:
        value: object = getattr(model, name)
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
        elif isinstance(value, BaseModel):
            yield from secrets(value)


class Failing(Contract):
    """The errors of `post`, and what is true after each of them."""

    async def test_what_the_platform_refuses_is_refused(
        self, plugin: Plugin[Any], harness: Harness, clock: FakeClock
    ) -> None:
        """RefusedError: the author is told, and nothing is tried again."""
        await meet(harness, Trouble.REFUSED)
        assert type(await self.outcome(plugin.post(post(), key(clock)))) is RefusedError
        assert await texts(harness) == []

    async def test_a_login_that_ends_is_unauthorized(
        self, plugin: Plugin[Any], harness: Harness, clock: FakeClock
    ) -> None:
        """UnauthorizedError: the account pauses."""
        await meet(harness, Trouble.UNAUTHORIZED)
        assert type(await self.outcome(plugin.post(post(), key(clock)))) is UnauthorizedError
        assert await texts(harness) == []

    async def test_a_rate_limit_is_waited_for_by_the_bridge(
        self, plugin: Plugin[Any], harness: Harness, clock: FakeClock
    ) -> None:
        """UnavailableError, at once, with the time that the platform asked for: certainly not published."""
        await meet(harness, Trouble.LIMITED)
        error = await self.outcome(plugin.post(post(), key(clock)))
        assert type(error) is UnavailableError
        assert error.retry_after == harness.retry_after
        assert await texts(harness) == []

    async def test_where_nobody_answers_nothing_is_published(
        self, plugin: Plugin[Any], harness: Harness, clock: FakeClock
    ) -> None:
        """UnavailableError; the first call may be in doubt, for an open connection may have died with it."""
        await meet(harness, Trouble.UNREACHABLE)
        assert isinstance(await self.outcome(plugin.post(post(), key(clock))), UnavailableError | UncertainError)
        assert type(await self.outcome(plugin.post(post(), key(clock)))) is UnavailableError
        assert await texts(harness) == []

    @pytest.mark.parametrize("kind", DOUBTFUL, ids=lambda kind: kind.name)
    async def test_what_may_be_published_is_in_doubt(
        self, plugin: Plugin[Any], harness: Harness, clock: FakeClock, kind: Trouble
    ) -> None:
        """UncertainError: it was published once, and the plugin can't know. Only the bridge tries again."""
        await meet(harness, kind)
        assert type(await self.outcome(plugin.post(post(), key(clock)))) is UncertainError
        assert await texts(harness) == ["hello"]

    async def test_an_answer_that_never_came_is_not_called_one(
        self, plugin: Plugin[Any], harness: Harness, clock: FakeClock
    ) -> None:
        """`answered` is False where the server may still be at work."""
        await meet(harness, Trouble.LOST)
        error = await self.outcome(plugin.post(post(), key(clock)))
        assert isinstance(error, UncertainError)
        assert not error.answered

    @pytest.mark.parametrize("kind", DOUBTFUL, ids=lambda kind: kind.name)
    async def test_the_same_key_settles_a_doubt(
        self, plugin: Plugin[Any], make: Callable[[], Any], harness: Harness, clock: FakeClock, kind: Trouble
    ) -> None:
        """Where the platform remembers keys, the second attempt finds what the first one published."""
        if not plugin.limits.key_lifetime:
            pytest.skip("this platform remembers no keys")
        await meet(harness, kind)
        assert isinstance(await self.outcome(plugin.post(post(), key(clock))), UncertainError)
        await harness.trouble(None)
        async with make() as another:
            posted = await self.soon(another.post(post(), key(clock)))
        assert (await only(harness)).id == posted.id

    @pytest.mark.parametrize("kind", _ALL, ids=lambda kind: kind.name)
    async def test_it_goes_on_when_the_trouble_is_over(
        self, plugin: Plugin[Any], harness: Harness, clock: FakeClock, kind: Trouble
    ) -> None:
        """The same instance publishes the next post, and no more of the one that failed."""
        await meet(harness, kind)
        assert await self.outcome(plugin.post(post("failed"), key(clock, "one"))) is not None
        await harness.trouble(None)
        before = await texts(harness)
        await self.soon(plugin.post(post("next"), key(clock, "two")))
        assert await texts(harness) == [*before, "next"]

    async def test_what_is_cancelled_publishes_nothing_more(
        self, plugin: Plugin[Any], harness: Harness, clock: FakeClock
    ) -> None:
        """A call that was given up is over: what wasn't on the wire by then never gets there; the next one works."""
        await self.give_up(plugin.post(post("given up"), key(clock, "one")), harness)
        await self.soon(plugin.post(post("next"), key(clock, "two")))
        await clock.advance(LATER)
        assert await texts(harness) == ["next"]

    async def test_after_a_cancellation_the_same_key_makes_one_post(
        self, plugin: Plugin[Any], harness: Harness, clock: FakeClock
    ) -> None:
        """The platform did nothing, so that the second attempt is the first that counts."""
        await self.give_up(plugin.post(post(), key(clock)), harness)
        posted = await self.soon(plugin.post(post(), key(clock)))
        assert (await only(harness)).id == posted.id

    async def test_a_call_that_waits_for_its_turn_can_be_cancelled(
        self, plugin: Plugin[Any], harness: Harness, clock: FakeClock
    ) -> None:
        """Cancelled before anything of it was sent, it sends nothing."""
        call = asyncio.create_task(plugin.post(post("never"), key(clock, "one")))
        call.cancel()
        await self.ends(call)
        await self.soon(plugin.post(post("next"), key(clock, "two")))
        await clock.advance(LATER)
        assert await texts(harness) == ["next"]

    @pytest.mark.parametrize("kind", _ALL, ids=lambda kind: kind.name)
    async def test_an_error_is_a_sentence_without_secrets(
        self,
        plugin: Plugin[Any],
        harness: Harness,
        clock: FakeClock,
        caplog: pytest.LogCaptureFixture,
        kind: Trouble,
    ) -> None:
        """People read the message; no secret is in it, in what led to it, in a log, or in what the settings show."""
        caplog.set_level(logging.DEBUG)
        await meet(harness, kind)
        with pytest.raises(PluginError) as caught:
            await self.soon(plugin.post(post(), key(clock)))
        message = str(caught.value)
        assert message.strip(), "the error says nothing"
        assert len(message.splitlines()) == 1
        settings: BaseModel = plugin.settings
        told = [caplog.text, repr(settings), str(settings), *_chain(caught.value)]
        for secret in secrets(settings):
            assert not any(secret in text for text in told)


def _chain(error: BaseException | None) -> Iterator[str]:
    """Yield what an error says, and all that led to it, as far as a traceback shows it."""
    while error is not None:
        yield f"{error} {error!r} {cast('Mapping[str, Any]', vars(error))}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
