# ruff: noqa: ASYNC240 - a test may wait for its own small files
from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url, select, text

from bridge.domain.clock import SystemClock
from bridge.store import (
    DamagedError,
    ForeignError,
    InDoubt,
    MissingError,
    NotCommitted,
    OutageError,
    ReadError,
    ReadOnlyError,
    StartError,
    Store,
    TakenError,
    Tx,
    cursors,
)
from bridge.store.engine import Verdict, backend_for
from bridge.store.schema import cursor
from bridge.store.sqlite import SqliteBackend

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    async with Store.open(f"sqlite:///{path}", clock=SystemClock()) as opened:
        yield opened


def move(name: str, value: str = "1") -> Callable[[Tx], None]:
    return lambda tx: cursors.move(tx, name, value, NOW)


async def names(store: Store) -> list[str]:
    return list(await store.read(lambda tx: tx.execute(select(cursor.c.name).order_by(cursor.c.name)).scalars().all()))


async def together(store: Store, *units: Callable[[Tx], object]) -> list[object]:
    return list(await asyncio.gather(*(store.write(unit) for unit in units), return_exceptions=True))


async def fails(url: str, error: type[StartError], *, lock: bool = True) -> str:
    with pytest.raises(error) as raised:
        async with Store.open(url, clock=SystemClock(), lock=lock):
            pass
    assert "\n" not in str(raised.value)
    return str(raised.value)


async def test_the_settings_that_make_a_commit_durable(store: Store) -> None:
    def settings(tx: Tx) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "query_only")
        return [tx.scalar(text(f"PRAGMA {name}")) for name in names]

    assert await store.write(settings) == ["wal", 2, 1, 10_000, 0]
    assert (await store.read(settings))[-1] == 1


async def test_folder_and_files_are_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "var" / "store.db"
    async with Store.open(f"sqlite:///{path}", clock=SystemClock()) as store:
        await store.write(move("a"))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(("store.db", "store.db-wal", "store.db-shm", "store.db.lock"), 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_a_rollback_under_a_unit_takes_nothing_of_the_others(store: Store) -> None:
    def rolled_back(tx: Tx) -> None:
        move("gone")(tx)
        tx.execute(text("ROLLBACK"))

    outcomes = await together(store, move("a"), rolled_back, move("b"))
    assert [type(outcome) for outcome in outcomes] == [type(None), NotCommitted, type(None)]
    assert await names(store) == ["a", "b"]


async def test_after_a_rollback_no_statement_is_committed_by_itself(store: Store) -> None:
    def goes_on(tx: Tx) -> None:
        tx.execute(text("ROLLBACK"))
        move("alone")(tx)

    with pytest.raises(NotCommitted, match="by itself"):
        await store.write(goes_on)
    assert await names(store) == []


async def test_a_conflict_that_rolls_back_takes_nothing_of_the_others(store: Store) -> None:
    await store.write(move("taken"))

    def conflict(tx: Tx) -> None:
        tx.execute(text("INSERT OR ROLLBACK INTO cursor (name, value, moved_at) VALUES ('taken', '2', '')"))

    outcomes = await together(store, move("a"), conflict, move("b"))
    assert isinstance(outcomes[1], NotCommitted)
    assert await names(store) == ["a", "b", "taken"]


async def test_a_full_disk_is_said_and_later_units_work_when_there_is_room(store: Store) -> None:
    def fill(tx: Tx) -> None:
        tx.execute(text(f"PRAGMA max_page_count = {tx.scalar(text('PRAGMA page_count'))}"))

    await store.write(fill)
    outcomes = await together(store, move("a"), move("big", "x" * 100_000), move("b"))
    assert isinstance(outcomes[1], NotCommitted)
    assert "is full: make room" in str(outcomes[1])
    assert [outcomes[0], outcomes[2]] == [None, None]
    await store.write(lambda tx: tx.execute(text("PRAGMA max_page_count = 1000000")).scalar())
    await store.write(move("big", "x" * 100_000))
    assert await names(store) == ["a", "b", "big"]


async def test_a_database_that_stays_locked_refuses_with_certainty(store: Store, path: Path) -> None:
    await store.write(lambda tx: tx.execute(text("PRAGMA busy_timeout = 0")).scalar())
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OutageError, match="another program keeps"):
            await store.write(move("a"))
        other.execute("ROLLBACK")
    await store.write(move("b"))
    assert await names(store) == ["b"]


async def test_a_commit_that_failed_on_the_disk_is_in_doubt(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = store._writer._connection
    assert connection is not None

    def commit() -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        connection._handle_dbapi_exception(error, None, None, None, None)

    with monkeypatch.context() as patch:
        patch.setattr(connection, "commit", commit)
        with pytest.raises(InDoubt, match="disk I/O error"):
            await store.write(move("a"))
    await store.write(move("b"))
    assert await names(store) == ["b"]


async def test_a_commit_that_was_refused_is_certain(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = store._writer._connection
    assert connection is not None

    def commit() -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        connection._handle_dbapi_exception(error, None, None, None, None)

    with monkeypatch.context() as patch:
        patch.setattr(connection, "commit", commit)
        with pytest.raises(NotCommitted, match="is full: make room"):
            await store.write(move("a"))
    await store.write(move("b"))
    assert await names(store) == ["b"]


async def test_readers_refuse_to_write(store: Store) -> None:
    with pytest.raises(ReadError, match="readonly"):
        await store.read(move("a"))
    assert await names(store) == []


async def test_other_programs_read_beside_the_bridge(store: Store, path: Path) -> None:
    await store.write(move("a"))
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM cursor").fetchall() == [("a",)]


async def test_a_second_bridge_is_refused_and_named(store: Store, path: Path) -> None:
    said = await fails(f"sqlite:///{path}", TakenError)
    assert said == f"another bridge (process {os.getpid()}) works with {path}: stop it first"
    await store.write(move("a"))


async def test_the_lock_of_a_link_is_the_lock_of_its_file(store: Store, path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(path)
    assert "another bridge" in await fails(f"sqlite:///{link}", TakenError)
    await store.write(move("a"))


async def test_beside_a_bridge_one_may_read_and_write(store: Store, path: Path) -> None:
    await store.write(move("a"))
    async with Store.open(f"sqlite:///{path}", clock=SystemClock(), lock=False) as beside:
        assert await names(beside) == ["a"]
        await beside.write(move("b"))
    assert await names(store) == ["a", "b"]


async def test_a_missing_file_is_not_made_without_the_lock(path: Path) -> None:
    said = await fails(f"sqlite:///{path}", MissingError, lock=False)
    assert said == f"{path} doesn't exist: start the bridge once, or correct [store] url"
    assert not path.exists()


async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = await fails(f"sqlite:///{tmp_path}/file/var/store.db", MissingError)
    assert said.startswith(f"can't make the folder {tmp_path}/file/var (Not a directory)")


async def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    assert "is a folder" in await fails(f"sqlite:///{tmp_path}", MissingError)


async def test_a_file_that_is_no_database(path: Path) -> None:
    path.write_text("hello " * 1000)
    assert "isn't a SQLite database" in await fails(f"sqlite:///{path}", ForeignError)
    assert path.read_text() == "hello " * 1000


async def test_a_damaged_file(path: Path) -> None:
    async with Store.open(f"sqlite:///{path}", clock=SystemClock()) as store:
        await store.write(move("a"))
    data = bytearray(path.read_bytes())
    data[100:4096] = b"\xff" * 3996
    path.write_bytes(data)
    assert "is damaged" in await fails(f"sqlite:///{path}", DamagedError)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?uri=true"])
async def test_a_store_without_a_file_is_refused(url: str) -> None:
    assert await fails(url, StartError) == "the store needs a file: write sqlite:///FILE"


@pytest.mark.parametrize("url", ["mysql://u:secret@db.example.org/x", "nonsense", "", "postgresql://h:notaport/x"])
async def test_an_unknown_url_is_refused_without_its_password(url: str) -> None:
    said = await fails(url, StartError)
    assert "write sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE" in said
    assert "secret" not in said


_AS_NOBODY = """
import asyncio, os, sys, sqlite3, concurrent.futures.thread
import bridge.store.sqlite  # whatever is imported later, nobody might not be allowed to read
from bridge.domain.clock import SystemClock
from bridge.store import StartError, Store
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
async def main():
    async with Store.open("sqlite:///" + sys.argv[1], clock=SystemClock()):
        pass
try:
    asyncio.run(main())
except StartError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize("what", ["file", "folder", "lock"])
async def test_what_cannot_be_written_is_named(what: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "store.db"
        async with Store.open(f"sqlite:///{path}", clock=SystemClock()) as store:
            await store.write(move("a"))
        (folder / "store.db.lock").chmod(0o444 if what == "lock" else 0o666)
        path.chmod(0o444 if what == "file" else 0o666)
        folder.chmod(0o555 if what == "folder" else 0o777)
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", _AS_NOBODY, str(path)],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[3],
        )
        folder.chmod(0o700)
    assert done.stdout.startswith(f"ReadOnlyError can't write {path}")
    assert done.stdout.count("\n") == 1


def test_what_became_of_a_commit_is_not_in_the_file(path: Path) -> None:
    backend = SqliteBackend(make_url(f"sqlite:///{path}"), lock=True)
    backend.open()
    connection = backend.connect()
    try:
        assert backend.verdict(connection, backend.mark(connection)) is Verdict.UNKNOWN
    finally:
        connection.close()
        backend.close()


def test_a_lock_in_a_folder_that_is_gone(tmp_path: Path) -> None:
    backend = backend_for(f"sqlite:///{tmp_path}/store.db", lock=True)
    backend.open()
    backend.close()
    backend.close()
    (tmp_path / "store.db.lock").unlink()
    (tmp_path / "store.db.lock").mkdir()
    with pytest.raises(ReadOnlyError, match=r"store\.db\.lock"):
        backend.open()
