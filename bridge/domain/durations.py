"""Lengths of time as people write them: `20s`, `1h`, `2m30s`, `500ms`, or a plain number of seconds."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer

_MILLISECONDS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|[dhms])", re.ASCII)
_PLAIN = re.compile(r"\d{1,9}(?:\.\d{1,6})?\Z", re.ASCII)
_LONGEST: Final = timedelta(days=3660)
_WRONG: Final = 'must be a length of time, as "20s", "2m30s", "1h" or "500ms"'


def parse_duration(value: object) -> timedelta:
    """Read a length of time, of ten years at most; a number, or a text that is one, counts seconds.

    Units are `d`, `h`, `m`, `s` and `ms`, from the largest to the smallest, each at most once. Raises ValueError with
    a sentence that doesn't repeat the value (which may be a misplaced secret).
    """
    length = _length(value)
    if length < timedelta(0):
        raise ValueError("must not be negative")
    if length > _LONGEST:
        raise ValueError("is longer than ten years")
    return length


def _length(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return timedelta(seconds=max(min(value, 1e9), -1.0))
    if not isinstance(value, str):
        raise ValueError(_WRONG)  # noqa: TRY004 - pydantic turns a ValueError into a line for people
    text = value.strip().lower()
    if _PLAIN.match(text):
        return timedelta(seconds=float(text))
    return _parts("".join(text.split()))


def _parts(text: str) -> timedelta:
    total = 0.0
    position = 0
    former: int | None = None
    while match := _PART.match(text, position):
        unit = _MILLISECONDS[match[2]]
        if former is not None and unit >= former:
            raise ValueError(_WRONG)
        total += float(match[1]) * unit
        former = unit
        position = match.end()
    if former is None or position != len(text):
        raise ValueError(_WRONG)
    return timedelta(milliseconds=total)


def render_duration(length: timedelta) -> str:
    """Return a length of time as `parse_duration` reads it, down to the millisecond: `2m30s`; zero is `0s`."""
    rest = round(length / timedelta(milliseconds=1))
    parts: list[str] = []
    for unit, size in _MILLISECONDS.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(render_duration, return_type=str, when_used="json"),
]
"""A `timedelta` for pydantic models, written as `20s` or `1h` in the configuration."""
