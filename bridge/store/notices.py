"""The notices: every line that the bot owes a room or a person, in the order in which each is to read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, delete, func, insert, select, text, update

from bridge.domain.ids import EntryId
from bridge.domain.notices import Notice, NoticeKind, NoticeState
from bridge.domain.people import Place, Target
from bridge.domain.pieces import pieces
from bridge.store.schema import (
    NOTICE_DONE,
    NOTICE_PENDING,
    NOTICE_RECEIPT,
    NOTICE_RECEIPT_READY,
    notice,
)
from bridge.store.sql import insert_or_skip

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from bridge.store.tx import AnyRow, Tx

TOPIC = "notices"
"""Woken whenever a notice becomes ready, but for receipts that may wait a moment."""

RECEIPTS = "receipts"
"""Woken whenever such a receipt becomes ready."""

_ONE = notice.c.id == bindparam("one")
_PENDING = text(NOTICE_PENDING)
_READY = notice.c.state == text("'ready'")
_SENDING_STATE = notice.c.state == text("'sending'")
_TARGET = notice.c.target == bindparam("jid")

_INSERT = insert(notice).returning(notice.c.id)
_TOUCH = insert_or_skip(notice, notice.c.target, notice.c.receipt_id, where=NOTICE_RECEIPT_READY, returning=notice.c.id)
_GET = select(notice).where(_ONE)
_READY_NOW = (
    select(notice)
    .where(
        _PENDING,
        _READY,
        notice.c.target.in_(bindparam("jids", expanding=True)),
        (notice.c.due_at.is_(None)) | (notice.c.due_at <= bindparam("now")),
    )
    .order_by(notice.c.id)
    .limit(bindparam("most"))
)
_NEXT_DUE = select(func.min(notice.c.due_at)).where(_PENDING, _READY)
_HASTEN = update(notice).where(_PENDING, _READY, notice.c.due_at.is_not(None)).values(due_at=None)
_BEGIN = (
    update(notice)
    .where(_ONE, _READY)
    .values(
        state=NoticeState.SENDING.value,
        body=bindparam("new_body"),
        corrects=bindparam("new_corrects"),
        nick=bindparam("new_nick"),
        sends=notice.c.sends + 1,
        first_sent_at=func.coalesce(notice.c.first_sent_at, bindparam("at", type_=notice.c.first_sent_at.type)),
    )
)
_REVISE = update(notice).where(_ONE, _READY, notice.c.sends == text("0")).values(body=bindparam("new_body"))
_LATER = notice.alias("later")
_SHOWN = (
    select(_LATER.c.body)
    .where(
        text(NOTICE_RECEIPT.replace("receipt_id", "later.receipt_id")),
        _LATER.c.receipt_id == bindparam("receipt"),
        _LATER.c.target == bindparam("jid"),
        _LATER.c.state.in_(("sending", "done")),
    )
    .order_by(_LATER.c.id.desc())
    .limit(1)
    .scalar_subquery()
)
_LIVING = (
    select(notice.c.origin_id, notice.c.nick, notice.c.first_sent_at, _SHOWN.label("shown"), notice.c.stanza_id)
    .where(
        text(NOTICE_RECEIPT),
        notice.c.receipt_id == bindparam("receipt"),
        _TARGET,
        notice.c.corrects.is_(None),
        notice.c.state.in_(("sending", "done")),
    )
    .order_by(notice.c.id.desc())
    .limit(1)
)
_DONE = (
    update(notice)
    .where(notice.c.origin_id == bindparam("origin"), _PENDING, notice.c.sends > 0)
    .values(
        state=NoticeState.DONE.value,
        stanza_id=bindparam("archived"),
        sent_at=bindparam("at", type_=notice.c.sent_at.type),
    )
)
_ALL_SENDING = select(notice).where(_PENDING, _SENDING_STATE).order_by(notice.c.id)
_ALL_PENDING = select(notice).where(_PENDING).order_by(notice.c.id)
_SENDING_TO = _ALL_SENDING.where(_TARGET)
_PENDING_TO = _ALL_PENDING.where(_TARGET)
_REOPENED = (
    select(notice).where(notice.c.id.in_(bindparam("ids", expanding=True)), _SENDING_STATE).order_by(notice.c.id.desc())
)
_NEWER = (
    select(notice.c.id).where(text(NOTICE_RECEIPT_READY), _TARGET, notice.c.receipt_id == bindparam("receipt")).limit(1)
)
_UNSENT_ITEMS = select(func.count()).where(_PENDING, _READY, _TARGET, notice.c.item_id.is_not(None))
_REOPEN = update(notice).where(_ONE).values(state=NoticeState.READY.value, due_at=None)
_CAME_BACK = select(notice).where(
    notice.c.origin_id == bindparam("origin"),
    _TARGET,
    notice.c.place == text("'direct'"),
    notice.c.state == text("'done'"),
)
_OWE_AGAIN = update(notice).where(_ONE).values(state=NoticeState.READY.value, due_at=bindparam("later"), sent_at=None)
_GIVE_UP = update(notice).where(_ONE).values(state=NoticeState.DROPPED.value, error=bindparam("why"))
_DROP = (
    update(notice)
    .where(_ONE, _PENDING)
    .values(
        state=NoticeState.DROPPED.value,
        error=bindparam("why"),
        sent_at=func.coalesce(notice.c.first_sent_at, notice.c.created_at),
    )
)
_PRUNE = delete(notice).where(
    notice.c.id.in_(
        select(notice.c.id)
        .where(text(NOTICE_DONE), notice.c.sent_at < bindparam("before"))
        .order_by(notice.c.sent_at)
        .limit(bindparam("most"))
    )
)


class Root(NamedTuple):
    """The first message of a living receipt, which corrections name; `sent_at` is its first sending.

    `shown` is the body that its last correction, or it itself, has; `stanza_id` is the archive's id of it, once known.
    """

    origin_id: str
    nick: str | None
    sent_at: datetime
    shown: str
    stanza_id: str | None = None


def add_line(
    tx: Tx,
    *,
    target: Target,
    body: str,
    origin_id: str,
    at: datetime,
    post: EntryId | None = None,
    item: EntryId | None = None,
    tells: EntryId | None = None,
    due_at: datetime | None = None,
) -> int:
    """Owe a target a line, not before `due_at`, and return the notice's number.

    `post` and `item` are what the line is about; `tells` is the item that it tells of, as it was heard or changed. One
    that is too long for a message is owed in pieces, one behind the other; the number is the first one's.
    """
    tx.wake(TOPIC)
    numbers: list[int] = []
    for place, piece in enumerate(pieces(body)):
        own_id = f"{origin_id}.{place}" if place else origin_id
        row = {
            **_row(target, NoticeKind.LINE, own_id, at, due_at),
            "body": piece,
            "post_id": post,
            "item_id": item,
            "tells": tells,
        }
        numbers.append(tx.scalar(_INSERT, row))
    return numbers[0]


def revise(tx: Tx, number: int, body: str) -> bool:
    """Say something else with a line that was never sent; False where it may have been."""
    return tx.changed(_REVISE, {"one": number, "new_body": body}) == 1


def touch_receipt(
    tx: Tx,
    *,
    target: Target,
    receipt: EntryId,
    origin_id: str,
    at: datetime,
    due_at: datetime | None = None,
    urgent: bool = True,
) -> bool:
    """Owe a target the present state of a living receipt; False where it is owed already.

    One that isn't `urgent` may wait a moment for what will be said in it (see `RECEIPTS`).
    """
    row = {**_row(target, NoticeKind.RECEIPT, origin_id, at, due_at), "body": "", "receipt_id": receipt}
    added = tx.scalar(_TOUCH[tx.dialect], row) is not None
    if added:
        tx.wake(TOPIC if urgent else RECEIPTS)
    return added


def is_owed(tx: Tx, target: Target, receipt: EntryId) -> bool:
    """Tell whether a target is still to be sent the present state of a living receipt."""
    return tx.scalar(_NEWER, {"jid": target.jid, "receipt": receipt}) is not None


def unsent_items(tx: Tx, target: Target) -> int:
    """Count the lines about items that wait to be sent to a target."""
    return int(tx.scalar(_UNSENT_ITEMS, {"jid": target.jid}))


def get(tx: Tx, number: int) -> Notice | None:
    """Return a notice, or None."""
    row = tx.row(_GET, {"one": number})
    return None if row is None else _notice(row)


def ready(tx: Tx, *, targets: Collection[Target], now: datetime, limit: int) -> list[Notice]:
    """Return what may be sent now to these targets, in the order in which it is to be sent.

    A notice that was reopened has its old place, so it goes before whatever was owed later.
    """
    if not targets:
        return []
    jids = sorted({target.jid for target in targets})
    return [_notice(row) for row in tx.rows(_READY_NOW, {"jids": jids, "now": now, "most": limit})]


def next_due(tx: Tx) -> datetime | None:
    """Return the earliest time that any unsent notice waits for; None where none waits for a time."""
    return tx.scalar(_NEXT_DUE)


def hasten(tx: Tx) -> int:
    """Owe at once what was to wait a little, and return how much: the clock that set its end may have been set."""
    return tx.changed(_HASTEN)


def begin(tx: Tx, number: int, *, body: str, corrects: str | None, nick: str | None, at: datetime) -> bool:
    """Mark a ready notice as being sent, with what is sent, before it is; False where it isn't ready any more."""
    values = {"one": number, "new_body": body, "new_corrects": corrects, "new_nick": nick, "at": at}
    return tx.changed(_BEGIN, values) == 1


def living(tx: Tx, target: Target, receipt: EntryId) -> Root | None:
    """Return the message that a further state of the receipt would correct; None where none was sent yet."""
    row = tx.row(_LIVING, {"jid": target.jid, "receipt": receipt})
    return None if row is None else Root(row.origin_id, row.nick, row.first_sent_at, row.shown, row.stanza_id)


def done(tx: Tx, origin_id: str, *, stanza_id: str | None, at: datetime) -> bool:
    """Record that a message is seen to have arrived; False where no sent notice has this id, or it is known already.

    One that was reopened meanwhile counts, too: it arrived late.
    """
    return tx.changed(_DONE, {"origin": origin_id, "archived": stanza_id, "at": at}) == 1


def sending(tx: Tx, target: Target | None = None) -> list[Notice]:
    """Return what was sent (to one target, or to all) and not seen to arrive, in order."""
    rows = tx.rows(_ALL_SENDING) if target is None else tx.rows(_SENDING_TO, {"jid": target.jid})
    return [_notice(row) for row in rows]


def pending(tx: Tx, target: Target | None = None) -> list[Notice]:
    """Return what is owed (to one target, or to all) and not seen to have arrived, in order."""
    rows = tx.rows(_ALL_PENDING) if target is None else tx.rows(_PENDING_TO, {"jid": target.jid})
    return [_notice(row) for row in rows]


def reopen(tx: Tx, numbers: Collection[int]) -> int:
    """Owe anew what certainly did not arrive, and return how much of it will be sent again.

    Of a receipt only the newest state is; an older one is dropped.
    """
    reopened = 0
    for row in tx.rows(_REOPENED, {"ids": list(numbers)}) if numbers else ():
        receipt = row.receipt_id
        if receipt is not None and is_owed(tx, Target(row.target, Place(row.place)), receipt):
            drop(tx, row.id, "replaced by a newer state")
        else:
            tx.execute(_REOPEN, {"one": row.id})
            reopened += 1
    if reopened:
        tx.wake(TOPIC)
    return reopened


def redirect(
    tx: Tx,
    target: Target,
    to: Sequence[Target],
    *,
    prefix: str,
    origin_ids: Mapping[int, Sequence[str]],
    at: datetime,
    error: str,
) -> int:
    """Owe others what an unreachable target is owed, each line under a prefix, and drop the originals.

    `origin_ids` gives for each notice to be moved the copies' ids, one per new target; a receipt is owed to them as a
    receipt. Returns how many notices were moved.
    """
    moved = 0
    for one in pending(tx, target):
        copies = origin_ids.get(one.id)
        if copies is None:
            continue
        for other, origin_id in zip(to, copies, strict=True):
            if one.about is not None:
                continue
            if one.receipt is not None:
                touch_receipt(tx, target=other, receipt=one.receipt, origin_id=origin_id, at=at)
            else:
                row = tx.row(_GET, {"one": one.id})
                post, item = (row.post_id, row.item_id) if row is not None else (None, None)
                add_line(tx, target=other, body=prefix + one.body, origin_id=origin_id, at=at, post=post, item=item)
        moved += drop(tx, one.id, error)
    return moved


def drop(tx: Tx, number: int, error: str) -> bool:
    """Give up a notice for a reason; False where it is settled already."""
    return tx.changed(_DROP, {"one": number, "why": error}) == 1


def came_back(tx: Tx, origin_id: str, sender: str, *, most: int, due_at: Callable[[int], datetime], why: str) -> bool:
    """Owe a direct line again that was taken for done and has bounced; True where it is given up instead.

    That is the case once it was sent `most` times; `due_at` tells when a line is due that was sent so often. What
    isn't known, isn't done, or was for somebody else than `sender`, stays as it is.
    """
    row = tx.row(_CAME_BACK, {"origin": origin_id, "jid": sender})
    if row is None:
        return False
    if row.sends >= most:
        return tx.changed(_GIVE_UP, {"one": row.id, "why": why}) == 1
    tx.execute(_OWE_AGAIN, {"one": row.id, "later": due_at(row.sends)})
    tx.wake(TOPIC)
    return False


def prune(tx: Tx, before: datetime, limit: int) -> int:
    """Forget the oldest of those settled before then, at most so many; return how many."""
    return tx.changed(_PRUNE, {"before": before, "most": limit})


def _row(target: Target, kind: NoticeKind, origin_id: str, at: datetime, due_at: datetime | None) -> dict[str, object]:
    return {
        "target": target.jid,
        "place": target.place.value,
        "kind": kind.value,
        "state": NoticeState.READY.value,
        "origin_id": origin_id,
        "sends": 0,
        "created_at": at,
        "due_at": due_at,
    }


def _notice(row: AnyRow) -> Notice:
    return Notice(
        id=row.id,
        target=Target(row.target, Place(row.place)),
        kind=NoticeKind(row.kind),
        state=NoticeState(row.state),
        origin_id=row.origin_id,
        body=row.body,
        created_at=row.created_at,
        receipt=None if row.receipt_id is None else EntryId(row.receipt_id),
        corrects=row.corrects,
        nick=row.nick,
        due_at=row.due_at,
        first_sent_at=row.first_sent_at,
        sends=row.sends,
        about=row.about,
        answers=None if row.post_id is None or row.item_id is None else EntryId(row.post_id),
    )
