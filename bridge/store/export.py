"""Everything that was published, is to be published, or was heard, as plain records, so that nobody is locked in.

The form is described in docs/export.md and docs/export.schema.json, and has a version of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, select

from bridge.domain.ids import short
from bridge.store.schema import delivery, item, note, picture, post, stanza, timer
from bridge.store.types import Reasons, Utc, fixed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import Column, Select, Table

    from bridge.store.tx import AnyRow, Tx

VERSION: Final = 1
"""Of the form; within a version fields may be added, and none goes or means something else."""

_STEP = 500

_ENTRIES: Final = {
    post: {"id", "answers", "about", "receipt_id"},
    timer: {"post_id"},
    picture: {"post_id"},
    delivery: {"post_id"},
    item: {"id", "post_id"},
    note: {"item_id"},
}
"""The columns that hold the short ids that people see; no other table is exported."""


def records(tx: Tx, now: datetime) -> Iterator[dict[str, Any]]:
    """Return a head, every row, and an end that counts them; a page of rows is in memory at a time."""
    yield {"record": "export", "version": VERSION, "made_at": fixed(now)}
    counts: dict[str, int] = {}
    for table in _ENTRIES:
        counts[table.name] = 0
        for record in _rows(tx, table):
            counts[table.name] += 1
            yield record
    yield {"record": "end", "counts": counts}


def _rows(tx: Tx, table: Table) -> Iterator[dict[str, Any]]:
    start = 0
    while page := tx.rows(_PAGES[table], {"after": start}):
        for row in page:
            yield _record(table, row)
        start = getattr(page[-1], _key(table).name)


def _record(table: Table, row: AnyRow) -> dict[str, Any]:
    made: dict[str, Any] = {"record": table.name}
    for name, value_of in _FIELDS[table].items():
        value = getattr(row, name)
        made[name] = None if value is None else value_of(value)
    if "stanza_id" in table.c:
        made["stanza"] = None if row.stanza_key is None else {"archive": row.stanza_archive, "key": row.stanza_key}
    return made


def _page(table: Table) -> Select[*tuple[Any, ...]]:
    """Return the query for a page, with where the row's stanza was said, as long as that is known."""
    found: Select[*tuple[Any, ...]] = select(table)
    if "stanza_id" in table.c:
        found = found.add_columns(stanza.c.archive.label("stanza_archive"), stanza.c.key.label("stanza_key"))
        found = found.select_from(table.outerjoin(stanza, stanza.c.id == table.c.stanza_id))
    return found.where(_key(table) > bindparam("after")).order_by(_key(table)).limit(_STEP)


def _key(table: Table) -> Column[Any]:
    return next(iter(table.primary_key.columns))


def _field(table: Table, column: Column[Any]) -> Callable[[Any], Any]:
    if column.name in _ENTRIES[table]:
        return short
    if isinstance(column.type, Utc):
        return fixed
    if isinstance(column.type, Reasons):
        return sorted
    return _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


_PAGES: Final = {table: _page(table) for table in _ENTRIES}
_FIELDS: Final = {
    table: {column.name: _field(table, column) for column in table.columns if column.name != "stanza_id"}
    for table in _ENTRIES
}
