"""What the clients of people show, as the stream tells it: directly, or in a room with us. Nothing is stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bridge.chat.elements import CLIENT, bare, items_of, resource, sender_of
from bridge.domain.presence import Availability, Presence, prevailing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

MOST: Final = 5_000
"""People that are remembered: whoever knows our address can send us a presence."""

_SHOWN: Final = {"away": Availability.AWAY, "xa": Availability.AWAY, "dnd": Availability.DND}


def read(stanza: Element) -> Presence | None:
    """Return what a presence shows; None where it is about something else, as a subscription."""
    type_ = stanza.get("type")
    if type_ not in {None, "", "unavailable"}:
        return None
    status = (stanza.findtext(CLIENT + "status") or "").strip()
    if type_ == "unavailable":
        return Presence(availability=Availability.GONE, status=status)
    shown = _SHOWN.get((stanza.findtext(CLIENT + "show") or "").strip(), Availability.AVAILABLE)
    return Presence(availability=shown, priority=_priority(stanza), status=status)


def _priority(stanza: Element) -> int:
    try:
        return max(-128, min(127, int(stanza.findtext(CLIENT + "priority") or 0)))
    except ValueError:
        return 0


@dataclass(slots=True)
class _Shown:
    """One person's clients, by resource, and places in rooms, by room and nick."""

    direct: dict[str, Presence] = field(default_factory=dict[str, Presence])
    rooms: dict[tuple[str, str], Presence] = field(default_factory=dict[tuple[str, str], Presence])

    @property
    def all(self) -> Iterator[Presence]:
        yield from self.direct.values()
        yield from self.rooms.values()


class Presences:
    """Who shows what now. Call `heard` and `heard_in` for every presence, in the order of the stream."""

    def __init__(self) -> None:
        """Begin with nobody known."""
        self._people: dict[str, _Shown] = {}
        self._nicks: dict[tuple[str, str], str] = {}

    def clear(self) -> None:
        """Begin again: the session is another one, and the server will tell anew."""
        self._people.clear()
        self._nicks.clear()

    def forget(self, room: str) -> None:
        """Take what was seen in a room for unknown: we aren't in it any more."""
        for key in [key for key in self._nicks if key[0] == room]:
            self._drop_place(key)

    def heard(self, stanza: Element) -> None:
        """Take a presence that a person's client sent us, because we are in its roster or it in ours."""
        sender = sender_of(stanza)
        address, shown = bare(sender), read(stanza)
        if shown is None:
            return
        if shown.availability is not Availability.GONE:
            if (person := self._person(address)) is not None:
                person.direct[resource(sender)] = shown
        elif address in self._people:
            # Without a resource the whole account is gone.
            here = self._people[address].direct
            for name in [resource(sender)] if resource(sender) else list(here):
                here.pop(name, None)
            self._tidy(address)

    def heard_in(self, room: str, stanza: Element) -> None:
        """Take a presence from one of a room's occupants; those whose address the room hides are nobody."""
        key, shown = (room, resource(sender_of(stanza))), read(stanza)
        item = next(items_of(stanza), None)
        if shown is None or not key[1]:
            return
        self._drop_place(key)
        address = bare(item.get("jid", "")) if item is not None else ""
        if not address or shown.availability is Availability.GONE:
            return
        if (person := self._person(address)) is not None:
            person.rooms[key] = shown
            self._nicks[key] = address

    def availability(self, jid: str) -> Availability:
        """Return how somebody shows themselves: what they tell us counts more than what they show in a room."""
        person = self._people.get(jid)
        if person is None:
            return Availability.GONE
        return prevailing(person.direct.values() if person.direct else person.rooms.values())

    def is_away_message(self, jid: str, text: str) -> bool:
        """Tell whether a text is what somebody's client shows while they are away, since some also answer with it."""
        person, words = self._people.get(jid), text.split()
        if person is None or not words:
            return False
        return any(one.availability is not Availability.AVAILABLE and one.status.split() == words for one in person.all)

    def _person(self, address: str) -> _Shown | None:
        if address not in self._people and len(self._people) >= MOST:
            return None
        return self._people.setdefault(address, _Shown())

    def _drop_place(self, key: tuple[str, str]) -> None:
        address = self._nicks.pop(key, None)
        if address is not None:
            self._people[address].rooms.pop(key, None)
            self._tidy(address)

    def _tidy(self, address: str) -> None:
        person = self._people[address]
        if not person.direct and not person.rooms:
            del self._people[address]
