"""Which rows the last run left behind, so that a restored backup or a moved database isn't mistaken for them.

The row `history` of the table `control` names the history that the rows belong to. How it is recognised is the
database's matter: SQLite counts its transactions there and in the lock's file, PostgreSQL knows who wrote the row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sqlalchemy import String, bindparam, literal_column, select

from bridge.store.schema import control
from bridge.store.sql import insert_or_replace

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from bridge.store.tx import Tx

NAME: Final = "history"
COUNT: Final = "UPDATE control SET actor = ? WHERE name = 'history'"
"""SQLite's own statement, since it is part of every transaction; the parameter is the mark."""

_DIGITS: Final = 20
_IS_HISTORY = control.c.name == bindparam("name")
_GET = select(control.c.actor).where(_IS_HISTORY)
_WRITTEN_BY = select(control.c.actor, literal_column("control.xmin::text", String).label("writer")).where(_IS_HISTORY)
_PUT = insert_or_replace(control)


@dataclass(frozen=True, slots=True)
class Mark:
    """A point in a history: how many transactions it had by then."""

    history: str
    count: int = 0

    def __str__(self) -> str:
        """Return the text that is kept, always of the same length."""
        return f"{self.history} {self.count:0{_DIGITS}d}"

    @classmethod
    def read(cls, text: str) -> Mark | None:
        """Read such a text; None where it is none."""
        history, _, count = text.strip().partition(" ")
        return cls(history, int(count)) if history and len(count) == _DIGITS and count.isdecimal() else None

    def next(self) -> Mark:
        """Return the point after one more transaction."""
        return replace(self, count=self.count + 1)


def is_behind(rows: Mark | None, seen: Iterable[Mark]) -> bool:
    """Tell whether rows with this mark lack transactions of which one of the marks in `seen` knows, or are strangers.

    Rows without a mark are a store that never ran.
    """
    if rows is None:
        return False
    return not any(mark.history == rows.history and mark.count <= rows.count for mark in seen)


def get(tx: Tx) -> str | None:
    """Return what the row says; None in a store that never ran."""
    return tx.scalar(_GET, {"name": NAME})


def written_by(tx: Tx) -> tuple[str, int] | None:
    """Return what the row says on PostgreSQL, and the last 32 bits of the number of the transaction that wrote it.

    A dump doesn't carry that number, so that a row from a dump has the one of its restoration (`xmin` in PostgreSQL's
    documentation, 5.5 System Columns).
    """
    row = tx.row(_WRITTEN_BY, {"name": NAME})
    return None if row is None else (row.actor, int(row.writer))


def put(tx: Tx, value: str, at: datetime) -> None:
    """Write the row; `at` is the start of the run."""
    tx.execute(_PUT[tx.dialect], {"name": NAME, "actor": value, "at": at})
