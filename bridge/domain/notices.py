"""A notice: one line that the bot owes a room or a person."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.domain.ids import EntryId
    from bridge.domain.people import Target


class NoticeKind(StrEnum):
    """A line is written when it is owed; a receipt is written when it is sent, from what is true by then.

    A reaction and a retraction say nothing, but do something to a line of ours that is there.
    """

    LINE = "line"
    RECEIPT = "receipt"
    REACTION = "reaction"
    RETRACTION = "retraction"


class NoticeState(StrEnum):
    """`sending` may have reached its target; only an echo, an acknowledgement or the archive can tell."""

    READY = "ready"
    SENDING = "sending"
    DONE = "done"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One owed line.

    `origin_id` is the message's own id, the same however often it is sent. `corrects` is the origin id of the first
    message of the living receipt that this one replaces (XEP-0308). `receipt` is the post whose receipt it is, or the
    flood whose items it counts.
    `due_at` is when it may go at the earliest. `about` is the origin id of the line that it reacts to, with its `body`,
    or retracts. `answers` is our post that a customer answered with what the line tells.
    """

    id: int
    target: Target
    kind: NoticeKind
    state: NoticeState
    origin_id: str
    body: str
    created_at: datetime
    receipt: EntryId | None = None
    corrects: str | None = None
    nick: str | None = None
    due_at: datetime | None = None
    first_sent_at: datetime | None = None
    sends: int = 0
    answers: EntryId | None = None
    about: str | None = None
