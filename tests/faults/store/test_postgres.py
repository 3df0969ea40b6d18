from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import select, text

from bridge.domain.clock import SystemClock
from bridge.store import (
    InDoubt,
    LoginError,
    MissingError,
    NotCommitted,
    ReadOnlyError,
    Store,
    TakenError,
    Tx,
    UnreachableError,
    cursors,
    writer,
)
from bridge.store.engine import LOCK_SPACE
from bridge.store.postgres import PostgresBackend
from bridge.store.schema import cursor
from tests.servers.listener import Listener, abort
from tests.servers.ports import HOST

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    from bridge.store import StartError
    from tests.servers.postgres import Postgres


@pytest.fixture
async def store(breakable_url: str) -> AsyncIterator[Store]:
    async with Store.open(breakable_url, clock=SystemClock()) as opened:
        yield opened


@pytest.fixture
def move(now: datetime) -> Callable[[str], Callable[[Tx], None]]:
    return lambda name: lambda tx: cursors.move(tx, name, "1", now)


async def names(store: Store) -> list[str]:
    return list(await store.read(lambda tx: tx.execute(select(cursor.c.name).order_by(cursor.c.name)).scalars().all()))


def pid(tx: Tx) -> int:
    return tx.scalar(text("SELECT pg_backend_pid()"))


def end(server: Postgres, *pids: int) -> None:
    """End sessions and wait until they are gone."""
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        for one in pids:
            connection.execute("SELECT pg_terminate_backend(%s, 10000)", (one,))


async def fails(url: str, error: type[StartError]) -> str:
    with pytest.raises(error) as raised:
        async with Store.open(url, clock=SystemClock()):
            pass
    assert "\n" not in str(raised.value)
    return str(raised.value)


async def test_a_session_that_was_ended_in_quiet_times_is_replaced_with_its_lock(
    store: Store, breakable_postgres: Postgres, breakable_url: str, move: Callable[[str], Callable[[Tx], None]]
) -> None:
    former = await store.write(pid)
    await asyncio.to_thread(end, breakable_postgres, former)
    await store.write(move("a"))
    assert await store.write(pid) != former
    assert await names(store) == ["a"]
    await fails(breakable_url, TakenError)


async def test_a_session_that_ends_in_the_middle_takes_nothing_with_it(
    store: Store, breakable_postgres: Postgres, move: Callable[[str], Callable[[Tx], None]]
) -> None:
    runs: list[int] = []

    def unit(tx: Tx) -> None:
        move("a")(tx)
        runs.append(pid(tx))
        if len(runs) == 1:
            end(breakable_postgres, runs[0])
        move("b")(tx)

    await store.write(unit)
    assert len(set(runs)) == 2
    assert await names(store) == ["a", "b"]


async def test_readers_get_over_an_ended_session(store: Store, breakable_postgres: Postgres) -> None:
    former = await store.read(pid)
    await asyncio.to_thread(end, breakable_postgres, former)
    assert await store.read(pid) != former


async def test_what_the_server_asks_to_repeat_is_repeated(
    store: Store, move: Callable[[str], Callable[[Tx], None]]
) -> None:
    runs: list[str] = []
    fail = "DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '{}'; END $$"

    def unit(tx: Tx) -> None:
        move("a")(tx)
        for code in ("40001", "40P01"):
            if code not in runs:
                runs.append(code)
                tx.execute(text(fail.format(code)))

    def good(tx: Tx) -> None:
        runs.append("good")
        move("b")(tx)

    await asyncio.gather(store.write(good), store.write(unit))
    assert sorted(set(runs)) == ["40001", "40P01", "good"]
    assert await names(store) == ["a", "b"]

    def stubborn(tx: Tx) -> None:
        runs.append("stubborn")
        tx.execute(text(fail.format("40001")))

    with pytest.raises(NotCommitted):
        await store.write(stubborn)
    assert runs.count("stubborn") == writer.REPEATS + 1


async def test_a_stopped_server_refuses_with_certainty_until_it_is_back(
    store: Store, breakable_postgres: Postgres, breakable_url: str, move: Callable[[str], Callable[[Tx], None]]
) -> None:
    await store.write(move("a"))
    await breakable_postgres.stop()
    with pytest.raises(NotCommitted, match="doesn't answer"):
        await store.write(move("b"))
    assert "start PostgreSQL" in await fails(breakable_url, UnreachableError)
    await breakable_postgres.start()
    await store.write(move("c"))
    assert await names(store) == ["a", "c"]
    await fails(breakable_url, TakenError)


async def test_a_store_that_another_bridge_took_is_not_written_any_more(
    store: Store, breakable_postgres: Postgres, move: Callable[[str], Callable[[Tx], None]]
) -> None:
    with psycopg.connect(breakable_postgres.conninfo(store_database(store)), autocommit=True) as other:
        key = f"SELECT pg_advisory_lock({LOCK_SPACE}, hashtext(current_schema()))".encode()
        waiting = threading.Thread(target=other.execute, args=(key,))
        waiting.start()
        with psycopg.connect(breakable_postgres.conninfo(), autocommit=True) as admin:
            while not admin.execute("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchall():
                pass
        await asyncio.to_thread(end, breakable_postgres, await store.write(pid))
        await asyncio.to_thread(waiting.join)
        with pytest.raises(NotCommitted, match="another bridge"):
            await store.write(move("a"))
        assert isinstance(await store.taken(), TakenError)
        assert await names(store) == []


def store_database(store: Store) -> str:
    return store.place.split()[1]


async def test_an_idle_writer_finds_out_by_itself(
    breakable_postgres: Postgres, breakable_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PostgresBackend, "idle", 0.01)
    async with Store.open(breakable_url, clock=SystemClock()) as store:
        former = await store.write(pid)
        await asyncio.to_thread(end, breakable_postgres, former)
        query = text("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2")
        while (holders := await store.read(lambda tx: tx.execute(query).scalars().all())) in ([], [former]):
            pass
        assert len(holders) == 1


class CommitProxy(Listener):
    """Passes bytes to a server, and breaks both connections at the next COMMIT after `arm`.

    With `arrives` the server gets that COMMIT, and only its answer is lost.
    """

    def __init__(self, backend_port: int) -> None:
        super().__init__()
        self.broken = 0
        self._arrives: bool | None = None
        self._backend_port = backend_port

    def arm(self, *, arrives: bool) -> None:
        self._arrives = arrives

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        backend_reader, backend = await asyncio.open_connection(HOST, self._backend_port)
        down = asyncio.create_task(self._down(backend_reader, writer))
        try:
            while data := await reader.read(1 << 16):
                if self._arrives is not None and b"COMMIT" in data:
                    break
                backend.write(data)
            else:
                return
            down.cancel()
            await asyncio.wait({down})
            if self._arrives:
                backend.write(data)
                await backend_reader.read(1 << 16)
            self._arrives = None
            self.broken += 1
        finally:
            down.cancel()
            await asyncio.wait({down})
            abort(writer)
            abort(backend)

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)


@pytest.fixture
async def proxy(breakable_postgres: Postgres) -> AsyncIterator[CommitProxy]:
    async with CommitProxy(breakable_postgres.port) as serving:
        yield serving


@pytest.fixture
async def cut_store(proxy: CommitProxy, breakable_postgres: Postgres, breakable_url: str) -> AsyncIterator[Store]:
    url = breakable_url.replace(f":{breakable_postgres.port}/", f":{proxy.port}/")
    async with Store.open(f"{url}?sslmode=disable&gssencmode=disable", clock=SystemClock()) as opened:
        yield opened


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_commit_without_an_answer_is_settled(
    cut_store: Store, proxy: CommitProxy, arrives: bool, now: datetime
) -> None:
    runs: list[str] = []

    def unit(tx: Tx) -> str:
        runs.append("run")
        cursors.move(tx, f"run {len(runs)}", "1", now)
        tx.wake("notices")
        return f"result {len(runs)}"

    proxy.arm(arrives=arrives)
    times = 1 if arrives else 2
    assert await cut_store.write(unit) == f"result {times}"
    assert proxy.broken == 1
    assert await names(cut_store) == [f"run {times}"]
    assert len(runs) == times
    assert cut_store.event("notices").is_set()


async def test_a_commit_that_nobody_can_answer_for_is_in_doubt(
    cut_store: Store,
    proxy: CommitProxy,
    move: Callable[[str], Callable[[Tx], None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writer, "_SETTLE_PAUSES", (0.0, 0.01))
    assert await names(cut_store) == []
    proxy.arm(arrives=True)
    await proxy.refuse()
    with pytest.raises(InDoubt, match="nobody answered whether this is stored"):
        await cut_store.write(move("a"))
    await proxy.accept()
    await cut_store.write(move("b"))
    assert await names(cut_store) == ["a", "b"]


async def test_a_lost_commit_of_nothing_is_no_loss(cut_store: Store, proxy: CommitProxy) -> None:
    proxy.arm(arrives=False)
    assert await cut_store.write(lambda tx: tx.scalar(text("SELECT 7"))) == 7
    assert proxy.broken == 1


async def test_a_wrong_password_is_named_without_it(
    breakable_postgres: Postgres, breakable_url: str, move: Callable[[str], Callable[[Tx], None]]
) -> None:
    access = breakable_postgres.folder / "data" / "pg_hba.conf"
    before = access.read_text()
    with psycopg.connect(breakable_postgres.conninfo(), autocommit=True) as connection:
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'right'")
        connection.execute("CREATE ROLE clerk LOGIN")
        access.write_text(f"host all guest {HOST}/32 scram-sha-256\n{before}")
        connection.execute("SELECT pg_reload_conf()")
        url = breakable_url.replace("statusbridge@", "guest:not-the-word@")
        said = await fails(url, LoginError)
        assert said.endswith("doesn't let guest in: correct user or password in [store] url")
        assert "not-the-word" not in said
        access.write_text(before)
        connection.execute("SELECT pg_reload_conf()")
        assert "doesn't let clerk write" in await fails(breakable_url.replace("statusbridge@", "clerk@"), ReadOnlyError)
        connection.execute("DROP ROLE guest")
        connection.execute("DROP ROLE clerk")
    await fails(breakable_url.replace("statusbridge@", "stranger@"), LoginError)


async def test_a_missing_database_is_named(breakable_url: str) -> None:
    assert "make it with createdb" in await fails(f"{breakable_url}_missing", MissingError)


async def test_a_read_only_server_is_named(breakable_url: str) -> None:
    url = f"{breakable_url}?options=-c%20default_transaction_read_only%3Don"
    assert "is read-only: name the primary server" in await fails(url, ReadOnlyError)
