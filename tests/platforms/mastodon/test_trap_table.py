"""The pages on Mastodon name tests: each of them exists, and each test of a trap is named."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
INCOMING = ("items", "listen", "changes", "mock_changes", "place", "stream", "track")


def defined(files: list[Path]) -> set[str]:
    return {name for path in files for name in re.findall(r"def (test_\w+)\(", path.read_text(encoding="utf-8"))}


def named() -> set[str]:
    pages = (ROOT / "docs").glob("mastodon*.md")
    return {name for path in pages for name in re.findall(r"`(test_\w+)`", path.read_text(encoding="utf-8"))}


def test_every_test_that_a_page_names_exists() -> None:
    assert len(named()) > 20
    assert named() <= defined(list((ROOT / "tests").rglob("test_*.py")))


def test_every_test_of_an_incoming_trap_is_named() -> None:
    traps = {name for name in defined([HERE / f"test_{name}.py" for name in INCOMING]) if name.startswith("test_trap_")}
    assert traps - named() == set()
