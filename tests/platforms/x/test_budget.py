"""What may still be spent: which group stops where, until when, and what a month will come to."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.x.budget import GROUPS, SHARES, Budgets, Group, Stop, forecast, in_month, lasting, room, stop
from plugins.x.prices import PRICES, Kind, of_post, price

TODAY = date(2026, 1, 15)
DOLLAR = 1_000_000
DAILY = Budgets(daily=DOLLAR)
MONTHLY = Budgets(monthly=DOLLAR)


def stopped(kind: Kind, spent: int, budgets: Budgets = DAILY) -> Stop | None:
    return stop(kind, 1, {TODAY: spent}, TODAY, budgets)


def test_every_kind_has_a_price_and_a_group() -> None:
    assert set(PRICES) == set(GROUPS) == set(Kind)
    assert set(SHARES) == set(Group)


@pytest.mark.parametrize("budgets", [DAILY, MONTHLY])
@pytest.mark.parametrize(
    ("kind", "last"),
    [
        (Kind.READ_MENTION, 799_999),
        (Kind.READ_USER, 799_999),
        (Kind.POST_WITH_LINK, 800_000),  # with its own price that is the budget
        (Kind.POST, 985_000),
        (Kind.REPLY, 990_000),
        (Kind.DESCRIBE, 995_000),
        (Kind.SEND_MESSAGE, 985_000),
    ],
)
def test_each_group_stops_at_its_share(kind: Kind, last: int, budgets: Budgets) -> None:
    assert stopped(kind, last, budgets) is None
    assert stopped(kind, last + 1, budgets) is not None


def test_a_post_with_a_link_stops_at_its_share_of_a_budget_that_has_room_for_it() -> None:
    budgets = Budgets(monthly=10 * DOLLAR)
    assert stopped(Kind.POST_WITH_LINK, 9 * DOLLAR - 1, budgets) is None
    assert stopped(Kind.POST_WITH_LINK, 9 * DOLLAR, budgets) is not None
    assert stopped(Kind.POST, 9 * DOLLAR, budgets) is None


@pytest.mark.parametrize("kind", [Kind.DELETE, Kind.LOOK, Kind.READ_SELF])
def test_what_keeps_the_account_safe_never_stops(kind: Kind) -> None:
    assert stopped(kind, 100 * DOLLAR, Budgets(daily=0, monthly=0)) is None


def test_a_budget_of_nothing_stops_everything_else_at_once() -> None:
    budgets = Budgets(daily=0)
    assert {kind for kind in Kind if stopped(kind, 0, budgets) is None} == {Kind.DELETE, Kind.LOOK, Kind.READ_SELF}


def test_without_budgets_nothing_stops() -> None:
    assert all(stopped(kind, 10**12, Budgets()) is None for kind in Kind)


def test_several_are_asked_for_together() -> None:
    assert stop(Kind.POST, 2, {TODAY: 970_000}, TODAY, DAILY) is None
    assert stop(Kind.POST, 3, {TODAY: 970_000}, TODAY, DAILY) is not None


@pytest.mark.parametrize(
    ("kind", "spent", "budgets", "why"),
    [
        (
            Kind.READ_MENTION,
            810_000,
            DAILY,
            (
                "Nothing more is read before 2026-01-16 00:00 UTC: 0.81 USD of the daily budget of 1 USD are "
                "spent, and reading stops at 80 %; wait, or raise daily_budget."
            ),
        ),
        (
            Kind.POST_WITH_LINK,
            900_000,
            MONTHLY,
            (
                "No more posts with a link before 2026-02-01 00:00 UTC: 0.9 USD of the monthly budget of 1 USD are "
                "spent, and they stop at 90 %; leave the link out, wait, or raise monthly_budget."
            ),
        ),
        (
            Kind.POST_WITH_LINK,
            850_000,
            DAILY,
            (
                "No more posts with a link before 2026-01-16 00:00 UTC: 0.85 USD of the daily budget of 1 USD are "
                "spent, and this costs 0.2 USD; leave the link out, wait, or raise daily_budget."
            ),
        ),
        (
            Kind.POST,
            1_000_000,
            DAILY,
            (
                "Nothing more is posted before 2026-01-16 00:00 UTC: 1 USD of the daily budget of 1 USD are "
                "spent, and all stops at 100 %; wait, or raise daily_budget."
            ),
        ),
    ],
)
def test_the_sentence_says_until_when_why_and_what_to_do(kind: Kind, spent: int, budgets: Budgets, why: str) -> None:
    found = stopped(kind, spent, budgets)
    assert found is not None
    assert found.why == why


def test_where_both_budgets_stop_it_is_the_month_that_is_told() -> None:
    found = stopped(Kind.POST, DOLLAR, Budgets(daily=DOLLAR, monthly=DOLLAR))
    assert found is not None
    assert (found.budget, found.until) == ("monthly_budget", date(2026, 2, 1))


def test_a_stop_is_told_from_those_of_other_groups_budgets_and_days() -> None:
    tomorrow = TODAY + timedelta(days=1)
    spent = {TODAY: DOLLAR, tomorrow: DOLLAR}
    found = [
        stop(kind, 1, spent, day, budgets)
        for kind in (Kind.READ_MENTION, Kind.POST, Kind.POST_WITH_LINK)
        for day, budgets in ((TODAY, DAILY), (tomorrow, DAILY), (TODAY, MONTHLY))
    ]
    marks = {one.mark for one in found if one is not None}
    assert len(marks) == len(found) == 9
    higher = stopped(Kind.POST, 2 * DOLLAR, Budgets(daily=2 * DOLLAR))
    assert higher is not None
    assert higher.mark not in marks
    assert len(lasting(marks, TODAY)) == 9
    assert len(lasting(marks, tomorrow)) == 6
    assert stopped(Kind.READ_USER, DOLLAR) == stopped(Kind.READ_MENTION, DOLLAR)


def test_the_last_month_of_a_year_ends_with_the_year() -> None:
    found = stop(Kind.POST, 1, {date(2026, 12, 31): DOLLAR}, date(2026, 12, 31), MONTHLY)
    assert found is not None
    assert found.until == date(2027, 1, 1)


def test_a_month_is_the_sum_of_its_days() -> None:
    days = {date(2026, 1, 1): 1, date(2026, 1, 31): 2, date(2025, 1, 3): 4, date(2026, 2, 1): 8}
    assert in_month(days, TODAY) == 3


@given(
    spent=st.integers(0, 2 * DOLLAR),
    budget=st.integers(0, 2 * DOLLAR),
    daily=st.booleans(),
    kind=st.sampled_from(Kind),
    count=st.integers(1, 200),
)
def test_nothing_that_can_be_stopped_goes_beyond_a_budget(
    spent: int, budget: int, daily: bool, kind: Kind, count: int
) -> None:
    budgets = Budgets(daily=budget) if daily else Budgets(monthly=budget)
    if GROUPS[kind] is not None and stop(kind, count, {TODAY: spent}, TODAY, budgets) is None:
        assert spent + price(kind, count) <= budget


@given(spent=st.integers(0, 2 * DOLLAR), budget=st.integers(0, 2 * DOLLAR))
def test_reading_stops_before_links_and_links_before_posting(spent: int, budget: int) -> None:
    shares = [spent * 100 < budget * SHARES[group] for group in (Group.READING, Group.LINKS, Group.POSTING)]
    assert shares == sorted(shares)
    posts = [stopped(kind, spent, Budgets(daily=budget)) is None for kind in (Kind.POST_WITH_LINK, Kind.POST)]
    assert posts == sorted(posts)


@pytest.mark.parametrize(
    ("days", "today", "comes_to"),
    [
        ({}, TODAY, 0),
        ({TODAY: 3}, TODAY, 3 + 3 * 16),  # the first day of all
        ({date(2026, 1, 14): 5}, TODAY, 5 + 5 + 5 * 16),  # today is still to come
        ({date(2026, 1, 14): 5, TODAY: 2}, TODAY, 5 + 5 + 5 * 16),
        ({date(2026, 1, 14): 5, TODAY: 9}, TODAY, 5 + 9 + 5 * 16),
        ({date(2026, 1, 5) + timedelta(days=day): 7 for day in range(10)}, TODAY, 70 + 7 + 7 * 16),
        ({date(2026, 1, 1): 70, date(2026, 1, 14): 7}, TODAY, 70 + 7 + 1 + 1 * 16),  # a mean of seven days, most empty
        ({date(2026, 1, 31): 4, date(2026, 2, 1): 0}, date(2026, 2, 1), 4 * 28),  # by the month before
        ({date(2026, 1, 30): 4}, date(2026, 1, 31), 4 + 4),
    ],
)
def test_the_forecast_goes_on_as_the_last_week_did(days: dict[date, int], today: date, comes_to: int) -> None:
    assert forecast(days, today) == comes_to


@pytest.mark.parametrize(
    ("link", "summoned", "kind"),
    [
        (False, False, Kind.POST),
        (True, False, Kind.POST_WITH_LINK),
        (False, True, Kind.REPLY),
        (True, True, Kind.POST_WITH_LINK),
    ],
)
def test_what_a_post_is_charged_as(link: bool, summoned: bool, kind: Kind) -> None:
    assert of_post(link=link, summoned=summoned) is kind


@pytest.mark.parametrize(
    ("kinds", "spent", "budgets", "many"),
    [
        ([Kind.READ_MENTION], 0, DAILY, 800),
        ([Kind.READ_MENTION], 0, MONTHLY, 800),
        ([Kind.READ_MENTION], 799_500, DAILY, 1),
        ([Kind.READ_MENTION], 800_000, DAILY, 0),
        ([Kind.READ_MENTION, Kind.READ_USER], 0, DAILY, 72),
        ([Kind.READ_MENTION], 0, Budgets(daily=DOLLAR, monthly=DOLLAR // 2), 400),
        ([Kind.POST], 900_000, DAILY, 6),
        ([Kind.POST], 990_000, DAILY, 0),
        ([Kind.READ_MENTION], 10**9, Budgets(), None),
        ([Kind.LOOK], 10**9, DAILY, None),
        ([Kind.UPLOAD], 0, DAILY, None),
    ],
)
def test_how_many_there_is_room_for(kinds: list[Kind], spent: int, budgets: Budgets, many: int | None) -> None:
    assert room(kinds, {TODAY: spent}, TODAY, budgets) == many
