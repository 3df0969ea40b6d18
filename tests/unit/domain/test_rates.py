"""Who says too much: counted by when it was said, alike however often it is handed in, and bounded in memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bridge.domain.rates import Meter, Over, Rate, parse_rate

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def meter() -> Meter:
    made = Meter(Rate(3, MINUTE))
    for number in range(3):
        assert made.take("raj", f"k{number}", at(number)) is None
    return made


def test_rates_are_read_as_they_are_written() -> None:
    assert parse_rate(" 20 / 1m ") == Rate(20, MINUTE)
    assert str(Rate(20, MINUTE)) == "20/1m"
    assert parse_rate("none") is None


@pytest.mark.parametrize("value", ["20", "x/1m", "20/", "0/1m", "10001/1m", "1/2d", "1/0s", 7, "-1/1m"])
def test_what_is_no_rate_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="must be"):
        parse_rate(value)


def test_who_says_too_much_is_told_once_until_when_they_are_not_heard(meter: Meter) -> None:
    assert meter.take("raj", "k3", at(10)) == Over(at(60), tell=True)
    assert meter.take("raj", "k4", at(20)) == Over(at(60), tell=False)
    assert meter.take("raj", "k5", at(60)) is None
    assert meter.take("raj", "k6", at(60.5)) == Over(at(61), tell=True)


def test_the_same_message_is_judged_alike_however_often_it_is_handed_in(meter: Meter) -> None:
    over = meter.take("raj", "k3", at(10))
    assert meter.take("raj", "k4", at(10)) == Over(at(60), tell=False)
    assert meter.take("raj", "k3", at(10)) == over
    assert meter.take("raj", "k1", at(1)) is None
    assert meter.take("raj", "k5", at(60)) is None


def test_nobody_else_is_slowed(meter: Meter) -> None:
    assert meter.is_over("raj", at(10))
    assert not meter.is_over("ana", at(10))
    assert meter.take("ana", "k9", at(10)) is None


def test_what_was_said_over_an_hour_is_no_flood_when_it_is_read_at_once() -> None:
    meter = Meter(Rate(1, MINUTE))
    assert [meter.take("raj", f"k{number}", at(61 * number)) for number in range(60)] == [None] * 60


def test_a_clock_set_back_silences_nobody_for_longer_than_the_time_of_the_limit(meter: Meter) -> None:
    assert meter.take("raj", "k3", at(-86_400)) is None


def test_without_a_limit_nothing_is_counted() -> None:
    meter = Meter(None)
    assert [meter.take("raj", "k", at(0)) for _ in range(9)] == [None] * 9
    assert not meter.is_over("raj", at(0))


def test_memory_is_bounded_by_people_and_by_lines(meter: Meter) -> None:
    small = Meter(Rate(3, MINUTE), known=2)
    for number in range(100):
        small.take(f"who{number}", "k", at(number))
        small.take("raj", f"k{number}", at(0))
    assert list(small._said) == ["who99", "raj"]
    assert len(small._said["raj"].at) == 3


def test_another_limit_counts_at_once_and_for_what_was_said_before(meter: Meter) -> None:
    meter.limit(Rate(2, MINUTE))
    assert meter.take("raj", "k3", at(10)) == Over(at(61), tell=True)
    meter.limit(Rate(4, MINUTE))
    assert meter.take("raj", "k4", at(10)) is None
    meter.limit(None)
    assert [meter.take("raj", f"n{number}", at(10)) for number in range(9)] == [None] * 9
