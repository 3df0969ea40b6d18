"""Posts: what people asked to publish, and which living receipt tells of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, bindparam, func, insert, select, update

from bridge.domain.ids import EntryId
from bridge.domain.outbox import Draft, StoredPost
from bridge.domain.people import Place, Target
from bridge.domain.posts import Visibility
from bridge.store.schema import post, short_id

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.store.tx import Tx

GATHER_ABOVE = 5
"""More posts than this in a second, from one conversation, share one receipt."""

GATHER_WITHIN = timedelta(seconds=1)

_MS = timedelta(milliseconds=1)

_NEW_ID = insert(short_id).values(kind="post")
_INSERT = insert(post)
_GET = select(post).where(post.c.id == bindparam("entry"))
_RECENT = (
    select(post.c.id, post.c.receipt_id)
    .where(post.c.source == bindparam("in_source"), post.c.created_at > bindparam("after"))
    .order_by(post.c.created_at.desc(), post.c.id.desc())
    .limit(GATHER_ABOVE)
)
_BY_RECEIPT = select(post).where(post.c.receipt_id == bindparam("receipt")).order_by(post.c.id)
_GROUP_SIZE = select(func.count(), func.max(post.c.id)).where(post.c.receipt_id == bindparam("receipt"))
_LAST_OF = (
    select(post)
    .where(
        post.c.source == bindparam("in_source"),
        post.c.author == bindparam("by"),
        post.c.created_at > bindparam("after"),
    )
    .order_by(post.c.created_at.desc(), post.c.id.desc())
    .limit(1)
)

_REVISE = (
    update(post)
    .where(post.c.id == bindparam("entry"))
    .values(
        text=bindparam("new_text"),
        hold_ms=bindparam("new_hold"),
        warning=bindparam("new_warning"),
        visibility=bindparam("new_visibility"),
        revision=bindparam("next"),
    )
)
_ANSWERING = select(post).where(post.c.answers == bindparam("item")).order_by(post.c.id)
_ABOUT = select(post).where(post.c.about == bindparam("item")).order_by(post.c.id)


def add(tx: Tx, draft: Draft, *, stanza: int | None) -> StoredPost:
    """Store a post under a new short id."""
    entry = _new_id(tx)
    receipt = _receipt_of(tx, entry, draft.source, draft.created_at)
    tx.execute(
        _INSERT,
        {
            "id": entry,
            "author": draft.author,
            "nick": draft.nick,
            "source": draft.source.jid,
            "place": draft.source.place.value,
            "text": draft.text,
            "warning": draft.warning,
            "visibility": draft.visibility.value if draft.visibility else None,
            "language": draft.language,
            "answers": draft.answers,
            "about": draft.about,
            "stanza_id": stanza,
            "hold_ms": draft.hold // _MS,
            "pictures": draft.pictures,
            "receipt_id": receipt,
            "revision": 0,
            "created_at": draft.created_at,
        },
    )
    return StoredPost(
        id=entry,
        author=draft.author,
        nick=draft.nick,
        source=draft.source,
        text=draft.text,
        hold=draft.hold,
        receipt=receipt,
        revision=0,
        created_at=draft.created_at,
        visibility=draft.visibility,
        warning=draft.warning,
        language=draft.language,
        answers=draft.answers,
        about=draft.about,
        pictures=draft.pictures,
    )


def _new_id(tx: Tx) -> EntryId:
    key = tx.execute(_NEW_ID).inserted_primary_key
    return EntryId(int(key[0]) if key else 0)


def _receipt_of(tx: Tx, entry: EntryId, source: Target, now: datetime) -> EntryId:
    """Give a post its own receipt, or, in a burst, the one that the burst shares."""
    recent = tx.execute(_RECENT, {"in_source": source.jid, "after": now - GATHER_WITHIN}).all()
    if len(recent) < GATHER_ABOVE:
        return entry
    return EntryId(recent[0].receipt_id)


def get(tx: Tx, entry: EntryId) -> StoredPost | None:
    """Return a post, or None."""
    row = tx.execute(_GET, {"entry": entry}).one_or_none()
    return _stored(row) if row is not None else None


def revise(tx: Tx, stored: StoredPost, draft: Draft | StoredPost) -> StoredPost:
    """Put a draft's text, hold, warning and visibility in the place of a post's, as its next revision."""
    revision = stored.revision + 1
    values = {
        "entry": stored.id,
        "new_text": draft.text,
        "new_hold": draft.hold // _MS,
        "new_warning": draft.warning,
        "new_visibility": draft.visibility.value if draft.visibility else None,
        "next": revision,
    }
    tx.execute(_REVISE, values)
    return replace(
        stored,
        text=draft.text,
        hold=draft.hold,
        warning=draft.warning,
        visibility=draft.visibility,
        revision=revision,
    )


def sharing(tx: Tx, receipt: EntryId) -> tuple[StoredPost, ...]:
    """Return the posts that share a receipt, oldest first."""
    return tuple(_stored(row) for row in tx.execute(_BY_RECEIPT, {"receipt": receipt}))


def group(tx: Tx, receipt: EntryId) -> tuple[int, EntryId]:
    """Return how many posts share a receipt, and the last of them."""
    row = tx.execute(_GROUP_SIZE, {"receipt": receipt}).one()
    return int(row[0]), EntryId(int(row[1] or receipt))


def last_of(tx: Tx, *, author: str, source: Target, after: datetime) -> StoredPost | None:
    """Return the newest post of a person in a conversation that is younger than `after`."""
    row = tx.execute(_LAST_OF, {"by": author, "in_source": source.jid, "after": after}).one_or_none()
    return _stored(row) if row is not None else None


def answering(tx: Tx, item: EntryId) -> tuple[StoredPost, ...]:
    """Return the posts that answer an item, oldest first."""
    return tuple(_stored(row) for row in tx.execute(_ANSWERING, {"item": item}))


def about(tx: Tx, item: EntryId) -> tuple[StoredPost, ...]:
    """Return the posts that repeat or mark an item, oldest first."""
    return tuple(_stored(row) for row in tx.execute(_ABOUT, {"item": item}))


def _stored(row: Row[Any]) -> StoredPost:
    return StoredPost(
        id=EntryId(row.id),
        author=row.author,
        nick=row.nick,
        source=Target(row.source, Place(row.place)),
        text=row.text,
        hold=row.hold_ms * _MS,
        receipt=EntryId(row.receipt_id),
        revision=row.revision,
        created_at=row.created_at,
        visibility=Visibility(row.visibility) if row.visibility else None,
        warning=row.warning,
        language=row.language,
        answers=EntryId(row.answers) if row.answers is not None else None,
        about=EntryId(row.about) if row.about is not None else None,
        pictures=row.pictures,
    )
