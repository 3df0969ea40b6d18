"""Boosts and favourites, against a strict server of our own and the sandbox."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from bridge.plugin import Key, PluginError, Post, PostId, Ref, RefusedError, UnavailableError, UncertainError
from tests.servers.town import STATUSES, TOKEN, Town

if TYPE_CHECKING:
    from tests.platforms.mastodon.conftest import Accounts
    from tests.servers.mastodon import MastodonMock

KEY = Key(token="k1", minted_at=datetime(2026, 1, 2, tzinfo=UTC))


def ref(status: dict[str, Any], **memo: str) -> Ref:
    return Ref(id=PostId(status["id"]), memo=memo)


def boosts(town: Town) -> list[str]:
    return [one["id"] for one in town.statuses.values() if one["reblog"]]


async def test_boosting_twice_is_one_boost(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    heard = town.write("nice shop")
    first = await shop.repeat(ref(heard, visibility="public"), KEY)
    assert await shop.repeat(ref(heard, visibility="public"), KEY) == first
    assert boosts(town) == [first.id]
    assert first.id != heard["id"]


async def test_a_boost_is_taken_back(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    heard = town.write("nice shop")
    boost = await shop.repeat(ref(heard, visibility="unlisted"), KEY)
    await shop.delete(boost)
    assert boosts(town) == []
    assert heard["id"] in town.statuses
    await shop.delete(boost)
    del town.statuses[heard["id"]]
    await shop.delete(boost)


async def test_trap_a_boost_is_not_taken_for_a_lost_post_of_the_same_text(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    since = datetime.now(UTC) - timedelta(seconds=5)
    await shop.repeat(ref(town.write("nice shop"), visibility="public"), KEY)
    assert await shop.find(Post(text="nice shop"), KEY, since, frozenset()) is None


@pytest.mark.parametrize("visibility", ["private", "direct", "mutuals_only"])
@pytest.mark.parametrize("remembered", [True, False])
async def test_trap_what_is_not_public_is_never_sent_to_be_boosted(
    town: Town, accounts: Accounts, visibility: str, remembered: bool
) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    heard = town.write("just for you", visibility=visibility)
    with pytest.raises(RefusedError, match="Only what is public"):
        await shop.repeat(ref(heard, **({"visibility": visibility} if remembered else {})), KEY)
    assert town.count("POST", f"{STATUSES}/{heard['id']}/reblog") == 0


async def test_what_is_gone_cannot_be_boosted_or_favoured(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    for gone in (Ref(id=PostId("1")), Ref(id=PostId("1"), memo={"visibility": "public"})):
        with pytest.raises(RefusedError):
            await shop.repeat(gone, KEY)
        with pytest.raises(RefusedError):
            await shop.favour(gone)


async def test_a_server_that_refuses_a_second_boost_has_the_first_one(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    heard = town.write("nice shop")
    first = await shop.repeat(ref(heard, visibility="public"), KEY)
    town.fails("POST", f"{STATUSES}/{heard['id']}/reblog", 422)
    assert await shop.repeat(ref(heard, visibility="public"), KEY) == first


async def test_a_boost_that_cannot_be_found_again_is_refused(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    heard = town.write("nice shop", reblogged=True)
    town.fails("POST", f"{STATUSES}/{heard['id']}/reblog", 422)
    with pytest.raises(RefusedError, match=r"refused it \(422\)"):
        await shop.repeat(ref(heard, visibility="public"), KEY)


@pytest.mark.parametrize(
    ("status", "kind"), [(0, UncertainError), (503, UncertainError), (429, UnavailableError), (403, RefusedError)]
)
async def test_what_a_failure_means(town: Town, accounts: Accounts, status: int, kind: type[PluginError]) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    heard = town.write("nice shop")
    for verb in ("reblog", "favourite", "unreblog"):
        town.fails("POST", f"{STATUSES}/{heard['id']}/{verb}", status)
    with pytest.raises(kind):
        await shop.repeat(ref(heard, visibility="public"), KEY)
    with pytest.raises(kind):
        await shop.favour(ref(heard))
    boost = await shop.repeat(ref(heard, visibility="public"), KEY)
    with pytest.raises(kind):
        await shop.delete(boost)


async def test_favouring_twice_is_harmless(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    heard = town.write("nice shop", visibility="direct")
    await shop.favour(ref(heard))
    await shop.favour(ref(heard))
    assert heard["favourited"] is True


async def test_boost_and_favourite_on_the_sandbox(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"))
    heard = await mock.mention("kim", "nice shop")
    item = Ref(id=PostId(heard.id), memo={"visibility": "public"})
    boost = await shop.repeat(item, KEY)
    assert await shop.repeat(item, KEY) == boost
    await shop.favour(item)
    shown = cast("dict[str, Any]", await mock.call("GET", f"{STATUSES}/{heard.id}", "shop"))
    assert (shown["reblogged"], shown["favourited"], shown["reblogs_count"]) == (True, True, 1)
    await shop.delete(boost)
    shown = cast("dict[str, Any]", await mock.call("GET", f"{STATUSES}/{heard.id}", "shop"))
    assert shown["reblogged"] is False
