"""Whether somebody can be reached: what the clients of one person show, and what that comes to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable


class Availability(StrEnum):
    """How a person shows themselves (RFC 6121, 4.7.2.1); `away` is every kind of absence, `gone` is offline."""

    AVAILABLE = "available"
    AWAY = "away"
    DND = "dnd"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """What one client shows; a negative priority asks for no messages (RFC 6121, 4.7.2.3)."""

    availability: Availability
    priority: int = 0
    status: str = ""


class Presences(Protocol):
    """What features that look for people ask."""

    def availability(self, jid: str) -> Availability:
        """Return how somebody (bare JID) shows themselves now; `gone` where nothing is known."""
        ...


_RANK: Final = (Availability.GONE, Availability.AWAY, Availability.DND, Availability.AVAILABLE)


def prevailing(presences: Iterable[Presence]) -> Availability:
    """Return what several clients of one person come to: the highest priority counts, of equal ones the liveliest."""
    reached = [one for one in presences if one.priority >= 0 and one.availability is not Availability.GONE]
    if not reached:
        return Availability.GONE
    highest = max(one.priority for one in reached)
    return max((one.availability for one in reached if one.priority == highest), key=_RANK.index)
