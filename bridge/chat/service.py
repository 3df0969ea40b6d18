"""The chat as the rest of the program sees it: one session, its rooms, what comes in and what goes out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from bridge.chat.adhoc import AdHoc, Clerk
from bridge.chat.archive import Archived, Archives
from bridge.chat.client import silence
from bridge.chat.conversation import Conversation, State
from bridge.chat.courtesy import Courtesy, giving
from bridge.chat.elements import (
    CLIENT,
    DELAY,
    PRESENCE,
    bare,
    error_of,
    origin_ids,
    presence,
    resource,
    sender_of,
    stamp_of,
    stanza_id,
)
from bridge.chat.gate import Kind, Origin, archived_author, direct_origin, is_history, kind_of, speech
from bridge.chat.invitations import invitation_of
from bridge.chat.keeper import Keeper
from bridge.chat.positions import Position, Positions
from bridge.chat.rooms import Room
from bridge.chat.seats import Seats
from bridge.chat.sender import Sender
from bridge.chat.session import Handlers, Login, Session
from bridge.chat.stream import end_all
from bridge.chat.uploads import Uploads
from bridge.chat.worker import Entry, Passed, Worker, passed
from bridge.commands.incoming import Incoming
from bridge.domain.people import Place, Role, Target

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from typing import Any
    from xml.etree.ElementTree import Element

    from bridge.chat.courtesy import RoleOf
    from bridge.chat.sender import Render
    from bridge.domain.clock import Clock
    from bridge.domain.presence import Presences
    from bridge.domain.standing import Standing
    from bridge.settings import RoomSettings, XmppSettings
    from bridge.store import Store

_log = structlog.stdlib.get_logger(__name__)


class Chat:
    """The only speaker and listener on XMPP."""

    def __init__(
        self,
        settings: XmppSettings,
        *,
        rooms: Sequence[RoomSettings],
        admins: Callable[[], Sequence[str]],
        store: Store,
        desk: Clerk,
        render: Render,
        clock: Clock,
        on_caught_up: Callable[[str], Awaitable[None]],
        on_lost: Callable[[], None],
        on_left: Callable[[str], None] = lambda _: None,
        jitter: Callable[[], float] | None = None,
        role_of: RoleOf | None = None,
        standing: Callable[[], Awaitable[Standing]] | None = None,
        accounts: Callable[[], Sequence[str]] = tuple,
        is_over: Callable[[Incoming], bool] | None = None,
    ) -> None:
        """Take who to be, where to sit, and whom to tell; must be made inside the event loop. Raises BadCaFile.

        `desk` judges what comes in; `render` writes a living receipt when it is sent. `on_caught_up` is awaited with a
        room's address, or `direct`, whenever everything said there until now is committed; `on_left` is called with
        that of a room that we are no longer in, `on_lost` when the session is gone. `admins` names whom to tell of
        trouble; `role_of` tells who may see our presence (else: the admins), and `standing` how the accounts stand,
        which the presence shows. `accounts` names those that forms offer; `is_over` tells which messages are too many.
        """
        silence()
        self._clock = clock
        self._store = store
        self._on_caught_up = on_caught_up
        self._on_lost, self._on_left = on_lost, on_left
        handlers = Handlers(
            stanza=self._stanza,
            acknowledged=lambda name: self._sender.acknowledged(name),  # noqa: PLW0108 - as below
            established=self._established,
            lost=self._lost,
            request=lambda request: self._adhoc.take(request),  # noqa: PLW0108 - it is made below
        )
        self._session = Session(Login.of(settings), clock, handlers, jitter)
        self._own = self._session.own
        self._archives = Archives(self._session)
        self._uploads = Uploads(self._session, settings.jid.partition("@")[2], ca_file=settings.ca_file)
        self._online = asyncio.Event()
        self._positions = Positions(store, clock)
        self._rooms = {room.jid: Room(room.jid, settings.nick, clock) for room in rooms}
        self._sender = Sender(
            stream=self._session,
            archives=self._archives,
            rooms=self._rooms,
            admins=admins,
            store=store,
            render=render,
            clock=clock,
        )
        known: RoleOf = role_of or (lambda jid, _, __: Role.ADMIN if jid in admins() else Role.NONE)
        self._courtesy = Courtesy(
            stream=self._session,
            store=store,
            clock=clock,
            nick=settings.nick,
            rooms=self._rooms,
            giving=giving(rooms),
            present=lambda: self._sender.present,
            role_of=known,
            standing=standing,
            begin=self._begin,
        )
        told, note = self._courtesy.committed, self._sender.note_arrived
        self._worker = Worker(desk, self._positions.move, clock, committed=told, note_own=note, is_over=is_over)
        self._conversations = {
            archive: self._conversation(archive, room) for archive, room in [(self._own, None), *self._rooms.items()]
        }
        self._adhoc = AdHoc(
            stream=self._session,
            worker=self._worker,
            desk=desk,
            clock=clock,
            rooms=self._rooms,
            role_of=lambda jid: known(jid, None, None),
            accounts=accounts,
            live=lambda: self._conversations[self._own].state is State.LIVE,
            meet=self._sender.meet,
            begin=self._begin,
        )
        self._keeper = Keeper(
            stream=self._session,
            archives=self._archives,
            sender=self._sender,
            store=store,
            clock=clock,
            online=self._online,
            admins=admins,
            on_caught_up=self._caught_up,
            on_left=self._left,
        )
        self._seats = Seats(
            self._rooms,
            self._conversations,
            keeper=self._keeper,
            begin=self._begin,
            room=lambda jid: Room(jid, settings.nick, clock),
            conversation=self._conversation,
        )
        self._scope: set[asyncio.Task[None]] = set()

    def configure(self, rooms: Sequence[RoomSettings]) -> None:
        """Sit in these rooms from now on."""
        self._seats.change([room.jid for room in rooms])
        self._courtesy.give(giving(rooms))

    def _conversation(self, archive: str, room: Room | None) -> Conversation:
        return Conversation(
            archive,
            archives=self._archives,
            worker=self._worker,
            positions=self._positions,
            judge=self._judge_room(room) if room is not None else self._judge_direct,
            now=self._clock.now,
        )

    async def run(self) -> None:
        """Be there for ever.

        Ends by cancellation, or raises WrongPassword or ResourceConflict, which waiting would not mend.
        """
        parts = (self._session.run(), self._worker.run(), self._sender.run(), self._courtesy.run())
        tasks = [asyncio.ensure_future(part) for part in parts]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await end_all([*tasks, *self._scope])

    @property
    def presences(self) -> Presences:
        """Who can be reached now, as their clients show it; nothing of it is stored."""
        return self._courtesy.presences

    def look(self) -> None:
        """Look again how the accounts stand, and show it; the store's own changes are seen without."""
        self._courtesy.look()

    def review(self) -> None:
        """Look again who may see our presence: what somebody may do has changed."""
        self._courtesy.review()

    async def upload(self, data: bytes, *, name: str, type: str) -> str:  # noqa: A002 - as HTTP calls it
        """Upload a file to our own server (XEP-0363), and return the link to get it at; raises UploadError."""
        return await self._uploads.upload(data, name=name, type=type)

    async def close(self) -> None:
        """Take leave of everybody and close the stream, within 3 s; call it once `run` has ended."""
        self._session.send(presence(kind="unavailable"))
        self._online.clear()
        await end_all(list(self._scope))
        await self._session.close()

    def _established(self, resumed: bool) -> None:  # noqa: FBT001 - the session calls it
        self._online.set()
        if resumed:
            self._sender.online()
            self._courtesy.look()
            for source in self._sender.present:
                self._begin(self._caught_up_again(source))
            return
        for task in self._scope:
            task.cancel()
        self._scope.clear()
        for room in self._rooms.values():
            room.forget()
        for conversation in self._conversations.values():
            conversation.leave()
        self._uploads.forget()
        self._sender.reset()
        self._sender.online()
        self._conversations[self._own].enter()
        self._courtesy.fresh()
        self._begin(self._keeper.keep_direct(self._conversations[self._own]))
        self._seats.take(self._rooms)

    def _lost(self) -> None:
        self._online.clear()
        self._sender.offline()
        self._on_lost()

    async def _caught_up(self, source: str) -> None:
        self._courtesy.arrived(source)
        await self._on_caught_up(source)

    def _left(self, source: str) -> None:
        self._courtesy.left(source)
        self._on_left(source)

    async def _caught_up_again(self, source: str) -> None:
        await self._on_caught_up(source)

    def _begin(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(coroutine)
        self._scope.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._scope.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a part of the chat has failed; connecting anew", exc_info=error)
            self._session.cut()

    def _stanza(self, stanza: Element) -> None:
        author = bare(sender_of(stanza))
        if stanza.tag == PRESENCE:
            if author in self._rooms:
                self._rooms[author].presence(stanza)
            self._courtesy.presence(stanza)
            return
        if invitation := invitation_of(stanza):
            self._begin(self._keeper.invited(invitation, self._rooms.get(invitation.room)))
            return
        kind = kind_of(stanza, self._own, self._rooms)
        if kind is Kind.RESULT:
            self._archives.collect(stanza)
        elif kind is Kind.ROOM:
            self._room_message(self._rooms[author], stanza)
        elif kind is Kind.DIRECT:
            position = self._position(stanza, self._own)
            origin = direct_origin(stanza, self._own, self._clock.now(), position)
            self._sender.meet(origin.sender)
            if entry := self._entry(stanza, origin):
                entry = self._courtesy.direct(stanza, entry) if isinstance(entry, Incoming) else entry
                stored = stanza.find(DELAY + "delay") is not None
                self._conversations[self._own].heard(origin.position, entry, stored=stored)
        elif kind is Kind.BOUNCE:
            self._bounce(author, stanza)
        elif kind is Kind.PRIVATE:
            self._private(author, stanza)

    def _position(self, stanza: Element, archive: str) -> str | None:
        return stanza_id(stanza, archive) if self._conversations[archive].archived else None

    def _bounce(self, author: str, stanza: Element) -> None:
        condition, _ = error_of(stanza)
        if condition == "not-acceptable" and author in self._rooms:
            # We are not in it (XEP-0045, 7.4); after the rejoin its archive tells what arrived.
            self._rooms[author].forgot_us()
            return
        for identifier in origin_ids(stanza):
            self._sender.bounced(identifier, condition, author)

    def _private(self, author: str, stanza: Element) -> None:
        """Take a message to us alone that came through a room: never a command, since the sender is a nick only."""
        room, nick = self._rooms.get(author), resource(sender_of(stanza))
        if room is not None and not nick:
            room.notice(stanza)
            return
        _log.info("a private message through a room was ignored", room=author)
        occupant = room.occupant(nick) if room is not None else None
        person = occupant.address if occupant is not None else None
        if person and person != self._own and stanza.findtext(CLIENT + "body"):
            self._begin(self._keeper.explain_private(person))

    def _room_message(self, room: Room, stanza: Element) -> None:
        nick = resource(sender_of(stanza))
        if not nick:
            room.notice(stanza)
            return
        if is_history(stanza, room.jid):
            return
        position = self._position(stanza, room.jid)
        occupant = room.occupant(nick)
        mine = nick == room.nick
        if mine:
            self._sender.arrived(origin_ids(stanza), position)
        origin = Origin(
            archive=room.jid,
            source=Target(room.jid, Place.ROOM),
            sender=(occupant.address if occupant is not None else None) or "",
            nick=nick,
            affiliation=occupant.affiliation if occupant is not None else "none",
            said_at=min(self._clock.now(), stamp_of(stanza.find(DELAY + "delay")) or self._clock.now()),
            position=position,
        )
        if entry := passed(origin) if mine else self._entry(stanza, origin):
            self._conversations[room.jid].heard(position, entry)
        if not origin.sender and not mine:
            self._explain(room, stanza, origin)

    def _explain(self, room: Room, stanza: Element, origin: Origin) -> None:
        said = speech(stanza, origin)
        if said is not None and said.text.startswith(("!", f"{room.nick}:", f"{room.nick},")):
            self._begin(self._keeper.explain_hidden(room.jid))

    def _entry(self, stanza: Element, origin: Origin) -> Entry | None:
        """Make of a message what the worker needs: speech, or a place in the archive, or nothing."""
        said = speech(stanza, origin) if origin.sender not in {"", self._own} else None
        return said or passed(origin)

    def _judge_room(self, room: Room) -> Callable[[Archived], Entry]:
        def judge(archived: Archived) -> Entry:
            address = (archived_author(archived.message) if room.open else None) or ""
            if address == self._own:
                self._sender.arrived(origin_ids(archived.message), archived.id)
            origin = Origin(
                archive=room.jid,
                source=Target(room.jid, Place.ROOM),
                sender=address,
                nick=resource(sender_of(archived.message)),
                affiliation=room.affiliation(address),
                said_at=archived.stamp,
                position=archived.id,
                archived=True,
            )
            return self._archived_entry(archived, origin, Kind.ROOM)

        return judge

    def _judge_direct(self, archived: Archived) -> Entry:
        author = bare(sender_of(archived.message))
        if author == self._own:
            self._sender.arrived(origin_ids(archived.message), archived.id)
        self._sender.meet(author)
        origin = Origin(
            archive=self._own,
            source=Target(author, Place.DIRECT),
            sender=author,
            nick=author.partition("@")[0],
            affiliation="none",
            said_at=archived.stamp,
            position=archived.id,
            archived=True,
        )
        entry = self._archived_entry(archived, origin, Kind.DIRECT)
        return self._courtesy.judged(entry) if isinstance(entry, Incoming) else entry

    def _archived_entry(self, archived: Archived, origin: Origin, kind: Kind) -> Entry:
        fits = kind_of(archived.message, self._own, self._rooms) is kind
        entry = self._entry(archived.message, origin) if fits else None
        position = Position(id=archived.id, stamp=archived.stamp)
        return entry or Passed(archive=origin.archive, position=str(position))
