from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [ROOT / "tests" / "faults" / name for name in ("live", "xmpp")]
TESTS = [path for folder in FOLDERS for path in folder.glob("test_*.py")]
ROW = re.compile(r"^\| (?!fault|---).*\| `(\w+\.py)::(\w+)` \|$", re.MULTILINE)


def told() -> list[tuple[str, str]]:
    return ROW.findall((ROOT / "docs" / "faults.md").read_text(encoding="utf-8"))


def made() -> list[tuple[str, str]]:
    return [
        (path.name, one.name)
        for path in sorted(TESTS)
        for one in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(one, ast.AsyncFunctionDef) and one.name.startswith("test_")
    ]


def test_each_fault_of_the_table_has_its_test_and_each_test_its_line() -> None:
    assert sorted(told()) == sorted(made())


def test_no_line_of_the_table_goes_without_a_test() -> None:
    lines = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.startswith(("| ---", "| fault"))]
    assert len(rows) == len(told()) > 30
