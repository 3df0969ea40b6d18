"""Conversations, profiles, reposts and likes: what they show, and what they cost."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bridge.plugin import Author, PluginError, PostId, Ref, RefusedError
from bridge.testing import FakeClock
from plugins.x import XPlugin, show
from tests.platforms.x.shop import entered, key
from tests.servers import x_faults
from tests.servers.x import X

POST, PERSON = Decimal("0.005"), Decimal("0.010")
WEEK = 7 * 86_400


def ref(identifier: str) -> Ref:
    return Ref(id=PostId(identifier))


def spent(shop: XPlugin) -> Decimal:
    return shop.spending().today.amount


async def test_a_conversation_costs_a_post_for_each_that_is_read(x: X, clock: FakeClock) -> None:
    first = x.mention("first")
    own = x.write("ours", x.me, reply_to=first.id)
    x.remark("second", from_="raj", reply_to=own.id)
    async with entered(x, clock) as shop:
        before = spent(shop)
        thread = await shop.thread(ref(own.id))
        assert [(one.text, one.author.handle) for one in thread] == [
            ("first", "kim"),
            ("ours", "shop"),
            ("second", "raj"),
        ]
        assert {one.cursor for one in thread} == {""}
        assert spent(shop) - before == 4 * POST + 2 * PERSON  # the post itself is found once more


async def test_what_the_search_does_not_reach_is_read_upward(x: X, clock: FakeClock) -> None:
    posts = [x.remark("number 0")]
    for number in range(1, 4):
        posts.append(x.remark(f"number {number}", reply_to=posts[-1].id))
    await clock.advance(WEEK + 3600)
    last = x.remark("now", reply_to=posts[-1].id)
    async with entered(x, clock) as shop:
        thread = await shop.thread(ref(last.id))
    assert [one.text for one in thread] == ["number 0", "number 1", "number 2", "number 3", "now"]


async def test_a_long_conversation_is_cut_to_what_is_nearest(x: X, clock: FakeClock) -> None:
    root = x.remark("root")
    answers = [x.remark(f"number {number}", reply_to=root.id) for number in range(100)]
    async with entered(x, clock) as shop:
        thread = await shop.thread(ref(answers[90].id))
    assert len(thread) == show.ABOVE + 10
    assert thread[-1].id == answers[-1].id


async def test_an_answer_to_what_is_gone_is_shown_all_the_same(x: X, clock: FakeClock) -> None:
    root = x.remark("root")
    answer = x.remark("answer", reply_to=root.id)
    x.remove(root.id)
    async with entered(x, clock) as shop:
        assert [one.text for one in await shop.thread(ref(answer.id))] == ["answer"]
        with pytest.raises(RefusedError):
            await shop.thread(ref(root.id))


async def test_a_budget_ends_showing_as_well(x: X, clock: FakeClock) -> None:
    root = x.remark("root")
    async with entered(x, clock, daily_budget="0.01") as shop:
        calls = len(x.calls)
        with pytest.raises(RefusedError, match="daily_budget"):
            await shop.thread(ref(root.id))
        with pytest.raises(RefusedError, match="daily_budget"):
            await shop.profile("kim")
        assert len(x.calls) == calls


async def test_a_profile_says_what_x_tells(x: X, clock: FakeClock) -> None:
    kim = x.person("kim")
    async with entered(x, clock) as shop:
        before = spent(shop)
        profile = await shop.profile("@kim")
        assert spent(shop) - before == PERSON
        assert profile == await shop.profile(Author(id=kim.id, handle="kim"))
    assert (profile.author.handle, profile.about) == ("kim", "I am Kim.")
    assert (profile.posts, profile.followers, profile.following) == (12, 7, 3)
    assert profile.since is not None


@pytest.mark.parametrize("who", ["nobody", "kim@example.org", "", Author(id="999", handle="gone")], ids=str)
async def test_who_is_not_there_has_no_profile(x: X, clock: FakeClock, who: Author | str) -> None:
    async with entered(x, clock) as shop:
        with pytest.raises(RefusedError):
            await shop.profile(who)


async def test_a_repost_is_taken_back_whatever_is_left_of_the_budget(x: X, clock: FakeClock) -> None:
    said = x.mention("worth repeating")
    async with entered(x, clock, daily_budget="0.03") as shop:
        posted = await shop.repeat(ref(said.id), key())
        with pytest.raises(RefusedError, match="daily_budget"):
            await shop.repeat(ref(x.mention("another").id), key("two"))
        await shop.delete(posted)
    assert x.retweets == {}


async def test_what_is_private_is_neither_reposted_nor_liked_nor_shown(x: X, clock: FakeClock) -> None:
    private = Ref(id=PostId("7"), memo={"with": "1002"})
    async with entered(x, clock) as shop:
        calls = len(x.calls)
        for call in (shop.repeat(private, key()), shop.favour(private), shop.thread(private)):
            with pytest.raises(RefusedError):
                await call
        assert len(x.calls) == calls


async def test_a_like_that_is_refused_costs_nothing(x: X, clock: FakeClock) -> None:
    async with entered(x, clock) as shop:
        before = spent(shop)
        x.decide = lambda call: x_faults.forbidden() if call.path.endswith("/likes") else None
        with pytest.raises(PluginError):
            await shop.favour(ref(x.mention("hello").id))
        assert spent(shop) == before
