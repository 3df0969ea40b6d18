"""The store in one SQLite file."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool

from bridge.store import history
from bridge.store.engine import Backend, Fault, Verdict
from bridge.store.errors import (
    BusyError,
    DamagedError,
    ForeignError,
    FullError,
    MissingError,
    NotCommitted,
    ReadOnlyError,
    StartError,
)
from bridge.store.history import Mark
from bridge.store.lock import FileLock

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import URL, Connection, Engine

    from bridge.store.tx import Dialect, Tx

BUSY_SECONDS = 10.0

_REFUSALS = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_READONLY})
"""Codes of a COMMIT that was certainly not written; after a failed fsync the log may hold it none the less."""


class SqliteBackend(Backend):
    """WAL, an fsync at each commit, foreign keys, and transactions that SQLAlchemy begins itself."""

    dialect: ClassVar[Dialect] = "sqlite"
    remembers: ClassVar[bool] = False

    def __init__(self, url: URL, *, lock: bool, busy_seconds: float = BUSY_SECONDS) -> None:
        """Take the URL apart; raises StartError where it names no file."""
        name = url.database
        if not name or name == ":memory:" or name.startswith("file:"):
            raise StartError("the store needs a file: write sqlite:///FILE")
        self.path = Path(name).absolute()
        self._lock = FileLock(Path(os.path.realpath(self.path))) if lock else None
        self._busy_seconds = busy_seconds
        self._mark: Mark | None = None
        self._next: Mark | None = None
        self._changes = 0
        self._made = False

    @property
    def place(self) -> str:
        """The path of the file."""
        return str(self.path)

    def open(self) -> None:
        """Make the folder and the file where they are missing (with a lock only), then take the lock."""
        if self._lock is None:
            if not self.path.exists():
                raise MissingError(f"{self.path} doesn't exist: start the bridge once, or correct [store] url")
            return
        self._make()
        self._lock.take()

    def connect(self) -> Connection:
        """Return the writer's connection, in whose transactions nobody else writes."""
        engine = self._engine("BEGIN IMMEDIATE", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON")
        connection: Connection | None = None
        try:
            connection = engine.connect()
            mode = connection.connection.driver_connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]  # pyright: ignore[reportOptionalMemberAccess]
            with connection.begin():  # finds a file that can't be written
                pass
        except (SQLAlchemyError, sqlite3.Error) as error:
            if connection is not None:
                connection.close()
            raise self._sentence(error) from None
        if mode != "wal":
            connection.close()
            raise StartError(f"{self.path} is on a file system without shared memory: keep the store on a local disk")
        self._changes = 0
        return connection

    def connect_to_migrate(self) -> Connection:
        """Return a connection with foreign keys off, which SQLite allows only outside a transaction."""
        try:
            return self._engine("BEGIN IMMEDIATE", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=OFF").connect()
        except SQLAlchemyError as error:
            raise self.explain(error) from None

    def readers(self, size: int) -> Engine:
        """Return an engine whose transactions see one snapshot each."""
        return self._engine("BEGIN", "PRAGMA query_only=ON", pool_size=size)

    def close(self) -> None:
        """Give the lock back; a file that was made for a start that failed is removed first."""
        if self._lock is not None:
            if self._made and self._is_empty():
                for end in ("", "-wal", "-shm"):
                    self.path.with_name(self.path.name + end).unlink(missing_ok=True)
            self._lock.release()

    def is_restored(self, tx: Tx) -> bool:
        """Compare the rows' mark with the lock's file, which knows of every transaction that was committed here."""
        self._mark = Mark.read(history.get(tx) or "")
        seen = [mark for note in self._notes() if (mark := Mark.read(note)) is not None]
        return history.is_behind(self._mark, seen)

    def remember(self, tx: Tx, epoch: str, *, at: datetime, anew: bool) -> None:
        """Count this start; a new history is announced to the lock's file first, so that no crash makes it a stranger.

        Until the commit the file knows both histories, and the rows are in one of them.
        """
        if anew or self._mark is None:
            self._mark = Mark(epoch)
            self._note(*self._notes()[:1], str(self._mark))
        self._next = self._mark.next()
        history.put(tx, str(self._next), at)

    def mark(self, connection: Connection) -> str:
        """Count the transaction in the rows themselves, unless it changed none; then it is empty."""
        # If the last transaction wasn't written, its count stands in no row, and must not get into the lock's file.
        self._next = None
        driver: Any = connection.connection.driver_connection
        if self._mark is not None and driver.total_changes != self._changes:
            self._next = self._mark.next()
            connection.exec_driver_sql(history.COUNT, (str(self._next),))
            self._changes = driver.total_changes
            return str(self._next)
        return ""

    def committed(self) -> None:
        """Count the transaction in the lock's file."""
        if self._next is not None and self._lock is not None:
            if len(self._notes()) == 1:
                self._lock.overwrite(str(self._next))
            else:
                self._note(str(self._next))
            self._mark, self._next = self._next, None

    def is_open(self, connection: Connection) -> Callable[[], bool]:
        """SQLite rolls back by itself on a full disk, a failed read, and where a statement says so."""
        driver: Any = connection.connection.driver_connection
        return lambda: driver.in_transaction

    def verdict(self, connection: Connection, mark: str) -> Verdict:
        """Nothing in the file tells."""
        del connection, mark
        return Verdict.UNKNOWN

    def doubtful(self, error: BaseException, connection: Connection) -> bool:
        """Tell whether the commit's end may stand in the log."""
        del connection
        return _code(error) not in _REFUSALS

    def fault(self, error: BaseException, connection: Connection) -> Fault:
        """Tell whether the transaction has survived."""
        if connection.closed or connection.invalidated:
            return Fault.LOST
        driver: Any = connection.connection.driver_connection
        if not driver.in_transaction:
            return Fault.ENDED
        return Fault.ENDED if isinstance(error, NotCommitted) else Fault.UNIT

    def explain(self, error: SQLAlchemyError) -> StartError:
        """Return the failure as one sentence."""
        return self._sentence(error)

    def _engine(self, begin: str, *pragmas: str, pool_size: int = 0) -> Engine:
        pool: dict[str, Any] = {"poolclass": NullPool}
        if pool_size:
            pool = {"poolclass": QueuePool, "pool_size": pool_size, "max_overflow": 0}
        engine = create_engine(
            f"sqlite:///{self.path}",
            connect_args={"timeout": self._busy_seconds, "check_same_thread": False, "isolation_level": None},
            hide_parameters=True,
            **pool,
        )

        def prepare(driver: Any, _record: object) -> None:
            for pragma in pragmas:
                driver.execute(pragma)

        def start(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        event.listen(engine, "connect", prepare)
        event.listen(engine, "begin", start)
        return engine

    def _make(self) -> None:
        folder = self.path.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise MissingError(
                f"can't make the folder {folder} ({error.strerror}): make it, or correct [store] url"
            ) from None
        if self.path.is_dir():
            raise MissingError(f"{self.path} is a folder: name a file in [store] url")
        try:
            self._made = not self.path.exists()
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise ReadOnlyError(self._unwritable(error.strerror)) from None

    def _is_empty(self) -> bool:
        """Tell whether no table was ever made; what can't be read isn't ours to remove."""
        if self._mark is not None:
            return False
        try:
            with closing(sqlite3.connect(self.path, timeout=0)) as connection:
                return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
        except sqlite3.Error:
            return False

    def _notes(self) -> tuple[str, ...]:
        return () if self._lock is None else self._lock.notes

    def _note(self, *notes: str) -> None:
        if self._lock is None:
            return
        try:
            self._lock.write(notes)
        except OSError as error:
            raise ReadOnlyError(
                f"can't write {self._lock.path} ({error.strerror}): make room, or check the disk"
            ) from None

    def _unwritable(self, why: str | None) -> str:
        return f"can't write {self.path} ({why}): let the user that runs the bridge write the file and its folder"

    def _sentence(self, error: BaseException) -> StartError:
        text = str(error.orig) if isinstance(error, DBAPIError) else str(error)
        match _code(error):
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                return BusyError(f"another program keeps {self.path} locked: end it, or try again")
            case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
                return ReadOnlyError(self._unwritable(text))
            case sqlite3.SQLITE_FULL:
                return FullError(f"the disk of {self.path} is full: make room")
            case sqlite3.SQLITE_NOTADB:
                return ForeignError(f"{self.path} isn't a SQLite database: move it away, or correct [store] url")
            case sqlite3.SQLITE_CORRUPT:
                return DamagedError(f"{self.path} is damaged ({text}): restore a backup")
            case sqlite3.SQLITE_IOERR:
                return DamagedError(f"the disk of {self.path} failed ({text}): check it")
            case _:
                return StartError(f"{self.path} refused: {text}")


def _code(error: BaseException) -> int | None:
    origin = error.orig if isinstance(error, DBAPIError) else error
    code: int | None = getattr(origin, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
