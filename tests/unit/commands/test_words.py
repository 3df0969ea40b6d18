from __future__ import annotations

import pytest

from bridge.commands.words import Nick, Words, entry_id, nick, shown


@pytest.mark.parametrize(
    "word", ["4f", "#4f", "[4f]", "[#4f]", "4F", "004f", "[4f->12]", "[4f]:", "4f,", "`4f`", "'4f'"]
)
def test_an_id_has_many_spellings(word: str) -> None:
    assert entry_id(word) == 0x4F


@pytest.mark.parametrize("word", ["", "4g", "@4f", "##4f", "4f!", "-4f", "1" * 16, "٤"])
def test_what_is_no_id(word: str) -> None:
    assert entry_id(word) is None


def test_people_are_written_with_an_at_sign() -> None:
    assert nick("@kim") == Nick("kim")
    assert nick("@kim@example.org:") == Nick("kim@example.org")
    assert nick("@kim@127.0.0.1:3000") == Nick("kim@127.0.0.1:3000")
    assert str(Nick("kim@example.org")) == "@kim@example.org"
    assert [nick(word) for word in ("kim", "@", "@@kim", "@a@b@c", "@" + "x" * 300)] == [None] * 5


def test_words_are_read_in_twins_and_text_as_it_was() -> None:
    words = Words("!to\u00a0\u200bx\n “quoted”\u2003text ", 1)
    assert words.peek() == "to"
    assert words.take() == "to"
    assert words.take() == "x"
    assert words.peek() == '"quoted"'
    assert words.take_rest() == "“quoted”\u2003text"
    assert words.take() == ""


def test_an_answer_repeats_little_and_nothing_harmful() -> None:
    assert shown("a`b\u202e\n c") == "`ab c`"
    assert shown("x" * 100) == f"`{'x' * 39}…`"
