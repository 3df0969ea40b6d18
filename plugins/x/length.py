"""How long a post is, as X counts: most characters of Europe's scripts are 1, all others and emoji 2, a link 23.

The rules are those of X's own twitter-text (version 3 of its configuration), as the library twitter-text-parser has
them. Where that counts fewer than X's own code, the longer count is taken: a text that counts too short would be
refused, and one that counts too long is only split a little early.

The library takes quadratic time, and worse, on words with many dots. So it never sees more than it needs: it is asked
word by word, since neither links nor emoji nor what Unicode composes go over white space; not at all for words that
can't hold a link; of what is surely one link no more than its host; and of the rest only words of some length and some
dots, and only so many in one text. Beyond that the longest count is taken that a word can come to.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

from plugins.x import parser

LONGEST: Final = 256
"""The longest word that the library is asked about, in code points."""
DOTS: Final = 10
"""The most dots of such a word."""
SHARE: Final = 2_048
"""How much of one text the library is asked about, in code points of words with dots."""

_LINK: Final = 23
_SHORTEST: Final = 4
"""A link of the fewest characters: `a.co`."""
_GAP = re.compile(r"([ \t\r\n]+)")
_HEAVY = re.compile("[^\u0000-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]")
"""What counts as 2 by itself, by twitter-text's configuration."""
_MAYBE_LINK = re.compile(r"\.\w")
_WITHIN_HOST = re.compile(r"(?<=[^.])\.(?=[^.])")
"""A dot that a host may have, of which each link has one; no host has two at once."""
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_SURELY_LINK = re.compile(
    r"(?P<before>[(\[\"']*)(?P<host>https?://(?!t\.co\b)[a-z0-9.-]{0,252}[a-z0-9](?::[0-9]{1,5})?)"
    r"(?:/(?:[a-z0-9!*';:=+,.$/%#\[\]_~@|&-]*[a-z0-9=_#/+-])?)?"
    r"(?:\?[a-z0-9!?*'@();:&=+$/%#\[\]_.,~|-]*[a-z0-9_&=#/-])?"
    r"(?P<after>[)\]\"'.,;:!?]*)",
    re.IGNORECASE | re.ASCII,
)
"""A word that is nothing but a link if its host is one, whatever follows the host.

Links of X's own shortener have rules of their own.
"""
_LONGEST_LINK: Final = 4_000
"""X takes 4,096 with what an encoded host adds."""


class _Word(NamedTuple):
    length: int
    link: bool


def weighted(text: str) -> int:
    """Return how much of a post's length a text takes; the limit is 280 for most accounts."""
    return sum(word.length for word in _words(text))


def has_link(text: str) -> bool:
    """Tell whether X may see a link in a text, with or without a scheme; where nobody knows, it may."""
    return any(word.link for word in _words(text))


def _words(text: str) -> list[_Word]:
    """Return a text's words, and what is between them as words of their own."""
    words: list[_Word] = []
    left = SHARE
    for word in _GAP.split(text):
        if word.isascii() and "." not in word:
            words.append(_Word(len(word), link=False))
            continue
        composed = unicodedata.normalize("NFC", word)
        if not _MAYBE_LINK.search(composed):
            words.append(_Word(_plain(composed), link=False))
            continue
        short = _shortened(composed)
        left -= len(short) + bool(words)
        if left >= 0 and _is_simple(short):
            # What stands before a link is a part of X's pattern, so that a word counts as it does after white space.
            counted = _counted(f" {short}") if words else _counted(short)
            words.append(counted._replace(length=counted.length - bool(words)))
        else:
            words.append(_Word(_at_most(short), link=True))
    return words


def _plain(word: str) -> int:
    """Count a word without links.

    An emoji is 2, however many code points it is; what counts as 1 by itself, as ©, does so to X.
    """
    return _weight(word) - sum(max(0, _weight(one) - 2) for one in parser.emojis(word))


def _weight(word: str) -> int:
    return len(word) + len(_HEAVY.findall(word))


def _shortened(word: str) -> str:
    """Return a word that counts the same, without what follows the host of a link, where the word is surely one."""
    found = _SURELY_LINK.fullmatch(word) if len(word) <= _LONGEST_LINK else None
    if found is None:
        return word
    # What isn't a link mustn't come to the length of one by chance, as https://intranet.local/ does.
    path = "/a" if len(found["host"]) + 1 == _LINK else "/"
    short = f"{found['before']}{found['host']}{path}{found['after']}"
    around = len(found["before"]) + len(found["after"])
    return short if _is_simple(short) and _counted(short).length == _LINK + around else word


def _is_simple(word: str) -> bool:
    """Tell whether the library has done with a word in good time."""
    return len(word) <= LONGEST and word.count(".") <= DOTS


@lru_cache(maxsize=4_096)
def _counted(word: str) -> _Word:
    """Ask the library; a link that it doesn't take for one counts as one, and may end in the middle of an emoji."""
    counted = parser.weighted(word)
    refused = parser.unencodable(word)
    if refused:
        counted += sum(max(0, _LINK - _weight(one)) for one in refused) + _weight(word) - _plain(word)
    link = bool(refused) or parser.has_links(word) or _SCHEME.search(word) is not None
    return _Word(counted, link=link)


def _at_most(word: str) -> int:
    """Return the longest count that a word with dots can come to, whatever in it is a link."""
    heavy = sum(not character.isascii() for character in word)
    return len(word) + heavy + len(_WITHIN_HOST.findall(word)) * (_LINK - _SHORTEST)
