"""What the writer and the readers need of a database, and the choice of it by URL."""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum, auto
from typing import TYPE_CHECKING, ClassVar

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from bridge.store.errors import (
    BusyError,
    FullError,
    LoginError,
    MissingError,
    NotCommitted,
    OutageError,
    ReadOnlyError,
    StartError,
    TakenError,
    UnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import URL, Connection, Engine

    from bridge.store.tx import Dialect, Tx

LOCK_SPACE = 0x53B1
"""The first half of the keys of advisory locks; the second is the schema's name, so that each schema is a store."""


OUTAGES = (BusyError, FullError, LoginError, MissingError, ReadOnlyError, TakenError, UnreachableError)
"""What no unit can be to blame for. A damaged file may be so in one table only."""


class Fault(Enum):
    """What a failure before COMMIT leaves behind; in each of them nothing is stored."""

    UNIT = auto()
    """One unit's own: the transaction goes on from its savepoint."""
    AGAIN = auto()
    """The database asks to repeat the transaction."""
    ENDED = auto()
    """The database has rolled back by itself; the connection is good."""
    LOST = auto()
    """The connection is gone."""


class Verdict(Enum):
    """What became of a COMMIT that got no answer."""

    COMMITTED = auto()
    ABORTED = auto()
    RUNNING = auto()
    UNKNOWN = auto()


class Backend(ABC):
    """One store in one database. All methods block, and are called by one thread at a time unless they say so."""

    dialect: ClassVar[Dialect]
    idle: ClassVar[float | None] = None
    """After so many idle seconds the writer asks whether its connection still lives."""
    remembers: ClassVar[bool] = True
    """Whether `verdict` can find anything out."""

    @property
    @abstractmethod
    def place(self) -> str:
        """Where the store is, as people write it, without a password."""

    @abstractmethod
    def open(self) -> None:
        """Do what precedes the first connection; raises StartError."""

    @abstractmethod
    def connect(self) -> Connection:
        """Return the writer's connection, which holds the lock wherever a lock was asked for; raises StartError."""

    @abstractmethod
    def connect_to_migrate(self) -> Connection:
        """Return a connection in whose transactions tables may be changed; raises StartError."""

    @abstractmethod
    def readers(self, size: int) -> Engine:
        """Return an engine whose transactions read one snapshot and refuse to write; used by `size` threads."""

    @abstractmethod
    def close(self) -> None:
        """Give back what `open` took."""

    @abstractmethod
    def is_restored(self, tx: Tx) -> bool:
        """Tell whether the rows are not those that the last run left here: a backup's, or another place's."""

    @abstractmethod
    def remember(self, tx: Tx, epoch: str, *, at: datetime, anew: bool) -> None:
        """Write down in the rows what `is_restored` will recognise them by; `anew` begins a new history.

        Raises StartError.
        """

    def committed(self) -> None:  # noqa: B027 - most databases need no notice
        """Take note that the transaction is stored, before anybody hears of it."""

    def is_open(self, connection: Connection) -> Callable[[], bool] | None:
        """Return a cheap test whether the database has kept the transaction open, where it may not."""
        del connection
        return None

    def mark(self, connection: Connection) -> str:
        """Return what `verdict` needs if the COMMIT that follows gets no answer; empty where nothing was written."""
        del connection
        return ""

    @abstractmethod
    def verdict(self, connection: Connection, mark: str) -> Verdict:
        """Find out on a new connection what became of a COMMIT."""

    @abstractmethod
    def doubtful(self, error: BaseException, connection: Connection) -> bool:
        """Tell whether a COMMIT that failed so may have happened nevertheless."""

    @abstractmethod
    def fault(self, error: BaseException, connection: Connection) -> Fault:
        """Tell what a failure before COMMIT leaves behind."""

    @abstractmethod
    def explain(self, error: SQLAlchemyError) -> StartError:
        """Return the failure as one sentence, without any value of a row or parameter."""

    def public(self, error: BaseException) -> BaseException:
        """Return what a unit's caller gets to see: never a driver's error, whose text may quote a row."""
        if not isinstance(error, SQLAlchemyError):
            return error
        explained = self.explain(error)
        kind = OutageError if isinstance(explained, OUTAGES) else NotCommitted
        return kind(str(explained)).with_traceback(error.__traceback__)


def backend_for(url: str, *, lock: bool) -> Backend:
    """Return the backend that a URL of the configuration names; nothing is touched yet.

    With `lock` it becomes this store's one bridge when it is opened. Raises StartError.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StartError(f"the store's URL can't be read: {_KNOWN}") from None
    name = parsed.get_backend_name()
    if name == "sqlite":
        return _sqlite(parsed, lock=lock)
    if name == "postgresql":
        return _postgres(parsed, lock=lock)
    raise StartError(f"the store can't be kept in {name!r}: {_KNOWN}")


_KNOWN = "write sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE"


def _sqlite(url: URL, *, lock: bool) -> Backend:
    from bridge.store.sqlite import SqliteBackend  # noqa: PLC0415 - it imports this module

    return SqliteBackend(url, lock=lock)


def _postgres(url: URL, *, lock: bool) -> Backend:
    from bridge.store.postgres import PostgresBackend  # noqa: PLC0415 - the driver is loaded only where it is used

    return PostgresBackend(url, lock=lock)
