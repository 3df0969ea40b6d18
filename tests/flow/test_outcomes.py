"""What an attempt can come to, what the room hears of it, and what the platform gets afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bridge.plugin import RefusedError, UnauthorizedError, UnavailableError, UncertainError
from bridge.testing import Fate

if TYPE_CHECKING:
    from bridge.testing import FakePlatform
    from tests.flow.conftest import Build

ROOM = "ops@rooms.example.org"
SECOND_ROOM = "sales@rooms.example.org"
ADMIN = "ana@example.org"
DOWN = Fate(before=UnavailableError("503 Service Unavailable"))


def times(platform: FakePlatform, verb: str = "post") -> list[float]:
    """Return the seconds at which the platform was called."""
    start = platform.clock.now() - timedelta(seconds=platform.clock.monotonic())
    return [(call.at - start).total_seconds() for call in platform.calls if call.verb == verb]


async def test_an_outage_is_told_once_and_its_end_once(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.always("post", DOWN)
    await house.say("!post one")
    await house.say("!post two")
    await house.pass_time(100)
    # 5 s, doubling; after the fifth failure the breaker's own pauses
    print(times(platform))
    platform.always("post")
    await house.pass_time(100)
    print(*house.heard_at(), sep="\n")
    print(*house.heard_at(SECOND_ROOM), sep="\n")
    print(*house.heard_at(ADMIN), sep="\n")
    print(times(platform))
    assert 0


async def test_retry_after_is_honoured(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(before=UnavailableError("429", retry_after=timedelta(seconds=40))))
    await house.say("!post one")
    await house.pass_time(300)
    print(times(platform))
    print(*house.heard_at(), sep="\n")
    assert 0

async def test_unauthorized(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.always("post", Fate(before=UnauthorizedError("the token was revoked")))
    await house.say("!post one")
    await house.pass_time(100)
    platform.always("post")
    await house.pass_time(100)
    print(times(platform))
    print(*house.heard_at(), sep="\n")
    print(*house.heard_at(ADMIN), sep="\n")
    assert 0

async def test_refused(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.will("post", *[Fate(before=RefusedError("text is too rude"))]*2)
    await house.say("!post one")
    await house.say("!post two")
    print(*house.heard_at(), sep="\n")
    print(await house.say("!retry 1"))
    print(await house.say("!drop 2"))
    print(platform.visible)
    await house.pass_time(100)
    print(*house.heard_at(), sep="\n")
    print(times(platform))
    assert 0

async def test_uncertain(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(after=UncertainError("connection lost")))
    await house.say("!post one")
    await house.say("!post two")
    await house.pass_time(100)
    print(*house.heard_at(), sep="\n")
    print(platform.visible)
    print(times(platform))
    assert 0
