"""Taking secrets out of texts before anybody sees them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN: Final = "[hidden]"
_LONG: Final = 8
"""From this length on a secret is hidden wherever it stands; a shorter one only where it stands alone."""


class Redactor:
    """Replaces secrets, also in the spellings of URLs, JSON, XML and Python, by `[hidden]`."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Take the first secrets; more may be added."""
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Hide these, too; empty ones are nothing to hide."""
        self._secrets.update(secret for secret in secrets if secret)
        spellings = {spelling for secret in self._secrets for spelling in _spellings(secret)}
        longest_first = sorted(spellings, key=lambda text: (-len(text), text))
        self._pattern = re.compile("|".join(map(_expression, longest_first))) if spellings else None

    def text(self, text: str) -> str:
        """Return the text without any secret in it."""
        return text if self._pattern is None else self._pattern.sub(HIDDEN, text)


def _spellings(secret: str) -> set[str]:
    return {
        secret,
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        escape(secret, {'"': "&quot;", "'": "&apos;"}),
        repr(secret)[1:-1],
    }


def _expression(text: str) -> str:
    plain = re.escape(text)
    return plain if len(text) >= _LONG else rf"(?<!\w){plain}(?!\w)"
