"""Running the revisions, in one transaction, with nobody else at it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bridge.store.engine import LOCK_SPACE
from bridge.store.errors import SchemaError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bridge.store.engine import Backend

_ONE_AT_A_TIME = text(f"SELECT pg_advisory_xact_lock({LOCK_SPACE + 1}, hashtext(current_schema()))")


def config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration, which lives in no file."""
    made = Config(attributes={"connection": connection})
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made


def run(backend: Backend, target: str) -> None:
    """Run all revisions up to `target`; another process that did so meanwhile leaves nothing to do.

    Raises StartError.
    """
    connection = backend.connect_to_migrate()
    try:
        with connection.begin():
            if backend.dialect == "postgresql":
                connection.execute(_ONE_AT_A_TIME)
            command.upgrade(config(connection), target)
            if backend.dialect == "sqlite":
                _check_references(connection, backend.place)
    except SQLAlchemyError as error:
        raise backend.explain(error) from None
    finally:
        connection.close()
        connection.engine.dispose()


def _check_references(connection: Connection, place: str) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        tables = ", ".join(sorted({str(row[0]) for row in broken}))
        raise SchemaError(f"{place} holds rows that point nowhere ({tables}): restore a backup")
