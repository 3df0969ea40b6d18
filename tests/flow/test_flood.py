"""Ten thousand items at once: all are stored, the room is told a few and how many more, and commands are answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text as sql

from bridge.domain.pacing import RESERVED, SHOWN
from bridge.listening import BATCH

if TYPE_CHECKING:
    from bridge.store import Tx
    from tests.flow.conftest import Build, House

MANY = 10_000


async def stored(house: House) -> int:
    return await house.stands(_stored)


def _stored(tx: Tx) -> int:
    return int(tx.scalar(sql("SELECT count(*) FROM item")))


async def until_stored(house: House, number: int) -> None:
    while await stored(house) < number:
        await house.clock.advance(0)


def counted(line: str) -> int:
    """Return what a living line counts."""
    assert line.removeprefix("~").startswith("... and ")
    assert line.endswith(" more: `!inbox`")
    return int(line.removeprefix("~").split()[2].replace(",", ""))


async def test_ten_thousand_items_are_all_stored_and_the_room_is_not_flooded(build: Build) -> None:
    house = await build()
    for number in range(MANY):
        house.platforms["mastodon"].say(f"line {number}")
    await house.quiet()
    assert await stored(house) == MANY
    lines = house.heard()
    shown, growing = lines[:SHOWN], lines[SHOWN:]
    assert [line.partition(": ")[2] for line in shown] == [f"line {number}" for number in range(SHOWN)]
    assert len(growing) == 1
    await house.pass_time(60)
    growing += house.heard()
    assert [line.startswith("~") for line in growing] == [False, True]
    assert counted(growing[-1]) == MANY - SHOWN
    assert growing[-1] == "~... and 9,990 more: `!inbox`"
    await house.pass_time(3_600)
    assert house.heard() == []
    assert (await house.say("!inbox"))[0].startswith("10000 open, 0 claimed, 10000 today")


@pytest.mark.servers
async def test_a_flood_that_lasts_stays_bounded_and_its_answers_to_us_are_seen(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    await house.say("!post we are down")
    ours = platform.published[0].id
    lines: list[str] = []
    for minute in range(10):
        for number in range(MANY // 10):
            answered = ours if number == 500 else None
            platform.say(f"line {minute}.{number}", in_reply_to=answered)
        await house.pass_time(60)
        lines += house.heard()
    await house.pass_time(120)
    lines += house.heard()
    living = [line for line in lines if "... and " in line]
    shown = [line for line in lines if line not in living]
    assert await stored(house) == MANY
    assert [line for line in shown if line.endswith(".500")] == [line for line in shown if "->1] " in line]
    assert sum("->1] " in line for line in shown) == 10
    assert len(shown) <= SHOWN + 9 * 3 + 10 * RESERVED
    assert counted(living[-1]) + len(shown) == MANY
    assert [counted(line) for line in living] == sorted(counted(line) for line in living)
    assert sum(not line.startswith("~") for line in living) <= 2, "a new line only where the old one is too old"
    assert len(living) <= 40


@pytest.mark.servers
async def test_a_command_in_the_middle_of_a_flood_is_answered_before_the_next_batches(build: Build) -> None:
    house = await build()
    for number in range(MANY):
        house.platforms["mastodon"].say(f"line {number}")
    await until_stored(house, 2_000)
    house.heard()
    units: list[int] = []
    house.store.watch = lambda tx: units.append(_stored(tx))
    before = await stored(house)
    await house.chat.desk.handle(house.incoming("!me"))
    committed = await stored(house)
    while not (lines := [line for line in house.heard() if line.startswith("You are raj")]):
        await house.clock.advance(0)
    heard_after = len(units)
    house.store.watch = None
    assert len(lines) == 1
    assert committed < MANY, "the flood was still going on"
    assert committed - before <= 3 * BATCH
    assert heard_after <= 10
    await house.quiet()
    assert await stored(house) == MANY


@pytest.mark.servers
async def test_a_kill_in_the_middle_of_a_flood_loses_nothing_and_tells_nothing_twice(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.overlap = 40
    lines: list[str] = []
    for kill in range(4):
        for number in range(MANY // 4):
            platform.say(f"line {kill * MANY // 4 + number}")
        await until_stored(house, kill * MANY // 4 + 1_000)
        assert await stored(house) < (kill + 1) * MANY // 4, "the kill comes in the middle"
        await house.kill()
        lines += house.heard()
        await house.start()
        lines += house.heard()
    await house.pass_time(120)
    lines += house.heard()
    living = [line for line in lines if "... and " in line]
    shown = [line for line in lines if line not in living]
    assert await stored(house) == MANY
    assert [line.partition(": ")[2] for line in shown] == [f"line {number}" for number in range(SHOWN)]
    assert counted(living[-1]) == MANY - SHOWN
    assert [line.startswith("~") for line in living] == [False] + [True] * (len(living) - 1)
    assert len(lines) <= 30


async def test_a_store_that_refuses_in_the_middle_counts_nothing_twice(build: Build) -> None:
    house = await build()
    for number in range(1_000):
        house.platforms["mastodon"].say(f"line {number}")
    await until_stored(house, 300)
    house.store.refuses = lambda: True
    await house.pass_time(20)
    house.store.refuses = None
    await house.pass_time(180)
    lines = house.heard()
    living = [line for line in lines if "... and " in line]
    shown = [line for line in lines if line not in living]
    assert await stored(house) == 1_000
    assert len({line.partition("]")[0] for line in shown}) == len(shown)
    assert counted(living[-1]) + len(shown) == 1_000
