from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

import pytest

from bridge.chat.errors import NoAnswer, Refused
from bridge.chat.rooms import JOIN_SECONDS, NotJoined, Room

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.testing.clock import FakeClock

    Xml = Callable[[str], Element]

ROOM = "ops@rooms.example.org"
USER = "http://jabber.org/protocol/muc#user"


def here(nick: str, jid: str | None = None, affiliation: str = "member", codes: str = "", kind: str = "") -> str:
    address = f" jid='{jid}/phone'" if jid else ""
    statuses = "".join(f"<status code='{code}'/>" for code in codes.split())
    type_ = f" type='{kind}'" if kind else ""
    return (
        f"<presence from='{ROOM}/{nick}'{type_}><x xmlns='{USER}'>"
        f"<item affiliation='{affiliation}' role='participant'{address}/>{statuses}</x></presence>"
    )


@pytest.fixture
def room(clock: FakeClock) -> Room:
    return Room(ROOM, "status", clock)


async def join(room: Room, stream: Any, xml: Xml, codes: str = "110 100") -> None:
    task = asyncio.ensure_future(room.join(stream))
    await asyncio.sleep(0)
    room.presence(xml(here("ana", "ana@example.org", "admin")))
    room.presence(xml(here(room.nick, "status@example.org", codes=codes)))
    await task


async def test_one_is_in_with_ones_own_presence_and_without_history(room: Room, stream: Any, xml: Xml) -> None:
    await join(room, stream, xml)
    assert room.joined
    assert room.open
    assert not room.left.is_set()
    (sent,) = stream.sent
    assert sent.get("to") == f"{ROOM}/status"
    history = sent.find("{http://jabber.org/protocol/muc}x/{http://jabber.org/protocol/muc}history")
    assert history.get("maxstanzas") == "0"
    ana = room.occupant("ana")
    assert ana is not None
    assert (ana.address, ana.affiliation) == ("ana@example.org", "admin")


async def test_a_nick_belongs_to_whoever_has_it_at_that_point_of_the_stream(room: Room, stream: Any, xml: Xml) -> None:
    await join(room, stream, xml)
    room.presence(xml(here("ana", "ana@example.org", "admin", kind="unavailable")))
    assert room.occupant("ana") is None
    room.presence(xml(here("ana", "eve@example.org", "none")))
    eve = room.occupant("ana")
    assert eve is not None
    assert (eve.address, eve.affiliation) == ("eve@example.org", "none")
    assert room.affiliation("ana@example.org") == "admin"


async def test_a_room_that_hides_addresses_is_not_open(room: Room, stream: Any, xml: Xml) -> None:
    await join(room, stream, xml, codes="110")
    assert not room.open
    room.presence(xml(here("bob")))
    bob = room.occupant("bob")
    assert bob is not None
    assert bob.address is None
    room.notice(xml(f"<message from='{ROOM}'><x xmlns='{USER}'><status code='172'/></x></message>"))
    assert room.open
    room.notice(xml(f"<message from='{ROOM}'><x xmlns='{USER}'><status code='173'/></x></message>"))
    assert not room.open


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("registration-required", ("members-only: make status@example.org a member", True)),
        ("forbidden", ("status@example.org is banned", True)),
        ("item-not-found", ("there is no such room", True)),
        ("service-unavailable", ("full or its service is down", False)),
        ("resource-constraint", ("resource-constraint", False)),
    ],
)
async def test_a_refusal_is_understood_at_once(
    room: Room, stream: Any, xml: Xml, condition: str, told: tuple[str, bool]
) -> None:
    task = asyncio.ensure_future(room.join(stream))
    await asyncio.sleep(0)
    error = f"<error type='auth'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    room.presence(xml(f"<presence from='{ROOM}/status' type='error'>{error}</presence>"))
    with pytest.raises(NotJoined, match=told[0]) as refusal:
        await task
    assert refusal.value.lasting is told[1]
    assert not room.joined


async def test_a_taken_nick_gives_way_to_the_next_and_five_are_tried(room: Room, stream: Any, xml: Xml) -> None:
    task = asyncio.ensure_future(room.join(stream))
    error = "<error type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    for _ in range(5):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        room.presence(xml(f"<presence from='{ROOM}/{room.nick}' type='error'>{error}</presence>"))
    with pytest.raises(NotJoined, match=r"change xmpp\.nick"):
        await task
    assert [sent.get("to").partition("/")[2] for sent in stream.sent] == [
        "status",
        "status_",
        "status__",
        "status___",
        "status____",
    ]


async def test_a_room_that_would_be_created_is_none(room: Room, stream: Any, xml: Xml) -> None:
    with pytest.raises(NotJoined, match="there is no such room"):
        await join(room, stream, xml, codes="110 201")
    assert not room.joined


@pytest.mark.parametrize("obeys", [True, False])
async def test_a_room_that_was_made_by_entering_it_is_unmade_or_at_least_left(
    room: Room, stream: Any, xml: Xml, obeys: bool
) -> None:
    stream.answers = lambda _: Element("iq") if obeys else Refused("forbidden")
    with pytest.raises(NotJoined):
        await join(room, stream, xml, codes="110 201")
    ((kind, to, query),) = stream.asked
    assert (kind, to) == ("set", ROOM)
    assert [child.tag for child in query] == ["{http://jabber.org/protocol/muc#owner}destroy"]
    leavings = [sent.get("to") for sent in stream.sent if sent.get("type") == "unavailable"]
    assert leavings == ([] if obeys else [f"{ROOM}/status"])


async def test_a_room_that_says_nothing_is_given_up_after_a_while(room: Room, stream: Any, clock: FakeClock) -> None:
    task = asyncio.ensure_future(room.join(stream))
    await clock.wait_for_sleepers(1)
    await clock.advance(JOIN_SECONDS)
    with pytest.raises(NotJoined, match="doesn't answer"):
        await task


async def test_an_attempt_that_is_called_off_does_not_spoil_the_next(room: Room, stream: Any, xml: Xml) -> None:
    first = asyncio.ensure_future(room.join(stream))
    await asyncio.sleep(0)
    room.forget()
    second = asyncio.ensure_future(room.join(stream))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait((first,))
    room.presence(xml(here("status", "status@example.org", codes="110 100")))
    await asyncio.wait_for(second, 5)
    assert room.joined


async def test_without_a_session_nothing_is_tried(room: Room, stream: Any) -> None:
    stream.live = False
    with pytest.raises(NotJoined, match="the session is gone"):
        await room.join(stream)


@pytest.mark.parametrize(
    ("codes", "why"), [("110 307", "kicked"), ("110 301", "banned"), ("110 332", "going down"), ("110", "left")]
)
async def test_being_thrown_out_is_noticed(room: Room, stream: Any, xml: Xml, codes: str, why: str) -> None:
    await join(room, stream, xml)
    room.presence(xml(here("status", codes=codes, kind="unavailable")))
    assert room.left.is_set()
    assert not room.joined
    assert why in room.why


async def test_the_end_of_a_room_is_told_with_its_reason_and_where_it_went(room: Room, stream: Any, xml: Xml) -> None:
    await join(room, stream, xml)
    assert not room.by_hand
    destroy = "<destroy jid='new@rooms.example.org'><reason>we\n move</reason></destroy>"
    item = "<item affiliation='none' role='none'/>"
    room.presence(
        xml(f"<presence from='{ROOM}/status' type='unavailable'><x xmlns='{USER}'>{item}{destroy}</x></presence>")
    )
    assert room.left.is_set()
    assert room.by_hand
    assert room.why == "the room was destroyed, and people were sent to new@rooms.example.org (we move)"


async def test_a_reason_is_made_harmless_and_a_later_one_does_not_replace_it(room: Room, stream: Any, xml: Xml) -> None:
    await join(room, stream, xml)
    presence = here("status", codes="110 307", kind="unavailable")
    room.presence(xml(presence.replace("/><status", f"><reason>{'x' * 300}\u202e</reason></item><status", 1)))
    assert room.by_hand
    assert room.why.startswith("kicked (xxx")
    assert len(room.why) < 220
    assert "\u202e" not in room.why
    told = room.why
    room.forgot_us()
    assert room.why == told
    await join(room, stream, xml)
    assert (room.why, room.by_hand) == ("", False)
    room.forgot_us()
    assert room.left.is_set()
    assert room.why == "the room doesn't know us any more"


async def test_a_new_nick_of_ours_is_known(room: Room, stream: Any, xml: Xml) -> None:
    await join(room, stream, xml)
    item = "<item affiliation='member' role='participant' nick='bot'/><status code='303'/><status code='110'/>"
    room.presence(xml(f"<presence from='{ROOM}/status' type='unavailable'><x xmlns='{USER}'>{item}</x></presence>"))
    room.presence(xml(here("bot", codes="110")))
    assert room.nick == "bot"
    assert room.joined
    assert not room.left.is_set()


async def test_who_is_not_there_is_looked_up_in_the_lists(room: Room, stream: Any, xml: Xml) -> None:
    await join(room, stream, xml)
    admin = "http://jabber.org/protocol/muc#admin"

    def answers(asked: tuple[str, str | None, Element]) -> Element | Refused:
        item = asked[2].find(f"{{{admin}}}item")
        assert item is not None
        name = item.get("affiliation")
        if name == "owner":
            return Refused("forbidden")
        listed = f"<item affiliation='{name}' jid='{name}@example.org'/>"
        return xml(f"<iq type='result'><query xmlns='{admin}'>{listed}</query></iq>")

    stream.answers = answers
    assert not room.listed
    await room.learn_affiliations(stream)
    assert not room.listed
    assert room.affiliation("member@example.org") == "member"
    assert room.affiliation("admin@example.org") == "admin"
    assert room.affiliation("owner@example.org") == "none"
    assert room.affiliation("ana@example.org") == "admin"
    item = "<item jid='member@example.org' affiliation='none'/>"
    room.notice(xml(f"<message from='{ROOM}'><x xmlns='{USER}'>{item}</x></message>"))
    assert room.affiliation("member@example.org") == "none"
    stream.answers = lambda _: Refused("forbidden")
    await room.learn_affiliations(stream)
    assert room.affiliation("admin@example.org") == "none"


@pytest.mark.parametrize(
    ("answer", "inside"),
    [
        (Refused("not-acceptable"), False),
        (Refused("not-allowed"), False),
        (Refused("service-unavailable"), True),
        (Refused("item-not-found"), True),
        (NoAnswer("silence"), True),
        (Element("iq"), True),
    ],
)
async def test_the_room_knows_whether_we_are_inside(room: Room, stream: Any, answer: Any, inside: bool) -> None:
    stream.answers = lambda _: answer
    assert await room.is_inside(stream) is inside
    assert stream.asked[0][1] == f"{ROOM}/status"
