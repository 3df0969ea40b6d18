"""Following a hashtag or words, against a server of our own and a real one."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from bridge.plugin import Cursor, Item, RefusedError, Seen, UnavailableError
from bridge.testing import FakeClock
from plugins.mastodon.track import known_word
from tests.platforms.mastodon.looking import Listener

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.platforms.mastodon.conftest import Accounts, Stub
    from tests.servers.mastodon import MastodonMock

    MakeStatus = Callable[..., dict[str, Any]]

TAG = "/api/v1/timelines/tag/open"
SEARCH = "/api/v2/search"
OWN = "/api/v1/accounts/1/statuses"
OLD = datetime(2026, 1, 1, tzinfo=UTC).isoformat()
KIM = {"id": "2", "acct": "kim", "username": "kim", "url": "https://m.example/@kim"}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def test_a_hashtag_is_followed_from_now_on(
    stub: Stub, accounts: Accounts, clock: FakeClock, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url, clock=clock)
    listed = [make_status("10", account=KIM)]
    stub.answer("GET", TAG, listed)
    async with aclosing(shop.matches("#open", None)) as things:
        listener = Listener(things, clock)
        assert await listener.look() == []
        listed[:0] = [make_status("12"), make_status("11", account=KIM, content="<p>We are #open</p>")]
        assert await listener.look() == ["new 11 We are #open"]
        listed[1] = {**listed[1], "content": "<p>We were #open</p>", "edited_at": OLD}
        assert await listener.look() == ["edited 11 We were #open"]
        del listed[1]
        assert await listener.look() == ["deleted 11"]
        await listener.close()
    assert {seen.query["limit"] for seen in stub.to("GET", TAG)} == {"40"}


async def test_an_empty_first_look_is_a_position_and_what_follows_is_heard_after_a_restart(
    stub: Stub, accounts: Accounts, clock: FakeClock, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url, clock=clock)
    stub.answer("GET", TAG, [])
    async with aclosing(shop.matches("#open", None)) as things:
        seen = await anext(things)
    assert isinstance(seen, Seen)
    stub.answer("GET", TAG, [make_status("11", account=KIM)])
    async with aclosing(shop.matches("#open", seen.cursor)) as things:
        item = await anext(things)
    assert isinstance(item, Item)
    assert (item.id, item.author.handle, item.answer_prefix) == ("11", "kim@m.example", "@kim@m.example")


async def test_words_are_looked_for_in_what_the_server_has(
    stub: Stub, accounts: Accounts, clock: FakeClock, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url, clock=clock)
    listed = [make_status("10", account=KIM)]
    stub.answer("GET", SEARCH, {"accounts": [], "statuses": listed, "hashtags": []})
    async with aclosing(shop.matches("open  late", None)) as things:
        listener = Listener(things, clock)
        assert await listener.look() == []
        listed[:0] = [make_status("12"), make_status("11", account=KIM)]
        assert await listener.look() == ["new 11 hello"]
        await listener.close()
    first = stub.to("GET", SEARCH)[0].query
    assert first == {"q": "open  late", "type": "statuses", "resolve": "false", "limit": "40"}


@pytest.mark.parametrize("status", [404, 410, 405])
async def test_trap_a_server_without_a_search_says_so(
    stub: Stub, accounts: Accounts, clock: FakeClock, status: int
) -> None:
    shop = await accounts.enter(stub.base_url, clock=clock)
    stub.answer("GET", SEARCH, {"error": "no"}, status=status)
    with pytest.raises(RefusedError, match="doesn't search the text of posts: track a #hashtag there instead"):
        await anext(shop.matches("open", None))


@pytest.mark.parametrize("finds", [True, False])
async def test_trap_a_search_that_finds_not_even_old_posts_of_ones_own_searches_no_texts(
    stub: Stub, accounts: Accounts, clock: FakeClock, make_status: MakeStatus, *, finds: bool
) -> None:
    own = make_status("9", content="<p>We are open, <b>certainly</b></p>", created_at=OLD)

    async def search(request: web.Request) -> web.StreamResponse:
        return web.json_response({"statuses": [own] if finds and request.query["q"] == "certainly" else []})

    stub.on("GET", SEARCH, search)
    stub.answer("GET", OWN, [own])
    shop = await accounts.enter(stub.base_url, clock=clock)
    async with aclosing(shop.matches("late", None)) as things:
        if finds:
            assert isinstance(await anext(things), Seen)
        else:
            with pytest.raises(RefusedError, match="doesn't search the text of posts"):
                await anext(things)


async def test_a_search_that_answers_something_else_is_tried_again(stub: Stub, accounts: Accounts) -> None:
    shop = await accounts.enter(stub.base_url, clock=FakeClock())
    for odd in ({"statuses": None}, [], {"error": "x"}):
        stub.answer("GET", SEARCH, odd)
        with pytest.raises(UnavailableError, match="something else for a list"):
            await anext(shop.matches("open", None))


@pytest.mark.parametrize("query", ["", "  ", "#", " # "])
async def test_nothing_is_not_followed(stub: Stub, accounts: Accounts, query: str) -> None:
    shop = await accounts.enter(stub.base_url, clock=FakeClock())
    with pytest.raises(RefusedError, match="nothing to look for"):
        await anext(shop.matches(query, None))


async def test_a_hashtag_is_quoted_in_the_address(stub: Stub, accounts: Accounts) -> None:
    shop = await accounts.enter(stub.base_url, clock=FakeClock())
    stub.answer("GET", "/api/v1/timelines/tag/a/b?ü", [])
    async with aclosing(shop.matches("#a/b?ü", None)) as things:
        assert isinstance(await anext(things), Seen)


def test_a_word_to_try_the_search_with_is_old_enough_and_public(make_status: MakeStatus) -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    fresh = make_status("3", content="<p>yesterday</p>", created_at=(now - timedelta(minutes=59)).isoformat())
    private = make_status("2", content="<p>secrets</p>", created_at=OLD, visibility="direct")
    short = make_status("1", content="<p>We are &amp; so</p>", created_at=OLD)
    old = make_status("0", content="<p>Always certain</p>", created_at=OLD)
    assert known_word([fresh, private, short], now) is None
    assert known_word([fresh, private, short, old], now) == "certain"


async def test_a_real_server_process_is_followed(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"), poll_interval="1s")
    await mock.post("kim", "too early #open")
    for query in ("#open", "late"):
        async with aclosing(shop.matches(query, None)) as things:
            seen = await anext(things)
            assert isinstance(seen, Seen)
            await mock.post("shop", "our own, late #open")
            told = await mock.post("kim", "now, late #open")
            heard = await anext(things)
        assert isinstance(heard, Item)
        assert heard.id == told.id
        async with aclosing(shop.matches(query, Cursor(heard.cursor))) as things:
            again = await anext(things)
        assert isinstance(again, Item)
        assert again.id == told.id
