"""What all tables share: their metadata, and the type of their numbers."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite gives out row ids only to a column of exactly this type."""


def row_id() -> Column[int]:
    """Return the column of a table's own numbers."""
    return Column("id", Id, primary_key=True, autoincrement=True)
