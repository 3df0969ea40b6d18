"""Looking for what may have arrived, against a server of our own."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from bridge.plugin import (
    Key,
    Post,
    UnavailableError,
    UncertainError,
    Visibility,
)
from bridge.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.platforms.mastodon.conftest import Accounts, Stub

    MakeStatus = Callable[..., dict[str, Any]]

STATUSES = "/api/v1/statuses"
OWN = "/api/v1/accounts/1/statuses"
NOTIFICATIONS = "/api/v1/notifications"
INSTANCE_2 = "/api/v2/instance/"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def key(token: str = "k1") -> Key:
    return Key(token=token, minted_at=NOW)


def aged(make_status: MakeStatus, identifier: str, seconds: float, **changes: object) -> dict[str, Any]:
    return make_status(identifier, created_at=(NOW - timedelta(seconds=seconds)).isoformat(), **changes)


async def test_find_pages_back_until_it_is_sure(stub: Stub, accounts: Accounts, make_status: MakeStatus) -> None:
    shop = await accounts.enter(stub.base_url, clock=FakeClock(NOW))
    date = {"Date": format_datetime(NOW, usegmt=True)}
    pages = {None: ["9", "8"], "8": ["7", "6"], "6": ["5", "4"]}
    ages = {"9": 1, "8": 10, "7": 20, "6": 90, "5": 3600, "4": 7200}

    async def listing(request: web.Request) -> web.StreamResponse:
        page = pages[request.query.get("max_id")]
        content = {"7": "<p>wanted</p>"}
        entries = [aged(make_status, n, ages[n], content=content.get(n, f"<p>other {n}</p>")) for n in page]
        return web.json_response(entries, headers=date)

    stub.on("GET", OWN, listing)
    since = NOW - timedelta(minutes=2)
    found = await shop.find(Post(text="wanted"), key(), since, frozenset())
    assert found is not None
    assert found.id == "7"
    assert len(stub.to("GET", OWN)) == 2
    assert await shop.find(Post(text="absent"), key(), since, frozenset()) is None
    assert len(stub.to("GET", OWN)) == 5
    assert {seen.query["exclude_reblogs"] for seen in stub.to("GET", OWN)} == {"1"}


async def test_find_allows_for_a_servers_clock_that_is_wrong(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url, clock=FakeClock(NOW))
    for hours in (-3, 0, 3):
        skew = timedelta(hours=hours)
        entry = make_status("7", created_at=(NOW + skew - timedelta(seconds=5)).isoformat(), content="<p>wanted</p>")
        old = make_status("6", created_at=(NOW + skew - timedelta(hours=1)).isoformat(), content="<p>twin</p>")
        stub.answer("GET", OWN, [entry, old], headers={"Date": format_datetime(NOW + skew, usegmt=True)})
        since = NOW - timedelta(seconds=10)
        found = await shop.find(Post(text="wanted"), key(), since, frozenset())
        assert found is not None
        assert await shop.find(Post(text="twin"), key(), since, frozenset()) is None


async def test_find_is_not_sure_where_the_list_ends_too_early(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("GET", OWN, [make_status("7")])
    with pytest.raises(UncertainError, match="can't be listed back"):
        await shop.find(Post(text="absent"), key(), datetime.now(UTC), frozenset())
    numbers = itertools.count(1000, -1)

    async def endless(_: web.Request) -> web.StreamResponse:
        return web.json_response([make_status(str(next(numbers)))])

    stub.on("GET", OWN, endless)
    with pytest.raises(UncertainError, match="can't be listed back"):
        await shop.find(Post(text="absent"), key(), datetime.now(UTC), frozenset())


async def test_find_is_not_sure_when_the_clock_was_set_back(stub: Stub, accounts: Accounts) -> None:
    shop = await accounts.enter(stub.base_url, clock=FakeClock(NOW))
    with pytest.raises(UncertainError, match="set back"):
        await shop.find(Post(text="absent"), key(), NOW + timedelta(seconds=1), frozenset())


async def test_find_fails_as_a_read_does(stub: Stub, accounts: Accounts) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("GET", OWN, {}, status=502)
    with pytest.raises(UnavailableError):
        await shop.find(Post(text="absent"), key(), datetime.now(UTC), frozenset())


@pytest.mark.parametrize("body", ["{}", '{"error": "no"}', "null", "", '"ok"', "<html>"])
async def test_trap_what_is_no_list_does_not_pass_for_an_empty_one(stub: Stub, accounts: Accounts, body: str) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.text("GET", OWN, body)
    stub.text("GET", NOTIFICATIONS, body)
    with pytest.raises(UnavailableError):
        await shop.find(Post(text="absent"), key(), datetime.now(UTC), frozenset())
    with pytest.raises(UnavailableError):
        await anext(shop.items(None))


async def test_find_asks_for_the_original_where_what_is_shown_differs(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url)
    changed = make_status("7", content="<p>wanted, <em>very</em> much so</p>")
    post = Post(text="*wanted*, _very_ much so")

    async def listing(request: web.Request) -> web.StreamResponse:
        return web.json_response([] if "max_id" in request.query else [changed])

    stub.on("GET", OWN, listing)
    with pytest.raises(UncertainError, match="similar"):
        await shop.find(post, key(), datetime.now(UTC), frozenset())
    stub.answer("GET", f"{STATUSES}/7/source", {"id": "7", "text": "*wanted*, _very_ much so", "spoiler_text": ""})
    found = await shop.find(post, key(), datetime.now(UTC), frozenset())
    assert found is not None
    assert found.id == "7"
    stub.answer("GET", f"{STATUSES}/7/source", {"id": "7", "text": "wanted, very much so!", "spoiler_text": ""})
    assert await shop.find(post, key(), datetime.now(UTC), frozenset()) is None


async def test_find_is_not_sure_of_private_posts_where_others_list_only_public_ones(
    stub: Stub, accounts: Accounts
) -> None:
    stub.answer("GET", INSTANCE_2, {"version": "0.18.0", "domain": "m.example"})
    shop = await accounts.enter(stub.base_url)
    stub.answer("GET", OWN, [])
    assert await shop.find(Post(text="absent"), key(), datetime.now(UTC), frozenset()) is None
    private = Post(text="absent", visibility=Visibility.DIRECT)
    with pytest.raises(UncertainError, match="aren't public"):
        await shop.find(private, key(), datetime.now(UTC), frozenset())
