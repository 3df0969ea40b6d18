"""The wall clock stands otherwise than when the last run stored its times: that neither fires nor freezes anything."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.plugin import UnavailableError
from bridge.store import accounts, notices
from bridge.testing import Fate
from tests.flow.conftest import Build, House

YEAR = timedelta(days=365).total_seconds()
MINUTES = 20 * 60.0
"""Less than `max_age`: as far forward as a clock may be set without everything looking like yesterday's."""

jumps = pytest.mark.parametrize("jump", [-YEAR, -MINUTES, MINUTES], ids=["a year back", "back", "forward"])


async def restarted(house: House, jump: float, *, arrive: bool = True) -> None:
    await house.kill()
    house.clock.jump(jump)
    await house.start(arrive=arrive)


@jumps
async def test_an_undo_window_runs_its_full_length_again(build: Build, jump: float) -> None:
    house = await build(hold="20s")
    platform = house.platforms["mastodon"]
    await house.say("!post hello")
    await house.pass_time(10)
    await restarted(house, jump)
    await house.pass_time(19)
    assert platform.visible == []
    await house.pass_time(2)
    assert platform.visible == ["hello"]


@jumps
async def test_a_back_off_ends_no_later_than_it_was_meant_to(build: Build, jump: float) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(before=UnavailableError("429", retry_after=timedelta(minutes=10))))
    await house.say("!post one")
    await house.say("!post two")
    await restarted(house, jump)
    await house.pass_time(599)
    assert platform.visible == ([] if jump < 0 else ["one", "two"])
    await house.pass_time(2)
    assert platform.visible == ["one", "two"]


@jumps
async def test_an_open_breaker_is_probed(build: Build, jump: float) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.will("post", *[Fate(before=UnavailableError("503"))] * 6)
    await house.say("!post one")
    while (await house.stands(lambda tx: accounts.get(tx, "mastodon"))).probe_at is None:
        await house.pass_time(10)
    await restarted(house, jump)
    await house.pass_time(400)
    assert platform.visible == ["one"]
    assert platform.count("post") == 7


@jumps
async def test_a_doubt_is_settled_and_nothing_goes_out_twice(build: Build, jump: float) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(hangs="after"))
    await house.say("!post one")
    await house.say("!post two")
    await restarted(house, jump)
    await house.pass_time(120)
    assert platform.visible == ["one", "two"]
    assert [await house.states(number) for number in (1, 2)] == [["sent"]] * 2


@jumps
async def test_the_receipt_of_a_burst_is_told(build: Build, jump: float) -> None:
    house = await build()
    for number in range(8):
        await house.say(f"!post number {number}")
    assert [one for one in await house.stands(notices.pending) if one.due_at is not None]
    await restarted(house, jump)
    await house.pass_time(5)
    assert await house.stands(notices.pending) == []
    assert house.heard() == ["[5]..[8] 4 posts: mastodon 4 sent"]


@jumps
async def test_items_are_heard_once(build: Build, jump: float) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.say("one")
    await house.quiet()
    assert house.heard() == ["[1] @kim@platform.example: one"]
    await restarted(house, jump)
    platform.say("two")
    await house.pass_time(60)
    assert house.heard() == ["[2] @kim@platform.example: two"]


async def test_a_clock_set_far_forward_asks_instead_of_publishing_what_looks_old(build: Build) -> None:
    house = await build(hold="20s")
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(before=UnavailableError("503")))
    await house.say("!post one")
    await house.say("!send")
    await house.pass_time(1)
    await restarted(house, YEAR)
    await house.pass_time(60)
    assert platform.visible == []
    assert await house.states(1) == ["dead"]
    assert any("is stale" in line for line in house.heard())
    await house.say("!retry 1")
    await house.pass_time(5)
    assert platform.visible == ["one"]


@pytest.mark.parametrize("jump", [-YEAR, YEAR], ids=["back", "forward"])
async def test_a_jump_while_it_runs_changes_nothing_that_was_begun(build: Build, jump: float) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(hangs="after"))
    await house.say("!post one")
    house.clock.jump(jump)
    platform.release()
    await house.quiet()
    await house.say("!post two")
    await house.pass_time(5)
    assert platform.visible == ["one", "two"]
    assert platform.count("post") == 2
