from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.pieces import MOST, beginning, pieces


def size(text: str) -> int:
    return len(text.encode())


def test_what_fits_is_left_alone() -> None:
    assert pieces("hello\n\nthere ") == ("hello\n\nthere ",)
    assert pieces("x" * MOST) == ("x" * MOST,)
    assert pieces("") == ("",)


def test_a_long_body_of_nothing_is_one_message_with_nothing() -> None:
    assert pieces(" \n" * MOST) == ("",)


def test_it_is_cut_where_lines_end_and_further_pieces_are_marked() -> None:
    lines = [f"line {number:02}" for number in range(9)]
    assert pieces("\n".join(lines), 26) == (
        "line 00\nline 01\nline 02",
        "| line 03\nline 04\nline 05",
        "| line 06\nline 07\nline 08",
    )


def test_a_line_that_is_marked_already_is_not_marked_twice() -> None:
    assert pieces("said\n| one\n| two", 14) == ("said\n| one", "| two")


def test_a_long_line_is_cut_between_words_and_a_long_word_between_characters() -> None:
    assert pieces("alpha beta gamma delta", 14) == ("alpha beta ", "| gamma delta")
    family = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
    assert size(family) == 18
    assert pieces(family * 3, 40) == (family * 2, f"| {family}")


@pytest.mark.parametrize("most", [40, 100])
@given(text=st.text(min_size=1, max_size=400))
def test_nothing_but_white_space_is_lost_and_no_piece_is_too_long(most: int, text: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    found = pieces(text, most)
    assert all(size(piece) <= most for piece in found)
    bare = [found[0], *(piece.removeprefix("| ") for piece in found[1:])]
    said = "".join("".join(bare).split()).replace("|", "")
    assert said == "".join(text.split()).replace("|", "")


def test_the_beginning_is_one_message() -> None:
    assert beginning("hello") == "hello"
    shown = beginning("\n".join(["a line"] * 3_000))
    assert size(shown) <= MOST
    assert shown.startswith("a line\na line\n")
    assert shown.endswith("a line\n...")
