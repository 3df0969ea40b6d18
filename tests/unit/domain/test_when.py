"""Times as people write them: what they mean, what is asked about, and that no text keeps the reader busy."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bridge.domain import zones
from bridge.domain.when import LONGEST, Moment, NoWhenError, WhenError, find, read
from bridge.domain.zones import ZERO, Zone, absolute, find_zone, typed

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

FRIDAY = datetime(2026, 10, 23, 17, 4, 5, tzinfo=UTC)
"""In Berlin it is 19:04:05, two days before the clocks go back."""


def berlin() -> Zone:
    zone = find_zone("Europe/Berlin")
    assert zone is not None
    return zone


def moment(text: str, *, said_at: datetime = FRIDAY) -> Moment:
    words = text.split()
    when, many = read(words)
    assert many == len(words), words[many:]
    return find(when, said_at=said_at, zone=berlin())


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("20:00", "Fri 2026-10-23 20:00 Europe/Berlin"),
        ("18:00", "Sat 2026-10-24 18:00 Europe/Berlin"),
        ("18:00:30", "Sat 2026-10-24 18:00:30 Europe/Berlin"),
        ("8:00pm", "Fri 2026-10-23 20:00 Europe/Berlin"),
        ("6pm", "Sat 2026-10-24 18:00 Europe/Berlin"),
        ("6 PM", "Sat 2026-10-24 18:00 Europe/Berlin"),
        ("12am", "Sat 2026-10-24 00:00 Europe/Berlin"),
        ("12pm", "Sat 2026-10-24 12:00 Europe/Berlin"),
        ("18:00 UTC", "Fri 2026-10-23 18:00 UTC"),
        ("18:00 utc:", "Fri 2026-10-23 18:00 UTC"),
        ("18:00 Z", "Fri 2026-10-23 18:00 UTC"),
        ("18:00Z", "Fri 2026-10-23 20:00 Europe/Berlin"),
        ("18:00+00:00", "Fri 2026-10-23 20:00 Europe/Berlin"),
        ("18:00 +00:00", "Fri 2026-10-23 20:00 Europe/Berlin"),
        ("18:00-0200", "Fri 2026-10-23 22:00 Europe/Berlin"),
        ("1:00-05", "Sat 2026-10-24 08:00 Europe/Berlin"),
        ("23:00 america/new_york", "Fri 2026-10-23 23:00 America/New_York"),
        ("7:00 America/Argentina/Buenos_Aires", "Sat 2026-10-24 07:00 America/Argentina/Buenos_Aires"),
        ("today 20:00", "Fri 2026-10-23 20:00 Europe/Berlin"),
        ("today at 20:00", "Fri 2026-10-23 20:00 Europe/Berlin"),
        ("tomorrow 02:00 Europe/Berlin", "Sat 2026-10-24 02:00 Europe/Berlin"),
        ("Tomorrow, 2am", "Sat 2026-10-24 02:00 Europe/Berlin"),
        ("tomorrow 02:00 Asia/Tokyo", "Sun 2026-10-25 02:00 Asia/Tokyo"),
        ("mon 9:00", "Mon 2026-10-26 09:00 Europe/Berlin"),
        ("Monday 9:00", "Mon 2026-10-26 09:00 Europe/Berlin"),
        ("fri 20:00", "Fri 2026-10-23 20:00 Europe/Berlin"),
        ("friday 9:00", "Fri 2026-10-30 09:00 Europe/Berlin"),
        ("2026-12-01T09:00", "Tue 2026-12-01 09:00 Europe/Berlin"),
        ("2026-12-01 09:00", "Tue 2026-12-01 09:00 Europe/Berlin"),
        ("2026-12-01t09:00:07z", "Tue 2026-12-01 10:00:07 Europe/Berlin"),
        ("2026-12-01T09:00-05:00", "Tue 2026-12-01 15:00 Europe/Berlin"),
        ("2026-12-01 09:00 UTC", "Tue 2026-12-01 09:00 UTC"),
        ("2027-10-23 09:00", "Sat 2027-10-23 09:00 Europe/Berlin"),
        ("in 2h", "Fri 2026-10-23 21:04:05 Europe/Berlin"),
        ("in 2h 30m", "Fri 2026-10-23 21:34:05 Europe/Berlin"),
        ("in 2 hours 30 min", "Fri 2026-10-23 21:34:05 Europe/Berlin"),
        ("in an hour", "Fri 2026-10-23 20:04:05 Europe/Berlin"),
        ("in 1.5h", "Fri 2026-10-23 20:34:05 Europe/Berlin"),
        ("in 2 weeks", "Fri 2026-11-06 18:04:05 Europe/Berlin"),
        ("30m", "Fri 2026-10-23 19:34:05 Europe/Berlin"),
        ("+30m", "Fri 2026-10-23 19:34:05 Europe/Berlin"),
        ("1h30m", "Fri 2026-10-23 20:34:05 Europe/Berlin"),
        ("3s", "Fri 2026-10-23 19:04:08 Europe/Berlin"),
    ],
)
def test_a_time_is_the_next_moment_at_which_the_clocks_show_it(text: str, meant: str) -> None:
    assert str(moment(text)) == meant


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        ("18:00 We are back", "We are back"),
        ("18:00: Europe/Berlin is back", "Europe/Berlin is back"),
        ("18:00 +10 points", "+10 points"),
        ("18:00 cet is a zone", "cet is a zone"),
        ("18:00 and/or later", "and/or later"),
        ("18:00 30m of downtime", "30m of downtime"),
        ("18:00 UTC Europe/Berlin is back", "Europe/Berlin is back"),
        ("today 18:00 tomorrow is another day", "tomorrow is another day"),
        ("today 6 amazing things", None),
        ("6 pm is late", "is late"),
        ("6pm pm is late", "pm is late"),
        ("in 2h 5 people come", "5 people come"),
        ("in 30m 2h of downtime begin", "2h of downtime begin"),
        ("in 2 hours: 30 min of downtime", "30 min of downtime"),
        ("2h 30m of downtime", "of downtime"),
        ("mon 9:00 mon is the day", "mon is the day"),
    ],
)
def test_a_time_ends_where_the_text_begins(line: str, rest: str | None) -> None:
    words = line.split()
    if rest is None:
        with pytest.raises(WhenError):
            read(words)
        return
    _, many = read(words)
    assert " ".join(words[many:]) == rest


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("today 18:00", "Fri 2026-10-23 18:00 Europe/Berlin is past"),
        ("2026-10-23 19:04:05", "Fri 2026-10-23 19:04:05 Europe/Berlin is past"),
        ("2026-03-29 02:30", "Sun 2026-03-29 01:30 Europe/Berlin is past"),
        ("2020-01-01T00:00Z", "2020-01-01 is past"),
        ("0001-01-01 00:00", "0001-01-01 is past"),
        ("2027-10-25 09:00", "That is more than a year ahead"),
        ("9999-12-31 23:59", "That is more than a year ahead"),
        ("in 9999 weeks", "That is more than a year ahead"),
        ("in 99999w", "That is more than a year ahead"),
        ("in 0s", "That is now, not later"),
        ("tomorrow", "After `tomorrow` comes a time of day, as in `tomorrow 9:00`"),
        ("mon We begin", "After `mon` comes a time of day, as in `mon 9:00`"),
        ("25:00", "There is no time of day `25:00`"),
        ("18:60", "There is no time of day `18:60`"),
        ("24:00", "There is no time of day `24:00`"),
        ("13pm", "There is no time of day `13pm`"),
        ("18:00+15:00", "There is no time of day `18:00+15:00`"),
        ("2026-02-30 9:00", "There is no day `2026-02-30`"),
        ("18:00 Europe/Berln", "There is no zone called `Europe/Berln`; zones are written as in `Europe/Berlin`"),
        (
            "18:00 Europe/../../etc/passwd",
            "There is no zone called `Europe/../../etc/passwd`; zones are written as in `Europe/Berlin`",
        ),
        ("18:00 CET", "`CET` names no zone for certain; say it as in `18:00 Europe/Berlin` or `18:00+02:00`"),
        ("18:00 UTC+2", "`UTC+2` names no zone for certain; say it as in `18:00 Europe/Berlin` or `18:00+02:00`"),
        (
            "18:00 tomorrow",
            "`18:00 tomorrow` can be read in two ways; the day stands before the time, as in `tomorrow 18:00`",
        ),
    ],
)
def test_what_cannot_be_planned_for_is_refused(text: str, why: str) -> None:
    with pytest.raises(WhenError) as caught:
        moment(text)
    assert (str(caught.value), caught.value.choices) == (why, ())


@pytest.mark.parametrize(
    "text",
    ["dawn", "in", "in a while", "18", "2026-12-01T", "2026-12-01Tx", "9:0", "", "30", "\u0661\u0668:\u0660\u0660"],
)
def test_what_is_no_time_at_all_is_told_apart(text: str) -> None:
    with pytest.raises(NoWhenError):
        read(text.split())


@pytest.mark.parametrize(
    ("text", "why", "choices"),
    [
        (
            "2026-10-25 02:30",
            "02:30 on 2026-10-25 comes twice in Europe/Berlin, where the clocks go back",
            ("2026-10-25 02:30+02:00 Europe/Berlin", "2026-10-25 02:30+01:00 Europe/Berlin"),
        ),
        (
            "sun 2:30am",
            "02:30 on 2026-10-25 comes twice in Europe/Berlin, where the clocks go back",
            ("2026-10-25 02:30+02:00 Europe/Berlin", "2026-10-25 02:30+01:00 Europe/Berlin"),
        ),
        (
            "2026-11-01 01:30:15 America/New_York",
            "01:30:15 on 2026-11-01 comes twice in America/New_York, where the clocks go back",
            ("2026-11-01 01:30:15-04:00 America/New_York", "2026-11-01 01:30:15-05:00 America/New_York"),
        ),
        (
            "2027-03-28 02:30",
            "02:30 on 2027-03-28 doesn't exist in Europe/Berlin, where the clocks go forward",
            ("2027-03-28 01:30+01:00 Europe/Berlin", "2027-03-28 03:30+02:00 Europe/Berlin"),
        ),
        (
            "2027-04-04 02:15 Australia/Lord_Howe",
            None,
            None,
        ),
    ],
)
def test_a_change_of_the_clocks_is_asked_about_and_each_answer_can_be_typed(
    text: str, why: str | None, choices: tuple[str, ...] | None
) -> None:
    if choices is None:  # there the clocks go back at 2 by half an hour, so that 2:15 is no double one
        assert str(moment(text)) == "Sun 2027-04-04 02:15 Australia/Lord_Howe"
        return
    with pytest.raises(WhenError) as caught:
        moment(text)
    assert (str(caught.value), caught.value.choices) == (why, choices)
    meant = [moment(choice) for choice in choices]
    assert [typed(one.at, one.zone) for one in meant] == list(choices)
    assert meant[1].at - meant[0].at == timedelta(hours=1)


def test_of_a_double_time_whose_first_is_past_the_second_is_meant() -> None:
    between = datetime(2026, 10, 25, 0, 45, tzinfo=UTC)
    assert str(moment("2:30", said_at=between)) == "Sun 2026-10-25 02:30+01:00 Europe/Berlin"


def test_a_time_that_was_skipped_today_is_that_of_tomorrow() -> None:
    after = datetime(2027, 3, 28, 10, 0, tzinfo=UTC)
    assert str(moment("2:30", said_at=after)) == "Mon 2027-03-29 02:30 Europe/Berlin"


# Zones


@pytest.mark.parametrize(
    ("name", "found"),
    [("utc", "UTC"), ("EUROPE/berlin", "Europe/Berlin"), (" Asia/Kolkata ", "Asia/Kolkata"), ("japan", "Japan")],
)
def test_zones_are_found_in_any_case(name: str, found: str) -> None:
    zone = find_zone(name)
    assert zone is not None
    assert zone.name == found


@pytest.mark.parametrize(
    "name",
    [
        "",
        "localtime",
        "Factory",
        "../etc/passwd",
        "/etc/passwd",
        "Europe/",
        "Europe",
        "x" * 100_000,
        "a\0b",
        "tzdata.zi",
    ],
)
def test_what_is_no_zone_is_no_path_either(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find_zone("Europe/Berlin")
    monkeypatch.setattr(zones, "ZoneInfo", None)  # it isn't even asked
    assert find_zone(name) is None


def test_a_zone_that_cannot_be_read_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> Any:
        raise OSError(name)

    monkeypatch.setattr(zones, "ZoneInfo", broken)
    assert find_zone("Europe/Berlin") is None
    assert find_zone("UTC") == ZERO


# Any text


def counted(work: Any) -> int:
    """Return how many calls of functions some work takes."""
    calls = 0

    def count(_frame: object, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


WORDS = st.one_of(
    st.sampled_from(["in", "at", "2h", "30", "min", "a", "today", "mon", "9:00", "6", "pm", "18:00+02:00", "+02:00"]),
    st.sampled_from(["UTC", "Europe/Berlin", "CET", "2026-12-01", "2026-10-25", "2:30", "2026-12-01T09:00Z", "1w1d1h"]),
    st.text(max_size=20),
    st.text("0123456789:+-apmz", max_size=12),
    st.builds(
        lambda part, many: part * many, st.sampled_from(["1h", "9", ":", "Europe/", "a", "+"]), st.integers(1, 9_999)
    ),
)
TEXTS = st.lists(WORDS, max_size=30).map(" ".join)


@CALM
@given(TEXTS, st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), st.sampled_from(["UTC", "Europe/Berlin"]))  # noqa: DTZ001
@example("in " + "1w1d1h1m1s " * 20, datetime(2026, 1, 1), "UTC")  # noqa: DTZ001
@example("18:00 Europe/" + "../" * 10_000, datetime(2026, 1, 1), "UTC")  # noqa: DTZ001
def test_every_text_is_read_with_little_work_into_a_moment_of_the_year_to_come(
    text: str, said: datetime, name: str
) -> None:
    zone, said_at, words = find_zone(name), said.replace(tzinfo=UTC), text.split()
    found, refused = list[Moment](), list[str]()
    assert zone is not None

    def work() -> None:
        try:
            when, many = read(words)
            assert 0 < many <= len(words)
            found.append(find(when, said_at=said_at, zone=zone))
        except WhenError as error:
            refused.append(str(error))

    assert counted(work) < 2_000
    assert len(found) + len(refused) == 1
    assert all("\n" not in why and len(why) < 300 for why in refused)
    for one in found:
        assert timedelta(0) < one.at - said_at <= LONGEST
        again, _ = read(typed(one.at, one.zone).split())
        assert find(again, said_at=said_at, zone=zone).at == one.at.replace(microsecond=0) or one.at.microsecond
        assert absolute(one.at, one.zone) == str(one)


@pytest.fixture(autouse=True)
def _known_zones() -> None:  # pyright: ignore[reportUnusedFunction]
    """The list of zones is read once, and not by the work that is counted."""
    find_zone("Europe/Berlin")
