"""Hours of the day, as `22:00-06:00`: from the first, up to but without the last, in a zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING, Final, Self

from bridge.domain.zones import ZERO, find_zone

if TYPE_CHECKING:
    from datetime import datetime

_FORM: Final = re.compile(r"\s*([01]?[0-9]|2[0-3]):([0-5][0-9])\s*-\s*([01]?[0-9]|2[0-3]|24):([0-5][0-9])\s*\Z")


@dataclass(frozen=True, slots=True)
class Hours:
    """A stretch of every day, by the clocks of a zone; it may pass midnight."""

    first: time
    last: time
    zone: str = ZERO.name

    @classmethod
    def parse(cls, text: str, zone: str = ZERO.name) -> Self:
        """Read hours as people write them; raises ValueError with what they look like."""
        found = _FORM.match(text)
        if found is None or (found[3] == "24" and found[4] != "00"):
            raise ValueError('must be hours of the day, as "22:00-06:00"')
        made = cls(time(int(found[1]), int(found[2])), time(int(found[3]) % 24, int(found[4])), zone)
        if made.first == made.last and found[3] != "24":
            raise ValueError('must be hours of the day, as "22:00-06:00"; the whole day is "00:00-24:00"')
        return made

    def hold(self, at: datetime) -> bool:
        """Tell whether a moment is among them."""
        now = at.astimezone((find_zone(self.zone) or ZERO).tz).time()
        if self.first < self.last:
            return self.first <= now < self.last
        return now >= self.first or now < self.last

    def __str__(self) -> str:
        """Return them as a sentence has them: `between 22:00 and 06:00 Europe/Berlin`."""
        return f"between {self.first:%H:%M} and {self.last:%H:%M} {self.zone}"
