"""From a line in the room to the platforms: one at a time, in a burst, to many accounts, beside one that hangs."""

from __future__ import annotations

import asyncio
import statistics
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from tests.bench.figures import Figure, alternate, beside
from tests.bench.stage import FLOOR, MANY, Contender, Database, Kind, Scale, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

REST = 0.25
"""Seconds between two lines, so that each finds an idle system, and has a receipt of its own: more than five posts a
second would share one."""

GOAL = 1.5

UNDELAYED = 1.1
"""Nothing, and what two runs of the same differ by."""


async def contenders(stack: AsyncExitStack, stage: Stage, kind: Kind, accounts: int = 1) -> dict[str, Contender]:
    """Start the floor, and our program on each database."""
    running = {FLOOR: await stack.enter_async_context(stage.floor(kind, accounts=accounts))}
    for database in Database:
        running[database.value] = await stack.enter_async_context(stage.bridge(kind, database, accounts=accounts))
    return running


async def spoken(stage: Stage, contender: Contender, lines: int, sinks: Sequence[int]) -> tuple[float, tuple[str, ...]]:
    """Say lines to an idle system, each once the last was delivered to all of the platforms.

    Returns the median of the milliseconds until the last of them had a line, and the lines.
    """
    await stage.platforms.reset()
    stage.talker.forget()
    said: list[str] = []
    took: list[float] = []
    for _ in range(lines):
        said.append(stage.text())
        at = stage.talker.say(contender.room, f"!post {said[-1]}")
        arrivals = await stage.platforms.arrived_everywhere(sinks, said)
        took.append(max(one.times[said[-1]] for one in arrivals) - at)
        await asyncio.sleep(REST)
    return statistics.median(took) * 1000, tuple(said)


async def one_by_one(stage: Stage, contender: Contender, lines: int) -> float:
    """As `spoken`, to all platforms of a contender; returns the median alone."""
    return (await spoken(stage, contender, lines, contender.sinks))[0]


async def latency(stage: Stage, scale: Scale) -> list[Figure]:
    """From the line to the request's last byte, one account, idle system."""
    figures: list[Figure] = []
    for kind in Kind:
        async with AsyncExitStack() as stack:
            running = await contenders(stack, stage, kind)
            taken = await alternate(scale.rounds, running, lambda one: one_by_one(stage, one, scale.lines))
        figures += beside(taken, what="line to platform, p50", how=kind.value, base=FLOOR, goal=GOAL)
    return figures


async def burst(stage: Stage, scale: Scale) -> list[Figure]:
    """Many lines at once, until the last of them is delivered."""

    async def turn(contender: Contender) -> float:
        await stage.talker.quiet()
        await stage.platforms.reset()
        stage.talker.forget()
        texts = [stage.text() for _ in range(scale.burst)]
        at = await stage.talker.burst(contender.room, [f"!post {text}" for text in texts])
        arrivals = await stage.platforms.arrived(0, texts, patience=120.0)
        return max(arrivals.times.values()) - at

    figures: list[Figure] = []
    for kind in Kind:
        async with AsyncExitStack() as stack:
            running = await contenders(stack, stage, kind)
            taken = await alternate(scale.rounds, running, turn)
        figures += beside(taken, what=f"burst of {scale.burst}", how=kind.value, base=FLOOR, goal=GOAL, unit="s")
    return figures


async def many(stage: Stage, scale: Scale) -> list[Figure]:
    """Many accounts, until the last of them has the line."""
    figures: list[Figure] = []
    for kind in Kind:
        async with AsyncExitStack() as stack:
            running = await contenders(stack, stage, kind, MANY)
            taken = await alternate(scale.rounds, running, lambda one: one_by_one(stage, one, scale.lines))
        what = f"line to the last of {MANY} accounts, p50"
        figures += beside(taken, what=what, how=kind.value, base=FLOOR, goal=GOAL)
    return figures


async def hanging(stage: Stage, scale: Scale) -> list[Figure]:
    """Many accounts, one of which hangs: what that costs the others, and that it loses nothing itself."""
    figures: list[Figure] = []
    for kind in Kind:
        async with stage.bridge(kind, Database.SQLITE, accounts=MANY) as contender:
            cases = {"well": (contender, False), "hanging": (contender, True)}
            taken = await alternate(scale.rounds, cases, lambda case: _beside_a_hung_one(stage, scale, *case))
        ours, well = taken["hanging"], taken["well"]
        how = f"{kind}, {Database.SQLITE}"
        what = f"the other {MANY - 1} while one hangs, p50"
        figures.append(Figure(what=what, how=how, ours=tuple(ours), base=tuple(well), goal=UNDELAYED))
    return figures


async def _beside_a_hung_one(stage: Stage, scale: Scale, contender: Contender, hangs: bool) -> float:
    *others, last = contender.sinks
    if hangs:
        await stage.platforms.hang(last)
    took, said = await spoken(stage, contender, scale.lines, others)
    if hangs:
        await stage.platforms.heal(last)
    await stage.platforms.arrived(last, said)
    await stage.talker.quiet()
    return took
