"""What may be published: looked for, sent again under the same key, or left to the room; and never sent twice."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bridge.plugin import Limits, PluginError, RefusedError, UnauthorizedError, UnavailableError, UncertainError
from bridge.testing import DeletingFakePlugin, Fate

if TYPE_CHECKING:
    from tests.flow.conftest import Build

ADMIN = "ana@example.org"
KEYS = Limits(text=500, key_lifetime=timedelta(minutes=50))
NO_KEYS = Limits(text=500)
LOST = UncertainError("the connection broke")
DOUBT = "[1] mastodon: not sure it arrived (the connection broke), checking; nothing will be sent twice"
ASKED = (
    "[1] mastodon: I can't tell whether it arrived (the connection broke). `!retry 1` if it isn't there, "
    "`!found 1 LINK` if it is, `!drop 1` to leave it"
)
BLOCKED = "mastodon does not flow: the connection broke. 1 message waiting, nothing is lost; I keep trying"
LINK = "https://mastodon.example/p1"


async def test_a_lost_answer_is_told_and_settled_with_the_same_key(build: Build) -> None:
    house = await build(limits=KEYS)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(after=LOST))
    assert await house.say("!post one") == ["[1] mastodon on its way", DOUBT, "~[1] mastodon not sure, checking"]
    await house.say("!post two")
    await house.pass_time(29)
    assert platform.count("post") == 1
    assert house.heard_at() == [(5, BLOCKED.replace("1 message", "2 messages"))]
    await house.pass_time(1)
    assert house.heard_at() == [
        (30, "mastodon flows again; 1 message to go"),
        (30, f"[1] mastodon: found: {LINK}"),
        (30, f"~[1] mastodon {LINK}"),
        (30, "~[2] mastodon https://mastodon.example/p2"),
    ]
    assert platform.visible == ["one", "two"]
    assert platform.count("find") == 0
    assert platform.calls[-2].key == platform.calls[-3].key


@pytest.mark.parametrize("late", [True, False])
async def test_without_keys_it_is_looked_for(build: Build, late: bool) -> None:
    house = await build(limits=NO_KEYS)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(late=59) if late else Fate(hangs="before"))
    await house.say("!post one")
    await house.pass_time(59.9)
    # The deadline ends the attempt after 30 s; the platform may work on it for another 30.
    assert platform.count("find") == 0
    assert house.called("post") == [0]
    await house.pass_time(60)
    assert house.called("find") == [60]
    assert house.called("post") == ([0] if late else [0, 60])
    assert platform.visible == ["one"]
    assert house.heard()[-1] == f"~[1] mastodon {LINK}"
    assert await house.states(1) == ["sent"]


async def test_doubt_is_told_once_however_long_it_lasts(build: Build) -> None:
    house = await build(limits=NO_KEYS)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(after=LOST))
    platform.will("find", *[Fate(before=UnavailableError("503"))] * 4)
    assert DOUBT in await house.say("!post one")
    await house.pass_time(300)
    lines = house.heard()
    assert [line for line in lines if "not sure it arrived" in line] == []
    assert lines.count(f"[1] mastodon: found: {LINK}") == 1
    assert platform.count("find") == 5
    assert platform.visible == ["one"]


async def test_an_answer_that_says_nothing_needs_no_long_wait(build: Build) -> None:
    house = await build(limits=KEYS)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(after=UncertainError("502", answered=True)))
    await house.say("!post one")
    await house.pass_time(100)
    assert house.called("post") == [0, 5]
    assert platform.visible == ["one"]


async def test_a_platform_that_asks_for_more_time_gets_it(build: Build) -> None:
    house = await build(limits=KEYS)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(after=UncertainError("timeout", retry_after=timedelta(seconds=50))))
    await house.say("!post one")
    await house.pass_time(100)
    assert house.called("post") == [0, 50]


async def test_a_key_is_used_again_only_while_it_is_remembered(build: Build) -> None:
    house = await build(limits=KEYS, max_age="3h")
    platform = house.platforms["mastodon"]
    lost = Fate(after=UncertainError("502", answered=True))
    platform.will("post", lost)
    await house.say("!post one")
    platform.always("post", Fate(before=UnavailableError("503")))
    platform.always("find", Fate(before=UnavailableError("503")))
    await house.pass_time(49 * 60)
    assert platform.count("find") == 0
    tried = platform.count("post")
    await house.pass_time(3 * 60)
    assert platform.count("find") > 0
    last = [at for at in house.called("post") if at > 49 * 60]
    assert all(at < 50 * 60 for at in last)
    assert platform.count("post") == tried + len(last)
    platform.always("find", None)
    await house.pass_time(120)
    assert platform.visible == ["one"]
    assert house.heard()[-1] == f"[1] mastodon {LINK}"


async def test_where_nothing_can_settle_it_the_room_is_asked_and_the_lane_goes_on(build: Build) -> None:
    house = await build(limits=NO_KEYS, plugin=DeletingFakePlugin)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(after=LOST))
    await house.say("!post one")
    await house.say("!post two")
    await house.pass_time(29.9)
    assert platform.visible == ["one"]
    await house.pass_time(0.1)
    assert house.heard_at() == [
        (5, BLOCKED.replace("1 message", "2 messages")),
        (30, ASKED),
        (30, "~[1] mastodon not sure, asked you"),
        (30, "mastodon flows again"),
        (30, "~[2] mastodon https://mastodon.example/p2"),
    ]
    assert platform.visible == ["one", "two"]
    await house.pass_time(4000)
    assert platform.count("post") == 2
    assert await house.states(1) == ["asked"]


@pytest.mark.parametrize("published", [True, False])
async def test_the_room_decides_what_is_asked(build: Build, published: bool) -> None:
    house = await build(limits=NO_KEYS, plugin=DeletingFakePlugin)
    platform = house.platforms["mastodon"]
    for _ in range(3):
        platform.will("post", Fate(after=LOST) if published else Fate(before=LOST))
        await house.say("!post words")
        await house.pass_time(30)
    assert [await house.states(number) for number in (1, 2, 3)] == [["asked"]] * 3
    house.heard()
    assert await house.say(f"!found 1 {LINK}") == [f"~[1] mastodon {LINK}", f"[1] mastodon: taken as sent ({LINK})"]
    assert await house.say("!drop 2") == [
        "~[2] mastodon left as it is (it may be there)",
        "[2] mastodon: left as it is; it may be there",
    ]
    assert platform.count("post") == 3
    again = f"https://mastodon.example/p{4 if published else 1}"
    assert await house.say("!retry 3") == [
        "~[3] mastodon on its way",
        "[3] mastodon: trying again",
        "mastodon flows again",
        f"[3] mastodon: sent after all: {again}",
        f"~[3] mastodon {again}",
    ]
    assert platform.count("post") == 4
    await house.pass_time(4000)
    assert house.heard() == []
    assert [await house.states(number) for number in (1, 2, 3)] == [["sent"], ["cancelled"], ["sent"]]


async def test_after_three_searches_that_can_not_tell_the_room_is_asked(build: Build) -> None:
    house = await build(limits=NO_KEYS, findable=False, max_age="10m")
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(after=LOST))
    await house.say("!post one")
    await house.pass_time(90)
    assert house.heard_at() == [
        (5, BLOCKED),
        (60, ASKED.replace("the connection broke", "the search can't be relied on")),
        (60, "~[1] mastodon not sure, asked you"),
    ]
    assert platform.count("post") == 1
    assert house.called("find") == [30, 40, 60]


@pytest.mark.parametrize("error", [RefusedError("422"), UnauthorizedError("401")])
async def test_a_no_under_doubt_is_asked_never_dead(build: Build, error: PluginError) -> None:
    house = await build(limits=KEYS)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(after=LOST), Fate(before=error))
    await house.say("!post one")
    await house.pass_time(60)
    told = [line for line in house.heard() if line.startswith("[1]")]
    assert told == [ASKED.replace("the connection broke", str(error))]
    assert await house.states(1) == ["asked"]
    assert house.called("post") == [0, 30]
    assert len(house.heard(ADMIN)) == isinstance(error, UnauthorizedError)


async def test_unavailable_under_doubt_stays_in_doubt(build: Build) -> None:
    house = await build(limits=KEYS)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(after=LOST), Fate(before=UnavailableError("503")))
    await house.say("!post one")
    await house.pass_time(35)
    assert await house.states(1) == ["uncertain"]
    await house.pass_time(10)
    assert house.called("post") == [0, 30, 40]
    assert platform.visible == ["one"]
    assert house.heard()[-2:] == [f"[1] mastodon: found: {LINK}", f"~[1] mastodon {LINK}"]


async def test_a_twin_of_a_lost_post_is_not_taken_for_it(build: Build) -> None:
    house = await build(limits=NO_KEYS)
    platform = house.platforms["mastodon"]
    await house.say("!post the same words")
    await house.pass_time(10)
    platform.will("post", Fate(hangs="before"))
    await house.say("!post the same words")
    await house.pass_time(100)
    assert platform.visible == ["the same words"] * 2
    assert [call.known for call in platform.calls if call.verb == "find"] == [frozenset({"p1"})]


@pytest.mark.parametrize("there", [True, False])
async def test_a_stale_doubt_is_looked_up_and_never_sent_again(build: Build, there: bool) -> None:
    house = await build(limits=KEYS, max_age="1m")
    platform = house.platforms["mastodon"]
    gone = UncertainError("gone", retry_after=timedelta(minutes=2))
    platform.will("post", Fate(after=gone) if there else Fate(before=gone))
    await house.say("!post one")
    await house.pass_time(300)
    assert (house.called("post"), house.called("find")) == ([0], [120])
    gone_stale = [
        "~[1] mastodon NOT sent, too old",
        "[1] mastodon: 1 is stale, it waited 2 min and was not sent: `!retry 1` sends it now, `!drop 1` gives it up",
    ]
    found = ["mastodon flows again", f"[1] mastodon: found: {LINK}", f"~[1] mastodon {LINK}"]
    assert house.heard()[1:] == (found if there else gone_stale)
    assert platform.visible == (["one"] if there else [])


async def test_a_stale_doubt_that_can_not_be_looked_up_is_asked(build: Build) -> None:
    house = await build(limits=KEYS, plugin=DeletingFakePlugin, max_age="1m")
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(before=UncertainError("gone", retry_after=timedelta(minutes=2))))
    await house.say("!post one")
    await house.pass_time(300)
    assert platform.count("post") == 1
    assert await house.states(1) == ["asked"]


@pytest.mark.parametrize("keys", [True, False])
@pytest.mark.parametrize("published", ["before the kill", "later", "never"])
async def test_a_kill_in_the_middle_of_an_attempt_is_doubt(build: Build, keys: bool, published: str) -> None:
    house = await build(limits=KEYS if keys else NO_KEYS)
    platform = house.platforms["mastodon"]
    fates = {"before the kill": Fate(hangs="after"), "later": Fate(late=29), "never": Fate(hangs="before")}
    platform.will("post", fates[published])
    await house.say("!post one")
    await house.say("!post two")
    await house.restart()
    stopped = DOUBT.replace("the connection broke", "the bridge stopped in the middle")
    assert house.heard() == [stopped, "~[1] mastodon not sure, checking"]
    await house.pass_time(29.9)
    assert platform.count("post") + platform.count("find") == 1
    await house.pass_time(0.1)
    assert house.heard_at()[-2:] == [
        (30, f"~[1] mastodon {LINK}"),
        (30, "~[2] mastodon https://mastodon.example/p2"),
    ]
    assert platform.visible == ["one", "two"]
    assert platform.count("find") == (0 if keys else 1)
