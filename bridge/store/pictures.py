"""Pictures: which are to be fetched, which wait for their author's words, and which belong to a post."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, exists, insert, or_, select, text, update

from bridge.domain.deliveries import State
from bridge.domain.ids import EntryId
from bridge.domain.people import Place, Target
from bridge.domain.pictures import PictureState, StoredPicture
from bridge.store.schema import PICTURE_LOOSE, PICTURE_READY, PICTURE_WANTED, delivery, picture

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Row

    from bridge.store.tx import Tx

TOPIC = "pictures"
"""What is woken when there is a picture to fetch."""

_INSERT = insert(picture)
_GET = select(picture).where(picture.c.id == bindparam("one"))
_WANTED = select(picture).where(text(PICTURE_WANTED)).order_by(picture.c.id).limit(bindparam("most"))
_OF_POST = select(picture).where(picture.c.post_id == bindparam("entry")).order_by(picture.c.id)
_LOOSE = (
    select(picture)
    .where(
        text(PICTURE_LOOSE),
        picture.c.sender == bindparam("by"),
        picture.c.source == bindparam("in_source"),
        picture.c.created_at > bindparam("after"),
    )
    .order_by(picture.c.id)
)
_BY_STANZA = (
    select(picture).where(text(PICTURE_LOOSE), picture.c.stanza_id == bindparam("number")).order_by(picture.c.id)
)
_SHARED = (
    select(picture.c.id)
    .where(
        picture.c.url == bindparam("link"),
        picture.c.sender == bindparam("by"),
        picture.c.source == bindparam("in_source"),
        picture.c.created_at > bindparam("after"),
        picture.c.state.in_([PictureState.WANTED.value, PictureState.READY.value]),
    )
    .limit(1)
)
_ATTACH = update(picture).where(picture.c.id == bindparam("one")).values(post_id=bindparam("entry"))
_DETACH = update(picture).where(picture.c.post_id == bindparam("entry")).values(post_id=None)
_DESCRIBE = update(picture).where(picture.c.id == bindparam("one")).values(alt=bindparam("words"))
_SAVE = (
    update(picture)
    .where(picture.c.id == bindparam("one"))
    .values(
        state=bindparam("new_state"),
        attempts=bindparam("new_attempts"),
        due_at=bindparam("new_due_at", type_=picture.c.due_at.type),
        file=bindparam("new_file"),
        type=bindparam("new_type"),
        size=bindparam("new_size"),
        width=bindparam("new_width"),
        height=bindparam("new_height"),
        frames=bindparam("new_frames"),
        error=bindparam("new_error"),
    )
)
_UNFINISHED = (State.HELD, State.READY, State.SENDING, State.UNCERTAIN, State.ASKED, State.DEAD)
_OLD = (
    select(picture.c.id, picture.c.file)
    .where(
        text(PICTURE_READY),
        picture.c.created_at < bindparam("before"),
        or_(
            picture.c.post_id.is_(None),
            ~exists().where(
                and_(
                    delivery.c.post_id == picture.c.post_id,
                    delivery.c.state.in_([state.value for state in _UNFINISHED]),
                )
            ),
        ),
    )
    .order_by(picture.c.created_at)
    .limit(bindparam("most"))
)
_FILES = select(picture.c.file).where(text(PICTURE_READY))
_DROP = (
    update(picture)
    .where(picture.c.id == bindparam("one"))
    .values(state=PictureState.DROPPED.value, file=None, due_at=None)
)


def add(
    tx: Tx,
    *,
    url: str,
    sender: str,
    source: Target,
    alt: str,
    stanza: int | None,
    at: datetime,
    post: EntryId | None = None,
) -> int:
    """Note a picture to be fetched, for a post or for its author's next words; return its number."""
    values = {
        "url": url,
        "sender": sender,
        "source": source.jid,
        "place": source.place.value,
        "post_id": post,
        "stanza_id": stanza,
        "alt": alt,
        "state": PictureState.WANTED.value,
        "attempts": 0,
        "due_at": None,
        "file": None,
        "type": "",
        "size": 0,
        "width": 0,
        "height": 0,
        "frames": 0,
        "error": None,
        "created_at": at,
    }
    key = tx.execute(_INSERT, values).inserted_primary_key
    tx.wake(TOPIC)
    return int(key[0]) if key else 0


def get(tx: Tx, one: int) -> StoredPicture | None:
    """Return a picture, or None."""
    row = tx.row(_GET, {"one": one})
    return None if row is None else _stored(row)


def wanted(tx: Tx, limit: int) -> tuple[StoredPicture, ...]:
    """Return what is to be fetched, oldest first."""
    return tuple(_stored(row) for row in tx.rows(_WANTED, {"most": limit}))


def of_post(tx: Tx, entry: EntryId) -> tuple[StoredPicture, ...]:
    """Return a post's pictures, in their order, whatever became of them."""
    return tuple(_stored(row) for row in tx.rows(_OF_POST, {"entry": entry}))


def loose(tx: Tx, *, sender: str, source: Target, after: datetime) -> tuple[StoredPicture, ...]:
    """Return the pictures of a person in a conversation that wait for words, oldest first."""
    return tuple(_stored(row) for row in tx.rows(_LOOSE, {"by": sender, "in_source": source.jid, "after": after}))


def is_known(tx: Tx, url: str, *, sender: str, source: Target, after: datetime) -> bool:
    """Tell whether a person has shared that link in a conversation since a time, and it is, or may be, here."""
    return tx.scalar(_SHARED, {"link": url, "by": sender, "in_source": source.jid, "after": after}) is not None


def of_stanza(tx: Tx, number: int) -> tuple[StoredPicture, ...]:
    """Return the pictures that came with a message and still wait for words."""
    return tuple(_stored(row) for row in tx.rows(_BY_STANZA, {"number": number}))


def attach(tx: Tx, one: int, entry: EntryId) -> None:
    """Make a picture that waited a post's."""
    tx.execute(_ATTACH, {"one": one, "entry": entry})


def detach(tx: Tx, entry: EntryId) -> int:
    """Let a post's pictures wait for other words; return how many they are."""
    return tx.changed(_DETACH, {"entry": entry})


def describe(tx: Tx, one: int, words: str) -> None:
    """Give a picture its description."""
    tx.execute(_DESCRIBE, {"one": one, "words": words})


def drop(tx: Tx, one: int) -> None:
    """Note that nobody wants a picture any more."""
    tx.execute(_DROP, {"one": one})


def save(tx: Tx, changed: StoredPicture) -> None:
    """Write down what became of a picture."""
    tx.execute(
        _SAVE,
        {
            "one": changed.id,
            "new_state": changed.state.value,
            "new_attempts": changed.attempts,
            "new_due_at": changed.due_at,
            "new_file": changed.file,
            "new_type": changed.type,
            "new_size": changed.size,
            "new_width": changed.width,
            "new_height": changed.height,
            "new_frames": changed.frames,
            "new_error": changed.error,
        },
    )


def kept(tx: Tx) -> frozenset[str]:
    """Return the names of all files that are still needed."""
    return frozenset(row.file for row in tx.rows(_FILES) if row.file)


def prune(tx: Tx, before: datetime, limit: int) -> Sequence[str]:
    """Forget files older than a time that no delivery can need any more; return their names."""
    rows = tx.rows(_OLD, {"before": before, "most": limit})
    if rows:
        tx.execute(_DROP, [{"one": row.id} for row in rows])
    return [row.file for row in rows if row.file]


def _stored(row: Row[Any]) -> StoredPicture:
    return StoredPicture(
        id=row.id,
        url=row.url,
        sender=row.sender,
        source=Target(row.source, Place(row.place)),
        post=None if row.post_id is None else EntryId(row.post_id),
        alt=row.alt,
        state=PictureState(row.state),
        created_at=row.created_at,
        attempts=row.attempts,
        due_at=row.due_at,
        file=row.file,
        type=row.type,
        size=row.size,
        width=row.width,
        height=row.height,
        frames=row.frames,
        error=row.error,
    )
