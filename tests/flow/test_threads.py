"""A text that is too long becomes a thread: one part after the other, each answering the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.plugin import Limits, RefusedError, UnavailableError, UncertainError
from bridge.testing import DeletingFakePlugin, Fate

if TYPE_CHECKING:
    from bridge.testing import FakePlatform
    from tests.flow.conftest import Build

SHORT = Limits(text=20)
LONG = "The first part is. the second part too. and the third one."
ONE, TWO, THREE = "The first part is.", "the second part too.", "and the third one."


def threads(platform: FakePlatform) -> list[tuple[str, str | None]]:
    """Return what is to be seen, each with the id of what it answers."""
    return [
        (one.post.text, one.post.in_reply_to.id if one.post.in_reply_to else None)
        for one in platform.published
        if one.id not in platform.deleted
    ]


async def test_a_long_text_is_split_and_each_part_answers_the_one_before(build: Build) -> None:
    house = await build(limits=SHORT, hold="20s")
    assert await house.say(f"!post {LONG}") == [
        (
            "[1] 58 characters: mastodon 3 parts (can't be edited). "
            "Sending in 20 s: `!send`, `!undo`, or correct your message\n"
            f"| mastodon 1/3: {ONE}\n| mastodon 2/3: {TWO}\n| mastodon 3/3: {THREE}"
        )
    ]
    await house.pass_time(19.9)
    assert house.platforms["mastodon"].published == []
    await house.pass_time(0.1)
    assert house.heard() == [
        "~[1] mastodon on its way (0 of 3 parts sent)",
        "~[1] mastodon on its way (1 of 3 parts sent)",
        "~[1] mastodon on its way (2 of 3 parts sent)",
        "~[1] mastodon https://mastodon.example/p1 (3 parts)",
    ]
    assert threads(house.platforms["mastodon"]) == [(ONE, None), (TWO, "p1"), (THREE, "p2")]


async def test_later_posts_wait_for_the_whole_thread(build: Build) -> None:
    house = await build(limits=SHORT)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(hangs="before"))
    await house.say(f"!post {LONG}")
    await house.say("!post later")
    platform.release()
    await house.quiet()
    assert threads(platform) == [(ONE, None), (TWO, "p1"), (THREE, "p2"), ("later", None)]


async def test_an_outage_in_the_middle_changes_nothing_of_the_order(build: Build) -> None:
    house = await build(limits=SHORT)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(), Fate(before=UnavailableError("503")))
    await house.say(f"!post {LONG}")
    await house.say("!post later")
    await house.restart()
    await house.pass_time(10)
    assert threads(platform) == [(ONE, None), (TWO, "p1"), (THREE, "p2"), ("later", None)]


async def test_a_thread_steps_aside_with_the_part_that_is_asked(build: Build) -> None:
    house = await build(limits=SHORT, plugin=DeletingFakePlugin)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(before=UncertainError("gone")))
    await house.say(f"!post {LONG}")
    await house.say("!post later")
    await house.pass_time(60)
    assert platform.visible == ["later"]
    assert await house.states(1) == ["asked", "held", "held"]
    assert (
        "[1] mastodon (part 1 of 3): I can't tell whether it arrived (gone). `!retry 1` if it isn't there, "
        "`!found 1 LINK` if it is, `!drop 1` to leave it; the parts after it wait"
    ) in house.heard()
    assert await house.say("!retry 1") == [
        "~[1] mastodon on its way (0 of 3 parts sent)",
        "[1] mastodon: trying again",
        "[1] mastodon (part 1 of 3): sent after all: https://mastodon.example/p2",
        "~[1] mastodon on its way (1 of 3 parts sent)",
        "~[1] mastodon on its way (2 of 3 parts sent)",
        "~[1] mastodon https://mastodon.example/p2 (3 parts)",
    ]
    assert threads(platform) == [("later", None), (ONE, None), (TWO, "p2"), (THREE, "p3")]


async def test_a_refused_part_takes_the_rest_with_it(build: Build) -> None:
    house = await build(limits=SHORT)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(), Fate(before=RefusedError("422")))
    lines = await house.say(f"!post {LONG}")
    failed = (
        "[1] mastodon (part 2 of 3) FAILED: 422. `!retry 1` tries again, `!drop 1` gives it up; "
        "what came before it (1 part) is live, `!undo 1` takes it back; the parts after it wait"
    )
    assert failed in lines
    await house.say("!post later")
    assert threads(platform) == [(ONE, None), ("later", None)]
    assert await house.states(1) == ["sent", "dead", "held"]
    assert await house.say("!drop 1") == [
        "~[1] mastodon cancelled (1 of 3 parts sent: https://mastodon.example/p1)",
        "[1] mastodon: dropped",
    ]
    assert await house.states(1) == ["sent", "cancelled", "cancelled"]
    await house.say("!undo 1")
    assert threads(platform) == [("later", None)]


async def test_undo_deletes_every_part(build: Build) -> None:
    house = await build(limits=SHORT)
    platform = house.platforms["mastodon"]
    await house.say(f"!post {LONG}")
    lines = await house.say("!undo")
    assert lines[:2] == ["~[1] mastodon deleting", "[1] mastodon: deleting"]
    assert lines[-1] == "~[1] mastodon deleted"
    assert platform.visible == []
    assert sorted(platform.deleted) == ["p1", "p2", "p3"]


async def test_undo_in_the_middle_deletes_what_is_there_and_stops_the_rest(build: Build) -> None:
    house = await build(limits=SHORT)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(), Fate(hangs="before"))
    await house.say(f"!post {LONG}")
    lines = await house.say("!undo")
    assert lines == [
        "~[1] mastodon deleting",
        "[1] mastodon: deleting, is on its way, will be deleted once found, cancelled",
    ]
    platform.release()
    await house.quiet()
    assert house.heard()[-1] == "~[1] mastodon deleted"
    assert platform.visible == []
    assert [call.verb for call in platform.calls if call.verb in {"post", "delete"}] == [
        "post",
        "post",
        "delete",
        "delete",
    ]
