"""Mastodon's HTML, and whatever else calls itself HTML, as plain text.

The reader is our own and goes once through the markup: `html.parser` takes a minute for 100 kB of unclosed tags and
raises on `<![`. What isn't markup is text; nothing raises.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from typing import TYPE_CHECKING

from bridge.domain.text.clean import INBOUND_LIMIT, clean_inbound

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_MARKUP_LIMIT = 1_000_000  # characters; a status that needs more isn't one
_DEEPEST = 10  # levels of lists and quotations; further ones look like the last

# Both quotes and `>` may stand inside a quoted value, `<` ends a tag that was none.
_TAG = re.compile(r"""<(/?)([a-zA-Z][^\s/><]*+)((?:[^<>"']++|"[^"]*+"|'[^']*+')*+)>""")
_ATTRIBUTE = re.compile(r"""([^\s"'>/=<]++)\s*+(?:=\s*+("[^"]*+"|'[^']*+'|[^\s"'>]++))?""")
_HUGE_REFERENCE = re.compile(r"&#0*+[0-9]{8,}+;?")  # int() refuses more than 4,300 digits
_SPACES = re.compile(r"[ \t\n\r\f]++")
_BLANKS_AT_END = re.compile(r"[ \t]++\n")
_EMPTY_LINES = re.compile(r"\n{3,}")
_WEB_LINK = re.compile(r"(?:https?|gemini|xmpp|matrix)://?\S|(?:xmpp|matrix):\S", re.IGNORECASE)
_SCHEME = re.compile(r"^[a-z]+://(?:www\.)?", re.IGNORECASE)
_NAME = re.compile(r"[\w.@-]++")  # of a person or a tag, where the sign stands before the link

_UNSEEN = frozenset({"head", "iframe", "math", "noscript", "object", "script", "style", "svg", "template", "title"})
_RAW = frozenset({"iframe", "script", "style", "title"})  # what is inside isn't markup
_PARAGRAPHS = frozenset({"blockquote", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "table", "ul"})
_LINES = frozenset(
    {
        "address",
        "article",
        "aside",
        "dd",
        "details",
        "div",
        "dt",
        "figcaption",
        "figure",
        "footer",
        "header",
        "hr",
        "li",
    }
    | {"main", "nav", "section", "summary", "tr"},
)
_LISTS = frozenset({"ol", "ul"})
_STRUCK = frozenset({"del", "s", "strike"})


def to_text(html: str, limit: int | None = INBOUND_LIMIT) -> str:
    """Return HTML as plain text, cleaned as `clean_inbound` does, at most `limit` code points.

    Paragraphs are set apart by an empty line, `<br>` is a line end, quotations are prefixed with `> `, entries of
    a list with `- ` or their number. A link is its `href` if it shows a part of it, its text and then the `href` in
    brackets if it shows something else; mentions and hashtags are what they show. Pictures are their alternative text,
    what is struck out stands between `~`, and a reading beside its sign in brackets.
    """
    reader = _Reader()
    reader.read(_HUGE_REFERENCE.sub("\ufffd", html[:_MARKUP_LIMIT]))
    text = clean_inbound("".join(reader.page.pieces), None)
    text = _EMPTY_LINES.sub("\n\n", _BLANKS_AT_END.sub("\n", text)).strip()
    return clean_inbound(text, limit)


@dataclass(slots=True)
class _Page:
    """The text so far, and what has to stand before the next word."""

    pieces: list[str] = field(default_factory=list[str])
    breaks: int = 0
    space: bool = False
    quotes: int = 0
    quotes_before: int = 0
    lists: list[int | None] = field(default_factory=list[int | None])
    marker: str = ""

    def write(self, text: str) -> None:
        """Add a run of text in which every character counts, line ends too."""
        lines = text.split("\n")
        for number, line in enumerate(lines):
            if number:
                self.breaks = min(self.breaks + 1, 2)
                self.space = False
            if line:
                self._lead()
                self.pieces.append(line)

    def flow(self, text: str) -> None:
        """Add a run of text in which white space of any length is one space."""
        if not text:
            return
        words = _SPACES.sub(" ", text)
        if words[0] == " ":
            self.space = True
        if words != " ":
            self._lead()
            self.pieces.append(words.strip(" "))
            self.space = words[-1] == " "

    def apart(self, lines: int) -> None:
        """End the line (1) or the paragraph (2)."""
        self.breaks = max(self.breaks, lines)
        self.space = False

    def _lead(self) -> None:
        if self.breaks or not self.pieces:
            if self.pieces:
                between = "> " * min(self.quotes, self.quotes_before)
                self.pieces.append(f"\n{between.rstrip()}" * (self.breaks - 1) + "\n")
            self.pieces.append("> " * self.quotes + self._indent())
            self.quotes_before = self.quotes
        elif self.space:
            self.pieces.append(" ")
        self.breaks, self.space = 0, False

    def _indent(self) -> str:
        indent, self.marker = "  " * (len(self.lists) - 1) + (self.marker or "  " * bool(self.lists)), ""
        return indent


@dataclass(slots=True)
class _Link:
    href: str
    classes: frozenset[str]
    shown: list[str] = field(default_factory=list[str])
    cut: bool = False

    def text(self) -> str:
        """Return what stands for the link in plain text."""
        shown = _SPACES.sub(" ", "".join(self.shown)).strip()
        if not _WEB_LINK.match(self.href) or shown[:1] in {"@", "#", "＠", "＃"}:  # noqa: RUF001 (full-width twins)
            return shown
        if self.classes & {"mention", "hashtag", "tag"} and _NAME.fullmatch(shown):
            return shown
        whole = _SCHEME.sub("", self.href).rstrip("/").casefold()
        said = _SCHEME.sub("", shown).rstrip("/").casefold()
        if self.cut or said in {"", whole} or (said.endswith("…") and said[:-1] in whole):
            return self.href
        return f"{shown} ({self.href})"


class _Reader:
    """One pass over the markup, writing to the page."""

    def __init__(self) -> None:
        self.page = _Page()
        self._link: _Link | None = None
        self._unseen: list[str] = []
        self._verbatim = 0
        self._struck = False
        self._reading = ""

    def read(self, html: str) -> None:
        """Read a whole document."""
        at, length = 0, len(html)
        while at < length:
            begin = html.find("<", at)
            if begin < 0:
                begin = length
            self._text(html[at:begin])
            at = self._markup(html, begin) if begin < length else length
        self._close_inline()

    def _markup(self, html: str, begin: int) -> int:
        """Take what begins with `<`; return where it ends."""
        if tag := _TAG.match(html, begin):
            name = tag[2].lower()
            if tag[1]:
                self._end(name)
            elif self._begin(name, tag[3]) and name in _RAW:
                return self._raw_end(html, tag.end(), name)
            return tag.end()
        if html.startswith(("<!", "<?"), begin):
            closing = "-->" if html.startswith("<!--", begin) else ">"
            end = html.find(closing, begin + 2)
            return len(html) if end < 0 else end + len(closing)
        self._text("<")
        return begin + 1

    def _raw_end(self, html: str, at: int, name: str) -> int:
        self._unseen.pop()
        end = re.compile(rf"</{name}\b[^>]*+>?", re.IGNORECASE).search(html, at)
        return end.end() if end else len(html)

    def _text(self, markup: str) -> None:
        if not markup or self._unseen:
            return
        text = unescape(markup)
        if self._link is not None:
            self._link.shown.append(text)
        elif self._verbatim:
            self.page.write(text.replace("\r\n", "\n"))
        else:
            self.page.flow(text)

    def _begin(self, name: str, attributes: str) -> bool:
        """Take a start tag; return whether what follows is unseen."""
        if name in _UNSEEN:
            self._unseen.append(name)
        if self._unseen:
            return name in _UNSEEN
        if name in _PARAGRAPHS or name in _LINES:
            self._begin_block(name, attributes)
        elif name == "a":
            self._close_link()
            given = _attributes(attributes)
            self._link = _Link(given.get("href", "").strip(), _classes(given) | set(given.get("rel", "").split()))
        elif name == "br":
            self._break()
        elif name == "img":
            self._text_of_picture(_attributes(attributes))
        elif name == "span":
            self._begin_span(_classes(_attributes(attributes)))
        elif name in {"td", "th"}:
            self.page.flow(" ")
        else:
            self._begin_inline(name)
        return False

    def _begin_inline(self, name: str) -> None:
        if name in _STRUCK and not self._struck:
            self._struck = True
            self._text("~")
        elif name in {"ruby", "rp"}:
            self._reading = name
        elif name == "rt" and self._reading != "rp":
            self._reading = name
            self._text("(")

    def _begin_block(self, name: str, attributes: str) -> None:
        self._close_inline()
        page = self.page
        within = page.marker or (name in _LISTS and page.lists)
        page.apart(2 if name in _PARAGRAPHS and not within else 1)
        if name == "blockquote":
            page.quotes = min(page.quotes + 1, _DEEPEST)
        elif name == "pre":
            self._verbatim += 1
        elif name in _LISTS and len(page.lists) < _DEEPEST:
            page.lists.append(_first_number(attributes) if name == "ol" else None)
        elif name == "li" and page.lists:
            number = page.lists[-1]
            page.marker = "- " if number is None else f"{number}. "
            page.lists[-1] = None if number is None else number + 1

    def _begin_span(self, classes: frozenset[str]) -> None:
        if self._link is not None:
            self._link.cut |= bool(classes & {"invisible", "ellipsis"})
        elif "quote-inline" in classes:
            self.page.apart(2)

    def _text_of_picture(self, given: Mapping[str, str]) -> None:
        if alternative := given.get("alt", "").strip():
            self._text(alternative.replace("&", "&amp;"))

    def _break(self) -> None:
        if self._link is not None:
            self._link.shown.append(" ")
        else:
            self.page.write("\n")

    def _end(self, name: str) -> None:
        if self._unseen:
            if name == self._unseen[-1]:
                self._unseen.pop()
        elif name == "a":
            self._close_link()
        elif name == "br":
            self._break()
        elif name in _STRUCK:
            self._close_struck()
        elif name in {"rt", "ruby"}:
            self._close_reading()
        elif name in _PARAGRAPHS or name in _LINES:
            self._end_block(name)

    def _end_block(self, name: str) -> None:
        self._close_inline()
        page = self.page
        if name == "blockquote":
            page.quotes = max(page.quotes - 1, 0)
        elif name == "pre":
            self._verbatim = max(self._verbatim - 1, 0)
        elif name in _LISTS and page.lists:
            page.lists.pop()
        page.apart(2 if name in _PARAGRAPHS and not page.lists else 1)

    def _close_inline(self) -> None:
        """End what doesn't reach beyond its paragraph, closed or not."""
        self._close_reading()
        self._close_struck()
        self._close_link()

    def _close_struck(self) -> None:
        if self._struck:
            self._struck = False
            self._text("~")

    def _close_reading(self) -> None:
        """End a reading that brought no brackets (`rp`) of its own."""
        if self._reading == "rt":
            self._text(")")
        self._reading = ""

    def _close_link(self) -> None:
        link, self._link = self._link, None
        if link is not None and (text := link.text()):
            before = link.shown and link.shown[0][:1].isspace()
            after = link.shown and link.shown[-1][-1:].isspace()
            self.page.flow(f"{' ' * bool(before)}{text}{' ' * bool(after)}")


def _attributes(text: str) -> dict[str, str]:
    """Read a tag's attributes; of two with one name, the first counts."""
    given: dict[str, str] = {}
    for name, value in _ATTRIBUTE.findall(text):
        given.setdefault(name.lower(), unescape(value.strip("\"'")))
    return given


def _classes(given: Mapping[str, str]) -> frozenset[str]:
    return frozenset(given.get("class", "").lower().split())


def _first_number(attributes: str) -> int:
    start = _attributes(attributes).get("start", "1")
    return int(start) if start.isascii() and start.isdigit() and len(start) < len("1000000") else 1


_LEADING = re.compile(r"@([\w.-]*\w(?:@[\w.-]*\w(?::\d+)?)?)(?=[\s,:]|\Z)[,:]?\s*+")


def strip_leading_mentions(text: str, own: Collection[str]) -> str:
    """Return the text without one's own mentions among those it begins with; other people's stay.

    `own` holds one's handles as they may be written (`shop`, `shop@example.org`), with or without `@`; case is ignored.
    """
    handles = {handle.removeprefix("@").casefold() for handle in own}
    kept: list[str] = []
    text = text.lstrip()
    at = 0
    while mention := _LEADING.match(text, at):
        at = mention.end()
        if mention[1].casefold() not in handles:
            kept.append(mention[0])
    return "".join(kept) + text[at:]
