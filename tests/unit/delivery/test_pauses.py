"""Pauses that were begun in one run of the program and end in another, whose wall clock may say something else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.delivery import units
from bridge.delivery.units import Attempt
from bridge.domain.deliveries import Delivery, DeliveryKind, State, Unavailable
from bridge.domain.ids import PostId
from bridge.domain.posts import Key, Posted
from bridge.registry import PassingMemory
from bridge.registry.keeping import AccountKeep
from bridge.store import Store, outbox
from bridge.testing import FakeClock, FakePlatform, FakeSettings, FullFakePlugin
from tests.unit.delivery.conftest import ACCOUNT, Bench, FakeAccount

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
YEAR = timedelta(days=365)
SOON = timedelta(seconds=5)


@pytest.fixture
async def bench(store_url: str, clock: FakeClock) -> AsyncIterator[Bench]:
    platform = FakePlatform(clock)
    plugin = FullFakePlugin(FakeSettings(platform=platform), AccountKeep(PassingMemory(), ACCOUNT), clock)
    async with Store.open(store_url, clock=clock) as store, plugin:
        yield Bench(store=store, clock=clock, platform=platform, account=FakeAccount(plugin=plugin))


async def refused(bench: Bench, asked: timedelta | None) -> Delivery:
    """Attempt the head of the lane in vain; the platform asks for a pause, or leaves it to us."""
    step = await bench.store.write(lambda tx: units.claim(tx, bench.context()))
    assert isinstance(step, Attempt)
    outcome = Unavailable(reason="429", retry_after=asked)
    await bench.store.write(lambda tx: units.settle(tx, bench.context(), step.delivery, outcome, 1.0))
    return await bench.row(step.delivery)


async def returned(bench: Bench, one: Delivery, *, by: timedelta) -> timedelta | None:
    """Start anew with a wall clock that stands otherwise by so much, and return how long the pause still is."""
    now = bench.clock.now() + by
    await bench.store.write(lambda tx: units.recover(tx, bench.context(epoch="the next run", now=now)))
    due_at = (await bench.row(one)).due_at
    return None if due_at is None else due_at - now


async def test_a_pause_that_the_platform_asked_for_outlives_a_restart(bench: Bench) -> None:
    await bench.post()
    one = await refused(bench, HOUR)
    assert one.pause == HOUR
    assert await returned(bench, one, by=10 * MINUTE) == 50 * MINUTE


async def test_a_clock_set_back_makes_a_pause_no_longer_than_it_was_meant_to_be(bench: Bench) -> None:
    await bench.post()
    asked = await refused(bench, HOUR)
    assert await returned(bench, asked, by=-YEAR) == HOUR
    assert await returned(bench, asked, by=-2 * YEAR) == HOUR


async def test_our_own_back_off_is_held_to_its_length_too(bench: Bench) -> None:
    await bench.post()
    one = await refused(bench, None)
    assert one.pause == SOON
    assert await returned(bench, one, by=-YEAR) == SOON


async def test_a_clock_set_forward_ends_a_pause(bench: Bench) -> None:
    await bench.post()
    one = await refused(bench, HOUR)
    assert await returned(bench, one, by=YEAR) == HOUR - YEAR


async def test_what_waits_behind_the_head_is_brought_near_too(bench: Bench) -> None:
    await bench.post()
    behind = await refused(bench, None)
    sent = Posted(id=PostId("1145"), url=None)
    (other,) = await bench.post()
    await bench.save(replace(other, state=State.SENT, posted=sent))
    key = Key(token="deletion", minted_at=bench.clock.now())
    taken_back = replace(other, state=State.SENT, posted=sent)
    await bench.store.write(lambda tx: outbox.add_deletion(tx, taken_back, key=key, now=bench.clock.now()))
    head = await bench.store.read(lambda tx: outbox.head(tx, ACCOUNT))
    assert head is not None
    assert head.kind is DeliveryKind.DELETE
    assert await returned(bench, behind, by=-YEAR) == SOON


async def test_what_was_on_the_wire_waits_for_its_settling_and_no_longer(bench: Bench) -> None:
    (one,) = await bench.post(born=True)
    settle_after = bench.context().terms.settle_after
    assert await returned(bench, one, by=-YEAR) == settle_after
    assert (await bench.row(one)).pause == settle_after
    assert await returned(bench, one, by=-2 * YEAR) == settle_after
