"""How long a text is: as the library counts whole texts, as X's own code does, and never fewer."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.x import length, parser
from plugins.x.length import DOTS, LONGEST, SHARE, has_link, weighted
from tests.servers.npm import ask, installed
from tests.servers.programs import MissingProgramError
from tests.servers.require import missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
SINGER = "\U0001f469\U0001f3fd\u200d\U0001f3a4"

CASES = [
    ("", 0, False),
    ("The shop is open again.", 23, False),
    ("two lines\nand a tab\t", 20, False),
    ("windows\r\nline", 13, False),
    ("caf\u00e9", 4, False),
    ("cafe\u0301", 4, False),  # composed
    ("\u00a9 and \u2122", 8, False),
    ("\u00a9\ufe0f", 2, False),
    ("日本語", 6, False),
    ("\u201cquoted\u201d \u2013 it\u2019s", 15, False),
    ("€5", 3, False),
    ("\U0001f600", 2, False),
    (FAMILY, 2, False),
    (SINGER, 2, False),
    (f"{FAMILY}{SINGER}", 4, False),
    ("1\ufe0f\u20e3", 2, False),
    ("\U0001f1e9\U0001f1ea", 2, False),
    ("https://example.org", 23, True),
    ("HTTPS://EXAMPLE.ORG/A?B=C#D", 23, True),
    ("see https://example.org/a/very/long/path/indeed?with=a&query=too.", 28, True),
    ("(https://example.org/shop)", 25, True),
    ('"https://example.org/shop",', 26, True),
    ("https://example.org/wiki/Open_(shop)", 23, True),
    ("https://example.org/a.b.c.d.e.f.g.h.i.j.k.l.m.n/x", 23, True),
    ("https://example.org:8080/x", 23, True),
    ("example.org", 23, True),
    ("\u00e0example.org", 24, True),
    ("at \u00e0example.org", 26, True),
    ("www.example.org/shop", 23, True),
    ("status.example.dev is down", 31, True),
    ("run 1.2.py", 27, True),
    ("version 1.2.3", 13, False),
    ("at 10.30 or 11.45.", 18, False),
    ("kim@example.org", 15, False),
    ("@kim.raj", 8, False),
    ("wait...what", 11, False),
    ("https://no-tld/x", 16, False),
    ("日本語https://example.org/日本語", 35, True),
    ("一https://example.org。二", 29, True),
    ("https://t.co/abc?x=1.", 24, True),
    ("https://bücher.example.org/", 23, True),
    ("\u0645\u0631\u062d\u0628\u0627example.org", 28, True),  # which the library doesn't know
    ("https://ـ.example.org", 23, True),  # nor this
    ("example.org\u0131", 24, True),  # nor this
    ("\U0001f449example.org", 25, True),
]


@pytest.mark.parametrize(("text", "count", "link"), CASES)
def test_ordinary_texts_count_as_x_counts_them(text: str, count: int, link: bool) -> None:
    assert (weighted(text), has_link(text)) == (count, link)


PIECES = [
    *(text for text, _, _ in CASES),
    *"aZ0_-.:/?#@$%&=+,;!()[]'\"~*|<>^{}\\`",
    *".... .com .co.jp .py -- // :// http:// https:// t.co/ ?a=b #c & é ß \u017f \u0131 \u0130 я ж の ー 。 \uff0c ـ",
    "\u200b\u200d\u200e\u202a\u2066\ufe0f\u0301\u00a0\u3000\u2028\u00ad",
    "\U0001f3fd",
    "\u2640\ufe0f",
    "a.",
    "の.",
    "xn--bcher-kva.example",
    "a" * 70,
    "Москва",
    "삼성",
    " ",
    "\n",
]
SIGNS = "\u00a9\u00ae"
"""Emoji to the library, even if nothing says that they shall look like one; not to X."""
TEXTS = st.lists(
    st.sampled_from([piece for piece in PIECES if not set(piece) & set(SIGNS)])
    | st.characters(exclude_categories=["Cs"], exclude_characters=SIGNS),
    max_size=12,
).map("".join)


def without_windows(text: str) -> str:
    """Return a text with the line ends that the library and X's own code count alike."""
    return text.replace("\r\n", "\n")


@given(TEXTS)
def test_it_is_what_the_library_counts_whole_texts_as(text: str) -> None:
    text = without_windows(text)
    counted = parser.weighted(text)
    if parser.unencodable(text):
        assert weighted(text) >= counted
    elif all(len(word) <= LONGEST and word.count(".") <= DOTS for word in text.split()):
        assert weighted(text) == counted
    else:
        assert weighted(text) >= counted


@given(TEXTS)
def test_a_link_that_the_library_sees_is_never_missed(text: str) -> None:
    assert has_link(text) >= parser.has_links(text)


PATHS = st.text("abzAZ09/._-~!$&'*+,;=:@%|#[]", max_size=300)
QUERIES = st.text("abzAZ09/._-~!$&'()*+,;=:@%|#[]?", max_size=300)


@given(
    before=st.sampled_from(["", "(", '"', "a", "。", "["]),
    host=st.sampled_from(
        ["example.org", "example.org:80", "intranet.local", "a-.com", "no-tld", "t.co", "x.y.z.example.net", "1.2.3.4"]
    ),
    path=st.none() | PATHS,
    query=st.none() | QUERIES,
    after=st.sampled_from(["", ".", ")", '").', "?!", "。", "...", "-"]),
)
def test_a_long_link_counts_as_the_library_counts_it(
    before: str, host: str, path: str | None, query: str | None, after: str
) -> None:
    rest = ("" if path is None else f"/{path}") + ("" if query is None else f"?{query}")
    text = f"{before}https://{host}{rest}{after}"
    counted = parser.weighted(text)
    short = length._shortened(text)
    if len(short) <= LONGEST and short.count(".") <= DOTS:
        assert weighted(text) == counted
    else:
        assert weighted(text) >= counted


def test_a_long_link_is_one_whatever_its_path_holds() -> None:
    link = "https://example.org/" + "a.b-c/" * 300 + "?x=1.5&y=" + "z" * 500
    assert weighted(f"see {link}, please") == 4 + 23 + 8
    assert weighted("https://example.org/" + "a" * 5_000) > 5_000  # which is none to X any more


@given(
    st.lists(st.sampled_from(["a.", "の.", "a.co", "-", "é", ".com", "_", "/", "https://"]), max_size=40).map("".join)
)
def test_what_the_library_is_not_asked_about_counts_at_least_as_long(word: str) -> None:
    assert length._at_most(word) >= parser.weighted(word)


NASTY = {
    "dots": "a." * 400,
    "wide dots": "の." * 400,
    "one word": "の" * 3_000 + ".com",
    "labels": "a_" * 2_000 + ".com",
    "many words": " ".join(f"a{number}.b.c.d.e.f.g" for number in range(2_000)),
    "many links": " ".join(f"https://example.org/{number}" for number in range(2_000)),
    "emoji": FAMILY * 3_000,
    "one letter": "é" * 20_000,
    "a long link": "https://example.org/" + "a." * 1_500,
    "no link": "https://example.org/" + "a." * 4_000,
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the library is asked to look through for links."""
    given_: list[str] = []

    def noting(ask_library: Callable[[str], Any]) -> Callable[[str], Any]:
        def noted(text: str) -> Any:
            given_.append(text)
            return ask_library(text)

        return noted

    length._counted.cache_clear()
    for name in ("weighted", "has_links", "unencodable"):
        monkeypatch.setattr(parser, name, noting(getattr(parser, name)))
    yield given_
    length._counted.cache_clear()


@pytest.mark.parametrize("name", NASTY)
def test_the_library_never_sees_what_would_keep_it_busy(asked: list[str], name: str) -> None:
    text = NASTY[name]
    weighted(text)
    assert all(len(word) <= LONGEST and word.count(".") <= DOTS for word in asked)
    assert sum(len(word) for word in asked) <= 3 * SHARE
    first = len(asked)
    weighted(text)
    has_link(text)
    assert len(asked) == first  # it is asked once about each word


def test_ordinary_words_are_no_matter_for_the_library(asked: list[str]) -> None:
    assert weighted("The shop is open again. Or is it?... Wait; 日本語。 (no)") == 56
    assert asked == []


JUDGE = """
const {parseTweet, extractUrls} = require("twitter-text");
const texts = JSON.parse(require("fs").readFileSync(0, "utf-8"));
const judge = text => [parseTweet(text).weightedLength, extractUrls(text.normalize()).length > 0];
console.log(JSON.stringify(texts.map(judge)));
"""


@pytest.fixture(scope="module")
def judged() -> Callable[[Sequence[str]], list[tuple[int, bool]]]:
    """X's own code, counting: lengths, and whether there is a link."""
    try:
        folder = installed("twitter-text", "3.1.0")
    except MissingProgramError as error:
        missing["twitter-text"] = str(error)
        pytest.skip(f"X's own twitter-text can't be asked: {error}")

    def judge(texts: Sequence[str]) -> list[tuple[int, bool]]:
        return [(int(count), bool(link)) for count, link in ask(folder, JUDGE, list(texts))]

    return judge


HALVED = re.compile("[\U00010000-\U0010ffff][._-]")
"""X's code for browsers may take half of such a character for what stands before a link: a fault of its language."""


@pytest.mark.timeout(300)
def test_x_counts_our_cases_as_we_do(judged: Callable[[Sequence[str]], list[tuple[int, bool]]]) -> None:
    texts = [text for text, _, _ in CASES]
    found = dict(zip(texts, judged(texts), strict=True))
    assert found == {text: (count, link) for text, count, link in CASES}


@pytest.mark.timeout(300)
def test_what_is_no_link_counts_whole(judged: Callable[[Sequence[str]], list[tuple[int, bool]]]) -> None:
    """Also where scheme, host and a slash are together as long as a link counts."""
    texts = ["https://intranet.local/wiki/a/page/about/the/shop", "https://localhost:8080/index.html?x=a-long-query"]
    assert [weighted(text) for text in texts] == [49, 48]
    assert judged(texts) == [(49, False), (48, False)]


@pytest.mark.timeout(300)
def test_x_never_counts_more_than_we_do(judged: Callable[[Sequence[str]], list[tuple[int, bool]]]) -> None:
    seed = int(os.environ.get("STATUSBRIDGE_TEST_SEED", "2026"))
    dice = random.Random(seed)
    texts = ["".join(dice.choices(PIECES, k=dice.randrange(1, 12))) for _ in range(4_000)]
    texts = [text for text in texts if not HALVED.search(text)]
    found = judged(texts)
    short = [text for text, (count, _) in zip(texts, found, strict=True) if weighted(text) < count]
    unseen = [text for text, (_, link) in zip(texts, found, strict=True) if has_link(text) < link]
    assert (seed, short, unseen) == (seed, [], [])
    same = sum(weighted(text) == count for text, (count, _) in zip(texts, found, strict=True))
    print("counted as X does:", f"{same} of {len(texts)}")
    assert same > len(texts) * 0.9


def conformance(name: str) -> dict[str, list[dict[str, Any]]]:
    """Return the cases of one file of X's own conformance suite, by section."""
    folder = os.environ.get("X_CONFORMANCE")
    if not folder:
        pytest.skip("X_CONFORMANCE doesn't name the folder `conformance` of X's twitter-text")
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load((Path(folder) / name).read_text(encoding="utf-8"))["tests"]


def test_x_s_own_cases_count_as_x_says() -> None:
    sections = conformance("validate.yml")
    # The first section is for a configuration that knows no emoji.
    cases = [case for case in sections["WeightedTweetsCounterTest"] if not parser.emojis(case["text"])]
    cases += sections["WeightedTweetsWithDiscountedEmojiCounterTest"] + sections["UnicodeDirectionalMarkerCounterTest"]
    counts = [(case["description"], weighted(case["text"]), case["expected"]["weightedLength"]) for case in cases]
    beyond = [not all(length._is_simple(word) for word in case["text"].split()) for case in cases]
    for (what, ours, theirs), may_be_longer in zip(counts, beyond, strict=True):
        assert ours == theirs or (may_be_longer and ours > theirs), what
    exact = sum(ours == theirs for _, ours, theirs in counts)
    print("counted as X says:", f"{exact} of {len(cases)}")
    assert exact > 0


def test_x_s_own_links_are_seen() -> None:
    cases = conformance("extract.yml")["urls"]
    unseen = [case["description"] for case in cases if case["expected"] and not has_link(case["text"])]
    print("links seen:", f"{len(cases) - len(unseen)} of {len(cases)}")
    assert (len(cases) > 0, unseen) == (True, [])
