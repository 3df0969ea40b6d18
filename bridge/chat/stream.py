"""What the rest of the chat needs of a session, whoever holds it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

ANSWER_SECONDS = 30.0
"""How long one request waits for its answer."""


class Stream(Protocol):
    """A live session: stanzas out, and requests with their answers."""

    @property
    def own(self) -> str:
        """Our bare address."""
        ...

    def send(self, stanza: Element) -> bool:
        """Hand over a message, a presence or an answer; False (and nothing done) while there is no session."""
        ...

    async def ask(
        self, kind: Literal["get", "set"], to: str | None, payload: Element, seconds: float = ANSWER_SECONDS
    ) -> Element:
        """Send a request (`iq`) to an address (None: our own account) and return the whole answer.

        Raises Refused for an error as the answer, NoAnswer where none comes in so many seconds.
        """
        ...


async def end_all(tasks: Sequence[asyncio.Future[None]]) -> None:
    """Cancel tasks, and return when they have ended, within a second."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=1.0)
