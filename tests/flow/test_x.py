"""The whole program with an account on X: what is in doubt there is settled without a second post."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bridge.registry import Recipe
from bridge.testing import FakeClock
from plugins.x import XPlugin, XSettings
from tests.flow.conftest import Build, House
from tests.servers import faults, x_faults
from tests.servers.x import X


class Watched(XPlugin):
    """The plugin, with a list of its instances."""

    made: list[Watched]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.made.append(self)


class Town:
    """A bridge and X, where time passes only while no request is under way."""

    def __init__(self, house: House, x: X, plugin: type[Watched]) -> None:
        self.house = house
        self.x = x
        self._plugin = plugin

    async def calm(self) -> None:
        await self.house.quiet()
        while calls := [call for shop in self._plugin.made for call in shop._client._calls]:
            await asyncio.wait(calls)
            await self.house.quiet()

    async def say(self, text: str) -> list[str]:
        heard = await self.house.say(text)
        await self.calm()
        return heard + self.house.heard()

    async def pass_time(self, seconds: float) -> list[str]:
        clock = self.house.clock
        target = clock.monotonic() + seconds
        await self.calm()
        while clock.waits and clock.monotonic() + clock.waits[0] <= target:
            await clock.advance(max(0.0, clock.waits[0]))
            await self.calm()
        await clock.advance(max(0.0, target - clock.monotonic()))
        await self.calm()
        return self.house.heard()

    @property
    def looks(self) -> int:
        return len(self.x.asked("/2/users/1001/tweets"))


@pytest.fixture
async def town(build: Build, clock: FakeClock) -> AsyncIterator[Town]:
    plugin = type("Watched", (Watched,), {"made": []})
    async with X(clock=clock) as x:
        house = await build("x", start=False)
        own = XSettings.model_validate({"base_url": x.base_url, **x.login.settings()})
        house.recipes["x"] = Recipe(plugin=plugin, own=own)
        await house.start()
        town = Town(house, x, plugin)
        await town.calm()
        house.heard()
        yield town
        await house.close()
        assert x.unsigned == []


async def test_a_post_that_arrived_without_an_answer_is_found(town: Town) -> None:
    town.x.next(faults.lose_response())
    assert any("not sure it arrived" in line for line in await town.say("!post hello"))
    heard = await town.pass_time(31)
    assert f"[1] x: found: https://x.com/shop/status/{town.x.own[0].id}" in heard
    assert town.x.texts == ["hello"]
    assert town.looks == 1


@pytest.mark.parametrize("answered", [False, True])
async def test_a_post_that_never_arrived_is_sent_again_after_two_looks(town: Town, answered: bool) -> None:
    town.x.next(x_faults.over_capacity() if answered else faults.reset())
    await town.say("!post hello")
    await town.pass_time(14 if answered else 29)
    assert town.looks == 0
    heard = await town.pass_time(60)
    assert town.looks == 2
    assert town.x.texts == ["hello"]
    assert any(town.x.own[0].id in line for line in heard)
    assert await town.house.states(1) == ["sent"]


async def test_a_post_that_x_lists_late_is_found_by_the_second_look(town: Town) -> None:
    town.x.lag = 40
    town.x.next(faults.lose_response())
    await town.say("!post hello")
    await town.pass_time(60)
    assert town.looks == 2
    assert town.x.texts == ["hello"]
    assert await town.house.states(1) == ["sent"]


@pytest.mark.parametrize(("lag", "state"), [(75, "sent"), (3600, "asked")])
async def test_a_post_that_x_lists_too_late_is_not_sent_twice_either(town: Town, lag: float, state: str) -> None:
    """X refuses the second attempt as a duplicate, which is looked for again, and then asked about."""
    town.x.lag = lag
    town.x.next(faults.lose_response())
    await town.say("!post hello")
    await town.pass_time(300)
    assert town.x.texts == ["hello"]
    assert await town.house.states(1) == [state]


async def test_after_a_kill_in_the_middle_it_is_looked_for(town: Town) -> None:
    town.x.next(faults.hang(faults.Commit.FIRST))
    await town.house.say("!post hello")
    await town.x.hung.wait()
    await town.house.restart()
    await town.pass_time(60)
    assert town.x.texts == ["hello"]
    assert await town.house.states(1) == ["sent"]


async def test_the_same_text_once_more_is_refused_with_what_to_do(town: Town) -> None:
    await town.say("!post hello")
    await town.pass_time(5)
    heard = await town.say("!post hello")
    assert any("change a word" in line for line in heard)
    assert town.x.texts == ["hello"]
    assert town.looks == 1


async def test_out_of_credits_it_waits_and_goes_on(town: Town) -> None:
    town.x.next(x_faults.out_of_credits())
    await town.say("!post hello")
    heard = await town.pass_time(60)
    assert any("X wants credits" in line for line in heard)
    await town.pass_time(900)
    assert town.x.texts == ["hello"]


LONG = " ".join(f"This is sentence number {number} of what we know." for number in range(1, 9))


async def test_a_thread_goes_out_only_when_its_author_says_so(town: Town) -> None:
    (line,) = await town.say(f"!post {LONG}")
    assert line.startswith("[1] 343 characters: x 2 parts, costs 0.03 USD")
    assert "A thread on x goes out only when you say so: `!send`" in line
    assert await town.pass_time(300) == []
    assert town.x.texts == []
    await town.say("!send")
    await town.pass_time(5)
    assert " ".join(town.x.texts) == LONG
    assert town.x.own[1].reply_to == town.x.own[0].id


async def test_a_part_that_x_refuses_ends_the_thread_and_says_what_is_live(town: Town) -> None:
    town.x.next(None, x_faults.answer(403, {"errors": [{"code": 433, "message": "not to this one"}]}))
    await town.say(f"!post {LONG}")
    heard = await town.say("!send") + await town.pass_time(300)
    assert len(town.x.own) == 1
    first = f"https://x.com/shop/status/{town.x.own[0].id}"
    failed = (
        "[1] x (part 2 of 2) FAILED: X lets programs answer only who mentioned or quoted the account, and this post "
        "doesn't: answer it on x.com, or mention its author in a post of its own. `!retry 1` tries again, `!drop 1` "
        "gives it up; what came before it (1 part) is live, `!undo 1` takes it back"
    )
    assert heard[-2:] == [failed, f"~[1] x FAILED (1 of 2 parts sent: {first})"]
    await town.say("!undo 1")
    await town.pass_time(5)
    assert town.x.own == []
