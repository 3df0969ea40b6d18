"""How a panic ends: what waits is shown first, and only what was shown may flow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.domain.ids import EntryId

LISTED_FOR: Final = timedelta(minutes=5)
"""How long a second word counts after the list of what waits."""

READING: Final = timedelta(seconds=2)
"""Who speaks sooner after the list was sent has not read it: they said the same word as somebody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What would flow if the panic ended now.

    `posts` counts them, `deliveries` what is owed to each account, `stale` those among the posts that are too old to go
    out unasked, and `expired` those that have become so during the panic and don't wait any more. `oldest` are the
    first posts. `mark` is another one as soon as anything of it has changed.
    """

    posts: int
    deliveries: tuple[tuple[str, int], ...]
    stale: int
    expired: int
    oldest: tuple[EntryId, ...]
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The list that a conversation was shown: of what, when it was made, and when it was sent, None while it wasn't."""

    mark: str
    at: datetime
    sent_at: datetime | None


class Word(Enum):
    """What a word to resume comes to: the list, the list anew, a moment's patience, or the end of the panic."""

    SHOW = "show"
    CHANGED = "changed"
    UNREAD = "unread"
    FLOW = "flow"


def judge(waiting: Waiting, listed: Listed | None, *, said_at: datetime, now: datetime) -> Word:
    """Decide what a word to resume does, by the list that its conversation was shown last.

    An age below zero (the wall clock was set back) counts as too old.
    """
    if not waiting.posts:
        return Word.FLOW
    if listed is None or not timedelta(0) <= now - listed.at <= LISTED_FOR:
        return Word.SHOW
    if listed.mark != waiting.mark:
        return Word.CHANGED
    if listed.sent_at is None or said_at - listed.sent_at < READING:
        return Word.UNREAD
    return Word.FLOW
