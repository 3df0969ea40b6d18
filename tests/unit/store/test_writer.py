from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, insert, select, text

from bridge.domain.clock import SystemClock
from bridge.store import ClosedError, InDoubt, NotCommitted, Store, Tx, facade, stanzas, writer
from bridge.store.schema import cursor, stanza

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def admit(key: str, *, runs: list[str] | None = None) -> Callable[[Tx], int | None]:
    def unit(tx: Tx) -> int | None:
        if runs is not None:
            runs.append(key)
        return stanzas.admit(tx, archive="ops@rooms.example.org", key=key, sender="ana@example.org", at=NOW)

    return unit


def failing(key: str, error: BaseException, *, runs: list[str] | None = None) -> Callable[[Tx], None]:
    def unit(tx: Tx) -> None:
        admit(key, runs=runs)(tx)
        raise error

    return unit


async def stored(store: Store) -> list[str]:
    return list(await store.read(lambda tx: tx.execute(select(stanza.c.key).order_by(stanza.c.id)).scalars().all()))


def commits(store: Store) -> list[object]:
    counted: list[object] = []
    connection = store._writer._connection
    assert connection is not None
    event.listen(connection.engine, "commit", counted.append)
    return counted


@asynccontextmanager
async def writer_held(store: Store) -> AsyncGenerator[threading.Event]:
    """Keep the writer busy with a unit, so that what is written meanwhile waits."""
    loop, entered, release = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def hold(_tx: Tx) -> None:
        loop.call_soon_threadsafe(entered.set)
        release.wait()

    task = asyncio.create_task(store.write(hold))
    await entered.wait()
    try:
        yield release
    finally:
        release.set()
        await task


async def queued(store: Store, *units: Callable[[Tx], Any], bulk: bool = False) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.create_task(store.write(unit, bulk=bulk)) for unit in units]
    await asyncio.sleep(0)
    return tasks


async def test_a_result_comes_once_it_is_committed(store: Store) -> None:
    assert await store.write(admit("a")) == 1
    assert await stored(store) == ["a"]


async def test_all_that_wait_share_one_commit(store: Store) -> None:
    counted = commits(store)
    async with writer_held(store):
        tasks = await queued(store, *(admit(str(number)) for number in range(20)))
    await asyncio.gather(*tasks)
    assert await stored(store) == [str(number) for number in range(20)]
    assert len(counted) == 2


async def test_a_unit_that_raises_fails_alone_and_the_others_run_again(store: Store) -> None:
    runs: list[str] = []
    counted = commits(store)
    async with writer_held(store):
        tasks = await queued(
            store, admit("a", runs=runs), failing("b", KeyError("mine"), runs=runs), admit("c", runs=runs)
        )
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes[1], KeyError)
    assert [type(outcome) for outcome in outcomes] == [int, KeyError, int]
    assert await stored(store) == ["a", "c"]
    assert runs == ["a", "b", "a", "b", "c"]
    assert len(counted) == 2


async def test_a_unit_that_raises_its_own_error_alone_runs_once(store: Store) -> None:
    runs: list[str] = []
    with pytest.raises(KeyError, match="mine"):
        await store.write(failing("a", KeyError("mine"), runs=runs))
    assert runs == ["a"]
    assert await stored(store) == []


async def test_even_an_interrupt_in_a_unit_leaves_the_writer_alive(store: Store) -> None:
    class Interrupt(BaseException):
        pass

    with pytest.raises(Interrupt):
        await store.write(failing("a", Interrupt()))
    assert await store.write(admit("b")) is not None
    assert await stored(store) == ["b"]


async def test_a_refused_row_is_certain_and_its_values_are_not_quoted(store: Store) -> None:
    secret = "hunter2-and-a-customers-words"

    def unit(tx: Tx) -> None:
        tx.execute(insert(cursor), {"name": "n", "value": secret, "moved_at": NOW})
        tx.execute(insert(cursor), {"name": "n", "value": secret, "moved_at": NOW})

    with pytest.raises(NotCommitted) as raised:
        await store.write(unit)
    error: BaseException | None = raised.value
    while error is not None:
        assert secret not in str(error)
        error = error.__cause__
    assert "unique" in str(raised.value).lower()
    assert await store.read(lambda tx: tx.rows(select(cursor))) == []


async def test_a_unit_that_swallows_a_database_error_fails(store: Store) -> None:
    def unit(tx: Tx) -> str:
        try:
            tx.execute(text("INSERT INTO cursor (name) VALUES ('half')"))
        except Exception:  # noqa: BLE001 - just what a unit must not do
            return "fine"
        return "not refused"

    async with writer_held(store):
        tasks = await queued(store, admit("a"), unit, admit("b"))
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes[1], NotCommitted)
    assert await stored(store) == ["a", "b"]


async def test_a_naive_time_is_the_units_own_error(store: Store) -> None:
    naive = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001
    with pytest.raises(ValueError, match="a time without a zone"):
        await store.write(lambda tx: stanzas.admit(tx, archive="a", key="k", sender="s", at=naive))
    assert await stored(store) == []


async def test_a_topic_wakes_after_the_commit_only(store: Store) -> None:
    def waking(tx: Tx) -> None:
        admit("a")(tx)
        tx.wake("lane:one")

    def failing_to_wake(tx: Tx) -> None:
        tx.wake("lane:two")
        raise KeyError

    async with writer_held(store):
        tasks = await queued(store, waking, failing_to_wake)
        assert not store.event("lane:one").is_set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert store.event("lane:one").is_set()
    assert not store.event("lane:two").is_set()
    assert not store.event("notices").is_set()
    store.event("lane:one").clear()
    await store.write(waking)
    assert store.event("lane:one").is_set()


async def test_bulk_units_wait_for_all_others_and_go_one_at_a_time(store: Store) -> None:
    runs: list[str] = []
    counted = commits(store)
    async with writer_held(store):
        bulk = await queued(store, *(admit(f"bulk {number}", runs=runs) for number in range(3)), bulk=True)
        urgent = await queued(store, *(admit(f"urgent {number}", runs=runs) for number in range(3)))
    await asyncio.gather(*bulk, *urgent)
    assert runs == ["urgent 0", "urgent 1", "urgent 2", "bulk 0", "bulk 1", "bulk 2"]
    assert len(counted) == 4


async def test_an_urgent_unit_overtakes_the_bulk_that_waits(store: Store) -> None:
    runs: list[str] = []
    loop, entered, release = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def slow(tx: Tx) -> None:
        admit("bulk 0", runs=runs)(tx)
        loop.call_soon_threadsafe(entered.set)
        release.wait()

    bulk = await queued(store, slow, *(admit(f"bulk {number}", runs=runs) for number in range(1, 4)), bulk=True)
    await entered.wait()
    urgent = await queued(store, admit("urgent", runs=runs))
    release.set()
    await asyncio.gather(*bulk, *urgent)
    assert runs == ["bulk 0", "urgent", "bulk 1", "bulk 2", "bulk 3"]


async def test_cancelling_the_caller_does_not_cancel_the_unit(store: Store) -> None:
    async with writer_held(store):
        tasks = await queued(store, admit("a"))
        tasks[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]
    await store.write(admit("b"))
    assert await stored(store) == ["a", "b"]


async def test_closing_writes_what_waits_first(ready_url: str) -> None:
    async with Store.open(ready_url, clock=SystemClock()) as store:
        async with writer_held(store) as release:
            tasks = await queued(store, *(admit(str(number)) for number in range(10)))
            bulk = await queued(store, *(admit(f"bulk {number}") for number in range(3)), bulk=True)
            closing = asyncio.create_task(store._writer.close(60))
            await asyncio.sleep(0)
            with pytest.raises(ClosedError):
                await store.write(admit("late"))
            release.set()
        await asyncio.gather(*tasks, *bulk, closing)
    assert not any(thread.name.startswith("store-") for thread in threading.enumerate())
    async with Store.open(ready_url, clock=SystemClock()) as store:
        assert len(await stored(store)) == 13


async def test_a_unit_that_hangs_is_in_doubt_at_the_end(ready_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facade, "CLOSE_SECONDS", 0.01)
    async with Store.open(ready_url, clock=SystemClock()) as store:
        release, entered = threading.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def hang(_tx: Tx) -> None:
            loop.call_soon_threadsafe(entered.set)
            release.wait()

        hanging = await queued(store, hang)
        await entered.wait()
        waiting = await queued(store, admit("a"))
    with pytest.raises(InDoubt):
        await hanging[0]
    with pytest.raises(ClosedError):
        await waiting[0]
    release.set()
    thread = store._writer._thread
    assert thread is not None
    await asyncio.to_thread(thread.join)


async def test_a_failure_of_the_writer_itself_is_doubt_and_the_next_unit_works(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(store._writer, "_transaction", broken)
        with pytest.raises(InDoubt, match="RuntimeError"):
            await store.write(admit("a"))
    await store.write(admit("b"))
    assert await stored(store) == ["b"]


async def test_a_slow_commit_is_said(
    ready_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(writer, "SLOW_SECONDS", -1.0)
    async with Store.open(ready_url, clock=SystemClock()) as store:
        await store.write(admit("a"))
    assert "store is slow" in capsys.readouterr().out
