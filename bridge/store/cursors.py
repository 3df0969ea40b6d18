"""Positions: how far each archive and each account has been read; and what somebody was told last, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, select

from bridge.store.schema import cursor
from bridge.store.sql import insert_or_replace

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.store.tx import Tx

TOLD: Final = "told:"
"""How the name of what somebody was told begins; unlike positions it is forgotten some day."""

_GET = select(cursor.c.value).where(cursor.c.name == bindparam("name"))
_MOVE = insert_or_replace(cursor)
_FORGET = delete(cursor).where(cursor.c.name == bindparam("name"))
_PRUNE = delete(cursor).where(
    cursor.c.name.in_(
        select(cursor.c.name)
        .where(cursor.c.name.startswith(TOLD), cursor.c.moved_at < bindparam("before"))
        .limit(bindparam("most"))
    )
)


def get(tx: Tx, name: str) -> str | None:
    """Return the position, None where nothing was read yet."""
    return tx.scalar(_GET, {"name": name})


def move(tx: Tx, name: str, value: str, at: datetime) -> None:
    """Set the position, in the transaction that stores what was read up to it."""
    tx.execute(_MOVE[tx.dialect], {"name": name, "value": value, "moved_at": at})


def forget(tx: Tx, name: str) -> bool:
    """Remove a position; False where there was none."""
    return tx.changed(_FORGET, {"name": name}) == 1


def prune(tx: Tx, before: datetime, limit: int) -> int:
    """Forget what somebody was told before then, at most so much; return how much."""
    return tx.changed(_PRUNE, {"before": before, "most": limit})
