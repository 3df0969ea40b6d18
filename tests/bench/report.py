"""The page docs/performance.md: the hand-written parts stay, what the bench found is written anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.bench.figures import Figure, table
from tests.servers.bridge import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- what the bench found -->", "<!-- end -->"


def found(figures: Sequence[Figure], machine: Sequence[str], rounds: int) -> str:
    """Return the generated part."""
    facts = "\n".join(f"- {fact}" for fact in machine)
    return f"{facts}\n- rounds: {rounds}\n\n{table(figures)}\n"


def write(figures: Sequence[Figure], machine: Sequence[str], rounds: int, page: Path = PAGE) -> None:
    """Put what was found into the page; raises ValueError where it has no place for it."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} lacks {BEGIN} or {END}")
    page.write_text(f"{before}{BEGIN}\n\n{found(figures, machine, rounds)}\n{END}{after}", encoding="utf-8")
