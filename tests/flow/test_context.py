"""What a platform shows around an item: asked beside everything else, and answered once, whatever happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text as sql

from bridge.delivery import DIRECT
from bridge.domain import deadline
from bridge.domain.items import Deleted
from bridge.plugin import Cursor, Ref, RefusedError, UnavailableError, UncertainError, Visibility
from bridge.testing import AbleFakePlugin, Fate, FullFakePlugin

if TYPE_CHECKING:
    from bridge.testing import FakePlatform
    from tests.flow.conftest import Build, House

ASKING = "| asking mastodon for the conversation around it"


async def talk(build: Build, **values: str) -> tuple[House, FakePlatform]:
    """Post something that Kim answers; her answer is [2]."""
    house = await build(plugin=AbleFakePlugin, **values)
    platform = house.platforms["mastodon"]
    await house.say("!post We are down")
    (ours,) = [one.id for one in platform.published]
    platform.say("any ETA?", in_reply_to=ours)
    await house.quiet()
    assert house.heard()[-1] == "[2->1] @kim@platform.example: any ETA?"
    return house, platform


async def left(house: House) -> int:
    return await house.stands(lambda tx: int(tx.scalar(sql("SELECT count(*) FROM errand"))))


async def test_what_is_known_comes_at_once_and_what_the_platform_shows_behind_it(build: Build) -> None:
    house, platform = await talk(build)
    item = platform.items[-1]
    platform.say_elsewhere("same here", who="lee", in_reply_to=item.id, media=("https://platform.example/a.png",))
    await house.pass_time(120)
    first, second = await house.say("!context 2")
    assert first.startswith("[2->1] @kim@platform.example, 2 min ago, on mastodon: open\n| to our [1]: We are down")
    assert first.endswith(ASKING)
    assert second.splitlines() == [
        "[2->1] on mastodon, 3 messages:",
        "| [1] 2 min ago, @shop@platform.example: We are down",
        "| [2] 2 min ago, @kim@platform.example: any ETA?",
        "| 2 min ago, @lee@platform.example: same here (+ 1 media)",
    ]
    assert await left(house) == 0
    assert platform.count("thread") == 1


async def test_what_stands_alone(build: Build) -> None:
    house = await build(plugin=AbleFakePlugin)
    house.platforms["mastodon"].say("hello")
    await house.quiet()
    house.heard()
    assert (await house.say("!context 1"))[1] == "[1] stands alone on mastodon"


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (UnavailableError("503 from mastodon.example"), "503 from mastodon.example"),
        (RefusedError("it is not there any more."), "it is not there any more"),
        (UncertainError(""), "UncertainError"),
        (ZeroDivisionError(), "the plugin failed (ZeroDivisionError)"),
    ],
)
async def test_a_platform_that_cannot_say_is_told_once(build: Build, error: Exception, why: str) -> None:
    house, platform = await talk(build)
    platform.will("thread", Fate(before=error))
    assert (await house.say("!context 2"))[1:] == [f"[2->1] mastodon can't show what is around it: {why}"]
    await house.pass_time(120)
    assert (house.heard(), platform.count("thread"), await left(house)) == ([], 1, 0)


async def test_one_that_hangs_keeps_nobody_else_waiting(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "GRACE", 0.0)
    house, platform = await talk(build)
    platform.will("thread", Fate(hangs="before", stubborn=True))
    await house.say("!context 2")
    assert (await house.say("!context 2", place=DIRECT))[1].startswith("[2->1] on mastodon, 2 messages:")
    assert (await house.say("!post one"))[-1].startswith("~[3] mastodon http")
    assert platform.visible == ["We are down", "one"]
    await house.pass_time(29)
    assert house.heard() == []
    await house.pass_time(2)
    assert house.heard() == ["[2->1] mastodon can't show what is around it: no answer within 30 s"]


async def test_a_platform_that_hangs_keeps_nobody_from_another_one(build: Build) -> None:
    house = await build("mastodon", "x", plugin=AbleFakePlugin)
    hanging, well = house.platforms["mastodon"], house.platforms["x"]
    for number in range(10):
        hanging.say(f"hello {number}")
    well.say("hi")
    await house.quiet()
    hanging.always("thread", Fate(pause=20))
    for number in range(1, 11):
        await house.say(f"context {number:x}", place=DIRECT)
    assert hanging.count("thread") == 4
    assert (await house.say("!context b"))[-1] == "[b] stands alone on x"
    await house.pass_time(70)
    assert (hanging.count("thread"), await left(house)) == (10, 0)


async def test_a_plugin_that_answers_nonsense_is_told_of_once(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    house, platform = await talk(build)

    async def nonsense(_: Ref) -> None:
        pass

    monkeypatch.setattr(platform, "thread", nonsense)
    why = "an error of the bridge or of the plugin, see the log"
    assert (await house.say("!context 2"))[1:] == [f"[2->1] mastodon can't show what is around it: {why}"]
    assert await left(house) == 0
    assert len(await house.say("!context 2")) == 2


async def test_it_is_asked_once_for_one_conversation(build: Build) -> None:
    house, platform = await talk(build)
    platform.will("thread", Fate(pause=5))
    await house.say("!context 2")
    await house.say("!context 2", who="tom")
    await house.pass_time(10)
    assert platform.count("thread") == 1
    assert len([line for line in house.heard() if "2 messages" in line]) == 1


async def test_a_kill_in_the_middle_loses_no_answer(build: Build) -> None:
    house, platform = await talk(build)
    platform.will("thread", Fate(hangs="before"))
    await house.say("!context 2")
    await house.restart()
    (line,) = [line for line in house.heard() if "on mastodon" in line]
    assert line.startswith("[2->1] on mastodon, 2 messages:")
    assert (platform.count("thread"), await left(house)) == (2, 0)


async def test_many_wishes_are_all_answered(build: Build) -> None:
    house = await build(plugin=AbleFakePlugin, hold="0s")
    platform = house.platforms["mastodon"]
    for number in range(20):
        platform.say(f"hello {number}")
    await house.quiet()
    platform.always("thread", Fate(pause=1))
    for number in range(1, 21):
        await house.say(f"context {number:x}", place=DIRECT)
    await house.pass_time(10)
    assert (platform.count("thread"), await left(house)) == (20, 0)


async def test_a_store_that_is_away_only_delays_the_answer(build: Build) -> None:
    house, platform = await talk(build)
    platform.will("thread", Fate(pause=1))
    await house.say("!context 2")
    house.store.refuses = lambda: True
    await house.pass_time(3)
    assert house.heard() == []
    house.store.refuses = None
    await house.pass_time(3)
    assert [line.splitlines()[0] for line in house.heard()] == ["[2->1] on mastodon, 2 messages:"]


async def test_an_account_that_is_down_or_taken_out_says_so(build: Build) -> None:
    house, platform = await talk(build)
    platform.will("thread", Fate(hangs="before"))
    await house.say("!context 2")
    await house.kill()
    platform.always("enter", Fate(before=UnavailableError("503")))
    await house.start()
    (line,) = [line for line in house.heard() if "can't show" in line]
    assert line.startswith("[2->1] mastodon can't show what is around it: ")


async def test_without_the_ability_nothing_is_asked(build: Build) -> None:
    house = await build(plugin=FullFakePlugin)
    house.platforms["mastodon"].say("hello")
    await house.quiet()
    house.heard()
    (line,) = await house.say("!context 1")
    assert ASKING not in line


async def test_private_words_stay_where_they_may_be_read(build: Build) -> None:
    house, platform = await talk(build)
    item = platform.items[-1]
    platform.say_elsewhere("my password is x", who="lee", in_reply_to=item.id, visibility=Visibility.DIRECT)
    room = (await house.say("!context 2"))[1]
    assert "2 messages" in room
    assert "password" not in room
    assert "@lee@platform.example: my password is x" in (await house.say("context 2", place=DIRECT))[1]


async def test_what_was_taken_back_is_not_shown_again(build: Build) -> None:
    house, platform = await talk(build)
    item = platform.items[-1]
    platform.say("me too", who="lee", in_reply_to=item.id)
    await house.quiet()
    platform.hear(Deleted(id=item.id, cursor=Cursor("")))
    await house.quiet()
    house.heard()
    lines = (await house.say("!context 3"))[1]
    assert "any ETA?" not in lines
    assert "[2] 0 s ago, @kim@platform.example: (taken back by its author)" in lines


async def test_of_a_long_conversation_the_nearest_are_shown(build: Build) -> None:
    house, platform = await talk(build)
    item = platform.items[-1]
    for number in range(30):
        platform.say_elsewhere(f"me too {number}", who="lee", in_reply_to=item.id)
    lines = (await house.say("!context 2"))[1].splitlines()
    assert lines[0] == "[2->1] on mastodon, 32 messages:"
    assert (len(lines), lines[-1]) == (14, "| ... 20 after")
