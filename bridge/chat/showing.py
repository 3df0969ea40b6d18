"""What our presence shows, to contacts and rooms alike: what we do, how we are, what our client speaks, our picture."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import SubElement

import structlog

from bridge.chat.disco import caps
from bridge.chat.elements import VCARD_UPDATE, presence
from bridge.domain.clock import wait_event
from bridge.store import OUTAGE, StoreError, accounts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bridge.chat.stream import Stream
    from bridge.domain.clock import Clock
    from bridge.domain.standing import Standing
    from bridge.store import Store

_log = structlog.stdlib.get_logger(__name__)

STATUS: Final = "I publish what staff tell me to. Say !help"
WRITES_NOTHING: Final = "I can't write anything down at the moment, so nothing is done yet. What you say waits"
"""Shown in place of it, since no line can be sent that isn't written down first."""

EVERY: Final = 3.0
"""Seconds from one change of our presence to the next at least, since everybody who sees us gets each of them; but an
outage of the store is shown as soon as it begins."""


class Showing:
    """Sends our presence to whom it concerns when it has changed. Everything but `run` is synchronous."""

    def __init__(
        self,
        *,
        stream: Stream,
        store: Store,
        clock: Clock,
        standing: Callable[[], Awaitable[Standing]] | None,
        rooms: Callable[[], Mapping[str, str]],
    ) -> None:
        """Take what tells how the accounts stand, and which rooms we are in, with our nicks there."""
        self._stream = stream
        self._store = store
        self._clock = clock
        self._standing = standing
        self._rooms = rooms
        self._words = ""
        self._photo: str | None = None
        self._outage = asyncio.Event()
        self._news = asyncio.Event()
        self._news.set()
        self._shown: dict[str, tuple[str, bool, str | None]] = {}

    def fresh(self) -> None:
        """Show ourselves in a new session, in which nobody sees us yet."""
        self._shown.clear()
        self._show("")

    def enter(self, room: str) -> None:
        """Show ourselves in a room that we have just entered."""
        self._shown.pop(room, None)
        self._show(room)

    def leave(self, room: str) -> None:
        """Take a room for one that doesn't see us."""
        self._shown.pop(room, None)

    def look(self) -> None:
        """Look soon whether something has changed that is to be shown."""
        self._news.set()

    def picture(self, photo: str) -> None:
        """Show which picture we have: its hash (XEP-0153), or nothing where there is none."""
        self._photo = photo
        self.look()

    async def run(self) -> None:
        """Show for ever what changes."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._relay(self._store.event(OUTAGE), self._outage))
            group.create_task(self._relay(self._store.event(accounts.TOPIC)))
            while True:
                await self._news.wait()
                self._news.clear()
                busy = self._store.problem is not None
                await self._learn()
                if self._show_all():
                    await self._rest(busy=busy)

    async def _relay(self, event: asyncio.Event, also: asyncio.Event | None = None) -> None:
        while True:
            await event.wait()
            event.clear()
            self.look()
            if also is not None:
                also.set()

    async def _rest(self, *, busy: bool) -> None:
        """Return when the next change may be shown; `busy` is whether an outage is shown already."""
        end = self._clock.monotonic() + EVERY
        while (left := end - self._clock.monotonic()) > 0 and (busy or self._store.problem is None):
            self._outage.clear()
            await wait_event(self._clock, self._outage, left)

    async def _learn(self) -> None:
        # While the store is away it can't be asked, and something else is shown.
        if self._standing is None or self._store.problem is not None:
            return
        try:
            self._words = str(await self._standing())
        except StoreError as error:
            _log.debug("how the accounts stand can't be read", cause=str(error))

    def _show_all(self) -> bool:
        """Show everybody what they don't see yet; tell whether there was anything."""
        shown = [self._show(place) for place in ("", *self._rooms())]
        return any(shown)

    def _show(self, place: str) -> bool:
        """Show a room, or (without a name) all contacts, how we are, unless they see it; tell whether it was sent."""
        busy = self._store.problem is not None
        usual = f"{STATUS}. {self._words}" if self._words else STATUS
        now = (WRITES_NOTHING if busy else usual, busy, self._photo)
        nick = self._rooms().get(place)
        if self._shown.get(place) == now or (place and nick is None):
            return False
        stanza = presence(to=f"{place}/{nick}" if place else None, status=now[0], busy=busy)
        stanza.append(caps())
        update = SubElement(stanza, VCARD_UPDATE + "x")
        if self._photo is not None:
            # Without the element nothing is said; an empty one says that there is no picture.
            SubElement(update, VCARD_UPDATE + "photo").text = self._photo
        sent = self._stream.send(stanza)
        if sent:
            self._shown[place] = now
        return sent
