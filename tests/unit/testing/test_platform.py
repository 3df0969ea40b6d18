from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.plugin import (
    Cursor,
    Deleted,
    Deletes,
    Edited,
    Finds,
    Gap,
    Heard,
    Key,
    Limits,
    Listens,
    Post,
    Posted,
    PostId,
    Seen,
    UnavailableError,
    UncertainError,
    Visibility,
)
from bridge.testing import (
    DeletingFakePlugin,
    FakeClock,
    FakePlatform,
    FakePlugin,
    FakeSettings,
    Fate,
    FindingFakePlugin,
    FullFakePlugin,
    ListeningFakePlugin,
)

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DOWN = UnavailableError("503")


class NoKeep:
    async def load(self, name: str) -> str | None:
        return None

    async def save(self, name: str, value: str) -> None:
        return


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(START)


@pytest.fixture
def platform(clock: FakeClock) -> FakePlatform:
    return FakePlatform(clock)


@pytest.fixture
def plugin(platform: FakePlatform) -> FullFakePlugin:
    return FullFakePlugin(FakeSettings(platform=platform), NoKeep(), platform.clock)


def key(token: str = "k1") -> Key:
    return Key(token=token, minted_at=START)


def post(text: str = "hello") -> Post:
    return Post(text=text)


async def test_it_is_entered_and_left_and_knows_the_limits(platform: FakePlatform, plugin: FullFakePlugin) -> None:
    async with plugin as entered:
        assert entered is plugin
        assert plugin.limits == Limits(text=500, key_lifetime=timedelta(hours=1))
        assert (platform.entered, platform.left) == (1, 0)
    assert (platform.entered, platform.left) == (1, 1)
    assert [call.verb for call in platform.calls] == ["enter"]


async def test_entering_can_fail(platform: FakePlatform, plugin: FullFakePlugin) -> None:
    platform.will("enter", Fate(before=DOWN))
    with pytest.raises(UnavailableError, match="503"):
        await plugin.__aenter__()
    assert platform.entered == 0


async def test_a_post_is_published_and_outlives_the_plugin(platform: FakePlatform, plugin: FullFakePlugin) -> None:
    posted = await plugin.post(post(), key())
    assert posted == Posted(id=PostId("p1"), url="https://platform.example/p1", memo={"key": "k1"})
    assert platform.visible == ["hello"]
    again = FakePlugin(FakeSettings(platform=platform), NoKeep(), platform.clock)
    assert (await again.post(post("more"), key("k2"))).id == "p2"
    assert platform.visible == ["hello", "more"]
    assert [(call.verb, call.key, call.post) for call in platform.calls] == [
        ("post", "k1", post()),
        ("post", "k2", post("more")),
    ]


async def test_a_key_is_honoured_for_its_lifetime(
    clock: FakeClock, platform: FakePlatform, plugin: FullFakePlugin
) -> None:
    first = await plugin.post(post(), key())
    await clock.advance(3599)
    assert await plugin.post(post(), key()) == first
    await clock.advance(1)
    assert await plugin.post(post(), key()) != first
    assert platform.visible == ["hello", "hello"]


async def test_without_keys_every_post_is_new(clock: FakeClock) -> None:
    platform = FakePlatform(clock, limits=Limits(text=10))
    for _ in range(2):
        await platform.post(post(), key())
    assert platform.visible == ["hello", "hello"]


async def test_deleting_twice_is_harmless(platform: FakePlatform, plugin: FullFakePlugin) -> None:
    posted = await plugin.post(post(), key())
    await plugin.delete(posted)
    await plugin.delete(posted)
    assert (platform.visible, platform.deleted, platform.count("delete")) == ([], ["p1"], 2)
    assert [one.post.text for one in platform.published] == ["hello"]


async def test_finding(clock: FakeClock, platform: FakePlatform, plugin: FullFakePlugin) -> None:
    assert await plugin.find(post(), key(), START, frozenset()) is None
    first = await plugin.post(post(), key("k1"))
    await clock.advance(10)
    second = await plugin.post(post(), key("k2"))
    assert await plugin.find(post(), key(), START, frozenset()) == second
    assert await plugin.find(post(), key(), START, {second.id}) == first
    assert await plugin.find(post(), key(), START + timedelta(seconds=5), {second.id}) is None
    assert await plugin.find(post("else"), key(), START, frozenset()) is None
    await plugin.delete(second)
    assert await plugin.find(post(), key(), START, {first.id}) is None
    platform.findable = False
    with pytest.raises(UncertainError):
        await plugin.find(post(), key(), START, frozenset())
    assert platform.calls[-1].known == frozenset()
    assert platform.calls[-1].since == START


async def test_fates_come_one_after_the_other_and_then_it_is_as_always(
    platform: FakePlatform, plugin: FullFakePlugin
) -> None:
    platform.always("post", Fate(before=DOWN))
    platform.will("post", Fate(after=UncertainError("lost")), Fate())
    with pytest.raises(UncertainError):
        await plugin.post(post("one"), key("k1"))
    await plugin.post(post("two"), key("k2"))
    for _ in range(2):
        with pytest.raises(UnavailableError):
            await plugin.post(post("three"), key("k3"))
    platform.always("post")
    await plugin.post(post("four"), key("k4"))
    assert platform.visible == ["one", "two", "four"]
    assert platform.count("post") == 5


async def test_a_call_takes_its_time(clock: FakeClock, platform: FakePlatform, plugin: FullFakePlugin) -> None:
    platform.will("post", Fate(pause=3))
    task = asyncio.create_task(plugin.post(post(), key()))
    await clock.advance(2)
    assert platform.visible == []
    await clock.advance(1)
    assert platform.published[0].at == START + timedelta(seconds=3)
    await task


@pytest.mark.parametrize(("hangs", "visible"), [("before", []), ("after", ["hello"])])
async def test_a_call_hangs_until_it_is_released(
    clock: FakeClock, platform: FakePlatform, plugin: FullFakePlugin, hangs: Any, visible: list[str]
) -> None:
    platform.will("post", Fate(hangs=hangs), Fate(hangs=hangs))
    abandoned = asyncio.create_task(plugin.post(post(), key()))
    await clock.advance(100)
    assert platform.visible == visible
    abandoned.cancel()
    with suppress(asyncio.CancelledError):
        await abandoned
    assert abandoned.cancelled()
    waiting = asyncio.create_task(plugin.post(post(), key()))
    await clock.advance(0)
    platform.release()
    assert (await waiting).id == "p1"
    assert platform.visible == ["hello"]


async def test_a_stubborn_call_does_not_heed_its_cancellation(
    clock: FakeClock, platform: FakePlatform, plugin: FullFakePlugin
) -> None:
    platform.will("post", Fate(hangs="before", stubborn=True))
    task = asyncio.create_task(plugin.post(post(), key()))
    await clock.advance(0)
    task.cancel()
    await clock.advance(0)
    assert not task.done()
    platform.release()
    assert (await task).id == "p1"


async def test_a_late_platform_publishes_whatever_became_of_the_caller(
    clock: FakeClock, platform: FakePlatform, plugin: FullFakePlugin
) -> None:
    platform.will("post", Fate(late=20))
    task = asyncio.create_task(plugin.post(post(), key()))
    await clock.advance(10)
    task.cancel()
    await clock.advance(9.9)
    assert (task.cancelled(), platform.visible) == (True, [])
    await clock.advance(0.1)
    assert platform.visible == ["hello"]


async def _next(things: AsyncGenerator[Heard]) -> Heard:
    return await anext(things)


async def test_listening_begins_at_now_and_goes_on_from_a_cursor(
    platform: FakePlatform, plugin: FullFakePlugin
) -> None:
    platform.say("old")
    async with aclosing(plugin.items(None)) as things:
        assert await _next(things) == Seen(cursor=Cursor("1"))
        waiting = asyncio.create_task(_next(things))
        said = platform.say("new", who="lee", visibility=Visibility.DIRECT)
        assert await waiting == said
    assert (said.id, said.cursor, said.author.handle, said.private) == ("i2", "2", "lee@platform.example", True)
    async with aclosing(plugin.items(Cursor("0"))) as things:
        assert [(await _next(things)).cursor for _ in range(2)] == ["1", "2"]
    platform.overlap = 1
    async with aclosing(plugin.items(Cursor("2"))) as things:
        assert await _next(things) == said


async def test_what_was_said_can_be_changed_and_taken_back(platform: FakePlatform) -> None:
    said = platform.say("one")
    changed = platform.change(said, "two", warning="spiders")
    platform.take_back(said)
    platform.hear(Gap(cursor=Cursor("")))
    async with aclosing(platform.listen(Cursor("0"))) as things:
        heard = [await _next(things) for _ in range(4)]
    assert (changed.text, changed.warning, changed.id) == ("two", "spiders", said.id)
    assert heard == [
        said,
        Edited(item=replace(changed, cursor=Cursor("2"))),
        Deleted(id=said.id, cursor=Cursor("3")),
        Gap(cursor=Cursor("4")),
    ]
    assert [thing.cursor for thing in heard] == ["1", "2", "3", "4"]
    assert platform.items == [said]


async def test_listeners_can_be_broken(platform: FakePlatform, plugin: FullFakePlugin) -> None:
    platform.will("items", Fate(), Fate(before=DOWN))
    async with aclosing(plugin.items(None)) as things:
        await _next(things)
        waiting = asyncio.create_task(_next(things))
        platform.break_listening(ValueError("a bug"))
        with pytest.raises(ValueError, match="a bug"):
            await waiting
    with pytest.raises(UnavailableError):
        await _next(plugin.items(None))
    async with aclosing(plugin.items(None)) as things:
        assert await _next(things) == Seen(cursor=Cursor("0"))


async def test_an_abandoned_listener_hears_what_was_said_meanwhile(platform: FakePlatform) -> None:
    one, two = platform.say("one"), platform.say("two")
    async with aclosing(platform.listen(Cursor("0"))) as things:
        assert [await _next(things), await _next(things)] == [one, two]


@pytest.mark.parametrize(
    ("made", "abilities"),
    [
        (FakePlugin, set[type]()),
        (DeletingFakePlugin, {Deletes}),
        (FindingFakePlugin, {Finds}),
        (ListeningFakePlugin, {Listens}),
        (FullFakePlugin, {Deletes, Finds, Listens}),
    ],
)
def test_abilities_are_classes(made: type[FakePlugin], abilities: set[type]) -> None:
    assert {ability for ability in (Deletes, Finds, Listens) if issubclass(made, ability)} == abilities
