"""The person who types: lines with the moment at which each was said, and the moment at which each answer was heard."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from slixmpp import JID

from tests.servers.person import Person

if TYPE_CHECKING:
    from tests.servers.xmpp import Login

QUIET = 2.5
"""Seconds without a line of the bot's after which it has said everything: a gathered receipt waits 2 s."""


class Talker:
    """One person in many rooms; entered through the person that it is made of."""

    def __init__(self, login: Login) -> None:
        """Take the account; nothing is connected yet."""
        self.person = Person.of(login)
        self._news = asyncio.Event()
        self._heard: list[tuple[str, str, float]] = []

    async def enter(self) -> None:
        """Sign in, and note from then on when each line of others is heard."""
        await self.person.sign_in()
        self.person.client.add_event_handler("groupchat_message", self._on_message)

    async def join(self, room: str) -> None:
        """Join a room."""
        await self.person.join(room)

    def say(self, room: str, text: str) -> float:
        """Hand a line to the stream, and return when (monotonic)."""
        at = time.monotonic()
        self.person.client.send_message(mto=JID(room), mbody=text, mtype="groupchat")
        return at

    async def burst(self, room: str, texts: Sequence[str]) -> float:
        """Say many lines, as fast as the stream takes them; return when it began."""
        at = time.monotonic()
        for number, text in enumerate(texts):
            self.say(room, text)
            if number % 10 == 0:
                await asyncio.sleep(0)
        return at

    def forget(self) -> None:
        """Forget what was heard so far."""
        self._heard.clear()
        self.person.inbox.clear()

    def lines(self, room: str) -> list[str]:
        """Return what others have said in a room since `forget`, in order."""
        return [body for where, body, _ in self._heard if where == room]

    def mark(self) -> int:
        """Return the present end of what was heard, for `after`."""
        return len(self._heard)

    async def hears(self, room: str, what: Callable[[str], object], *, after: int = 0, patience: float = 30.0) -> float:
        """Return when a line that `what` accepts was heard in a room; raises TimeoutError."""
        async with asyncio.timeout(patience):
            seen = after
            while True:
                self._news.clear()
                for where, body, at in self._heard[seen:]:
                    if where == room and what(body):
                        return at
                seen = len(self._heard)
                await self._news.wait()

    async def quiet(self, seconds: float = QUIET) -> None:
        """Return once nobody has said anything for so long."""
        while True:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), seconds)
            except TimeoutError:
                return

    def _on_message(self, message: Any) -> None:
        at = time.monotonic()
        if message["mucnick"] != self.person.nick:
            self._heard.append((message["from"].bare, message["body"], at))
            self._news.set()
