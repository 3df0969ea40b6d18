"""How what we told of an item shows, in place, what became of it: reactions to our own lines, and their retraction.

All of it is a notice like any line, so that it is owed in the deed's own commit, sent in order and seen to arrive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, insert, select, text, update

from bridge.domain.notices import NoticeKind, NoticeState
from bridge.store.notices import TOPIC
from bridge.store.schema import NOTICE_ABOUT, NOTICE_TELLS, notice

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bridge.domain.ids import EntryId
    from bridge.store.tx import AnyRow, Tx

_TELLING = (
    select(notice.c.target, notice.c.place, notice.c.origin_id)
    .where(text(NOTICE_TELLS), notice.c.tells == bindparam("item"), notice.c.state != text("'dropped'"))
    .order_by(notice.c.id)
)
_LAST = (
    select(notice.c.id, notice.c.kind, notice.c.state, notice.c.sends, notice.c.body)
    .where(text(NOTICE_ABOUT), notice.c.about == bindparam("message"), notice.c.state != text("'dropped'"))
    .order_by(notice.c.id.desc())
    .limit(1)
)
_MESSAGE = select(notice.c.state, notice.c.stanza_id, notice.c.nick, notice.c.origin_id).where(
    notice.c.origin_id == bindparam("message")
)
_INSERT = insert(notice)
_REWORD = update(notice).where(notice.c.id == bindparam("one")).values(body=bindparam("new_body"))
_LATER = update(notice).where(notice.c.id == bindparam("one")).values(due_at=bindparam("later"))


def react(tx: Tx, item: EntryId, emoji: str, *, mint: Callable[[], str], at: datetime) -> None:
    """Owe the first line of each conversation that was told of an item this reaction alone, or (empty) none."""
    seen: set[str] = set()
    for row in tx.rows(_TELLING, {"item": item}):
        if row.target in seen:
            continue
        seen.add(row.target)
        before = last(tx, row.origin_id)
        if before is not None and before.kind == NoticeKind.RETRACTION:
            continue
        if (before.body if before is not None else "") == emoji:
            continue
        if before is not None and before.state == NoticeState.READY and before.sends == 0:
            tx.execute(_REWORD, {"one": before.id, "new_body": emoji})
        else:
            _owe(tx, row, NoticeKind.REACTION, emoji, origin_id=mint(), at=at)


def retract(tx: Tx, item: EntryId, *, mint: Callable[[], str], at: datetime) -> None:
    """Owe each line that tells of an item its retraction, once."""
    for row in tx.rows(_TELLING, {"item": item}):
        before = last(tx, row.origin_id)
        if before is None or before.kind != NoticeKind.RETRACTION:
            _owe(tx, row, NoticeKind.RETRACTION, "", origin_id=mint(), at=at)


def last(tx: Tx, origin_id: str) -> AnyRow | None:
    """Return what was last owed to be done to a line: its `id`, `kind`, `state`, `sends` and `body`."""
    return tx.row(_LAST, {"message": origin_id})


def message(tx: Tx, origin_id: str) -> AnyRow | None:
    """Return the line that something is done to: its `state`, `stanza_id`, `nick` and `origin_id`."""
    return tx.row(_MESSAGE, {"message": origin_id})


def postpone(tx: Tx, number: int, until: datetime) -> None:
    """Owe a notice not before then."""
    tx.execute(_LATER, {"one": number, "later": until})


def _owe(tx: Tx, line: AnyRow, kind: NoticeKind, body: str, *, origin_id: str, at: datetime) -> None:
    values = {
        "target": line.target,
        "place": line.place,
        "kind": kind.value,
        "state": NoticeState.READY.value,
        "origin_id": origin_id,
        "body": body,
        "about": line.origin_id,
        "sends": 0,
        "created_at": at,
    }
    tx.execute(_INSERT, values)
    tx.wake(TOPIC)
