"""Posts that wait for their time: said, listed, moved, changed, taken back, sent, let out, and left to people."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bridge.commands.incoming import Gesture, GestureKind
from tests.unit.commands.scheduling import LAST, fire, goes_out, held, timer

if TYPE_CHECKING:
    from tests.unit.commands.conftest import Bench


# Saying it


async def test_it_waits_and_its_time_is_echoed_with_the_zone(bench: Bench) -> None:
    assert await bench.room("!at 18:00 We are back") == [goes_out()]
    assert await held(bench) == [("mastodon", "We are back", {"schedule"}), ("x", "We are back", {"schedule"})]
    assert {one.hold_until for one in await bench.deliveries(1)} == {None}
    assert (await bench.audited())[-1][1:] == ("at", 1, None, "We are back")


async def test_what_stands_before_it_counts(bench: Bench) -> None:
    (line,) = await bench.room("!to x cw Outage: visibility unlisted at tomorrow 02:00 Europe/Berlin We are back")
    looks = f'11 characters, unlisted, behind "Outage": {LAST}'
    assert line == goes_out("Sat 2026-01-03 02:00 Europe/Berlin (in 21 h 56 min)", looks=looks)
    (one,) = await bench.deliveries(1)
    assert (one.account, one.warning, str(one.visibility)) == ("x", "Outage", "unlisted")


async def test_it_counts_from_when_it_was_said(bench: Bench) -> None:
    said_at = bench.clock.now() - timedelta(minutes=20)
    await bench.room("!at in 30m We are back", said_at=said_at)
    (line,) = await bench.room("!at in 5m Already over", said_at=said_at)
    found = [await timer(bench, entry) for entry in (1, 2)]
    minutes = [(one.due_at - bench.clock.now()) / timedelta(minutes=1) for one in found if one is not None]
    assert minutes == [10, -15]
    assert "goes out Fri 2026-01-02 02:49:05 UTC (now)" in line
    assert await fire(bench, 2)
    assert await bench.states(2) == {"mastodon": ["ready"], "x": ["ready"]}


async def test_ones_own_zone_counts_everywhere(bench: Bench) -> None:
    (line,) = await bench.direct("set zone asia/tokyo")
    assert (
        line == "From now on the times that you say are in Asia/Tokyo; it is Fri 2026-01-02 12:04:05 Asia/Tokyo there"
    )
    assert "goes out Fri 2026-01-02 18:00 Asia/Tokyo (in 5 h 56 min)" in (await bench.room("!at 18:00 hello"))[0]
    assert "goes out Fri 2026-01-02 18:00 UTC" in (await bench.room("!at 18:00 hello", who="tom"))[0]
    assert (await bench.direct("me"))[0].endswith("Times that you say are in Asia/Tokyo (as you have set it).")
    assert (await bench.audited())[0][1:] == ("set", None, None, "zone Asia/Tokyo")
    bench.desk = bench.new_desk()
    assert "18:00 Asia/Tokyo" in (await bench.direct("at 18:00 hello"))[0]


async def test_setting_one_thing_leaves_the_other(bench: Bench) -> None:
    await bench.direct("set zone Asia/Tokyo")
    await bench.direct("set hold 5s")
    await bench.direct("set zone Asia/Seoul")
    (me,) = await bench.direct("me")
    assert "5 s after you wrote it" in me
    assert "Asia/Seoul (as you have set it)" in me


async def test_the_configuration_has_a_zone_for_everybody_else(bench: Bench) -> None:
    bench.configure(posting=bench.settings.posting.model_copy(update={"zone": "America/New_York"}))
    assert "goes out Fri 2026-01-02 18:00 America/New_York" in (await bench.room("!at 18:00 hello"))[0]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("!at today 02:00 hello", "Fri 2026-01-02 02:00 UTC is past. Nothing was posted."),
        ("!at 2027-02-01 02:00 hello", "That is more than a year ahead. Nothing was posted."),
        (
            "!at 2026-10-25 02:30 Europe/Berlin hello",
            (
                "02:30 on 2026-10-25 comes twice in Europe/Berlin, where the clocks go back. Type "
                "`!at 2026-10-25 02:30+02:00 Europe/Berlin TEXT` or `!at 2026-10-25 02:30+01:00 Europe/Berlin TEXT`. "
                "Nothing was posted."
            ),
        ),
        (
            "!at 2026-03-29 02:30 Europe/Berlin hello",
            (
                "02:30 on 2026-03-29 doesn't exist in Europe/Berlin, where the clocks go forward. Type "
                "`!at 2026-03-29 01:30+01:00 Europe/Berlin TEXT` or `!at 2026-03-29 03:30+02:00 Europe/Berlin TEXT`. "
                "Nothing was posted."
            ),
        ),
        ("!at 18:00 \u2800", "`at` needs a text: type `!at WHEN TEXT`. Nothing was posted."),
        (
            "!preview at 18:00 hello",
            "`at` shows and holds the post anyhow, without `preview`: type `!at WHEN TEXT`. Nothing was posted.",
        ),
    ],
)
async def test_what_cannot_be_meant_schedules_nothing(bench: Bench, text: str, answer: str) -> None:
    assert await bench.room(text) == [answer]
    assert (await bench.count("timer"), await bench.count("delivery")) == (0, 0)


async def test_a_line_that_is_not_complete_is_a_question_and_plans_nothing(bench: Bench) -> None:
    lines = await bench.direct("at dawn we open again")
    assert lines[0].startswith('[1] Post "at dawn we open again" as a status (`send`), or did you mean `at WHEN TEXT`?')
    assert await bench.count("timer") == 0


async def test_panic_does_not_keep_anybody_from_planning(bench: Bench) -> None:
    await bench.room("!panic")
    assert await bench.room("!at 18:00 We are back") == [goes_out()]


async def test_in_a_burst_each_one_is_told_its_time(bench: Bench) -> None:
    lines = [line for number in range(7) for line in await bench.room(f"!at 18:00 number {number}")]
    assert sum("goes out Fri 2026-01-02 18:00 UTC" in line for line in lines) == 7


# Listing and moving


async def test_the_queue_lists_the_first_to_be_due_first_in_the_zone_of_who_asks(bench: Bench) -> None:
    assert await bench.room("!queue") == ["Nothing is scheduled."]
    await bench.room("!to x at 19:00 " + "We are back and all is well, says everybody who is asked today about it")
    await bench.room("!at 18:00 Sooner")
    await bench.direct("at 20:00 Written in private", who="tom")
    await bench.direct("set zone Europe/Berlin", who="ana")
    assert (await bench.room("!queue", who="ana"))[0].splitlines() == [
        "[2] Fri 2026-01-02 19:00 Europe/Berlin, mastodon, x: Sooner",
        "[1] Fri 2026-01-02 20:00 Europe/Berlin, x: We are back and all is well, says everybody who is asked...",
        "[3] Fri 2026-01-02 21:00 Europe/Berlin, mastodon, x: (written elsewhere)",
    ]
    assert (await bench.direct("queue"))[0].splitlines()[2].endswith("20:00 UTC, mastodon, x: Written in private")


async def test_the_queue_fits_one_screen(bench: Bench) -> None:
    for number in range(12):
        await bench.direct(f"at 18:{number:02} number {number}")
    lines = (await bench.direct("queue"))[0].splitlines()
    assert [line[-9:] for line in lines[:-1]] == [f" number {number}" for number in range(10)]
    assert lines[-1] == "... and 2 more"


async def test_moving_echoes_the_new_time(bench: Bench) -> None:
    await bench.room("!at 18:00 We are back")
    lines = await bench.room("!move 1 tomorrow 02:00 Europe/Berlin", who="tom")
    new = "Sat 2026-01-03 02:00 Europe/Berlin (in 21 h 56 min)"
    assert lines == [goes_out(new), f"[1] goes out {new} instead"]
    assert (await bench.audited())[-1] == (
        "tom@example.org",
        "move",
        1,
        None,
        "Sat 2026-01-03 02:00 Europe/Berlin",
    )
    assert not await fire(bench, now=bench.clock.now() + timedelta(hours=15))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("!move 1 today 02:00", "Fri 2026-01-02 02:00 UTC is past. Nothing was changed."),
        (
            "!move 1 2026-10-25 02:30 Europe/Berlin",
            (
                "02:30 on 2026-10-25 comes twice in Europe/Berlin, where the clocks go back. Type "
                "`!move 1 2026-10-25 02:30+02:00 Europe/Berlin` or `!move 1 2026-10-25 02:30+01:00 Europe/Berlin`. "
                "Nothing was changed."
            ),
        ),
        ("!move 2 19:00", "[2] waits for no time: `!queue` lists what does. Nothing was changed."),
        ("!move 3 19:00", "[3] is what somebody said to us. Nothing was changed."),
    ],
)
async def test_what_cannot_be_moved_stays(bench: Bench, text: str, answer: str) -> None:
    await bench.room("!at 18:00 We are back")
    await bench.room("!post hello")
    await bench.hears("any news?")
    before = await timer(bench)
    assert await bench.room(text) == [answer]
    assert await timer(bench) == before


async def test_guests_can_do_none_of_it(bench: Bench) -> None:
    await bench.room("!at 18:00 We are back")
    for text in ("!at 18:00 hello", "!move 1 19:00", "!queue", "!undo 1", "!send 1", "!set zone UTC"):
        (line,) = await bench.room(text, who="eve")
        assert "you have no role here" in line
    assert await bench.states(1) == {"mastodon": ["held"], "x": ["held"]}


# Sending, taking back


async def test_send_posts_it_now_if_it_is_named(bench: Bench) -> None:
    await bench.room("!at 18:00 We are back")
    assert await bench.room("!send") == ["Nothing of yours is held here. Nothing was posted."]
    lines = await bench.room("!send 1", who="tom")
    assert lines == ["[1] mastodon on its way · x on its way", "[1] goes out now"]
    assert await bench.count("timer") == 0
    assert not await fire(bench, now=bench.clock.now() + timedelta(hours=15))
    await bench.room("!post hello")
    await bench.room("!at 19:00 hello")
    assert "[2] goes out now" in await bench.room("!send")


async def test_undo_alone_takes_it_for_ten_minutes(bench: Bench) -> None:
    await bench.room("!at 18:00 We are back")
    await bench.clock.advance(599)
    assert (await bench.room("!undo"))[-1] == "[1] cancelled. Nothing was posted."
    assert await bench.count("timer") == 0
    await bench.room("!at 18:00 We are back")
    await bench.clock.advance(601)
    (line,) = await bench.room("!undo")
    assert line.startswith("You posted nothing here in the last 10 minutes: say which, with `!undo ID`.")
    assert await bench.states(2) == {"mastodon": ["held"], "x": ["held"]}
    await bench.room("!post hello")
    assert (await bench.room("!undo"))[-1] == "[3] cancelled. Nothing was posted."
    assert (await bench.room("!undo 2", who="tom"))[-1] == "[2] cancelled. Nothing was posted."
    assert await bench.count("timer") == 0
    assert await bench.room("!queue") == ["Nothing is scheduled."]


async def test_drop_takes_it_too(bench: Bench) -> None:
    await bench.room("!at 18:00 We are back")
    await bench.room("!drop 1")
    assert (await bench.states(1), await bench.count("timer")) == ({"mastodon": ["cancelled"], "x": ["cancelled"]}, 0)


async def test_retracting_the_line_takes_it_back(bench: Bench) -> None:
    await bench.room("!at 18:00 We are back", names=frozenset({"m1"}))
    await bench.clock.advance(7200)
    gesture = Gesture(kind=GestureKind.RETRACTION, about="m1")
    assert (await bench.room("", gesture=gesture))[-1] == "[1] cancelled. Nothing was posted."
    assert await bench.count("timer") == 0
