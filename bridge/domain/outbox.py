"""What a post looks like in the outbox: what is asked of it, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.domain.deliveries import DeliveryKind

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from bridge.domain.deliveries import Delivery
    from bridge.domain.ids import EntryId
    from bridge.domain.people import Target
    from bridge.domain.posts import Key, Ref, Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a person asked to publish, with everything a unit of work must not make up itself.

    `answers` is the item that it answers, `about` the one that it repeats or marks, in place of a text. `pictures` is
    how many go with it.
    """

    author: str
    nick: str
    source: Target
    text: str
    hold: timedelta
    created_at: datetime
    visibility: Visibility | None = None
    warning: str | None = None
    language: str | None = None
    answers: EntryId | None = None
    about: EntryId | None = None
    pictures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One message for one account; the parts of a thread have consecutive numbers from 0.

    The first one may answer a `parent` that is there, or wait for another post's delivery that it `follows`. What is
    done to another's post has no text, and that post as its `parent`, with its `link`.
    """

    account: str
    text: str
    key: Key
    part: int = 0
    parts: int = 1
    parent: Ref | None = None
    follows: int | None = None
    kind: DeliveryKind = DeliveryKind.POST
    link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPost:
    """A post as the store has it; `receipt` is the post whose living receipt it shares."""

    id: EntryId
    author: str
    nick: str
    source: Target
    text: str
    hold: timedelta
    receipt: EntryId
    revision: int
    created_at: datetime
    visibility: Visibility | None = None
    warning: str | None = None
    language: str | None = None
    answers: EntryId | None = None
    about: EntryId | None = None
    pictures: int = 0

    @property
    def item(self) -> EntryId | None:
        """The item that it answers, repeats or marks."""
        return self.answers if self.answers is not None else self.about


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptView:
    """Everything that a living receipt tells of: the post, or the posts that share it, and their deliveries."""

    posts: tuple[StoredPost, ...]
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How a group of posts that shares one receipt stands: first and last id, and deliveries per account and state."""

    first: EntryId
    last: EntryId
    posts: int
    states: tuple[tuple[str, str, int], ...]
