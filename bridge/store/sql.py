"""Statements that both databases have, and SQLAlchemy spells for each by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import text
from sqlalchemy.dialects import postgresql, sqlite

from bridge.store.tx import Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Column, Executable, Table

ByDialect: TypeAlias = "Mapping[Dialect, Executable]"


def insert_or_skip(
    table: Table, *unique: Column[Any], where: str | None = None, returning: Column[Any] | None = None
) -> ByDialect:
    """Return an insert that does nothing where a row with the same unique columns stands.

    `where` is the predicate of a partial unique index; `returning` yields no row for what was skipped.
    """
    predicate = None if where is None else text(where)
    light = sqlite.insert(table).on_conflict_do_nothing(unique, predicate)
    heavy = postgresql.insert(table).on_conflict_do_nothing(index_elements=unique, index_where=predicate)
    if returning is None:
        return {"sqlite": light, "postgresql": heavy}
    return {"sqlite": light.returning(returning), "postgresql": heavy.returning(returning)}


def insert_or_replace(table: Table, *only: Column[Any]) -> ByDialect:
    """Return an insert that overwrites the row with the same primary key, or some of its columns only."""
    keys = list(table.primary_key.columns)
    values = [column.name for column in only or table.columns if not column.primary_key]
    light, heavy = sqlite.insert(table), postgresql.insert(table)
    return {
        "sqlite": light.on_conflict_do_update(keys, set_={name: light.excluded[name] for name in values}),
        "postgresql": heavy.on_conflict_do_update(
            index_elements=keys, set_={name: heavy.excluded[name] for name in values}
        ),
    }
