"""How much of what customers say a conversation is told line by line, and from when on the rest is only counted.

A trickle is told whole. Of a flood a few are told in each window, those first that were said to us directly, so that
somebody in trouble is still seen; all others are counted in one living line.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bridge.domain.ids import EntryId

WINDOW = timedelta(minutes=1)

SHOWN = 10
"""Items that a window shows, whoever said them; with more the conversation is flooded."""

SHOWN_IN_FLOOD = 3
"""Of a window that begins while a flood is on."""

RESERVED = 5
"""Further ones of each window, for what answers a post of ours or was said to us in private."""

UNSENT = 30
"""Items that wait at most for a conversation that can't be reached; more would flood it when it is back."""

_SHORTEST, _LONGEST = timedelta(seconds=5), timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Where a conversation stands in its window.

    `heard` counts all items of the window. `places` are left for anything, `reserved` for what was said to us
    directly. `flood` is the id under which a flood's other items are counted; None while there is no flood.
    """

    began: datetime
    heard: int = 0
    places: int = SHOWN
    reserved: int = RESERVED
    flood: EntryId | None = None


def current(pace: Pace | None, now: datetime, *, told: bool) -> Pace:
    """Return where a conversation stands now: in the same window as before, or at the beginning of a new one.

    A flood is over after a window that had no more than a trickle, once its last count was sent (`told`).
    """
    if pace is None:
        return Pace(began=now)
    began = min(pace.began, now)
    if now - began < WINDOW:
        return replace(pace, began=began)
    rising = pace.heard > SHOWN and now - began < 2 * WINDOW
    if pace.flood is not None and (rising or not told):
        return Pace(began=now, places=SHOWN_IN_FLOOD, flood=pace.flood)
    return Pace(began=now)


def choose(pace: Pace, direct: Sequence[bool], unsent: int) -> tuple[Pace, list[bool]]:
    """Return which of these further items are shown, in order, and where the conversation stands after them.

    `direct` tells of each whether it was said to us directly; `unsent` is how many items wait to be sent already.
    """
    places, reserved = pace.places, pace.reserved
    shown: list[bool] = []
    for one in direct:
        shown.append(unsent < UNSENT and (places > 0 or (one and reserved > 0)))
        if shown[-1]:
            unsent += 1
            places, reserved = (places - 1, reserved) if places else (0, reserved - 1)
    return replace(pace, heard=pace.heard + len(shown), places=places, reserved=reserved), shown


def pause(age: timedelta) -> timedelta:
    """Return how long the living line of a flood rests before its next correction, when it is so old.

    5 s at first, and longer for one that goes on for long, since not every client shows corrections in place.
    """
    return max(_SHORTEST, min(age / 5, _LONGEST))
