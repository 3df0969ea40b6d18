"""How much somebody may say in a time: `20/1m`, and who has said more.

What is counted is when something was said, not when it is taken up: what waited in an archive for hours is no flood.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BeforeValidator, PlainSerializer

from bridge.domain.durations import parse_duration, render_duration

if TYPE_CHECKING:
    from datetime import datetime

KNOWN: Final = 500
"""So many are counted at once; whoever has been silent for longest is forgotten first."""

_MOST: Final = 10_000
_LONGEST: Final = timedelta(days=1)
_RATE = re.compile(r"([0-9]{1,5})\s*/\s*(\S.*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most so many within any such length of time."""

    count: int
    per: timedelta

    def __str__(self) -> str:
        """Return it as the configuration writes it."""
        return f"{self.count}/{render_duration(self.per)}"


def parse_rate(value: object) -> Rate | None:
    """Read a rate, None where there is to be no limit; raises ValueError with a sentence for people."""
    if value is None or isinstance(value, Rate):
        return value
    text = value.strip().lower() if isinstance(value, str) else ""
    if text == "none":
        return None
    found = _RATE.fullmatch(text)
    if found is None:
        raise ValueError('must be how many within what time, as "20/1m", or "none"')
    count, per = int(found[1]), parse_duration(found[2])
    if not 1 <= count <= _MOST or not timedelta(seconds=1) <= per <= _LONGEST:
        raise ValueError(f"must be between 1 and {_MOST}, within 1s to 1d")
    return Rate(count, per)


@dataclass(frozen=True, slots=True)
class Over:
    """Somebody has said too much: `until` when they are heard again; `tell` is whether this is the first of it."""

    until: datetime
    tell: bool


@dataclass(slots=True)
class _Said:
    """What one of them said last, by key, the oldest first; and the key that was told of a limit, until when."""

    at: dict[str, datetime] = field(default_factory=dict[str, "datetime"])
    told: tuple[str, datetime] | None = None


class Meter:
    """Counts what is said by each of many; in memory alone, so that a restart begins anew."""

    def __init__(self, rate: Rate | None, *, known: int = KNOWN) -> None:
        """Take the limit, None where there is none."""
        self._rate = rate
        self._known = known
        self._said: OrderedDict[str, _Said] = OrderedDict()

    @property
    def rate(self) -> Rate | None:
        """The limit."""
        return self._rate

    def limit(self, rate: Rate | None) -> None:
        """Count by another limit from now on; what was said so far counts by it, too."""
        if rate == self._rate:
            return
        self._rate = rate
        for said in self._said.values():
            said.told = None
            for key in list(said.at)[: -rate.count] if rate is not None else list(said.at):
                del said.at[key]

    def take(self, who: str, key: str, at: datetime) -> Over | None:
        """Count something said at a time; return Over, and count it not, where that would be too much.

        The same key is judged alike however often it is handed in.
        """
        if self.rate is None:
            return None
        said = self._of(who)
        if key in said.at:
            return None
        until = self._until(said, at)
        if until is None:
            said.at[key] = at
            if len(said.at) > self.rate.count:
                del said.at[next(iter(said.at))]
            return None
        tell = said.told is None or said.told[0] == key or at >= said.told[1]
        if tell:
            said.told = (key, until)
        return Over(until, tell)

    def is_over(self, who: str, at: datetime) -> bool:
        """Tell whether something said at a time would be too much; counts nothing."""
        said = self._said.get(who)
        return said is not None and self._until(said, at) is not None

    def untell(self, who: str, key: str) -> None:
        """Take back that somebody was told by the answer to this: it was never given."""
        said = self._said.get(who)
        if said is not None and said.told is not None and said.told[0] == key:
            said.told = None

    def _of(self, who: str) -> _Said:
        said = self._said.setdefault(who, _Said())
        self._said.move_to_end(who)
        if len(self._said) > self._known:
            self._said.popitem(last=False)
        return said

    def _until(self, said: _Said, at: datetime) -> datetime | None:
        if self.rate is None or len(said.at) < self.rate.count:
            return None
        oldest = next(iter(said.at.values()))
        # A clock that was set back by more than that time doesn't silence anybody for as long.
        return oldest + self.rate.per if abs(at - oldest) < self.rate.per else None


RateSetting = Annotated[
    Rate | None,
    BeforeValidator(parse_rate),
    PlainSerializer(lambda rate: "none" if rate is None else str(rate), return_type=str, when_used="json"),
]
"""A rate for pydantic models, written as `20/1m` or `none` in the configuration."""
