"""The life of a delivery: to one account one post, a part, an edit or the deletion of it, or what is done to another's.

    ready ─► sending ─► sent
      ▲         ├─────► ready      certainly not published: due again after the back-off
      │         ├─────► uncertain  may be published ─► sent (found) | ready (certainly absent) | asked
      │         └─────► dead       refused, or stale
      └ held {reasons} ; ready|held ─► cancelled

Here are the values; what to do with them is decided in `bridge.domain.settling`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from typing import TYPE_CHECKING

from bridge.domain.posts import Key, Posted, Ref, Visibility

if TYPE_CHECKING:
    from bridge.domain.ids import EntryId
    from bridge.domain.people import Target


class State(StrEnum):
    """Where a delivery stands."""

    HELD = "held"
    READY = "ready"
    SENDING = "sending"
    UNCERTAIN = "uncertain"
    SENT = "sent"
    ASKED = "asked"
    DEAD = "dead"
    CANCELLED = "cancelled"


class Hold(StrEnum):
    """Why a delivery is held; it is ready when no reason is left."""

    UNDO = "undo"
    FOLLOWS = "follows"
    QUESTION = "question"
    PREVIEW = "preview"
    PICTURE = "picture"
    SCHEDULE = "schedule"
    ACCOUNT = "account"
    APPROVAL = "approval"
    POLICY = "policy"


class DeliveryKind(StrEnum):
    """What is done to the account."""

    POST = "post"
    REPEAT = "repeat"
    FAVOUR = "favour"
    EDIT = "edit"
    DELETE = "delete"

    @property
    def publishes(self) -> bool:
        """Whether it puts something there that wasn't, so that it matters whether an attempt without answer did."""
        return self in {DeliveryKind.POST, DeliveryKind.REPEAT, DeliveryKind.FAVOUR}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One row of the outbox, with what its post says about it.

    `source` is the conversation its post was written in. `parent` is what it answers on the platform, or what is
    edited, deleted, repeated or marked. `text` and the key are frozen once `attempt` is above zero. `pause` is how
    long the wait until `due_at` was meant to be when it was set. `doubt_since` is the first attempt whose outcome is
    not known, `doubt_attempt` that attempt's number, and `looks` counts the looks since then that could not tell.
    `unwanted` is set when a person took it back while it was, or may have been, on its way. `pictures` is how many its
    post has; the first part of a thread carries them.
    """

    id: int
    post: EntryId
    source: Target
    account: str
    kind: DeliveryKind
    text: str
    state: State
    key: Key
    fresh_since: datetime
    part: int = 0
    parts: int = 1
    parent: Ref | None = None
    follows: int | None = None
    visibility: Visibility | None = None
    warning: str | None = None
    language: str | None = None
    pictures: int = 0
    held: frozenset[str] = frozenset()
    hold_until: datetime | None = None
    position: int = 0
    due_at: datetime | None = None
    pause: timedelta | None = None
    attempt: int = 0
    failures: int = 0
    looks: int = 0
    epoch: str | None = None
    doubt_since: datetime | None = None
    doubt_attempt: int | None = None
    unwanted: bool = False
    told: bool = False
    posted: Posted | None = None
    posted_url: str | None = None
    error: str | None = None
    created_at: datetime | None = None


# What an attempt can come to.


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """It is done; `posted` is None where it was a deletion."""

    posted: Posted | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """No, and no again."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unauthorized:
    """The login is no good."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """Certainly not published."""

    reason: str
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertain:
    """Nobody knows; `answered` if the platform is surely done with the request."""

    reason: str
    answered: bool = False
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """A look showed that it is certainly not there."""


Outcome = Sent | Refused | Unauthorized | Unavailable | Uncertain | Absent


class Tell(Enum):
    """What the people of the post are told, each as a new line."""

    DOUBT = "doubt"
    FOUND = "found"
    RECOVERED = "recovered"
    FAILED = "failed"
    STALE = "stale"
    ASKED = "asked"
    UNDELETED = "undeleted"
