from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bridge.domain.retry import BASE, LONGEST, LONGEST_PROBE, OPENS_AFTER, Breaker, backoff

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("failures", "most"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 80), (6, 160), (7, 300), (8, 300), (10_000, 300)]
)
def test_back_off_doubles_from_5_s_to_5_min_under_full_jitter(failures: int, most: int) -> None:
    assert backoff(failures, 1.0) == timedelta(seconds=most)
    assert backoff(failures, 0.5) == timedelta(seconds=most) / 2
    assert backoff(failures, 0.0) == timedelta(0)
    assert backoff(failures, 1.0) <= BASE * LONGEST
    assert backoff(failures, 1.0, BASE / 10) == timedelta(seconds=most) / 10


def fail(breaker: Breaker, *, unauthorized: bool = False, cause: str | None = "500") -> Breaker:
    return breaker.after(failed=True, unauthorized=unauthorized, now=NOW, cause=cause)


def test_breaker_opens_after_five_failures_in_a_row() -> None:
    breaker = Breaker()
    for count in range(1, OPENS_AFTER):
        breaker = fail(breaker)
        assert breaker == Breaker(failures=count)
    opened = fail(breaker)
    assert opened.open
    assert opened.probe_at == NOW + timedelta(seconds=5)
    assert opened.cause == "500"


def test_breaker_opens_at_once_where_the_login_is_no_good() -> None:
    opened = fail(Breaker(), unauthorized=True, cause="token expired")
    assert (opened.probe_at, opened.cause) == (NOW + timedelta(seconds=5), "token expired")


def test_probes_double_from_5_s_to_60_s() -> None:
    breaker = Breaker()
    pauses: list[float] = []
    for _ in range(OPENS_AFTER + 6):
        breaker = fail(breaker)
        if breaker.probe_at is not None:
            pauses.append((breaker.probe_at - NOW).total_seconds())
    assert pauses == [5, 10, 20, 40, 60, 60, 60]
    assert max(pauses) == (BASE * LONGEST_PROBE).total_seconds()


@pytest.mark.parametrize("start", [Breaker(failures=3), fail(Breaker(), unauthorized=True)])
def test_an_answer_closes_it(start: Breaker) -> None:
    assert start.after(failed=False, unauthorized=False, now=NOW) == Breaker()


def test_a_probe_keeps_the_cause_that_it_is_not_given_anew() -> None:
    opened = fail(Breaker(), unauthorized=True, cause="token expired")
    assert fail(opened, cause=None).cause == "token expired"
