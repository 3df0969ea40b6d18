"""The plugin against mastodon-mock, a real server process."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from bridge.plugin import (
    Item,
    Key,
    Post,
    PostId,
    Ref,
    RefusedError,
    Seen,
    UnauthorizedError,
    UnavailableError,
    UncertainError,
    Visibility,
)
from tests.servers.lossy import LossyProxy

if TYPE_CHECKING:
    from tests.platforms.mastodon.conftest import Accounts
    from tests.servers.mastodon import MastodonMock

EARLIER = timedelta(seconds=5)


def key(token: str = "k1") -> Key:
    return Key(token=token, minted_at=datetime.now(UTC))


async def test_enter_learns_who_and_what_fits(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"))
    assert shop.limits.text == 500
    assert shop.limits.key_lifetime == timedelta(minutes=50)
    assert shop.limits.settle_after == timedelta(seconds=30)
    assert (shop.limits.media, shop.limits.media_bytes) == (4, 41_943_040)
    assert shop.limits.media_types > {"image/png", "image/jpeg"}


async def test_a_wrong_token_is_unauthorized(mock: MastodonMock, accounts: Accounts) -> None:
    with pytest.raises(UnauthorizedError, match="doesn't accept the access token") as caught:
        await accounts.enter(mock.base_url, "nobody's")
    assert "nobody's" not in str(caught.value)


async def test_post_carries_everything(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"))
    post = Post(text="Gone fishing", visibility=Visibility.UNLISTED, warning="Fish", language="de")
    posted = await shop.post(post, key())
    (toot,) = await mock.statuses()
    assert (toot.id, toot.url) == (posted.id, posted.url)
    assert (toot.text, toot.visibility, toot.warning, toot.language) == ("Gone fishing", "unlisted", "Fish", "de")
    assert posted.memo == {"visibility": "unlisted"}


async def test_trap_language_does_not_leak_into_the_next_call(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"))
    await shop.post(Post(text="Hallo", language="de"), key("a"))
    await shop.post(Post(text="Something"), key("b"))
    assert [toot.language for toot in await mock.statuses()] == ["de", None]


async def test_same_key_twice_is_one_post(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"))
    first = await shop.post(Post(text="once"), key())
    second = await shop.post(Post(text="once"), key())
    assert first == second
    assert len(await mock.statuses()) == 1


async def test_a_reply_goes_where_it_belongs(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"))
    asked = await mock.mention("kim", "are you open?", visibility="direct")
    ref = Ref(id=PostId(asked.id), memo={"visibility": "direct"})
    posted = await shop.post(Post(text="@kim yes", in_reply_to=ref), key())
    (toot,) = await mock.statuses()
    assert (toot.id, toot.in_reply_to, toot.visibility) == (posted.id, asked.id, "direct")


async def test_trap_a_reply_to_a_missing_parent_fails_and_leaves_nothing(
    mock: MastodonMock, accounts: Accounts
) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"))
    asked = await mock.mention("kim", "are you open?")
    await mock.delete("kim", asked.id)
    with pytest.raises(RefusedError, match="isn't there"):
        await shop.post(Post(text="@kim yes", in_reply_to=Ref(id=PostId(asked.id))), key())
    assert await mock.statuses() == []


async def test_the_parts_of_a_thread_hang_together_and_go_to_the_same_people(
    mock: MastodonMock, accounts: Accounts
) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"))
    first = await shop.post(Post(text="1/3", visibility=Visibility.PRIVATE), key("a"))
    second = await shop.post(Post(text="2/3", in_reply_to=first.ref), key("b"))
    third = await shop.post(Post(text="3/3", in_reply_to=second.ref), key("c"))
    assert [(toot.id, toot.in_reply_to, toot.visibility) for toot in await mock.statuses()] == [
        (first.id, None, "private"),
        (second.id, first.id, "private"),
        (third.id, second.id, "private"),
    ]
    await shop.delete(second)
    with pytest.raises(RefusedError, match="isn't there"):
        await shop.post(Post(text="again", in_reply_to=second.ref), key("d"))
    assert len(await mock.statuses()) == 2


async def test_over_long_text_is_refused_in_the_servers_words(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"))
    with pytest.raises(RefusedError, match=r"refused it \(422\): .+"):
        await shop.post(Post(text="x" * 501), key())


@pytest.mark.parametrize("code", [500, 502, 503, 504, 520, 599])
async def test_every_5xx_is_uncertain_and_answered(mock: MastodonMock, accounts: Accounts, code: int) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"))
    await mock.fail(code, headers={"Retry-After": "7"})
    with pytest.raises(UncertainError) as caught:
        await shop.post(Post(text="once"), key())
    assert caught.value.answered
    assert caught.value.retry_after == timedelta(seconds=7)


async def test_429_is_certainly_not_published(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"))
    await mock.throttle("120")
    with pytest.raises(UnavailableError) as caught:
        await shop.post(Post(text="once"), key())
    assert caught.value.retry_after == timedelta(seconds=120)


async def test_trap_an_unreadable_200_is_uncertain(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"))
    await mock.garble()
    with pytest.raises(UncertainError) as caught:
        await shop.post(Post(text="once"), key())
    assert caught.value.answered


async def test_a_403_for_one_post_does_not_pause_the_account(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"))
    await mock.fail(403)
    with pytest.raises(RefusedError):
        await shop.post(Post(text="once"), key())
    assert await shop.post(Post(text="twice"), key("b"))


async def test_delete_and_delete_again(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"))
    posted = await shop.post(Post(text="oops"), key())
    await shop.delete(posted)
    assert await mock.statuses() == []
    await shop.delete(posted)


async def test_find_what_arrived_and_what_did_not(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"))
    since = datetime.now(UTC) - EARLIER
    text = "Back at 10 &amp; <b>later</b>\n\nsee https://example.org/a?b=c&d=e and ask @kim #open 👩‍🚀"
    await shop.post(Post(text="something else"), key("x"))
    posted = await shop.post(Post(text=text, warning="Hours"), key())
    found = await shop.find(Post(text=text, warning="Hours"), key(), since, frozenset())
    assert found == posted
    assert await shop.find(Post(text="never sent"), key(), since, frozenset()) is None


async def test_find_never_adopts_what_is_known_or_older(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"))
    twin = await shop.post(Post(text="again"), key())
    now = datetime.now(UTC)
    assert await shop.find(Post(text="again"), key(), now - EARLIER, frozenset({twin.id})) is None
    assert await shop.find(Post(text="again"), key(), now - EARLIER, frozenset()) == twin


async def test_find_tells_answers_from_posts(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"))
    asked = await mock.mention("kim", "open?")
    since = datetime.now(UTC) - EARLIER
    answer = Post(text="yes", in_reply_to=Ref(id=PostId(asked.id)))
    posted = await shop.post(answer, key())
    assert await shop.find(answer, key(), since, frozenset()) == posted
    with pytest.raises(UncertainError, match="similar"):
        await shop.find(Post(text="yes"), key(), since, frozenset())


async def test_first_look_relays_nothing_old_and_is_a_cursor(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"), poll_interval="1s")
    await mock.mention("kim", "before")
    async with aclosing(shop.items(None)) as items:
        first = await anext(items)
        assert isinstance(first, Seen)
        told = await mock.mention("lee", "after")
        item = await anext(items)
    assert isinstance(item, Item)
    assert (item.id, item.text) == (told.id, "after")
    async with aclosing(shop.items(first.cursor)) as items:
        again = await anext(items)
    assert isinstance(again, Item)
    assert again.id == told.id


async def test_trap_an_empty_first_look_is_a_cursor_too(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"))
    async with aclosing(shop.items(None)) as items:
        first = await anext(items)
    assert isinstance(first, Seen)
    told = await mock.mention("kim", "the very first")
    async with aclosing(shop.items(first.cursor)) as items:
        item = await anext(items)
    assert isinstance(item, Item)
    assert item.id == told.id


async def test_an_item_says_what_an_answer_needs(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"))
    own = await shop.post(Post(text="We are open"), key())
    async with aclosing(shop.items(None)) as items:
        seen = await anext(items)
    assert isinstance(seen, Seen)
    told = await mock.mention("kim", "@shop until when?", in_reply_to=own.id, visibility="direct")
    await shop.post(Post(text="@shop talking to oneself"), key("self"))
    async with aclosing(shop.items(seen.cursor)) as items:
        item = await anext(items)
    assert isinstance(item, Item)
    domain = mock.base_url.removeprefix("http://")
    assert item.id == told.id
    assert item.text == "until when?"
    assert item.author.handle == f"kim@{domain}"
    assert item.answer_prefix == f"@kim@{domain}"
    assert item.in_reply_to == own.id
    assert item.visibility is Visibility.DIRECT
    assert item.private
    assert item.ref == Ref(id=PostId(told.id), memo={"visibility": "direct"})
    assert item.url == told.url
    assert item.uri
    assert datetime.now(UTC) - item.created_at < timedelta(minutes=1)


async def test_all_mentions_of_a_long_absence_come_in_order(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"))
    async with aclosing(shop.items(None)) as items:
        seen = await anext(items)
    assert isinstance(seen, Seen)
    told = [(await mock.mention("kim", f"number {n}")).id for n in range(45)]
    heard: list[Item] = []
    async with aclosing(shop.items(seen.cursor)) as items:
        async for item in items:
            assert isinstance(item, Item)
            heard.append(item)
            if len(heard) == 45:
                break
    assert [item.id for item in heard] == told
    middle = heard[20].cursor
    rest: list[str] = []
    async with aclosing(shop.items(middle)) as items:
        async for item in items:
            assert isinstance(item, Item)
            rest.append(item.id)
            if item.id == told[-1]:
                break
    assert set(told[21:]) <= set(rest)
    assert rest == sorted(rest, key=int)


async def test_an_answer_lost_after_the_commit_is_uncertain_and_is_found(
    mock: MastodonMock, accounts: Accounts
) -> None:
    async with LossyProxy(mock.port) as proxy:
        shop = await accounts.enter(proxy.url, mock.token("shop"))
        since = datetime.now(UTC) - EARLIER
        proxy.lose = 1
        with pytest.raises(UncertainError) as caught:
            await shop.post(Post(text="lost"), key())
        assert not caught.value.answered
        found = await shop.find(Post(text="lost"), key(), since, frozenset())
        assert await shop.post(Post(text="lost"), key()) == found
    assert [toot.text for toot in await mock.statuses()] == ["lost"]


async def test_a_request_lost_before_the_commit_is_uncertain_and_certainly_absent(
    mock: MastodonMock, accounts: Accounts
) -> None:
    async with LossyProxy(mock.port) as proxy:
        shop = await accounts.enter(proxy.url, mock.token("shop"))
        since = datetime.now(UTC) - EARLIER
        proxy.drop = 1
        with pytest.raises(UncertainError):
            await shop.post(Post(text="dropped"), key())
        assert await shop.find(Post(text="dropped"), key(), since, frozenset()) is None


async def test_what_has_no_key_is_done_again_after_a_lost_answer_and_done_once(
    mock: MastodonMock, accounts: Accounts
) -> None:
    async with LossyProxy(mock.port) as proxy:
        shop = await accounts.enter(proxy.url, mock.token("shop"))
        posted = await shop.post(Post(text="old"), key())
        heard = Ref(id=PostId((await mock.mention("kim", "nice shop")).id), memo={"visibility": "public"})
        deeds = (
            lambda: shop.edit(posted, Post(text="new"), key("b")),
            lambda: shop.repeat(heard, key("c")),
            lambda: shop.favour(heard),
        )
        for deed in deeds:
            proxy.lose = 1
            with pytest.raises(UncertainError):
                await deed()
            await deed()
        boosts = [toot for toot in await mock.statuses() if toot.id != posted.id]
        assert [toot.text for toot in await mock.statuses() if toot.id == posted.id] == ["new"]
        assert len(boosts) == 1
        proxy.lose = 1
        with pytest.raises(UncertainError):
            await shop.delete(posted)
        await shop.delete(posted)
    assert [toot.id for toot in await mock.statuses()] == [boosts[0].id]
