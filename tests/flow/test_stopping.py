"""Stops, kills, and a store that doesn't commit: nothing is lost, nothing is doubled."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bridge import app
from bridge.domain.deliveries import State
from bridge.plugin import Limits
from bridge.testing import Fate

if TYPE_CHECKING:
    from tests.flow.conftest import Build, House
KEYS = Limits(text=500, key_lifetime=timedelta(minutes=50))
NO_KEYS = Limits(text=500)


async def say_many(house: House, count: int) -> list[str]:
    texts = [f"number {number}" for number in range(1, count + 1)]
    for text in texts:
        await house.chat.desk.handle(house.incoming(f"!post {text}"))
    return texts


async def test_a_stop_settles_what_is_on_the_wire_and_begins_nothing_new(build: Build) -> None:
    house = await build(limits=NO_KEYS)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(hangs="before"))
    texts = await say_many(house, 5)
    await house.quiet()
    house.bridge.stopping.set()
    await house.clock.advance(0)
    assert not house.task.done()
    platform.release()
    await house.task
    assert platform.visible == texts[:1]
    rows = [(await house.rows(number))[0] for number in range(1, 6)]
    assert [(one.state, one.attempt, one.doubt_since) for one in rows[1:]] == [(State.READY, 0, None)] * 4
    assert rows[0].state is State.SENT
    await house.stop()
    await house.start()
    await house.pass_time(1)
    assert platform.visible == texts
    assert platform.count("post") == 5
    assert platform.count("find") == 0


async def test_a_delivery_that_was_born_and_never_begun_is_given_back(build: Build) -> None:
    house = await build(limits=NO_KEYS)
    await house.chat.desk.handle(house.incoming("!post one"))
    house.bridge.stopping.set()
    await house.stop()
    platform = house.platforms["mastodon"]
    published = platform.count("post")
    await house.start()
    await house.pass_time(100)
    assert platform.visible == ["one"]
    assert published + platform.count("post") <= 2
    assert platform.count("find") == 0


async def test_a_call_that_does_not_end_is_left_in_doubt(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "LAST_CALLS", 0.01)
    house = await build(limits=NO_KEYS)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(late=20))
    texts = await say_many(house, 3)
    await house.quiet()
    await house.stop()
    await house.start()
    assert await house.states(1) == ["uncertain"]
    await house.pass_time(60)
    assert house.called("find") == [30]
    assert platform.visible == texts


async def test_kills_at_every_instant_of_a_burst_lose_and_double_nothing(build: Build) -> None:
    house = await build("mastodon", "x", limits=KEYS)
    platforms = house.platforms.values()
    for platform in platforms:
        platform.always("post", Fate(pause=0.5))
    texts = await say_many(house, 10)
    for number in range(8):
        await house.pass_time(0.3 + 0.1 * number)
        if number % 2:
            for platform in platforms:
                platform.will("post", Fate(hangs="after"))
            await house.pass_time(0.5)
        await house.restart()
        await house.pass_time(30)
    await house.pass_time(200)
    assert [platform.visible for platform in platforms] == [texts, texts]


async def test_an_outcome_is_written_down_once_the_store_commits_again(build: Build) -> None:
    house = await build(limits=NO_KEYS)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(hangs="after"))
    texts = await say_many(house, 3)
    await house.quiet()
    house.store.refuses = lambda: True
    platform.release()
    await house.pass_time(20)
    assert house.store.refused >= 20
    assert platform.visible == texts[:1]
    assert await house.states(1) == ["sending"]
    house.store.refuses = None
    await house.pass_time(2)
    assert platform.visible == texts
    assert [await house.states(number) for number in (1, 2, 3)] == [["sent"]] * 3
    assert platform.count("post") == 3


async def test_a_kill_while_the_store_fails_leaves_doubt_and_no_loss(build: Build) -> None:
    house = await build(limits=NO_KEYS)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(hangs="after"))
    texts = await say_many(house, 2)
    await house.quiet()
    house.store.refuses = lambda: True
    platform.release()
    await house.pass_time(5)
    await house.restart()
    assert await house.states(1) == ["uncertain"]
    await house.pass_time(60)
    assert platform.visible == texts
    assert platform.count("post") == 2


@pytest.mark.parametrize("stored", [True, False])
async def test_a_commit_without_an_answer_is_given_again_and_nothing_is_sent_twice(build: Build, stored: bool) -> None:
    house = await build(limits=NO_KEYS)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(hangs="after"))
    texts = await say_many(house, 3)
    await house.quiet()
    house.store.doubts = iter([stored] * 12)
    platform.release()
    await house.pass_time(30)
    assert next(house.store.doubts, None) is None
    assert platform.visible == texts
    assert platform.count("post") == 3
    assert [await house.states(number) for number in (1, 2, 3)] == [["sent"]] * 3
    assert house.heard()[-1] == "~[3] mastodon https://mastodon.example/p3"
