"""What is to go out at a time: one row for each post that waits for its own.

The row is what makes a firing unique: it goes in the transaction that takes the reason to wait away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, insert, literal_column, select, text, update

from bridge.domain.ids import EntryId
from bridge.domain.later import Timer
from bridge.store.schema import TIMER_WAITING, timer

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.domain.when import Moment
    from bridge.store.tx import AnyRow, Tx

TOPIC = "timers"
"""Woken whenever another time is the next one."""

_WAITS = "waiting"
_ASKED = "asked"

_OF_POST = timer.c.post_id == bindparam("entry")
_INSERT = insert(timer)
_GET = select(timer).where(_OF_POST)
_MOVE = update(timer).where(_OF_POST).values(due_at=bindparam("at"), zone=bindparam("in_zone"), state=_WAITS)
_REWORD = update(timer).where(_OF_POST).values(said=bindparam("words"))
_ASK = update(timer).where(_OF_POST, timer.c.state == literal_column(f"'{_WAITS}'")).values(state=_ASKED)
_END = delete(timer).where(_OF_POST)
_DUE = (
    select(timer)
    .where(text(TIMER_WAITING), timer.c.due_at <= bindparam("now"))
    .order_by(timer.c.due_at, timer.c.post_id)
    .limit(bindparam("most"))
)
_NEXT = select(func.min(timer.c.due_at)).where(text(TIMER_WAITING))
_FIRST = select(timer).order_by(timer.c.due_at, timer.c.post_id).limit(bindparam("most"))
_COUNT = select(func.count()).select_from(timer)


def add(tx: Tx, entry: EntryId, moment: Moment, *, said: str) -> None:
    """Have a post wait for its time; it has none yet."""
    values = {"post_id": entry, "due_at": moment.at, "zone": moment.zone.name, "said": said, "state": _WAITS}
    tx.execute(_INSERT, values)
    tx.wake(TOPIC)


def get(tx: Tx, entry: EntryId) -> Timer | None:
    """Return what a post waits for; None where it waits for no time, or not any more."""
    row = tx.row(_GET, {"entry": entry})
    return None if row is None else _timer(row)


def move(tx: Tx, entry: EntryId, moment: Moment) -> bool:
    """Have a post wait for another time; False where it waits for none."""
    tx.wake(TOPIC)
    return tx.changed(_MOVE, {"entry": entry, "at": moment.at, "in_zone": moment.zone.name}) == 1


def reword(tx: Tx, entry: EntryId, said: str) -> None:
    """Note how the post's own line says the time now."""
    tx.execute(_REWORD, {"entry": entry, "words": said})


def ask(tx: Tx, entry: EntryId) -> bool:
    """Leave a post whose time has passed to people; False where it was left to them before."""
    return tx.changed(_ASK, {"entry": entry}) == 1


def end(tx: Tx, entry: EntryId) -> bool:
    """Have a post not wait for its time any more; False where it doesn't."""
    return tx.changed(_END, {"entry": entry}) == 1


def due(tx: Tx, now: datetime, most: int) -> list[Timer]:
    """Return those whose time has come, the first one first."""
    return [_timer(row) for row in tx.rows(_DUE, {"now": now, "most": most})]


def next_due(tx: Tx) -> datetime | None:
    """Return when the next one's time comes; None where nothing waits."""
    found: datetime | None = tx.scalar(_NEXT)
    return found


def first(tx: Tx, most: int) -> list[Timer]:
    """Return what waits, or is left to people, the first to be due first."""
    return [_timer(row) for row in tx.rows(_FIRST, {"most": most})]


def count(tx: Tx) -> int:
    """Return how many there are."""
    return int(tx.scalar(_COUNT))


def _timer(row: AnyRow) -> Timer:
    return Timer(post=EntryId(row.post_id), due_at=row.due_at, zone=row.zone, said=row.said, asked=row.state == _ASKED)
