from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast
from xml.etree.ElementTree import Element

import pytest
from structlog.testing import capture_logs

from bridge.chat.archive import Archives
from bridge.chat.errors import AnswerError, NoAnswer, Refused
from bridge.chat.rooms import Room
from bridge.chat.sender import ECHO_SECONDS, IN_FLIGHT, Sender
from bridge.domain.ids import EntryId
from bridge.domain.notices import Notice, NoticeState
from bridge.domain.people import Place, Target
from bridge.store import InDoubt, NotCommitted, Store, Tx, notices

if TYPE_CHECKING:
    from bridge.testing.clock import FakeClock

ROOM = "ops@rooms.example.org"
ANA = "ana@example.org"
ADMIN = "boss@example.org"
OWN = "status@example.org"


class Kit:
    """A sender with a stream that records, an archive of one's own making, and the real store."""

    def __init__(self, stream: Any, store: Store, clock: FakeClock) -> None:
        self.stream = stream
        self.store = store
        self.clock = clock
        self.archive: list[Element] = []
        self.barrier: Element | AnswerError = Element("iq")
        self.rendered: Callable[[Notice], str] = lambda notice: f"receipt of {notice.receipt}"
        self.archives = Archives(stream)
        self.room = Room(ROOM, "status", clock)
        self.sender = Sender(
            stream=stream,
            archives=self.archives,
            rooms={ROOM: self.room},
            admins=[ADMIN],
            store=store,
            render=lambda _, notice: self.rendered(notice),
            clock=clock,
        )
        stream.answers = self._answer
        self._number = 0
        self._task: asyncio.Task[None] | None = None

    def run(self, *sources: str) -> None:
        self.sender.online()
        for source in sources:
            self.sender.arrive(source)
        self._task = asyncio.ensure_future(self.sender.run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def owe(self, body: str, to: str = ROOM, **options: Any) -> str:
        self._number += 1
        origin_id, now = f"o{self._number}", self.clock.now()
        target = Target(to, Place.ROOM if to == ROOM else Place.DIRECT)

        def unit(tx: Tx) -> None:
            notices.add_line(tx, target=target, body=body, origin_id=origin_id, at=now, **options)

        await self.store.write(unit)
        return origin_id

    async def touch(self, receipt: int) -> str:
        self._number += 1
        origin_id, now = f"o{self._number}", self.clock.now()
        await self.store.write(
            lambda tx: notices.touch_receipt(
                tx, target=Target(ROOM, Place.ROOM), receipt=EntryId(receipt), origin_id=origin_id, at=now
            )
        )
        return origin_id

    async def sent(self, *bodies: str) -> None:
        """Wait until exactly these bodies have been handed to the stream, in this order."""
        await until(lambda: len(self.stream.sent) >= len(bodies))
        assert self.stream.bodies() == list(bodies)

    async def owed(self) -> dict[str, NoticeState]:
        return {notice.body: notice.state for notice in await self.store.read(notices.pending)}

    async def all_done(self) -> None:
        deadline = time.monotonic() + 10
        while left := await self.owed():
            assert time.monotonic() < deadline, left
            await asyncio.sleep(0.005)

    def echo(self, *ids: str) -> None:
        for origin_id in ids:
            self.sender.arrived({origin_id}, f"archived-{origin_id}")

    def keep(self, origin_id: str, author: str = OWN) -> None:
        """Put a line into the archive, as if it had arrived."""
        message = Element("{jabber:client}message", {"from": f"{ROOM}/status", "id": origin_id})
        user = "{http://jabber.org/protocol/muc#user}"
        x = Element(user + "x")
        x.append(Element(user + "item", {"jid": author}))
        message.append(x)
        self.archive.append(message)

    async def later(self, seconds: float) -> None:
        """Let time pass for a sender that has nothing to do before."""
        await until(lambda: self.clock.sleepers > 0)
        await self.clock.advance(seconds)

    def _answer(self, asked: tuple[str, str | None, Element]) -> Element | AnswerError:
        _, to, payload = asked
        if payload.tag == "{urn:xmpp:ping}ping":
            return self.barrier
        for number, message in enumerate(self.archive):
            result = Element("{urn:xmpp:mam:2}result", {"queryid": payload.get("queryid", ""), "id": f"a{number}"})
            forwarded = Element("{urn:xmpp:forward:0}forwarded")
            forwarded.append(Element("{urn:xmpp:delay}delay", {"stamp": self.clock.now().isoformat()}))
            forwarded.append(message)
            result.append(forwarded)
            wrapper = Element("{jabber:client}message", {"from": to or OWN})
            wrapper.append(result)
            self.archives.collect(wrapper)
        answer = Element("{jabber:client}iq")
        answer.append(Element("{urn:xmpp:mam:2}fin", {"complete": "true"}))
        return answer


async def until(look: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not look():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.002)


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


@pytest.mark.parametrize("source", [ROOM, "direct"])
async def test_what_is_never_seen_again_and_not_in_the_archive_is_sent_again_with_the_same_id(
    kit: Kit, source: str
) -> None:
    origin_id = await kit.owe("lost", ROOM if source == ROOM else ANA)
    kit.sender.meet(ANA)
    kit.run(source)
    await kit.sent("lost")
    await kit.later(ECHO_SECONDS)
    await kit.sent("lost", "lost")
    assert {stanza.get("id") for stanza in kit.stream.sent} == {origin_id}
    kit.echo(origin_id)
    await kit.all_done()


async def test_what_is_in_the_archive_is_not_sent_again(kit: Kit) -> None:
    origin_id = await kit.owe("arrived")
    kit.run(ROOM)
    await kit.sent("arrived")
    kit.keep(origin_id)
    await kit.later(ECHO_SECONDS)
    await kit.all_done()
    await kit.sent("arrived")


async def test_somebody_elses_message_with_our_id_is_not_ours(kit: Kit) -> None:
    origin_id = await kit.owe("lost")
    kit.run(ROOM)
    await kit.sent("lost")
    kit.keep(origin_id, author="eve@example.org")
    await kit.later(ECHO_SECONDS)
    await kit.sent("lost", "lost")


async def test_while_it_may_still_be_under_way_nothing_is_sent_again(kit: Kit) -> None:
    await kit.owe("slow")
    kit.barrier = NoAnswer("silence")
    kit.run(ROOM)
    await kit.sent("slow")
    await kit.later(ECHO_SECONDS)
    await until(lambda: kit.stream.asked)
    assert len(kit.stream.sent) == 1
    kit.barrier = Refused("service-unavailable")
    await kit.later(ECHO_SECONDS)
    await kit.sent("slow", "slow")


async def test_a_bounce_is_sent_again_later_and_given_up_to_the_admins(kit: Kit) -> None:
    origin_id = await kit.owe("refused")
    kit.run(ROOM, "direct")
    for pause in (2.0, 4.0):
        await until(lambda: kit.sender._flights.get(origin_id) and kit.sender._flights[origin_id].handed)
        kit.sender.bounced(origin_id, "forbidden")
        kit.sender.bounced(origin_id, "forbidden")
        await kit.clock.wait_for_wait(pause)
        await kit.clock.advance(pause)
    await kit.sent("refused", "refused", "refused")
    kit.sender.bounced(origin_id, "forbidden")
    await kit.clock.wait_for_wait(8.0)
    await kit.clock.advance(8.0)
    await kit.sent("refused", "refused", "refused", f"(for {ROOM}) refused")
    assert kit.stream.sent[-1].get("to") == ADMIN


async def test_after_a_lost_session_the_archive_decides(kit: Kit) -> None:
    first, second = await kit.owe("arrived"), await kit.owe("lost")
    kit.run(ROOM)
    await kit.sent("arrived", "lost")
    kit.sender.offline()
    kit.sender.reset()
    kit.keep(first)
    await kit.sender.settle(ROOM)
    assert await kit.owed() == {"lost": NoticeState.READY}
    await kit.owe("new")
    kit.sender.online()
    kit.sender.arrive(ROOM)
    await kit.sent("arrived", "lost", "lost", "new")
    assert kit.stream.sent[2].get("id") == second


async def test_settling_waits_for_the_archive(kit: Kit) -> None:
    await kit.owe("lost")
    kit.run(ROOM)
    await kit.sent("lost")
    kit.sender.offline()
    kit.sender.reset()
    kit.stream.answers = lambda _: NoAnswer("silence")
    with pytest.raises(NoAnswer):
        await kit.sender.settle(ROOM)
    assert await kit.owed() == {"lost": NoticeState.SENDING}
    kit.stream.answers = lambda _: Refused("service-unavailable")
    await kit.sender.settle(ROOM)
    assert await kit.owed() == {"lost": NoticeState.READY}


async def test_a_room_that_left_while_its_line_was_being_committed_gets_it_when_it_is_back(kit: Kit) -> None:
    write = kit.store.write

    async def leaving(unit: Callable[[Tx], Any], *, bulk: bool = False) -> Any:
        result = await write(unit, bulk=bulk)
        kit.sender.leave(ROOM)
        cast("Any", kit.store).write = write
        return result

    await kit.owe("line")
    cast("Any", kit.store).write = leaving
    kit.run(ROOM)
    await until(lambda: kit.store.write == write)
    await until(lambda: kit.clock.sleepers > 0)
    assert kit.stream.sent == []
    assert await kit.owed() == {"line": NoticeState.READY}
    kit.sender.arrive(ROOM)
    await kit.sent("line")


@pytest.mark.parametrize("error", [InDoubt("no answer"), NotCommitted("disk full")])
async def test_a_commit_of_unknown_outcome_sends_once(kit: Kit, error: Exception) -> None:
    write = kit.store.write

    async def failing(unit: Callable[[Tx], Any], *, bulk: bool = False) -> Any:
        cast("Any", kit.store).write = write
        if isinstance(error, InDoubt):
            await write(unit, bulk=bulk)
        raise error

    await kit.owe("line")
    cast("Any", kit.store).write = failing
    kit.run(ROOM)
    await kit.clock.wait_for_wait(1)
    assert kit.stream.sent == []
    await kit.clock.advance(1)
    await kit.sent("line")
    kit.echo("o1")
    await kit.all_done()


async def test_what_a_closed_room_is_owed_goes_to_the_admins(kit: Kit) -> None:
    await kit.owe("one")
    await kit.owe("two")
    await kit.sender.redirect(ROOM, "banned")
    await kit.sender.redirect(ROOM, "banned")
    kit.run("direct")
    await kit.sent(f"(for {ROOM}) one", f"(for {ROOM}) two")
    assert {stanza.get("to") for stanza in kit.stream.sent} == {ADMIN}
