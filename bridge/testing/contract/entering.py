"""The life of an instance: it is made, entered and left, and knows by then what fits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from bridge.plugin import (
    Limits,
    Plugin,
    PluginError,
    UnauthorizedError,
    UnavailableError,
    UncertainError,
)
from bridge.testing.clock import FakeClock
from bridge.testing.contract.kit import Contract, key, meet, only, post
from bridge.testing.harness import Harness, Trouble


class Entering(Contract):
    """What holds for every plugin before and after it does anything."""

    async def test_it_is_a_whole_plugin(self, harness: Harness) -> None:
        """It has a model of its settings, and lacks nothing that the contract asks for."""
        assert issubclass(self.plugin_class, Plugin)
        assert issubclass(self.plugin_class.Settings, BaseModel)
        assert self.plugin_class.__abstractmethods__ == frozenset()
        self.plugin_class.Settings.model_validate(harness.settings())

    async def test_it_is_made_without_any_io(self, harness: Harness, make: Callable[[], Any]) -> None:
        """`__init__` needs neither a platform nor an event loop, and what it makes counts a text."""
        await meet(harness, Trouble.UNREACHABLE)
        assert await asyncio.to_thread(lambda: make().length("hello")) > 0

    async def test_entering_learns_the_limits(self, make: Callable[[], Any]) -> None:
        """`__aenter__` returns the instance, with limits that can be true."""
        instance = make()
        async with instance as entered:
            assert entered is instance
            limits = entered.limits
        assert isinstance(limits, Limits)
        assert limits.text > 0
        assert min(limits.media, limits.media_bytes) >= 0
        assert min(limits.key_lifetime, limits.settle_after) >= timedelta(0)

    async def test_a_login_that_is_no_good_is_unauthorized(self, harness: Harness, make: Callable[[], Any]) -> None:
        """`__aenter__` raises UnauthorizedError, so that the account pauses and somebody is told."""
        await meet(harness, Trouble.UNAUTHORIZED)
        error = await self.outcome(make().__aenter__())
        assert type(error) is UnauthorizedError

    @pytest.mark.parametrize(
        "kind",
        [Trouble.UNREACHABLE, Trouble.LIMITED, Trouble.BROKEN, Trouble.GARBLED, Trouble.LOST],
        ids=lambda kind: kind.name,
    )
    async def test_a_platform_that_is_not_well_is_tried_again(
        self, harness: Harness, make: Callable[[], Any], kind: Trouble
    ) -> None:
        """`__aenter__` raises what makes the bridge try again later, and then another instance gets in."""
        await meet(harness, kind)
        assert isinstance(await self.outcome(make().__aenter__()), UnavailableError | UncertainError)
        await harness.trouble(None)
        async with make():
            pass

    async def test_entering_can_be_given_up(self, harness: Harness, make: Callable[[], Any]) -> None:
        """Cancelled in `__aenter__`, an instance ends, and another one gets in."""
        await self.give_up(make().__aenter__(), harness)
        async with make():
            pass

    async def test_it_can_be_left_in_the_middle_of_a_call(
        self, harness: Harness, make: Callable[[], Any], clock: FakeClock
    ) -> None:
        """`__aexit__` ends at once, and with it the call, in doubt; the next instance works."""
        plugin = make()
        await plugin.__aenter__()
        await meet(harness, Trouble.HANGS)
        call = asyncio.create_task(plugin.post(post("hung"), key(clock)))
        await self.soon(harness.hanging())
        await self.soon(plugin.__aexit__(None, None, None))
        await self.ends(call)
        assert call.cancelled() or isinstance(call.exception(), UncertainError), f"it came to {call!r}"
        await harness.trouble(None)
        async with make() as another:
            await self.soon(another.post(post("next"), key(clock, "two")))
        assert (await only(harness)).text == "next"

    async def test_after_it_was_left_nothing_is_published(
        self, harness: Harness, make: Callable[[], Any], clock: FakeClock
    ) -> None:
        """A call to an instance that was left ends with a PluginError, and does nothing."""
        async with make() as plugin:
            pass
        with pytest.raises(PluginError):
            await self.soon(plugin.post(post(), key(clock)))
        assert await harness.published() == []
