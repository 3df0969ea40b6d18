"""What people change, take back, and say unheard, on a real server process."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from bridge.plugin import Deleted, Edited, Item, Seen
from tests.servers.lossy import LossyProxy

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from bridge.plugin import Heard
    from tests.platforms.mastodon.conftest import Accounts
    from tests.servers.mastodon import MastodonMock


async def news(things: AsyncGenerator[Heard]) -> Heard:
    """Return the next thing that isn't just a position."""
    while isinstance(thing := await anext(things), Seen):
        pass
    return thing


async def test_edits_and_deletions_are_heard(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"), poll_interval="1s")
    async with aclosing(shop.items(None)) as things:
        await anext(things)
        told = await mock.mention("kim", "any ETA?")
        said = await news(things)
        await mock.call("PUT", f"/api/v1/statuses/{told.id}", "kim", json={"status": "@shop solved"})
        edited = await news(things)
        await mock.delete("kim", told.id)
        deleted = await news(things)
    assert isinstance(said, Item)
    assert isinstance(edited, Edited)
    assert isinstance(deleted, Deleted)
    assert (said.id, said.text, edited.item.id, edited.item.text, deleted.id) == (
        told.id,
        "any ETA?",
        told.id,
        "solved",
        told.id,
    )


async def test_trap_people_whom_the_account_filters_are_heard(mock: MastodonMock, accounts: Accounts) -> None:
    await mock.call("PATCH", "/api/v2/notifications/policy", "shop", json={"for_not_following": "filter"})
    shop = await accounts.enter(mock.base_url, mock.token("shop"), poll_interval="1s")
    async with aclosing(shop.items(None)) as things:
        await anext(things)
        told = await mock.mention("kim", "hello?")
        item = await news(things)
    assert [toot for _, toot in await mock.notifications() if toot is not None] == []
    assert isinstance(item, Item)
    assert item.id == told.id


async def test_a_stream_and_a_list_behind_a_proxy_that_closes_every_connection(
    mock: MastodonMock, accounts: Accounts
) -> None:
    async with LossyProxy(mock.port) as proxy:
        shop = await accounts.enter(proxy.url, mock.token("shop"), poll_interval="1s")
        async with aclosing(shop.items(None)) as things:
            await anext(things)
            told = [(await mock.mention("kim", f"number {number}")).id for number in range(3)]
            heard = [await news(things) for _ in told]
    assert [thing.id for thing in heard if isinstance(thing, Item)] == told
