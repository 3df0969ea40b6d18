"""What is known of people now: who may do what, and what they have set for themselves.

The configuration says it, and the store over it. Of the store this is a copy, which is read again before the next
message whenever something of it has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.domain import rights
from bridge.domain.people import Place, Role, Target
from bridge.domain.rights import NOTHING_KEPT, Kept, Right
from bridge.store import people, roles
from bridge.store.people import Own

if TYPE_CHECKING:
    from bridge.settings import Current, Settings
    from bridge.store import Store, Tx


@dataclass(frozen=True, slots=True)
class Rights:
    """Who may do what, as the configuration and the store say it at one moment. Deny is the default."""

    settings: Settings
    kept: Mapping[str, Kept]

    @classmethod
    def read(cls, tx: Tx, settings: Settings) -> Rights:
        """Return what counts in this very transaction."""
        return cls(settings, roles.everybody(tx))

    def kept_of(self, jid: str) -> Kept:
        """Return what admins said of a person in the chat."""
        return self.kept.get(jid, NOTHING_KEPT)

    def of(self, jid: str, affiliation: str | None = None, room: str | None = None) -> Right:
        """Return what a person may do, and why: in a room with this affiliation, or (`room=None`) in a direct chat."""
        file, kept = self.settings.granted(jid), self.kept_of(jid)
        table = self.settings.room(room) if room is not None else None
        if room is None:
            return rights.decide(file, kept)
        given = rights.member(affiliation, table.member_role) if table is not None else Role.NONE
        return rights.decide(file, kept, member=given, outcast=affiliation == rights.OUTCAST)

    def role_of(self, jid: str, affiliation: str | None = None, room: str | None = None) -> Role:
        """Return what a person may do; see `of`."""
        return self.of(jid, affiliation, room).role

    def elsewhere(self, jid: str) -> Role:
        """Return the most that the configuration gives a person anywhere, were it a member of every room."""
        return max([self.settings.granted(jid), *(room.member_role for room in self.settings.rooms)])

    def admins(self) -> tuple[str, ...]:
        """Return the bare JIDs of the admins, those of the configuration first, in its order."""
        return self.holders(Role.ADMIN)

    def holders(self, role: Role) -> tuple[str, ...]:
        """Return the bare JIDs of those who have at least a role in every conversation."""
        known = dict.fromkeys([*self.settings.people, *sorted(self.kept)])
        return tuple(jid for jid in known if self.role_of(jid) >= role)

    def told(self) -> tuple[Target, ...]:
        """Return where admins are told what concerns them alone."""
        return tuple(Target(jid, Place.DIRECT) for jid in self.admins())

    def rooms_told(self, account: str) -> tuple[Target, ...]:
        """Return where what concerns an account is told: every room that uses it, else the admins."""
        return tuple(Target(jid, Place.ROOM) for jid in self.settings.rooms_using(account)) or self.told()


def _read(tx: Tx) -> tuple[Mapping[str, Kept], Mapping[str, Own], frozenset[str]]:
    return roles.everybody(tx), people.own(tx), people.welcomed(tx)


class People:
    """The copy, for all who ask what somebody may do. Used from one event loop."""

    def __init__(self, current: Current, store: Store) -> None:
        """Take the configuration and the store; nothing is known of the store before `learn`."""
        self._current = current
        self._store = store
        self._news = store.event(people.TOPIC)
        self._fresh = False
        self._own: Mapping[str, Own] = {}
        self.welcomed = frozenset[str]()
        """Whom the bot has welcomed, by bare JID."""
        self._watchers: list[Callable[[], None]] = []
        self._rights = Rights(current.settings, {})

    @property
    def rights(self) -> Rights:
        """Who may do what now."""
        if self._rights.settings is not self._current.settings:
            self._rights = Rights(self._current.settings, self._rights.kept)
        return self._rights

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call something whenever what somebody may do has changed."""
        self._watchers.append(watcher)

    def forget(self) -> None:
        """Read the store again before anything else is judged."""
        self._fresh = False

    async def learn(self) -> None:
        """Know what is committed; asks the store only where something may have changed. Raises ReadError."""
        if self._fresh and not self._news.is_set():
            return
        self._fresh = False
        self._news.clear()
        kept, self._own, self.welcomed = await self._store.read(_read)
        self._fresh = True
        if kept != self.rights.kept:
            self._rights = Rights(self._current.settings, kept)
            for watcher in self._watchers:
                watcher()

    def own_of(self, jid: str) -> Own:
        """Return what a person has set."""
        return self._own.get(jid, Own())

    def role_of(self, jid: str, affiliation: str | None = None, room: str | None = None) -> Role:
        """Return what a person may do now; see `Rights.of`."""
        return self.rights.role_of(jid, affiliation, room)

    def admins(self) -> tuple[str, ...]:
        """Return the bare JIDs of those who are admins now."""
        return self.rights.admins()

    def told(self) -> tuple[Target, ...]:
        """Return where admins are told now what concerns them alone."""
        return self.rights.told()

    def rooms_told(self, account: str) -> tuple[Target, ...]:
        """Return where what concerns an account is told now; see `Rights.rooms_told`."""
        return self.rights.rooms_told(account)
