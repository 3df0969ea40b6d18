from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text
from structlog.testing import capture_logs

from bridge.domain.clock import SystemClock
from bridge.store import OUTAGE, NotCommitted, OutageError, Store, Tx, cursors
from bridge.store.outage import Outage
from bridge.store.schema import cursor
from bridge.testing import FakeClock

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BIG = "x" * 100_000
STOPS, GOES_ON = "the store can't commit; everything waits for it", "the store commits again"


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with capture_logs() as captured:
        yield captured


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store.open(f"sqlite:///{tmp_path / 'store.db'}", clock=SystemClock()) as opened:
        yield opened


def move(name: str, value: str = "1") -> Callable[[Tx], None]:
    return lambda tx: cursors.move(tx, name, value, NOW)


async def room_for(store: Store, pages: int) -> None:
    """Let the file have so many pages at most; 0 for none more than it has."""

    def limit(tx: Tx) -> None:
        most = pages or tx.scalar(text("PRAGMA page_count"))
        tx.scalar(text(f"PRAGMA max_page_count = {most}"))

    await store.write(limit)


async def test_a_full_disk_is_told_once_and_its_end_once(store: Store, logs: list[Any]) -> None:
    assert store.problem is None
    await room_for(store, 0)
    for _ in range(5):
        with pytest.raises(OutageError, match="is full: make room"):
            await store.write(move("big", BIG))
    assert store.problem is not None
    assert store.problem.endswith("is full: make room")
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [(STOPS, "error")]
    await room_for(store, 1_000_000)
    await store.write(move("big", BIG))
    assert store.problem is None
    assert [entry["event"] for entry in logs] == [STOPS, GOES_ON]


async def test_a_transaction_that_writes_nothing_does_not_end_it(store: Store) -> None:
    await room_for(store, 0)
    with pytest.raises(OutageError):
        await store.write(move("big", BIG))
    await store.write(lambda tx: tx.scalar(text("SELECT 1")))
    assert store.problem is not None


async def test_who_waits_is_woken_when_it_begins_and_when_it_ends(store: Store) -> None:
    news = store.event(OUTAGE)
    await room_for(store, 0)
    with pytest.raises(OutageError):
        await store.write(move("big", BIG))
    await asyncio.wait_for(news.wait(), 10)
    news.clear()
    await store.write(move("small"))
    await asyncio.wait_for(news.wait(), 10)
    assert store.problem is None


async def test_a_unit_that_is_itself_to_blame_is_no_outage(store: Store, logs: list[Any]) -> None:
    def twice(tx: Tx) -> None:
        for _ in range(2):
            tx.execute(insert(cursor), {"name": "n", "value": "v", "moved_at": NOW})

    with pytest.raises(NotCommitted) as raised:
        await store.write(twice)
    assert not isinstance(raised.value, OutageError)
    assert not raised.value.told
    assert (store.problem, logs) == (None, [])


async def test_a_failure_that_nobody_repeats_is_forgotten() -> None:
    clock, told = FakeClock(), []
    outage = Outage(clock, "store.db", lambda: told.append(outage.cause))
    outage.failed("the disk is full")
    await clock.advance(60)
    assert outage.cause == "the disk is full"
    await clock.advance(1)
    assert outage.cause is None
    outage.failed("the disk is full")
    assert outage.cause == "the disk is full"
    outage.over()
    outage.over()
    assert told == ["the disk is full", None]


async def test_a_disk_on_which_some_things_fit_does_not_fill_the_log(logs: list[Any]) -> None:
    clock = FakeClock()
    outage = Outage(clock, "store.db", lambda: None)
    for _ in range(59):
        outage.failed("the disk is full")
        outage.over()
        await clock.advance(1)
    assert [entry["event"] for entry in logs] == [STOPS, GOES_ON]
    await clock.advance(1)
    outage.failed("the disk is full")
    assert [entry["event"] for entry in logs] == [STOPS, GOES_ON, STOPS]
