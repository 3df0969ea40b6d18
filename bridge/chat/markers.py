"""Receipts (XEP-0184) and markers (XEP-0333) for direct messages that ask for them; none is asked for in return.

They tell that a line is written down, so they go out after its commit. They aren't kept: a line that is committed just
before a kill stays without, and so does one that was said before we came. The answer to it tells more.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, SubElement

from bridge.chat.elements import DELAY, MARKERS, MESSAGE, RECEIPTS, sender_of, stamp_of
from bridge.commands.incoming import Content

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.chat.stream import Stream
    from bridge.commands.incoming import Incoming

MOST: Final = 1_000
"""Lines that wait for their commit, and lines of which is known that they were answered."""

_READ: Final = frozenset({Content.TEXT, Content.FILE})


@dataclass(frozen=True, slots=True)
class _Owed:
    """Where to, of which type, and about which message of theirs."""

    to: str
    type: str
    id: str
    answers: tuple[str, ...]


class Markers:
    """Answers each message once. Call `expect` before the line is handed on, and `committed` when it is."""

    def __init__(self, stream: Stream, began: datetime) -> None:
        """Take the session; what was said before `began` may have been answered already."""
        self._stream = stream
        self._began = began
        self._owed: dict[tuple[str, str], _Owed] = {}
        self._answered: dict[tuple[str, str], None] = {}

    def expect(self, stanza: Element, incoming: Incoming) -> None:
        """Note what a message that came live in a direct chat asks for."""
        key, identifier = (incoming.archive, incoming.key), stanza.get("id")
        asked = {
            RECEIPTS + "received": stanza.find(RECEIPTS + "request") is not None,
            MARKERS + "displayed": stanza.find(MARKERS + "markable") is not None,
        }
        answers = tuple(answer for answer, wanted in asked.items() if wanted)
        if not answers or not identifier or incoming.content not in _READ or key in self._answered:
            return
        stamp = stamp_of(stanza.find(DELAY + "delay"))
        if stamp is not None and stamp < self._began:
            return
        type_ = stanza.get("type", "normal")
        self._owed[key] = _Owed(to=sender_of(stanza), type=type_, id=identifier, answers=answers)
        _shorten(self._owed)

    def committed(self, incoming: Incoming) -> None:
        """Answer a line, wherever its commit came from."""
        key = (incoming.archive, incoming.key)
        owed = self._owed.pop(key, None)
        if owed is None:
            return
        self._answered[key] = None
        _shorten(self._answered)
        for answer in owed.answers:
            message = Element(MESSAGE, {"to": owed.to, "type": owed.type, "id": uuid.uuid4().hex})
            SubElement(message, answer, {"id": owed.id})
            self._stream.send(message)


def _shorten(noted: dict[tuple[str, str], _Owed] | dict[tuple[str, str], None]) -> None:
    while len(noted) > MOST:
        del noted[next(iter(noted))]
