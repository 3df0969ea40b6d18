from __future__ import annotations

import pytest

from bridge.domain.standing import Standing


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (Standing(up=3, paused=("x",)), "3 accounts up, x paused"),
        (Standing(up=1), "1 account up"),
        (Standing(up=0), "no account up"),
        (Standing(up=0, paused=("x", "mastodon")), "no account up, x and mastodon paused"),
        (Standing(up=2, starting=("x",)), "2 accounts up, x starting"),
        (Standing(up=9, paused=("a", "b", "c", "d", "e")), "9 accounts up, a, b, c and 2 more paused"),
        (Standing(up=1, paused=("x",), frozen=True), "everything outgoing is frozen, 1 account up, x paused"),
    ],
)
def test_it_is_said_in_few_words(standing: Standing, words: str) -> None:
    assert str(standing) == words
