"""Time zones by their names, as `Europe/Berlin`: looked up in what this machine knows, never as a path."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

_LONGEST: Final = 64
_NOT_PLACES: Final = frozenset({"localtime", "factory"})
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone, and its name as it is to be written."""

    name: str
    tz: tzinfo


ZERO: Final = Zone("UTC", UTC)


def find_zone(name: str) -> Zone | None:
    """Return the zone of that name, in whatever case it is written; None where there is none."""
    folded = name.strip().casefold()
    if folded == "utc":
        return ZERO
    known = _names().get(folded) if len(folded) <= _LONGEST else None
    if known is None:
        return None
    try:
        return Zone(known, ZoneInfo(known))
    except (LookupError, ValueError, OSError):  # the machine lists it, and can't read it
        return None


@cache
def _names() -> dict[str, str]:
    return {name.casefold(): name for name in available_timezones() if name.casefold() not in _NOT_PLACES}


def same_clock(local: datetime, zone: Zone) -> tuple[datetime, ...]:
    """Return the moments at which the clocks of a zone show a naive time: one, or two, or none, earliest first."""
    moments = sorted({local.replace(tzinfo=zone.tz, fold=fold).astimezone(UTC) for fold in (0, 1)})
    return tuple(one for one in moments if one.astimezone(zone.tz).replace(tzinfo=None) == local)


def around(local: datetime, zone: Zone) -> tuple[datetime, ...]:
    """Return the moments that a naive time may mean that a zone's clocks skip, earliest first."""
    return tuple(sorted({local.replace(tzinfo=zone.tz, fold=fold).astimezone(UTC) for fold in (0, 1)}))


def absolute(at: datetime, zone: Zone) -> str:
    """Return a moment as people read it, the zone with it: `Tue 2026-12-01 02:00 Europe/Berlin`."""
    return f"{_WEEKDAYS[at.astimezone(zone.tz).weekday()]} {typed(at, zone, offset=is_double(at, zone))}"


def is_double(at: datetime, zone: Zone) -> bool:
    """Tell whether the zone's clocks show the same once more, before or after."""
    local = at.astimezone(zone.tz)
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def typed(at: datetime, zone: Zone, *, offset: bool = True) -> str:
    """Return a moment as one may type it: `2026-10-25 02:30+01:00 Europe/Berlin`."""
    local = at.astimezone(zone.tz)
    clock = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    ahead = _offset(local.utcoffset() or timedelta(0)) if offset else ""
    return f"{local:%Y-%m-%d} {clock}{ahead} {zone.name}"


def _offset(ahead: timedelta) -> str:
    hours, minutes = divmod(abs(ahead) // timedelta(minutes=1), 60)
    return f"{'-' if ahead < timedelta(0) else '+'}{hours:02}:{minutes:02}"
