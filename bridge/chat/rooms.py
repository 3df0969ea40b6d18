"""One room: who is in it right now, by its presences in the order of the stream, and how to get and stay in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, SubElement

from bridge.chat.elements import (
    MUC_ADMIN,
    MUC_OWNER,
    MUC_USER,
    PING,
    bare,
    error_of,
    items_of,
    join_presence,
    presence,
    resource,
    sender_of,
    statuses,
)
from bridge.chat.errors import AnswerError, NoAnswer, Refused
from bridge.domain.text import clean_inbound

if TYPE_CHECKING:
    from bridge.chat.stream import Stream
    from bridge.domain.clock import Clock

JOIN_SECONDS: Final = 30.0
_NICKS_TRIED: Final = 5
_SELF, _CREATED, _OPEN, _CLOSED = "110", "201", frozenset({"100", "172"}), frozenset({"173", "174"})
_LISTS: Final = ("owner", "admin", "member")
_LEAVINGS: Final = {
    "301": "banned",
    "307": "kicked",
    "321": "no longer a member",
    "322": "not a member, and the room is members-only now",
    "332": "the room service is going down",
    "333": "thrown out by a technical error",
}
_BY_HAND: Final = frozenset({"301", "307", "321", "322"})
_REASON: Final = 200
_REFUSALS: Final = {
    "registration-required": "the room is members-only: make {own} a member (better: an admin) of it",
    "forbidden": "{own} is banned from it: lift the ban",
    "not-authorized": "the room asks for a password: take it off, and make the room members-only instead",
    "item-not-found": "there is no such room: create it, members-only, non-anonymous and with an archive",
    "gone": "the room is gone: create it again, or take it out of the configuration",
    "not-allowed": "there is no such room, and {own} may not create it: create it, or mend the address",
    "conflict": "its nick and all variants of it are taken: change xmpp.nick",
    "service-unavailable": "the room is full or its service is down",
    "remote-server-not-found": "the room's server can't be found: mend the address",
    "remote-server-timeout": "the room's server doesn't answer",
}
_LASTING: Final = frozenset(
    {"registration-required", "forbidden", "not-authorized", "item-not-found", "gone", "not-allowed", "conflict"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupant:
    """Somebody in the room; `address` is the real bare one, None where the room hides it from us."""

    nick: str
    address: str | None
    affiliation: str


class NotJoined(Exception):  # noqa: N818 - says what is the case
    """The room can't be entered; the message names the cause and the mend.

    `lasting` means that somebody has to do something about it.
    """

    def __init__(self, message: str, *, lasting: bool) -> None:
        """Take a sentence for people."""
        super().__init__(message)
        self.lasting = lasting


class _Made(Refused):
    """There was no such room, and our entering has made one."""


class Room:
    """What we know of one room. `presence` and `notice` are called for every stanza from it, in the stream's order."""

    def __init__(self, jid: str, nick: str, clock: Clock) -> None:
        """Take the room's bare address and the nick that we would like to have there."""
        self.jid = jid
        self.nick = nick
        self.open = False
        """Whether everybody sees everybody's real address."""
        self.listed = False
        """Whether the room's lists could be read, so that somebody who is on none of them is known to be none."""
        self.joined = False
        self.left = asyncio.Event()
        """Set when we are no longer in the room; `why` says how that came."""
        self.why = ""
        self.by_hand = False
        """Whether that was what somebody wanted: a kick, a ban, the end of the room."""
        self._wanted = nick
        self._clock = clock
        self._occupants: dict[str, Occupant] = {}
        self._affiliations: dict[str, str] = {}
        self._joining: asyncio.Future[None] | None = None
        self.invited = asyncio.Event()
        """Set when somebody who may asks us in, so that no pause before the next attempt makes sense."""

    def forget(self) -> None:
        """Begin again: the session is another one."""
        self.joined = False
        self.left.set()
        self._occupants.clear()
        self._affiliations.clear()

    def occupant(self, nick: str) -> Occupant | None:
        """Return who has this nick at this point of the stream."""
        return self._occupants.get(nick)

    def affiliation(self, address: str) -> str:
        """Return what a real bare address is in the room now: by its presence, else by the room's lists."""
        for occupant in self._occupants.values():
            if occupant.address == address:
                return occupant.affiliation
        return self._affiliations.get(address, "none")

    def presence(self, stanza: Element) -> None:
        """Take one presence from the room or one of its occupants."""
        nick, type_ = resource(sender_of(stanza)), stanza.get("type")
        if type_ == "error":
            self._settle_join(Refused(*error_of(stanza)))
            return
        codes = statuses(stanza)
        item = next(items_of(stanza), None)
        if not nick or item is None:
            return
        address = bare(item.get("jid", "")) or None
        affiliation = item.get("affiliation", "none")
        if address is not None:
            self._affiliations[address] = affiliation
        mine = _SELF in codes or (self.joined and nick == self.nick)
        if type_ == "unavailable":
            self._occupants.pop(nick, None)
            if mine:
                self._gone(codes, item, stanza.find(f"{MUC_USER}x/{MUC_USER}destroy"))
            return
        self._occupants[nick] = Occupant(nick=nick, address=address, affiliation=affiliation)
        if mine:
            self._here(nick, codes)

    def notice(self, stanza: Element) -> None:
        """Take one message of the room itself: its configuration or somebody's affiliation has changed."""
        codes = statuses(stanza)
        if codes & _OPEN or codes & _CLOSED:
            self.open = bool(codes & _OPEN)
        for item in items_of(stanza):
            if address := bare(item.get("jid", "")):
                self._affiliations[address] = item.get("affiliation", "none")

    def forgot_us(self) -> None:
        """Note that the room takes us for no occupant; if it has said why before, that stays."""
        if not self.left.is_set():
            self.why = "the room doesn't know us any more"
            self.left.set()

    async def join(self, stream: Stream) -> None:
        """Enter the room, under the next nick where ours is taken.

        Raises NotJoined where the room or its server refuses, or no answer comes within 30 s.
        """
        self.nick = self._wanted
        for _ in range(_NICKS_TRIED):
            try:
                await self._enter(stream)
            except Refused as refusal:
                if isinstance(refusal, _Made):
                    await self._unmake(stream)
                if refusal.condition != "conflict":
                    raise self._refusal(refusal, stream.own) from None
                self.nick += "_"
            else:
                return
        raise self._refusal(Refused("conflict"), stream.own)

    async def learn_affiliations(self, stream: Stream) -> None:
        """Read the room's lists, for what people are who aren't there; who is on no list that we see, is none."""
        self._affiliations = {one.address: one.affiliation for one in self._occupants.values() if one.address}
        self.listed = True
        for name in _LISTS:
            query = Element(MUC_ADMIN + "query")
            SubElement(query, MUC_ADMIN + "item", {"affiliation": name})
            try:
                answer = await stream.ask("get", self.jid, query)
            except AnswerError:
                self.listed = False
                continue
            for item in answer.iterfind(f"{MUC_ADMIN}query/{MUC_ADMIN}item"):
                if address := bare(item.get("jid", "")):
                    self._affiliations[address] = name

    async def is_inside(self, stream: Stream) -> bool:
        """Ask the room whether we are in it (XEP-0410); False where it says no."""
        try:
            await stream.ask("get", f"{self.jid}/{self.nick}", Element(PING + "ping"))
        except Refused as refusal:
            return refusal.condition in {
                "service-unavailable",
                "feature-not-implemented",
                "item-not-found",
                "remote-server-not-found",
                "remote-server-timeout",
            }
        except NoAnswer:
            # The server's own silence is noticed by the session; a silent room is asked again.
            return True
        return True

    async def _enter(self, stream: Stream) -> None:
        self._occupants.clear()
        self.joined = self.by_hand = False
        self.why = ""
        self.left.clear()
        joining = self._joining = asyncio.get_running_loop().create_future()
        try:
            if not stream.send(join_presence(self.jid, self.nick)):
                raise NotJoined(f"can't enter the room {self.jid}: the session is gone", lasting=False)
            await self._clock.within(JOIN_SECONDS, joining)
        except TimeoutError:
            raise NotJoined(f"can't enter the room {self.jid}: it doesn't answer", lasting=False) from None
        finally:
            # An attempt of a session that is over may end only after the next one has begun.
            if self._joining is joining:
                self._joining = None

    async def _unmake(self, stream: Stream) -> None:
        """Destroy the room that our entering has made (XEP-0045, 10.9): it would be open to all, and ours."""
        self.joined = False
        query = Element(MUC_OWNER + "query")
        SubElement(query, MUC_OWNER + "destroy")
        try:
            await stream.ask("set", self.jid, query)
        except AnswerError:
            stream.send(presence(to=f"{self.jid}/{self.nick}", kind="unavailable"))

    def _here(self, nick: str, codes: frozenset[str]) -> None:
        if self.joined:
            self.nick = nick
            return
        if self._joining is None:
            return
        self.nick, self.joined = nick, True
        self.open = bool(codes & _OPEN)
        self._settle_join(_Made("item-not-found") if _CREATED in codes else None)

    def _gone(self, codes: frozenset[str], item: Element, destroyed: Element | None) -> None:
        if "303" in codes and (nick := item.get("nick")):
            self.nick = nick
            return
        self.joined = False
        self.why = next((why for code, why in _LEAVINGS.items() if code in codes), "left")
        self.by_hand = destroyed is not None or bool(codes & _BY_HAND)
        if destroyed is not None:
            self.why = "the room was destroyed"
            if elsewhere := bare(destroyed.get("jid", "")):
                self.why += f", and people were sent to {elsewhere}"
        reason = (item if destroyed is None else destroyed).findtext(MUC_USER + "reason")
        if reason and (words := " ".join(clean_inbound(reason, _REASON).split())):
            self.why += f" ({words})"
        self._settle_join(Refused("not-acceptable"))
        self.left.set()

    def _settle_join(self, outcome: Refused | None) -> None:
        if self._joining is None or self._joining.done():
            return
        if outcome is None:
            self._joining.set_result(None)
        else:
            self._joining.set_exception(outcome)

    def _refusal(self, refusal: Refused, own: str) -> NotJoined:
        mend = _REFUSALS.get(refusal.condition, f"{refusal}").format(own=own)
        return NotJoined(f"can't enter the room {self.jid}: {mend}", lasting=refusal.condition in _LASTING)
