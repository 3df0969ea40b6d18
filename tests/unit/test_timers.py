from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import text as sql
from structlog.testing import capture_logs

from bridge import timers
from bridge.domain.people import Place, Target
from bridge.store import NotCommitted, Store, Tx, audit, cursors, notices, stanzas
from bridge.testing import FakeClock
from bridge.timers import Timers

T = TypeVar("T")

ROOM = Target("ops@rooms.example.org", Place.ROOM)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
    async with Store.open(f"sqlite:///{tmp_path / 'store.db'}", clock=clock) as opened:
        yield opened


async def count(store: Store, table: str) -> int:
    return await store.read(lambda tx: int(tx.scalar(sql(f"SELECT count(*) FROM {table}"))))


async def test_what_is_finished_and_old_is_forgotten_in_batches(store: Store, clock: FakeClock) -> None:
    now = clock.now()

    def fill(tx: Tx) -> None:
        for number in range(250):
            stanzas.admit(tx, archive="a", key=f"k{number}", sender="s", at=now, status="done")
        for number in range(3):
            notices.add_line(tx, target=ROOM, body="x", origin_id=f"o{number}", at=now)
        for one in notices.pending(tx)[:2]:
            notices.begin(tx, one.id, body="x", corrects=None, nick=None, at=now)
            notices.done(tx, one.origin_id, stanza_id=None, at=now)
        for name in ("told:stranger:a@example.org", "archive:a", "items:told:", "told;", "closed:a"):
            cursors.move(tx, name, "1", now)

    await store.write(fill)
    work = Timers(store, clock)
    assert await work.prune() == 0
    await clock.advance(timers.KEEP_STANZAS.total_seconds() + 1)
    assert await work.prune() == 253
    assert (await count(store, "stanza"), await count(store, "notice"), await count(store, "cursor")) == (0, 1, 4)
    assert await work.prune() == 0


async def test_a_store_that_fails_is_only_a_warning(store: Store, clock: FakeClock) -> None:
    class Failing:
        async def write(self, unit: Callable[[Tx], T], *, bulk: bool) -> T:
            assert bulk
            raise NotCommitted("the disk is full")

    failing: Any = Failing()
    with capture_logs() as logs:
        assert await Timers(failing, clock).prune() == 0
    assert [(entry["event"], entry["cause"]) for entry in logs] == [("cannot prune", "the disk is full")] * 5


async def test_the_head_of_the_audit_is_logged(store: Store, clock: FakeClock) -> None:
    await store.write(
        lambda tx: audit.append(tx, at=clock.now(), actor="raj@example.org", verb="panic", salt="s") and None
    )
    with capture_logs() as logs:
        await Timers(store, clock).log_audit_head()
    head = await store.read(audit.head)
    assert [(entry["event"], entry["count"], entry["hash"]) for entry in logs] == [("audit head", 1, head.hash)]


async def test_the_timers_run_while_the_block_does(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "PRUNE", timedelta(milliseconds=10))
    monkeypatch.setattr(timers, "HEAD", timedelta(milliseconds=10))
    logged = asyncio.Event()
    pruned = asyncio.Event()

    class Watched(Timers):
        async def prune(self) -> int:
            pruned.set()
            return await super().prune()

        async def log_audit_head(self) -> None:
            await super().log_audit_head()
            logged.set()

    with capture_logs():
        async with Watched(store, clock).running():
            await asyncio.gather(logged.wait(), pruned.wait())
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)
        pruned.clear()
        timed: list[asyncio.TimerHandle] = vars(asyncio.get_running_loop())["_scheduled"]
        assert [handle for handle in timed if not handle.cancelled()] == []
    assert not pruned.is_set()


async def test_no_timer_is_left_when_the_block_has_ended(store: Store, clock: FakeClock) -> None:
    scheduled: list[asyncio.TimerHandle] = vars(asyncio.get_running_loop())["_scheduled"]

    def waiting() -> list[asyncio.TimerHandle]:
        return [handle for handle in scheduled if not handle.cancelled()]

    async with Timers(store, clock).running():
        for _ in range(10):
            await asyncio.sleep(0)
        assert waiting() != []
    assert waiting() == []
