"""What the program costs while nothing happens, and how soon it is there."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from tests.bench.figures import By, Figure
from tests.bench.filling import prepare
from tests.bench.posting import one_by_one
from tests.bench.stage import Database, Kind, Scale, Stage

START_GOAL, MEMORY_GOAL, IDLE_GOAL = 2.0, 100.0, 0.2
SETTLING = 3.0
"""Seconds after the last line until the program counts as idle."""


async def start(stage: Stage, scale: Scale) -> list[Figure]:
    """From nothing to a joined room, beside the bare script."""
    how = f"{Kind.SDK}, {Database.SQLITE}"
    ours: list[float] = []
    base: list[float] = []
    url = stage.new_store(Database.SQLITE)
    await prepare(url)
    for _ in range(scale.rounds):
        async with stage.bridge(Kind.SDK, Database.SQLITE, store_url=url) as contender:
            ours.append(contender.began)
        async with stage.floor(Kind.SDK) as contender:
            base.append(contender.began)
    return [
        Figure(
            what="start to joined", how=how, ours=tuple(ours), base=tuple(base), unit="s", by=By.VALUE, goal=START_GOAL
        )
    ]


async def idle(stage: Stage, scale: Scale) -> list[Figure]:
    """Memory after some posts, then processor time and wake-ups while nothing happens."""
    figures: list[Figure] = []
    for kind in Kind:
        url = stage.new_store(Database.SQLITE)
        await prepare(url)
        async with AsyncExitStack() as stack:
            pairs = {
                "ours": await stack.enter_async_context(stage.bridge(kind, Database.SQLITE, store_url=url)),
                "floor": await stack.enter_async_context(stage.floor(kind)),
            }
            for one in pairs.values():
                await one_by_one(stage, one, scale.lines)
            memory = {name: resident(one.pid) for name, one in pairs.items()}
            await asyncio.sleep(min(SETTLING, scale.idle))
            before = {name: Load.of(one.pid) for name, one in pairs.items()}
            await asyncio.sleep(scale.idle)
            spent = {name: Load.of(one.pid).since(before[name]) for name, one in pairs.items()}
        how = f"{kind}, {Database.SQLITE}"
        values: tuple[tuple[str, dict[str, float], str, float | None], ...] = (
            ("resident memory", memory, "MB", MEMORY_GOAL if kind is Kind.SDK else None),
            ("idle processor time", {k: v.share(scale.idle) for k, v in spent.items()}, "%", IDLE_GOAL),
            ("idle wake-ups a second", {k: v.wakeups / scale.idle for k, v in spent.items()}, "/s", None),
        )
        figures += [
            Figure(what=what, how=how, ours=(both["ours"],), base=(both["floor"],), unit=unit, by=By.VALUE, goal=goal)
            for what, both, unit, goal in values
        ]
    return figures


class Load:
    """What all threads of a process together have run and how often they have waited (proc(5))."""

    def __init__(self, seconds: float, wakeups: int) -> None:
        self.seconds = seconds
        self.wakeups = wakeups

    @classmethod
    def of(cls, pid: int) -> Load:
        """Return what a process came to until now."""
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        seconds = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
        return cls(seconds, sum(_field(task / "status", "voluntary_ctxt_switches") for task in tasks))

    def since(self, before: Load) -> Load:
        """Return what was added since."""
        return Load(self.seconds - before.seconds, self.wakeups - before.wakeups)

    def share(self, seconds: float) -> float:
        """Return it in percent of one processor."""
        return 100 * self.seconds / seconds


def resident(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    return _field(Path(f"/proc/{pid}/status"), "VmRSS") / 1024


def _field(path: Path, name: str) -> int:
    line = next(line for line in path.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1])
