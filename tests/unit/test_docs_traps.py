"""The tables of traps in docs/mastodon.md: what they name is there, and each test of a trap is named."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "mastodon.md"
PLUGIN: Final = ROOT / "tests" / "platforms" / "mastodon"
ROW = re.compile(r"(?m)^\| (?P<trap>[^|]+) \| (?P<tests>[^|]+) \|$")
NAME = re.compile(r"`(test_\w+)`")


def rows() -> list[tuple[str, list[str]]]:
    """Return each trap with the tests that its line names."""
    _, _, traps = PAGE.read_text(encoding="utf-8").partition("### Outgoing\n")
    found = [(row["trap"], row["tests"]) for row in ROW.finditer(traps)]
    return [(trap, NAME.findall(tests)) for trap, tests in found if trap not in {"the trap", "---"}]


def functions(folder: Path) -> set[str]:
    """The names of all test functions, also those in classes."""
    names: set[str] = set()
    for path in folder.rglob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return names


def test_every_trap_is_named_by_tests_that_exist() -> None:
    written = functions(ROOT / "tests")
    missing = [(trap, name) for trap, names in rows() for name in names if name not in written]
    assert missing == []
    assert [trap for trap, names in rows() if not names] == []
    assert len(rows()) > 60


def test_every_test_of_a_trap_is_in_a_row() -> None:
    named = {name for _, names in rows() for name in names}
    assert {name for name in functions(PLUGIN) if name.startswith("test_trap_")} - named == set()


def test_no_trap_is_listed_twice() -> None:
    traps = [trap for trap, _ in rows()]
    assert sorted(set(traps)) == sorted(traps)
