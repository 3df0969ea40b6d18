from __future__ import annotations

import pytest

from bridge.store.history import Mark, is_behind

HERE = Mark("a" * 32, 7)


@pytest.mark.parametrize("text", ["", "x", "a 7", "4711", f"{'a' * 32} {'x' * 20}", f" {7:020d}", "\x00" * 53])
def test_what_is_no_mark(text: str) -> None:
    assert Mark.read(text) is None


def test_a_mark_is_read_as_it_was_written_and_keeps_its_length() -> None:
    later = Mark(HERE.history, 10**12)
    assert [Mark.read(str(mark)) for mark in (HERE, later)] == [HERE, later]
    assert len(str(HERE)) == len(str(later)) == 53
    assert HERE.next() == Mark(HERE.history, 8)


@pytest.mark.parametrize(
    ("rows", "seen", "behind"),
    [
        (None, [], False),
        (None, [HERE], False),
        (HERE, [], True),
        (HERE, [HERE], False),
        (HERE.next(), [HERE], False),
        (HERE, [HERE.next()], True),
        (Mark("b" * 32, 9), [HERE], True),
        (Mark("b" * 32, 9), [HERE, Mark("b" * 32)], False),
        (HERE, [Mark("b" * 32), HERE], False),
    ],
)
def test_rows_are_behind_where_they_lack_what_was_seen(rows: Mark | None, seen: list[Mark], behind: bool) -> None:
    assert is_behind(rows, seen) is behind
