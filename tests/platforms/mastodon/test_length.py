"""How long a text is, beside a model of how Mastodon itself counts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st
from mastodon import utility

from bridge.plugin import graphemes
from plugins.mastodon import length

if TYPE_CHECKING:
    from tests.platforms.mastodon.conftest import Accounts, Stub

PER_URL: Final = 23


def counted(text: str, per_url: int | None = PER_URL, *, concedes: bool = True) -> int:
    return length.length(text, per_url, concedes=concedes)


# --- Mastodon's rules, as its validator and its extractor have them ---------------------------------------------------

_LABEL = r"[^\s!-,./:-@\[-^`{-~]+"
_DOMAIN = rf"(?:{_LABEL}\.)+(?:org|com|jp|museum|みんな)(?![0-9a-z@])"
_ENDING = r"""[^\s()?!*"'「」<>;:=,.$%\[\]~&|@]"""
_PATH = rf"(?:[^\s<>()?]*{_ENDING}|\([^\s<>()?]+\)|[^\s<>()?]+/)"
_QUERY = r"[\w!?*'();:&=+$/%#\[\].,~|@^-]*[\w&=#/-]"
_SERVER_LINK = regex.compile(
    rf"(?<![A-Za-z0-9@\uff20$#\uff03])((?:https?|dat|dweb|ipfs|ipns|ssb|gopher|gemini)://{_DOMAIN}(?::[0-9]+)?"
    rf"(?:/{_PATH}*)?(?:\?{_QUERY})?)",
    regex.IGNORECASE,
)
_SERVER_MENTION = regex.compile(r"(?<![=/\w])@([a-z0-9_]+(?:[.-]+[a-z0-9_]+)*)(?:@\w+(?:[.-]+\w+)*)?", regex.IGNORECASE)
_NO_MENTION_BEFORE = re.compile(r"[@\uff20\u00c0-\u00ff]|://")
_CONJUNCT = regex.compile(r"\p{ccc=Virama}[\p{Mn}\p{Cf}]*(?=\p{L})")


def servers(text: str) -> int:
    """Count as Mastodon does, in a Ruby whose Unicode is older than 15.1."""
    found = [(match.start(1), match.end(1), "x" * PER_URL) for match in _SERVER_LINK.finditer(text)]
    found += [
        (match.start(), match.end(), f"@{match[1]}")
        for match in _SERVER_MENTION.finditer(text)
        if not _NO_MENTION_BEFORE.match(text, match.end())
    ]
    result, at = "", 0
    for start, end, shown in sorted(found):
        if start >= at:
            result, at = result + text[at:start] + shown, end
    result += text[at:]
    return graphemes(result) + len(_CONJUNCT.findall(result))


LONG: Final = "/a-quite-long-path/to_something.html"
PIECES: Final = [
    *("http://", "https://", "HTTPS://", "gemini://", "ssb://", "://", "://x", "xmpp:"),
    *("example.org", "a.jp", "a.com", "例え.みんな", "xn--r8jz45g.museum", "under_score.org", "example.invalid", "kim"),
    *(LONG, "/", "/a", "?", "?q=a&b=c", "#top", ":8080", "/(b)", "/@kim@example.org", "/ü", "/%C3%BC", "$", "&"),
    *("@", "@kim", "@kim@example.org", "@kim.b@example.org", "\uff20", "#"),
    *(
        " ",
        "  ",
        "\n",
        "\u00a0",
        "\u3000",
        "\u200b",
        "\x1c",
        "(",
        ")",
        "[",
        "]",
        '"',
        "'",
        ".",
        ",",
        "!",
        "。",
        "「",
        "」",
    ),
    *("a", "Z", "9", "é", "e\u0301", "見て", "を", "한", "क्ष", "क्\u200dष", "👩‍👩‍👧", "🇫🇮", "🇫", "\u0301", "\u202e"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
@example("見てhttps://example.org" + LONG + "を")
@example("https://a.jp)https://a.jp(https://a.jp")
@example("https://example.org" + LONG + "@kim@example.org")
@example("@kim@example.org@kim@example.org")
@example("@kim@example.orgé")
@example("ssb://a.jp")
@example("क्ष" * 20)
def test_trap_a_text_never_counts_less_than_on_the_server(text: str) -> None:
    assert counted(text) >= servers(text)
    assert counted(text, None, concedes=False) >= max(servers(text), graphemes(text))


@given(st.lists(st.sampled_from(["hello", "(see", "https://example.org" + LONG, "@kim@example.org,", "é", "👩‍👩‍👧"])))
def test_what_people_write_counts_exactly_as_on_the_server(words: list[str]) -> None:
    assert counted(" ".join(words)) == servers(" ".join(words))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("hello", 5),
        ("👩‍👩‍👧 é e\u0301", 5),
        ("https://example.org/" + "x" * 100, 23),
        ("https://a.org", 23),
        ("https://example.org/a?b=c&d=e#f", 23),
        ("https://example.org:8443/a.", 24),
        ("(see https://example.org/a, or http://example.org/b)", 5 + 23 + 5 + 23 + 1),
        ('"https://example.org/' + "x" * 100 + '"!', 26),
        ("https://example.org/@kim@far.example", 23),
        ("@kim@far.example hi", 7),
        ("(@kim@far.example)", 6),
        ("@kim hi", 7),
        ("mail kim@far.example", 20),
        ("http://", 20),  # may be one to some server
        ("https://a.example", 17 + 13),  # no top-level domain to the SDK, but perhaps to a newer server
        ("https://пример.испытание/" + "x" * 20, 45 + 13),  # may be shortened, or not
    ],
)
def test_length_as_mastodon_counts(text: str, expected: int) -> None:
    assert counted(text) == expected


@pytest.mark.parametrize(("text", "expected"), [("नमस्ते", 4), ("क्षत्रिय", 5), ("ক্ষ", 2), ("สวัสดี", 4), ("한국", 2)])
def test_joined_consonants_count_apart_as_in_older_unicode(text: str, expected: int) -> None:
    assert counted(text) == expected == servers(text)


def test_links_count_as_the_instance_says() -> None:
    assert counted("see https://example.org/" + "x" * 100, 30) == 4 + 30
    assert counted("see https://a.org", 30) == 4 + 30


def test_length_on_other_servers_is_the_longer_way() -> None:
    assert counted("https://example.org/" + "x" * 100, None, concedes=False) == 120
    assert counted("https://example.org/" + "x" * 100, 25, concedes=False) == 120
    assert counted("https://a.org", None, concedes=False) == 23
    assert counted("@kim@far.example", 25, concedes=False) == 16


def test_a_word_too_long_to_be_read_counts_in_full() -> None:
    assert counted("https://" + "a." * 5000) == 10_008 + 13


def test_without_the_sdks_extra_a_text_may_count_as_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utility, "IMPL_HAS_GRAPHEME", False)
    assert counted("see https://a.org") == 4 + 13 + 13
    assert counted("https://example.org/" + "x" * 100) == 120 + 13


@given(st.text(alphabet="a.@:/ https://example.org\u0301👩", max_size=60))
def test_length_is_never_more_than_the_text_and_its_links(text: str) -> None:
    assert 0 <= counted(text) <= graphemes(text) + PER_URL * text.count("://")


async def test_a_text_can_be_counted_before_the_server_was_asked(stub: Stub, accounts: Accounts) -> None:
    link = "https://example.org/" + "x" * 100
    shop = accounts.make(stub.base_url)
    assert shop.length(link) == 120
    async with shop:
        assert shop.length(link) == 23
