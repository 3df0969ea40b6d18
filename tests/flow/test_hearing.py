"""An account that can't be heard: its rooms are told once, and once when it is heard again."""

from __future__ import annotations

from bridge.listening import CALM, TOLD_AFTER
from bridge.plugin import UnauthorizedError, UnavailableError
from bridge.testing import Fate, FindingFakePlugin
from tests.flow.conftest import ADMIN, SECOND_ROOM, Build

FAILS = Fate(before=UnavailableError("503"))
DEAF = "mastodon can't be heard: 503. I keep trying, and catch up with what is said there meanwhile"
HEARS = "mastodon is heard again"


async def test_the_room_is_told_once_that_nothing_is_heard_and_once_that_it_is_again(build: Build) -> None:
    house = await build(start=False)
    platform = house.platforms["mastodon"]
    platform.always("items", FAILS)
    await house.start()
    await house.pass_time(TOLD_AFTER - 1)
    assert house.heard() == []
    await house.pass_time(1200)
    assert house.heard_at() == [(TOLD_AFTER, DEAF)]
    platform.always("items")
    await house.pass_time(300)
    platform.say("hello")
    await house.quiet()
    assert house.heard() == [HEARS, "[1] @kim@platform.example: hello"]
    await house.pass_time(1200)
    assert house.heard() == []


async def test_a_hiccup_is_not_worth_a_line(build: Build) -> None:
    house = await build(start=False)
    platform = house.platforms["mastodon"]
    platform.will("items", FAILS, FAILS, FAILS)
    await house.start()
    await house.pass_time(1200)
    assert platform.count("items") == 4
    assert house.heard() == []


async def test_an_account_where_nobody_speaks_is_heard_again_once_it_was_calm(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.always("items", FAILS)
    platform.break_listening(UnavailableError("503"))
    await house.pass_time(TOLD_AFTER)
    assert house.heard() == [DEAF]
    platform.always("items")
    began = platform.count("items")
    while platform.count("items") == began:
        await house.pass_time(1)
    await house.pass_time(CALM - 2)
    assert house.heard() == []
    await house.pass_time(2)
    assert house.heard() == [HEARS]
    assert platform.count("items") == began + 1


async def test_an_account_that_is_down_is_not_heard_either(build: Build) -> None:
    house = await build(start=False)
    platform = house.platforms["mastodon"]
    platform.always("enter", Fate(before=UnauthorizedError("the token was revoked")))
    await house.start()
    await house.pass_time(600)
    assert house.heard() == [DEAF.replace("503", "the token was revoked")]
    assert house.heard(SECOND_ROOM) == [DEAF.replace("503", "the token was revoked")]
    assert house.heard(ADMIN) == []
    assert platform.count("items") == 0


async def test_a_restart_tells_nothing_again_and_still_tells_of_the_end(build: Build) -> None:
    house = await build(start=False)
    platform = house.platforms["mastodon"]
    platform.always("items", FAILS)
    await house.start()
    await house.pass_time(TOLD_AFTER)
    assert house.heard() == [DEAF]
    await house.restart()
    await house.pass_time(600)
    assert house.heard() == []
    platform.always("items")
    await house.restart()
    await house.pass_time(CALM)
    assert house.heard() == [HEARS]


async def test_a_plugin_without_ears_is_no_trouble(build: Build) -> None:
    house = await build(plugin=FindingFakePlugin)
    await house.pass_time(600)
    assert house.heard() == []


async def test_a_store_that_refuses_leaves_the_line_for_later(build: Build) -> None:
    house = await build(start=False)
    house.platforms["mastodon"].always("items", FAILS)
    await house.start()
    await house.pass_time(TOLD_AFTER - 1)
    house.store.refuses = lambda: True
    await house.pass_time(30)
    house.store.refuses = None
    await house.pass_time(30)
    assert house.heard() == [DEAF]
