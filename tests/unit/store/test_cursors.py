from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from bridge.store import Store, Tx, cursors
from bridge.store.schema import cursor

if TYPE_CHECKING:
    from datetime import datetime


async def test_a_position_is_kept_and_replaced(store: Store, now: datetime) -> None:
    later = now + timedelta(seconds=1)
    assert await store.read(lambda tx: cursors.get(tx, "items:one")) is None

    def unit(tx: Tx) -> list[str | None]:
        cursors.move(tx, "items:one", "1", now)
        cursors.move(tx, "items:two", "9", now)
        cursors.move(tx, "items:one", "2", later)
        return [cursors.get(tx, name) for name in ("items:one", "items:two", "items:three")]

    assert await store.write(unit) == ["2", "9", None]
    assert await store.write(lambda tx: [cursors.forget(tx, name) for name in ("items:one", "items:three")]) == [
        True,
        False,
    ]
    rows = await store.read(lambda tx: [tuple(row) for row in tx.rows(select(cursor).order_by(cursor.c.name))])
    assert rows == [("items:two", "9", now)]
