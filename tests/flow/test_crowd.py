"""Two people at once: one floods, and slows nobody else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bridge.chat.worker import TOGETHER, Worker
from bridge.delivery import DIRECT
from bridge.settings import LimitSettings, Settings

if TYPE_CHECKING:
    from bridge.commands.incoming import Incoming
    from tests.flow.conftest import Build, House

ROOM = "ops@rooms.example.org"


def limited(settings: Settings) -> Settings:
    limits = LimitSettings.model_validate({"person": "20/1m", "posts": "none"})
    return settings.model_copy(update={"limits": limits})


async def units_until(house: House, lines: list[Incoming], last: Incoming) -> int:
    """Have the one worker take lines; return how many units were written until the last was committed."""
    desk, units, at = house.chat.desk, 0, 0
    done = asyncio.Event()

    def committed(incoming: Incoming) -> None:
        nonlocal at
        if incoming is last:
            at = units
            done.set()

    write = desk._commit

    async def counted(*judged: object) -> object:
        nonlocal units
        units += 1
        return await write(*judged)

    desk._commit = counted

    async def move(places: dict[str, str]) -> None:
        del places

    worker = Worker(desk, move, house.clock, committed=committed, is_over=desk.is_over)
    for line in lines:
        worker.put(line)
    task = asyncio.create_task(worker.run())
    await done.wait()
    await worker.reached()
    task.cancel()
    desk._commit = write
    await house.quiet()
    return at


@pytest.mark.parametrize("place", [ROOM, DIRECT])
async def test_five_hundred_lines_of_one_do_not_keep_the_other_waiting(build: Build, place: str) -> None:
    house = await build(change=limited)
    flood = [house.incoming(f"!post line {number}", place=place) for number in range(500)]
    other = house.incoming("!post of ana", place=ROOM, who="ana")
    assert await units_until(house, [*flood, other], other) <= 20 // TOGETHER + 3
    visible = house.platforms["mastodon"].visible
    assert visible == [*(f"line {number}" for number in range(20)), "of ana"]
    told = [line for line in house.heard(flood[0].source.jid) if "more than 20 commands" in line]
    assert len(told) == 1
    await house.pass_time(120)
    assert house.platforms["mastodon"].visible == visible


async def test_what_was_over_is_not_published_after_a_restart_that_has_counted_nothing(build: Build) -> None:
    house = await build(change=limited)
    flood = [house.incoming(f"!post line {number}") for number in range(100)]
    await units_until(house, flood, flood[-1])
    await house.restart()
    for line in flood:
        await house.chat.desk.handle(line)
    await house.quiet()
    assert len(house.platforms["mastodon"].visible) == 20


async def test_without_limits_a_burst_goes_out_whole(build: Build) -> None:
    house = await build()
    burst = [house.incoming(f"!post line {number}") for number in range(500)]
    await units_until(house, burst, burst[-1])
    assert house.platforms["mastodon"].visible == [f"line {number}" for number in range(500)]
