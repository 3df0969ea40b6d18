"""Direct chat as people know it, against a real Prosody: the roster, presence, discovery, the card, receipts."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, fromstring

import pytest
from slixmpp import JID
from slixmpp.stanza import Iq
from structlog.testing import capture_logs

from bridge.chat.disco import FEATURES, NODE, verification
from bridge.chat.vcard import picture
from bridge.domain.people import Place, Role
from bridge.domain.presence import Availability
from bridge.domain.standing import Standing
from tests.servers.person import Person
from tests.servers.watch import PATIENCE, Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.xmpp import Login

pytestmark = pytest.mark.live

C = "{jabber:client}"
STATUS = "I publish what staff tell me to. Say !help"


class Wire:
    """The messages and presences of one address as they come off somebody's stream."""

    def __init__(self, address: str) -> None:
        self.stanzas: list[Element] = []
        self._address = address
        self._watch = Watch()

    @classmethod
    async def of(cls, person: Person, address: str) -> Wire:
        made = cls(address)
        person.client.add_filter("in", made._note)
        # Without that the server doesn't tell of subscriptions.
        await person.client.get_roster(timeout=PATIENCE)
        return made

    def _note(self, stanza: Any) -> Any:
        element = stanza.xml
        if element.tag in {C + "message", C + "presence"} and element.get("from", "").startswith(self._address):
            self.stanzas.append(element)
            self._watch.changed()
        return stanza

    async def brings(self, what: Callable[[Element], object]) -> Element:
        """Return the first stanza that `what` accepts."""
        return await self._watch.until(
            lambda: next((one for one in self.stanzas if what(one)), None),
            timeout=PATIENCE,
            otherwise=lambda: f"came: {[(one.tag, one.attrib, list(one)) for one in self.stanzas]}",
        )

    async def shows(self, status: str) -> Element:
        """Return the first presence with this status."""
        return await self.brings(lambda one: one.findtext(C + "status") == status)

    async def is_asked(self, kind: str) -> Element:
        """Return the first presence of this type."""
        return await self.brings(lambda one: one.tag == C + "presence" and one.get("type") == kind)

    def types(self) -> list[str]:
        """Return the types of the presences that came."""
        return [one.get("type", "") for one in self.stanzas if one.tag == C + "presence"]


async def seen_by_all(person: Person) -> None:
    """Wait until the server has worked off all that this person sent, and what it set off at once."""
    await person.client.plugin["xep_0199"].ping(JID(person.client.boundjid.host), timeout=PATIENCE)


async def ask(person: Person, to: str | None, payload: str) -> Element:
    request: Any = Iq(person.client, stype="get", sto=to)
    request.xml.append(fromstring(payload))
    return (await request.send(timeout=PATIENCE)).xml


async def test_staff_who_add_the_bot_are_added_and_both_see_each_other_also_after_a_restart(
    new_login: Callable[[str], Login], new_bot: Callable[..., Any]
) -> None:
    me, ana = new_login("bot"), new_login("ana")
    bot = new_bot(me, admins=[ana.jid])
    await bot.start()
    async with Person.of(ana) as person:
        wire = await Wire.of(person, me.jid)
        person.client.send_presence_subscription(pto=me.jid)
        await wire.shows(STATUS)
        await wire.is_asked("subscribe")
        await wire.is_asked("subscribed")
        person.client.send_presence(pshow="away", pstatus="at lunch")
        await person.tell(me.jid, "!line 1")
        await bot.desk.handles(1)
        assert bot.chat.presences.availability(ana.jid) is Availability.AWAY
        await bot.stop()
        await wire.is_asked("unavailable")
        del wire.stanzas[:]
        await bot.start()
        await wire.shows(STATUS)
        assert not {"subscribe", "subscribed"} & set(wire.types())
        await person.tell(me.jid, "!line 2")
        await bot.desk.handles(2)
        assert bot.chat.presences.availability(ana.jid) is Availability.AWAY
    await bot.say(ana.jid, "later", Place.DIRECT)
    await bot.has_said_all()
    assert bot.chat.presences.availability(ana.jid) is Availability.GONE


async def test_who_has_a_role_by_a_room_alone_is_added_also_when_not_there(
    new_login: Callable[[str], Login], new_room: Callable[..., str], new_bot: Callable[..., Any]
) -> None:
    me, raj, eve = new_login("bot"), new_login("raj"), new_login("eve")
    room = new_room(admins=[me.jid], members=[raj.jid])

    def role_of(_: str, affiliation: str | None, where: str | None) -> Role:
        return Role.STAFF if where == room and affiliation == "member" else Role.NONE

    bot = new_bot(me, room, member_role=Role.STAFF, role_of=role_of)
    async with Person.of(raj) as member, Person.of(eve) as stranger:
        wire, other = await Wire.of(member, me.jid), await Wire.of(stranger, me.jid)
        for one in (member, stranger):
            one.client.send_presence_subscription(pto=me.jid)
            await seen_by_all(one)
        await bot.start()
        await wire.is_asked("subscribed")
        await wire.shows(STATUS)
        await other.is_asked("unsubscribed")
        assert not any(stanza.findtext(C + "status") for stanza in other.stanzas)
        await bot.stop()
        await wire.is_asked("unavailable")
        del wire.stanzas[:]
        await bot.start()
        await wire.shows(STATUS)
        await bot.say(raj.jid, "still here", Place.DIRECT)
        await member.hears("still here")
        assert "unsubscribed" not in wire.types()


async def test_who_adds_the_bot_while_it_is_away_is_added_when_it_comes(
    new_login: Callable[[str], Login], new_bot: Callable[..., Any]
) -> None:
    me, ana, eve = new_login("bot"), new_login("ana"), new_login("eve")
    bot = new_bot(me, admins=[ana.jid])
    async with Person.of(ana) as person, Person.of(eve) as stranger:
        wire, other = await Wire.of(person, me.jid), await Wire.of(stranger, me.jid)
        for one in (person, stranger):
            one.client.send_presence_subscription(pto=me.jid)
            await seen_by_all(one)
        await bot.start()
        await wire.is_asked("subscribed")
        await wire.is_asked("subscribe")
        await other.is_asked("unsubscribed")
        await wire.shows(STATUS)
        assert not any(stanza.findtext(C + "status") for stanza in other.stanzas)


async def test_who_takes_the_bot_out_is_taken_out_by_it(
    new_login: Callable[[str], Login], new_bot: Callable[..., Any]
) -> None:
    me, ana = new_login("bot"), new_login("ana")
    bot = new_bot(me, admins=[ana.jid])
    await bot.start()
    async with Person.of(ana) as person:
        wire = await Wire.of(person, me.jid)
        person.client.send_presence_subscription(pto=me.jid)
        await wire.is_asked("subscribe")
        await wire.shows(STATUS)
        person.client.send_presence_subscription(pto=me.jid, ptype="unsubscribe")
        await wire.is_asked("unsubscribe")


async def test_a_stranger_sees_nothing_and_hears_one_line(
    new_login: Callable[[str], Login], new_bot: Callable[..., Any]
) -> None:
    me, eve = new_login("bot"), new_login("eve")
    bot = new_bot(me)
    await bot.start()
    async with Person.of(eve) as person:
        wire = await Wire.of(person, me.jid)
        person.client.send_presence_subscription(pto=me.jid)
        await wire.is_asked("unsubscribed")
        request = person.client.make_message(mto=JID(me.jid), mbody="!echo hello", mtype="chat")
        request["id"] = "r1"
        request.xml.append(Element("{urn:xmpp:receipts}request"))
        request.send()
        await person.hears("hello", where=me.jid)
        await bot.has_said_all()
        await seen_by_all(person)
    assert set(wire.types()) <= {"unavailable", "unsubscribed"}
    assert not any(one.findtext(C + "status") for one in wire.stanzas)
    assert [one.findtext(C + "body") for one in wire.stanzas if one.tag == C + "message"] == ["hello"]


async def test_somebody_who_lost_their_role_does_not_see_the_bot_any_more(
    new_login: Callable[[str], Login], new_bot: Callable[..., Any]
) -> None:
    me, ana = new_login("bot"), new_login("ana")
    bot = new_bot(me, admins=[ana.jid])
    await bot.start()
    async with Person.of(ana) as person:
        wire = await Wire.of(person, me.jid)
        person.client.send_presence_subscription(pto=me.jid)
        await wire.shows(STATUS)
        bot.admins = ()
        await bot.stop()
        await bot.start()
        await wire.is_asked("unsubscribed")


async def test_how_the_accounts_stand_is_shown_to_contacts_and_rooms_alike(
    new_login: Callable[[str], Login], new_room: Callable[..., str], new_bot: Callable[..., Any]
) -> None:
    me, ana, raj = new_login("bot"), new_login("ana"), new_login("raj")
    room = new_room(admins=[me.jid], members=[raj.jid])
    standing = Standing(up=3)

    async def now() -> Standing:
        return standing

    bot = new_bot(me, room, admins=[ana.jid], standing=now)
    async with Person.of(ana) as contact, Person.of(raj) as colleague:
        await colleague.join(room)
        contacts, rooms = await Wire.of(contact, me.jid), await Wire.of(colleague, f"{room}/status")
        await bot.start()
        contact.client.send_presence_subscription(pto=me.jid)
        await contacts.shows(f"{STATUS}. 3 accounts up")
        await rooms.shows(f"{STATUS}. 3 accounts up")
        standing = Standing(up=2, paused=("x",))
        bot.chat.look()
        await contacts.shows(f"{STATUS}. 2 accounts up, x paused")
        shown = await rooms.shows(f"{STATUS}. 2 accounts up, x paused")
    photo = shown.findtext("{vcard-temp:x:update}x/{vcard-temp:x:update}photo")
    assert photo == hashlib.sha1(picture(), usedforsecurity=False).hexdigest()
    assert shown.find("{http://jabber.org/protocol/caps}c") is not None


async def test_others_can_find_out_what_the_bot_is(
    new_login: Callable[[str], Login], new_bot: Callable[..., Any]
) -> None:
    me, ana = new_login("bot"), new_login("ana")
    bot = new_bot(me, admins=[ana.jid])
    with capture_logs() as logs:
        await bot.start()
        async with Person.of(ana) as person:
            wire = await Wire.of(person, me.jid)
            person.client.send_presence_subscription(pto=me.jid)
            photo = hashlib.sha1(picture(), usedforsecurity=False).hexdigest()
            shown = await wire.brings(lambda one: one.findtext("*/{vcard-temp:x:update}photo") == photo)
            caps = shown.find("{http://jabber.org/protocol/caps}c")
            assert caps is not None
            full, node = f"{me.jid}/{bot.resource}", f"{NODE}#{caps.get('ver')}"
            for query in ("", f" node='{node}'"):
                info = await ask(person, full, f"<query xmlns='http://jabber.org/protocol/disco#info'{query}/>")
                found = [one.get("var", "") for one in info.iter("{http://jabber.org/protocol/disco#info}feature")]
                (identity,) = info.iter("{http://jabber.org/protocol/disco#info}identity")
                assert sorted(found) == sorted(FEATURES)
                assert verification("client", "bot", identity.get("name", ""), found) == caps.get("ver")
            software = await ask(person, full, "<query xmlns='jabber:iq:version'/>")
            told = {one.tag.rpartition("}")[2]: one.text for one in software[0]}
            assert told.pop("name") == "Statusbridge"
            assert list(told) == ["version"]
            await bot.stop()
            card = (await ask(person, me.jid, "<vCard xmlns='vcard-temp'/>"))[0]
            assert card.findtext("{vcard-temp}FN") == "Statusbridge"
            assert "!help" in (card.findtext("{vcard-temp}NOTE") or "")
            node = "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:xmpp:avatar:metadata'/></pubsub>"
            avatar = await ask(person, me.jid, node)
            assert [one.get("id") for one in avatar.iter("{urn:xmpp:avatar:metadata}info")] == [photo]
            del wire.stanzas[:]
            await bot.start()
            await wire.brings(lambda one: one.findtext("*/{vcard-temp:x:update}photo") == photo)
    assert [entry["event"] for entry in logs].count("set our vCard") == 1


async def test_a_direct_line_that_asks_for_it_is_receipted_once_after_it_is_written_down(
    new_login: Callable[[str], Login], new_bot: Callable[..., Any]
) -> None:
    me, ana = new_login("bot"), new_login("ana")
    bot = new_bot(me, admins=[ana.jid])
    await bot.start()
    async with Person.of(ana) as person:
        wire = await Wire.of(person, me.jid)

        async def tell(identifier: str, body: str, *asks: str) -> None:
            message = person.client.make_message(mto=JID(me.jid), mbody=body, mtype="chat")
            message["id"] = identifier
            for one in asks:
                message.xml.append(Element(one))
            message.send()

        await tell("both", "!echo one", "{urn:xmpp:receipts}request", "{urn:xmpp:chat-markers:0}markable")
        await tell("none", "!echo two")
        received = await wire.brings(lambda one: one.find("{urn:xmpp:receipts}received") is not None)
        displayed = await wire.brings(lambda one: one.find("{urn:xmpp:chat-markers:0}displayed") is not None)
        assert received.find("{urn:xmpp:receipts}received[@id='both']") is not None
        assert displayed.find("{urn:xmpp:chat-markers:0}displayed[@id='both']") is not None
        assert {line.text for line in bot.desk.handled} >= {"!echo one"}
        assert received.get("to") == str(person.client.boundjid)
        await person.hears("two", where=me.jid)
        await bot.stop()
        await tell("away", "!echo three", "{urn:xmpp:receipts}request")
        await seen_by_all(person)
        await bot.start()
        await person.hears("three", where=me.jid)
        await seen_by_all(person)
        ids = [one.get("id") for stanza in wire.stanzas for one in stanza if one.tag == "{urn:xmpp:receipts}received"]
        assert ids == ["both"]
        assert not any(stanza.find("{urn:xmpp:receipts}request") is not None for stanza in wire.stanzas)
