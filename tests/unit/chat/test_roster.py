from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, SubElement

import pytest

from bridge.chat.errors import NoAnswer
from bridge.chat.roster import MOST_ASKING, Roster

ANA, RAJ, EVE = "ana@example.org", "raj@example.org", "eve@example.org"
ADDED = [("subscribed", ANA), ("subscribe", ANA)]


class World:
    """Who has a role, and whether all rooms have told so."""

    def __init__(self, stream: Any) -> None:
        self.known = {ANA, RAJ}
        self.settled = True
        self.stream = stream
        self.items: list[tuple[str, str]] = []
        stream.answers = self._answer
        self.roster = Roster(stream, knows=lambda jid: jid in self.known, settled=lambda: self.settled)

    def _answer(self, asked: tuple[str, str | None, Element]) -> Element:
        assert asked[:2] == ("get", None)
        answer = Element("{jabber:client}iq")
        query = SubElement(answer, "{jabber:iq:roster}query")
        for jid, subscription in self.items:
            SubElement(query, "{jabber:iq:roster}item", {"jid": jid, "subscription": subscription})
        return answer

    @property
    def sent(self) -> list[tuple[str | None, str | None]]:
        return [(one.get("type"), one.get("to")) for one in self.stream.sent]


@pytest.fixture
def world(stream: Any) -> World:
    return World(stream)


def test_who_has_a_role_is_added_in_turn(world: World) -> None:
    world.roster.presence(ANA, "subscribe")
    assert world.sent == ADDED


def test_a_stranger_is_declined(world: World) -> None:
    world.roster.presence(EVE, "subscribe")
    assert world.sent == [("unsubscribed", EVE)]


def test_who_takes_us_out_is_taken_out(world: World) -> None:
    world.roster.presence(ANA, "unsubscribe")
    world.roster.presence(EVE, "unsubscribe")
    assert world.sent == [("unsubscribe", ANA), ("unsubscribe", EVE)]


async def test_who_may_be_known_by_a_room_waits_for_it(world: World) -> None:
    world.settled = False
    world.known = set()
    world.roster.presence(ANA, "subscribe")
    world.roster.presence(EVE, "subscribe")
    await world.roster.review()
    assert world.sent == []
    world.known = {ANA}
    world.settled = True
    await world.roster.review()
    assert world.sent == [*ADDED, ("unsubscribed", EVE)]
    await world.roster.review()
    assert len(world.sent) == 3


async def test_who_is_seen_in_a_room_meanwhile_is_added_at_once(world: World) -> None:
    world.settled = False
    world.known = set()
    world.roster.presence(ANA, "subscribe")
    world.roster.seen(ANA)
    assert world.sent == []
    world.known = {ANA}
    world.roster.seen(RAJ)
    world.roster.seen(ANA)
    world.roster.seen(ANA)
    assert world.sent == ADDED


async def test_who_takes_us_out_while_waiting_is_not_added(world: World) -> None:
    world.settled = False
    world.known = set()
    world.roster.presence(ANA, "subscribe")
    world.roster.presence(ANA, "unsubscribe")
    world.known, world.settled = {ANA}, True
    await world.roster.review()
    assert world.sent == [("unsubscribe", ANA)]


async def test_a_new_session_asks_for_nobody_twice(world: World) -> None:
    world.settled = False
    world.known = set()
    world.roster.presence(ANA, "subscribe")
    world.roster.fresh()
    world.known, world.settled = {ANA}, True
    await world.roster.review()
    assert world.sent == []


async def test_who_has_no_role_any_more_does_not_see_us_any_more(world: World) -> None:
    world.items = [(ANA, "both"), (RAJ, "from"), (EVE, "both"), ("x@example.org", "from"), ("y@example.org", "to")]
    world.items += [("z@example.org", "none")]
    await world.roster.review()
    assert world.sent == [
        ("unsubscribed", EVE),
        ("unsubscribe", EVE),
        ("unsubscribed", "x@example.org"),
        ("unsubscribe", "y@example.org"),
    ]


async def test_nobody_is_parted_from_before_the_rooms_have_told_who_has_a_role(world: World) -> None:
    world.items = [(EVE, "both")]
    world.settled = False
    await world.roster.review()
    assert world.sent == []
    # The server tells of subscriptions only those who have asked for the roster.
    assert len(world.stream.asked) == 1


async def test_who_took_us_out_while_we_were_away_is_taken_out(world: World) -> None:
    world.items = [(ANA, "to")]
    world.settled = False
    await world.roster.review()
    assert world.sent == [("unsubscribe", ANA)]


async def test_a_roster_that_cannot_be_read_does_no_harm(world: World) -> None:
    world.stream.answers = lambda _: NoAnswer("silence")
    await world.roster.review()
    assert world.sent == []


def test_a_crowd_is_not_remembered_without_end(world: World) -> None:
    world.settled = False
    world.known = set()
    for number in range(MOST_ASKING + 5):
        world.roster.presence(f"u{number}@example.org", "subscribe")
    world.settled = True
    for number in range(MOST_ASKING + 5):
        world.roster.seen(f"u{number}@example.org")
    assert len(world.sent) == MOST_ASKING


def test_what_the_server_has_seen_to_is_left_alone(world: World) -> None:
    world.roster.presence(ANA, "unsubscribed")
    world.roster.presence(ANA, "subscribed")
    assert world.sent == []
