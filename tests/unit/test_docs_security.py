"""docs/security.md: each test that it names exists, and no attack goes without one."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
TEXT: Final = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_each_named_test_exists() -> None:
    named = NAMED.findall(TEXT)
    assert len(named) > 40
    missing = [
        f"{path}::{name}" for path, name in named if not (ROOT / path).is_file() or name not in functions(ROOT / path)
    ]
    assert missing == []


def test_each_name_is_written_so_that_it_is_looked_up() -> None:
    assert len(re.findall(r"tests/[^\s`]*::", TEXT)) == len(NAMED.findall(TEXT))


def test_no_attack_goes_without_a_test() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    attacks = [line for line in rows if not line.endswith("| the test |")]
    assert len(attacks) > 30
    assert [line for line in attacks if not NAMED.search(line)] == []


def test_every_attacker_has_a_chapter() -> None:
    chapters = re.findall(r"(?m)^## (.+)$", TEXT)
    assert chapters[:7] == [
        "Strangers",
        "Customers",
        "Occupants of the room",
        "Colleagues without the role",
        "Hostile platforms",
        "A stolen configuration",
        "Hostile plugins",
    ]
