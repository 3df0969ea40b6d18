"""The lines on their way: handed to the stream and not seen yet, or waiting for another try after a bounce."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bridge.delivery import conversation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from bridge.domain.notices import Notice

IN_FLIGHT: Final = 64
IN_FLIGHT_BYTES: Final = 16_000
"""How much is under way at most, but for one line: some servers take in only 3 kB a second, and whatever waits there
keeps our pings from being answered in time."""
ECHO_SECONDS: Final = 30.0


@dataclass(slots=True, kw_only=True)
class Flight:
    """One line on its way: marked in the store, and `handed` to the stream or about to be; `size` in bytes."""

    notice: Notice
    stanza: Element
    size: int
    since: float
    handed: bool = False
    bounces: int = 0
    again_at: float | None = None
    reason: str = ""

    @property
    def source(self) -> str:
        """The room that it is for, or `direct`."""
        return conversation(self.notice.target)


@dataclass(slots=True)
class Flights:
    """All of them, in the order in which they began; times are those of a monotonic clock, in seconds."""

    _by_id: dict[str, Flight] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Flight]:
        """Go through them as they are now; meanwhile they may change."""
        return iter(tuple(self._by_id.values()))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._by_id)

    def ids(self) -> frozenset[str]:
        """Return their origin ids."""
        return frozenset(self._by_id)

    def get(self, origin_id: str) -> Flight | None:
        """Return one by its origin id."""
        return self._by_id.get(origin_id)

    def add(self, flight: Flight) -> None:
        """Take one more."""
        self._by_id[flight.notice.origin_id] = flight

    def end(self, origin_id: str) -> None:
        """Forget one; an unknown id changes nothing."""
        self._by_id.pop(origin_id, None)

    def clear(self) -> None:
        """Forget all."""
        self._by_id.clear()

    def free(self) -> int:
        """Return how many more lines may begin."""
        return max(0, IN_FLIGHT - len(self)) if self.free_bytes() > 0 else 0

    def free_bytes(self) -> int:
        """Return how many more bytes may be under way; what waits after a bounce isn't, and holds up nobody else."""
        return IN_FLIGHT_BYTES - sum(flight.size for flight in self if flight.again_at is None)

    def overdue(self, now: float) -> list[Flight]:
        """Return what was handed over long ago, and seen nowhere since."""
        late = now - ECHO_SECONDS
        return [one for one in self if one.handed and one.again_at is None and one.since <= late]

    def due_again(self, now: float) -> list[Flight]:
        """Return what has waited long enough after a bounce."""
        return [one for one in self if one.again_at is not None and one.again_at <= now]

    def times(self) -> list[float]:
        """Return when each is to be looked after."""
        return [one.since + ECHO_SECONDS if one.again_at is None else one.again_at for one in self]
