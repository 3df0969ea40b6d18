"""The program stands still for a while: stopped by a signal, suspended with its machine, or starved."""

from __future__ import annotations

from typing import Any

from tests.flow.conftest import Build

STOOD_STILL = "the program stood still"


async def test_no_undo_window_ends_while_nobody_is_heard(build: Build, logs: list[Any]) -> None:
    house = await build(hold="20s")
    platform = house.platforms["mastodon"]
    await house.say("!post a typo")
    await house.pass_time(5)
    await house.clock.stand_still(300)
    await house.quiet()
    assert platform.visible == []
    assert [entry["event"] for entry in logs].count(STOOD_STILL) == 1
    house.heard()
    await house.say("!undo")  # it was said meanwhile, and is read only now
    await house.pass_time(60)
    assert platform.visible == []


async def test_the_window_then_runs_its_full_length_and_says_so(build: Build) -> None:
    house = await build(hold="20s")
    platform = house.platforms["mastodon"]
    await house.say("!post hello")
    house.heard()
    await house.clock.stand_still(300)
    await house.quiet()
    assert len(house.heard()) == 1
    await house.pass_time(19)
    assert platform.visible == []
    await house.pass_time(2)
    assert platform.visible == ["hello"]


async def test_a_window_of_an_account_that_is_busy_is_kept_too(build: Build) -> None:
    house = await build("mastodon", "x", hold="20s")
    await house.say("!post hello")
    await house.clock.stand_still(21)
    await house.quiet()
    assert [platform.visible for platform in house.platforms.values()] == [[], []]
    await house.pass_time(21)
    assert [platform.visible for platform in house.platforms.values()] == [["hello"], ["hello"]]


async def test_a_moment_is_no_stand_still(build: Build, logs: list[Any]) -> None:
    house = await build(hold="20s")
    await house.say("!post hello")
    for _ in range(10):
        await house.clock.stand_still(2)
        await house.quiet()
    assert house.platforms["mastodon"].visible == ["hello"]
    assert STOOD_STILL not in [entry["event"] for entry in logs]


async def test_what_needs_no_window_goes_on_at_once(build: Build) -> None:
    house = await build(hold="0s")
    await house.say("!post one")
    await house.clock.stand_still(300)
    await house.say("!post two")
    assert house.platforms["mastodon"].visible == ["one", "two"]
