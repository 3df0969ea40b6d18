from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text

from bridge.domain.clock import SystemClock
from bridge.store import ReadError, SchemaError, Store, TakenError, Tx, cursors
from bridge.store.schema import cursor

if TYPE_CHECKING:
    from datetime import datetime


async def test_each_opening_is_an_epoch_of_its_own(ready_url: str) -> None:
    epochs: set[str] = set()
    for _ in range(3):
        async with Store.open(ready_url, clock=SystemClock()) as store:
            epochs.add(store.epoch)
    assert len(epochs) == 3


async def test_what_was_written_is_there_after_opening_again(ready_url: str, now: datetime) -> None:
    async with Store.open(ready_url, clock=SystemClock()) as store:
        await store.write(lambda tx: cursors.move(tx, "archive:ops@rooms.example.org", "77", now))
    async with Store.open(ready_url, clock=SystemClock()) as store:
        assert await store.read(lambda tx: cursors.get(tx, "archive:ops@rooms.example.org")) == "77"
        moved = await store.read(lambda tx: tx.scalar(select(cursor.c.moved_at)))
        assert (moved, moved.tzinfo) == (now, now.tzinfo)


async def test_a_second_bridge_is_refused_while_the_first_lives(ready_url: str) -> None:
    async with Store.open(ready_url, clock=SystemClock()) as store:
        with pytest.raises(TakenError, match="stop it first"):
            async with Store.open(ready_url, clock=SystemClock()):
                pass
        assert await store.write(lambda tx: tx.scalar(text("SELECT 1"))) == 1
    async with Store.open(ready_url, clock=SystemClock()) as store:
        assert await store.write(lambda tx: tx.scalar(text("SELECT 1"))) == 1


async def test_a_failure_inside_the_block_closes_the_store(ready_url: str) -> None:
    with pytest.raises(KeyError):
        async with Store.open(ready_url, clock=SystemClock()):
            raise KeyError
    async with Store.open(ready_url, clock=SystemClock()) as store:
        assert await store.read(lambda tx: tx.scalar(text("SELECT 1"))) == 1


async def test_beside_a_bridge_the_tables_are_used_as_they_are(ready_url: str, now: datetime) -> None:
    async with Store.open(ready_url, clock=SystemClock()) as store:
        async with Store.open(ready_url, clock=SystemClock(), lock=False) as beside:
            await beside.write(lambda tx: cursors.move(tx, "a", "1", now))
        assert await store.read(lambda tx: cursors.get(tx, "a")) == "1"


async def test_an_empty_database_is_not_filled_without_the_lock(postgres_url: str) -> None:
    with pytest.raises(SchemaError, match="has no tables yet: start the bridge, or run statusbridge db upgrade"):
        async with Store.open(postgres_url, clock=SystemClock(), lock=False):
            pass


async def test_a_reader_sees_one_snapshot(store: Store, now: datetime) -> None:
    loop = asyncio.get_running_loop()
    await store.write(lambda tx: cursors.move(tx, "a", "1", now))

    def query(tx: Tx) -> tuple[str | None, str | None]:
        before = cursors.get(tx, "a")
        write = store.write(lambda tx: cursors.move(tx, "a", "2", now))
        asyncio.run_coroutine_threadsafe(write, loop).result()
        return before, cursors.get(tx, "a")

    assert await store.read(query) == ("1", "1")
    assert await store.read(lambda tx: cursors.get(tx, "a")) == "2"


async def test_readers_work_at_the_same_time(store: Store) -> None:
    loop, arrived = asyncio.get_running_loop(), 0
    all_in = asyncio.Event()

    def query(tx: Tx) -> int:
        async def arrive() -> None:
            nonlocal arrived
            arrived += 1
            if arrived == 4:
                all_in.set()
            await all_in.wait()

        asyncio.run_coroutine_threadsafe(arrive(), loop).result()
        return tx.scalar(text("SELECT 7"))

    assert await asyncio.gather(*(store.read(query) for _ in range(4))) == [7, 7, 7, 7]


async def test_a_query_that_fails_says_so_without_values(store: Store) -> None:
    with pytest.raises(ReadError) as raised:
        await store.read(lambda tx: tx.rows(text("SELECT secret_column FROM cursor")))
    assert raised.value.__cause__ is None
    with pytest.raises(ZeroDivisionError):
        await store.read(lambda _tx: 1 / 0)


async def test_nothing_is_written_by_a_reader(store: Store, now: datetime) -> None:
    with pytest.raises(ReadError):
        await store.read(lambda tx: cursors.move(tx, "a", "1", now))
    assert await store.read(lambda tx: cursors.get(tx, "a")) is None


async def test_an_event_is_the_same_each_time(store: Store) -> None:
    assert store.event("notices") is store.event("notices")
    assert store.event("notices") is not store.event("lane:x")


async def test_waiting_for_the_stores_loss_ends_with_the_store(ready_url: str) -> None:
    async with Store.open(ready_url, clock=SystemClock()) as store:
        waiting = asyncio.create_task(store.taken())
        await asyncio.sleep(0)
        assert not waiting.done()
    with pytest.raises(asyncio.CancelledError):
        await waiting
