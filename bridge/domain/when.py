"""Times as people write them: `18:00`, `6pm`, `tomorrow 02:00 Europe/Berlin`, `in 2h`, `mon 9:00`, ISO.

First the words are read, which depends on nothing else; then what they say is found on the clocks of a zone, counted
from the moment at which they were said. A time that these clocks skip, or show twice, is asked about.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Final, TypeAlias

from bridge.domain.zones import Zone, absolute, around, find_zone, same_clock, typed

AHEAD: Final = 12
"""So many words a time has at most."""

LONGEST: Final = timedelta(days=366)
"""So far ahead something may be planned."""

_WORD: Final = 64
_NEAR: Final = timedelta(days=800)
_NOON: Final = 12
_LAST_OFFSET: Final = 14

_CLOCK: Final = r"(?P<h>\d{1,2})(?::(?P<m>\d\d)(?::(?P<s>\d\d))?)?(?P<half>[ap]m)?"
_OFFSET: Final = r"(?P<sign>[+-])(?P<oh>\d\d)(?::?(?P<om>\d\d))?"
_TIME = re.compile(rf"{_CLOCK}(?P<offset>z|{_OFFSET})?", re.ASCII)
_STAMP = re.compile(r"(?P<date>\d{4}-\d\d-\d\d)t(?P<time>\S{1,30})", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_APART = re.compile(r"[+-]\d\d:\d\d", re.ASCII)
_PIECE = re.compile(r"(?P<many>\d{1,5}(?:\.\d{1,2})?)(?P<unit>[a-z]{1,8})", re.ASCII)
_MANY = re.compile(r"\d{1,5}(?:\.\d{1,2})?", re.ASCII)
_PLACE = re.compile(r"(?P<area>[a-z]+)/\S+", re.ASCII)
_SHIFTED = re.compile(r"(?:utc|gmt)[+-]\d{1,2}(?::?\d\d)?", re.ASCII)

_UNITS: Final[Mapping[str, timedelta]] = {
    **dict.fromkeys(("w", "week", "weeks"), timedelta(weeks=1)),
    **dict.fromkeys(("d", "day", "days"), timedelta(days=1)),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), timedelta(hours=1)),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), timedelta(minutes=1)),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), timedelta(seconds=1)),
}
_ONE: Final = frozenset({"a", "an", "one"})
_WEEKDAYS: Final[Mapping[str, int]] = {
    name: number
    for number, names in enumerate(
        (
            ("mon", "monday"),
            ("tue", "tues", "tuesday"),
            ("wed", "weds", "wednesday"),
            ("thu", "thur", "thurs", "thursday"),
            ("fri", "friday"),
            ("sat", "saturday"),
            ("sun", "sunday"),
        )
    )
    for name in names
}
_NEXT: Final[Mapping[str, int]] = {"today": 0, "tomorrow": 1}
_AREAS: Final = frozenset(
    {"africa", "america", "antarctica", "arctic", "asia", "atlantic", "australia", "brazil", "canada", "chile", "etc"}
    | {"europe", "indian", "mexico", "pacific", "us"}
)
_SHORT: Final = frozenset(
    {"AEDT", "AEST", "BST", "CDT", "CEST", "CET", "CST", "EDT", "EEST", "EET", "EST", "IST", "JST", "MDT", "MSK", "MST"}
    | {"PDT", "PST", "WEST", "WET"}
)
"""Short names that mean several zones, or half a year of one; as words of a text they are written otherwise."""

_PLAIN: Final = frozenset({"utc", "gmt"})

Day: TypeAlias = date | str
"""A date, or a day's name."""


class WhenError(ValueError):
    """What was said is no time that can be planned for; the text says why, as one sentence.

    `choices` are what to say instead, where that is known.
    """

    def __init__(self, sentence: str, *choices: str) -> None:
        """Take the sentence and what to say instead."""
        super().__init__(sentence)
        self.choices = choices


class NoWhenError(WhenError):
    """The words don't begin with a time at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """A time as it was said: a length of time from then on, or a time of a day, perhaps with a zone or its offset."""

    length: timedelta | None = None
    day: Day | None = None
    clock: time = time(0)
    offset: tzinfo | None = None
    zone: Zone | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """When it is, in UTC, and the zone in which it is to be told."""

    at: datetime
    zone: Zone

    def __str__(self) -> str:
        """Return it as people read it."""
        return absolute(self.at, self.zone)


def read(words: Sequence[str]) -> tuple[When, int]:
    """Read a time from the first of some words, as many as belong to it; return how many these are.

    Raises WhenError.
    """
    reader = _Reader(words[:AHEAD])
    return reader.when(), reader.at


def find(when: When, *, said_at: datetime, zone: Zone) -> Moment:
    """Return the moment that was meant by somebody in a zone who said it at a time; raises WhenError.

    A time of day without a day is its next occurrence, and so is a weekday.
    """
    told = when.zone or zone
    if when.length is not None:
        if when.length <= timedelta(0):
            raise WhenError("That is now, not later")
        return _bounded(Moment(said_at + min(when.length, LONGEST * 2), told), said_at)
    place = told if when.offset is None else Zone(told.name, when.offset)
    days = _days(when.day, said_at.astimezone(place.tz).date())
    for day in days:
        local = datetime.combine(day, when.clock)
        moments = same_clock(local, place)
        coming = [one for one in moments or around(local, place) if one > said_at]
        if coming or day == days[-1]:
            if coming and not moments:
                raise _asked(local, coming, told, "doesn't exist", "forward")
            if len(coming) > 1:
                raise _asked(local, coming, told, "comes twice", "back")
            return _bounded(Moment((coming or around(local, place))[0], told), said_at)
    raise AssertionError(days)  # pragma: no cover - there is always a last day


def _days(day: Day | None, today: date) -> tuple[date, ...]:
    """Return the days that may be meant, the first one in the future being it."""
    if day is None:
        return today, today + timedelta(days=1)
    if isinstance(day, date):
        if abs(day - today) > _NEAR:
            raise WhenError(_FAR if day > today else f"{day} is past")
        return (day,)
    if day in _NEXT:
        return (today + timedelta(days=_NEXT[day]),)
    first = today + timedelta(days=(_WEEKDAYS[day] - today.weekday()) % 7)
    return first, first + timedelta(days=7)


_FAR: Final = "That is more than a year ahead"


def _bounded(moment: Moment, said_at: datetime) -> Moment:
    if moment.at <= said_at:
        raise WhenError(f"{moment} is past")
    if moment.at - said_at > LONGEST:
        raise WhenError(_FAR)
    return moment


def _asked(local: datetime, moments: Sequence[datetime], zone: Zone, why: str, way: str) -> WhenError:
    choices = [typed(one, zone) for one in moments]
    clock = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    return WhenError(f"{clock} on {local:%Y-%m-%d} {why} in {zone.name}, where the clocks go {way}", *choices)


class _Reader:
    """Words being read; `at` is how many are done with."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self.at = 0

    def _peek(self, ahead: int = 0) -> str:
        """Return a word in small letters, without a comma or colon after it; empty where there is none."""
        at = self.at + ahead
        word = self._words[at] if at < len(self._words) else ""
        return word.rstrip(",:").casefold() if len(word) <= _WORD else ""

    @property
    def _ended(self) -> bool:
        """Whether the last word says by a colon that the text follows."""
        return self.at > 0 and self._words[self.at - 1].endswith(":")

    def when(self) -> When:
        length = self._length()
        if length is not None:
            return When(length=length)
        day, clock, offset = self._stamp() or self._day_and_clock()
        zone = None
        if not self._ended:
            if offset is None and _APART.fullmatch(self._peek()):
                _, offset = _time(f"00:00{self._peek()}")
                self.at += 1
            zone = self._zone()
        if day is None and not self._ended and self._peek() in _NEXT.keys() | _WEEKDAYS.keys():
            after, said = self._peek(), f"{clock:%H:%M}"
            raise WhenError(
                f"`{said} {after}` can be read in two ways; the day stands before the time, as in `{after} {said}`"
            )
        return When(day=day, clock=clock, offset=offset, zone=zone)

    def _length(self) -> timedelta | None:
        said_in = self._peek() == "in"
        self.at += said_in
        total, former = timedelta(0), timedelta.max
        while piece := self._piece(former, apart=said_in):
            length, former, words = piece
            total += length
            self.at += words
            if self._ended:
                break
        if former < timedelta.max:
            return total
        if said_in:
            raise NoWhenError("after `in` comes a length of time, such as `in 2h`")
        return None

    def _piece(self, former: timedelta, *, apart: bool) -> tuple[timedelta, timedelta, int] | None:
        """Return the length that comes next, its smallest unit, which is smaller than `former`, and its words."""
        word = self._peek()
        if glued := _glued(word if apart or self.at else word.removeprefix("+"), former):
            return *glued, 1
        unit = _UNITS.get(self._peek(1))
        if not apart or unit is None or unit >= former:
            return None
        many = 1.0 if word in _ONE else float(word) if _MANY.fullmatch(word) else None
        return None if many is None else (many * unit, unit, 2)

    def _stamp(self) -> tuple[Day, time, tzinfo | None] | None:
        match = _STAMP.fullmatch(self._peek())
        if match is None:
            return None
        clock, offset = _time(match["time"])
        if clock is None:
            raise NoWhenError("that is no time of day")
        self.at += 1
        return _date(match["date"]), clock, offset

    def _day_and_clock(self) -> tuple[Day | None, time, tzinfo | None]:
        word = self._peek()
        day: Day | None = None
        if word in _NEXT or word in _WEEKDAYS:
            day = word
        elif _DATE.fullmatch(word):
            day = _date(word)
        if day is not None:
            self.at += 1
            self.at += self._peek() == "at"
        clock, offset = self._clock()
        if clock is not None:
            return day, clock, offset
        if day is None:
            raise NoWhenError("that is no time")
        raise WhenError(f"After `{word}` comes a time of day, as in `{word} 9:00`")

    def _clock(self) -> tuple[time | None, tzinfo | None]:
        word, half = self._peek(), self._peek(1)
        if half in {"am", "pm"} and not self._words[self.at].endswith(("m", ",", ":")):
            clock, offset = _time(word + half)
            self.at += 2 * (clock is not None)
            if clock is not None:
                return clock, offset
        clock, offset = _time(word)
        self.at += clock is not None
        return clock, offset

    def _zone(self) -> Zone | None:
        word = self._peek()
        raw = self._words[self.at].rstrip(",:") if word else ""
        place = _PLACE.fullmatch(word)
        if raw in _SHORT or _SHIFTED.fullmatch(word):
            raise WhenError(f"`{raw}` names no zone for certain; say it as in `18:00 Europe/Berlin` or `18:00+02:00`")
        if not (word in _PLAIN or raw == "Z" or (place and place["area"] in _AREAS)):
            return None
        zone = find_zone("UTC" if raw == "Z" or word in _PLAIN else word)
        if zone is None:
            shown = raw.replace("`", "")
            raise WhenError(f"There is no zone called `{shown}`; zones are written as in `Europe/Berlin`")
        self.at += 1
        return zone


def _glued(word: str, former: timedelta) -> tuple[timedelta, timedelta] | None:
    """Read `2h30m`: its length, and its smallest unit; None where it is none, or its units don't get smaller."""
    total, position = timedelta(0), 0
    while match := _PIECE.match(word, position):
        unit = _UNITS.get(match["unit"])
        if unit is None or unit >= former:
            return None
        total, former, position = total + float(match["many"]) * unit, unit, match.end()
    return (total, former) if position and position == len(word) else None


def _date(word: str) -> date:
    try:
        return date.fromisoformat(word)
    except ValueError:
        raise WhenError(f"There is no day `{word}`") from None


def _time(word: str) -> tuple[time | None, tzinfo | None]:
    """Read a time of day, and the offset at its end; None where it is none."""
    match = _TIME.fullmatch(word)
    if match is None or not (match["m"] or match["half"]):
        return None, None
    hour, minute, second = (int(match[name] or 0) for name in "hms")
    if match["half"]:
        if not 1 <= hour <= _NOON:
            raise WhenError(f"There is no time of day `{word}`")
        hour = hour % _NOON + (_NOON if match["half"] == "pm" else 0)
    try:
        return time(hour, minute, second), _offset(match)
    except ValueError:
        raise WhenError(f"There is no time of day `{word}`") from None


def _offset(match: re.Match[str]) -> tzinfo | None:
    if match["offset"] in {None, "z"}:
        return UTC if match["offset"] else None
    hours, minutes = int(match["oh"]), int(match["om"] or 0)
    ahead = timedelta(hours=hours, minutes=minutes)
    if ahead > timedelta(hours=_LAST_OFFSET):
        raise ValueError(match["offset"])
    return timezone(-ahead if match["sign"] == "-" else ahead)
