"""Listening, against a server of our own."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from bridge.plugin import (
    Cursor,
    Item,
    RefusedError,
    Seen,
    UnauthorizedError,
    UnavailableError,
)
from bridge.testing import FakeClock
from plugins.mastodon.place import Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.platforms.mastodon.conftest import Accounts, Stub

    MakeStatus = Callable[..., dict[str, Any]]

NOTIFICATIONS = "/api/v1/notifications"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def mention(make_status: MakeStatus, number: int, **changes: object) -> dict[str, Any]:
    kim = {"id": "2", "acct": "kim", "username": "kim", "display_name": "Kim", "url": "https://m.example/@kim"}
    status = make_status(f"s{number}", account=kim, content=f"<p>@shop number {number}</p>")
    when = NOW.isoformat()
    return {"id": str(number), "type": "mention", "account": kim, "status": status, "created_at": when} | changes


async def take(items: Any, count: int) -> list[Any]:
    return [await anext(items) for _ in range(count)]


async def test_trap_a_wrong_type_own_posts_and_unknown_shapes_are_passed(
    stub: Stub, accounts: Accounts, make_status: MakeStatus, make_account: Callable[..., Any]
) -> None:
    shop = await accounts.enter(stub.base_url)
    broken = mention(make_status, 4, status={"id": "s4", "url": "https://m.example/@kim/4", "content": None})
    own = mention(make_status, 5, account=make_account(), status=make_status("s5"))
    page = [
        mention(make_status, 1),
        mention(make_status, 2, type="favourite"),
        broken,
        own,
        "nonsense",
        mention(make_status, 3),
    ]
    stub.answer("GET", NOTIFICATIONS, page)
    async with aclosing(shop.items(Cursor('{"start": "0", "at": "0"}'))) as items:
        one, three, four, seen = await take(items, 4)
    assert isinstance(one, Item)
    assert isinstance(three, Item)
    assert isinstance(four, Item)
    assert (one.text, three.text) == ("number 1", "number 3")
    assert (four.text, four.url, four.author.handle) == ("", "https://m.example/@kim/4", "kim@m.example")
    assert four.raw is not None
    assert '"s4"' in four.raw
    assert Place.read(seen.cursor).at == "5"
    assert [one.status for one in Place.read(seen.cursor).recent] == ["s1", "s3", "s4"]


async def test_each_poll_overlaps_and_repeats_nothing_within_one_iteration(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    clock = FakeClock(NOW)
    shop = await accounts.enter(stub.base_url, clock=clock)
    page = [mention(make_status, n) for n in (12, 11, 10)]
    stub.answer("GET", NOTIFICATIONS, page)
    async with aclosing(shop.items(None)) as items:
        (seen,) = await take(items, 1)
        late = [mention(make_status, n) for n in (15, 13)] + page
        following = asyncio.ensure_future(anext(items))
        stub.answer("GET", NOTIFICATIONS, late)
        await clock.wait_for_wait(20)
        await clock.advance(20)
        first = await following
        (second,) = await take(items, 1)
        following = asyncio.ensure_future(anext(items))
        await clock.wait_for_wait(20)
        stub.answer("GET", NOTIFICATIONS, [mention(make_status, 14), *late])
        await clock.advance(20)
        third = await following
    assert seen == Seen(cursor=Cursor('{"start": "12", "at": "12"}'))
    heard = [(item.id, Place.read(item.cursor).at) for item in (first, second, third) if isinstance(item, Item)]
    assert heard == [("s13", "13"), ("s15", "15"), ("s14", "15")]
    assert isinstance(third, Item)
    async with aclosing(shop.items(third.cursor)) as items:
        again = await take(items, 3)
    assert [item.id for item in again if isinstance(item, Item)] == ["s13", "s14", "s15"]


async def test_a_poll_that_drips_for_ever_ends(stub: Stub, accounts: Accounts) -> None:
    clock = FakeClock(NOW)
    shop = await accounts.enter(stub.base_url, clock=clock)
    stub.hang("GET", NOTIFICATIONS)
    async with aclosing(shop.items(None)) as items:
        poll = asyncio.ensure_future(anext(items))
        await stub.arrived.wait()
        await clock.advance(30)
        with pytest.raises(UnavailableError, match="within 30 s"):
            await poll


async def test_listening_fails_as_a_read_does(stub: Stub, accounts: Accounts) -> None:
    shop = await accounts.enter(stub.base_url)
    for status, kind in ((500, UnavailableError), (401, UnauthorizedError), (403, RefusedError)):
        stub.answer("GET", NOTIFICATIONS, {"error": "no"}, status=status)
        with pytest.raises(kind):
            await anext(shop.items(None))
    with pytest.raises(RefusedError, match="position"):
        await anext(shop.items(Cursor("nonsense")))
