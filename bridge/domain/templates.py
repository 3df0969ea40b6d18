"""Texts that are written once and filled with a few words each time: `Maintenance of {1} begins at {2} UTC.`"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from bridge.domain.text import clean_command, is_blank

_PIECE: Final = re.compile(r"\{\{|\}\}|\{([1-9][0-9]?)\}|[{}]")
_WORD: Final = re.compile(r'"([^"\n]+)"(?!\S)|\S+')


@dataclass(frozen=True, slots=True)
class Template:
    """A text with the places `{1}`, `{2}` and so on, each as often as one likes; `{{` and `}}` are braces."""

    text: str

    @property
    def takes(self) -> int:
        """How many words it takes."""
        return max((int(match[1]) for match in _PIECE.finditer(self.text) if match[1]), default=0)

    def words(self, said: str) -> tuple[str, ...]:
        """Return the words that a line has for it, exactly as they were typed.

        `"a b"` counts as one word, without its quotes. The last place takes the rest of the line. There may be fewer
        words than it takes, or, where it takes none, one.
        """
        twin, at = clean_command(said), 0
        found: list[str] = []
        while len(found) < self.takes - 1 and (match := _WORD.search(twin, at)):
            found.append(_taken(said, match))
            at = match.end()
        rest = said[at:].strip()
        whole = _WORD.fullmatch(clean_command(rest))
        return (*found, _taken(rest, whole) if whole else rest) if rest else tuple(found)

    def filled(self, words: tuple[str, ...]) -> str:
        """Return the text with the words in their places; as many as it takes."""

        def piece(match: re.Match[str]) -> str:
            return words[int(match[1]) - 1] if match[1] else match[0][0]

        return _PIECE.sub(piece, self.text)


def _taken(said: str, match: re.Match[str]) -> str:
    begin, end = match.span(1) if match[1] else match.span()
    return said[begin:end]


def checked(text: str) -> str:
    """Return a template's text as it is; raises ValueError, with what is wrong with it and without the text."""
    if is_blank(text):
        raise ValueError("must not be empty")
    places: set[int] = set()
    for match in _PIECE.finditer(text):
        if match[1]:
            places.add(int(match[1]))
        elif len(match[0]) == 1:
            raise ValueError(
                f"the brace at character {match.start() + 1} belongs to no place for a word: these are {{1}}, {{2}} "
                "and so on, and a brace itself is written twice"
            )
    missing = set(range(1, max(places, default=0))) - places
    if missing:
        raise ValueError(f"has the place {{{max(places)}}}, but not {{{min(missing)}}}")
    return text
