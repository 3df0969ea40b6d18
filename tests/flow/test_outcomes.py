"""What a platform can answer, what the people hear of it, and when the platform is tried again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bridge.plugin import RefusedError, UnauthorizedError, UnavailableError
from bridge.testing import Fate

if TYPE_CHECKING:
    from tests.flow.conftest import Build

ROOM = "ops@rooms.example.org"
SECOND_ROOM = "sales@rooms.example.org"
ADMIN = "ana@example.org"
DOWN = Fate(before=UnavailableError("503 Service Unavailable."))
REVOKED = Fate(before=UnauthorizedError("the token was revoked"))


async def test_an_outage_is_told_once_and_its_end_once_in_every_room_of_the_account(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.always("post", DOWN)
    assert await house.say("!post one") == ["[1] mastodon on its way"]
    assert await house.say("!post two") == ["[2] mastodon on its way"]
    await house.pass_time(4.9)
    assert house.heard() == []
    await house.pass_time(95)
    blocked = "mastodon does not flow: 503 Service Unavailable. 2 messages waiting, nothing is lost; I keep trying"
    assert house.heard_at() == [(5, blocked)]
    platform.always("post")
    await house.pass_time(100)
    assert house.heard_at() == [
        (110, "mastodon flows again; 1 message to go"),
        (110, "~[1] mastodon https://mastodon.example/p1"),
        (110, "~[2] mastodon https://mastodon.example/p2"),
    ]
    assert house.heard_at(SECOND_ROOM) == [(5, blocked), (110, "mastodon flows again; 1 message to go")]
    assert house.heard(ADMIN) == []
    # Four pauses of the back-off, then those of the breaker, which the fifth failure opens.
    assert house.called("post") == [0, 5, 15, 35, 75, 80, 90, 110, 110]
    assert platform.visible == ["one", "two"]


async def test_a_short_outage_is_not_told(build: Build) -> None:
    house = await build(backoff="2s")
    house.platforms["mastodon"].will("post", DOWN)
    await house.say("!post one")
    await house.pass_time(300)
    assert house.heard_at() == [(2, "~[1] mastodon https://mastodon.example/p1")]


async def test_an_outage_of_many_minutes_does_not_repeat_the_receipt(build: Build) -> None:
    house = await build()
    house.platforms["mastodon"].always("post", DOWN)
    await house.say("!post one")
    await house.pass_time(50 * 60)
    assert len(house.heard()) == 1
    assert house.platforms["mastodon"].count("post") > 50


async def test_a_second_outage_is_told_again(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    heard: list[str] = []
    for number in (1, 2):
        platform.will("post", DOWN, DOWN)
        await house.say(f"!post number {number}")
        await house.pass_time(60)
        heard += house.heard()
    blocked = "mastodon does not flow: 503 Service Unavailable. 1 message waiting, nothing is lost; I keep trying"
    assert [line for line in heard if "flow" in line] == [blocked, "mastodon flows again"] * 2


async def test_retry_after_is_honoured(build: Build) -> None:
    house = await build()
    asked = UnavailableError("429 Too Many Requests", retry_after=timedelta(seconds=40))
    house.platforms["mastodon"].will("post", Fate(before=asked))
    await house.say("!post one")
    await house.pass_time(300)
    assert house.called("post") == [0, 40]
    assert house.heard_at() == [
        (5, "mastodon does not flow: 429 Too Many Requests. 1 message waiting, nothing is lost; I keep trying"),
        (40, "mastodon flows again"),
        (40, "~[1] mastodon https://mastodon.example/p1"),
    ]


async def test_a_bad_login_pauses_the_account_and_the_admins_are_told_at_once(build: Build) -> None:
    house = await build("mastodon", "x")
    platform = house.platforms["mastodon"]
    platform.always("post", REVOKED)
    assert await house.say("!post one") == [
        "[1] mastodon on its way · x on its way",
        "~[1] mastodon on its way · x https://x.example/p1",
    ]
    assert house.heard(ADMIN) == [
        (
            "mastodon is paused: the token was revoked. Nothing is lost, I try again every minute. If the token is "
            "wrong, put a valid one into the configuration, then `reload`"
        )
    ]
    await house.pass_time(100)
    platform.always("post")
    await house.pass_time(100)
    assert house.called("post") == [0, 5, 15, 35, 75, 135]
    assert house.heard_at() == [
        (5, "mastodon does not flow: the token was revoked. 1 message waiting, nothing is lost; I keep trying"),
        (135, "mastodon flows again"),
        (135, "~[1] mastodon https://mastodon.example/p1 · x https://x.example/p1"),
    ]
    assert house.heard(ADMIN) == []
    await house.say("!post two")
    assert platform.visible == ["one", "two"]


async def test_a_login_that_is_withdrawn_in_an_outage_is_told_to_the_admins_all_the_same(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.always("post", DOWN)
    await house.say("!post one")
    await house.pass_time(100)
    assert house.heard(ADMIN) == []
    platform.always("post", REVOKED)
    await house.pass_time(200)
    assert [line.partition(". ")[0] for line in house.heard(ADMIN)] == ["mastodon is paused: the token was revoked"]
    platform.always("post", None)
    await house.pass_time(60)
    platform.always("post", REVOKED)
    await house.say("!post two")
    assert [line.partition(". ")[0] for line in house.heard(ADMIN)] == ["mastodon is paused: the token was revoked"]


async def test_a_refusal_is_told_and_left_to_people(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(before=RefusedError("the text is too rude")), Fate(before=RefusedError("422")))
    assert await house.say("!post one") == [
        "[1] mastodon on its way",
        "[1] mastodon FAILED: the text is too rude. `!retry 1` tries again, `!drop 1` gives it up",
        "~[1] mastodon FAILED",
    ]
    await house.say("!post two")
    await house.say("!post three")
    await house.pass_time(4000)
    assert platform.visible == ["three"]
    assert await house.say("!retry 1") == [
        "[1] mastodon on its way",
        "[1] mastodon: trying again",
        "[1] mastodon: sent after all: https://mastodon.example/p2",
        "~[1] mastodon https://mastodon.example/p2",
    ]
    assert await house.say("!drop 2") == ["[2] cancelled. Nothing was posted.", "[2] cancelled. Nothing was posted."]
    assert platform.visible == ["three", "one"]
    keys = [call.key for call in platform.calls if call.post and call.post.text == "one"]
    assert len(keys) == 2
    assert len(set(keys)) == 1


async def test_refusals_are_answers_so_the_lane_flows(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.always("post", Fate(pause=2, before=RefusedError("422")))
    for number in range(1, 6):
        await house.chat.desk.handle(house.incoming(f"!post number {number}"))
    await house.pass_time(60)
    assert [line for line in house.heard() if "flow" in line] == []


async def test_a_refusal_ends_an_outage(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.will("post", DOWN, DOWN, Fate(before=RefusedError("422")))
    await house.say("!post one")
    await house.pass_time(60)
    assert house.heard_at() == [
        (5, "mastodon does not flow: 503 Service Unavailable. 1 message waiting, nothing is lost; I keep trying"),
        (15, "mastodon flows again"),
        (15, "[1] mastodon FAILED: 422. `!retry 1` tries again, `!drop 1` gives it up"),
        (15, "~[1] mastodon FAILED"),
    ]


async def test_what_waited_too_long_is_not_sent(build: Build) -> None:
    house = await build(max_age="10m")
    platform = house.platforms["mastodon"]
    platform.always("post", DOWN)
    await house.say("!post one")
    await house.pass_time(590)
    house.heard()
    await house.say("!post two")
    await house.pass_time(60)
    choice = "`!retry 1` sends it now, `!drop 1` gives it up"
    assert [line for line in house.heard() if line.startswith("[1]")] == [
        f"[1] mastodon: 1 is stale, it waited 10 min 30 s and was not sent: {choice}",
        "[1] mastodon NOT sent, too old",
    ]
    platform.always("post")
    await house.pass_time(60)
    assert platform.visible == ["two"]
    await house.say("!retry 1")
    assert platform.visible == ["two", "one"]


async def test_an_account_that_is_down_is_told_and_loses_nothing(build: Build) -> None:
    house = await build(start=False)
    house.platforms["mastodon"].will("enter", *[Fate(before=UnavailableError("no route to host"))] * 8)
    await house.start()
    await house.say("!post one")
    await house.pass_time(5)
    assert house.heard() == [
        "mastodon does not flow: no route to host. 1 message waiting, nothing is lost; I keep trying"
    ]
    await house.pass_time(500)
    deaf, *again = house.heard()
    assert deaf.startswith("mastodon can't be heard: no route to host.")
    assert sorted(again) == [  # the lane and the ears go on at the same time
        "mastodon flows again",
        "mastodon is heard again",
        "~[1] mastodon https://mastodon.example/p1",
    ]
    assert house.platforms["mastodon"].visible == ["one"]
