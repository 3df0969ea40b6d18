from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from bridge.domain.clock import Clock, wait_event
from bridge.testing import FakeClock

START = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)


def test_it_is_a_clock() -> None:
    clock: Clock = FakeClock(START)
    assert clock.now() == START
    assert clock.monotonic() == 0.0


def test_it_starts_at_an_aware_time_and_tells_utc() -> None:
    clock = FakeClock(START.astimezone(timezone(timedelta(hours=3))))
    assert clock.now() == START
    assert clock.now().tzinfo is UTC
    with pytest.raises(ValueError, match="aware"):
        FakeClock(START.replace(tzinfo=None))


async def test_advance_moves_both_times() -> None:
    clock = FakeClock(START)
    await clock.advance(90.5)
    assert clock.monotonic() == 90.5
    assert clock.now() == START + timedelta(seconds=90.5)


async def test_time_cannot_be_turned_back_but_the_wall_can() -> None:
    clock = FakeClock(START)
    with pytest.raises(ValueError, match="jump"):
        await clock.advance(-1)
    clock.jump(-3600)
    assert clock.now() == START - timedelta(hours=1)
    assert clock.monotonic() == 0.0
    await clock.advance(10)
    assert clock.now() == START - timedelta(hours=1) + timedelta(seconds=10)


async def test_sleepers_wake_in_order_each_at_its_own_time() -> None:
    clock = FakeClock(START)
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, *naps: float) -> None:
        for nap in naps:
            await clock.sleep(nap)
            woken.append((name, clock.monotonic()))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sleeper("slow", 5))
        tasks.create_task(sleeper("twice", 2, 2))
        tasks.create_task(sleeper("equal", 2))
        await clock.advance(1)
        assert woken == []
        assert clock.waits == (1.0, 1.0, 4.0)
        await clock.advance(9)
    assert woken == [("twice", 2.0), ("equal", 2.0), ("twice", 4.0), ("slow", 5.0)]
    assert clock.sleepers == 0
    assert clock.monotonic() == 10.0


async def test_advance_lets_long_chains_of_tasks_run() -> None:
    clock = FakeClock(START)
    queue: asyncio.Queue[int] = asyncio.Queue()
    done: list[int] = []

    async def chain(depth: int) -> None:
        if depth:
            await asyncio.create_task(chain(depth - 1))
        else:
            done.append(await queue.get())

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(chain(30))
        await clock.advance(0)
        queue.put_nowait(7)
        await clock.advance(0)
        assert done == [7]


async def test_sleeping_no_time_only_yields() -> None:
    clock = FakeClock(START)
    await clock.sleep(0)
    await clock.sleep(-1)
    assert clock.sleepers == 0


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = FakeClock(START)
    task = asyncio.create_task(clock.sleep(10))
    await clock.wait_for_sleepers(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.sleepers == 0
    await clock.advance(20)


async def test_within_returns_what_comes_in_time() -> None:
    clock = FakeClock(START)

    async def nap() -> str:
        await clock.sleep(2)
        return "rested"

    task = asyncio.create_task(clock.within(3, nap()))
    await clock.advance(2)
    assert await task == "rested"
    assert clock.sleepers == 0


async def test_within_cancels_what_is_late() -> None:
    clock = FakeClock(START)
    ended: list[str] = []

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    task = asyncio.create_task(clock.within(3, hang()))
    await clock.advance(2.9)
    assert not task.done()
    await clock.advance(0.1)
    with pytest.raises(TimeoutError):
        await task
    assert ended == ["cancelled"]
    assert clock.sleepers == 0


async def test_within_no_time_is_late_unless_it_is_there_already() -> None:
    clock = FakeClock(START)
    with pytest.raises(TimeoutError):
        await clock.within(0, asyncio.Event().wait())
    there: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    there.set_result(1)
    assert await clock.within(0, there) == 1


async def test_within_passes_cancellation_and_errors_on() -> None:
    clock = FakeClock(START)

    async def fail() -> None:
        await clock.sleep(1)
        raise LookupError

    failing = asyncio.create_task(clock.within(5, fail()))
    hanging = asyncio.create_task(clock.within(5, asyncio.Event().wait()))
    await clock.advance(1)
    with pytest.raises(LookupError):
        await failing
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    assert clock.sleepers == 0


async def test_wait_event_works_on_it() -> None:
    clock = FakeClock(START)
    event = asyncio.Event()
    late = asyncio.create_task(wait_event(clock, event, 30))
    await clock.wait_for_sleepers(1)
    await clock.advance(30)
    assert await late is False
    early = asyncio.create_task(wait_event(clock, event, 30))
    await clock.wait_for_sleepers(1)
    event.set()
    assert await early is True


async def test_waiting_for_sleepers_and_for_a_wait() -> None:
    clock = FakeClock(START)
    await clock.wait_for_sleepers(0)
    two = asyncio.create_task(clock.wait_for_sleepers(2))
    twenty = asyncio.create_task(clock.wait_for_wait(20))
    first = asyncio.create_task(clock.sleep(5))
    await clock.advance(0)
    assert not two.done()
    second = asyncio.create_task(clock.within(20, asyncio.Event().wait()))
    await two
    await twenty
    await clock.advance(20)
    await first
    with pytest.raises(TimeoutError):
        await second


async def test_what_was_due_while_the_program_stood_still_happens_afterwards() -> None:
    clock = FakeClock()
    seen: list[float] = []

    async def wake(seconds: float) -> None:
        await clock.sleep(seconds)
        seen.append(clock.monotonic())

    tasks = [asyncio.create_task(wake(seconds)) for seconds in (1, 2, 40)]
    await clock.stand_still(30)
    assert seen == [30, 30]
    await clock.advance(10)
    assert seen == [30, 30, 40]
    await asyncio.gather(*tasks)
