"""A platform that hangs, and a plugin with a bug: its account waits, and no other one does."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bridge.domain import deadline
from bridge.plugin import Limits
from bridge.testing import Fate, FindingFakePlugin

if TYPE_CHECKING:
    from tests.flow.conftest import Build

KEYS = Limits(text=500, key_lifetime=timedelta(minutes=50))
NO_KEYS = Limits(text=500)


async def test_the_deadline_abandons_a_call_that_hangs_and_nobody_else_waits(build: Build) -> None:
    house = await build("mastodon", "x", limits=KEYS)
    mastodon, x = house.platforms["mastodon"], house.platforms["x"]
    mastodon.will("post", Fate(hangs="before"))
    for number in range(1, 4):
        await house.chat.desk.handle(house.incoming(f"!post number {number}"))
    await house.quiet()
    assert x.visible == ["number 1", "number 2", "number 3"]
    house.heard()
    await house.pass_time(29)
    assert house.heard_at() == [
        (5, "mastodon does not flow: no answer yet. 3 messages waiting, nothing is lost; I keep trying"),
    ]
    await house.pass_time(1)
    assert house.heard_at() == [
        (30, "[1] mastodon: not sure it arrived (no answer within 30 s), checking; nothing will be sent twice"),
        (30, "~[1] mastodon not sure, checking · x https://x.example/p1"),
    ]
    await house.pass_time(30)
    assert house.called("post") == [0, 60, 60, 60]
    assert mastodon.visible == ["number 1", "number 2", "number 3"]
    assert house.called("post", "x") == [0, 0, 0]


async def test_a_call_that_does_not_even_heed_its_cancellation_is_left_behind(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadline, "GRACE", 0.0)
    house = await build(limits=KEYS)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(hangs="after", stubborn=True))
    await house.say("!post one")
    await house.say("!post two")
    await house.pass_time(60)
    assert platform.visible == ["one", "two"]
    platform.release()
    await house.quiet()
    assert platform.visible == ["one", "two"]
    assert [await house.states(number) for number in (1, 2)] == [["sent"], ["sent"]]


async def test_a_slow_platform_keeps_the_order_and_is_not_in_doubt(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.always("post", Fate(pause=4))
    for number in range(1, 6):
        await house.chat.desk.handle(house.incoming(f"!post number {number}"))
    await house.pass_time(60)
    assert platform.visible == [f"number {number}" for number in range(1, 6)]
    assert house.called("post") == [0, 4, 8, 12, 16]
    assert [line for line in house.heard() if "flow" in line or "sure" in line] == []


async def test_what_is_taken_back_on_the_wire_is_deleted_once_found(build: Build) -> None:
    house = await build(limits=NO_KEYS)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(hangs="after"))
    await house.say("!post one")
    assert await house.say("!undo") == [
        "~[1] mastodon taken back; if it arrived, it is to be deleted",
        "[1] mastodon: is on its way, will be deleted once found",
    ]
    await house.pass_time(60)
    assert house.heard()[-4:] == [
        "mastodon flows again",
        "[1] mastodon: found: https://mastodon.example/p1",
        "~[1] mastodon deleting",
        "~[1] mastodon deleted",
    ]
    assert [call.verb for call in platform.calls if call.verb not in {"enter", "items"}] == ["post", "find", "delete"]
    assert platform.visible == []


async def test_what_is_taken_back_and_arrives_is_deleted_at_once(build: Build) -> None:
    house = await build(limits=KEYS)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(hangs="before"))
    await house.say("!post one")
    await house.say("!post two")
    await house.say("!undo 1")
    platform.release()
    await house.quiet()
    assert [call.verb for call in platform.calls if call.verb not in {"enter", "items"}] == ["post", "delete", "post"]
    assert platform.visible == ["two"]


@pytest.mark.parametrize("finds", [True, False])
async def test_what_is_taken_back_and_never_arrived_is_cancelled_or_asked(build: Build, finds: bool) -> None:
    house = await build(
        limits=KEYS, **({} if finds else {"plugin": FindingFakePlugin, "findable": False, "max_age": "1m"})
    )
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(hangs="before"))
    await house.say("!post one")
    await house.say("!undo 1")
    await house.pass_time(200)
    assert platform.count("post") == 1
    assert await house.states(1) == (["cancelled"] if finds else ["asked"])
    end = "~[1] cancelled. Nothing was posted." if finds else "~[1] mastodon not sure, asked you"
    assert house.heard()[-1] == end


@pytest.mark.parametrize("published", [True, False])
async def test_a_bug_of_a_plugin_is_doubt_and_is_logged(build: Build, logs: list[Any], published: bool) -> None:
    house = await build("mastodon", "x", limits=NO_KEYS)
    bug = ValueError("I forgot that")
    house.platforms["mastodon"].will("post", Fate(after=bug) if published else Fate(before=bug))
    lines = await house.say("!post one")
    assert (
        "[1] mastodon: not sure it arrived (the plugin failed (ValueError)), checking; nothing will be sent twice"
        in lines
    )
    assert house.platforms["x"].visible == ["one"]
    failures = [entry for entry in logs if entry["event"] == "plugin failed"]
    assert [(entry["account"], entry["log_level"]) for entry in failures] == [("mastodon", "error")]
    assert failures[0]["exc_info"]
    await house.say("!post two")
    assert house.platforms["x"].visible == ["one", "two"]
    await house.pass_time(60)
    assert house.platforms["mastodon"].visible == ["one", "two"]
    assert house.platforms["mastodon"].count("find") == 1


async def test_a_bug_in_looking_and_in_deleting_stops_nobody(build: Build, logs: list[Any]) -> None:
    house = await build(limits=NO_KEYS)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(hangs="after"))
    platform.will("find", Fate(before=KeyError("id")))
    platform.will("delete", Fate(before=TypeError("None")))
    await house.say("!post one")
    await house.pass_time(60)
    await house.pass_time(30)
    assert await house.states(1) == ["sent"]
    await house.say("!undo 1")
    await house.pass_time(30)
    assert await house.states(1) == ["sent", "delete sent"]
    assert platform.deleted == ["p1"]
    assert len([entry for entry in logs if entry["event"] == "plugin failed"]) == 2


async def test_what_is_taken_back_and_can_not_be_deleted_is_left_to_people(build: Build) -> None:
    house = await build(plugin=FindingFakePlugin)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(hangs="before"))
    await house.say("!post one")
    assert (await house.say("!undo 1"))[-1] == (
        "[1] mastodon: is on its way and can't be deleted there: look after it by hand"
    )
    platform.release()
    await house.quiet()
    by_hand = "delete it by hand https://mastodon.example/p1"
    assert house.heard() == [
        f"[1] mastodon: it had arrived, and I can't delete there: {by_hand}",
        "~[1] mastodon https://mastodon.example/p1",
    ]
    assert await house.states(1) == ["sent"]
