"""What is over a limit isn't done, is told once, and is never done later without a new word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.domain.rates import parse_rate
from bridge.settings import LimitSettings
from bridge.store import accounts

if TYPE_CHECKING:
    from bridge.testing.clock import FakeClock
    from tests.unit.commands.conftest import Bench

ROOM = "ops@rooms.example.org"
TOLD = (
    "raj: you said more than 3 commands in 1 min; I go on at 03:05:05 UTC, and hear panic and undo at any time. "
    "Nothing was posted."
)


@pytest.fixture
def bench(bench: Bench, clock: FakeClock) -> Bench:
    limits = LimitSettings(person=parse_rate("3/1m"), room=parse_rate("5/1m"), posts=parse_rate("2/10m"))
    bench.configure(limits=limits)
    assert f"{clock.now():%H:%M:%S}" == "03:04:05"
    return bench


async def test_it_is_told_once_and_nothing_of_it_is_done(bench: Bench) -> None:
    for _ in range(3):
        await bench.room("!inbox")
    assert await bench.room("!post four") == [TOLD]
    assert await bench.room("!post five") == []
    assert await bench.count("post") == 0


async def test_who_fills_in_a_form_is_told_each_time(bench: Bench) -> None:
    for _ in range(3):
        await bench.direct("inbox")
    assert await bench.direct("inbox") == [TOLD.removeprefix("raj: ")]
    for _ in range(2):
        answer = await bench.desk.answer(bench.incoming("inbox", chosen=True))
        assert list(answer.lines) == [TOLD.removeprefix("raj: ")]


async def test_when_the_time_is_over_the_person_is_heard_and_what_was_over_stays_undone(
    bench: Bench, clock: FakeClock
) -> None:
    over = [bench.incoming(f"!post {number}", room=ROOM) for number in range(4)]
    for _ in range(3):
        await bench.room("!inbox")
    for one in over:
        await bench.hand_in(one)
    await clock.advance(60)
    assert await bench.count("post") == 0
    # The archive gives them once more, also to a bridge that was started anew and has counted nothing.
    bench.configure()
    for one in over:
        assert await bench.hand_in(one) == []
    assert await bench.count("post") == 0


async def test_a_line_that_was_taken_in_before_does_not_use_up_the_word_of_warning(bench: Bench) -> None:
    over = [bench.incoming(f"!inbox {number}", room=ROOM) for number in range(4)]
    for one in over:
        await bench.hand_in(one)
    bench.configure()
    for one in over:
        await bench.hand_in(one)
    assert await bench.room("!post now") == [TOLD]


async def test_panic_and_undo_are_never_limited(bench: Bench) -> None:
    await bench.room("!post one")
    for _ in range(5):
        await bench.room("!inbox")
    assert (await bench.room("!undo 1"))[-1] == "[1] cancelled. Nothing was posted."
    assert (await bench.room("status: undo"))[0] != ""
    await bench.direct("panic")
    assert await bench.store.read(accounts.panic) is not None


async def test_talk_and_other_people_count_for_nothing(bench: Bench) -> None:
    for _ in range(9):
        await bench.room("is it the cache again?")
    for _ in range(4):
        await bench.room("!inbox")
    assert await bench.room("!inbox", who="ana") == ["0 open, 0 claimed, 0 today"]


async def test_a_room_has_a_limit_of_its_own(bench: Bench) -> None:
    told: list[str] = []
    for who in ("raj", "raj", "ana", "ana", "tom", "tom"):
        told = await bench.room("!inbox", who=who)
    rest = "I go on at 03:05:05 UTC, and hear panic and undo at any time. Nothing was posted."
    assert told == [f"tom: more than 5 commands were said here in 1 min; {rest}"]
    assert await bench.direct("inbox", who="tom") == ["0 open, 0 claimed, 0 today"]


async def test_posts_are_limited_by_themselves(bench: Bench, clock: FakeClock) -> None:
    await bench.room("!post one")
    await bench.direct("two")
    told = await bench.direct("three")
    rest = "I go on at 03:14:05 UTC, and hear panic and undo at any time. Nothing was posted."
    assert told == [f"you wrote more than 2 posts in 10 min; {rest}"]
    await clock.advance(61)
    assert await bench.direct("inbox") == ["0 open, 0 claimed, 0 today"]
    assert await bench.direct("three") == []
    assert await bench.count("post") == 2


async def test_a_stranger_who_floods_is_answered_no_more_than_before(bench: Bench) -> None:
    told = [line for _ in range(9) for line in await bench.direct("hello", who="eve")]
    assert told[0].startswith("I work for a team that you aren't in")
    assert len(told) == 2


async def test_the_same_line_handed_in_twice_counts_once(bench: Bench) -> None:
    line = bench.incoming("!inbox", room=ROOM)
    for _ in range(5):
        await bench.hand_in(line)
    assert await bench.room("!inbox") == ["0 open, 0 claimed, 0 today"]
