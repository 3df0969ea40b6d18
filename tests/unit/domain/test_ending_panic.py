"""What a word to resume comes to: nothing flows that was not shown, and read, not long before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.domain.ids import EntryId
from bridge.domain.panic import LISTED_FOR, READING, Listed, Waiting, Word, judge

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECOND = timedelta(seconds=1)
FOUND = Waiting(posts=1, deliveries=(("x", 1),), stale=0, expired=0, oldest=(EntryId(1),), mark="one")
LISTED = Listed(mark="one", at=NOW - timedelta(minutes=1), sent_at=NOW - timedelta(minutes=1))


def word(listed: Listed | None = LISTED, found: Waiting = FOUND, said_at: datetime = NOW) -> Word:
    return judge(found, listed, said_at=said_at, now=NOW)


def test_where_nothing_waits_one_word_is_enough() -> None:
    assert word(None, replace(FOUND, posts=0)) is Word.FLOW


def test_what_waits_is_shown_first_and_flows_after_a_second_word() -> None:
    assert word(None) is Word.SHOW
    assert word() is Word.FLOW


@pytest.mark.parametrize(
    ("age", "expected"),
    [(LISTED_FOR, Word.FLOW), (LISTED_FOR + SECOND, Word.SHOW), (-SECOND, Word.SHOW)],
)
def test_a_list_counts_for_five_minutes_and_no_clock_set_back_makes_it_younger(age: timedelta, expected: Word) -> None:
    assert word(replace(LISTED, at=NOW - age, sent_at=NOW - timedelta(minutes=9))) is expected


def test_what_has_changed_is_shown_again() -> None:
    assert word(found=replace(FOUND, mark="two")) is Word.CHANGED


@pytest.mark.parametrize(
    ("sent_at", "expected"),
    [(None, Word.UNREAD), (NOW, Word.UNREAD), (NOW - READING + SECOND, Word.UNREAD), (NOW - READING, Word.FLOW)],
)
def test_who_can_not_have_read_the_list_does_not_agree_to_it(sent_at: datetime | None, expected: Word) -> None:
    assert word(replace(LISTED, sent_at=sent_at)) is expected


def test_a_word_said_before_the_list_was_sent_does_not_count_however_late_it_comes_in() -> None:
    assert word(said_at=LISTED.at - SECOND) is Word.UNREAD
