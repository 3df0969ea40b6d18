"""A post that goes out at a time, and what is said of that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from bridge.domain.ids import short
from bridge.domain.text import clean_inbound
from bridge.domain.when import Moment
from bridge.domain.wording import cuts, looks, plural, seconds, tag, verb
from bridge.domain.zones import ZERO, find_zone

if TYPE_CHECKING:
    from bridge.domain.ids import EntryId
    from bridge.domain.outbox import StoredPost
    from bridge.domain.people import Place
    from bridge.domain.wording import Preview


ACTOR: Final = "timer"
"""Who is said to have done what happens because its time has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """When a post goes out, and the name of the zone in which that is told.

    `said` is the time as the post's own line says it. `asked` is whether its time passed while it couldn't go out, so
    that people decide.
    """

    post: EntryId
    due_at: datetime
    zone: str
    said: str
    asked: bool = False

    @property
    def moment(self) -> Moment:
        """Its time, in its zone; in UTC where the machine doesn't know the zone any more."""
        return Moment(self.due_at, find_zone(self.zone) or ZERO)


def planned(stored: StoredPost, timer: Timer, preview: Preview, *, now: datetime) -> str:
    """Return the receipt of a post that waits for its time: when that is, and how the post will look."""
    choice = f"{verb(stored.source.place, f'move {short(stored.id)} WHEN')}, or {_word(stored, 'undo')}"
    lead = f"{tag(stored.id)} {quoted(stored.text)}"
    if timer.asked:
        return f"{lead} was due {timer.moment}: {_word(stored, 'send')}, {choice}"
    until = f"in {roughly(timer.due_at - now)}" if timer.due_at > now else "now"
    return f"{lead} goes out {timer.moment} ({until}), {looks(stored, preview)}. {choice}{cuts(preview)}"


def overdue(stored: StoredPost, timer: Timer, *, now: datetime) -> str:
    """Return the line that leaves a post to people whose time passed while it couldn't go out."""
    move = verb(stored.source.place, f"move {short(stored.id)} WHEN")
    choice = f"{_word(stored, 'send')} posts it now, {move} another time, {_word(stored, 'undo')} takes it back"
    ago = roughly(now - timer.due_at)
    return f"{tag(stored.id)} {quoted(stored.text)} was due {timer.moment}, {ago} ago, and was not sent: {choice}"


def _word(stored: StoredPost, word: str) -> str:
    return verb(stored.source.place, f"{word} {short(stored.id)}")


def frozen(entry: EntryId, place: Place) -> str:
    """Return the line that tells why a post doesn't go out although its time has come."""
    resume = verb(place, "resume")
    return f"{tag(entry)} is due and waits: everything outgoing is frozen. An approver's {resume} continues"


def quoted(text: str, limit: int = 40) -> str:
    """Return the beginning of a text in quotes, on one line."""
    words = " ".join(clean_inbound(text, None).split())
    return f'"{words if len(words) <= limit else words[: limit - 3].rstrip() + "..."}"' if words else "your picture"


def roughly(duration: timedelta) -> str:
    """Return a duration as one speaks of what is to come: `3 days 4 h`, `2 h 30 min`, `45 s`; never less than it is."""
    if duration < timedelta(hours=1):
        return seconds(duration)
    days, rest = divmod(-(-duration // timedelta(minutes=1)), 24 * 60)
    if not days:
        return seconds(timedelta(minutes=rest))
    hours = -(-rest // 60)
    return plural(days, "day") + (f" {hours} h" if hours else "")
