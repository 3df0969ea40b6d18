"""Pictures on their way to a platform: what goes wrong with them before it is asked leaves nothing in doubt."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from bridge.delivery import calls
from bridge.domain.deliveries import Delivery, DeliveryKind, Outcome, Refused, Sent, State, Unavailable
from bridge.domain.ids import EntryId
from bridge.domain.people import Place, Target
from bridge.domain.pictures import Lost
from bridge.plugin import Key, Limits, Media
from bridge.registry import AnyPlugin, PassingMemory
from bridge.registry.keeping import AccountKeep
from bridge.testing import FakeClock, FakePlatform, FakeSettings, FullFakePlugin

if TYPE_CHECKING:
    from bridge.delivery.calls import Pictures

DOOR = Media(data=b"x", type="image/png", alt="A door")


@pytest.fixture
def platform() -> FakePlatform:
    return FakePlatform(FakeClock(), limits=Limits(text=500, media=4))


def entered(platform: FakePlatform, made: type[AnyPlugin] = FullFakePlugin) -> AnyPlugin:
    return made(FakeSettings(platform=platform), AccountKeep(PassingMemory(), "a"), platform.clock)


async def attempt(platform: FakePlatform, pictures: Pictures, *, many: int = 1) -> Outcome:
    now = platform.clock.now()
    one = Delivery(
        id=7,
        post=EntryId(1),
        source=Target("ops@rooms.example.org", Place.ROOM),
        account="mastodon",
        kind=DeliveryKind.POST,
        text="hello",
        state=State.SENDING,
        key=Key(token="k1", minted_at=now),
        fresh_since=now,
        pictures=many,
    )
    async with entered(platform) as plugin:
        return await calls.attempt(
            plugin,
            one,
            clock=platform.clock,
            deadline=timedelta(seconds=30),
            pictures=pictures,
        )


async def test_they_go_with_the_post_as_the_platform_takes_them(platform: FakePlatform) -> None:
    asked: list[tuple[int, int]] = []

    async def give(delivery: Delivery, limits: Limits) -> tuple[Media, ...]:
        asked.append((delivery.post, limits.media))
        return (DOOR,)

    assert isinstance(await attempt(platform, give), Sent)
    assert platform.published[0].post.media == (DOOR,)
    assert asked == [(1, 4)]
    assert isinstance(await attempt(platform, give, many=0), Sent)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Lost("it is gone"), Refused(reason="it is gone")),
        (Lost("the store is away", again=True), Unavailable(reason="the store is away")),
    ],
)
async def test_without_them_nothing_is_published(platform: FakePlatform, error: Lost, outcome: Outcome) -> None:
    async def lose(_: Delivery, __: Limits) -> tuple[Media, ...]:
        raise error

    assert await attempt(platform, lose) == outcome
    assert platform.count("post") == 0


async def test_a_bug_is_logged_and_nothing_is_published(platform: FakePlatform) -> None:
    async def fall(_: Delivery, __: Limits) -> tuple[Media, ...]:
        raise TypeError("a bug")

    with capture_logs() as logs:
        outcome = await attempt(platform, fall)
    assert isinstance(outcome, Refused)
    assert [line["event"] for line in logs] == ["pictures failed"]
    assert platform.count("post") == 0


async def test_their_time_is_not_the_platforms(platform: FakePlatform) -> None:
    ready = asyncio.Event()

    async def slowly(_: Delivery, __: Limits) -> tuple[Media, ...]:
        await ready.wait()
        return (DOOR,)

    clock = platform.clock
    assert isinstance(clock, FakeClock)
    task = asyncio.create_task(attempt(platform, slowly))
    await clock.advance(120)
    assert not task.done()
    ready.set()
    await clock.advance(0)
    assert isinstance(await task, Sent)
