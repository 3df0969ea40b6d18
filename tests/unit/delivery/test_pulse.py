from __future__ import annotations

import asyncio

from bridge.delivery import Attendance, Pulse
from bridge.testing import FakeClock

ROOM = "ops@rooms.example.org"


async def test_nobody_hears_until_what_was_missed_has_been_seen_to() -> None:
    clock, stopped, seen_to = FakeClock(), asyncio.Event(), asyncio.Event()
    pulse = Pulse(clock)
    attendance = Attendance(pulse.awake)
    attendance.arrive(ROOM)
    calls: list[float] = []

    async def stood_still() -> None:
        calls.append(clock.monotonic())
        await seen_to.wait()

    running = asyncio.create_task(pulse.run(stopped, stood_still))
    await clock.advance(60)
    assert (calls, attendance.hearing) == ([], {ROOM})
    await clock.stand_still(30)
    assert (calls, attendance.hearing, attendance.present) == ([90.0], frozenset(), {ROOM})
    seen_to.set()
    await clock.advance(0)
    assert attendance.hearing == {ROOM}
    stopped.set()
    await running
    assert calls == [90.0]
