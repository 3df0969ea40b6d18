"""Staying where the bot belongs: in each room, and in touch with its own archive, for as long as a session lasts."""

from __future__ import annotations

import random
import uuid
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import structlog

from bridge.chat.elements import presence, timestamp
from bridge.chat.errors import AnswerError
from bridge.chat.rooms import NotJoined, Room
from bridge.delivery import DIRECT
from bridge.domain.clock import wait_event
from bridge.domain.people import Place, Target
from bridge.store import StoreError, cursors, notices

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from bridge.chat.archive import Archives
    from bridge.chat.conversation import CaughtUp, Conversation
    from bridge.chat.invitations import Invitation
    from bridge.chat.sender import Sender
    from bridge.chat.stream import Stream
    from bridge.domain.clock import Clock
    from bridge.store import Store, Tx

_log = structlog.stdlib.get_logger(__name__)

SELF_PING_SECONDS: Final = 60.0
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
_MOST_DOUBLINGS: Final = 8
_LATER: Final = (AnswerError, StoreError)

NO_ARCHIVE = (
    "This room has no archive, so what is said here while I am away is lost to me: switch on archiving in the room's "
    "configuration."
)
UNKNOWN_ROOM = (
    'I sit only in rooms that the configuration names: add [[rooms]] with jid = "{room}" to it, then `reload`.'
)
NOT_OURS = "the configuration doesn't name it any more"
HIDDEN = (
    "I can't see who is who in this room, so I take no commands here: make it non-anonymous (real addresses visible to "
    "anyone) in the room's configuration."
)

PRIVATE = (
    "I take nothing from private messages that come through a room: say it here, or in the room itself. Nothing was "
    "posted."
)


class Keeper:
    """The tasks of one session; each runs until the session ends and it is cancelled."""

    def __init__(
        self,
        *,
        stream: Stream,
        archives: Archives,
        sender: Sender,
        store: Store,
        clock: Clock,
        online: asyncio.Event,
        admins: Callable[[], Sequence[str]],
        on_caught_up: Callable[[str], Awaitable[None]],
        on_left: Callable[[str], None],
    ) -> None:
        """Take what joins, reads and sends; `online` is set while there is a session."""
        self._stream = stream
        self._archives = archives
        self._sender = sender
        self._store = store
        self._clock = clock
        self._online = online
        self._admin_jids = admins
        self._on_caught_up = on_caught_up
        self._on_left = on_left
        self._told: set[tuple[str, str]] = set()

    @property
    def _admins(self) -> tuple[Target, ...]:
        return tuple(Target(jid, Place.DIRECT) for jid in self._admin_jids())

    async def keep_room(self, room: Room, conversation: Conversation) -> None:
        """Be in a room: join, catch up, tell, watch, and again."""
        failures = 0
        while True:
            await self._online.wait()
            try:
                await self._enter(room, conversation)
                failures = 0
                await self._stay(room)
                await self._thrown_out(room)
            except NotJoined as refusal:
                await self._refused(room, refusal)
            except _LATER as error:
                _log.info("the room can't be caught up with now; trying on", room=room.jid, cause=str(error))
            conversation.leave()
            self._sender.leave(room.jid)
            self._on_left(room.jid)
            await self._pause(failures, room.invited)
            failures += 1

    async def give_up(self, room: Room, conversation: Conversation) -> None:
        """Leave a room that isn't ours any more; what it is owed still goes to the admins."""
        conversation.leave()
        self._stream.send(presence(to=f"{room.jid}/{room.nick}", kind="unavailable"))
        self._sender.leave(room.jid)
        self._on_left(room.jid)
        try:
            await self._sender.redirect(room.jid, NOT_OURS)
        except _LATER as error:
            _log.info("what the room is owed stays where it is", room=room.jid, cause=str(error))

    async def keep_direct(self, conversation: Conversation) -> None:
        """Catch up with the direct chats, then live; returns once that is done."""
        failures = 0
        while True:
            await self._online.wait()
            try:
                await self._prefer_keeping()
                caught_up = await conversation.catch_up()
                await self._tell_directly(caught_up)
                await self._sender.settle(DIRECT)
            except _LATER as error:
                _log.info("the own archive can't be read now; trying on", cause=str(error))
                await self._pause(failures)
                failures += 1
            else:
                self._sender.arrive(DIRECT)
                await self._on_caught_up(DIRECT)
                return

    async def invited(self, invitation: Invitation, room: Room | None) -> None:
        """See to an invitation: an admin's to a room of ours makes us try at once, anybody else's nothing."""
        admin = Target(invitation.inviter, Place.DIRECT)
        if admin not in self._admins or (room is None and invitation.passed_on):
            _log.info("an invitation was ignored", **asdict(invitation))
        elif room is not None:
            room.invited.set()
        else:
            try:
                await self._add_line(UNKNOWN_ROOM.format(room=invitation.room), admin)
            except _LATER as error:
                _log.info("an admin couldn't be told about an invitation", cause=str(error))

    async def explain_hidden(self, room: str) -> None:
        """Tell a semi-anonymous room, once, why nothing happens."""
        try:
            await self._tell(room, "hidden", Target(room, Place.ROOM), HIDDEN)
        except _LATER as error:
            self._told.discard((room, "hidden"))
            _log.info("a semi-anonymous room couldn't be told so", room=room, cause=str(error))

    async def explain_private(self, person: str) -> None:
        """Tell somebody who wrote through a room to us alone, once, where to say it."""
        try:
            await self._tell(person, "private", Target(person, Place.DIRECT), PRIVATE)
        except _LATER as error:
            self._told.discard((person, "private"))
            _log.info("somebody couldn't be told where to write", person=person, cause=str(error))

    async def _enter(self, room: Room, conversation: Conversation) -> None:
        conversation.enter()
        await room.join(self._stream)
        await room.learn_affiliations(self._stream)
        caught_up = await conversation.catch_up()
        await self._tell_room(room, caught_up)
        await self._sender.settle(room.jid)
        await self._report_opened(room)
        self._told = {told for told in self._told if told[0] != room.jid or told[1] in {"archive", "hidden"}}
        _log.info("in the room", room=room.jid, nick=room.nick)
        self._sender.arrive(room.jid)
        await self._on_caught_up(room.jid)

    async def _stay(self, room: Room) -> None:
        """Return when we are no longer in the room; it is asked every minute."""
        while not await wait_event(self._clock, room.left, SELF_PING_SECONDS):
            if self._online.is_set() and not await room.is_inside(self._stream):
                return

    async def _thrown_out(self, room: Room) -> None:
        """See to our no longer being in a room."""
        why = room.why or "the room says so"
        _log.warning(f"no longer in the room {room.jid}: {why}; going back")
        if not room.by_hand:
            return
        failures = 0
        while True:
            try:
                await self._report_closed(room, f"I am no longer in the room {room.jid}: {why}. I try to go back in")
            except StoreError as error:
                # Going back in would forget why we left; and without the store there is no catching up in it anyway.
                _log.info("the admins can't be told now; trying on", room=room.jid, cause=str(error))
                await self._pause(failures)
                failures += 1
            else:
                return

    async def _report_closed(self, room: Room, body: str) -> None:
        """Tell the admins of a room that is closed to us, once until we are back in it, which a restart doesn't forget.

        Raises StoreError.
        """

        def unit(tx: Tx, name: str = _closed(room)) -> None:
            if cursors.get(tx, name) is None:
                self._say(tx, self._admins, body)
                cursors.move(tx, name, body, self._clock.now())

        await self._store.write(unit)

    async def _report_opened(self, room: Room) -> None:
        """Tell the admins that we are back in a room of which they know that it was closed to us; raises StoreError."""
        name = _closed(room)
        if await self._store.read(lambda tx: cursors.get(tx, name)) is None:
            return

        def unit(tx: Tx) -> None:
            if cursors.forget(tx, name):
                self._say(tx, self._admins, f"I am in the room {room.jid} again")

        await self._store.write(unit)

    async def _refused(self, room: Room, refusal: NotJoined) -> None:
        if not self._online.is_set():
            return
        if (room.jid, str(refusal)) not in self._told:
            self._told.add((room.jid, str(refusal)))
            _log.warning(f"{refusal}; trying on")
        if refusal.lasting:
            try:
                await self._report_closed(room, f"I {refusal}. I try on, and what I owe it comes to you")
                await self._sender.redirect(room.jid, str(refusal))
            except _LATER as error:
                _log.info("its lines stay where they are for now", room=room.jid, cause=str(error))

    async def _tell_room(self, room: Room, caught_up: CaughtUp) -> None:
        target = Target(room.jid, Place.ROOM)
        if not caught_up.archived:
            _log.warning("the room has no archive: what is said while the bridge is away is lost", room=room.jid)
            await self._tell(room.jid, "archive", target, NO_ARCHIVE)
        if caught_up.gap_since is not None:
            since = timestamp(caught_up.gap_since)
            _log.warning("the room's archive has a gap", room=room.jid, since=since)
            await self._add_line(_gap("this room's archive", since), target)

    async def _tell_directly(self, caught_up: CaughtUp) -> None:
        if not caught_up.archived:
            _log.warning("the bot's account has no archive: what is said to it while the bridge is away may be lost")
        if caught_up.gap_since is not None:
            since = timestamp(caught_up.gap_since)
            _log.warning("the own archive has a gap", since=since)
            await self._add_line(_gap("the archive of my direct chats", since), *self._admins)

    async def _tell(self, room: str, topic: str, target: Target, body: str) -> None:
        if (room, topic) not in self._told:
            self._told.add((room, topic))
            await self._add_line(body, target)

    async def _add_line(self, body: str, *targets: Target) -> None:
        await self._store.write(lambda tx: self._say(tx, targets, body))

    def _say(self, tx: Tx, targets: Iterable[Target], body: str) -> None:
        for target in targets:
            notices.add_line(tx, target=target, body=body, origin_id=uuid.uuid4().hex, at=self._clock.now())

    async def _prefer_keeping(self) -> None:
        try:
            await self._archives.keep_everything()
        except AnswerError as error:
            if ("", "prefs") not in self._told:
                self._told.add(("", "prefs"))
                _log.warning("the server can't be asked to keep all direct messages", cause=str(error))

    async def _pause(self, failures: int, invited: asyncio.Event | None = None) -> None:
        longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(failures, _MOST_DOUBLINGS))
        seconds = longest * (0.5 + random.random() / 2)  # noqa: S311 - only spreads the load
        if invited is None:
            await self._clock.sleep(seconds)
        else:
            await wait_event(self._clock, invited, seconds)
            invited.clear()


def _closed(room: Room) -> str:
    return f"closed:{room.jid}"


def _gap(archive: str, since: str) -> str:
    return (
        f"{archive[0].upper()}{archive[1:]} has forgotten what followed {since} UTC. What was said since then and "
        "while I was away may not have been heard: please look, and say it again where nothing happened."
    )
