"""Bringing the tables of a store up to this program, at start and by `statusbridge db upgrade`.

Where there is nothing to do, Alembic isn't even imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bridge.store.engine import backend_for
from bridge.store.errors import ForeignError, SchemaError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bridge.store.engine import Backend

REVISIONS = (
    "0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012", "0013", "0014",
    "0015", "0016", "0017",
)  # fmt: skip
"""All revisions that this program knows, oldest first."""
HEAD = REVISIONS[-1]

_TABLES = {
    "sqlite": text("SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ('alembic_version', 'delivery')"),
    "postgresql": text(
        "SELECT tablename FROM pg_tables "
        "WHERE schemaname = current_schema() AND tablename IN ('alembic_version', 'delivery')"
    ),
}
_VERSION = text("SELECT version_num FROM alembic_version")


def version(connection: Connection, place: str) -> str | None:
    """Return the revision of a store's tables, None where it is empty.

    Raises ForeignError where another program's tables are in the way, SchemaError where a newer program's are.
    """
    with connection.begin():
        tables = set(connection.execute(_TABLES[connection.dialect.name]).scalars())
        found = connection.execute(_VERSION).scalar() if "alembic_version" in tables else None
    if found is None:
        if "delivery" in tables:
            raise ForeignError(f"{place} holds tables of another program: name another database in [store] url")
        return None
    if found not in REVISIONS:
        raise SchemaError(
            f"{place} was written by a newer version of this program (schema {found}, known up to {HEAD}): "
            "install that version, or restore a backup"
        )
    return found


def ensure(backend: Backend, connection: Connection, *, may_migrate: bool) -> None:
    """Make sure that the tables are this program's; `connection` is the writer's, with no transaction open.

    Raises StartError.
    """
    try:
        found = version(connection, backend.place)
        if found == HEAD:
            return
        if not may_migrate:
            state = "has no tables yet" if found is None else f"has the older schema {found}"
            raise SchemaError(f"{backend.place} {state}: start the bridge, or run statusbridge db upgrade")
        migrate(backend)
    except SQLAlchemyError as error:
        raise backend.explain(error) from None


def migrate(backend: Backend, target: str = HEAD) -> None:
    """Bring the tables up to a revision in one transaction, blocking; raises StartError."""
    from bridge.store.migrations.run import run  # noqa: PLC0415 - imports Alembic, which an unchanged schema needn't

    run(backend, target)


def upgrade(url: str) -> tuple[str | None, str]:
    """Bring the store that the URL names up to this program while no bridge runs, blocking.

    Returns the former revision (None: it was empty) and the present one. Raises StartError.
    """
    backend = backend_for(url, lock=True)
    backend.open()
    try:
        connection = backend.connect()
        try:
            former = version(connection, backend.place)
            ensure(backend, connection, may_migrate=True)
        finally:
            connection.close()
    finally:
        backend.close()
    return former, HEAD
