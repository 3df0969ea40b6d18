"""Edits and deletions of what was relayed, and what looks like them."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from bridge.plugin import Cursor, Gap
from bridge.testing import FakeClock
from plugins.mastodon import MastodonPlugin
from plugins.mastodon.place import Place
from tests.platforms.mastodon.board import NOTIFICATIONS, STATUSES, Board
from tests.platforms.mastodon.looking import Listener

if TYPE_CHECKING:
    from tests.platforms.mastodon.conftest import Accounts, Stub

FROM_THE_BEGINNING = Cursor('{"start": "0", "at": "0"}')


@pytest.fixture
def board(stub: Stub) -> Board:
    return Board(stub)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def shop(stub: Stub, accounts: Accounts, clock: FakeClock) -> MastodonPlugin:
    return await accounts.enter(stub.base_url, clock=clock, streaming=False)


async def looks(shop: MastodonPlugin, clock: FakeClock, since: Cursor, count: int = 1) -> tuple[list[str], Cursor]:
    """Return what so many looks tell all in all, and the last position: as a run of the bridge, then killed."""
    async with aclosing(shop.items(since)) as things:
        listener = Listener(things, clock)
        told = [word for _ in range(count) for word in await listener.look()]
        await listener.close()
    return told, listener.cursor


async def test_an_edit_is_told_once(board: Board, shop: MastodonPlugin, clock: FakeClock) -> None:
    board.say(1, "any ETA?")
    async with aclosing(shop.items(FROM_THE_BEGINNING)) as things:
        listener = Listener(things, clock)
        assert await listener.look() == ["new s1 any ETA?"]
        board.change(1, "solved")
        assert await listener.look() == ["edited s1 solved"]
        assert await listener.look() == []
        board.change(1, "not solved", at="2026-01-02T03:06:00.000Z")
        assert await listener.look() == ["edited s1 not solved"]
        await listener.close()


async def test_trap_an_edit_while_the_bridge_was_down_is_told(
    board: Board, shop: MastodonPlugin, clock: FakeClock
) -> None:
    board.say(1, "any ETA?")
    board.say(2)
    _, cursor = await looks(shop, clock, FROM_THE_BEGINNING)
    board.change(1, "solved")
    told, _ = await looks(shop, clock, cursor, 2)
    assert told == ["edited s1 solved", "new s2 number 2"]


async def test_a_deletion_is_told_once(board: Board, shop: MastodonPlugin, clock: FakeClock) -> None:
    for number in (1, 2, 3):
        board.say(number)
    async with aclosing(shop.items(FROM_THE_BEGINNING)) as things:
        listener = Listener(things, clock)
        assert len(await listener.look()) == 3
        board.take_back(2)
        board.take_back(1)
        assert await listener.look() == ["deleted s1", "deleted s2"]
        assert [one.status for one in Place.read(listener.cursor).recent] == ["s3"]
        assert await listener.look() == []
        await listener.close()
    assert (board.asked(1), board.asked(2), board.asked(3)) == (1, 1, 0)


async def test_trap_a_deletion_while_the_bridge_was_down_is_told(
    board: Board, shop: MastodonPlugin, clock: FakeClock
) -> None:
    for number in (1, 2):
        board.say(number)
    _, cursor = await looks(shop, clock, FROM_THE_BEGINNING)
    board.take_back(1)
    board.say(3)
    told, after = await looks(shop, clock, cursor, 2)
    assert told == ["new s2 number 2", "new s3 number 3", "deleted s1"]
    told, _ = await looks(shop, clock, after, 2)
    assert told == ["new s2 number 2", "new s3 number 3"]


async def test_the_last_one_that_is_taken_back_leaves_an_empty_list(
    board: Board, shop: MastodonPlugin, clock: FakeClock
) -> None:
    board.say(1)
    _, cursor = await looks(shop, clock, FROM_THE_BEGINNING)
    board.take_back(1)
    assert (await looks(shop, clock, cursor, 2))[0] == ["deleted s1"]


async def test_410_is_a_deletion_too(board: Board, stub: Stub, shop: MastodonPlugin, clock: FakeClock) -> None:
    board.say(1)
    _, cursor = await looks(shop, clock, FROM_THE_BEGINNING)
    board.take_back(1)
    stub.answer("GET", STATUSES + "s1", {"error": "Gone"}, status=410)
    assert (await looks(shop, clock, cursor))[0] == ["deleted s1"]


async def test_trap_a_list_that_people_have_cleared_deletes_nothing(
    board: Board, shop: MastodonPlugin, clock: FakeClock
) -> None:
    for number in (1, 2):
        board.say(number)
    _, cursor = await looks(shop, clock, FROM_THE_BEGINNING)
    board.unlist(1)
    board.unlist(2)
    assert (await looks(shop, clock, cursor, 3))[0] == []
    assert (board.asked(1), board.asked(2)) == (1, 1)


async def test_a_server_in_trouble_is_asked_again_at_the_next_look(
    board: Board, stub: Stub, shop: MastodonPlugin, clock: FakeClock
) -> None:
    for number in (1, 2):
        board.say(number)
    async with aclosing(shop.items(FROM_THE_BEGINNING)) as things:
        listener = Listener(things, clock)
        await listener.look()
        board.take_back(1)
        board.take_back(2)
        stub.answer("GET", STATUSES + "s1", {"error": "oops"}, status=503)
        assert await listener.look() == []
        assert (board.asked(1), board.asked(2)) == (1, 0)
        stub.answer("GET", STATUSES + "s1", {"error": "not now"}, status=403)
        assert await listener.look() == ["deleted s2"]
        stub.handlers.pop(("GET", STATUSES + "s1"))
        assert await listener.look() == ["deleted s1"]
        await listener.close()


async def test_what_a_full_page_does_not_reach_is_not_taken_for_deleted(
    board: Board, shop: MastodonPlugin, clock: FakeClock
) -> None:
    for number in range(1, 41):
        board.say(number)
    async with aclosing(shop.items(FROM_THE_BEGINNING)) as things:
        listener = Listener(things, clock)
        assert len(await listener.look()) == 40
        for number in range(41, 51):
            board.say(number)
        assert len(await listener.look()) == 10
        board.take_back(45)
        assert await listener.look() == ["deleted s45"]
        await listener.close()
    assert sum(board.asked(number) for number in range(1, 51)) == 1


async def test_trap_an_edit_that_changes_ids_is_no_deletion(
    board: Board, shop: MastodonPlugin, clock: FakeClock
) -> None:
    uri = "https://m.example/statuses/one"
    board.say(1, "any ETA?", uri=uri)
    board.say(2, uri="https://m.example/statuses/two")
    async with aclosing(shop.items(FROM_THE_BEGINNING)) as things:
        listener = Listener(things, clock)
        await listener.look()
        board.take_back(1)
        board.change(3, "solved", uri=uri)
        assert await listener.look() == ["edited s3 solved"]
        assert [one.status for one in Place.read(listener.cursor).recent] == ["s2", "s3"]
        assert await listener.look() == []
        await listener.close()
    assert board.asked(1) == 0


async def test_trap_a_status_that_is_called_otherwise_after_an_edit_is_watched_by_its_new_name(
    board: Board, shop: MastodonPlugin, clock: FakeClock
) -> None:
    board.say(1, "any ETA?")
    async with aclosing(shop.items(FROM_THE_BEGINNING)) as things:
        listener = Listener(things, clock)
        await listener.look()
        board.change(1, "solved", id="other-s1")
        assert await listener.look() == ["edited other-s1 solved"]
        board.take_back(1)
        assert await listener.look() == ["deleted other-s1"]
        await listener.close()


async def test_an_edit_of_what_was_said_before_the_first_look_is_not_told(
    board: Board, shop: MastodonPlugin, clock: FakeClock
) -> None:
    board.say(1)
    async with aclosing(shop.items(None)) as things:
        listener = Listener(things, clock)
        assert await listener.look() == []
        board.change(1, "edited")
        assert await listener.look() == []
        board.take_back(1)
        assert await listener.look() == []
        await listener.close()


async def test_trap_a_gap_longer_than_the_server_keeps_is_told_once(
    board: Board, shop: MastodonPlugin, clock: FakeClock
) -> None:
    for number in range(10, 60):
        board.say(number)
    told, _ = await looks(shop, clock, Cursor('{"start": "1", "at": "5"}'))
    assert told == ["gap", *(f"new s{number} number {number}" for number in range(10, 60))]
    async with aclosing(shop.items(Cursor('{"start": "1", "at": "5"}'))) as things:
        gap = await anext(things)
    assert isinstance(gap, Gap)
    told, _ = await looks(shop, clock, gap.cursor)
    assert told == [f"new s{number} number {number}" for number in range(10, 60)]


async def test_trap_mentions_that_the_account_filters_are_asked_for_too(
    board: Board, stub: Stub, shop: MastodonPlugin, clock: FakeClock
) -> None:
    board.say(1)
    await looks(shop, clock, FROM_THE_BEGINNING)
    assert stub.to("GET", NOTIFICATIONS)[0].query == {"limit": "40", "types[]": "mention", "include_filtered": "true"}


async def test_trap_a_status_that_names_nobody_is_a_mention_all_the_same(
    board: Board, shop: MastodonPlugin, clock: FakeClock
) -> None:
    board.say(1, "hello", mentions=[])
    board.say(2, "hi", mentions=None)
    assert (await looks(shop, clock, FROM_THE_BEGINNING))[0] == ["new s1 hello", "new s2 hi"]


async def test_trap_a_mention_that_is_listed_late_is_told(board: Board, shop: MastodonPlugin, clock: FakeClock) -> None:
    board.say(1)
    board.say(3)
    async with aclosing(shop.items(FROM_THE_BEGINNING)) as things:
        listener = Listener(things, clock)
        assert await listener.look() == ["new s1 number 1", "new s3 number 3"]
        board.say(2)
        assert await listener.look() == ["new s2 number 2"]
        await listener.close()


async def test_trap_a_mention_that_is_still_listed_without_its_status_was_taken_back(
    board: Board, shop: MastodonPlugin, clock: FakeClock
) -> None:
    board.say(1)
    async with aclosing(shop.items(FROM_THE_BEGINNING)) as things:
        listener = Listener(things, clock)
        assert await listener.look() == ["new s1 number 1"]
        entry = board.entries[1]
        board.take_back(1)
        board.entries[1] = {**entry, "status": None}
        assert await listener.look() == ["deleted s1"]
        assert await listener.look() == []
        await listener.close()
    assert (await looks(shop, clock, listener.cursor, 2))[0] == []


async def test_what_was_said_in_a_long_absence_is_told_once_each(
    board: Board, shop: MastodonPlugin, clock: FakeClock
) -> None:
    for number in range(1, 301):
        board.say(number)
    told, cursor = await looks(shop, clock, Cursor('{"start": "1", "at": "1"}'), 2)
    assert told == [f"new s{number} number {number}" for number in range(2, 301)]
    assert [one.entry for one in Place.read(cursor).recent] == [str(number) for number in range(261, 301)]
