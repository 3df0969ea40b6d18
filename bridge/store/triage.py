"""Who cares for an item: claims, which exclude each other, their end, and colleagues' notes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, insert, literal_column, or_, select, text, update

from bridge.domain.inbox import ItemState
from bridge.store.schema import ITEM_OPEN, item, note

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.domain.ids import EntryId
    from bridge.store.tx import Tx

_ONE = item.c.id == bindparam("one")
_CLAIM = (
    update(item)
    .where(_ONE, or_(item.c.state != literal_column("'claimed'"), item.c.claimed_by == bindparam("person")))
    .values(
        state=ItemState.CLAIMED.value,
        claimed_by=bindparam("person"),
        claimed_as=bindparam("nick"),
        claimed_at=bindparam("at", type_=item.c.claimed_at.type),
    )
)
_RELEASE = (
    update(item)
    .where(_ONE, item.c.state == literal_column("'claimed'"), item.c.claimed_by == bindparam("person"))
    .values(state=ItemState.OPEN.value, claimed_by=None, claimed_as=None, claimed_at=None)
)
_DONE = update(item).where(_ONE, text(ITEM_OPEN)).values(state=ItemState.DONE.value)
_ADD = insert(note)
_NOTES = select(note).where(note.c.item_id == bindparam("one"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a colleague wrote about an item; `author` is a bare JID."""

    author: str
    nick: str
    text: str
    created_at: datetime


def claim(tx: Tx, entry: EntryId, *, person: str, nick: str, at: datetime) -> bool:
    """Make an item somebody's, even one that was answered or done; False where it is somebody else's."""
    return tx.changed(_CLAIM, {"one": entry, "person": person, "nick": nick, "at": at}) == 1


def release(tx: Tx, entry: EntryId, *, person: str) -> bool:
    """Give an item back that this person has claimed; False where that isn't so."""
    return tx.changed(_RELEASE, {"one": entry, "person": person}) == 1


def finish(tx: Tx, entry: EntryId) -> bool:
    """Close an item that is open or claimed; False where it was neither."""
    return tx.changed(_DONE, {"one": entry}) == 1


def add_note(tx: Tx, entry: EntryId, made: Note) -> None:
    """Keep a note with an item."""
    row = {"author": made.author, "nick": made.nick, "text": made.text, "created_at": made.created_at}
    tx.execute(_ADD, {"item_id": entry, **row})


def notes(tx: Tx, entry: EntryId) -> list[Note]:
    """Return an item's notes, oldest first."""
    return [
        Note(author=row.author, nick=row.nick, text=row.text, created_at=row.created_at)
        # Sorted here: told to sort, PostgreSQL would rather walk through all notes than sort a few.
        for row in sorted(tx.rows(_NOTES, {"one": entry}), key=lambda row: row.id)
    ]
