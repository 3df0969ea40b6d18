"""Patterns of the configuration: refused where they can run away, and stopped where they do all the same.

What can be told of a pattern by looking at it is a repetition inside a repetition; what can't, some texts that are made
to be hard for it show. Neither is a proof, so that every search has a deadline besides.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import regex

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST: Final = 300
"""Characters that a pattern has at most."""

DEADLINE: Final = 0.05
"""Seconds that one search may take."""

_PUMPED: Final = 400
_TESTED: Final = 12
_MANY: Final = 10
_QUANTIFIER: Final = re.compile(r"(?:[*+?]|\{([0-9]*)(,?)([0-9]*)\})[?+]?")
_BACK: Final = re.compile(r"\\[1-9]|\\g<|\(\?P[=>]|\(\?&|\(\?[R0-9+-]")
_LITERAL: Final = re.compile(r"\w|[-_ .,:;/@#&=]")


class SlowError(Exception):
    """A search took too long, so that nobody knows whether there is something to find."""


def checked(pattern: str) -> str:
    """Return a pattern as it is; raises ValueError with what is wrong with it."""
    if not pattern.strip():
        raise ValueError("must not be empty")
    if len(pattern) > LONGEST:
        raise ValueError(f"must not be longer than {LONGEST} characters")
    try:
        _compiled(pattern)
    except (regex.error, RecursionError, OverflowError) as error:
        raise ValueError(f"is no pattern: {getattr(error, 'msg', None) or 'it is too deep'}") from None
    if _BACK.search(pattern):
        raise ValueError("must not refer back to what it has matched, or to itself: that can take for ever")
    if _is_nested(pattern):
        raise ValueError("has a repetition inside a repetition, as (a+)+ has: that can take for ever")
    try:
        for text in _hard_texts(pattern):
            found_in(pattern, text)
    except SlowError:
        raise ValueError("takes too long on some texts: have fewer repetitions that can match the same") from None
    return pattern


def found_in(pattern: str, text: str, *, deadline: float = DEADLINE) -> bool:
    """Tell whether a text has the pattern somewhere, whatever case it is in; raises SlowError."""
    try:
        return _compiled(pattern).search(text, timeout=deadline) is not None
    except TimeoutError:
        raise SlowError(pattern) from None


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> regex.Pattern[str]:
    return regex.compile(pattern, flags=regex.IGNORECASE)


def _is_nested(pattern: str) -> bool:
    """Tell whether something that is repeated often repeats something often itself."""
    inside, atom, at = [False], False, 0
    while at < len(pattern):
        quantifier = _QUANTIFIER.match(pattern, at)
        if quantifier is not None and at > 0:
            if _is_many(quantifier):
                if atom:
                    return True
                inside[-1] = True
            inside[-1], atom, at = inside[-1] or atom, False, quantifier.end()
            continue
        inside[-1] = inside[-1] or atom
        atom = False
        match pattern[at]:
            case "\\":
                at += 2
            case "[":
                at = _after_class(pattern, at)
            case "(":
                inside.append(False)
                at += 2 if pattern.startswith("(?", at) else 1
            case ")" if len(inside) > 1:
                atom = inside.pop()
                at += 1
            case _:
                at += 1
    return False


def _is_many(quantifier: re.Match[str]) -> bool:
    if quantifier[1] is None:
        return quantifier[0][0] in "*+"
    most = quantifier[3] if quantifier[2] else quantifier[1]
    return not most or int(most) > _MANY


def _after_class(pattern: str, at: int) -> int:
    """Return where the class ends that begins there."""
    at += 2 if pattern.startswith("[^", at) else 1
    at += 1 if pattern.startswith("]", at) else 0
    while at < len(pattern) and pattern[at] != "]":
        if pattern.startswith("[:", at) and ":]" in pattern[at + 2 :]:
            at = pattern.index(":]", at + 2) + 2
        else:
            at += 2 if pattern[at] == "\\" else 1
    return at + 1


def _hard_texts(pattern: str) -> Iterator[str]:
    """Yield texts of one thing many times, and of something that it isn't at the end."""
    own = list(dict.fromkeys(_LITERAL.findall(pattern)))[:_TESTED]
    words = list(dict.fromkeys(re.findall(r"\w{2,}", pattern)))[:_TESTED]
    for piece in dict.fromkeys(["a", "0", " ", "a ", "a0", *own, *words]):
        pumped = piece * (_PUMPED // len(piece))
        for end in ("\0", "\n", ""):
            yield pumped + end
