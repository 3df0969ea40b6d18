from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bridge.delivery import Attendance, Lane, Lanes
from bridge.delivery.units import Idle, LookFor
from bridge.domain.deliveries import State
from bridge.plugin import UncertainError
from bridge.testing import Fate

if TYPE_CHECKING:
    from bridge.testing import FakeClock
    from tests.unit.delivery.conftest import Bench


@asynccontextmanager
async def running(bench: Bench, lane: Lane) -> AsyncGenerator[asyncio.Task[None]]:
    bench.started.set()
    task = asyncio.create_task(lane.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled() or task.exception() is None


async def until(bench: Bench, state: State, entry: int = 1) -> None:
    """Return once a post's delivery stands so."""
    while (await bench.rows(entry))[0].state is not state:
        await bench.clock.advance(0)


async def test_it_waits_until_outgoing_work_may_begin(bench: Bench) -> None:
    await bench.post()
    lane = bench.lane()
    task = asyncio.create_task(lane.run())
    await bench.clock.advance(100)
    assert not lane.takes_born
    assert bench.platform.count("post") == 0
    bench.started.set()
    await until(bench, State.SENT)
    assert lane.takes_born
    lane.stop()
    await task
    assert not lane.takes_born


async def test_a_plugin_that_went_down_is_not_called(bench: Bench) -> None:
    lane = bench.lane()
    (one,) = await bench.post(born=True)
    plugin, bench.account.plugin, bench.account.problem = bench.account.plugin, None, "no route to host"
    nothing = Idle(until=None, waiting=1, cause="no route to host", told=False, open=False)
    assert await lane._attempt(one) == nothing
    assert await lane._look(LookFor(delivery=one, known=frozenset())) == nothing
    assert (await bench.row(one)).state is State.SENDING
    assert bench.platform.calls == bench.platform.calls[:1]
    async with running(bench, lane):
        await bench.clock.wait_for_wait(5)
        bench.account.plugin = plugin
        lane.poke()
        await until(bench, State.SENT)
    assert bench.platform.count("post") == 1


async def test_what_was_claimed_when_it_is_stopped_is_not_begun(bench: Bench) -> None:
    lane = bench.lane()
    (one,) = await bench.post(born=True)
    lane.stop()
    assert isinstance(await lane._attempt(one), Idle)
    bench.started.set()
    await lane.run()
    assert ((await bench.row(one)).state, bench.platform.count("post")) == (State.READY, 0)


@pytest.mark.parametrize(("own", "waits"), [(None, 30), (timedelta(seconds=7), 7)])
async def test_the_configuration_may_set_how_long_doubt_settles(
    bench: Bench, own: timedelta | None, waits: float
) -> None:
    bench.account.settle_after = own
    bench.platform.will("post", Fate(after=UncertainError("lost")))
    await bench.post()
    async with running(bench, bench.lane()):
        await until(bench, State.UNCERTAIN)
        row = (await bench.rows(1))[0]
    assert row.due_at == bench.clock.now() + timedelta(seconds=waits)


async def test_where_the_same_key_twice_at_once_is_safe_nothing_waits(bench: Bench) -> None:
    bench.account.settle_after = timedelta(0)
    bench.platform.will("post", Fate(after=UncertainError("lost")))
    await bench.post()
    async with running(bench, bench.lane()):
        await until(bench, State.SENT)
    assert (bench.platform.count("post"), bench.clock.monotonic()) == (2, 0)
    assert bench.platform.visible == ["hello"]


async def test_with_its_plugin_down_the_configured_time_holds_as_well(bench: Bench) -> None:
    (one,) = await bench.post(born=True)
    await bench.save(replace(one, epoch="an earlier run"))
    bench.account.plugin = None
    bench.account.settle_after = timedelta(seconds=99)
    async with running(bench, bench.lane()):
        await until(bench, State.UNCERTAIN)
        row = (await bench.rows(1))[0]
    assert row.due_at == bench.clock.now() + timedelta(seconds=99)


async def test_a_born_delivery_is_begun_with_while_the_store_is_still_busy(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = bench.lane()
    async with running(bench, lane):
        await bench.clock.wait_for_wait(30)
        write, free = bench.store.write, asyncio.Event()

        async def busy(unit: Any, *, bulk: bool = False) -> Any:
            await free.wait()
            return await write(unit, bulk=bulk)

        (one,) = await bench.post(born=True)
        monkeypatch.setattr(bench.store, "write", busy)
        lane.begin(one)
        while not bench.platform.count("post"):
            await bench.clock.advance(0)
        free.set()
        await until(bench, State.SENT)
    assert bench.platform.visible == ["hello"]


async def test_a_born_delivery_that_a_claim_was_faster_with_is_not_begun_twice(bench: Bench) -> None:
    lane = bench.lane()
    async with running(bench, lane):
        await bench.clock.wait_for_wait(30)
        (one,) = await bench.post(born=True)
        await until(bench, State.SENT)
        lane.begin(one)
        await bench.post("later")
        await until(bench, State.SENT, entry=2)
    assert bench.platform.count("post") == 2
    assert bench.platform.visible == ["hello", "later"]


async def test_a_row_that_the_shell_changed_is_seen_by_the_sweep(bench: Bench) -> None:
    async with running(bench, bench.lane()):
        await bench.clock.wait_for_wait(30)
        (one,) = await bench.post()
        bench.store.event("lane:mastodon").clear()
        await bench.save(replace(one, text="changed"))
        await bench.clock.advance(30)
        await until(bench, State.SENT)
    assert bench.platform.visible in (["changed"], ["hello"])


async def test_cancelled_in_the_middle_of_an_attempt_it_leaves_doubt(bench: Bench) -> None:
    bench.platform.will("post", Fate(hangs="before"))
    await bench.post()
    async with running(bench, bench.lane()):
        await until(bench, State.SENDING)
        while not bench.platform.count("post"):
            await bench.clock.advance(0)
    row = (await bench.rows(1))[0]
    assert (row.state, row.doubt_attempt) == (State.SENDING, 1)
    bench.platform.release()
    await bench.clock.advance(0)
    assert bench.platform.visible == []


async def test_lanes_say_for_whom_a_delivery_may_be_born_and_stop_together(bench: Bench, clock: FakeClock) -> None:
    attendance = Attendance()
    lanes = Lanes([bench.lane()], attendance, bench.started)
    assert lanes.born_for == frozenset()
    task = asyncio.create_task(lanes.run())
    lanes.start()
    assert lanes.born_for == {"mastodon"}
    (one,) = await bench.post(hold=timedelta(seconds=20))
    await clock.advance(5)
    await lanes.arrive(one.source.jid)
    assert attendance.present == {one.source.jid}
    assert (await bench.row(one)).hold_until == clock.now() + timedelta(seconds=20)
    lanes.stop()
    await task
    assert lanes.born_for == frozenset()


async def test_lanes_without_accounts_run_until_they_are_stopped(bench: Bench) -> None:
    lanes = Lanes([], Attendance(), bench.started)
    task = asyncio.create_task(lanes.run())
    await bench.clock.advance(100)
    assert not task.done()
    lanes.stop()
    await task


async def test_lanes_that_never_began_can_be_stopped(bench: Bench) -> None:
    lanes = Lanes([bench.lane()], Attendance(), bench.started)
    await bench.post()
    task = asyncio.create_task(lanes.run())
    await bench.clock.advance(0)
    lanes.stop()
    await task
    assert bench.platform.count("post") == 0
