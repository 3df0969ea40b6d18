"""What is said for later goes out at its time, once: whatever crashes, restarts, freezes or jumps meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.commands import later
from bridge.commands.incoming import Gesture, GestureKind
from bridge.delivery import DIRECT
from bridge.domain.ids import EntryId
from bridge.plugin import UnavailableError
from bridge.settings import Settings
from bridge.store import Tx, timers
from bridge.testing import Fate
from tests.flow.killing import kill_at

if TYPE_CHECKING:
    from tests.flow.conftest import Build, House

ROOM = "ops@rooms.example.org"
HOUR = 3600


async def planned(house: House) -> int:
    return await house.stands(timers.count)


async def test_it_goes_out_at_its_time_and_the_receipt_goes_on(build: Build) -> None:
    house = await build("mastodon", "x", hold="20s")
    (line,) = await house.say("!at in 1h We are back")
    assert line == (
        '[1] "We are back" goes out Fri 2026-01-02 04:04:05 UTC (in 1 h), 11 characters: '
        "mastodon ok (can't be edited), x ok (can't be edited). `!move 1 WHEN`, or `!undo 1`"
    )
    await house.pass_time(HOUR - 1)
    assert [house.called("post", name) for name in ("mastodon", "x")] == [[], []]
    await house.pass_time(1)
    assert [house.called("post", name) for name in ("mastodon", "x")] == [[HOUR], [HOUR]]
    heard = house.heard()
    # Both outcomes are told at once or one after the other, as they come in.
    assert heard[0] == "[1] mastodon on its way · x on its way"
    assert heard[-1] == "~[1] mastodon https://mastodon.example/p1 · x https://x.example/p1"
    assert all(line.startswith("~[1] mastodon ") for line in heard[1:])
    await house.pass_time(2 * HOUR)
    assert (house.heard(), await planned(house)) == ([], 0)


async def test_those_of_one_moment_go_out_in_the_order_in_which_they_were_said(build: Build) -> None:
    house = await build()
    for text in ("one", "two", "three"):
        await house.say(f"!at 03:30 {text}")
    await house.say("!at 03:20 first of all")
    await house.pass_time(HOUR)
    assert house.platforms["mastodon"].visible == ["first of all", "one", "two", "three"]


@pytest.mark.parametrize("way", ["kill", "stop"])
async def test_a_restart_before_its_time_changes_nothing(build: Build, way: str) -> None:
    house = await build()
    await house.say("!at in 1h hello")
    await (house.kill() if way == "kill" else house.stop())
    await house.clock.advance(HOUR / 2)
    await house.start()
    assert house.platforms["mastodon"].visible == []
    await house.pass_time(HOUR / 2)
    assert house.called("post") == [HOUR]


async def test_what_came_due_while_the_bridge_was_down_goes_out_if_it_is_young(build: Build) -> None:
    house = await build()
    await house.say("!at in 1h hello")
    await house.kill()
    await house.clock.advance(1.9 * HOUR)
    await house.start()
    assert house.platforms["mastodon"].visible == ["hello"]
    await house.restart()
    await house.pass_time(60)
    assert house.platforms["mastodon"].count("post") == 1


async def test_what_is_too_old_is_asked_about_once_and_people_decide(build: Build) -> None:
    house = await build()
    await house.say("!at in 1h hello")
    await house.say("!at in 1h 1s goodbye", place=DIRECT)
    await house.kill()
    await house.clock.advance(2 * HOUR + 1)
    await house.start()
    question = (
        '[1] "hello" was due Fri 2026-01-02 04:04:05 UTC, 1 h 1 min ago, and was not sent: `!send 1` posts it now, '
        "`!move 1 WHEN` another time, `!undo 1` takes it back"
    )
    assert house.heard() == [question]
    assert house.platforms["mastodon"].visible == ["goodbye"]
    await house.restart()
    await house.pass_time(HOUR)
    assert house.heard() == []
    assert (await house.say("!send 1"))[-1] == "~[1] mastodon https://mastodon.example/p2"
    assert house.platforms["mastodon"].visible == ["goodbye", "hello"]


async def test_a_crash_before_the_commit_leaves_it_waiting_and_one_after_it_sent_once(build: Build) -> None:
    house = await build()
    await house.say("!at in 1h hello")
    doubts = iter([False, True])
    house.store.doubts = doubts
    await house.pass_time(HOUR)
    await house.kill()
    assert next(doubts, None) is None
    await house.start()
    await house.pass_time(120)
    assert house.platforms["mastodon"].count("post") == 1
    assert await planned(house) == 0


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_kill_at_the_commit_of_a_firing(build: Build, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """Killed before it, the row is there; after it, the delivery is ready: it goes out once."""
    house = await build()
    await house.say("!at in 1h hello")
    fired = kill_at(house, monkeypatch, "Timers.let_out", moment)
    await house.clock.advance(HOUR)
    await house.quiet()
    await house.kill()
    assert fired == [moment]
    await house.start()
    await house.pass_time(600)
    assert house.platforms["mastodon"].visible == ["hello"]
    assert house.platforms["mastodon"].count("post") == 1


async def test_under_panic_it_is_ready_and_goes_out_with_the_resume(build: Build) -> None:
    house = await build()
    await house.say("!at in 1h hello")
    await house.say("!panic")
    await house.pass_time(HOUR)
    assert house.heard() == [
        "[1] mastodon on its way",
        "[1] is due and waits: everything outgoing is frozen. An approver's `!resume` continues",
    ]
    assert (house.platforms["mastodon"].visible, await house.states(1)) == ([], ["ready"])
    await house.pass_time(HOUR / 2)
    await house.resume()
    assert house.platforms["mastodon"].visible == ["hello"]


async def test_the_age_of_what_was_planned_counts_from_its_time(build: Build) -> None:
    """Else everything that was said more than an hour ahead would be stale at once."""
    house = await build()
    await house.say("!at in 5h hello")
    house.platforms["mastodon"].always("post", Fate(before=UnavailableError("503")))
    await house.pass_time(5.5 * HOUR)
    house.platforms["mastodon"].always("post")
    await house.pass_time(600)
    assert house.platforms["mastodon"].visible == ["hello"]


async def test_an_account_that_was_disabled_meanwhile_is_said_and_the_others_go_on(build: Build) -> None:
    house = await build("mastodon", "x")
    await house.say("!at in 1h hello")
    await house.stop()
    disabled = {"x": house.settings.accounts["x"].model_copy(update={"enabled": False})}
    accounts = {**house.settings.accounts, **disabled}
    house.settings = house.settings.model_copy(update={"accounts": accounts})
    await house.start()
    await house.pass_time(HOUR)
    assert "[1] is due, but x is disabled: there it waits until that has changed" in house.heard()
    assert [house.platforms[name].visible for name in ("mastodon", "x")] == [["hello"], []]


async def test_what_was_said_while_the_bridge_was_down_counts_before_it_goes_out(build: Build) -> None:
    """The archive is read first: whoever moved it or took it back in time has done so."""
    house = await build()
    for text in ("one", "two", "three"):
        await house.say(f"!at in 30m {text}")
    await house.kill()
    in_time = house.clock.now()
    await house.clock.advance(0.9 * HOUR)
    await house.start(arrive=False)
    await house.say("!undo 1", said_at=in_time)
    await house.say("!move 2 in 2h", said_at=in_time)
    await house.chat.arrive(*house.attending)
    await house.quiet()
    assert house.platforms["mastodon"].visible == ["three"]
    await house.pass_time(2 * HOUR)
    assert house.called("post") == [0.9 * HOUR, 2 * HOUR]


async def test_what_keeps_a_post_back_counts_however_old_it_is(build: Build) -> None:
    """They are still young when they are let out; what was said of them is older than anything else may be."""
    house = await build()
    for text in ("one", "two", "three"):
        await house.say(f"!at in 80m {text}")
    await house.kill()
    in_time = house.clock.now()
    await house.clock.advance(1.5 * HOUR)
    await house.start(arrive=False)
    await house.say("!undo 1", said_at=in_time)
    await house.say("!move 2 in 2h", said_at=in_time)
    lines = await house.say("!post hello", said_at=in_time)
    await house.chat.arrive(*house.attending)
    await house.quiet()
    assert house.platforms["mastodon"].visible == ["three"]
    assert any("Said while I was away, not done" in line for line in lines + house.heard())
    await house.pass_time(HOUR)
    assert house.platforms["mastodon"].visible == ["three", "two"]


async def test_a_stop_before_everything_is_heard_lets_nothing_out(build: Build) -> None:
    house = await build()
    await house.say("!at in 1h hello")
    await house.kill()
    await house.clock.advance(HOUR)
    await house.start(arrive=False)
    await house.stop()
    await house.start(arrive=False)
    assert await house.states(1) == ["held"]
    await house.chat.arrive(*house.attending)
    await house.quiet()
    assert house.platforms["mastodon"].visible == ["hello"]


async def test_moving_taking_back_and_sending_work_until_the_last_second(build: Build) -> None:
    house = await build()
    for text in ("moved", "taken back", "sent", "corrected"):
        await house.say(f"!at in 1h {text}", names=frozenset({text}))
    await house.pass_time(HOUR - 1)
    await house.say("!move 1 in 2s")
    await house.say("", gesture=Gesture(kind=GestureKind.RETRACTION, about="taken back"))
    await house.say("!send 3")
    correction = Gesture(kind=GestureKind.CORRECTION, about="corrected")
    await house.say("!at in 1h correct", gesture=correction)
    await house.pass_time(5)
    assert house.platforms["mastodon"].visible == ["sent", "correct", "moved"]
    assert house.called("post") == [HOUR - 1, HOUR, HOUR + 1]
    assert await planned(house) == 0


async def test_a_message_that_is_handed_in_twice_is_planned_once(build: Build) -> None:
    house = await build()
    incoming = house.incoming("!at in 1h hello")
    await house.chat.desk.handle(incoming)
    await house.restart()
    await house.chat.desk.handle(incoming)
    await house.quiet()
    assert await planned(house) == 1
    await house.pass_time(HOUR)
    assert house.platforms["mastodon"].visible == ["hello"]


async def test_a_wall_clock_that_jumps_back_over_a_firing_does_not_repeat_it(build: Build) -> None:
    house = await build()
    await house.say("!at in 1h hello")
    await house.pass_time(HOUR)
    house.clock.jump(-HOUR)
    await house.restart()
    await house.pass_time(2 * HOUR)
    assert house.platforms["mastodon"].count("post") == 1


async def test_a_firing_that_is_made_again_by_the_writer_is_one(build: Build) -> None:
    """A unit may run twice: its lines and its deed are the same ones."""
    house = await build()
    await house.say("!at in 1h hello")
    fire, runs = later.fire, list[bool]()

    def twice(tx: Tx, entry: EntryId, made: later.Firing) -> bool:
        done = fire(tx, entry, made)
        runs.append(fire(tx, entry, made))
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(later, "fire", twice)
        await house.pass_time(HOUR)
    assert runs == [False]
    assert house.platforms["mastodon"].count("post") == 1
    assert len(house.heard()) == 2


async def test_the_zone_of_the_configuration_is_everybodys(build: Build) -> None:
    def in_berlin(settings: Settings) -> Settings:
        posting = settings.posting.model_copy(update={"zone": "Europe/Berlin"})
        return settings.model_copy(update={"posting": posting})

    house = await build(change=in_berlin)
    (line,) = await house.say("!at 5:00 hello")
    assert "goes out Fri 2026-01-02 05:00 Europe/Berlin (in 55 min 55 s)" in line
    await house.pass_time(HOUR)
    assert house.called("post") == [55 * 60 + 55]
