"""What must not be lost: rows, written by one thread, in SQLite or PostgreSQL. The only importer of SQLAlchemy."""

from __future__ import annotations

from bridge.store.errors import (
    BusyError,
    ClosedError,
    DamagedError,
    ForeignError,
    FullError,
    InDoubt,
    LoginError,
    MissingError,
    NotCommitted,
    OutageError,
    ReadError,
    ReadOnlyError,
    SchemaError,
    StartError,
    StoreError,
    TakenError,
    UnreachableError,
)
from bridge.store.facade import OUTAGE, Store
from bridge.store.migrations import upgrade
from bridge.store.tx import Tx

__all__ = [
    "OUTAGE",
    "BusyError",
    "ClosedError",
    "DamagedError",
    "ForeignError",
    "FullError",
    "InDoubt",
    "LoginError",
    "MissingError",
    "NotCommitted",
    "OutageError",
    "ReadError",
    "ReadOnlyError",
    "SchemaError",
    "StartError",
    "Store",
    "StoreError",
    "TakenError",
    "Tx",
    "UnreachableError",
    "upgrade",
]
