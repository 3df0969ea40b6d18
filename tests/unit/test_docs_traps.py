"""The tables of traps in the pages of platforms: what they name is there, and each test of a trap is named."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PLATFORMS: Final = {"mastodon": 60, "x": 35}
"""The pages, and how many rows each has at least."""
ROW = re.compile(r"(?m)^\| (?P<trap>[^|]+) \| (?P<tests>[^|]+) \|$")
NAME = re.compile(r"`(test_\w+)`")


platforms = pytest.mark.parametrize("platform", PLATFORMS)


def rows(platform: str) -> list[tuple[str, list[str]]]:
    """Return each trap with the tests that its line names."""
    text = (ROOT / "docs" / f"{platform}.md").read_text(encoding="utf-8")
    _, _, traps = text.partition("### Outgoing\n")
    found = [(row["trap"], row["tests"]) for row in ROW.finditer(traps)]
    return [(trap, NAME.findall(tests)) for trap, tests in found if trap not in {"the trap", "---"}]


def functions(folder: Path) -> set[str]:
    """The names of all test functions, also those in classes."""
    names: set[str] = set()
    for path in folder.rglob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return names


@platforms
def test_every_trap_is_named_by_tests_that_exist(platform: str) -> None:
    written = functions(ROOT / "tests")
    missing = [(trap, name) for trap, names in rows(platform) for name in names if name not in written]
    assert missing == []
    assert [trap for trap, names in rows(platform) if not names] == []
    assert len(rows(platform)) > PLATFORMS[platform]


@platforms
def test_every_test_of_a_trap_is_in_a_row(platform: str) -> None:
    named = {name for _, names in rows(platform) for name in names}
    written = functions(ROOT / "tests" / "platforms" / platform)
    assert {name for name in written if name.startswith("test_trap_")} - named == set()


@platforms
def test_no_trap_is_listed_twice(platform: str) -> None:
    traps = [trap for trap, _ in rows(platform)]
    assert sorted(set(traps)) == sorted(traps)
