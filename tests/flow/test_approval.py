"""What needs a second person goes out once somebody has agreed, never without, whatever crashes or jumps meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text as sql

from bridge.commands.incoming import Gesture, GestureKind
from bridge.delivery import DIRECT
from bridge.settings.rules import ApprovalSettings, PolicySettings
from bridge.store import reviews
from tests.flow.killing import kill_at

if TYPE_CHECKING:
    from tests.flow.conftest import Build, House

ROOM = "ops@rooms.example.org"
ADMIN = "ana@example.org"
DAY = 86_400.0
LOST = "[1] was approved by nobody in time, so it is cancelled. Nothing was posted."


async def strict(build: Build, *accounts: str) -> House:
    """Return a bridge in which all posts need a second person."""
    house = await build(*(accounts or ("mastodon",)), hold="20s")
    await house.stop()
    house.settings = house.settings.model_copy(update={"policy": PolicySettings(approval=(ApprovalSettings(),))})
    await house.start()
    return house


async def lines(house: House, target: str, like: str) -> list[str]:
    """Return the origin ids of the lines that were owed to a conversation."""
    query = sql("SELECT origin_id FROM notice WHERE target = :target AND body LIKE :words")
    return [row.origin_id for row in await house.stands(lambda tx: tx.rows(query, {"target": target, "words": like}))]


async def test_it_waits_for_ever_and_goes_out_with_the_approval(build: Build) -> None:
    house = await strict(build)
    await house.say("!post hello")
    await house.pass_time(3600)
    assert house.platforms["mastodon"].visible == []
    told = await house.say("!approve 1", who="ana")
    assert "[1] is approved by ana, and goes out now" in told
    assert house.platforms["mastodon"].visible == ["hello"]


async def test_an_approval_does_not_cut_the_undo_window_short(build: Build) -> None:
    house = await strict(build)
    await house.say("!post hello")
    await house.say("!approve 1", who="ana")
    assert house.platforms["mastodon"].visible == []
    await house.pass_time(20)
    assert house.platforms["mastodon"].visible == ["hello"]


@pytest.mark.parametrize("way", ["kill", "stop"])
async def test_a_restart_changes_nothing(build: Build, way: str) -> None:
    house = await strict(build)
    await house.say("!post hello")
    await house.pass_time(60)
    await (house.kill() if way == "kill" else house.stop())
    await house.start()
    await house.pass_time(3600)
    assert house.platforms["mastodon"].visible == []
    await house.say("!approve 1", who="ana")
    await house.restart()
    await house.pass_time(60)
    assert house.platforms["mastodon"].visible == ["hello"]
    assert house.platforms["mastodon"].count("post") == 1


async def test_an_approval_that_is_handed_in_twice_counts_once(build: Build) -> None:
    house = await strict(build)
    await house.say("!post hello")
    await house.pass_time(60)
    approval = house.incoming("!approve 1", who="ana")
    for _ in range(2):
        await house.chat.desk.handle(approval)
        await house.quiet()
    assert house.platforms["mastodon"].count("post") == 1
    assert sum("is approved by ana" in line for line in house.heard()) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_kill_at_the_commit_of_an_approval(build: Build, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """Killed before it, it still waits, and the archive says it again; after it, it goes out: once."""
    house = await strict(build)
    await house.say("!post hello")
    await house.pass_time(60)
    approval = house.incoming("!approve 1", who="ana")
    killed = kill_at(house, monkeypatch, "Desk._commit", moment)
    handing = asyncio.create_task(house.chat.desk.handle(approval))
    await house.quiet()
    await house.kill()
    handing.cancel()
    assert killed == [moment]
    await house.start()
    await house.chat.desk.handle(approval)
    await house.quiet()
    await house.pass_time(600)
    assert house.platforms["mastodon"].visible == ["hello"]
    assert house.platforms["mastodon"].count("post") == 1


async def test_what_nobody_approves_in_time_is_cancelled_and_told_once(build: Build) -> None:
    house = await strict(build)
    await house.say("!post hello")
    await house.pass_time(DAY - 60)
    house.heard()
    await house.pass_time(61)
    assert sorted(house.heard()) == ["[1] cancelled. Nothing was posted.", LOST]
    assert await house.states(1) == ["cancelled"]
    await house.pass_time(7200)
    assert house.heard() == []
    told = await house.say("!approve 1", who="ana")
    assert told == ["[1] was approved by nobody in time, and is cancelled. Nothing was changed."]
    assert house.platforms["mastodon"].count("post") == 0


async def test_a_clock_that_jumps_over_the_expiry_does_it_once(build: Build) -> None:
    house = await strict(build)
    await house.say("!post hello")
    await house.kill()
    house.clock.jump(9 * DAY)
    await house.start()
    await house.pass_time(120)
    assert [line for line in house.heard() if "nobody" in line] == [LOST]
    house.clock.jump(-9 * DAY)
    await house.restart()
    house.clock.jump(9 * DAY)
    await house.pass_time(120)
    assert [line for line in house.heard() if "nobody" in line] == []
    assert await house.states(1) == ["cancelled"]


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_kill_at_the_commit_of_an_expiry(build: Build, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    house = await strict(build)
    await house.say("!post hello")
    await house.pass_time(60)
    house.heard()
    killed = kill_at(house, monkeypatch, "Timers.expire", moment)
    await house.clock.advance(DAY)
    await house.quiet()
    await house.kill()
    assert killed == [moment]
    await house.start()
    await house.pass_time(120)
    assert len(await lines(house, ROOM, LOST)) == 1
    assert await house.states(1) == ["cancelled"]


async def test_approved_before_its_time_it_goes_out_then(build: Build) -> None:
    house = await strict(build)
    await house.say("!at in 1h hello")
    await house.say("!approve 1", who="ana")
    await house.pass_time(3599)
    assert house.platforms["mastodon"].visible == []
    await house.pass_time(1)
    assert house.platforms["mastodon"].visible == ["hello"]


async def test_whose_time_comes_before_the_approval_goes_out_with_that(build: Build) -> None:
    house = await strict(build)
    await house.say("!at in 1h hello")
    await house.pass_time(2 * 3600)
    assert house.platforms["mastodon"].visible == []
    await house.say("!approve 1", who="ana")
    assert house.platforms["mastodon"].visible == ["hello"]


async def test_under_panic_an_approval_counts_and_waits(build: Build) -> None:
    house = await strict(build)
    await house.say("!post hello")
    await house.pass_time(60)
    await house.say("!panic")
    told = await house.say("!approve 1", who="ana")
    assert any("is approved by ana, but everything outgoing is frozen" in line for line in told)
    assert house.platforms["mastodon"].visible == []
    await house.resume()
    assert house.platforms["mastodon"].visible == ["hello"]


async def test_a_reaction_in_the_approvers_own_chat_counts(build: Build) -> None:
    house = await strict(build)
    await house.say("!post hello")
    await house.pass_time(60)
    (name,) = await lines(house, ADMIN, "[1] raj asks for approval%")
    gesture = Gesture(kind=GestureKind.REACTIONS, about=name, emojis=frozenset({"✅"}))
    told = await house.say("", place=DIRECT, who="ana", gesture=gesture)
    assert told[-1] == "[1] is approved by ana, and goes out now"
    assert house.platforms["mastodon"].visible == ["hello"]


async def test_a_thread_waits_with_its_first_part(build: Build) -> None:
    house = await strict(build)
    await house.say("!post " + "hello there. " * 60, place=DIRECT)
    await house.pass_time(60)
    assert house.platforms["mastodon"].visible == []
    assert await house.stands(reviews.next_expiry) is not None
    await house.say("!approve 1", who="ana")
    assert len(house.platforms["mastodon"].visible) > 1
    assert await house.stands(reviews.next_expiry) is None
