"""X's ids, which hold the millisecond in which they were given out (https://docs.x.com/fundamentals/x-ids)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

_EPOCH: Final = 1_288_834_974_657
_SHIFT: Final = 22


def first_of(moment: datetime) -> str:
    """Return the lowest id of a moment (to the millisecond); "0" for one before X had such ids."""
    return str(max(0, round(moment.timestamp() * 1000) - _EPOCH) << _SHIFT)


def moment_of(identifier: str) -> datetime:
    """Return when an id was given out; raises ValueError for what is none."""
    try:
        return datetime.fromtimestamp(((int(identifier) >> _SHIFT) + _EPOCH) / 1000, UTC)
    except (OverflowError, OSError):
        raise ValueError("no id of X's") from None


def before(identifier: str) -> str:
    """Return the id just below another."""
    return str(max(0, int(identifier) - 1))
