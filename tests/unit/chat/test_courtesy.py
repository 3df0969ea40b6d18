from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any
from xml.etree.ElementTree import Element, SubElement

import pytest
from structlog.testing import capture_logs

from bridge.chat.courtesy import Courtesy
from bridge.chat.gate import direct_origin, speech
from bridge.chat.rooms import Room
from bridge.commands.incoming import Content, Incoming
from bridge.domain.people import Role
from bridge.domain.presence import Availability
from bridge.store import Store
from bridge.testing.clock import FakeClock

Xml = Callable[[str], Element]

ROOM = "ops@rooms.example.org"
OWN, ANA, RAJ, EVE = "status@example.org", "ana@example.org", "raj@example.org", "eve@example.org"
USER = "http://jabber.org/protocol/muc#user"
NOW = datetime(2026, 1, 2, tzinfo=UTC)


class Stage:
    """Courtesies in a room that isn't joined yet."""

    def __init__(self, stream: Any, store: Store, clock: FakeClock) -> None:
        self.stream = stream
        self.room = Room(ROOM, "status", clock)
        self.present: set[str] = set()
        self.tasks: list[asyncio.Task[None]] = []
        self.roster: list[str] = []
        self.roles = {ANA: Role.STAFF}
        self.courtesy = Courtesy(
            stream=stream,
            store=store,
            clock=clock,
            nick="status",
            rooms={ROOM: self.room},
            giving=[ROOM],
            present=lambda: self.present,
            role_of=self.role_of,
            standing=None,
            begin=self._begin,
        )
        stream.answers = self._answer

    def role_of(self, jid: str, affiliation: str | None, room: str | None) -> Role:
        """Ana has a role of her own, and members of the room have one there."""
        member = Role.STAFF if room == ROOM and affiliation == "member" else Role.NONE
        return self.roles.get(jid, member)

    def _begin(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.ensure_future(coroutine))

    def _answer(self, asked: tuple[str, str | None, Element]) -> Element:
        answer = Element("{jabber:client}iq")
        if asked[2].tag == "{jabber:iq:roster}query":
            query = SubElement(answer, "{jabber:iq:roster}query")
            for jid in self.roster:
                SubElement(query, "{jabber:iq:roster}item", {"jid": jid, "subscription": "both"})
        return answer

    async def done(self) -> list[tuple[str | None, str | None]]:
        """Wait for all that was begun, and return the types and targets of what was sent."""
        tasks, self.tasks = self.tasks, []
        await asyncio.gather(*tasks)
        sent, self.stream.sent = self.stream.sent, []
        return [(one.get("type"), one.get("to")) for one in sent]

    async def joins(self) -> None:
        self.present.add(ROOM)
        await self.room.learn_affiliations(self.stream)
        self.courtesy.arrived(ROOM)


@pytest.fixture
async def stage(stream: Any, store: Store, clock: FakeClock) -> AsyncIterator[Stage]:
    made = Stage(stream, store, clock)
    yield made
    await asyncio.gather(*made.tasks)


def subscribe(who: str) -> str:
    return f"<presence from='{who}' type='subscribe'/>"


def occupant(who: str) -> str:
    item = f"<item affiliation='member' jid='{who}/phone'/>"
    return f"<presence from='{ROOM}/nick'><show>away</show><x xmlns='{USER}'>{item}</x></presence>"


def said(message: Element) -> Incoming:
    incoming = speech(message, direct_origin(message, OWN, NOW, "a1"))
    assert incoming is not None
    return incoming


async def test_a_new_session_introduces_us(stage: Stage) -> None:
    stage.courtesy.fresh()
    assert await stage.done() == [(None, None)]
    asked = sorted((kind, payload.tag.partition("}")[2]) for kind, _, payload in stage.stream.asked)
    looked = [("get", "pubsub"), ("get", "query"), ("get", "vCard")]
    assert asked == [*looked, ("set", "pubsub"), ("set", "pubsub"), ("set", "vCard")]


async def test_a_bug_in_a_courtesy_does_not_end_the_session(stage: Stage) -> None:
    stage.stream.answers = lambda _: "no element"
    with capture_logs() as logs:
        stage.courtesy.fresh()
        assert await stage.done() == [(None, None)]
    assert {entry["event"] for entry in logs} == {"a courtesy has failed"}


async def test_who_has_a_role_in_a_room_alone_waits_until_it_has_told_so(stage: Stage, xml: Xml) -> None:
    stage.courtesy.fresh()
    await stage.done()
    stage.courtesy.presence(xml(subscribe(ANA)))
    stage.courtesy.presence(xml(subscribe(RAJ)))
    stage.courtesy.presence(xml(subscribe(EVE)))
    assert await stage.done() == [("subscribed", ANA), ("subscribe", ANA)]
    raj = xml(occupant(RAJ))
    stage.room.presence(raj)
    stage.courtesy.presence(raj)
    assert await stage.done() == [("subscribed", RAJ), ("subscribe", RAJ)]
    await stage.joins()
    assert await stage.done() == [(None, f"{ROOM}/status"), ("unsubscribed", EVE)]


async def test_nobody_is_parted_from_while_a_room_keeps_its_lists_to_itself(stage: Stage) -> None:
    stage.roster = [RAJ]
    await stage.joins()
    stage.room.listed = False
    assert await stage.done() == [(None, f"{ROOM}/status")]
    stage.room.listed = True
    stage.courtesy.arrived(ROOM)
    assert await stage.done() == [
        (None, f"{ROOM}/status"),
        ("unsubscribed", RAJ),
        ("unsubscribe", RAJ),
    ]


async def test_whose_role_was_taken_does_not_see_us_any_more(stage: Stage) -> None:
    stage.courtesy.review()
    assert await stage.done() == []
    await stage.joins()
    stage.roster = [ANA, EVE]
    stage.roles = {EVE: Role.STAFF, ANA: Role.STAFF}
    await stage.done()
    del stage.roles[ANA]
    stage.courtesy.review()
    assert await stage.done() == [("unsubscribed", ANA), ("unsubscribe", ANA)]


async def test_presences_are_heard_from_people_and_rooms(stage: Stage, xml: Xml) -> None:
    stage.courtesy.presence(xml(f"<presence from='{ANA}/desk'><show>dnd</show></presence>"))
    stage.courtesy.presence(xml(occupant(RAJ)))
    stage.courtesy.presence(xml(f"<presence from='{OWN}/laptop'/>"))
    stage.courtesy.presence(xml("<presence from='example.org'/>"))
    found = {who: stage.courtesy.presences.availability(who) for who in (ANA, RAJ, OWN, "example.org")}
    assert found == {
        ANA: Availability.DND,
        RAJ: Availability.AWAY,
        OWN: Availability.GONE,
        "example.org": Availability.GONE,
    }
    stage.courtesy.left(ROOM)
    assert stage.courtesy.presences.availability(RAJ) is Availability.GONE


async def test_an_automatic_answer_is_known_live_and_archived(stage: Stage, xml: Xml) -> None:
    away = "<show>away</show><status>back at ten</status>"
    stage.courtesy.presence(xml(f"<presence from='{ANA}/desk'>{away}</presence>"))
    message = xml(f"<message from='{ANA}/desk' type='chat' id='i1'><body>back at ten</body></message>")
    assert stage.courtesy.direct(message, said(message)).content is Content.AUTOMATIC
    assert stage.courtesy.judged(said(message)).content is Content.AUTOMATIC
    message = xml(f"<message from='{ANA}/desk' type='chat' id='i1'><body>post back at ten</body></message>")
    assert stage.courtesy.direct(message, said(message)).content is Content.TEXT


@pytest.mark.parametrize(("who", "answers"), [(ANA, 1), (RAJ, 0), (EVE, 0)])
async def test_a_receipt_is_for_those_who_may_speak_to_us(stage: Stage, xml: Xml, who: str, answers: int) -> None:
    raj = xml(occupant(RAJ))
    stage.room.presence(raj)
    message = xml(
        f"<message from='{who}/desk' type='chat' id='i1'><body>hi</body><request xmlns='urn:xmpp:receipts'/></message>"
    )
    stage.courtesy.committed(stage.courtesy.direct(message, said(message)))
    assert len(await stage.done()) == answers
