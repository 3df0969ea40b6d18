"""Identifiers: the short ones that people type, and the platforms' own, as distinct types."""

from __future__ import annotations

import re
from typing import NewType

EntryId = NewType("EntryId", int)
"""A post or an item, from one sequence, never reused; people see it in hex: `4f`."""

PostId = NewType("PostId", str)
"""What a platform calls one of its posts: opaque text."""

Cursor = NewType("Cursor", str)
"""A position in a listing, opaque to the core, made and read by the plugin."""

_SHORT = re.compile(r"\[?#?([0-9a-fA-F]{1,15})\]?\Z")


def short(entry: int) -> str:
    """Return an entry's id as people see it, without brackets: `4f`."""
    return f"{entry:x}"


def parse_short(text: str) -> EntryId | None:
    """Read `4f`, `#4f` or `[4f]`; None where the text is no short id."""
    match = _SHORT.match(text)
    return EntryId(int(match[1], 16)) if match else None


def by_age(identifier: str) -> tuple[int, str]:
    """Return the sort key of platform ids, which are text and grow: by length, then by content."""
    return (len(identifier), identifier)
