"""Long messages as several, none of which a server or a client would refuse for its length."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bridge.domain.text.count import clusters

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST: Final = 8_000
"""Bytes of UTF-8 in one message."""

_LEAD: Final = "| "
_REST: Final = "\n..."
_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")
_WORD: Final = re.compile(r"\S+\s*|\s+")


def pieces(body: str, most: int = MOST) -> tuple[str, ...]:
    """Return a body as messages of at most `most` bytes: cut where a line ends, else a word, else between characters.

    Each further one begins with `| `, so that nothing in it can look like the beginning of a line of the bot's. A long
    body of nothing but white space is one empty message.
    """
    if _size(body) <= most:
        return (body,)
    found: list[str] = []
    current = ""
    for unit in _units(body, most - len(_LEAD)):
        if current and _size(current + unit) > most - len(_LEAD):
            found.append(current)
            current = ""
        current += unit
    found.append(current)
    whole = [one.strip("\n") for one in found if one.strip()] or [""]
    return (whole[0], *(one if one.startswith(_LEAD) else _LEAD + one for one in whole[1:]))


def beginning(body: str, most: int = MOST) -> str:
    """Return a body that is one message whatever its length: its first lines, and `...` where there are more."""
    if _size(body) <= most:
        return body
    return pieces(body, most - len(_REST))[0].rstrip() + _REST


def _units(body: str, most: int) -> Iterator[str]:
    """Give what is kept together, each with the white space behind it."""
    for line in _LINE.findall(body):
        if _size(line) <= most:
            yield line
            continue
        for word in _WORD.findall(line):
            yield from (word,) if _size(word) <= most else _chunks(word, most)


def _chunks(word: str, most: int) -> Iterator[str]:
    current = ""
    for cluster in clusters(word):
        # A cluster that is too long by itself is no character that anybody could read.
        for part in (cluster,) if _size(cluster) <= most else cluster:
            if _size(current + part) > most:
                yield current
                current = ""
            current += part
    yield current


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
