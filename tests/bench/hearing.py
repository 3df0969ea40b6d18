"""From the platform to the room: one item at a time, and far too many at once."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import defaultdict, deque
from contextlib import AsyncExitStack

from sqlalchemy import create_engine, func, select

from bridge.domain.pacing import SHOWN, WINDOW
from bridge.store import schema
from tests.bench.figures import By, Figure, alternate, beside
from tests.bench.posting import REST
from tests.bench.remote import VoidError
from tests.bench.stage import FLOOR, STREAMS, Contender, Database, Kind, Scale, Stage

GOAL = 50.0
"""Milliseconds that an item may come later than through the bare script."""

ANSWER_GOAL = 1.0
_EVERY = 0.3
_LOOK_EVERY = 0.1
_PATIENCE = 120.0


class _Trickle:
    """Says no more than what a room is told line by line: of a flood our program only counts the rest."""

    def __init__(self) -> None:
        self._said: defaultdict[str, deque[float]] = defaultdict(deque)

    async def wait(self, room: str) -> None:
        """Return when one more item fits into the room's window."""
        said = self._said[room]
        if len(said) >= SHOWN:
            await asyncio.sleep(max(0.0, said.popleft() + WINDOW.total_seconds() + 1 - time.monotonic()))
        said.append(time.monotonic())


async def one_item(stage: Stage, scale: Scale) -> list[Figure]:
    """One item at a time, to an idle system, where the platform has a stream."""
    trickle = _Trickle()

    async def turn(contender: Contender) -> float:
        stage.talker.forget()
        took: list[float] = []
        said: list[str] = []
        for _ in range(min(scale.lines, SHOWN)):
            await trickle.wait(contender.room)
            said.append(stage.text())
            at = await stage.platforms.mention(contender.ear, said[-1:])
            took.append(await stage.talker.hears(contender.room, lambda line: said[-1] in line) - at)
            await asyncio.sleep(REST)
        _judge(stage.talker.lines(contender.room), said)
        return statistics.median(took) * 1000

    figures: list[Figure] = []
    for kind in (kind for kind in Kind if kind in STREAMS):
        async with AsyncExitStack() as stack:
            running = {FLOOR: await stack.enter_async_context(stage.floor(kind, streams=True))}
            for ear, database in enumerate(Database, 1):
                running[database.value] = await stack.enter_async_context(stage.bridge(kind, database, ear=ear))
            taken = await alternate(scale.rounds, running, turn)
        figures += beside(taken, what="item to room, p50", how=kind.value, base=FLOOR, by=By.EXTRA, goal=GOAL)
    return figures


def _judge(lines: list[str], said: list[str]) -> None:
    heard = [next((text for text in said if text in line), line) for line in lines]
    if heard != said:
        raise VoidError(f"of {len(said)} items the room heard {len(heard)}, or not in order")


async def flood(stage: Stage, scale: Scale) -> list[Figure]:
    """Far too many items at once, while somebody goes on asking."""
    figures: list[Figure] = []
    for database in Database:
        async with stage.bridge(Kind.PLAIN, database) as contender:
            figures += await _flood(stage, scale, contender, f"{Kind.PLAIN}, {database}")
    return figures


async def _flood(stage: Stage, scale: Scale, contender: Contender, how: str) -> list[Figure]:
    stage.talker.forget()
    at = await stage.platforms.mention(0, [stage.text() for _ in range(scale.items)])
    stored = asyncio.create_task(asyncio.to_thread(_stored, contender.store_url, scale.items))
    answers = [await _answer(stage, contender)]
    while not stored.done():
        await asyncio.sleep(_EVERY)
        answers.append(await _answer(stage, contender))
    took = await stored - at
    await stage.talker.quiet()
    lines = len(stage.talker.lines(contender.room)) - len(answers)
    what = f"{scale.items} items at once: "
    return [
        Figure(what=what + "all stored after", how=how, ours=(took,), unit="s", by=By.VALUE),
        Figure(what=what + "lines in the room", how=how, ours=(lines,), unit="lines", by=By.VALUE),
        Figure(
            what=what + "slowest answer",
            how=how,
            ours=(max(answers),),
            unit="s",
            by=By.VALUE,
            goal=ANSWER_GOAL,
        ),
    ]


async def _answer(stage: Stage, contender: Contender) -> float:
    """Return the seconds until a command is answered."""
    before = stage.talker.mark()
    at = stage.talker.say(contender.room, "!help undo")

    def answers(line: str) -> bool:
        return line.startswith("`!undo")

    return await stage.talker.hears(contender.room, answers, after=before) - at


def _stored(url: str, count: int) -> float:
    """Return when (monotonic) a store had so many items; raises VoidError where it never has exactly that many."""
    engine = create_engine(url)
    query = select(func.count()).select_from(schema.item)
    try:
        end = time.monotonic() + _PATIENCE
        while True:
            with engine.connect() as connection:
                found = connection.execute(query).scalar_one()
            now = time.monotonic()
            if found == count:
                return now
            if found > count or now > end:
                raise VoidError(f"of {count} items {found} are stored")
            time.sleep(_LOOK_EVERY)
    finally:
        engine.dispose()
