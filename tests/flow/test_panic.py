"""Panic freezes everything outgoing at once; deletions and looks go on, and `resume` continues in order."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bridge.plugin import Limits, UncertainError
from bridge.testing import Fate

if TYPE_CHECKING:
    from tests.flow.conftest import Build

ROOM = "ops@rooms.example.org"
SECOND_ROOM = "sales@rooms.example.org"
ADMIN = "ana@example.org"
TOM = "tom@example.org"
NO_KEYS = Limits(text=500)
KEYS = Limits(text=500, key_lifetime=timedelta(minutes=50))


async def test_nothing_begins_until_resume_and_then_everything_in_order(build: Build) -> None:
    house = await build("mastodon", "x", hold="20s")
    await house.say("!post one")
    await house.say("!post two")
    frozen = "everything outgoing is frozen (deletions still work), 2 held, 0 already on the wire. An approver's "
    assert await house.say("!panic") == [f"{frozen}`!resume` continues"]
    assert house.heard(SECOND_ROOM) == [f"raj says panic: {frozen}`!resume` continues"]
    assert house.heard(ADMIN) == [f"raj says panic: {frozen}`resume` continues"]
    await house.pass_time(100)
    assert await house.say("!post three", place=SECOND_ROOM) == [
        "[3] x on its way",
        "[3] waits: everything outgoing is frozen. An approver's `!resume` continues",
    ]
    await house.say("!send 1")
    await house.pass_time(1000)
    assert [platform.count("post") for platform in house.platforms.values()] == [0, 0]
    await house.say("!resume", who="raj")
    assert house.platforms["x"].count("post") == 0
    house.heard()
    lines = await house.say("!resume", who="tom")
    assert lines[0] == "everything outgoing continues, 3 messages to go"
    assert house.platforms["mastodon"].visible == ["one", "two"]
    assert house.platforms["x"].visible == ["one", "two", "three"]
    assert [line for line in lines if "flow" in line] == []


async def test_what_is_on_the_wire_is_named_and_settled(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(hangs="before"))
    await house.say("!post one")
    await house.say("!post two")
    assert await house.say("!panic") == [
        (
            "everything outgoing is frozen (deletions still work), 1 held, 1 already on the wire: 1 to mastodon. "
            "An approver's `!resume` continues"
        )
    ]
    platform.release()
    await house.quiet()
    assert house.heard() == ["~[1] mastodon https://mastodon.example/p1"]
    await house.pass_time(600)
    assert platform.visible == ["one"]
    await house.say("!resume", who="tom")
    assert platform.visible == ["one", "two"]


async def test_deletions_go_on(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    await house.say("!post one")
    await house.say("!panic")
    await house.say("!post two")
    assert (await house.say("!undo 1"))[-1] == "~[1] mastodon deleted"
    assert platform.visible == []
    assert platform.count("post") == 1


async def test_looks_go_on_and_nothing_is_sent_after_them(build: Build) -> None:
    house = await build(limits=NO_KEYS)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(before=UncertainError("gone")))
    await house.say("!post one")
    await house.say("!panic")
    await house.pass_time(300)
    assert platform.count("find") == 1
    assert platform.count("post") == 1
    assert await house.states(1) == ["ready"]
    await house.say("!resume", who="tom")
    assert platform.visible == ["one"]


async def test_a_lost_post_is_found_under_panic_and_deleted_if_unwanted(build: Build) -> None:
    house = await build(limits=KEYS)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(after=UncertainError("gone")))
    await house.say("!post one")
    await house.say("!panic")
    await house.say("!undo 1")
    await house.pass_time(60)
    assert platform.visible == []
    assert platform.count("post") == 1


async def test_panic_outlasts_a_restart(build: Build) -> None:
    house = await build()
    await house.say("!panic")
    await house.restart()
    await house.say("!post one")
    await house.pass_time(100)
    assert house.platforms["mastodon"].count("post") == 0
    await house.say("!resume", who="tom")
    assert house.platforms["mastodon"].visible == ["one"]


async def test_what_waited_too_long_under_panic_is_stale(build: Build) -> None:
    house = await build(max_age="10m")
    await house.say("!panic")
    await house.say("!post one")
    await house.pass_time(700)
    choice = "`!retry 1` sends it now, `!drop 1` gives it up"
    stale = f"[1] mastodon: 1 is stale, it waited 10 min 30 s and was not sent: {choice}"
    assert house.heard() == [stale, "[1] mastodon NOT sent, too old"]
    assert await house.say("!resume", who="tom") == ["everything outgoing continues, 0 messages to go"]
    assert house.platforms["mastodon"].count("post") == 0
