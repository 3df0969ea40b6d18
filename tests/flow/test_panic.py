"""Panic freezes everything outgoing at once; deletions and looks go on, and `resume` continues in order."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from bridge.delivery import DIRECT
from bridge.plugin import Limits, UncertainError
from bridge.store import NotCommitted
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
    lines = await house.resume()
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
    await house.resume()
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
    await house.resume()
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
    await house.resume()
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


async def test_what_waits_is_shown_before_anything_flows(build: Build) -> None:
    house = await build("mastodon", "x")
    await house.say("!panic")
    await house.say("!post one")
    await house.pass_time(120)
    await house.say("!to x post two")
    assert await house.say("!resume", who="tom") == [
        (
            "2 messages wait (mastodon 1, x 2)\n"
            "[1] 2 min, mastodon, x: one\n"
            "[2] 0 s, x: two\n"
            "`!resume` once more within 5 min lets it go on. Nothing was posted."
        )
    ]
    await house.pass_time(100)
    assert [platform.count("post") for platform in house.platforms.values()] == [0, 0]
    await house.say("!resume", who="ana")
    assert house.platforms["x"].visible == ["one", "two"]


async def test_a_restart_between_the_two_words_changes_nothing(build: Build) -> None:
    house = await build()
    await house.say("!panic")
    await house.say("!post one")
    await house.say("!resume", who="tom")
    await house.pass_time(10)
    await house.restart()
    assert house.platforms["mastodon"].count("post") == 0
    lines = await house.say("!resume", who="tom")
    assert lines[0] == "everything outgoing continues, 1 message to go"
    assert house.platforms["mastodon"].visible == ["one"]


async def test_a_kill_before_the_second_word_is_committed_leaves_everything_frozen(build: Build) -> None:
    house = await build()
    await house.say("!panic")
    await house.say("!post one")
    await house.say("!resume", who="tom")
    await house.pass_time(10)
    second = house.incoming("!resume", who="tom")
    house.store.refuses = lambda: True
    task = asyncio.create_task(house.chat.desk.handle(second))
    await asyncio.wait({task})
    assert isinstance(task.exception(), NotCommitted)
    await house.restart()
    await house.pass_time(100)
    assert house.platforms["mastodon"].count("post") == 0
    # It is read again from the archive, and counts once.
    await house.chat.desk.handle(second)
    await house.chat.desk.handle(second)
    await house.quiet()
    assert house.platforms["mastodon"].visible == ["one"]
    assert [line for line in house.heard() if "continues" in line and "waits" not in line] == [
        "everything outgoing continues, 1 message to go"
    ]


async def test_what_became_stale_while_it_was_frozen_does_not_go_out_with_the_rest(build: Build) -> None:
    house = await build(max_age="10m")
    await house.say("!panic")
    await house.say("!post old")
    await house.pass_time(700)
    await house.say("!post new")
    house.heard()
    (shown,) = await house.say("!resume", who="tom")
    assert shown.splitlines()[:2] == [
        "1 message waits (mastodon 1); 1 more became too old during the panic",
        "[2] 0 s, mastodon: new",
    ]
    await house.pass_time(5)
    await house.say("!resume", who="tom")
    assert house.platforms["mastodon"].visible == ["new"]


async def test_deletions_and_looks_go_on_between_the_two_words(build: Build) -> None:
    house = await build()
    await house.say("!post one")
    await house.say("!panic")
    await house.say("!post two")
    await house.say("!resume", who="tom")
    await house.say("!undo 1")
    assert house.platforms["mastodon"].visible == []
    await house.pass_time(5)
    await house.say("!resume", who="tom")
    assert house.platforms["mastodon"].visible == ["two"]


async def test_who_panicked_directly_hears_of_the_end_even_after_a_restart(build: Build) -> None:
    house = await build()
    await house.say("!panic", place=DIRECT)
    await house.restart()
    house.heard("raj@example.org")
    await house.say("!resume", who="tom")
    assert house.heard("raj@example.org") == ["tom says resume: everything outgoing continues, 0 messages to go"]
