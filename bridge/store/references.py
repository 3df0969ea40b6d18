"""Which message a later one is about, by the ids that messages have: ours, and those of the people who command us."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, func, select, text, union_all, update

from bridge.domain.ids import EntryId
from bridge.domain.people import Place
from bridge.store.schema import NOTICE_ARCHIVED, STANZA_NAMED, STANZA_TWICE, notice, post, stanza

if TYPE_CHECKING:
    from bridge.domain.people import Target
    from bridge.store.tx import Tx

_TARGET = notice.c.target == bindparam("jid")
_BY_ARCHIVE_ID = (
    select(notice).where(text(NOTICE_ARCHIVED), notice.c.stanza_id == bindparam("archived"), _TARGET).limit(1)
)
_BY_ORIGIN = select(notice).where(notice.c.origin_id == bindparam("origin"), _TARGET)

_MINE = stanza.c.archive == bindparam("archive"), stanza.c.sender == bindparam("sender")
_NAMED = union_all(
    select(stanza.c.id).where(*_MINE, stanza.c.key == bindparam("wanted")),
    select(stanza.c.id).where(*_MINE, text(STANZA_NAMED), stanza.c.name == bindparam("wanted")),
    select(stanza.c.id).where(*_MINE, text(STANZA_TWICE), stanza.c.other_name == bindparam("wanted")),
).subquery()
_LAST_NAMED = select(func.max(_NAMED.c.id))
_POST = (
    select(func.coalesce(stanza.c.about, post.c.id))
    .select_from(stanza.outerjoin(post, post.c.stanza_id == stanza.c.id))
    .where(stanza.c.id == bindparam("one"))
    .limit(1)
)
_CHANGED = update(stanza).where(stanza.c.id == bindparam("one")).values(about=bindparam("entry"))


class Ours(NamedTuple):
    """What a message of ours is about; `message` is the origin id of its first form."""

    message: str
    post: EntryId | None
    item: EntryId | None


class Theirs(NamedTuple):
    """A message of somebody that we took for a command, and the post that it made or changed."""

    stanza: int
    post: EntryId | None


def ours(tx: Tx, target: Target, name: str) -> Ours | None:
    """Return what a message of ours in a conversation is about, by an id that it has there; None where it isn't ours.

    In a room that is the room's own id of it alone, since anybody may copy any other.
    """
    row = tx.row(_BY_ARCHIVE_ID, {"jid": target.jid, "archived": name})
    if row is None and target.place is Place.DIRECT:
        row = tx.row(_BY_ORIGIN, {"jid": target.jid, "origin": name})
    if row is None:
        return None
    about = row.post_id if row.receipt_id is None else row.receipt_id
    return Ours(
        message=row.corrects or row.origin_id,
        post=None if about is None else EntryId(about),
        item=None if row.item_id is None else EntryId(row.item_id),
    )


def theirs(tx: Tx, *, archive: str, sender: str, name: str) -> Theirs | None:
    """Return a person's last message of that id that we took for a command, whoever gave the id.

    Nobody else's message is found: only who wrote one may correct it or take it back.
    """
    number: int | None = tx.scalar(_LAST_NAMED, {"archive": archive, "sender": sender, "wanted": name})
    if number is None:
        return None
    made = tx.scalar(_POST, {"one": number})
    return Theirs(stanza=number, post=None if made is None else EntryId(made))


def changed(tx: Tx, number: int, entry: EntryId) -> None:
    """Record that a stanza has changed a post, so that a later one may refer to it instead of the first."""
    tx.execute(_CHANGED, {"one": number, "entry": entry})
