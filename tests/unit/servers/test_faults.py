from __future__ import annotations

from tests.servers.faults import Verdict, judge


def verdict(**found: tuple[str, ...]) -> Verdict:
    return Verdict(**{"lost": (), "doubled": (), "out_of_order": (), "unexpected": (), **found})


def test_all_is_well() -> None:
    assert judge(["a", "b", "b"], ["a", "b", "b"]) == verdict()
    assert judge([], []).clean


def test_what_never_came_is_lost() -> None:
    assert judge(["b"], ["a", "b", "c"]) == verdict(lost=("a", "c"))


def test_equal_texts_count_one_by_one() -> None:
    assert judge(["a"], ["a", "a"]) == verdict(lost=("a",))
    assert judge(["a", "a", "a"], ["a", "a"]) == verdict(doubled=("a",))


def test_what_came_twice_is_doubled() -> None:
    assert judge(["a", "b", "a", "a"], ["a", "b"]) == verdict(doubled=("a", "a"))


def test_what_came_too_late_is_out_of_order() -> None:
    assert judge(["a", "c", "b", "d"], ["a", "b", "c", "d"]) == verdict(out_of_order=("b",))


def test_what_nobody_asked_for_is_unexpected() -> None:
    found = judge(["a", "x"], ["a"])
    assert found == verdict(unexpected=("x",))
    assert not found.clean
