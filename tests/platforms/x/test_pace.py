"""How often X is asked for news."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bridge.testing import FakeClock
from plugins.x.pace import Pulse, interval

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "seconds"),
    [(0, 45), (29 * 60, 45), (30 * 60, 300), (119 * 60, 300), (120 * 60, 600), (10**7, 600), (-3600, 45)],
)
def test_it_slows_down_while_nothing_happens(since: int, seconds: int) -> None:
    assert interval(NOW, NOW - timedelta(seconds=since)) == timedelta(seconds=seconds)


def test_a_fixed_interval_is_fixed() -> None:
    assert interval(NOW, NOW, timedelta(minutes=3)) == timedelta(minutes=3)


async def test_a_beat_brings_the_next_look_nearer(clock: FakeClock) -> None:
    pulse = Pulse(clock)
    resting = asyncio.ensure_future(pulse.rest())
    await clock.wait_for_wait(600)
    await clock.advance(20)
    pulse.beat()
    await clock.wait_for_wait(25)
    assert not resting.done()
    await clock.advance(25)
    await resting


async def test_a_beat_after_a_while_brings_it_at_once(clock: FakeClock) -> None:
    pulse = Pulse(clock)
    resting = asyncio.ensure_future(pulse.rest())
    await clock.wait_for_wait(600)
    await clock.advance(300)
    pulse.beat()
    await resting


async def test_a_fixed_rest_is_not_disturbed(clock: FakeClock) -> None:
    pulse = Pulse(clock, timedelta(minutes=1))
    resting = asyncio.ensure_future(pulse.rest())
    await clock.wait_for_wait(60)
    await clock.advance(30)
    pulse.beat()
    await clock.wait_for_wait(30)
    assert not resting.done()
    await clock.advance(30)
    await resting


async def test_a_clock_that_is_set_back_does_not_lengthen_a_rest(clock: FakeClock) -> None:
    pulse = Pulse(clock, timedelta(minutes=1))
    resting = asyncio.ensure_future(pulse.rest())
    await clock.wait_for_wait(60)
    clock.jump(-86_400)
    await clock.advance(60)
    await resting
