"""Posts whose time comes: changed before, let out then, and left to people where that is too late."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bridge.commands.incoming import Content
from bridge.domain.deliveries import State
from bridge.store import accounts
from tests.unit.commands.scheduling import LAST, corrected, fire, goes_out, held, timer

if TYPE_CHECKING:
    from tests.unit.commands.conftest import Bench


# Changing the text


async def test_another_text_keeps_the_time(bench: Bench) -> None:
    await bench.room("!to x at 18:00 We are bcak")
    await bench.room("!move 1 20:00")
    before = await timer(bench)
    (line,) = await bench.room("!edit 1 We are back", who="tom")
    assert line == goes_out("Fri 2026-01-02 20:00 UTC (in 16 h 56 min)", looks=f"11 characters: {LAST}")
    assert await held(bench) == [("x", "We are back", {"schedule"})]
    assert await timer(bench) == before


async def test_correcting_the_line_keeps_the_time_to_which_it_was_moved(bench: Bench) -> None:
    await bench.room("!to x at 18:00 We are bcak", names=frozenset({"m1"}))
    await bench.room("!move 1 20:00")
    (line,) = await bench.room("!to x at 18:00 We are back", **corrected("m1"))
    assert line == goes_out("Fri 2026-01-02 20:00 UTC (in 16 h 56 min)", looks=f"11 characters: {LAST}")


async def test_correcting_the_time_of_the_line_moves_it(bench: Bench) -> None:
    await bench.room("!at 18:00 We are back", names=frozenset({"m1"}))
    (line,) = await bench.room("!at 19:00 We are back", **corrected("m1", names=frozenset({"m2"})))
    assert line == goes_out("Fri 2026-01-02 19:00 UTC (in 15 h 56 min)")
    (line,) = await bench.room("!at today 02:00 We are back", **corrected("m1"))
    assert line == "Fri 2026-01-02 02:00 UTC is past. Nothing was posted."
    assert [one[1] for one in await bench.audited()] == ["at", "edit", "move"]


async def test_in_a_direct_chat_bare_words_correct_the_text_alone(bench: Bench) -> None:
    await bench.direct("at 18:00 We are bcak", names=frozenset({"m1"}))
    (line,) = await bench.direct("We are back", **corrected("m1"))
    assert '[1] "We are back" goes out Fri 2026-01-02 18:00 UTC' in line


@pytest.mark.parametrize("text", ["post We are back", "at 18:0 We are back", "queue", "send"])
async def test_no_correction_makes_it_go_out_before_its_time(bench: Bench, text: str) -> None:
    await bench.direct("at 18:00 We are bcak", names=frozenset({"m1"}))
    assert await bench.direct(text, **corrected("m1")) == [
        (
            "[1] stays as it is and waits for its time: correct it to `at WHEN TEXT`; `send 1` posts it now, "
            "`undo 1` takes it back. Nothing was changed."
        )
    ]
    assert await held(bench) == [("mastodon", "We are bcak", {"schedule"}), ("x", "We are bcak", {"schedule"})]


async def test_a_held_line_that_is_corrected_to_a_later_time_waits_for_that(bench: Bench) -> None:
    await bench.room("!post We are bcak", names=frozenset({"m1"}))
    assert await bench.room("!at 18:00 We are back", **corrected("m1")) == [goes_out()]
    assert await held(bench) == [("mastodon", "We are back", {"schedule"}), ("x", "We are back", {"schedule"})]
    assert {one.hold_until for one in await bench.deliveries(1)} == {None}
    assert await bench.count("timer") == 1


async def test_once_it_is_out_a_correction_edits_it(bench: Bench) -> None:
    await bench.room("!at in 1h We are bcak", names=frozenset({"m1"}))
    await bench.clock.advance(3600)
    assert await fire(bench)
    await bench.become(1, State.SENT)
    lines = await bench.room("!at in 1h We are back", **corrected("m1"))
    assert "mastodon: correcting" in lines[-1]
    assert (await bench.states(1))["mastodon"] == ["sent", "edit ready"]
    assert await bench.count("timer") == 0


async def test_a_correction_that_is_overtaken_by_the_time_changes_nothing(bench: Bench) -> None:
    await bench.room("!at in 1h We are bcak", names=frozenset({"m1"}))
    await bench.clock.advance(3600)
    read = bench.store.read

    async def overtaken(query: Any) -> Any:
        found = await read(query)
        if "edit" in query.__qualname__:
            await fire(bench)
        return found

    bench.store.read = overtaken  # type: ignore[method-assign]
    lines = await bench.room("!edit 1 We are back")
    assert lines[-1] == "[1] has just gone out: correct it again. Nothing was changed."
    assert [one.text for one in await bench.deliveries(1)] == ["We are bcak"] * 2


# Pictures


async def test_a_picture_goes_with_it(bench: Bench) -> None:
    (line,) = await bench.room("!at 18:00 Look", files=("https://up.example.org/a.png",), content=Content.FILE)
    assert line == (
        "[1] waits for its picture, which I am fetching, then goes to mastodon, x Fri 2026-01-02 18:00 UTC: "
        "`!undo 1` stops it"
    )
    assert await held(bench) == [("mastodon", "Look", {"picture", "schedule"}), ("x", "Look", {"picture", "schedule"})]
    assert await fire(bench, now=bench.clock.now() + timedelta(hours=15))
    assert await held(bench) == [("mastodon", "Look", {"picture"}), ("x", "Look", {"picture"})]


# Its time


async def test_its_time_lets_it_out_once(bench: Bench) -> None:
    await bench.room("!at 18:00 We are back")
    due = bench.clock.now() + timedelta(hours=15)
    assert not await fire(bench)
    assert await bench.states(1) == {"mastodon": ["held"], "x": ["held"]}
    assert await fire(bench, now=due)
    assert not await fire(bench, now=due)
    assert await bench.states(1) == {"mastodon": ["ready"], "x": ["ready"]}
    assert {one.fresh_since for one in await bench.deliveries(1)} == {due}
    assert (await bench.audited())[-1] == ("timer", "due", 1, None, "Fri 2026-01-02 18:00 UTC")
    assert [one.body for one in await bench.told()] == ["[1] mastodon on its way · x on its way"]


async def test_under_panic_it_is_ready_and_that_is_said(bench: Bench) -> None:
    await bench.room("!at in 1h We are back")
    await bench.store.write(lambda tx: accounts.set_panic(tx, actor="tom@example.org", at=bench.clock.now()))
    await bench.clock.advance(3600)
    assert await fire(bench)
    assert await bench.states(1) == {"mastodon": ["ready"], "x": ["ready"]}
    assert [one.body for one in await bench.told()][-1] == (
        "[1] is due and waits: everything outgoing is frozen. An approver's `!resume` continues"
    )


async def test_an_account_that_is_disabled_meanwhile_is_said(bench: Bench) -> None:
    await bench.room("!at in 1h We are back")
    await bench.clock.advance(3600)
    assert await fire(bench, unusable=lambda name: "is disabled" if name == "x" else None)
    assert [one.body for one in await bench.told()][-1] == (
        "[1] is due, but x is disabled: there it waits until that has changed"
    )


async def test_what_is_late_goes_out_while_it_is_young_and_is_asked_about_once_after_that(bench: Bench) -> None:
    await bench.room("!at in 1h young")
    await bench.room("!at in 59m old")
    now = bench.clock.now() + timedelta(hours=2)
    assert [await fire(bench, entry, now=now) for entry in (1, 2)] == [True, True]
    assert not await fire(bench, 2, now=now)
    assert [(await bench.states(entry))["x"] for entry in (1, 2)] == [["ready"], ["held"]]
    lines = [one.body for one in await bench.told()]
    assert lines[-1] == (
        '[2] "old" was due Fri 2026-01-02 04:03:05 UTC, 1 h 1 min ago, and was not sent: `!send 2` posts it now, '
        "`!move 2 WHEN` another time, `!undo 2` takes it back"
    )
    assert (await bench.audited())[-1] == ("timer", "overdue", 2, None, "Fri 2026-01-02 04:03:05 UTC")
    assert (await bench.room("!queue")) == ["[2] was due Fri 2026-01-02 04:03:05 UTC, mastodon, x: old"]
    assert await bench.receipt(2) == (
        '[2] "old" was due Fri 2026-01-02 04:03:05 UTC: `!send 2`, `!move 2 WHEN`, or `!undo 2`'
    )


@pytest.mark.parametrize(
    ("answer", "states", "left"),
    [
        ("send 1", ["ready"], 0),
        ("undo 1", ["cancelled"], 0),
        ("move 1 in 9h", ["held"], 1),
        ("edit 1 new", ["held"], 1),
    ],
)
async def test_what_was_asked_about_is_up_to_people(bench: Bench, answer: str, states: list[str], left: int) -> None:
    await bench.direct("at in 1h old")
    await bench.clock.advance(9000)
    await fire(bench)
    await bench.direct(answer)
    assert (await bench.states(1))["x"] == states
    assert await bench.count("timer") == left
    found = await timer(bench)
    assert found is None or found.asked == answer.startswith("edit")


async def test_nothing_is_left_of_a_post_that_is_gone_from_the_outbox(bench: Bench) -> None:
    await bench.room("!at in 1h We are back")
    await bench.become(1, State.CANCELLED)
    await bench.told()
    assert await fire(bench, now=bench.clock.now() + timedelta(hours=1))
    assert (await bench.told(), await bench.count("timer")) == ([], 0)
    assert await bench.states(1) == {"mastodon": ["cancelled"], "x": ["cancelled"]}
