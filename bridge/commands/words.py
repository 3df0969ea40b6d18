"""What was typed, word by word: read in ASCII twins, while free text comes from the original."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from bridge.domain.ids import EntryId
from bridge.domain.text import clean_command, clean_inbound, without_shapeless

_SHOWN: Final = 40  # characters of a word that an answer repeats

_TOKEN = re.compile(r"\s*(\S+)")
# `[52->4f]` is how an answer's own id is shown; the first is the one that is meant.
_ID = re.compile(r"\[?#?([0-9a-f]{1,15})(?:->[0-9a-f]{1,15})?\]?[:,]?", re.IGNORECASE)
_NICK = re.compile(r"@([^\s@]{1,256}(?:@[^\s@/]{1,256})?)")


@dataclass(frozen=True, slots=True)
class Nick:
    """A person on a platform, whom `@kim` or `@kim@example.org` names: without the first `@`."""

    name: str

    def __str__(self) -> str:
        """Return the name as one types it."""
        return f"@{self.name}"


class Words:
    """A line being read from left to right; `at` is how far, and may be set back."""

    __slots__ = ("_original", "_twin", "at")

    def __init__(self, original: str, at: int = 0) -> None:
        """Begin at a position of what was typed."""
        self._original = original
        self._twin = clean_command(original)
        self.at = at

    def peek(self) -> str:
        """Return the next word that would be seen, without what wouldn't; empty at the end."""
        return self._next()[0]

    def take(self) -> str:
        """Return the next word and go past it."""
        word, self.at = self._next()
        return word

    def _next(self) -> tuple[str, int]:
        at = self.at
        while match := _TOKEN.match(self._twin, at):
            at = match.end()
            if word := without_shapeless(match[1]):
                return word, at
        return "", at

    def ahead(self, many: int) -> list[str]:
        """Return the next words, without going past them."""
        start = self.at
        found: list[str] = []
        while len(found) < many and (word := self.take()):
            found.append(word)
        self.at = start
        return found

    def take_match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Go past what the pattern matches here; what it matched is the original's."""
        match = pattern.match(self._original, self.at)
        if match is not None:
            self.at = match.end()
        return match

    def take_rest(self) -> str:
        """Return all that is left, as it was typed but for the white space around it, and go to the end."""
        rest = self._original[self.at :].strip()
        self.at = len(self._original)
        return rest


def shown(word: str) -> str:
    """Return a word as an answer may repeat it."""
    return f"`{clean_inbound(' '.join(word.split()), _SHOWN).replace('`', '')}`"


def entry_id(word: str) -> EntryId | None:
    """Read `4f`, `#4f`, `[4f]`, `[4f->12]`, with or without quotes or a colon; None where the word is no id."""
    match = _ID.fullmatch(word.strip("'\"`"))
    return EntryId(int(match[1], 16)) if match else None


def nick(word: str) -> Nick | None:
    """Read `@kim` or `@kim@example.org`; None where the word names nobody."""
    match = _NICK.fullmatch(word.strip("'\"`").rstrip(",:"))
    return Nick(match[1]) if match else None
