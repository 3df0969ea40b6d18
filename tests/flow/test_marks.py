"""What somebody said is repeated, or marked as a favourite: once, whatever happens, and told like a post."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.plugin import RefusedError, UnavailableError, UncertainError
from bridge.testing import AbleFakePlugin, Fate, FullFakePlugin

if TYPE_CHECKING:
    from bridge.testing import FakePlatform
    from bridge.testing.fates import Verb
    from tests.flow.conftest import Build, House

LOST = UncertainError("the connection broke")

WORDS: list[tuple[str, Verb, str]] = [("repeat", "repeat", "repetition"), ("fav", "favour", "favourite")]
EVERY = pytest.mark.parametrize(("word", "verb", "noun"), WORDS)


def marked(platform: FakePlatform, verb: Verb) -> int:
    return len(platform.repeated if verb == "repeat" else platform.favoured)


async def heard(build: Build, **posting: str) -> House:
    house = await build(plugin=AbleFakePlugin, **posting)
    house.platforms["mastodon"].say("all is well again, thanks!", url="https://platform.example/kim/7")
    await house.quiet()
    assert house.heard() == ["[1] @kim@platform.example: all is well again, thanks!"]
    return house


@EVERY
async def test_it_goes_out_after_the_hold_and_its_receipt_ends_in_a_link(
    build: Build, word: str, verb: Verb, noun: str
) -> None:
    del noun
    house = await heard(build, hold="20s")
    platform = house.platforms["mastodon"]
    (held,) = await house.say(f"!{word} 1")
    assert held.endswith("@kim, from mastodon, as raj in 20 s: `!send` or `!undo`")
    await house.pass_time(19.9)
    assert marked(platform, verb) == 0
    await house.pass_time(1)
    assert (platform.count(verb), marked(platform, verb)) == (1, 1)
    there = house.heard()[-1]
    assert there.startswith("~[2->1] ")
    assert "@kim, from mastodon, as raj: mastodon https://" in there
    assert await house.states(2) == [f"{verb} sent"]


@EVERY
async def test_a_lost_answer_is_told_and_settled_by_the_same_again(
    build: Build, word: str, verb: Verb, noun: str
) -> None:
    house = await heard(build)
    platform = house.platforms["mastodon"]
    platform.will(verb, Fate(after=LOST))
    lines = await house.say(f"!{word} 1")
    doubt = f"[2->1] mastodon {noun}: not sure it arrived (the connection broke), checking; nothing will be sent twice"
    assert doubt in lines
    await house.pass_time(40)
    assert (platform.count(verb), marked(platform, verb), platform.count("find")) == (2, 1, 0)
    assert await house.states(2) == [f"{verb} sent"]
    assert any(line.startswith(f"[2->1] mastodon {noun}: found") for line in house.heard())


@EVERY
async def test_a_platform_in_trouble_is_tried_again(build: Build, word: str, verb: Verb, noun: str) -> None:
    del noun
    house = await heard(build)
    platform = house.platforms["mastodon"]
    platform.will(verb, Fate(before=UnavailableError("503")), Fate(before=UnavailableError("503")))
    await house.say(f"!{word} 1")
    await house.pass_time(60)
    assert (platform.count(verb), marked(platform, verb)) == (3, 1)


@EVERY
async def test_a_refusal_is_told(build: Build, word: str, verb: Verb, noun: str) -> None:
    house = await heard(build)
    house.platforms["mastodon"].will(verb, Fate(before=RefusedError("it is not there any more")))
    lines = await house.say(f"!{word} 1")
    words = f"[2->1] mastodon {noun} FAILED: it is not there any more. `!retry 2` tries again, `!drop 2` gives it up"
    assert words in lines


@EVERY
async def test_a_kill_in_the_middle_makes_it_neither_lost_nor_doubled(
    build: Build, word: str, verb: Verb, noun: str
) -> None:
    house = await heard(build)
    platform = house.platforms["mastodon"]
    platform.will(verb, Fate(hangs="after"))
    await house.say(f"!{word} 1")
    assert marked(platform, verb) == 1
    await house.restart()
    assert any(line.startswith(f"[2->1] mastodon {noun}: not sure it arrived") for line in house.heard())
    await house.pass_time(40)
    assert (platform.count(verb), marked(platform, verb)) == (2, 1)
    assert await house.states(2) == [f"{verb} sent"]


async def test_a_repetition_that_is_taken_back_on_its_way_is_deleted_when_it_is_there(build: Build) -> None:
    house = await heard(build)
    platform = house.platforms["mastodon"]
    platform.will("repeat", Fate(pause=3))
    await house.say("!repeat 1")
    await house.say("!undo 2")
    await house.pass_time(4)
    assert await house.states(2) == ["repeat sent", "delete sent"]
    assert house.heard()[-1] == "~[2->1] repeats @kim, from mastodon, as raj: mastodon deleted"


async def test_one_that_is_taken_back_in_doubt_is_never_made_again_and_people_are_asked(build: Build) -> None:
    house = await heard(build)
    platform = house.platforms["mastodon"]
    platform.will("repeat", Fate(after=LOST))
    await house.say("!repeat 1")
    await house.say("!undo 2")
    await house.pass_time(60)
    assert platform.count("repeat") == 1
    assert await house.states(2) == ["repeat asked"]
    assert any("I can't tell whether it arrived" in line for line in house.heard())


async def test_a_favourite_that_is_taken_back_on_its_way_is_left_to_people(build: Build) -> None:
    house = await heard(build)
    house.platforms["mastodon"].will("favour", Fate(pause=3))
    await house.say("!fav 1")
    await house.say("!undo 2")
    await house.pass_time(4)
    assert await house.states(2) == ["favour sent"]
    (line,) = [one for one in house.heard() if "had arrived" in one]
    assert line.startswith("[2] mastodon: it had arrived, and I can't take a favourite back: do it by hand https://")


async def test_a_platform_that_can_neither_says_so(build: Build) -> None:
    house = await build(plugin=FullFakePlugin)
    house.platforms["mastodon"].say("thanks!")
    await house.quiet()
    house.heard()
    assert await house.say("!repeat 1") == ["[1] came in on mastodon, which can't repeat messages. Nothing was posted."]
    assert await house.say("!fav 1") == ["[1] came in on mastodon, which can't mark favourites. Nothing was posted."]
