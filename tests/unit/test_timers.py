from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import text as sql
from structlog.testing import capture_logs

from bridge import timers
from bridge.commands import later
from bridge.commands.later import Firing
from bridge.domain.deliveries import Hold, State
from bridge.domain.ids import EntryId
from bridge.domain.outbox import Draft, Part
from bridge.domain.people import Place, Target
from bridge.domain.posts import Key
from bridge.domain.when import Moment
from bridge.domain.zones import ZERO
from bridge.store import InDoubt, NotCommitted, Store, Tx, audit, cursors, notices, outbox, posts, stanzas
from bridge.store import timers as store_timers
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
    assert logs[0]["head"] == f"1:{head.hash}"


async def test_the_head_is_logged_soon_after_the_start_as_well(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "FIRST_HEAD", timedelta(0))
    logged = asyncio.Event()

    class Watched(Timers):
        async def log_audit_head(self) -> None:
            logged.set()

    async with Watched(store, clock).running():
        await logged.wait()


async def test_the_timers_run_while_the_block_does(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "PRUNE", timedelta(milliseconds=10))
    monkeypatch.setattr(timers, "HEAD", timedelta(milliseconds=10))
    monkeypatch.setattr(timers, "FIRST_HEAD", timedelta(milliseconds=10))
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


# What waits for its time


async def plan(store: Store, clock: FakeClock, *seconds: float) -> list[EntryId]:
    """Have posts to one account wait for so many seconds each."""
    now = clock.now()

    def unit(tx: Tx) -> list[EntryId]:
        made: list[EntryId] = []
        for number, many in enumerate(seconds):
            draft = Draft(
                author="raj@example.org", nick="raj", source=ROOM, text="hi", hold=timedelta(), created_at=now
            )
            stored = posts.add(tx, draft, stanza=None)
            key = Key(token=f"{stored.id}.{number}", minted_at=now)
            part = Part(account="mastodon", text="hi", key=key)
            held = frozenset({Hold.SCHEDULE.value})
            outbox.add(tx, stored, [part], held=held, now=now, born_for=(), epoch="e")
            due = Moment(now + timedelta(seconds=many), ZERO)
            store_timers.add(tx, stored.id, due, said="18:00")
            made.append(stored.id)
        return made

    return await store.write(unit)


async def states(store: Store, *entries: EntryId) -> list[str]:
    return await store.read(lambda tx: [one.state.value for entry in entries for one in outbox.of_post(tx, entry)])


async def until(store: Store, entry: EntryId, state: State) -> None:
    """Return once a post's delivery is in a state."""
    woken = store.event(outbox.lane_topic("mastodon"))
    while await states(store, entry) != [state.value]:
        woken.clear()
        if await states(store, entry) != [state.value]:
            await woken.wait()


async def test_what_is_due_is_let_out_in_its_order(store: Store, clock: FakeClock) -> None:
    late, soon, far = await plan(store, clock, 20, 10, 30)
    work = Timers(store, clock)
    await clock.advance(20)
    assert await work.let_out() == 0
    assert await states(store, late, soon, far) == ["ready", "ready", "held"]
    (first,), (second,) = [await store.read(lambda tx, one=one: outbox.of_post(tx, one)) for one in (soon, late)]
    assert first.position < second.position
    assert [first.fresh_since, second.fresh_since] == [clock.now()] * 2


async def test_two_who_fire_at_once_let_it_out_once(store: Store, clock: FakeClock) -> None:
    (entry,) = await plan(store, clock, 10)
    await clock.advance(10)
    await asyncio.gather(*(Timers(store, clock).let_out() for _ in range(5)))
    assert await states(store, entry) == ["ready"]
    verbs = sql("SELECT verb FROM audit")
    assert [row.verb for row in await store.read(lambda tx: tx.rows(verbs))] == ["due"]
    assert (await store.read(audit.verify)).holds
    assert await count(store, "notice") == 1


async def test_the_alarm_rings_by_the_machines_clock_and_the_bridges_own_decides(
    store: Store, clock: FakeClock
) -> None:
    work = Timers(store, clock)
    async with work.running():
        work.start()
        (entry,) = await plan(store, clock, 0.02)
        await clock.wait_for_wait(timers.SWEEP)
        assert await states(store, entry) == ["held"]
        clock.jump(0.02)
        await until(store, entry, State.READY)


async def test_a_nearer_time_sets_the_alarm_anew(store: Store, clock: FakeClock) -> None:
    work = Timers(store, clock)
    async with work.running():
        work.start()
        (far,) = await plan(store, clock, 3600)
        await clock.wait_for_wait(timers.SWEEP)
        (near,) = await plan(store, clock, 0)
        await until(store, near, State.READY)
        assert await states(store, far) == ["held"]


async def test_the_sweep_finds_what_the_alarm_missed(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Timers, "_set_alarm", lambda *_: None)
    (entry,) = await plan(store, clock, 30)
    work = Timers(store, clock)
    async with work.running():
        work.start()
        await clock.wait_for_wait(timers.SWEEP)
        await clock.advance(timers.SWEEP)
        await until(store, entry, State.READY)


async def test_nothing_is_let_out_before_the_start(store: Store, clock: FakeClock) -> None:
    (entry,) = await plan(store, clock, 0)
    work = Timers(store, clock)
    async with work.running():
        for _ in range(20):
            await asyncio.sleep(0)
        assert await states(store, entry) == ["held"]
        work.start()
        await until(store, entry, State.READY)


async def test_without_anything_planned_nothing_is_waited_for(store: Store, clock: FakeClock) -> None:
    work = Timers(store, clock)
    async with work.running():
        work.start()
        (entry,) = await plan(store, clock, 0)
        await until(store, entry, State.READY)
        for _ in range(100):
            await asyncio.sleep(0)
        await store.read(store_timers.next_due)
        assert clock.waits == ()


async def test_a_clock_that_is_set_back_over_a_firing_does_not_repeat_it(store: Store, clock: FakeClock) -> None:
    (entry,) = await plan(store, clock, 10)
    await clock.advance(10)
    work = Timers(store, clock)
    await work.let_out()
    clock.jump(-3600)
    await store.write(lambda tx: _become(tx, entry, State.SENT, clock))
    for _ in range(3):
        await clock.advance(1800)
        await work.let_out()
    assert await states(store, entry) == ["sent"]


async def test_a_clock_that_is_set_far_ahead_makes_it_ask_rather_than_post(store: Store, clock: FakeClock) -> None:
    (entry,) = await plan(store, clock, 10)
    clock.jump(7200)
    work = Timers(store, clock)
    await work.let_out()
    await work.let_out()
    assert await states(store, entry) == ["held"]
    assert await count(store, "notice") == 1
    clock.jump(-7200)
    await clock.advance(10)
    await work.let_out()
    assert await states(store, entry) == ["held"]


def _become(tx: Tx, entry: EntryId, state: State, clock: FakeClock) -> None:
    for one in outbox.of_post(tx, entry):
        outbox.save(tx, replace(one, state=state), now=clock.now())


@pytest.mark.parametrize("stored", [False, True])
async def test_a_commit_without_an_answer_lets_it_out_once(store: Store, clock: FakeClock, stored: bool) -> None:
    (entry,) = await plan(store, clock, 0)
    write = store.write

    async def doubtful(unit: Callable[[Tx], T], *, bulk: bool = False) -> T:
        store.write = write  # type: ignore[method-assign]
        if stored:
            await write(unit, bulk=bulk)
        raise InDoubt("the connection broke")

    store.write = doubtful  # type: ignore[method-assign]
    work = Timers(store, clock)
    with pytest.raises(InDoubt):
        await work.let_out()
    assert await states(store, entry) == ["ready" if stored else "held"]
    await work.let_out()
    assert await states(store, entry) == ["ready"]
    assert await count(store, "audit") == 1


async def test_a_store_that_refuses_is_asked_again(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "STORE_PAUSE", 0.01)
    (entry,) = await plan(store, clock, 0)
    write, refusals = store.write, iter([True, True])

    async def refusing(unit: Callable[[Tx], T], *, bulk: bool = False) -> T:
        if next(refusals, False):
            raise NotCommitted("the disk is full")
        return await write(unit, bulk=bulk)

    store.write = refusing  # type: ignore[method-assign]
    work = Timers(store, clock)
    with capture_logs() as logs:
        async with work.running():
            work.start()
            await until(store, entry, State.READY)
    assert [one["event"] for one in logs] == ["cannot look for what is due"] * 2


async def test_a_bug_with_one_keeps_no_other_from_its_time(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, fine = await plan(store, clock, 0, 0)
    fire = later.fire

    def failing(tx: Tx, entry: EntryId, made: Firing) -> bool:
        if entry == broken:
            raise ZeroDivisionError
        return fire(tx, entry, made)

    monkeypatch.setattr(later, "fire", failing)
    work = Timers(store, clock)
    with capture_logs() as logs:
        async with work.running():
            work.start()
            await until(store, fine, State.READY)
            # It is tried again with the next sweep, not at once and not never.
            await clock.wait_for_wait(timers.SWEEP)
    assert await states(store, broken) == ["held"]
    assert [(one["event"], one["post"]) for one in logs] == [("a post could not be let out", broken)]


async def test_a_bug_in_looking_is_logged_and_looked_past(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    (entry,) = await plan(store, clock, 0)
    look, times = Timers._look, iter([True])

    async def failing(work: Timers) -> float | None:
        if next(times, False):
            raise ZeroDivisionError
        return await look(work)

    monkeypatch.setattr(Timers, "_look", failing)
    work = Timers(store, clock)
    with capture_logs() as logs:
        async with work.running():
            work.start()
            await clock.wait_for_wait(timers.SWEEP)
            await clock.advance(timers.SWEEP)
            await until(store, entry, State.READY)
    assert [one["event"] for one in logs] == ["what is due could not be let out"]
