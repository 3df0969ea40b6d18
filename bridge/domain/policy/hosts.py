"""The hosts that a text names, in links or plainly, and whom it mentions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LINK: Final = re.compile(r"(?<![a-z0-9])[a-z][a-z0-9+.-]{0,20}://[^\s<>\"]{1,2000}", re.IGNORECASE)
_NAME: Final = re.compile(r"(?<![\w@.-])(?:[^\W_][\w-]{0,62}\.){1,10}[^\W\d_][\w-]{1,62}(?![\w@])\.?", re.IGNORECASE)
_MENTION: Final = re.compile(r"(?<![\w@/.])@\w[\w.-]{0,200}(?:@[\w.-]{1,200})?")
_ENDINGS: Final = frozenset(
    {"com", "net", "org", "info", "biz", "io", "dev", "app", "ai", "xyz", "link", "shop", "site", "online", "page"}
    | {"co", "de", "uk", "eu", "us", "me", "ly", "gl", "to", "tv", "cc", "gg", "ru", "cn", "fr", "nl", "ch", "at", "be"}
)
"""Of such names platforms make links even where no scheme stands before them."""

UNKNOWN: Final = "?"


def links(text: str) -> list[str]:
    """Return the host of each link in a text, once; `?` for a link of which nobody can tell where it leads."""
    found = [_host(match[0]) for match in _LINK.finditer(text)]
    rest = _LINK.sub(" ", text)
    found += [name for name in names(rest) if name.startswith("www.") or name.rpartition(".")[2] in _ENDINGS]
    return list(dict.fromkeys(found))


def names(text: str) -> Iterator[str]:
    """Yield every name in a text that looks like a host's."""
    for match in _NAME.finditer(text):
        yield canonical(match[0])


def mentions(text: str) -> int:
    """Return how many people a text mentions."""
    return sum(1 for _ in _MENTION.finditer(text))


def below(host: str, wanted: Iterable[str]) -> bool:
    """Tell whether a host is one of some, or below one."""
    return any(host == one or host.endswith(f".{one}") for one in map(canonical, wanted))


def canonical(host: str) -> str:
    """Return a host as it is compared: without case, a dot at its end, or letters beyond ASCII."""
    plain = host.strip().rstrip(".").casefold()
    try:
        return plain.encode("idna").decode("ascii")
    except UnicodeError:
        return plain


def _host(link: str) -> str:
    try:
        # Browsers take a backslash for a slash, so that what follows it is no host.
        return canonical(urlsplit(link.replace("\\", "/")).hostname or UNKNOWN)
    except ValueError:
        return UNKNOWN
