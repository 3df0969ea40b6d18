"""The undo window: preview, `send`, `undo`, and that it runs only while somebody could still say a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.delivery import DIRECT
from bridge.plugin import UnavailableError
from bridge.testing import Fate

if TYPE_CHECKING:
    from tests.flow.conftest import Build

ROOM = "ops@rooms.example.org"
SECOND_ROOM = "sales@rooms.example.org"
TEXT = "EU users can't sign in, we are on it"


async def test_a_post_is_previewed_and_goes_out_when_its_hold_ends(build: Build) -> None:
    house = await build("mastodon", "x", hold="20s")
    lines = await house.say(f"!post {TEXT}")
    assert lines == [
        (
            "[1] 36 characters: mastodon ok (can't be edited), x ok (can't be edited). "
            "Sending in 20 s: `!send`, `!undo`, or correct your message"
        )
    ]
    await house.pass_time(19)
    assert house.platforms["mastodon"].published == []
    await house.pass_time(1)
    assert house.heard_at()[-1] == (20, "~[1] mastodon https://mastodon.example/p1 · x https://x.example/p1")
    for platform in house.platforms.values():
        assert [(call.verb, call.post.text) for call in platform.calls if call.post] == [("post", TEXT)]
    await house.pass_time(600)
    assert house.heard() == []
    assert house.platforms["x"].visible == [TEXT]


async def test_send_ends_the_hold_and_undo_the_post(build: Build) -> None:
    house = await build(hold="20s")
    await house.say("!post one")
    await house.pass_time(3)
    lines = await house.say("!send")
    assert lines == [
        "~[1] mastodon on its way",
        "[1] goes out now",
        "~[1] mastodon https://mastodon.example/p1",
    ]
    await house.say("!post two")
    await house.pass_time(3)
    assert await house.say("!undo") == ["~[2] cancelled. Nothing was posted.", "[2] cancelled. Nothing was posted."]
    await house.pass_time(60)
    assert house.platforms["mastodon"].visible == ["one"]
    assert await house.states(2) == ["cancelled"]


async def test_a_published_post_is_deleted_again(build: Build) -> None:
    house = await build("mastodon", "x")
    await house.say("!post one")
    lines = await house.say("!undo")
    assert lines[:2] == ["~[1] mastodon deleting · x deleting", "[1] mastodon: deleting · x: deleting"]
    assert lines[-1] == "~[1] mastodon deleted · x deleted"
    assert [platform.visible for platform in house.platforms.values()] == [[], []]
    before = "mastodon: was deleted before · x: was deleted before"
    assert await house.say("!undo") == ["~[1] mastodon deleted · x deleted", f"[1] {before}"]
    assert [platform.count("delete") for platform in house.platforms.values()] == [1, 1]


async def test_a_hold_runs_only_while_its_conversation_attends(build: Build) -> None:
    house = await build(hold="20s")
    await house.say("!post from the room")
    await house.say("from a direct chat", place=DIRECT)
    await house.pass_time(5)
    house.chat.leave(ROOM)
    await house.pass_time(100)
    assert house.platforms["mastodon"].visible == ["from a direct chat"]
    assert house.heard() == []
    await house.chat.arrive(ROOM)
    await house.quiet()
    choice = "`!send`, `!undo`, or correct your message"
    assert house.heard() == [f"~[1] 13 characters: mastodon ok (can't be edited). Sending in 20 s: {choice}"]
    await house.pass_time(19)
    assert house.platforms["mastodon"].count("post") == 1
    await house.pass_time(1)
    assert house.heard_at()[-1] == (125, "~[1] mastodon https://mastodon.example/p2")


async def test_a_lost_session_stops_every_hold(build: Build) -> None:
    house = await build(hold="20s")
    await house.say("!post from the room")
    await house.pass_time(19)
    house.chat.lose()
    await house.pass_time(30)
    assert house.platforms["mastodon"].published == []
    await house.chat.arrive(ROOM, SECOND_ROOM, DIRECT)
    await house.pass_time(19.5)
    assert house.platforms["mastodon"].published == []
    await house.pass_time(0.5)
    assert house.platforms["mastodon"].visible == ["from the room"]


async def test_after_downtime_the_whole_hold_begins_anew_and_is_announced(build: Build) -> None:
    house = await build(hold="20s")
    await house.say("!post one")
    await house.say("!post two")
    await house.pass_time(15)
    await house.kill()
    await house.clock.advance(3000)
    await house.start()
    assert house.heard() == [
        "[1] 3 characters: mastodon ok (can't be edited). Sending in 20 s: `!send`, `!undo`, or correct your message",
        "[2] 3 characters: mastodon ok (can't be edited). Sending in 20 s: `!send`, `!undo`, or correct your message",
    ]
    await house.pass_time(19)
    assert house.platforms["mastodon"].published == []
    await house.pass_time(1)
    assert house.platforms["mastodon"].visible == ["one", "two"]
    assert house.heard()[-1] == "~[2] mastodon https://mastodon.example/p2"


async def test_the_order_is_that_of_first_attempts(build: Build) -> None:
    house = await build("mastodon", hold="20s")
    await house.say("!post held longest")
    await house.pass_time(2)
    await house.say("!post held less")
    await house.pass_time(2)
    await house.say("!post not held", place=SECOND_ROOM)
    await house.say("!send 2")
    await house.pass_time(30)
    assert house.platforms["mastodon"].visible == ["not held", "held less", "held longest"]


async def test_two_holds_that_end_during_an_outage_go_out_in_the_order_of_their_ends(build: Build) -> None:
    house = await build(hold="20s")
    platform = house.platforms["mastodon"]
    platform.always("post", Fate(before=UnavailableError("503")))
    for text in ("one", "two", "three"):
        await house.say(f"!post {text}")
        await house.pass_time(1)
    await house.say("!send 3")
    await house.pass_time(30)
    assert platform.published == []
    platform.always("post")
    await house.pass_time(120)
    assert platform.visible == ["three", "one", "two"]
    assert [await house.states(number) for number in (1, 2, 3)] == [["sent"]] * 3


async def test_the_lanes_wait_for_every_room_but_not_for_ever(build: Build) -> None:
    house = await build(start=False)
    await house.start(arrive=False)
    await house.chat.arrive(ROOM, DIRECT)
    await house.say("!post one")
    await house.pass_time(59)
    assert house.platforms["mastodon"].count("post") == 0
    await house.pass_time(1)
    assert house.platforms["mastodon"].visible == ["one"]
