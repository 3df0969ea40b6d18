"""What a unit of work sees of its transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from sqlalchemy.exc import DBAPIError, StatementError

from bridge.store.errors import NotCommitted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection, CursorResult, Executable, Row

Dialect: TypeAlias = Literal["sqlite", "postgresql"]
AnyResult: TypeAlias = "CursorResult[*tuple[Any, ...]]"
AnyRow: TypeAlias = "Row[*tuple[Any, ...]]"
Parameters: TypeAlias = "Mapping[str, Any] | Sequence[Mapping[str, Any]]"


class Tx:
    """One unit's hold on a transaction that it neither begins nor ends.

    Only modules of the store execute statements; everybody else passes it on. A unit must let database errors out:
    one that it swallows fails it all the same.
    """

    __slots__ = ("_connection", "_is_open", "dialect", "failed", "topics")

    def __init__(self, connection: Connection, dialect: Dialect, is_open: Callable[[], bool] | None = None) -> None:
        """Wrap an open transaction; `is_open` tells whether the database has ended it by itself."""
        self._connection = connection
        self._is_open = is_open
        self.dialect: Dialect = dialect
        self.topics: set[str] = set()
        self.failed = False

    def execute(self, statement: Executable, parameters: Parameters | None = None) -> AnyResult:
        """Execute a Core statement, once per mapping of parameters.

        Raises SQLAlchemy's DBAPIError, ValueError for a naive time, and NotCommitted where SQLite has rolled the
        transaction back by itself (each further statement would be committed on its own).
        """
        self.check()
        try:
            return self._connection.execute(statement, parameters)
        except StatementError as error:
            self.failed = True
            if isinstance(error, DBAPIError) or error.orig is None:
                raise
            raise error.orig from None

    def rows(self, statement: Executable, parameters: Parameters | None = None) -> Sequence[AnyRow]:
        """Return all rows."""
        return self.execute(statement, parameters).all()

    def row(self, statement: Executable, parameters: Parameters | None = None) -> AnyRow | None:
        """Return the first row, or None."""
        return self.execute(statement, parameters).first()

    def scalar(self, statement: Executable, parameters: Parameters | None = None) -> Any:
        """Return the first column of the first row, or None."""
        return self.execute(statement, parameters).scalar()

    def changed(self, statement: Executable, parameters: Parameters | None = None) -> int:
        """Return how many rows the statement wrote."""
        return self.execute(statement, parameters).rowcount

    @property
    def hints(self) -> dict[str, Any]:
        """What is remembered with the connection; a rollback leaves it, so that it may be wrong."""
        return self._connection.info

    def wake(self, topic: str) -> None:
        """Set the topic's event once this transaction is committed."""
        self.topics.add(topic)

    def check(self) -> None:
        """Raise NotCommitted unless the transaction is still open."""
        if self._is_open is not None and not self._is_open():
            self.failed = True
            raise NotCommitted("the database has rolled the transaction back by itself")
