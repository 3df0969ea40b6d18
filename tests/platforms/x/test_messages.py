"""Direct messages: heard where the settings ask for them, and answered in private."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from bridge.plugin import (
    Key,
    Media,
    Money,
    PluginError,
    Post,
    Posted,
    PostId,
    Ref,
    RefusedError,
    UncertainError,
)
from bridge.testing import FakeClock, MemoryKeep
from plugins.x import XPlugin, XSettings
from tests.platforms.x.listener import listening
from tests.platforms.x.shop import premium_shop
from tests.servers import faults
from tests.servers.x import X


@pytest.fixture
async def plugin(x: X, keep: MemoryKeep, clock: FakeClock) -> AsyncIterator[XPlugin]:
    settings = XSettings.model_validate({"base_url": x.base_url, "direct_messages": True, **x.login.settings()})
    async with XPlugin(settings, keep, clock) as plugin:
        yield plugin


@pytest.fixture
def answer(x: X) -> Post:
    """An answer to a message of Kim's."""
    said = x.message("psst")
    return Post(text="yes?", in_reply_to=Ref(id=PostId(said.id), memo={"with": said.sender}))


def key(clock: FakeClock, name: str = "one") -> Key:
    return Key(token=name, minted_at=clock.now())


async def spent(keep: MemoryKeep) -> int:
    """Return what the account has written down, in micro-dollars."""
    return sum(json.loads(await keep.load("spending") or '{"micro_usd": {}}')["micro_usd"].values())


def sent(x: X) -> list[tuple[str, str]]:
    return [(one.other, one.text) for one in x.messages if one.sender == x.me.id]


async def test_trap_a_message_is_an_item_that_is_answered_in_private(x: X, clock: FakeClock, plugin: XPlugin) -> None:
    async with listening(x, clock) as ears, ears.items(messages=True) as heard:
        await heard.next()
        await heard.next()
        x.message("is it &lt; 5 & free? https://example.org")
        item = await heard.item()
    assert item.text == "is it &lt; 5 & free? https://example.org"
    assert (item.private, item.author.handle) == (True, "kim")
    posted = await plugin.post(Post(text="yes", in_reply_to=item.ref), key(clock))
    assert sent(x) == [(x.person("kim").id, "yes")]
    assert plugin.cost(Post(text="see https://example.org", in_reply_to=item.ref)) == Money(
        amount=Decimal("0.015"), currency="USD"
    )
    await plugin.post(Post(text="and more", in_reply_to=posted.ref), key(clock, "two"))
    assert [text for _, text in sent(x)] == ["yes", "and more"]
    assert x.texts == []


async def test_messages_that_come_together_are_heard_oldest_first(x: X, clock: FakeClock) -> None:
    async with listening(x, clock) as ears, ears.items(messages=True) as heard:
        await heard.next()
        await heard.next()
        x.tell("our own", sender=x.me.id, other=x.person("kim").id)
        said = [x.message(f"number {number}", from_=f"kim{number % 2}") for number in range(12)]
        assert [(await heard.item()).id for _ in said] == [one.id for one in said]


async def test_trap_messages_are_left_alone_for_five_minutes_at_least(x: X, clock: FakeClock) -> None:
    for number in range(5):
        x.message(f"old {number}")
    await clock.advance(60)
    async with listening(x, clock) as ears, ears.items(messages=True) as heard:
        await heard.next()
        await heard.next()
        before = ears.spent
        await ears.minutes(10)
        await x.is_asked(f"/2/users/{x.me.id}/mentions", 11)
        assert len(x.asked("/2/dm_events")) == 3
        assert ears.spent - before == 2 * Decimal("0.010")


async def test_nothing_is_asked_for_where_the_settings_do_not_want_it(x: X, clock: FakeClock) -> None:
    async with listening(x, clock) as ears, ears.items() as heard:
        await heard.next()
        await ears.minutes(6)
    assert x.asked("/2/dm_events") == []


@pytest.mark.parametrize(
    "post",
    [
        Post(text=" "),
        Post(text="x" * 10_001),
        Post(text="look", media=(Media(data=b"x", type="image/png"),)),
        Post(text="hello", warning="careful"),
    ],
    ids=["empty", "long", "picture", "warning"],
)
async def test_what_can_not_be_a_message_is_refused(
    x: X, keep: MemoryKeep, plugin: XPlugin, answer: Post, post: Post
) -> None:
    refused = Post(text=post.text, media=post.media, warning=post.warning, in_reply_to=answer.in_reply_to)
    entering = await spent(keep)
    with pytest.raises(RefusedError):
        await plugin.post(refused, Key(token="one", minted_at=plugin.clock.now()))
    assert sent(x) == []
    assert await spent(keep) == entering


async def test_a_message_in_doubt_is_found(x: X, clock: FakeClock, plugin: XPlugin, answer: Post) -> None:
    since = clock.now()
    before = await plugin.post(Post(text="before", in_reply_to=answer.in_reply_to), key(clock, "zero"))
    x.decide = lambda call: faults.lose_response() if call.method == "POST" else None
    with pytest.raises(UncertainError):
        await plugin.post(answer, key(clock))
    x.decide = None
    assert len(sent(x)) == 2
    found = await plugin.find(answer, key(clock), since, frozenset({before.id}))
    assert found == Posted(id=PostId(x.messages[-1].id), memo={"with": x.person("kim").id})


async def test_a_message_that_never_arrived_is_absent_at_the_second_look(
    x: X, clock: FakeClock, plugin: XPlugin, answer: Post
) -> None:
    since = clock.now()
    x.message("yes?", from_="kim")  # the same words, but not ours
    with pytest.raises(UncertainError):
        await plugin.find(answer, key(clock), since, frozenset())
    await clock.advance(15)
    assert await plugin.find(answer, key(clock), since, frozenset()) is None


async def test_a_message_is_taken_back(x: X, clock: FakeClock, plugin: XPlugin, answer: Post) -> None:
    posted = await plugin.post(answer, key(clock))
    await plugin.delete(posted)
    assert sent(x) == []
    await plugin.delete(posted)


async def test_a_message_that_x_refuses_costs_nothing(clock: FakeClock, keep: MemoryKeep, plugin: XPlugin) -> None:
    before = await spent(keep)
    with pytest.raises(PluginError):
        await plugin.post(Post(text="hello", in_reply_to=Ref(id=PostId("7"), memo={"with": "999"})), key(clock))
    assert await spent(keep) == before


async def test_with_premium_a_message_is_not_edited_either(x: X, clock: FakeClock) -> None:
    async with premium_shop(x, clock) as shop:
        with pytest.raises(RefusedError, match="direct message"):
            await shop.edit(Posted(id=PostId("7"), memo={"with": "999"}), Post(text="no"), key(clock))
    assert len(x.calls) == 1
