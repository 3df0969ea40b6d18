"""How long a status is, as Mastodon counts: a link is 23, and `@user@domain` is `@user`.

Mastodon (in its app/validators/status_length_validator.rb) shortens only what it will show as a link or a mention. What
is surely one to it is counted so here; of all else the longest count that it can come to is taken, because a text
that counts too short would be refused, and one that counts too long is only split a little early.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from mastodon import Mastodon

from bridge.plugin import graphemes

_PER_URL: Final = 23
_SHORTEST_URL: Final = 10
"""As in `ssb://a.bc`; what is shorter is never a link."""
_LONGEST_WORD: Final = 1024
_WORD = re.compile(r"\S+")
_BEFORE = r"[(\[\"']*"
_AFTER = r"[)\]\"'.,;:!?]*"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = rf"(?:{_LABEL}\.)+[a-z]{{2,63}}"
_REST = r"(?:[a-z0-9/_.~%=&+@:;,!*$-]*[a-z0-9/_-])?"
_LINK = re.compile(
    rf"{_BEFORE}(https?://{_HOST}(?::\d{{1,5}})?(?:/{_REST})?(?:\?{_REST})?(?:\#{_REST})?){_AFTER}",
    re.IGNORECASE | re.ASCII,
)
"""A word that is a link and nothing else, by every rule that there is for links."""
_MENTION = re.compile(rf"{_BEFORE}@[a-z0-9_]+@{_HOST}{_AFTER}", re.IGNORECASE | re.ASCII)
_VIRAMA: Final = 9
"""The canonical combining class of the signs that join consonants."""
_PERHAPS_VIRAMA = re.compile("[\u094d-\u1bff\ua800-\uabff\U00010a00-\U00011fff]")
"""The scripts that have any."""


def length(text: str, per_url: int | None, *, concedes: bool) -> int:
    """Count a text; `per_url` is what the server says that it counts a link as.

    `concedes` says that the server surely counts as Mastodon does; elsewhere the longer way counts. So does a word too
    long to be read for links in good time.
    """
    total = _characters(text)
    for word in _WORD.finditer(text):
        # Asked here and not in the pattern, which would then take quadratic time on a long word without either.
        if "@" not in word[0] and "://" not in word[0]:
            continue
        plain = _characters(word[0])
        counted = _counted(word[0], plain, per_url or _PER_URL)
        total += (counted if concedes else max(counted, plain)) - plain
    return total


def _counted(word: str, plain: int, per_url: int) -> int:
    """Count a word that may be a link or a mention."""
    links = word.count("://")
    longest = plain + links * max(0, per_url - _SHORTEST_URL)
    if len(word) > _LONGEST_WORD:
        return longest
    link = _LINK.fullmatch(word)
    if not link and (links or not _MENTION.fullmatch(word)):
        return longest
    try:
        counted = Mastodon.get_status_length(word)
    except NotImplementedError:  # the SDK's extra "grapheme" isn't installed
        return longest
    if not link:
        return counted
    if counted == plain and len(link[1]) != _PER_URL:
        return longest  # not one to the SDK, which may not know the newest top-level domains
    return counted - _PER_URL + per_url


def _characters(text: str) -> int:
    """Count grapheme clusters, as by the older Unicode rules of servers where those see more of them.

    Since Unicode 15.1 consonants that a virama joins are one cluster; Ruby, in which Mastodon counts, may be older.
    """
    return graphemes(text) + sum(_joins(text, sign.start()) for sign in _PERHAPS_VIRAMA.finditer(text))


def _joins(text: str, place: int) -> bool:
    """Tell whether a virama is there and a consonant after it, beyond nothing but signs that belong to the virama."""
    if unicodedata.combining(text[place]) != _VIRAMA:
        return False
    place += 1
    while place < len(text) and unicodedata.category(text[place]) in {"Mn", "Cf"}:
        place += 1
    return place < len(text) and unicodedata.category(text[place]).startswith("L")
