"""What a bench finds: values of rounds, compared round by round, and the goal beside them. Nothing here does I/O."""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

C = TypeVar("C")


class By(Enum):
    """How a round of ours is compared with the same round of what it is measured against."""

    RATIO = "x"
    EXTRA = "more"
    VALUE = "as it is"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table.

    `ours` and `base` hold one value for each round, in `unit`; `goal` is the most that the comparison may come to,
    None where no goal was set.
    """

    what: str
    how: str
    ours: tuple[float, ...]
    base: tuple[float, ...] = ()
    unit: str = "ms"
    by: By = By.RATIO
    goal: float | None = None

    @property
    def compared(self) -> tuple[float, ...]:
        """The comparison of each round."""
        if self.by is By.RATIO:
            return tuple(ours / base for ours, base in zip(self.ours, self.base, strict=True))
        if self.by is By.EXTRA:
            return tuple(ours - base for ours, base in zip(self.ours, self.base, strict=True))
        return self.ours

    @property
    def result(self) -> float:
        """The median of the rounds' comparisons."""
        return statistics.median(self.compared)

    @property
    def passed(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        return None if self.goal is None else self.result <= self.goal

    def cells(self) -> tuple[str, ...]:
        """Return what the table shows."""
        sign = "x" if self.by is By.RATIO else f" {self.unit}"
        verdict = {True: "pass", False: "miss", None: ""}[self.passed]
        spread = f"{_short(min(self.compared))} .. {_short(max(self.compared))}" if len(self.compared) > 1 else ""
        return (
            self.what,
            self.how,
            f"{_short(statistics.median(self.ours))} {self.unit}",
            f"{_short(statistics.median(self.base))} {self.unit}" if self.base else "",
            f"{_short(self.result)}{sign}",
            spread,
            "" if self.goal is None else f"at most {self.goal:g}{sign}",
            verdict,
        )


HEADS = ("what", "with", "ours", "beside it", "result", "rounds", "goal", "")
"""The heads of `Figure.cells`."""


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def beside(
    taken: Mapping[str, Sequence[float]],
    *,
    what: str,
    how: str,
    base: str,
    goal: float | None,
    by: By = By.RATIO,
    unit: str = "ms",
) -> list[Figure]:
    """Return a figure for each name in `taken` but `base`, which the others are compared with."""
    return [
        Figure(
            what=what,
            how=f"{how}, {name}",
            ours=tuple(values),
            base=tuple(taken[base]),
            by=by,
            unit=unit,
            goal=goal,
        )
        for name, values in taken.items()
        if name != base
    ]


async def alternate(
    rounds: int, contenders: Mapping[str, C], turn: Callable[[C], Awaitable[float]]
) -> dict[str, list[float]]:
    """Let every contender take its turn in every round, forward and backward by turns; return what each came to.

    One turn of each before the first round isn't counted.
    """
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for contender in contenders.values():
        await turn(contender)
    for number in range(rounds):
        order = list(contenders.items())
        for name, contender in order if number % 2 == 0 else reversed(order):
            taken[name].append(await turn(contender))
    return taken


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a table in Markdown that is aligned to be read as it is."""
    rows = [HEADS, *(figure.cells() for figure in figures)]
    widths = [max(3, *(len(row[column]) for row in rows)) for column in range(len(HEADS))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([lines[0], "| " + " | ".join("-" * width for width in widths) + " |", *lines[1:]])
