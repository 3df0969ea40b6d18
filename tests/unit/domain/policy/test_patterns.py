from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.policy import SlowError, checked, found_in

NESTED = "has a repetition inside a repetition, as (a+)+ has: that can take for ever"
SLOW = "takes too long on some texts: have fewer repetitions that can match the same"
BACK = "must not refer back to what it has matched, or to itself: that can take for ever"


@pytest.mark.parametrize(
    "pattern",
    [
        r"\bK-\d{6}\b",
        "price|offer",
        r"guarante+d?",
        r"status\.example\.org",
        r"(https?://\S+)",
        r"(foo|bar)+baz",
        r"foo.*bar",
        r"[a+]+x",
        r"[]+]+x",
        r"[[:alpha:]+]+x",
        r"\(+",
        r"\p{L}+-\d{2,}",
        r"(\d{1,3}\.){1,3}\d{1,3}",
    ],
)
def test_a_plain_pattern_is_taken_as_it_is(pattern: str) -> None:
    assert checked(pattern) == pattern


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (" ", "must not be empty"),
        ("x" * 301, "must not be longer than 300 characters"),
        ("(a", "is no pattern: missing )"),
        ("(a+)+b", NESTED),
        (r"(\w+\s?)+$", NESTED),
        (r"((a|b)*c)*d", NESTED),
        (r"(?:a*){1,20}b", NESTED),
        (r"(?:a{2,}){3,}b", NESTED),
        (r"(x(a+)y?)*z", NESTED),
        (r"(a|aa)+$", SLOW),
        (r"([a-z]|\w)+$", SLOW),
        (r"(a)\1", BACK),
        (r"(?P<x>a)(?P=x)", BACK),
        (r"a(?R)?b", BACK),
    ],
)
def test_what_can_run_away_is_refused_at_once(pattern: str, why: str) -> None:
    began = time.perf_counter()
    with pytest.raises(ValueError) as caught:
        checked(pattern)
    assert str(caught.value) == why
    assert time.perf_counter() - began < 5


def test_a_search_has_a_deadline_whatever_the_pattern() -> None:
    began = time.perf_counter()
    with pytest.raises(SlowError):
        found_in(r"(a+)+$", "a" * 5_000 + "!")
    assert time.perf_counter() - began < 2


def test_case_does_not_matter() -> None:
    assert found_in("Price", "the PRICE is")
    assert not found_in("Price", "the prize is")


@given(st.text(alphabet="ab0+*?()[]{}|\\.,-^$1 ", max_size=30))
def test_whatever_one_writes_is_taken_or_refused_with_a_sentence(pattern: str) -> None:
    try:
        taken = checked(pattern)
    except ValueError as error:
        assert str(error).startswith(("must not", "is no pattern: ", "has a rep", "takes too long"))  # noqa: PT017
    else:
        try:
            found_in(taken, "ab0" * 50, deadline=1)
        except SlowError:
            pytest.fail("a pattern that was taken ran away on a short text")
