"""The bench from the shell: `make bench ARGS="--only burst --rounds 3"`."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from tests.bench import footprint, growth, hearing, posting, report
from tests.bench.figures import Figure, table
from tests.bench.machine import describe
from tests.bench.remote import VoidError
from tests.bench.stage import Scale, Stage

Measure = Callable[[Stage, Scale], Awaitable[list[Figure]]]

MEASURES: dict[str, Measure] = {
    "latency": posting.latency,
    "burst": posting.burst,
    "many": posting.many,
    "hanging": posting.hanging,
    "item": hearing.one_item,
    "flood": hearing.flood,
    "growth": growth.growth,
    "start": footprint.start,
    "idle": footprint.idle,
}


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="bench", description="Our program beside bare scripts, as ratios.")
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES), help="measure these alone")
    parser.add_argument("--rounds", type=int, help="rounds of each (7); fewer are no figures to keep")
    parser.add_argument("--smoke", action="store_true", help="one small round, to see that the bench works")
    parser.add_argument("--write", action="store_true", help="write the table into docs/performance.md")
    return parser.parse_args(arguments)


async def measure(names: Sequence[str], scale: Scale) -> tuple[list[Figure], list[str], list[str]]:
    """Take the measures; return the figures, the machine, and which measures are void and why."""
    figures: list[Figure] = []
    void: list[str] = []
    async with Stage() as stage:
        for name in names:
            began = time.monotonic()
            try:
                taken = await MEASURES[name](stage, scale)
            except (VoidError, TimeoutError) as error:
                void.append(f"{name}: {error or 'no answer in time'}")
                taken = []
            figures += taken
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            for figure in taken:
                print("  " + " | ".join(figure.cells()), file=sys.stderr, flush=True)
        return figures, describe(stage.folder), void


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and where asked write; 1 where a measure is void."""
    asked = parse(arguments)
    scale = Scale.smoke() if asked.smoke else Scale()
    scale = replace(scale, rounds=asked.rounds) if asked.rounds else scale
    figures, machine, void = asyncio.run(measure(asked.only, scale))
    print("\n".join(machine))
    print(table(figures))
    for line in void:
        print(f"void: {line}")
    if asked.write and not void:
        report.write(figures, machine, scale.rounds)
    return 1 if void else 0


if __name__ == "__main__":
    sys.exit(main())
