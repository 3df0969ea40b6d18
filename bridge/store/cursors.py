"""Positions: how far each archive and each account has been read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from bridge.store.schema import cursor
from bridge.store.sql import insert_or_replace

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.store.tx import Tx

_GET = select(cursor.c.value).where(cursor.c.name == bindparam("name"))
_MOVE = insert_or_replace(cursor)


def get(tx: Tx, name: str) -> str | None:
    """Return the position, None where nothing was read yet."""
    return tx.scalar(_GET, {"name": name})


def move(tx: Tx, name: str, value: str, at: datetime) -> None:
    """Set the position, in the transaction that stores what was read up to it."""
    tx.execute(_MOVE[tx.dialect], {"name": name, "value": value, "moved_at": at})
