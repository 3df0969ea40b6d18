from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

import pytest
from structlog.testing import capture_logs

from bridge.chat.flights import IN_FLIGHT
from bridge.domain.notices import Notice, NoticeState
from bridge.store import Store

if TYPE_CHECKING:
    from bridge.testing.clock import FakeClock

from tests.unit.chat.kit import ANA, ROOM, Kit, until


@pytest.fixture
async def kit(stream: Any, store: Store, clock: FakeClock) -> AsyncIterator[Kit]:
    made = Kit(stream, store, clock)
    yield made
    await made.stop()


async def test_lines_go_in_order_to_who_is_there_and_are_done_with_their_echo(kit: Kit) -> None:
    ids = [await kit.owe(f"line {number}") for number in range(3)]
    await kit.owe("for ana", ANA)
    kit.run(ROOM)
    await kit.sent("line 0", "line 1", "line 2")
    assert [stanza.get("id") for stanza in kit.stream.sent] == ids
    assert await kit.owed() == {
        "line 0": NoticeState.SENDING,
        "line 1": NoticeState.SENDING,
        "line 2": NoticeState.SENDING,
        "for ana": NoticeState.READY,
    }
    kit.sender.acknowledged(ids[0])
    kit.echo(*ids)
    await until(lambda: not kit.sender._arrived)
    assert await kit.owed() == {"for ana": NoticeState.READY}
    kit.sender.arrive("direct")
    await kit.sent("line 0", "line 1", "line 2", "for ana")
    kit.sender.acknowledged("o4")
    await kit.all_done()


async def test_a_line_is_marked_before_it_is_handed_over(kit: Kit) -> None:
    tried: list[Element] = []
    hand_over = kit.stream.send

    def send(stanza: Element) -> bool:
        tried.append(stanza)
        return hand_over(stanza)

    kit.stream.send = send
    kit.stream.live = False
    await kit.owe("waits")
    kit.run(ROOM)
    await until(lambda: tried)
    assert await kit.owed() == {"waits": NoticeState.SENDING}
    assert kit.stream.sent == []
    kit.stream.live = True
    kit.sender.online()
    await kit.sent("waits")


async def test_somebody_new_in_a_direct_chat_is_found(kit: Kit) -> None:
    kit.run("direct")
    await kit.owe("hello", ANA)
    await until(lambda: kit.clock.sleepers > 0)
    await kit.clock.advance(1)
    await kit.sent("hello")


async def test_no_more_than_so_many_are_in_flight(kit: Kit) -> None:
    ids = [await kit.owe(str(number)) for number in range(IN_FLIGHT + 3)]
    kit.run(ROOM)
    await until(lambda: len(kit.stream.sent) == IN_FLIGHT)
    kit.echo(*ids[:IN_FLIGHT])
    await kit.sent(*(str(number) for number in range(IN_FLIGHT + 3)))


async def test_no_more_than_so_many_bytes_are_in_flight_and_nothing_is_left_behind(kit: Kit) -> None:
    bodies = [f"{number} {'x' * 5_000}" for number in range(9)]
    ids = [await kit.owe(body) for body in bodies]
    kit.run(ROOM)
    # The fourth passes the limit.
    for sent in (4, 8, 9):
        await kit.sent(*bodies[:sent])
        kit.echo(*ids[:sent])
    await kit.all_done()


async def test_a_line_waits_for_its_time(kit: Kit) -> None:
    await kit.owe("later", due_at=kit.clock.now() + timedelta(seconds=5))
    await kit.owe("now")
    kit.run(ROOM)
    await kit.sent("now")
    kit.echo("o2")
    await until(lambda: not kit.sender._arrived)
    await kit.clock.wait_for_wait(5)
    await kit.clock.advance(5)
    await kit.sent("now", "later")


async def test_a_receipt_is_written_when_it_goes_and_corrects_its_first_message(kit: Kit) -> None:
    states = iter(["on its way", "mastodon LINK", "all LINK", "again"])
    kit.rendered = lambda _: next(states)
    kit.run(ROOM)
    root = await kit.touch(7)
    await kit.sent("on its way")
    kit.echo(root)
    second = await kit.touch(7)
    await kit.sent("on its way", "mastodon LINK")
    kit.echo(second)
    kit.room.nick = "status_"
    third = await kit.touch(7)
    await kit.sent("on its way", "mastodon LINK", "all LINK")
    kit.echo(third)
    await kit.touch(7)
    await kit.sent("on its way", "mastodon LINK", "all LINK", "again")
    replaced = [stanza.find("{urn:xmpp:message-correct:0}replace") for stanza in kit.stream.sent]
    assert [None if one is None else one.get("id") for one in replaced] == [None, root, None, third]


async def test_a_receipt_that_reads_as_before_is_not_sent_again(kit: Kit) -> None:
    states = iter(["on its way", "on its way", "mastodon LINK"])
    kit.rendered = lambda _: next(states)
    kit.run(ROOM)
    root = await kit.touch(7)
    await kit.sent("on its way")
    kit.echo(root)
    await kit.touch(7)
    await kit.all_done()
    await kit.touch(7)
    await kit.sent("on its way", "mastodon LINK")


@pytest.mark.parametrize("error", [KeyError("a bug"), ValueError("a bug")])
async def test_a_receipt_that_cannot_be_written_stops_nothing(kit: Kit, error: Exception) -> None:
    def broken(_: Notice) -> str:
        raise error

    kit.rendered = broken
    await kit.touch(0x4F)
    await kit.owe("next")
    with capture_logs() as logs:
        kit.run(ROOM)
        await kit.sent("[4f] its receipt can't be shown: an error of the bridge, see its log", "next")
    assert [entry["event"] for entry in logs] == ["a receipt could not be written"]


async def test_a_receipt_with_nothing_to_say_is_dropped(kit: Kit) -> None:
    kit.rendered = lambda _: " "
    await kit.touch(1)
    await kit.owe("next")
    kit.run(ROOM)
    await kit.sent("next")
    assert await kit.owed() == {"next": NoticeState.SENDING}
