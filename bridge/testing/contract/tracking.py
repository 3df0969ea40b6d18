"""Hearing who says a word, to whomever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bridge.plugin import PluginError, Seen, Tracks
from bridge.testing.clock import FakeClock
from bridge.testing.contract.kit import Contract, meet, needs
from bridge.testing.harness import Harness, Trouble


@needs(Tracks)
class Tracking(Contract):
    """What `matches` promises: what `items` does, for a word."""

    async def test_a_word_is_heard_from_now_on(self, plugin: Any, harness: Harness, clock: FakeClock) -> None:
        """Nothing old, but a `Seen`, and then whatever has the word in it."""
        await harness.say_elsewhere("an old teapot")
        async with self.ear(plugin.matches("teapot", None), harness, clock) as ear:
            assert type(await ear.next()) is Seen
            await harness.say_elsewhere("a kettle")
            identifier = await harness.say_elsewhere("a teapot")
            heard = await ear.item()
        assert (heard.id, heard.text) == (identifier, "a teapot")

    async def test_tracking_goes_on_after_any_match(
        self, plugin: Any, make: Callable[[], Any], harness: Harness, clock: FakeClock
    ) -> None:
        """A cursor is the position after its item, for another instance too."""
        async with self.ear(plugin.matches("teapot", None), harness, clock) as ear:
            since = (await ear.next()).cursor
        for text in ("teapot one", "kettle", "teapot two", "teapot three"):
            await harness.say_elsewhere(text)
        async with self.ear(plugin.matches("teapot", since), harness, clock) as ear:
            heard = await ear.until("teapot three")
        said = [item.text for item in heard]
        assert list(dict.fromkeys(said)) == ["teapot one", "teapot two", "teapot three"]
        for item in heard[:-1]:
            rest = said[said.index(item.text) + 1 :]
            async with make() as later, self.ear(later.matches("teapot", item.cursor), harness, clock) as ear:
                again = [one.text for one in await ear.until("teapot three")]
            assert [text for text in dict.fromkeys(again) if text in rest] == list(dict.fromkeys(rest))

    @pytest.mark.parametrize(
        "kind", [kind for kind in Trouble if kind is not Trouble.HANGS], ids=lambda kind: kind.name
    )
    async def test_tracking_that_fails_says_so(
        self, plugin: Any, harness: Harness, clock: FakeClock, kind: Trouble
    ) -> None:
        """What it raises is a PluginError."""
        await meet(harness, kind)
        with pytest.raises(PluginError):
            async with self.ear(plugin.matches("teapot", None), harness, clock) as ear:
                await ear.next()
