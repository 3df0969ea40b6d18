"""What is to be asked of platforms for people in the chat: each row is answered by one line, and gone with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, insert, select

from bridge.domain.errands import Errand, Trial
from bridge.domain.ids import EntryId
from bridge.domain.people import Place, Target
from bridge.store.schema import errand, trial
from bridge.store.sql import insert_or_skip

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.domain.inbox import StoredItem
    from bridge.store.tx import AnyRow, Tx

TOPIC = "errands"
"""Woken whenever there is a new one."""

MOST = 100
"""So many are looked at at once."""

_INSERT = insert(errand)
_SAME = select(errand.c.id).where(errand.c.item_id == bindparam("item"), errand.c.target == bindparam("jid")).limit(1)
_WAITING = select(errand).order_by(errand.c.id).limit(MOST)
_FINISH = delete(errand).where(errand.c.id == bindparam("one"))
_TRY = insert_or_skip(trial, trial.c.account, trial.c.target, returning=trial.c.id)
_TO_TRY = select(trial).order_by(trial.c.id).limit(MOST)
_TRIED = delete(trial).where(trial.c.id == bindparam("one"))


def add(tx: Tx, one: StoredItem, *, target: Target, private: bool, at: datetime) -> bool:
    """Have the conversation around an item be read for a target; False where that is under way already."""
    if is_under_way(tx, one.id, target):
        return False
    values = {
        "item_id": one.id,
        "account": one.account,
        "target": target.jid,
        "place": target.place.value,
        "private": private,
        "created_at": at,
    }
    tx.execute(_INSERT, values)
    tx.wake(TOPIC)
    return True


def is_under_way(tx: Tx, item: EntryId, target: Target) -> bool:
    """Tell whether the conversation around an item is to be read for a target, and that isn't answered yet."""
    return tx.scalar(_SAME, {"item": item, "jid": target.jid}) is not None


def waiting(tx: Tx) -> list[Errand]:
    """Return what is to be asked, the oldest first."""
    return [_errand(row) for row in tx.rows(_WAITING)]


def finish(tx: Tx, number: int) -> bool:
    """Forget one that is answered now; False where it was answered before."""
    return tx.changed(_FINISH, {"one": number}) == 1


def add_trial(tx: Tx, account: str, *, target: Target, at: datetime) -> bool:
    """Have an account's login be tried for a target; False where that is under way already."""
    values = {"account": account, "target": target.jid, "place": target.place.value, "created_at": at}
    tx.wake(TOPIC)
    return tx.row(_TRY[tx.dialect], values) is not None


def trials(tx: Tx) -> list[Trial]:
    """Return which logins are to be tried, the oldest first."""
    return [
        Trial(id=row.id, account=row.account, target=Target(row.target, Place(row.place)), created_at=row.created_at)
        for row in tx.rows(_TO_TRY)
    ]


def finish_trial(tx: Tx, number: int) -> bool:
    """Forget one that is answered now; False where it was answered before."""
    return tx.changed(_TRIED, {"one": number}) == 1


def _errand(row: AnyRow) -> Errand:
    return Errand(
        id=row.id,
        item=EntryId(row.item_id),
        account=row.account,
        target=Target(row.target, Place(row.place)),
        private=row.private,
        created_at=row.created_at,
    )
