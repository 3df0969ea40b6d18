"""Text from outside made harmless, and text on its way to an XML stream made possible.

What happens to the characters that steer the direction of writing: overrides, embeddings and isolates
(U+202A to U+202E, U+2066 to U+2069) reach beyond their own text and go; the marks U+200E, U+200F and U+061C stay, since
right-to-left text needs them beside punctuation and each one speaks for its own place only.
"""

from __future__ import annotations

import re
import unicodedata

import regex

INBOUND_LIMIT = 10_000
"""Code points that one text from outside may have; a platform's own limit is normally far below."""

_MARKS_IN_A_ROW = 10  # no script needs as many; more of them paint over the neighbouring lines
_WINDOW = 64  # code points in which the end of the last whole cluster is looked for

_NEW_LINE = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_UNWANTED = regex.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x9f]"  # controls, but for tab and what _NEW_LINE takes
    r"|[\u202a-\u202e\u2066-\u2069\u206a-\u206f]"  # direction, and its deprecated kin
    r"|[\ufeff\ufff9-\ufffb]"  # byte order mark, interlinear annotations
    r"|[\ud800-\udfff]|\p{Noncharacter_Code_Point}"
    # Tags are invisible letters; they mean something only in the flag of a region.
    r"|(?<!\U0001F3F4[\U000E0020-\U000E007E]{0,8})[\U000E0000-\U000E007F]",
)
_PILED = regex.compile(rf"(\p{{M}}{{{_MARKS_IN_A_ROW}}})\p{{M}}++")
_SHAPELESS = r"\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800"
_INVISIBLE = regex.compile(rf"[\s\p{{Z}}{_SHAPELESS}]*+")
_FORMLESS = regex.compile(rf"(?!\s)[{_SHAPELESS}]")
_WIDE_GAP = re.compile(r"[^\S\n]{17,}")

_TWINS = str.maketrans(
    dict.fromkeys(
        "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "
    )
    | dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u2035\u02bc\uff07\u00b4", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u2036\u00ab\u00bb\uff02", '"'),
)


def xml_safe(text: str) -> str:
    r"""Return the text without what an XML 1.0 stream can't carry (XML 1.0, 2.2 `Char`).

    Line ends become `\n`, as a parser would make them. Nothing else changes.
    """
    return _NOT_XML.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def clean_inbound(text: str, limit: int | None = INBOUND_LIMIT) -> str:
    r"""Return text from outside as it may be shown and stored.

    Without control characters (but for `\n` and `\t`), direction overrides, lone surrogates, noncharacters, invisible
    tags and piled-up marks; every kind of line end is `\n`; normalised (NFC); at most `limit` code points, of
    which the last is `…` where a longer text was cut between two clusters. The same text again comes out unchanged.
    """
    text = _UNWANTED.sub("", _NEW_LINE.sub("\n", text))
    # Before it is normalised, since sorting a long run of marks takes quadratic time; and after, since some come apart.
    text = _PILED.sub(r"\1", unicodedata.normalize("NFC", _PILED.sub(r"\1", text)))
    return text if limit is None or len(text) <= limit else _cut(text, limit)


def _cut(text: str, limit: int) -> str:
    """Cut between clusters where one ends within reach; a cluster longer than the window is cut anyhow."""
    end = max(limit - 1, 0)
    start = max(end - _WINDOW, 0)
    for cluster in regex.finditer(r"\X", text[start : end + 1]):
        if start + cluster.end() > end and cluster.start() > 0:
            end = start + cluster.start()
            break
    return text[:end] + "…" * min(limit, 1)


def clean_command(text: str) -> str:
    """Return the text with look-alike spaces and quotes as their ASCII twins, for reading a verb and its arguments.

    Character for character: a position here is the same position in the original, from which free text is taken.
    """
    return text.translate(_TWINS)


def quoted_lines(text: str) -> str:
    """Return a text as one notice can hold it: all lines but the first begin with `| `.

    The caller writes its own prefix before the first. Gaps so wide that the rest would seem to be a line of its own are
    narrowed, blank lines at the end are dropped.
    """
    lines = _WIDE_GAP.sub(" ", text).rstrip().splitlines()
    return "\n".join([*lines[:1], *(f"| {line}".rstrip() for line in lines[1:])])


def is_blank(text: str) -> bool:
    """Return whether nothing of the text would be seen: spaces, controls, and characters without a shape."""
    return _INVISIBLE.fullmatch(text) is not None


def seen_from(text: str) -> int:
    """Return where the first character stands that would be seen; the length of a text without any."""
    match = _INVISIBLE.match(text)
    return match.end() if match else 0


def without_shapeless(word: str) -> str:
    """Return a word without the characters that nobody sees."""
    return word if word.isascii() and word.isprintable() else _FORMLESS.sub("", word)
