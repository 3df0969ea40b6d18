"""The library twitter-text-parser, with types, only as much of it as is needed, and corrected where it isn't X's code.

Ignoring case, Python's `[a-z]` holds three letters that it doesn't hold in JavaScript, in which X's code is written: to
that they are letters with accents, as which the library gets them.
"""

from __future__ import annotations

import importlib
import re
import sys
from importlib.resources import files
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable

_NEEDS: Final = "pkg_resources"
_EMOJIS: Final = "twitter_text.regexp.emoji"


def _load() -> ModuleType:
    """Import the library, which asks pkg_resources for one file of its own.

    That is a part of setuptools, which isn't always installed, no longer has it, and warns where it has.
    """
    if _NEEDS in sys.modules:
        return importlib.import_module("twitter_text")
    stand_in = ModuleType(_NEEDS)
    stand_in.__dict__["resource_string"] = _resource
    sys.modules[_NEEDS] = stand_in
    try:
        return importlib.import_module("twitter_text")
    finally:
        del sys.modules[_NEEDS]


def _resource(module: str, name: str) -> bytes:
    return files(module.rpartition(".")[0]).joinpath(name).read_bytes()


_library = _load()
_parse_tweet = cast("Callable[[str], Any]", _library.parse_tweet)
_extract_urls = cast("Callable[[str], list[str]]", _library.extract_urls)
_extract_emojis = cast("Callable[[str], list[dict[str, Any]]]", _library.extract_emojis_with_indices)
_emoji_names = cast("dict[str, Any]", importlib.import_module(_EMOJIS).emoji_dict)
_EMOJI: Final = re.compile("|".join(re.escape(one) for one in {one[0] for one in _emoji_names}))
"""What an emoji begins with, which is sooner found than an emoji."""
_url = importlib.import_module("twitter_text.regexp.extract_url").extract_url
_ascii_domain = importlib.import_module("twitter_text.regexp.valid_ascii_domain").valid_ascii_domain
_LETTERS: Final = str.maketrans(dict.fromkeys("\u0130\u0131\u017f", "\u00e9"))
_PROTOCOL: Final = 4
_DOMAIN: Final = 5
_URL: Final = 3


def weighted(text: str) -> int:
    """Return what the library counts a text as."""
    return int(_parse_tweet(text.translate(_LETTERS)).weightedLength)


def has_links(text: str) -> bool:
    """Tell whether the library sees a link in a text."""
    return bool(_extract_urls(text.translate(_LETTERS)))


def emojis(text: str) -> list[str]:
    """Return the emoji that the library sees in a text; they count as 2 each, however many code points they are."""
    return [str(found["emoji"]) for found in _extract_emojis(text)] if _EMOJI.search(text) else []


def unencodable(text: str) -> list[str]:
    """Return the links that the library takes for none because it can't encode their host.

    It goes by the rules of 2003 (IDNA), X's own code encodes any. Of hosts without a scheme X takes what is ASCII.
    """
    links: list[str] = []
    for found in _url.finditer(text.translate(_LETTERS)):
        domain = str(found[_DOMAIN])
        if _encodes(domain):
            continue
        links += [str(found[_URL])] if found[_PROTOCOL] else [str(one[0]) for one in _ascii_domain.finditer(domain)]
    return links


def _encodes(domain: str) -> bool:
    try:
        return bool(domain.encode("idna"))
    except UnicodeError:
        return False
