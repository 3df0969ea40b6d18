from __future__ import annotations

import unicodedata
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.domain.text import INBOUND_LIMIT, clean_command, clean_inbound, is_blank, quoted_lines, xml_safe

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
# Every code point, lone surrogates too, with the awkward ones often.
AWKWARD = "\x00\x07\x0b\x0c\x1b\r\n\t\x85\u2028\u2029\u202e\u2066\u200e\u200b\u0301\u0316\ufeff\ufffe\ud800\U0001f3f4"
TEXTS = st.text(
    st.one_of(st.sampled_from(AWKWARD + "\U000e0067\U000e007f é\u1100\u1161"), st.characters(codec=None)),
    max_size=60,
)


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("plain", "plain"),
        ("a\x00b\x07c\x1b[31md\x7fe\x9bf", "abc[31mdef"),
        (
            "one\r\ntwo\rthree\x0bfour\x0cfive\x85six\u2028seven\u2029eight",
            "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight",
        ),
        ("tab\tstays", "tab\tstays"),
        ("\u202eevil\u202c \u2066x\u2069", "evil x"),
        ("שלום\u200f! \u061cx\u200e", "שלום\u200f! \u061cx\u200e"),
        ("a\ud800b\udfffc", "abc"),
        ("a\ufffeb\uffffc\ufdd0d\U0001ffffe", "abcde"),
        ("\ufeffbom", "bom"),
        ("cafe\u0301", "café"),
        ("hi\U000e0041\U000e0042", "hi"),
        ("\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", None),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", None),
    ],
)
def test_text_from_outside_is_harmless(dirty: str, clean: str | None) -> None:
    assert clean_inbound(dirty) == (dirty if clean is None else clean)


def test_piled_up_marks_are_taken_off() -> None:
    cleaned = clean_inbound("x" + "\u0316\u0301" * 150_000 + "y")
    assert len(cleaned) <= 12
    assert cleaned[0] == "x"
    assert cleaned[-1] == "y"


def test_a_long_text_is_capped() -> None:
    assert clean_inbound("abcdef", 4) == "abc…"
    assert clean_inbound("abcd", 4) == "abcd"
    assert clean_inbound("ab\U0001f468\u200d\U0001f469cd", 5) == "ab…"
    assert clean_inbound("\U0001f468" + "\u200d\U0001f469" * 100, 50).endswith("…")
    assert clean_inbound("abc", 1) == "…"
    assert clean_inbound("abc", 0) == ""
    assert len(clean_inbound("a" * (INBOUND_LIMIT + 1))) == INBOUND_LIMIT
    assert len(clean_inbound("a" * (INBOUND_LIMIT + 1), None)) == INBOUND_LIMIT + 1


@CALM
@given(TEXTS, st.integers(1, 40))
def test_cleaning_twice_changes_nothing(text: str, limit: int) -> None:
    once = clean_inbound(text, limit)
    assert clean_inbound(once, limit) == once
    assert len(once) <= limit
    assert unicodedata.is_normalized("NFC", once)
    assert not set(once) & set("\r\x0b\x0c\x85\u2028\u2029\u202e\u2066")


@CALM
@given(TEXTS)
def test_what_is_xml_safe_survives_a_parser(text: str) -> None:
    root = ET.Element("body")
    for safe in (xml_safe(text), clean_inbound(text)):
        root.text = safe
        parsed = ET.fromstring(ET.tostring(root, encoding="utf-8")).text or ""
        assert parsed == safe


def test_xml_safe_takes_only_what_it_must() -> None:
    assert (
        xml_safe("a\x00b\x0bc\x1bd\ufffee\ud800f\r\ng\rh\u202ei\u0085\U0001f600")
        == "abcdef\ng\nh\u202ei\u0085\U0001f600"
    )


@CALM
@given(st.text(st.characters(codec=None)))
def test_a_command_keeps_its_positions(text: str) -> None:
    assert len(clean_command(text)) == len(text)


def test_a_command_has_ascii_spaces_and_quotes() -> None:
    assert clean_command("!to\u00a0x\u3000\u201cpost\u201d \u2018a\u2019\tb") == "!to x \"post\" 'a' b"
    assert clean_command("two\nlines") == "two\nlines"


def test_further_lines_cannot_look_like_the_bots() -> None:
    assert quoted_lines("one") == "one"
    assert quoted_lines("one\n[4f] sent\n\nlast\n\n") == "one\n| [4f] sent\n|\n| last"
    assert quoted_lines("one\x0b[4f]\u2028[4f]") == "one\n| [4f]\n| [4f]"
    assert quoted_lines("hi" + " " * 200 + "[4f] sent") == "hi [4f] sent"
    assert quoted_lines("") == ""


@CALM
@given(TEXTS)
def test_every_further_line_is_prefixed(text: str) -> None:
    assert all(line.startswith("|") for line in quoted_lines(text).splitlines()[1:])


@pytest.mark.parametrize(
    "blank", ["", " ", "\n\t", "\u00a0\u2003", "\u200b\u2060\ufeff", "\u2800\u3164", "\u200e\u202e", "\x00", "\ufe0f"]
)
def test_nothing_to_see_is_blank(blank: str) -> None:
    assert is_blank(blank)


@pytest.mark.parametrize("seen", ["a", " . ", "\u200b!", "\U0001f600", "0"])
def test_something_to_see_is_not_blank(seen: str) -> None:
    assert not is_blank(seen)
