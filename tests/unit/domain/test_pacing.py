from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.ids import EntryId
from bridge.domain.pacing import RESERVED, SHOWN, SHOWN_IN_FLOOD, UNSENT, WINDOW, Pace, choose, current, pause

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FLOOD = EntryId(7)
FRESH = Pace(began=NOW)
SECOND = timedelta(seconds=1)


def test_a_conversation_that_heard_nothing_yet_begins_a_window() -> None:
    assert current(None, NOW, told=True) == FRESH


def test_a_window_lasts_a_minute() -> None:
    used = Pace(began=NOW, heard=9, places=1)
    assert current(used, NOW + WINDOW - SECOND, told=True) == used
    assert current(used, NOW + WINDOW, told=True) == Pace(began=NOW + WINDOW)


def test_a_clock_that_jumped_back_stretches_no_window() -> None:
    used = Pace(began=NOW + timedelta(days=1), heard=9, places=1)
    assert current(used, NOW, told=True) == replace(used, began=NOW)


@pytest.mark.parametrize(
    ("heard", "later", "told", "goes_on"),
    [
        (SHOWN + 1, WINDOW, True, True),
        (SHOWN + 1, 2 * WINDOW - SECOND, True, True),
        (SHOWN + 1, 2 * WINDOW, True, False),
        (SHOWN, WINDOW, True, False),
        (SHOWN, WINDOW, False, True),
        (1, 60 * WINDOW, False, True),
    ],
)
def test_a_flood_ends_after_a_calm_window_once_its_count_was_told(
    heard: int, later: timedelta, told: bool, goes_on: bool
) -> None:
    pace = current(Pace(began=NOW, heard=heard, places=0, flood=FLOOD), NOW + later, told=told)
    flooded = Pace(began=NOW + later, places=SHOWN_IN_FLOOD, flood=FLOOD)
    assert pace == (flooded if goes_on else Pace(began=NOW + later))


def test_the_first_of_a_window_are_shown() -> None:
    pace, shown = choose(FRESH, [False] * (SHOWN - 1), 0)
    assert shown == [True] * (SHOWN - 1)
    pace, shown = choose(pace, [False] * 3, 0)
    assert shown == [True, False, False]
    assert pace == Pace(began=NOW, heard=SHOWN + 2, places=0)


def test_what_was_said_to_us_directly_has_further_places() -> None:
    pace, shown = choose(replace(FRESH, places=1), [True, *[False, True] * (RESERVED + 1)], 0)
    assert shown == [True, *[False, True] * RESERVED, False, False]
    assert (pace.places, pace.reserved) == (0, 0)


def test_nothing_is_added_to_what_already_waits_in_great_number() -> None:
    pace, shown = choose(FRESH, [False, True, False], UNSENT - 1)
    assert shown == [True, False, False]
    assert pace == Pace(began=NOW, heard=3, places=SHOWN - 1)


@given(st.lists(st.lists(st.booleans(), max_size=100), max_size=8), st.integers(0, UNSENT))
def test_however_they_are_cut_into_commits_a_window_shows_the_same(commits: list[list[bool]], unsent: int) -> None:
    pace, shown = FRESH, [True][:0]
    for direct in commits:
        pace, more = choose(pace, direct, unsent + sum(shown))
        shown += more
    every = [one for direct in commits for one in direct]
    assert choose(FRESH, every, unsent) == (pace, shown)
    assert sum(shown) <= min(SHOWN + RESERVED, UNSENT - unsent)
    assert pace.heard == len(every)


@pytest.mark.parametrize(("age", "seconds"), [(-5, 5), (0, 5), (25, 5), (100, 20), (599, 60), (90_000, 60)])
def test_the_longer_a_line_lives_the_less_often_it_is_corrected(age: int, seconds: int) -> None:
    assert pause(timedelta(seconds=age)) == timedelta(seconds=seconds)
