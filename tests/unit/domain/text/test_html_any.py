"""Any markup at all: well-formed trees, broken ones, mutations of the corpus, and what was never markup."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from itertools import count
from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bridge.domain.text import clean_inbound, strip_leading_mentions, to_text
from bridge.domain.text.html import _Reader
from tests.unit.domain.text.toots import Toot, toots

if TYPE_CHECKING:
    from collections.abc import Iterator

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy


def check_clean(html: str) -> str:
    """Return the markup as text, and make sure that nobody can be harmed by it."""
    text = to_text(html)
    assert clean_inbound(text) == text == text.strip()
    assert "\n\n\n" not in text
    assert not re.search(r"[ \t]\n", text)
    return text


BLOCKS = ["p", "div", "blockquote", "h1", "h3", "pre", "details", "summary", "figure", "section", "table", "tr", "td"]
LISTS = ["ul", "ol"]
INLINE = ["b", "em", "u", "del", "s", "code", "span", "small", "sub", "kbd", "center", "x-y", "font", "ruby"]
ATTRIBUTES = [
    "",
    ' class="h-card"',
    " class='quote-inline' title=\"a > b\"",
    ' class="x" onclick="a(&quot;<b>&quot;)"',
    " hidden",
    ' lang="de" dir="auto" translate="no"',
]
LINKS = ["", ' class="u-url mention"', ' class="mention hashtag" rel="tag"', ' target="_blank" rel="nofollow noopener"']


@dataclass(frozen=True)
class Element:
    name: str
    attributes: str
    children: tuple[Node, ...]


Node: TypeAlias = Element | str
LEAVES = st.sampled_from(["word", "two words", "entity", "emoji", "break", "picture", "link", "cut link", "comment"])


def elements(names: list[str], children: st.SearchStrategy[Node]) -> st.SearchStrategy[Element]:
    return st.builds(
        Element, st.sampled_from(names), st.sampled_from(ATTRIBUTES), st.lists(children, max_size=4).map(tuple)
    )


TREES = st.recursive(
    LEAVES,
    lambda children: st.one_of(
        elements(BLOCKS, children),
        elements(INLINE, children),
        elements(LISTS, elements(["li"], children)),
    ),
    max_leaves=25,
)


def markup(node: Node, numbers: Iterator[int]) -> str:
    """Write a tree as a server would, every word in it with the next number."""
    if isinstance(node, Element):
        inner = "".join(markup(child, numbers) for child in node.children)
        return f"<{node.name}{node.attributes}>{inner}</{node.name}>"
    number = next(numbers)
    word = f"word{number}."
    return {
        "word": f" {word} ",
        "two words": f" {word}\n word{next(numbers) if node == 'two words' else 0}. ",
        "entity": f" {word} &lt;p&gt; &amp;amp; &quot; ",
        "emoji": f" :blobcat: {word} ",
        "break": f"<br />\n{word} ",
        "picture": f'<img src="https://m.example/1.png" class="emoji" alt="{escape(word)}"/> ',
        "link": f' <a href="https://m.example/{number}"{LINKS[number % len(LINKS)]}>{word}</a> ',
        "cut link": (
            f' <a href="https://m.example/long/{word}"><span class="invisible">https://</span>'
            f'<span class="ellipsis">m.example/lo</span><span class="invisible">ng/{word}</span></a> '
        ),
        "comment": f"<!-- <b>hidden</b> -->{word} ",
    }[node]


@CALM
@given(st.lists(TREES, max_size=6))
def test_well_formed_markup_goes_and_all_its_words_stay_in_order(trees: list[Node]) -> None:
    numbers = count()
    html = "".join(markup(tree, numbers) for tree in trees)
    text = to_text(html, None)
    assert re.findall(r"word\d+\.", text) == [f"word{number}." for number in range(next(numbers))]
    assert set(re.findall(r"<[^ ]*", text)) <= {"<p>"}, "of all tags, only the one written as entities is to be seen"
    assert text.count("<p>") == text.count("&amp;") == html.count("&lt;p&gt;")
    assert "hidden" not in text
    assert check_clean(html)[:100] == text[:100]


PIECES = ["<", ">", "</", "<p>", "</p>", "<a href=", '"', "'", "<a href='https://example.org'>", "</a>", "<br>", "<!--"]
MORE = [
    "-->",
    "<![",
    "<?",
    "<script>",
    "</script",
    "<ul>",
    "<li>",
    "</ul>",
    "<blockquote>",
    "<pre>",
    "</pre>",
    "&",
    ";",
]
REST = [
    "&#",
    "9",
    " ",
    "\n",
    "\x00",
    "<del>",
    "</del>",
    "<ruby>",
    "<rt>",
    "<rp>",
    "</ruby>",
    "<rt",
    "~",
    "\u202e",
    "\u0301",
]
ANY_PIECE = st.one_of(st.sampled_from(PIECES + MORE + REST), st.text(st.characters(codec=None), max_size=3))


@CALM
@given(st.lists(ANY_PIECE, max_size=40))
def test_broken_markup_raises_nothing_and_comes_out_clean(pieces: list[str]) -> None:
    check_clean("".join(pieces))


@CALM
@given(st.one_of(st.text(st.characters(codec=None)), st.binary().map(lambda data: data.decode("latin-1"))))
def test_what_was_never_markup_raises_nothing_and_comes_out_clean(text: str) -> None:
    check_clean(text)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Draw a toot of the corpus in which a few places were cut out, doubled, moved or overwritten."""
    html = draw(st.sampled_from(toots())).html
    for _ in range(draw(st.integers(1, 5))):
        begin, end = sorted((draw(st.integers(0, len(html))), draw(st.integers(0, len(html)))))
        cut = html[begin:end]
        instead = draw(st.one_of(st.just(""), ANY_PIECE, st.just(cut * 2), st.just(cut[::-1])))
        html = html[:begin] + instead + html[end:]
    return html


@CALM
@given(mutated())
def test_a_mangled_toot_raises_nothing_and_comes_out_clean(html: str) -> None:
    check_clean(html)


@CALM
@given(st.sampled_from(toots()), st.data())
def test_a_toot_cut_off_anywhere_raises_nothing_and_comes_out_clean(toot: Toot, data: st.DataObject) -> None:
    html = toot.html
    check_clean(html[: data.draw(st.integers(0, len(html)))])


class CountingReader(_Reader):
    """Counts what it does: steps, and characters that it takes for text."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0
        self.characters = 0

    def _markup(self, html: str, begin: int) -> int:
        self.steps += 1
        end = super()._markup(html, begin)
        assert end > begin, "no character is looked at by two steps"
        return end

    def _text(self, markup: str) -> None:
        self.steps += 1
        self.characters += len(markup)
        super()._text(markup)


UNITS = ["<!--", "<?", "<a ", "<a/", "<a b='", "</", "<![", "<script>", "<blockquote>x", "<ul><li>x", "&#", "<a>"]
MORE_UNITS = ["<a '\"", "<del>", "</del>", "<ruby>x<rt>", "<rp>", "<br>", "<pre>\n", "<p>x", "<li><p>", "<a href=x>y"]


@pytest.mark.parametrize("unit", UNITS + MORE_UNITS)
@pytest.mark.parametrize("times", [500, 5_000])
def test_hostile_markup_costs_work_in_proportion_to_its_length(unit: str, times: int) -> None:
    check_work(unit * times)
    assert len(to_text(unit * times)) <= 10_000


@CALM
@given(st.lists(ANY_PIECE, max_size=10), st.integers(1, 30))
@example(["<a ", "'"], 30)
def test_any_markup_costs_work_in_proportion_to_its_length(pieces: list[str], times: int) -> None:
    check_work("".join(pieces) * times)


def check_work(html: str) -> None:
    reader = CountingReader()
    reader.read(html)
    brackets = html.count("<")
    assert reader.steps <= 4 * brackets + 4
    assert reader.characters <= len(html) + 2 * brackets
    assert len(reader.page.pieces) <= 4 * len(html) + 4
    assert sum(map(len, reader.page.pieces)) <= 50 * len(html) + 4, "at most 10 levels stand before each line"


OWN = ["shop", "@Shop@social.example"]
OURS = ["@shop", "@SHOP", "@shop@social.example", "@Shop@Social.Example"]
OTHERS = ["@kim", "@shopping", "@shop@elsewhere.example", "@tom@m.example", "@shop@social.example:3000", "@kim.b-c"]
BETWEEN = st.sampled_from([" ", "\n", ", ", ": ", ",", "  ", "\n\n"])
BODY = st.one_of(
    st.just(""), st.sampled_from(["hello @shop", "shop", "#shop @kim", "@", "@ shop", "(@shop)", "@shop's"])
)


@CALM
@given(st.lists(st.tuples(st.sampled_from(OURS + OTHERS), BETWEEN), max_size=8), BODY)
def test_of_the_leading_mentions_only_ours_go(leading: list[tuple[str, str]], body: str) -> None:
    said = "".join(mention + between for mention, between in leading) + body
    kept = "".join(mention + between for mention, between in leading if mention in OTHERS) + body
    assert strip_leading_mentions(said, OWN) == kept
    assert strip_leading_mentions(" \n" + said, OWN) == kept


@CALM
@given(st.lists(st.one_of(st.sampled_from([*OURS, *OTHERS, "@", ":", ",", " ", "\n", ":80"]), st.text(max_size=3))))
def test_stripping_mentions_raises_nothing_and_only_takes_away(pieces: list[str]) -> None:
    text = "".join(pieces)
    left = strip_leading_mentions(text, OWN)
    rest = iter(text)
    assert all(character in rest for character in left), "what is left was there, in the same order"
    assert strip_leading_mentions(text, []) == text.lstrip()
    if "@shop" not in text.casefold():
        assert left == text.lstrip()
