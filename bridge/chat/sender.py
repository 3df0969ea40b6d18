"""The one writer to the chat: notices go out in order, and each is done when it is seen to have arrived.

ready ─► sending (committed) ─► handed to the stream ─► done: echo (room), acknowledgement (direct chat)
           ▲                       ├─► error bounce: again later, then dropped or given to the admins
           └── certainly absent ◄──┴─► session or echo lost: looked up in the archive by origin id
"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Final

import structlog

from bridge.chat import claims
from bridge.chat.errors import AnswerError
from bridge.chat.flights import Flight, Flights
from bridge.chat.outgoing import BOUNCES, bounce_pause, stanza_of
from bridge.chat.returns import Returns
from bridge.chat.search import Search
from bridge.delivery import DIRECT, conversation
from bridge.domain.clock import wait_event
from bridge.domain.people import Place, Target
from bridge.store import InDoubt, StoreError, notices

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from bridge.chat.archive import Archives
    from bridge.chat.claims import Claim, Render
    from bridge.chat.rooms import Room
    from bridge.chat.stream import Stream
    from bridge.domain.clock import Clock
    from bridge.domain.notices import Notice
    from bridge.store import Store, Tx


_log = structlog.stdlib.get_logger(__name__)

SWEEP_SECONDS: Final = 30.0
SHORTEST_REST: Final = 0.01
GATHER_SECONDS: Final = 0.2
"""How long a receipt waits for outcomes, so that a platform that answers at once costs one message and not two."""
MEET_SECONDS: Final = 1.0
"""How often, at most, the owed lines are searched for people who haven't said anything since the start."""
_STORE_PAUSE: Final = 1.0


class Sender:
    """Sends what is owed to those who can hear it. Everything but `run`, `settle` and `redirect` is synchronous."""

    def __init__(
        self,
        *,
        stream: Stream,
        archives: Archives,
        rooms: Mapping[str, Room],
        admins: Callable[[], Sequence[str]],
        store: Store,
        render: Render,
        clock: Clock,
    ) -> None:
        """Take the session, the rooms by their addresses, who hears what an unreachable room can't, and the rest."""
        self._stream = stream
        self._search = Search(stream, archives)
        self._rooms = rooms
        self._admin_jids = admins
        self._store = store
        self._render = render
        self._clock = clock
        self._returns = Returns(store, clock)
        self._present: dict[str, object] = {}
        self._people: set[str] = set()
        self._met_at = float("-inf")
        self._online = False
        self._flights = Flights()
        self._arrived: dict[str, str | None] = {}
        self._wake = asyncio.Event()
        self._news = True
        self._doubt = False
        self._due: datetime | None = None

    @property
    def present(self) -> frozenset[str]:
        """The sources that hear us: rooms by their addresses, and `direct`."""
        return frozenset(self._present) if self._online else frozenset()

    @property
    def _admins(self) -> tuple[Target, ...]:
        return tuple(Target(jid, Place.DIRECT) for jid in self._admin_jids())

    def online(self) -> None:
        """Go on: there is a session; what was in flight is looked after at once."""
        self._online = True
        for flight in self._flights:
            flight.since = float("-inf")
        self._wake.set()

    def offline(self) -> None:
        """Stop sending; the session may be resumed."""
        self._online = False

    def reset(self) -> None:
        """Forget what was in flight: the session is another one, and `settle` will find out."""
        self._present.clear()
        self._flights.clear()

    def arrive(self, source: str) -> None:
        """Begin sending to a room or (`direct`) to people."""
        self._present[source] = object()
        self._met_at = float("-inf")
        self._news = True
        self._wake.set()

    def leave(self, source: str) -> None:
        """Stop sending there; what is in flight to it will be settled when it is back."""
        self._present.pop(source, None)
        for flight in self._flights:
            if flight.source == source:
                self._flights.end(flight.notice.origin_id)

    def arrived(self, ids: Collection[str], stanza_id: str | None) -> None:
        """Note a message of ours that was seen: live in a room, or in an archive."""
        for origin_id in ids:
            self._arrived[origin_id] = stanza_id
            self._flights.end(origin_id)
        self._wake.set()

    def acknowledged(self, origin_id: str) -> None:
        """Note that the server has taken a message over, which is all that a direct chat can show."""
        flight = self._flights.get(origin_id)
        if flight is not None and flight.notice.target.place is Place.DIRECT and flight.again_at is None:
            self.arrived((origin_id,), None)

    def bounced(self, origin_id: str, condition: str, sender: str) -> None:
        """Note that a message came back with an error, from whom it was sent to."""
        flight = self._flights.get(origin_id)
        if flight is None:
            self._returns.note(origin_id, sender, condition)
            self._wake.set()
            return
        if flight.again_at is not None or flight.notice.target.jid != sender:
            return
        flight.bounces += 1
        flight.reason = condition
        flight.again_at = self._clock.monotonic() + bounce_pause(flight.bounces)
        self._wake.set()

    async def run(self) -> None:
        """Send for ever."""
        relays = [
            asyncio.ensure_future(self._relay(notices.TOPIC, 0)),
            asyncio.ensure_future(self._relay(notices.RECEIPTS, GATHER_SECONDS)),
        ]
        try:
            while True:
                self._wake.clear()
                try:
                    await self._step()
                except StoreError as error:
                    self._doubt = self._doubt or isinstance(error, InDoubt)
                    if not error.told:
                        _log.warning("the store can't commit; what the bot says waits", cause=str(error))
                    await self._clock.sleep(_STORE_PAUSE)
                    continue
                await wait_event(self._clock, self._wake, self._rest())
        finally:
            for relay in relays:
                relay.cancel()
            await asyncio.wait(relays)

    async def settle(self, source: str) -> None:
        """Find out what became of everything in flight to a source that isn't present, and owe anew what is absent.

        Raises AnswerError where the archive can't be asked now, and StoreError.
        """
        await self.note_arrived()
        open_ = await self._store.read(notices.sending)
        mine = [notice for notice in open_ if conversation(notice.target) == source]
        if mine:
            await self._look_up(mine)

    async def redirect(self, room: str, why: str) -> None:
        """Give what is owed to a room that can't be reached to the admins; raises StoreError."""
        target = Target(room, Place.ROOM)
        owed = await self._store.read(lambda tx: notices.pending(tx, target))
        if owed:
            await self._redirect(target, owed, why)

    async def _relay(self, topic: str, pause: float) -> None:
        event = self._store.event(topic)
        while True:
            await event.wait()
            if pause:
                await self._clock.sleep(pause)
            event.clear()
            self._news = True
            self._wake.set()

    def _rest(self) -> float:
        """Return the seconds until something is to be done without being woken."""
        if not self._online:
            return SWEEP_SECONDS
        now = self._clock.monotonic()
        waits = [SWEEP_SECONDS]
        if self._news and DIRECT in self._present and self._flights.free():
            waits.append(self._met_at + MEET_SECONDS - now)
        if self._due is not None:
            left = (self._due - self._clock.now()).total_seconds()
            # Due, and still not sent: to somebody who isn't there, perhaps hiding when the next one is due.
            waits.append(left if left > 0 else MEET_SECONDS)
        waits += [at - now for at in self._flights.times()]
        return max(SHORTEST_REST, min(waits))

    async def _step(self) -> None:
        if not self._online:
            await self.note_arrived()
            return
        for flight in self._flights:
            self._hand_over(flight)
        await self._after_bounces()
        await self._check_overdue()
        while await self._send_some():
            pass
        if many := len(self._returns):
            # What came back by now was acknowledged before, and must be written down as done to be owed again.
            await self.note_arrived()
            await self._returns.work_off(many)

    async def _send_some(self) -> bool:
        """Send what fits; tell whether there may be more that can go now."""
        free = self._flights.free()
        hearing = dict(self._present)
        taken = await self._claim(free)
        stray: list[int] = []
        for claim in taken:
            source = conversation(claim.notice.target)
            if self._present.get(source) is not hearing[source]:
                # It left while the commit was under way, so this was never handed over.
                stray.append(claim.notice.id)
                continue
            stanza = stanza_of(claim, self._stream.own)
            size = len(claim.body.encode())
            flight = Flight(notice=claim.notice, stanza=stanza, size=size, since=self._clock.monotonic())
            self._flights.add(flight)
            self._hand_over(flight)
        if stray:
            await self._store.write(lambda tx: notices.reopen(tx, stray))
        if taken:
            return self._flights.free() > 0 and self._online
        return free > 0 and await self._meet_people()

    async def _claim(self, limit: int) -> list[Claim]:
        targets = self._targets()
        nicks = {jid: self._rooms[jid].nick for jid in self._present if jid in self._rooms}
        arrived, now, doubt = dict(self._arrived), self._clock.now(), self._doubt
        flying = self._flights.ids()
        due: list[datetime | None] = [None]
        room = self._flights.free_bytes()

        def unit(tx: Tx) -> list[Claim]:
            _mark_done(tx, arrived, now)
            if doubt:
                _reopen_unsent(tx, targets, flying)
            taken: list[Claim] = []
            left = room
            for notice in notices.ready(tx, targets=targets, now=now, limit=limit) if limit else ():
                if left <= 0:
                    break
                claim = claims.begin(tx, notice, self._render, nick=nicks.get(notice.target.jid), now=now)
                if claim is not None:
                    taken.append(claim)
                    left -= len(claim.body.encode())
            due[0] = notices.next_due(tx)
            return taken

        taken = await self._store.write(unit)
        self._forget_arrived(arrived)
        self._doubt = self._doubt and not doubt
        self._due = due[0]
        return taken

    def _targets(self) -> list[Target]:
        rooms = [Target(jid, Place.ROOM) for jid in self._present if jid != DIRECT]
        people = {*self._people, *(admin.jid for admin in self._admins)} if DIRECT in self._present else ()
        return [*rooms, *(Target(jid, Place.DIRECT) for jid in people)]

    async def _meet_people(self) -> bool:
        """Learn who is owed something in a direct chat; tell whether there is anybody new."""
        now = self._clock.monotonic()
        if not self._news or DIRECT not in self._present or now - self._met_at < MEET_SECONDS:
            return False
        self._news, self._met_at = False, now
        owed = await self._store.read(notices.pending)
        new = {notice.target.jid for notice in owed if notice.target.place is Place.DIRECT} - self._people
        self._people |= new
        return bool(new)

    def meet(self, person: str) -> None:
        """Note somebody who may be owed something in a direct chat."""
        self._people.add(person)

    def _hand_over(self, flight: Flight) -> None:
        if not flight.handed and self._online and self._stream.send(flight.stanza):
            flight.handed = True
            flight.since = self._clock.monotonic()

    async def _after_bounces(self) -> None:
        now = self._clock.monotonic()
        for flight in self._flights.due_again(now):
            if flight.bounces < BOUNCES:
                flight.again_at = None
                flight.handed = False
                self._hand_over(flight)
            elif flight.notice.target.place is Place.ROOM and self._admins:
                await self._redirect(flight.notice.target, [flight.notice], flight.reason)
                self._flights.end(flight.notice.origin_id)
            else:
                _log.warning("a line could not be delivered", target=flight.notice.target.jid, cause=flight.reason)
                number, why = flight.notice.id, flight.reason
                await self._store.write(lambda tx, number=number, why=why: notices.drop(tx, number, why))
                self._flights.end(flight.notice.origin_id)

    async def _check_overdue(self) -> None:
        """Look for what was sent long ago and never seen again, once whatever was sent before has been worked off."""
        overdue = self._flights.overdue(self._clock.monotonic())
        for source in {flight.source for flight in overdue}:
            if not await self._search.passed(self._rooms.get(source)):
                continue
            still = [one for one in overdue if self._flights.get(one.notice.origin_id) is one]
            mine = [one.notice for one in still if one.source == source]
            try:
                if mine:
                    await self._look_up(mine)
            except AnswerError as error:
                _log.info("the archive can't be searched now", archive=source, cause=str(error))
        now = self._clock.monotonic()
        for flight in overdue:
            flight.since = now

    async def _look_up(self, open_: Sequence[Notice]) -> None:
        """Search one source's archive for notices; what is there is done, what is not is owed anew."""
        wanted = {notice.origin_id for notice in open_}
        found = await self._search.find(open_)
        absent = [notice.id for notice in open_ if notice.origin_id not in found]
        now = self._clock.now()

        def unit(tx: Tx) -> None:
            _mark_done(tx, found, now)
            notices.reopen(tx, absent)

        await self._store.write(unit)
        for origin_id in wanted:
            self._flights.end(origin_id)
        self._news = True

    async def _redirect(self, target: Target, owed: Sequence[Notice], why: str) -> None:
        admins = self._admins
        if not admins:
            return
        now = self._clock.now()
        ids = {notice.id: [uuid.uuid4().hex for _ in admins] for notice in owed}
        moved = await self._store.write(
            lambda tx: notices.redirect(
                tx, target, admins, prefix=f"(for {target.jid}) ", origin_ids=ids, at=now, error=why
            )
        )
        _log.warning("a room can't be reached; its lines go to the admins", room=target.jid, lines=moved, cause=why)

    async def note_arrived(self) -> None:
        """Commit what was seen to have arrived; raises StoreError."""
        arrived, now = dict(self._arrived), self._clock.now()
        if arrived:
            await self._store.write(lambda tx: _mark_done(tx, arrived, now))
            self._forget_arrived(arrived)

    def _forget_arrived(self, committed: Mapping[str, str | None]) -> None:
        for origin_id in committed:
            self._arrived.pop(origin_id, None)


def _mark_done(tx: Tx, arrived: Mapping[str, str | None], now: datetime) -> None:
    for origin_id, stanza_id in arrived.items():
        notices.done(tx, origin_id, stanza_id=stanza_id, at=now)


def _reopen_unsent(tx: Tx, targets: Sequence[Target], flying: Collection[str]) -> None:
    """Owe anew what a commit of unknown outcome has marked: it was never handed to the stream."""
    lost = [one.id for one in notices.sending(tx) if one.target in targets and one.origin_id not in flying]
    notices.reopen(tx, lost)
