"""Long texts as threads: split on sentences, then on words, never inside a link, a mention or a grapheme cluster.

The cost is linear in the text, plus some ten calls of `fits` for each part.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import regex

from bridge.domain.text.clean import is_blank
from bridge.domain.text.count import clusters, graphemes

if TYPE_CHECKING:
    from collections.abc import Callable

PARTS_LIMIT = 100
"""The longest thread that is made; nobody wants more, and a longer one is a slip of the hand."""

_SHOWN = 40  # characters of a word that an error shows
_LONGEST_COUNTER = 4  # digits of a number of parts

# What stays whole even where a word must be cut. No pattern can match twice in different ways (possessive), and each
# begins only where its first run of characters begins: linear in the text.
# A name of letters ends where ideographs begin, unless it begins with one.
_IDEOGRAPH = r"[\p{Han}\p{Hiragana}\p{Katakana}]"
_HOST = (
    rf"(?:(?={_IDEOGRAPH})(?:[\p{{L}}\p{{N}}-]|\.(?=[\p{{L}}\p{{N}}]))++"
    rf"|[\p{{L}}\p{{N}}](?:(?!{_IDEOGRAPH})[\p{{L}}\p{{N}}-]|\.(?=[\p{{L}}\p{{N}}]))*+)(?::\d++)?"
)
_WHOLE = regex.compile(
    r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]*+://[^\s<>\"。、」』）！？]++"  # noqa: RUF001 (they end a link)
    r"|(?<![a-z])(?:mailto|xmpp|tel|sip|geo|magnet):[^\s<>\"]++"
    rf"|(?<![a-z0-9_.+@-])[a-z0-9_.+-]*+@[a-z0-9_](?:[a-z0-9_]|[.-](?=[a-z0-9_]))*+(?:@{_HOST})?"
    r"|(?<![\p{L}\p{N}.-])(?:[\p{L}\p{N}-]{1,63}+\.(?=[\p{L}\p{N}]))++\p{L}{2,63}+(?::\d++)?(?:[/?#][^\s<>\"]*+)?",
    regex.IGNORECASE,
)

# Where a text may be cut: after white space (with how good a place it is), and between ideographs, which have none.
# What joins the character before it must not begin a part, nor what East Asian typography keeps from there.
_JOINS = r"[\p{GCB=Extend}\p{GCB=ZWJ}\p{GCB=SpacingMark}]"
_CLOSERS = r"[\"'»”’)\]」』）]{0,3}"  # noqa: RUF001 (they close a quotation or a bracket)
_NEVER_FIRST = r"[々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ]"
_CUT = regex.compile(
    r"(?P<sentence>(?<!\s)[^\S\n]*+\n\s*+"
    rf"|(?<=[!?…‽؟।。！？]{_CLOSERS})\s++|(?<=\.{_CLOSERS})\s++(?!\p{{Ll}})"  # noqa: RUF001 (they end a sentence)
    rf"|(?<=[。！？][」』）]?)(?![。！？」』）…\s]))(?!{_JOINS})"  # noqa: RUF001 (as above)
    rf"|(?P<word>(?<!\s)\s++(?!{_JOINS})"
    rf"|(?:(?<=[、，ー]|{_IDEOGRAPH})(?=[「『（@\p{{L}}\p{{N}}])|(?<=[\p{{L}}\p{{N}}])(?={_IDEOGRAPH}))"  # noqa: RUF001 (a comma)
    rf"(?!{_NEVER_FIRST}|{_JOINS}))",
)


class _Rank(IntEnum):
    """How good a place to cut is."""

    CLUSTER = 0
    WORD = 1
    SENTENCE = 2


_RANKS = {"sentence": _Rank.SENTENCE, "word": _Rank.WORD}


class TooLong(ValueError):  # noqa: N818 (it names the answer to "what is wrong with it?")
    """The text can't be split: one word doesn't fit, or there would be too many parts. Says so in one sentence."""


@dataclass(frozen=True, slots=True)
class _Cut:
    at: int
    rank: _Rank


def at_most(limit: int, length: Callable[[str], int] = graphemes) -> Callable[[str], bool]:
    """Return the test for `split` that a text is at most `limit` long, as `length` counts it."""
    return lambda text: length(text) <= limit


def split(
    text: str,
    fits: Callable[[str], bool],
    *,
    numbered: bool = False,
    limit: int = PARTS_LIMIT,
) -> tuple[str, ...]:
    """Return the text as it is if it fits, else as the parts of a thread, each of which fits.

    The parts carry everything but the white space between them, in order; they end where a sentence ends if that leaves
    at least a third of what would have fitted, else where a word ends. A word that doesn't fit alone is cut between
    clusters. Links, addresses and mentions stay whole. `fits` should answer yes for the beginning of whatever it
    answers yes for. With `numbered`, each part ends with its number: ` 1/3`.

    Raises TooLong if a link or mention alone doesn't fit, or if there would be more than `limit` parts.
    """
    for whole in (text, text.strip()):
        if fits(whole):
            return (whole,)
    if not numbered:
        return tuple(_Splitter(text, fits, limit).parts())
    for digits in range(1, _LONGEST_COUNTER + 1):
        room = f" {'9' * digits}/{'9' * digits}"
        found = _Splitter(text, lambda part, room=room: fits(part + room), limit).parts()
        if len(found) == 1:
            return tuple(found)
        if len(str(len(found))) <= digits:
            return tuple(f"{part} {number}/{len(found)}" for number, part in enumerate(found, 1))
    raise TooLong(_too_many(limit))


def _too_many(limit: int) -> str:
    return f"this text would need more than {limit} posts: shorten it, or publish it elsewhere and post its link"


class _Splitter:
    """One split: the text, its cuts, and how many of them the last part took."""

    def __init__(self, text: str, fits: Callable[[str], bool], limit: int) -> None:
        self._text = text
        self._fits = fits
        self._limit = limit
        self._whole = [match.span() for match in _WHOLE.finditer(text)]
        self._cuts = self._find_cuts()
        self._stride = 16

    def parts(self) -> list[str]:
        """Return all parts in order."""
        parts: list[str] = []
        start = first = 0
        while first < len(self._cuts):
            last = self._reach(start, first)
            if last is None:
                self._refine(start, first)
                continue
            last = self._best(start, first, last)
            part = self._part(start, last)
            if not is_blank(part):
                parts.append(part)
            if len(parts) > self._limit:
                raise TooLong(_too_many(self._limit))
            self._stride = last - first + 1
            start, first = self._cuts[last].at, last + 1
        return parts or [""]

    def _find_cuts(self) -> list[_Cut]:
        cuts: list[_Cut] = []
        whole = iter([*self._whole, (len(self._text), len(self._text))])
        begin, end = next(whole)
        for match in _CUT.finditer(self._text):
            at = match.end()
            while end <= at and end < len(self._text):
                begin, end = next(whole)
            if 0 < at < len(self._text) and not begin < at < end:
                cuts.append(_Cut(at, _RANKS[str(match.lastgroup)]))
        return [*cuts, _Cut(len(self._text), _Rank.SENTENCE)]

    def _part(self, start: int, last: int) -> str:
        return self._text[start : self._cuts[last].at].strip()

    def _reach(self, start: int, first: int) -> int | None:
        """Return the last cut up to which the text from `start` fits: doubled from the last part's, then halved."""
        if not self._fits(self._part(start, first)):
            return None
        good, step = first, max(self._stride, 1)
        bad = len(self._cuts)
        while good + step < bad:
            if not self._fits(self._part(start, good + step)):
                bad = good + step
                break
            good += step
            step *= 2
        while bad - good > 1:
            middle = (good + bad) // 2
            if self._fits(self._part(start, middle)):
                good = middle
            else:
                bad = middle
        return good

    def _best(self, start: int, first: int, last: int) -> int:
        """Return the cut to take: the last one of the best rank that isn't wasteful."""
        if last == len(self._cuts) - 1:
            return last
        enough = start + (self._cuts[last].at - start) // 3
        for rank in (_Rank.SENTENCE, _Rank.WORD):
            for index in range(last, first - 1, -1):
                if self._cuts[index].at < enough:
                    break
                if self._cuts[index].rank >= rank:
                    return index if self._fits(self._part(start, index)) else last
        return last

    def _refine(self, start: int, first: int) -> None:
        """Put cuts between the clusters of a word that doesn't fit alone; what must stay whole stays whole."""
        end = self._cuts[first].at
        begins = bisect_left(self._whole, (start, start))
        whole = self._whole[begins : bisect_left(self._whole, (end, end))][::-1]
        fine: list[_Cut] = []
        at = start
        for cluster in clusters(self._text[start:end]):
            at += len(cluster)
            while whole and whole[-1][1] <= at:
                whole.pop()
            if at < end and not (whole and whole[-1][0] < at):
                fine.append(_Cut(at, _Rank.CLUSTER))
        if not fine:
            raise TooLong(_too_wide(self._part(start, first)))
        self._cuts[first:first] = fine


def _too_wide(word: str) -> str:
    shown = word if len(word) <= _SHOWN else f"{word[:_SHOWN]}…"
    return f"`{shown}` doesn't fit into one post and can't be cut: shorten it"
