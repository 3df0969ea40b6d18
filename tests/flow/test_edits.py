"""A correction of what is published reaches the platform once, whatever happens on the way, and the room knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.plugin import RefusedError, UnavailableError, UncertainError
from bridge.testing import AbleFakePlugin, Fate, FullFakePlugin

if TYPE_CHECKING:
    from tests.flow.conftest import Build

LINK = "https://mastodon.example/p1"


async def test_a_correction_is_on_the_platform_and_told(build: Build) -> None:
    house = await build(plugin=AbleFakePlugin)
    platform = house.platforms["mastodon"]
    await house.say("!post We are dwon")
    assert await house.say("!edit 1 We are down") == [
        f"~[1] mastodon {LINK}, being corrected",
        "[1] mastodon: correcting",
        f"~[1] mastodon {LINK}, corrected",
    ]
    assert platform.visible == ["We are down"]
    assert (platform.count("post"), platform.count("edit")) == (1, 1)
    await house.say("!undo 1")
    await house.quiet()
    assert platform.visible == []


async def test_a_lost_answer_to_a_correction_is_only_a_reason_to_correct_again(build: Build) -> None:
    house = await build(plugin=AbleFakePlugin)
    platform = house.platforms["mastodon"]
    await house.say("!post We are dwon")
    platform.will("edit", Fate(after=UncertainError("the connection broke")))
    await house.say("!edit 1 We are down")
    await house.pass_time(60)
    assert house.heard()[-1] == f"~[1] mastodon {LINK}, corrected"
    assert platform.visible == ["We are down"]
    assert (platform.count("post"), platform.count("edit")) == (1, 2)


async def test_a_kill_in_the_middle_of_a_correction(build: Build) -> None:
    house = await build(plugin=AbleFakePlugin)
    platform = house.platforms["mastodon"]
    await house.say("!post We are dwon")
    platform.will("edit", Fate(hangs="after"))
    await house.say("!edit 1 We are down")
    await house.kill()
    await house.start()
    await house.pass_time(1)
    assert platform.visible == ["We are down"]
    assert await house.states(1) == ["sent", "edit sent"]
    assert platform.count("edit") == 2


async def test_an_outage_keeps_the_order_of_posts_and_corrections(build: Build) -> None:
    house = await build(plugin=AbleFakePlugin)
    platform = house.platforms["mastodon"]
    await house.say("!post one")
    away = UnavailableError("away")
    platform.will("post", Fate(before=away))
    await house.say("!post two")
    await house.say("!edit 1 One")
    said = await house.say("!edit 2 Two")
    assert said == ["[2] mastodon: is on its way: correct it again once it is there. Nothing was changed."]
    await house.pass_time(60)
    assert platform.visible == ["One", "two"]
    assert house.heard()[-2:] == ["~[2] mastodon https://mastodon.example/p2", f"~[1] mastodon {LINK}, corrected"]


async def test_a_refused_correction_is_told_and_the_post_stays(build: Build) -> None:
    house = await build(plugin=AbleFakePlugin)
    platform = house.platforms["mastodon"]
    await house.say("!post We are dwon")
    platform.will("edit", Fate(before=RefusedError("too late to edit")))
    assert (await house.say("!edit 1 We are down"))[2:] == [
        (
            "[1] mastodon correction FAILED: too late to edit. `!retry 1` tries again, `!drop 1` gives it up; "
            "`!post TEXT` adds to it, or `!undo 1` and post it again"
        ),
        f"~[1] mastodon {LINK}, NOT corrected",
    ]
    assert platform.visible == ["We are dwon"]
    await house.say("!retry 1")
    await house.quiet()
    assert platform.visible == ["We are down"]


async def test_a_plugin_that_cannot_edit_is_never_asked_to(build: Build) -> None:
    house = await build(plugin=FullFakePlugin)
    platform = house.platforms["mastodon"]
    await house.say("!post We are dwon")
    (words,) = await house.say("!edit 1 We are down")
    otherwise = "`!post TEXT` a follow-up, or `!undo 1` and post it again"
    assert words == f"[1] mastodon: can't be edited there: {otherwise}. Nothing was changed."
    assert platform.count("edit") == 0


async def test_a_correction_waits_for_the_end_of_a_panic(build: Build) -> None:
    house = await build(plugin=AbleFakePlugin)
    platform = house.platforms["mastodon"]
    await house.say("!post We are dwon")
    await house.say("!panic")
    said = await house.say("!edit 1 We are down")
    assert said[-1] == "[1] waits: everything outgoing is frozen. An approver's `!resume` continues"
    await house.pass_time(10)
    assert platform.count("edit") == 0
    await house.resume(who="ana")
    await house.quiet()
    assert platform.visible == ["We are down"]


async def test_a_correction_that_was_on_the_wire_is_not_made_again_once_the_post_is_taken_back(build: Build) -> None:
    house = await build(plugin=AbleFakePlugin)
    platform = house.platforms["mastodon"]
    await house.say("!post We are dwon")
    platform.will("edit", Fate(hangs="after"))
    await house.say("!edit 1 We are down")
    await house.say("!undo 1")
    await house.pass_time(120)
    assert platform.visible == []
    assert platform.count("edit") == 1
    assert await house.states(1) == ["sent", "edit cancelled", "delete sent"]
    assert not [line for line in house.heard() if "FAILED" in line]
