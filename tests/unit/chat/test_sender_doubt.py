from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, cast

import pytest
from structlog.testing import capture_logs

from bridge.chat.errors import NoAnswer, Refused
from bridge.chat.flights import ECHO_SECONDS
from bridge.domain.notices import NoticeState
from bridge.store import InDoubt, NotCommitted, Store, Tx

if TYPE_CHECKING:
    from bridge.testing.clock import FakeClock

from tests.unit.chat.kit import ADMIN, ANA, ROOM, Kit, until


@pytest.fixture
async def kit(stream: Any, store: Store, clock: FakeClock) -> AsyncIterator[Kit]:
    made = Kit(stream, store, clock)
    yield made
    await made.stop()


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
        await until(lambda: any(one.handed for one in kit.sender._flights if one.notice.origin_id == origin_id))
        kit.sender.bounced(origin_id, "forbidden", ROOM)
        kit.sender.bounced(origin_id, "forbidden", ROOM)
        await kit.clock.wait_for_wait(pause)
        await kit.clock.advance(pause)
    await kit.sent("refused", "refused", "refused")
    kit.sender.bounced(origin_id, "forbidden", ROOM)
    await kit.clock.wait_for_wait(8.0)
    await kit.clock.advance(8.0)
    await kit.sent("refused", "refused", "refused", f"(for {ROOM}) refused")
    assert kit.stream.sent[-1].get("to") == ADMIN


async def test_lines_that_wait_after_a_bounce_hold_up_nobody_else(kit: Kit) -> None:
    long = [f"{number} {'x' * 5_000}" for number in range(4)]
    ids = [await kit.owe(body) for body in long]
    await kit.owe("for ana", ANA)
    kit.run(ROOM, "direct")
    kit.sender.meet(ANA)
    await kit.sent(*long)
    for origin_id in ids:
        kit.sender.bounced(origin_id, "service-unavailable", ROOM)
    await kit.sent(*long, "for ana")


async def test_a_direct_line_that_bounces_after_its_acknowledgement_is_owed_again_and_given_up(kit: Kit) -> None:
    origin_id = await kit.owe("for ana", ANA)
    kit.run("direct")
    kit.sender.meet(ANA)
    for sends in (1, 2, 3):
        await kit.sent(*["for ana"] * sends)
        kit.sender.acknowledged(origin_id)
        await kit.all_done()
        # Only from whom it was for: anybody may claim that a line has bounced.
        kit.sender.bounced(origin_id, "service-unavailable", "mallory@example.net")
        with capture_logs() as logs:
            kit.sender.bounced(origin_id, "service-unavailable", ANA)
            await until(lambda: not kit.sender._returns._waiting)
        assert [line["event"] for line in logs] == (["a line could not be delivered"] if sends == 3 else [])
        if sends < 3:
            assert await kit.owed() == {"for ana": NoticeState.READY}
            for _ in range(2**sends + 1):
                await kit.later(1.0)
    assert await kit.owed() == {}
    kit.sender.bounced(origin_id, "service-unavailable", ANA)
    kit.sender.bounced("unknown", "service-unavailable", ANA)
    await until(lambda: not kit.sender._returns._waiting)
    assert await kit.owed() == {}


async def test_a_line_that_comes_back_while_something_else_is_committed_is_owed_again(kit: Kit) -> None:
    origin_id = await kit.owe("for ana", ANA)
    kit.run("direct")
    kit.sender.meet(ANA)
    await kit.sent("for ana")
    write, store = kit.store.write, cast("Any", kit.store)

    async def slow(unit: Callable[[Tx], Any], *, bulk: bool = False) -> Any:
        store.write = write
        result = await write(unit, bulk=bulk)
        kit.sender.acknowledged(origin_id)
        kit.sender.bounced(origin_id, "service-unavailable", ANA)
        return result

    store.write = slow
    kit.sender._wake.set()
    await until(lambda: store.write == write and not kit.sender._returns and not kit.sender._arrived)
    await until(lambda: kit.clock.sleepers > 0)
    assert await kit.owed() == {"for ana": NoticeState.READY}


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
