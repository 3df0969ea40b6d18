"""How long a status is, as Mastodon counts: a link is 23, and `@user@domain` is `@user`."""

from __future__ import annotations

import re
from typing import Final

from mastodon import Mastodon

from bridge.plugin import graphemes

_PER_URL: Final = 23
_LONGEST_WORD: Final = 1024
_WORD = re.compile(r"\S+")


def length(text: str, per_url: int | None) -> int:
    """Count a text; `per_url` is what the server says that it counts a link as.

    On a server that doesn't count as Mastodon does, the longer way counts. So does a word too long to be read for
    links in good time: a text may then count as longer than it is, never as shorter.
    """
    total = graphemes(text)
    for word in _WORD.finditer(text):
        # Asked here and not in the pattern, which would then take quadratic time on a long word without either.
        if "@" not in word[0] and "://" not in word[0]:
            continue
        plain = graphemes(word[0])
        counted = _counted(word[0], plain)
        total += (counted if per_url == _PER_URL else max(counted, plain)) - plain
    return total


def _counted(word: str, plain: int) -> int:
    if len(word) > _LONGEST_WORD:
        return max(plain, _PER_URL)
    try:
        return Mastodon.get_status_length(word)
    except NotImplementedError:  # the SDK's extra "grapheme" isn't installed
        return max(plain, _PER_URL)
