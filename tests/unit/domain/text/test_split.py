from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.domain.text import PARTS_LIMIT, TooLong, at_most, clusters, graphemes, split

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
WORDS = st.text(
    st.sampled_from("abcdeéß.,!?'-日本語。、\U0001f1e9\u0301\U0001f468\u200d\u0600"), min_size=1, max_size=30
)
LINKS = st.builds("https://example.org/{}".format, st.text(st.sampled_from("abc/.-_?=%é"), max_size=15))
MENTIONS = st.builds("@{}@example.{}".format, st.sampled_from(["kim", "ana_b", "r.j"]), st.sampled_from(["org", "com"]))
SPACES = st.sampled_from([" ", " ", " ", "\n", "\n\n", "  ", "\u00a0", "\t"])
TOKENS = st.lists(st.tuples(st.one_of(WORDS, WORDS, LINKS, MENTIONS), SPACES), max_size=40)


def squeezed(text: str) -> str:
    return "".join(text.split())


@CALM
@given(TOKENS, st.integers(40, 80), st.booleans())
def test_nothing_is_lost_everything_fits_and_nothing_whole_is_cut(
    tokens: list[tuple[str, str]],
    limit: int,
    numbered: bool,
) -> None:
    text = "".join(word + space for word, space in tokens)
    parts = split(text, at_most(limit), numbered=numbered)
    assert all(graphemes(part) <= limit for part in parts)
    if numbered and len(parts) > 1:
        counters = [part.rsplit(" ", 1)[1] for part in parts]
        assert counters == [f"{number}/{len(parts)}" for number in range(1, len(parts) + 1)]
        parts = tuple(part.rsplit(" ", 1)[0] for part in parts)
    assert squeezed("".join(parts)) == squeezed(text)
    at = 0
    for token, _ in tokens:
        if token.startswith(("https://", "@")):
            at = next(index for index in range(at, len(parts)) if token in parts[index])


@CALM
@given(
    st.text(st.sampled_from("ab \n\u0301\u200d\U0001f468\U0001f1e9\U0001f1ea\u0600日。"), max_size=60),
    st.integers(12, 20),
)
def test_parts_end_where_clusters_end(text: str, limit: int) -> None:
    ends, at = {0}, 0
    for cluster in clusters(text):
        at += len(cluster)
        ends.add(at)
    at = 0
    for part in split(text, at_most(limit)):
        at = text.index(part, at) + len(part)
        assert at in ends or text[at].isspace()


FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
WHOLES = [
    "@kim@mastodon.example",
    "@Ana_B@social.example.org",
    "https://example.org/a?b=c.d",
    "status.example.org/4f",
    "raj@example.org",
]
PIECES = st.one_of(
    st.sampled_from([*WHOLES, FAMILY * 9, "e\u0301" * 40, "\U0001f1e9\U0001f1ea" * 20, "กำ" * 20]),
    st.sampled_from(["Sorry.", "We", "are", "on", "it!", "more", "(soon)", "“Now.”"]),
)


@CALM
@given(st.lists(st.tuples(PIECES, SPACES), max_size=30), st.integers(30, 60))
def test_no_part_ends_within_a_link_a_mention_or_a_grapheme(pieces: list[tuple[str, str]], limit: int) -> None:
    text = "".join(piece + space for piece, space in pieces)
    ends, at = {0}, 0
    for cluster in clusters(text):
        at += len(cluster)
        ends.add(at)
    inside = [match.span() for whole in WHOLES for match in re.finditer(re.escape(whole), text)]
    at = 0
    for part in split(text, at_most(limit)):
        begin = text.index(part, at)
        at = begin + len(part)
        for edge in (begin, at):
            assert edge in ends or text[edge : edge + 1].isspace()
            assert not any(first < edge < last for first, last in inside)
        assert graphemes(part) <= limit


@CALM
@given(st.lists(st.sampled_from(["We are on it.", "More soon!", "Sorry?", "It holds."]), min_size=2, max_size=30))
def test_sentences_that_fit_are_never_cut(sentences: list[str]) -> None:
    for part in split(" ".join(sentences), at_most(30)):
        assert part.endswith((".", "!", "?"))


def test_what_fits_is_left_as_it_is() -> None:
    text = "  Two  spaces.\n\nAnd “quotes”  "
    assert split(text, at_most(300)) == (text,)
    assert split("", at_most(0)) == ("",)
    assert split("a" + " " * 20, at_most(5)) == ("a",)
    assert split(" " * 20, at_most(5)) == ("",)


def test_sentences_come_first() -> None:
    text = "Login is slow today. We are looking into it, e.g. at the cache. More in an hour"
    assert split(text, at_most(50)) == (
        "Login is slow today.",
        "We are looking into it, e.g. at the cache.",
        "More in an hour",
    )
    assert split("One line\nanother line here", at_most(20)) == ("One line", "another line here")
    assert split("He said “no.” Then he left", at_most(20)) == ("He said “no.”", "Then he left")


def test_then_words() -> None:
    assert split("a lone long sentence without an end", at_most(15)) == ("a lone long", "sentence", "without an end")


def test_a_short_sentence_does_not_waste_a_post() -> None:
    assert split("Hi. " + "word " * 10, at_most(30)) == ("Hi. word word word word word", "word word word word word")


def test_then_clusters() -> None:
    assert split("a" * 25, at_most(10)) == ("a" * 10, "a" * 10, "a" * 5)
    assert split("\U0001f1e9\U0001f1ea" * 5, at_most(2)) == (
        "\U0001f1e9\U0001f1ea" * 2,
        "\U0001f1e9\U0001f1ea" * 2,
        "\U0001f1e9\U0001f1ea",
    )


def test_ideographs_need_no_spaces() -> None:
    assert split("障害が発生しています。復旧作業中です。", at_most(12)) == (
        "障害が発生しています。",
        "復旧作業中です。",
    )
    assert split("ログインが「遅い」です", at_most(6)) == ("ログインが", "「遅い」です")


def test_links_and_mentions_stay_whole() -> None:
    link = "https://example.org/a/very/long/path"
    assert split(f"word word ({link}) word", at_most(40)) == ("word word", f"({link})", "word")
    assert split(f"障害{link}", at_most(37)) == ("障害", link)
    assert split("日本語@kim@example.org日本語", at_most(16))[1] == "@kim@example.org"
    assert split("see status.example.org/incidents/4f/x now", at_most(33))[0] == "see"


@pytest.mark.parametrize(
    "whole",
    [
        "https://example.org/" + "x" * 50,
        "@kim@" + "long." * 10 + "example.org",
        "status.example.org/" + "y" * 50,
        "mailto:" + "z" * 50,
    ],
)
def test_what_is_whole_and_does_not_fit_is_said(whole: str) -> None:
    with pytest.raises(TooLong, match="doesn't fit into one post and can't be cut: shorten it") as caught:
        split(f"see {whole}", at_most(30))
    assert whole[:20] in str(caught.value)


def test_a_test_that_never_says_yes_ends() -> None:
    with pytest.raises(TooLong):
        split("a", lambda _: False)


def test_too_many_parts_are_said() -> None:
    with pytest.raises(TooLong, match=f"more than {PARTS_LIMIT} posts"):
        split("word " * 1000, at_most(10))
    with pytest.raises(TooLong, match="more than 3 posts"):
        split("word " * 4, at_most(4), limit=3)
    with pytest.raises(TooLong, match="posts"):
        split("word " * 4000, at_most(14), limit=3000, numbered=True)
    assert len(split("word " * 4, at_most(4), limit=4)) == 4


def test_numbers_are_counted_in() -> None:
    parts = split("word " * 60, at_most(14), numbered=True)
    assert parts[0] == f"word 1/{len(parts)}"
    assert len(parts) == 60
    assert split("a   ", at_most(2), numbered=True) == ("a",)
    assert split("a \u200b\u200b\u200b\u200b", at_most(5), numbered=True) == ("a",)
    with pytest.raises(TooLong, match="more than 20000 posts"):
        split("a " * 10_001, at_most(11), numbered=True, limit=20_000)


def test_a_length_of_ones_own() -> None:
    def as_a_platform(text: str) -> int:
        return len(re.sub(r"https://\S+", "x" * 23, text))

    link = "https://example.org/" + "long/" * 50
    assert split(f"look at {link} please", at_most(32, as_a_platform)) == (f"look at {link}", "please")


def test_an_odd_length_never_yields_a_part_that_does_not_fit() -> None:
    def odd(text: str) -> bool:
        return len(text) <= 20 and not text.endswith("!")

    parts = split("aa bb! cc dd! ee ff gg hh ii jj kk", odd)
    assert all(odd(part) for part in parts)
    assert squeezed("".join(parts)) == "aabb!ccdd!eeffgghhiijjkk"


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "unit",
    [
        "word ",
        "a",
        "a.",
        "@a",
        "Hi. ",
        "\U0001f1e9",
        "日本語。",
        "https://example.org/ ",
        "x" * 600 + " ",
        "a@b.c ",
        "a:",
        "?",
    ],
)
def test_a_huge_text_takes_linear_time(unit: str) -> None:
    text = unit * (40_000 // len(unit))
    assert squeezed("".join(split(text, at_most(300), limit=100_000))) == squeezed(text)


def test_much_white_space_takes_linear_time() -> None:
    assert split("a" + " " * 40_000 + "\u0301", at_most(300)) is not None
