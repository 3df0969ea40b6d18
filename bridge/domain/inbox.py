"""What an item looks like in the inbox."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.domain.ids import EntryId
    from bridge.domain.items import Item


class ItemState(StrEnum):
    """Who cares for an item: nobody yet, a colleague, and how it ended."""

    OPEN = "open"
    CLAIMED = "claimed"
    ANSWERED = "answered"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredItem:
    """One item under its short id.

    `post` is our post that it answers. `claimed_by` is a bare JID, and `claimed_as` what colleagues
    call that person. An item that comes out of the store has an empty
    `cursor`, since positions are kept once per account. `deleted_at` is when its author was found to have taken it
    back: from then on nobody is shown what it said.
    """

    id: EntryId
    account: str
    item: Item
    received_at: datetime
    post: EntryId | None = None
    state: ItemState = ItemState.OPEN
    claimed_by: str | None = None
    claimed_as: str | None = None
    claimed_at: datetime | None = None
    answered_at: datetime | None = None
    deleted_at: datetime | None = None


class News(Enum):
    """What happened to an item."""

    NEW = "new"
    EDITED = "edited"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An item as it is after something happened to it that people are to be told."""

    news: News
    stored: StoredItem


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How the inbox begins: open and claimed in all, and what was heard today."""

    open: int
    claimed: int
    today: int
