"""A sender with all that it works with, on a pretend stream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

from bridge.chat.archive import Archives
from bridge.chat.errors import AnswerError
from bridge.chat.rooms import Room
from bridge.chat.sender import Sender
from bridge.domain.ids import EntryId
from bridge.domain.notices import Notice, NoticeState
from bridge.domain.people import Place, Target
from bridge.store import Store, Tx, notices

if TYPE_CHECKING:
    from bridge.testing.clock import FakeClock

ROOM = "ops@rooms.example.org"
ANA = "ana@example.org"
ADMIN = "boss@example.org"
OWN = "status@example.org"


class Kit:
    """A sender with a stream that records, an archive of one's own making, and the real store."""

    def __init__(self, stream: Any, store: Store, clock: FakeClock) -> None:
        self.stream = stream
        self.store = store
        self.clock = clock
        self.archive: list[Element] = []
        self.barrier: Element | AnswerError = Element("iq")
        self.rendered: Callable[[Notice], str] = lambda notice: f"receipt of {notice.receipt}"
        self.archives = Archives(stream)
        self.room = Room(ROOM, "status", clock)
        self.sender = Sender(
            stream=stream,
            archives=self.archives,
            rooms={ROOM: self.room},
            admins=lambda: [ADMIN],
            store=store,
            render=lambda _, notice: self.rendered(notice),
            clock=clock,
        )
        stream.answers = self._answer
        self._number = 0
        self._task: asyncio.Task[None] | None = None

    def run(self, *sources: str) -> None:
        self.sender.online()
        for source in sources:
            self.sender.arrive(source)
        self._task = asyncio.ensure_future(self.sender.run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def owe(self, body: str, to: str = ROOM, **options: Any) -> str:
        self._number += 1
        origin_id, now = f"o{self._number}", self.clock.now()
        target = Target(to, Place.ROOM if to == ROOM else Place.DIRECT)

        def unit(tx: Tx) -> None:
            notices.add_line(tx, target=target, body=body, origin_id=origin_id, at=now, **options)

        await self.store.write(unit)
        return origin_id

    async def touch(self, receipt: int) -> str:
        self._number += 1
        origin_id, now = f"o{self._number}", self.clock.now()
        await self.store.write(
            lambda tx: notices.touch_receipt(
                tx, target=Target(ROOM, Place.ROOM), receipt=EntryId(receipt), origin_id=origin_id, at=now
            )
        )
        return origin_id

    async def sent(self, *bodies: str) -> None:
        """Wait until exactly these bodies have been handed to the stream, in this order."""
        await until(lambda: len(self.stream.sent) >= len(bodies))
        assert self.stream.bodies() == list(bodies)

    async def owed(self) -> dict[str, NoticeState]:
        return {notice.body: notice.state for notice in await self.store.read(notices.pending)}

    async def all_done(self) -> None:
        deadline = time.monotonic() + 10
        while left := await self.owed():
            assert time.monotonic() < deadline, left
            await asyncio.sleep(0.005)

    def echo(self, *ids: str) -> None:
        for origin_id in ids:
            self.sender.arrived({origin_id}, f"archived-{origin_id}")

    def keep(self, origin_id: str, author: str = OWN) -> None:
        """Put a line into the archive, as if it had arrived."""
        message = Element("{jabber:client}message", {"from": f"{ROOM}/status", "id": origin_id})
        user = "{http://jabber.org/protocol/muc#user}"
        x = Element(user + "x")
        x.append(Element(user + "item", {"jid": author}))
        message.append(x)
        self.archive.append(message)

    async def later(self, seconds: float) -> None:
        """Let time pass for a sender that has nothing to do before."""
        await until(lambda: self.clock.sleepers > 0)
        await self.clock.advance(seconds)

    def _answer(self, asked: tuple[str, str | None, Element]) -> Element | AnswerError:
        _, to, payload = asked
        if payload.tag == "{urn:xmpp:ping}ping":
            return self.barrier
        for number, message in enumerate(self.archive):
            result = Element("{urn:xmpp:mam:2}result", {"queryid": payload.get("queryid", ""), "id": f"a{number}"})
            forwarded = Element("{urn:xmpp:forward:0}forwarded")
            forwarded.append(Element("{urn:xmpp:delay}delay", {"stamp": self.clock.now().isoformat()}))
            forwarded.append(message)
            result.append(forwarded)
            wrapper = Element("{jabber:client}message", {"from": to or OWN})
            wrapper.append(result)
            self.archives.collect(wrapper)
        answer = Element("{jabber:client}iq")
        answer.append(Element("{urn:xmpp:mam:2}fin", {"complete": "true"}))
        return answer


async def until(look: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not look():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.002)
