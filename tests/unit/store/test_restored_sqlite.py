from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge.store import NotCommitted, Tx, accounts, cursors, notices, outbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    Restore = Callable[[], None]

from bridge.store.sqlite import SqliteBackend
from tests.unit.store.restoring import ROOM, ROOT, backup, is_restored, opened, put_back, run_once, write


class TestSqlite:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "store.db"

    @pytest.fixture
    def url(self, path: Path) -> str:
        return f"sqlite:///{path}"

    async def test_a_backup_of_the_same_run(self, url: str, path: Path, tmp_path: Path, now: datetime) -> None:
        async with opened(url) as store:
            await store.write(lambda tx: write(tx, now))
            backup(path, tmp_path / "copy.db")
            await store.write(lambda tx: cursors.move(tx, "items:a", "7", now))
        put_back(tmp_path / "copy.db", path)
        assert await is_restored(url)

    async def test_a_backup_that_lacks_nothing(self, url: str, path: Path, tmp_path: Path, now: datetime) -> None:
        await run_once(url, now)
        backup(path, tmp_path / "copy.db")
        put_back(tmp_path / "copy.db", path)
        await run_once(url, now)

    async def test_a_unit_that_changes_nothing_is_not_counted(self, url: str, path: Path, now: datetime) -> None:
        async with opened(url) as store:
            await store.write(lambda tx: write(tx, now))
            await store.write(outbox_is_idle)
            lock = path.with_name("store.db.lock").read_text()
            for _ in range(3):
                await store.write(outbox_is_idle)
            assert path.with_name("store.db.lock").read_text() == lock
            await store.write(lambda tx: write(tx, now))
            assert path.with_name("store.db.lock").read_text() != lock

    async def test_a_transaction_that_was_not_written_is_not_counted(
        self, url: str, path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mark = SqliteBackend.mark

        def full(backend: SqliteBackend, connection: Connection) -> str:
            mark(backend, connection)
            monkeypatch.setattr(SqliteBackend, "mark", mark)
            raise NotCommitted("the disk is full")

        async with opened(url) as store:
            await store.write(lambda tx: write(tx, now))
            lock = path.with_name("store.db.lock").read_text()
            monkeypatch.setattr(SqliteBackend, "mark", full)
            with pytest.raises(NotCommitted):
                await store.write(lambda tx: write(tx, now))
            # What changes nothing can be committed even on a full disk.
            await store.write(outbox_is_idle)
            assert path.with_name("store.db.lock").read_text() == lock
        async with opened(url) as store:
            assert not store.restored

    async def test_moved_without_its_lock_and_with_it(
        self, url: str, path: Path, tmp_path: Path, now: datetime
    ) -> None:
        await run_once(url, now)
        (tmp_path / "a").mkdir()
        shutil.copy(path, tmp_path / "a")
        assert await is_restored(f"sqlite:///{tmp_path}/a/store.db")
        (tmp_path / "b").mkdir()
        for file in path.parent.glob("store.db*"):
            file.rename(tmp_path / "b" / file.name)
        await run_once(f"sqlite:///{tmp_path}/b/store.db", now)

    @pytest.mark.parametrize("content", ["", "4711\n", "\x00" * 74, "no marks\nhere\nat all\n"])
    async def test_a_lock_file_that_tells_nothing(self, url: str, path: Path, now: datetime, content: str) -> None:
        await run_once(url, now)
        path.with_name("store.db.lock").write_text(content)
        assert await is_restored(url)
        async with opened(url) as store:
            assert not store.restored

    async def test_a_store_that_never_ran_is_none(self, url: str, path: Path, now: datetime) -> None:
        path.with_name("store.db.lock").write_text("4711\n")
        await run_once(url, now)

    async def test_two_backups_one_after_the_other(self, url: str, path: Path, tmp_path: Path, now: datetime) -> None:
        await run_once(url, now, 2)
        backup(path, tmp_path / "early.db")
        await run_once(url, now, 20)
        backup(path, tmp_path / "late.db")
        await run_once(url, now)
        put_back(tmp_path / "early.db", path)
        assert await is_restored(url)
        put_back(tmp_path / "late.db", path)
        assert await is_restored(url)

    @pytest.mark.parametrize("when", ["before the commit", "after the commit"])
    @pytest.mark.parametrize("what", ["first", "ordinary", "restored"])
    async def test_a_kill_in_the_middle_of_a_start(
        self, url: str, path: Path, now: datetime, *, what: str, when: str
    ) -> None:
        if what != "first":
            await run_once(url, now)
            backup(path, path.with_name("copy"))
            await run_once(url, now)
        if what == "restored":
            put_back(path.with_name("copy"), path)
        for _ in range(2):
            assert killed_start(url, when) == -signal.SIGKILL
        async with opened(url) as store:
            assert store.restored is (what == "restored" and when == "before the commit")
            assert (await store.read(accounts.panic) is not None) is (what == "restored")
            lines = [one for one in await store.read(notices.pending) if one.target == ROOM]
            assert len(lines) == (1 if what == "restored" else 0)
        async with opened(url) as store:
            assert not store.restored


def outbox_is_idle(tx: Tx) -> int:
    return outbox.waiting(tx, "nobody")


KILLED = """
import asyncio, os, signal, sys
from bridge.domain.clock import SystemClock
from bridge.domain.people import Place, Target
from bridge.store import Store, history
from bridge.store.sqlite import SqliteBackend

def die(*_arguments, **_named):
    os.kill(os.getpid(), signal.SIGKILL)

async def main(url, when):
    if when == "before the commit":
        history.put = die
    else:
        SqliteBackend.committed = die
    async with Store.open(url, clock=SystemClock(), told=[Target("ops@rooms.example.org", Place.ROOM)]):
        raise SystemExit(7)

asyncio.run(main(*sys.argv[1:]))
"""


def killed_start(url: str, when: str) -> int:
    """Have another process open the store and be killed at a given point of that."""
    return subprocess.run([sys.executable, "-c", KILLED, url, when], check=False, cwd=ROOT).returncode
