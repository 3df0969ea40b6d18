from __future__ import annotations

import grapheme
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bridge.domain.text import clusters, graphemes

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
PIECES = [
    "\U0001f1e9",
    "\U0001f1ea",
    "a",
    "\u0301",
    "\u200d",
    "\U0001f468",
    "\u1100",
    "\u1161",
    " ",
]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("abc", 3),
        ("a\r\nb", 3),
        ("é\r\n", 2),
        ("e\u0301", 1),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", 1),
        ("\U0001f44d\U0001f3fd", 1),
        ("\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7", 2),
        ("\U0001f1e9\U0001f1ea\U0001f1eb", 2),
        ("日本語", 3),
        ("\u1112\u1161\u11ab", 1),
    ],
)
def test_clusters_are_what_people_count(text: str, count: int) -> None:
    assert graphemes(text) == count
    assert "".join(clusters(text)) == text


@CALM
@given(st.text(st.sampled_from(PIECES), max_size=20))
def test_an_independent_implementation_agrees(text: str) -> None:
    # Without line breaks: after one, the other implementation doesn't pair flags (UAX 29, GB12). Nor with two joiners
    # in a row, of which it takes the second one for an extender (GB11).
    assume("\u200d\u200d" not in text)
    assert list(clusters(text)) == list(grapheme.graphemes(text))


@pytest.mark.timeout(20)
def test_a_long_run_of_flags_is_counted_in_linear_time() -> None:
    assert graphemes("\U0001f1e9" * 100_000) == 50_000
