"""The corpus of whole toots, read from `toots.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True, slots=True)
class Toot:
    """One toot: its markup, what `to_text` makes of it, and what of that our room hears."""

    name: str
    about: frozenset[str]
    html: str
    text: str
    said: str


@cache
def toots() -> tuple[Toot, ...]:
    """Return the whole corpus."""
    entries = tomllib.loads(_FILE.read_text(encoding="utf-8"))["toot"]
    return tuple(
        Toot(
            name=one["name"],
            about=frozenset(one["about"]),
            html=one["html"],
            text=one["text"],
            said=one.get("said", one["text"]),
        )
        for one in entries
    )
