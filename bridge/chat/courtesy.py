"""What a well-behaved client does besides speaking: the roster, presence, its card, receipts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import structlog

from bridge.chat.avatar import publish_avatar
from bridge.chat.elements import bare, items_of, sender_of
from bridge.chat.markers import Markers
from bridge.chat.presences import Presences
from bridge.chat.roster import Roster
from bridge.chat.showing import Showing
from bridge.chat.vcard import our_hash, picture, publish
from bridge.commands.incoming import Content
from bridge.domain.people import Role

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
    from typing import Any
    from xml.etree.ElementTree import Element

    from bridge.chat.rooms import Room
    from bridge.chat.stream import Stream
    from bridge.commands.incoming import Incoming
    from bridge.domain.clock import Clock
    from bridge.domain.standing import Standing
    from bridge.settings import RoomSettings
    from bridge.store import Store

_log = structlog.stdlib.get_logger(__name__)

RoleOf: TypeAlias = "Callable[[str, str | None, str | None], Role]"
"""What somebody (bare JID) may do in a direct chat, or with an affiliation in a room; see `Rights.of`."""


class Courtesy:
    """All of that together, for the one who listens to the session."""

    def __init__(
        self,
        *,
        stream: Stream,
        store: Store,
        clock: Clock,
        nick: str,
        rooms: Mapping[str, Room],
        giving: Collection[str],
        present: Callable[[], Collection[str]],
        role_of: RoleOf,
        standing: Callable[[], Awaitable[Standing]] | None,
        begin: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        """Take the session and its rooms.

        `giving` are the rooms whose members have a role, `present` names those that we are in, and `begin` has
        something done beside everything else, until the session ends.
        """
        self.presences = Presences()
        """Who shows what now."""
        self._stream = stream
        self._nick = nick
        self._rooms = rooms
        self._giving = tuple(giving)
        self._present = present
        self._role_of = role_of
        self._begin_beside = begin
        self._roster = Roster(stream, knows=self._knows, settled=self._settled)
        self._markers = Markers(stream, clock.now())
        self._showing = Showing(stream=stream, store=store, clock=clock, standing=standing, rooms=self._nicks)

    def give(self, giving: Collection[str]) -> None:
        """From now on have the members of these rooms be known."""
        self._giving = tuple(giving)

    async def run(self) -> None:
        """Keep our presence true, for ever."""
        await self._showing.run()

    def look(self) -> None:
        """Look soon whether something has changed that is to be shown."""
        self._showing.look()

    def review(self) -> None:
        """Look again who may see our presence; without a session that is left to the next one."""
        if self._present():
            self._begin(self._roster.review())

    def fresh(self) -> None:
        """Introduce ourselves in a new session."""
        self.presences.clear()
        self._roster.fresh()
        self._showing.fresh()
        self._begin(self._publish())
        self._begin(self._roster.review())

    def arrived(self, source: str) -> None:
        """A room is joined and caught up, or the direct chats are."""
        if source in self._rooms:
            self._showing.enter(source)
            self._begin(self._roster.review())

    def left(self, source: str) -> None:
        """We are no longer in a room."""
        self.presences.forget(source)
        self._showing.leave(source)

    def presence(self, stanza: Element) -> None:
        """Take a presence, whoever sent it."""
        author, kind = bare(sender_of(stanza)), stanza.get("type", "")
        if author in self._rooms:
            self.presences.heard_in(author, stanza)
            for item in items_of(stanza):
                self._roster.seen(bare(item.get("jid", "")))
        elif "@" not in author or author == self._stream.own:
            return
        elif kind in {"subscribe", "unsubscribe"}:
            self._roster.presence(author, kind)
        else:
            self.presences.heard(stanza)

    def direct(self, stanza: Element, incoming: Incoming) -> Incoming:
        """Take what somebody said live in a direct chat; return what it is taken for."""
        judged = self.judged(incoming)
        if self._role_of(incoming.sender, None, None) is not Role.NONE:
            self._markers.expect(stanza, judged)
        return judged

    def judged(self, incoming: Incoming) -> Incoming:
        """Return what somebody said in a direct chat, known for an automatic answer where it is one."""
        if incoming.content is Content.TEXT and self.presences.is_away_message(incoming.sender, incoming.text):
            return replace(incoming, content=Content.AUTOMATIC)
        return incoming

    def committed(self, incoming: Incoming) -> None:
        """Take note that all that follows from a message is written down."""
        self._markers.committed(incoming)

    async def _publish(self) -> None:
        photo = await publish(self._stream, self._nick)
        if photo is None:
            return
        self._showing.picture(photo)
        if photo == our_hash():
            await publish_avatar(self._stream, picture(), photo)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._begin_beside(_harmless(work))

    def _settled(self) -> bool:
        present = self._present()
        return all(jid in present and self._rooms[jid].listed for jid in self._giving)

    def _knows(self, jid: str) -> bool:
        return self._role_of(jid, None, None) is not Role.NONE or any(
            self._role_of(jid, room.affiliation(jid), room.jid) is not Role.NONE for room in self._rooms.values()
        )

    def _nicks(self) -> dict[str, str]:
        return {jid: self._rooms[jid].nick for jid in self._present() if jid in self._rooms}


async def _harmless(work: Coroutine[Any, Any, None]) -> None:
    """Do something without which the session goes on: a bug here must not end it again and again."""
    try:
        await work
    except Exception:  # noqa: BLE001 - as said
        _log.exception("a courtesy has failed")


def giving(rooms: Sequence[RoomSettings]) -> list[str]:
    """Return the rooms whose members have a role."""
    return [room.jid for room in rooms if room.member_role is not Role.NONE]
