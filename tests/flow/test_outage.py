"""The store can't commit at all for a while: who looks from outside hears of it."""

from __future__ import annotations

from tests.flow.conftest import Build


async def test_monitors_hear_of_an_outage_and_of_its_end(build: Build) -> None:
    house = await build()
    assert house.bridge.health().ok
    house.store._outage.failed("the disk is full")
    health = house.bridge.health()
    assert (health.ok, health.problems) == (False, ("the store can't commit: the disk is full",))
    await house.say("!post one")
    assert house.bridge.health().ok
