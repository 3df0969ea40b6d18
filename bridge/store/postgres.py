"""The store in a PostgreSQL database."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

import psycopg
from sqlalchemy import URL, create_engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool

from bridge.store import history
from bridge.store.engine import LOCK_SPACE, Backend, Fault, Verdict
from bridge.store.errors import (
    DamagedError,
    FullError,
    LoginError,
    MissingError,
    ReadOnlyError,
    StartError,
    TakenError,
    UnreachableError,
)

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Engine

    from bridge.store.tx import Dialect, Tx

_TRY_LOCK = text(f"SELECT pg_try_advisory_lock({LOCK_SPACE}, hashtext(current_schema()))")
_WHO = text("SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()")
_END = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = :pid AND backend_start = :start")
_MARK = text("SELECT pg_current_xact_id_if_assigned()::text")
_VERDICT = text("SELECT pg_xact_status(CAST(CAST(:mark AS text) AS xid8))")

_MAY_ASK = text(
    "SELECT has_function_privilege('pg_walfile_name(pg_lsn)', 'execute')"
    " AND has_function_privilege('pg_current_wal_lsn()', 'execute') AND NOT pg_is_in_recovery()"
)
_TIMELINE = text("SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)")
_DATABASE = text("SELECT oid::text FROM pg_database WHERE datname = current_database()")
_WRITER = text("SELECT pg_current_xact_id()::text")
_XMIN_BITS = 32
_UNKNOWN = "-"

_VERDICTS = {"committed": Verdict.COMMITTED, "aborted": Verdict.ABORTED, "in progress": Verdict.RUNNING}
_REPEAT = frozenset({"40001", "40P01"})
_LOCK_TRIES, _LOCK_PAUSE = 20, 0.05
_UNDEFINED_DATABASE, _INSUFFICIENT_PRIVILEGE, _READ_ONLY, _DISK_FULL = "3D000", "42501", "25006", "53100"
_LOGIN = ("password", "authentication", "no pg_hba.conf entry", "role ")

_SESSION = {
    "timezone": "UTC",
    "synchronous_commit": "on",
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
    # The server's side: a session that was cut off gives the lock back within seconds, not after two hours.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "3",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
_CONNECT: dict[str, Any] = {
    "connect_timeout": 5,
    "application_name": "statusbridge",
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15000,
}


class PostgresBackend(Backend):
    """The session that writes holds the lock: whatever is committed is committed under it."""

    dialect: ClassVar[Dialect] = "postgresql"
    idle: ClassVar[float | None] = 10.0

    def __init__(self, url: URL, *, lock: bool) -> None:
        """Take the URL; nothing is connected yet."""
        self._url = url.set(drivername="postgresql+psycopg")
        self._lock = lock
        self._session: dict[str, Any] | None = None

    @property
    def place(self) -> str:
        """Database and host."""
        port = f":{self._url.port}" if self._url.port else ""
        return f"database {self._url.database or ''} on {self._url.host or 'the local socket'}{port}"

    def open(self) -> None:
        """Nothing precedes the connection."""

    def connect(self) -> Connection:
        """Return the writer's connection, the lock taken by it."""
        connection = self._connect()
        try:
            self._end_former(connection)
            if self._lock:
                self._take_lock(connection)
            row = connection.execute(_WHO).one()
            self._session = {"pid": row.pid, "start": row.backend_start}
            connection.commit()
        except SQLAlchemyError as error:
            connection.close()
            raise self.explain(error) from None
        except BaseException:
            connection.close()
            raise
        return connection

    def connect_to_migrate(self) -> Connection:
        """Return a connection without a limit on a statement's time."""
        return self._connect(statement_timeout="0", lock_timeout="60s")

    def readers(self, size: int) -> Engine:
        """Return an engine whose transactions see one snapshot each."""
        return self._engine(
            {"default_transaction_read_only": "on", "default_transaction_isolation": "repeatable read"}, pool_size=size
        )

    def close(self) -> None:
        """Nothing outlives the connections."""

    def is_restored(self, tx: Tx) -> bool:
        """Compare who wrote the row, in which database, on which timeline, with what it says of that.

        A dump's row was written by its restoration, a copied database has another number, and a server that was rolled
        back to an earlier time, or replaced by its standby, is on a new timeline. All of it may be read by any role.
        """
        row = history.written_by(tx)
        if row is None:
            return False
        said, writer = row
        there = (*_where(tx), str(writer))
        former = said.split()
        return len(former) != len(there) or any(
            _UNKNOWN not in pair and pair[0] != pair[1] for pair in zip(former, there, strict=True)
        )

    def remember(self, tx: Tx, epoch: str, *, at: datetime, anew: bool) -> None:
        """Write the row anew; its transaction must have no savepoint, which would write under another number."""
        del epoch, anew
        writer = int(tx.scalar(_WRITER)) % (1 << _XMIN_BITS)
        history.put(tx, " ".join((*_where(tx), str(writer))), at)

    def mark(self, connection: Connection) -> str:
        """Return the transaction's number; empty where it has written nothing."""
        return connection.execute(_MARK).scalar() or ""

    def verdict(self, connection: Connection, mark: str) -> Verdict:
        """Ask the server, which remembers the last transactions."""
        if not mark:
            return Verdict.COMMITTED
        status = connection.execute(_VERDICT, {"mark": mark}).scalar()
        connection.rollback()
        return _VERDICTS.get(str(status), Verdict.UNKNOWN)

    def doubtful(self, error: BaseException, connection: Connection) -> bool:
        """A COMMIT that the server answered is certain, whatever it answered; one that ended the session isn't."""
        return self.fault(error, connection) is Fault.LOST

    def fault(self, error: BaseException, connection: Connection) -> Fault:
        """Tell whether the session has survived, and whether the server asks for a repetition."""
        if connection.closed or connection.invalidated:
            return Fault.LOST
        driver: Any = connection.connection.driver_connection
        if driver is None or driver.closed:
            return Fault.LOST
        if isinstance(error, DBAPIError) and _state(error) in _REPEAT:
            return Fault.AGAIN
        return Fault.UNIT

    def explain(self, error: SQLAlchemyError) -> StartError:
        """Return the failure as one sentence."""
        state, said = _state(error), _said(error)
        if state == _UNDEFINED_DATABASE or (said.startswith("database") and "does not exist" in said):
            return MissingError(f"there is no {self.place}: make it with createdb, or correct [store] url")
        if state == _INSUFFICIENT_PRIVILEGE:
            return ReadOnlyError(f"{self.place} doesn't let {self._url.username} write: grant it ({said})")
        if state == _READ_ONLY:
            return ReadOnlyError(f"{self.place} is read-only: name the primary server in [store] url")
        if state == _DISK_FULL:
            return FullError(f"the disk of {self.place} is full: make room")
        if state is None and any(word in said for word in _LOGIN):
            return LoginError(
                f"{self.place} doesn't let {self._url.username} in: correct user or password in [store] url"
            )
        if state is None or state.startswith(("08", "57P")):
            return UnreachableError(f"{self.place} doesn't answer ({said}): start PostgreSQL, or correct [store] url")
        if state.startswith("XX"):
            return DamagedError(f"{self.place} is damaged ({said}): restore a backup")
        return StartError(f"{self.place} refused: {said}")

    def _connect(self, **session: str) -> Connection:
        try:
            return self._engine(session).connect()
        except SQLAlchemyError as error:
            raise self.explain(error) from None

    def _engine(self, session: dict[str, str], *, pool_size: int = 0) -> Engine:
        pool: dict[str, Any] = {"poolclass": NullPool}
        if pool_size:
            pool = {"poolclass": QueuePool, "pool_size": pool_size, "max_overflow": 0}
        options = " ".join(
            f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in {**_SESSION, **session}.items()
        )
        given = self._url.query.get("options")
        if isinstance(given, str):
            options = f"{given} {options}"
        return create_engine(
            self._url.difference_update_query(["options"]),
            connect_args={**_CONNECT, "options": options},
            hide_parameters=True,
            **pool,
        )

    def _end_former(self, connection: Connection) -> None:
        """End our own former session, which may still hold the lock or be at work on a COMMIT."""
        if self._session is not None:
            connection.execute(_END, self._session)

    def _take_lock(self, connection: Connection) -> None:
        for attempt in range(_LOCK_TRIES):  # a session that was just killed needs a moment to end
            if attempt:
                time.sleep(_LOCK_PAUSE)
            if connection.execute(_TRY_LOCK).scalar():
                return
        raise TakenError(f"another bridge works with {self.place}: stop it first")


def _where(tx: Tx) -> tuple[str, str]:
    """Return the numbers of the database and of the server's timeline, if it may be asked."""
    timeline = tx.scalar(_TIMELINE) if tx.scalar(_MAY_ASK) else _UNKNOWN
    return tx.scalar(_DATABASE), timeline


def _state(error: SQLAlchemyError) -> str | None:
    origin = error.orig if isinstance(error, DBAPIError) else None
    return origin.sqlstate if isinstance(origin, psycopg.Error) else None


def _said(error: SQLAlchemyError) -> str:
    """Return the server's first sentence; its details quote rows."""
    origin = error.orig if isinstance(error, DBAPIError) else None
    if not isinstance(origin, psycopg.Error):
        return type(origin or error).__name__
    primary = origin.diag.message_primary
    if primary:
        return primary
    lines = str(origin).splitlines()
    return (lines[0] if lines else type(origin).__name__).rpartition("FATAL:")[2].strip()
