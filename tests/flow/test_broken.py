"""A plugin that breaks, wherever and however, is shown with its error and pauses alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any

import pytest

from bridge.delivery import DIRECT, Lane
from bridge.plugin import Cursor, Heard, Limits, Post, Posted, UnauthorizedError
from bridge.registry import Problem, Recipe
from bridge.testing import Fate, FullFakePlugin

if TYPE_CHECKING:
    from tests.flow.conftest import Build, House

GONE = 'plugin "gone" of statusbridge-gone can\'t be loaded: ImportError: no SDK; reinstall it'


class Deaf(FullFakePlugin):
    """Its listening has a bug."""

    def items(self, since: Cursor | None) -> AsyncGenerator[Heard]:
        del since
        raise KeyError("status")


class Quitting(FullFakePlugin):
    """Its listening ends the program, or thinks that it was cancelled."""

    error: type[BaseException] = SystemExit

    async def items(self, since: Cursor | None) -> AsyncGenerator[Heard]:  # type: ignore[override]
        del since
        if self.error:
            raise self.error
        yield  # type: ignore[unreachable]


class Bare(FullFakePlugin):
    """It has no limits when they are asked for a second time."""

    asked = 0

    @property
    def limits(self) -> Limits:  # type: ignore[override]
        raise ZeroDivisionError("a bug in the limits")

    @limits.setter
    def limits(self, value: Limits) -> None:
        pass


class Leaving(FullFakePlugin):
    """Its post calls exit."""

    async def post(self, post: Post, key: Any) -> Posted:
        raise SystemExit(post.text)


async def accounts(house: House) -> list[str]:
    (answer,) = await house.say("account list", place=DIRECT, who="ana")
    return answer.splitlines()


async def test_each_cause_is_shown_and_the_good_one_works(build: Build) -> None:
    house = await build("good", "broken", "hanging", "deaf", start=False)
    house.recipes["broken"] = Recipe(problems=(Problem(text=GONE, fatal=False),))
    house.platforms["hanging"].always("enter", Fate(hangs="before"))
    house.plugins["deaf"] = Deaf
    await house.start()
    good = house.platforms["good"]
    await house.pass_time(12)
    assert (await accounts(house))[2] == (
        "hanging is starting: its plugin has been entered for 12 s and isn't ready yet"
    )
    assert (await house.say("!to good post hello"))[-1] == "~[1] good https://good.example/p1"
    good.say("any ETA?")
    await house.pass_time(20)
    heard = house.heard()
    assert "[2] @kim@platform.example: any ETA?" in heard
    assert await accounts(house) == [
        "good is up · last published 20 s ago",
        f"broken is down: {GONE}",
        "hanging is down: no answer within 30 s",
        "deaf is up, not heard: the plugin failed (KeyError)",
    ]
    await house.pass_time(60)
    assert (await accounts(house))[3] == "deaf is up, not heard for 32 s: the plugin failed (KeyError)"


@pytest.mark.parametrize("error", [SystemExit, asyncio.CancelledError])
async def test_a_listener_that_wants_to_end_the_program(build: Build, error: type[BaseException]) -> None:
    house = await build("mastodon", "x", start=False)
    plugin = type("Ending", (Quitting,), {"error": error})
    house.plugins["x"] = plugin
    await house.start()
    assert (await accounts(house))[1].startswith("x is up, not heard: ")
    house.platforms["mastodon"].say("hello")
    await house.quiet()
    assert house.heard() == ["[1] @kim@platform.example: hello"]
    await house.say("!to x post one")
    assert house.platforms["x"].visible == ["one"]


async def test_a_lane_that_fails_pauses_its_account_alone_and_goes_on(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = await build("mastodon", "x")
    watched: Callable[..., Any] = Lane._watched
    failing = True

    async def watching(lane: Lane, call: Any) -> Any:
        outcome = await watched(lane, call)
        if lane.name == "x" and failing:
            raise ZeroDivisionError("a bug after the platform has answered")
        return outcome

    monkeypatch.setattr(Lane, "_watched", watching)
    await house.say("!post one")
    assert (await accounts(house))[1] == "x is paused: sending failed (ZeroDivisionError), see the log · 1 waiting"
    assert str(await house.bridge.standing()) == "1 account up, x paused"
    await house.say("!to mastodon post two")
    assert house.platforms["mastodon"].visible == ["one", "two"]
    failing = False
    await house.pass_time(60)
    # Nobody knows what the failed lane had done, so it was in doubt.
    assert house.platforms["x"].visible == ["one"]
    assert any("x: not sure it arrived" in line for line in house.heard())
    assert (await accounts(house))[1].startswith("x is up")


async def test_a_post_that_wants_to_end_the_program_is_in_doubt(build: Build) -> None:
    house = await build("mastodon", "x", start=False)
    house.plugins["x"] = Leaving
    await house.start()
    lines = await house.say("!post one")
    assert house.platforms["mastodon"].visible == ["one"]
    assert any("x: not sure it arrived (the plugin failed (ExitError))" in line for line in lines)


async def test_one_that_has_a_bug_at_entry_or_does_not_heed_its_end(build: Build, monkeypatch: Any) -> None:
    house = await build("mastodon", "x", start=False)
    house.plugins["x"] = Bare
    await house.start()
    assert (await accounts(house))[1] == ('x is down: plugin "fake" failed: ZeroDivisionError: a bug in the limits')
    await house.say("!to mastodon post one")
    assert house.platforms["mastodon"].visible == ["one"]


async def test_an_account_can_be_tried(build: Build) -> None:
    house = await build("mastodon", "x")
    platform = house.platforms["mastodon"]

    async def check(name: str = "mastodon") -> list[str]:
        return await house.say(f"account check {name}", place=DIRECT, who="ana")

    checking = "checking mastodon: I enter its plugin once more, beside all other work"
    assert await check() == [checking, "mastodon is ok: its platform takes the login"]
    assert (platform.entered, platform.left) == (2, 1)
    platform.will("enter", Fate(before=UnauthorizedError("the token was revoked")))
    assert await check() == [checking, "mastodon can't be used: the token was revoked"]
    platform.will("enter", Fate(hangs="before"))
    assert await check() == [checking]
    assert await check() == ["mastodon is being checked already: the answer is on its way. Nothing was changed."]
    assert (await check("x"))[1] == "x is ok: its platform takes the login"
    await house.say("!post one")
    assert platform.visible == ["one"]
    await house.pass_time(30)
    assert house.heard("ana@example.org") == ["mastodon can't be used: no answer within 30 s"]
    await house.say("account disable mastodon", place=DIRECT, who="ana")
    assert (await check())[1] == "mastodon is ok: its platform takes the login; it is disabled all the same"


async def test_a_check_is_answered_once_after_a_kill(build: Build) -> None:
    house = await build()
    house.platforms["mastodon"].will("enter", Fate(hangs="before"))
    await house.say("account check mastodon", place=DIRECT, who="ana")
    await house.restart()
    await house.pass_time(120)
    assert house.heard("ana@example.org") == ["mastodon is ok: its platform takes the login"]
