"""The little HTML that Mastodon's API speaks."""

from __future__ import annotations

import html
import re

_BREAK = re.compile(r"<br\s*/?>")
_PARAGRAPH = re.compile(r"</p>\s*<p>")
_TAG = re.compile(r"<[^>]*>")


def plain(content: str) -> str:
    """Return the text of a status's `content`: `<br>` is a newline, a new paragraph two; other tags vanish."""
    return html.unescape(_TAG.sub("", _PARAGRAPH.sub("\n\n", _BREAK.sub("\n", content))))


def markup(text: str) -> str:
    """Return `text` as a server would: escaped, in paragraphs with `<br />`."""
    paragraphs = html.escape(text, quote=True).split("\n\n")
    return "".join(f"<p>{paragraph.replace(chr(10), '<br />')}</p>" for paragraph in paragraphs)
