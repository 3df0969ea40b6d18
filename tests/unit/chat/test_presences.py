from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

import pytest

from bridge.chat.presences import MOST, Presences
from bridge.domain.presence import Availability

if TYPE_CHECKING:
    from collections.abc import Callable

    Xml = Callable[[str], Element]

ANA, RAJ = "ana@example.org", "raj@example.org"
ROOM = "ops@rooms.example.org"


def direct(resource: str, inside: str = "", type_: str = "", who: str = ANA) -> str:
    kind = f" type='{type_}'" if type_ else ""
    return f"<presence from='{who}/{resource}'{kind}>{inside}</presence>"


def inside(nick: str, jid: str | None, shows: str = "", type_: str = "") -> str:
    kind = f" type='{type_}'" if type_ else ""
    real = f" jid='{jid}/phone'" if jid else ""
    item = f"<x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member'{real}/></x>"
    return f"<presence from='{ROOM}/{nick}'{kind}>{shows}{item}</presence>"


@pytest.mark.parametrize(
    ("shows", "availability"),
    [
        ("", Availability.AVAILABLE),
        ("<show>chat</show>", Availability.AVAILABLE),
        ("<show>away</show>", Availability.AWAY),
        ("<show> xa </show>", Availability.AWAY),
        ("<show>dnd</show>", Availability.DND),
        ("<show>dancing</show>", Availability.AVAILABLE),
        ("<show>away</show><priority>many</priority>", Availability.AWAY),
        ("<priority>-1</priority>", Availability.GONE),
    ],
)
def test_a_client_shows_how_somebody_can_be_reached(xml: Xml, shows: str, availability: Availability) -> None:
    presences = Presences()
    presences.heard(xml(direct("phone", shows)))
    assert presences.availability(ANA) is availability
    assert presences.availability(RAJ) is Availability.GONE


def test_of_several_clients_the_highest_priority_counts(xml: Xml) -> None:
    presences = Presences()
    presences.heard(xml(direct("phone", "<show>away</show><priority>1</priority>")))
    presences.heard(xml(direct("desk", "<show>dnd</show><priority>5</priority>")))
    assert presences.availability(ANA) is Availability.DND
    presences.heard(xml(direct("desk", type_="unavailable")))
    assert presences.availability(ANA) is Availability.AWAY
    presences.heard(xml(direct("phone", type_="unavailable")))
    presences.heard(xml(direct("never there", type_="unavailable")))
    assert presences.availability(ANA) is Availability.GONE


def test_when_the_account_is_gone_all_its_clients_are(xml: Xml) -> None:
    presences = Presences()
    presences.heard(xml(direct("phone")))
    presences.heard(xml(direct("desk")))
    presences.heard(xml(f"<presence from='{ANA}' type='unavailable'/>"))
    assert presences.availability(ANA) is Availability.GONE


@pytest.mark.parametrize("type_", ["subscribe", "subscribed", "unsubscribed", "error", "probe"])
def test_other_presences_show_nothing(xml: Xml, type_: str) -> None:
    presences = Presences()
    presences.heard(xml(direct("phone", type_=type_)))
    presences.heard_in(ROOM, xml(inside("ana", ANA, type_=type_)))
    assert presences.availability(ANA) is Availability.GONE


def test_a_room_shows_its_occupants_until_they_or_we_leave(xml: Xml) -> None:
    presences = Presences()
    presences.heard_in(ROOM, xml(inside("Ana", ANA, "<show>away</show>")))
    presences.heard_in(ROOM, xml(inside("Raj", RAJ)))
    presences.heard_in(ROOM, xml(inside("nobody", None)))
    presences.heard_in(ROOM, xml(f"<presence from='{ROOM}'/>"))
    assert presences.availability(ANA) is Availability.AWAY
    presences.heard_in(ROOM, xml(inside("Ana", ANA, type_="unavailable")))
    assert presences.availability(ANA) is Availability.GONE
    assert presences.availability(RAJ) is Availability.AVAILABLE
    presences.forget(ROOM)
    assert presences.availability(RAJ) is Availability.GONE


def test_a_nick_that_changes_hands_is_its_new_owner(xml: Xml) -> None:
    presences = Presences()
    presences.heard_in(ROOM, xml(inside("boss", ANA, "<show>dnd</show>")))
    presences.heard_in(ROOM, xml(inside("boss", RAJ)))
    assert presences.availability(ANA) is Availability.GONE
    assert presences.availability(RAJ) is Availability.AVAILABLE


def test_what_somebody_tells_us_counts_more_than_what_a_room_shows(xml: Xml) -> None:
    presences = Presences()
    presences.heard_in(ROOM, xml(inside("Ana", ANA)))
    presences.heard(xml(direct("phone", "<show>dnd</show>")))
    assert presences.availability(ANA) is Availability.DND
    presences.heard(xml(direct("phone", type_="unavailable")))
    assert presences.availability(ANA) is Availability.AVAILABLE


def test_a_new_session_begins_with_nobody(xml: Xml) -> None:
    presences = Presences()
    presences.heard(xml(direct("phone")))
    presences.heard_in(ROOM, xml(inside("Raj", RAJ)))
    presences.clear()
    assert {presences.availability(ANA), presences.availability(RAJ)} == {Availability.GONE}
    presences.forget(ROOM)


def test_an_away_message_is_known_as_one(xml: Xml) -> None:
    presences = Presences()
    presences.heard(xml(direct("pidgin", "<show>away</show><status>I'm not here\n right now</status>")))
    presences.heard_in(ROOM, xml(inside("Raj", RAJ, "<show>xa</show><status>on holiday</status>")))
    assert presences.is_away_message(ANA, " I'm not here right now ")
    assert presences.is_away_message(RAJ, "on holiday")
    assert not presences.is_away_message(ANA, "I'm not here")
    assert not presences.is_away_message(RAJ, "I'm not here right now")
    assert not presences.is_away_message("eve@example.org", "on holiday")
    assert not presences.is_away_message(ANA, "")
    presences.heard(xml(direct("pidgin", "<status>I'm not here right now</status>")))
    assert not presences.is_away_message(ANA, "I'm not here right now")


def test_a_crowd_is_not_remembered_without_end(xml: Xml) -> None:
    presences = Presences()
    for number in range(MOST + 1):
        stanza = Element("{jabber:client}presence", {"from": f"u{number}@example.org/x"})
        presences.heard(stanza)
    presences.heard_in(ROOM, xml(inside("Ana", ANA)))
    assert presences.availability("u0@example.org") is Availability.AVAILABLE
    assert presences.availability(f"u{MOST}@example.org") is Availability.GONE
    assert presences.availability(ANA) is Availability.GONE
