from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql, sqlite

from bridge.store.types import Reasons, SafeText, Utc, fixed, storable

LITE, POSTGRES = sqlite.dialect(), postgresql.dialect()

aware = st.datetimes(
    min_value=datetime(1, 1, 3),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(9999, 12, 29),  # noqa: DTZ001 - as above
    timezones=st.just(timezone(timedelta(hours=5))),
)


@given(aware, aware)
def test_times_on_sqlite_sort_as_text_and_come_back(first: datetime, second: datetime) -> None:
    texts = [Utc().process_bind_param(value, LITE) for value in (first, second)]
    assert [len(text) for text in texts] == [27, 27]
    assert (texts[0] < texts[1]) == (first < second)
    back = Utc().process_result_value(texts[0], LITE)
    assert back == first
    assert back is not None
    assert back.tzinfo is UTC


def test_a_time_is_written_in_utc() -> None:
    assert fixed(datetime(2030, 1, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=2)))) == "2030-01-02T01:04:05.000006Z"


def test_postgresql_gets_an_aware_time_in_utc() -> None:
    east = datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))
    written = Utc().process_bind_param(east, POSTGRES)
    assert (written, written.tzinfo) == (east, UTC)
    read = Utc().process_result_value(east, POSTGRES)
    assert read is not None
    assert (read, read.tzinfo) == (east, UTC)


@pytest.mark.parametrize("dialect", [LITE, POSTGRES])
def test_a_naive_time_is_refused(dialect: object) -> None:
    with pytest.raises(ValueError, match="a time without a zone can't be stored"):
        Utc().process_bind_param(datetime(2030, 1, 2), dialect)  # noqa: DTZ001  # pyright: ignore[reportArgumentType]


def test_nothing_stays_nothing() -> None:
    for kind in (Utc(), Reasons(), SafeText()):
        assert kind.process_bind_param(None, LITE) is None
        assert kind.process_result_value(None, LITE) is None


@given(st.frozensets(st.text(st.characters(exclude_characters=","), min_size=1)))
def test_reasons_come_back(words: frozenset[str]) -> None:
    assert Reasons().process_result_value(Reasons().process_bind_param(words, LITE), LITE) == words


def test_reasons_are_sorted_text() -> None:
    assert Reasons().process_bind_param(frozenset({"undo", "approval"}), LITE) == "approval,undo"


@pytest.mark.parametrize("word", ["", "a,b"])
def test_a_reason_that_would_not_come_back_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="not a word for a set of reasons"):
        Reasons().process_bind_param(frozenset({word}), LITE)


@given(st.text(st.characters(exclude_categories=[])))
def test_storable_text_is_utf8_without_nul_and_as_long(value: str) -> None:
    stored = storable(value)
    assert len(stored) == len(value)
    assert "\x00" not in stored.encode().decode()
    assert storable(stored) == stored


def test_text_that_needs_nothing_is_left_alone() -> None:
    assert storable("Käse \U0001f9c0 ok\n") == "Käse \U0001f9c0 ok\n"
    assert storable("a\x00b\ud800c") == "a\ufffdb\ufffdc"
