"""Who sees our presence, and whose we see: whoever has a role may add us, and is added in turn (RFC 6121, 3).

The server keeps the roster. Rights are those of now: who has no role any more is taken out of it, so that what our
presence tells stays among colleagues.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element

import structlog

from bridge.chat.elements import ROSTER, bare, presence
from bridge.chat.errors import AnswerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.chat.stream import Stream

_log = structlog.stdlib.get_logger(__name__)

MOST_ASKING: Final = 1_000
"""Requests that wait for the rooms; of more than these the server reminds us in the next session."""


class Roster:
    """Answers those who ask for our presence. `knows` tells whether somebody has a role, in a room or without."""

    def __init__(self, stream: Stream, *, knows: Callable[[str], bool], settled: Callable[[], bool]) -> None:
        """Take who is known; `settled` tells whether all rooms that give roles have told to whom."""
        self._stream = stream
        self._knows = knows
        self._settled = settled
        self._asking: set[str] = set()

    def fresh(self) -> None:
        """Begin again: the server repeats in a new session what we haven't answered."""
        self._asking.clear()

    def presence(self, author: str, kind: str) -> None:
        """Take a presence about a subscription from a bare address."""
        if kind == "subscribe":
            self._asked(author)
        elif kind == "unsubscribe":
            # Nobody keeps us whom we would go on watching. A second bot of this kind would hear nothing of it: its
            # server passes on only what changes something.
            self._asking.discard(author)
            self._stream.send(presence(to=author, kind="unsubscribe"))

    def seen(self, author: str) -> None:
        """Look again at somebody whose affiliation has just been learned."""
        if author in self._asking:
            self._asked(author)

    async def review(self) -> None:
        """Answer who has waited, and part from those who have no role any more, as soon as that can be told.

        A server tells of subscriptions only those who have asked for the roster in this session (RFC 6121, 2.2).
        """
        for author in sorted(self._asking):
            self._asked(author)
        try:
            answer = await self._stream.ask("get", None, Element(ROSTER + "query"))
        except AnswerError as error:
            _log.info("the roster can't be read", cause=str(error))
            return
        for item in answer.iterfind(f"{ROSTER}query/{ROSTER}item"):
            self._check(bare(item.get("jid", "")), item.get("subscription", "none"))

    def _check(self, address: str, state: str) -> None:
        """Look at one contact of the roster, and at which of the two of us sees the other."""
        if state == "to":
            # They took us out while we were away, of which the server doesn't tell afterwards.
            self._stream.send(presence(to=address, kind="unsubscribe"))
        elif state in {"from", "both"} and self._settled() and not self._knows(address):
            _log.info("somebody without a role doesn't see our presence any more", person=address)
            self._stream.send(presence(to=address, kind="unsubscribed"))
            if state == "both":
                self._stream.send(presence(to=address, kind="unsubscribe"))

    def _asked(self, author: str) -> None:
        if self._knows(author):
            self._asking.discard(author)
            self._stream.send(presence(to=author, kind="subscribed"))
            self._stream.send(presence(to=author, kind="subscribe"))
        elif self._settled():
            self._asking.discard(author)
            _log.info("somebody without a role asked to see our presence", person=author)
            self._stream.send(presence(to=author, kind="unsubscribed"))
        elif len(self._asking) < MOST_ASKING:
            self._asking.add(author)
