"""Mentions: all of them, once, in their order, and for no more money than it takes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from bridge.plugin import Cursor, Edited, Gap, Item, Notice, RefusedError, Seen, UnavailableError
from bridge.testing import FakeClock, MemoryKeep
from plugins.x import translate
from plugins.x.authors import Authors
from plugins.x.listen import told
from plugins.x.prices import Kind
from tests.platforms.x.listener import listening
from tests.servers import x_faults
from tests.servers.x import X
from tests.servers.x_calls import Call
from tests.servers.x_world import Words

MENTION = Decimal("0.001")
PERSON = Decimal("0.010")


def mentions(x: X) -> list[Call]:
    return x.asked(f"/2/users/{x.me.id}/mentions")


async def test_trap_a_backlog_is_read_to_its_end_oldest_first(x: X, clock: FakeClock) -> None:
    async with listening(x, clock) as ears, ears.items() as heard:
        since = (await heard.next()).cursor
    said = [x.mention(f"number {number}", from_=f"kim{number % 7}") for number in range(250)]
    await clock.advance(3600)
    async with listening(x, clock) as ears, ears.items(since) as heard:
        told = [await heard.item() for _ in said]
        assert [item.id for item in told] == [one.id for one in said]
        assert [item.text for item in told[:2]] == ["number 0", "number 1"]
        assert ears.spent == 250 * MENTION + 7 * PERSON
    assert [call.query["max_results"] for call in mentions(x)][-3:] == ["100", "100", "100"]
    assert x.unsigned == []


async def test_trap_each_position_is_after_its_item(x: X, clock: FakeClock) -> None:
    async with listening(x, clock) as ears, ears.items() as heard:
        since = (await heard.next()).cursor
        for number in range(4):
            x.mention(f"number {number}")
            await clock.advance(60)
    async with listening(x, clock) as ears, ears.items(since) as heard:
        second = [await heard.item() for _ in range(2)][-1]
    async with listening(x, clock) as ears, ears.items(second.cursor) as heard:
        assert [(await heard.item()).text for _ in range(2)] == ["number 2", "number 3"]


async def test_trap_nothing_is_paid_for_while_nothing_is_new(x: X, clock: FakeClock) -> None:
    x.mention("old")
    await clock.advance(60)
    async with listening(x, clock) as ears, ears.items() as heard:
        assert isinstance(await heard.next(), Seen)
        assert ears.spent == MENTION
        x.mention("new")
        assert (await heard.item()).text == "new"
        assert ears.spent == 2 * MENTION + PERSON
        looks = len(mentions(x))
        await ears.minutes(10)
        await x.is_asked(f"/2/users/{x.me.id}/mentions", looks + 10)
        assert ears.spent == 2 * MENTION + PERSON


async def test_trap_what_came_within_the_delay_is_read_twice_and_told_once(x: X, clock: FakeClock) -> None:
    async with listening(x, clock) as ears, ears.items() as heard:
        await heard.next()
        await clock.wait_for_wait(60)
        await clock.advance(50)
        x.mention("one")
        x.mention("two")
        await clock.advance(10)
        assert [(await heard.item()).text for _ in range(2)] == ["one", "two"]
        x.mention("three")
        assert [item.text for item in await heard.until("three")] == ["three"]
        assert ears.spent == 5 * MENTION + PERSON


async def test_trap_what_x_lists_late_is_heard(x: X, clock: FakeClock) -> None:
    async with listening(x, clock) as ears, ears.items() as heard:
        await heard.next()
        await clock.wait_for_wait(60)
        await clock.advance(50)
        late = x.mention("late")
        hidden = x.tweets.pop(late.id)
        x.mention("first to be seen")
        await clock.advance(10)
        assert (await heard.item()).text == "first to be seen"
        x.tweets[late.id] = hidden
        assert (await heard.item()).text == "late"


async def test_trap_people_are_asked_for_once_a_month(x: X, clock: FakeClock, keep: MemoryKeep) -> None:
    async with listening(x, clock, keep) as ears, ears.items() as heard:
        since = (await heard.next()).cursor
        x.mention("one")
        since = (await heard.item()).cursor
    x.mention("two")
    x.mention("three", from_="raj")
    async with listening(x, clock, keep) as ears, ears.items(since) as heard:
        names = [(await heard.item()).author.handle for _ in range(2)]
        assert names == ["kim", "raj"]
        kim, raj = x.person("kim").id, x.person("raj").id
        assert [call.query["ids"] for call in x.asked("/2/users")] == [kim, raj]
    await clock.advance(31 * 86_400)
    x.mention("four")
    async with listening(x, clock, keep) as ears, ears.items(since) as heard:
        assert [(await heard.item()).text for _ in range(3)] == ["two", "three", "four"]
        assert [call.query["ids"] for call in x.asked("/2/users")] == [kim, raj, f"{kim},{raj}"]


async def test_nobody_is_kept_for_longer_than_a_month(x: X, clock: FakeClock, keep: MemoryKeep) -> None:
    async with listening(x, clock, keep) as ears, ears.items() as heard:
        await heard.next()
        x.mention("one")
        since = (await heard.item()).cursor
    assert "kim" in (await keep.load("authors") or "")
    await clock.advance(31 * 86_400)
    x.mention("two", from_="raj")
    async with listening(x, clock, keep) as ears, ears.items(since) as heard:
        while (await heard.item()).text != "two":
            pass
    kept = await keep.load("authors") or ""
    assert ("raj" in kept, "kim" in kept) == (True, False)


async def test_trap_who_can_not_be_looked_up_is_heard_all_the_same(x: X, clock: FakeClock) -> None:
    x.vanished.add("kim")
    async with listening(x, clock) as ears, ears.items() as heard:
        await heard.next()
        x.mention("hello")
        item = await heard.item()
        assert (item.text, item.author.handle) == ("hello", x.person("kim").id)
        x.mention("again")
        assert (await heard.item()).text == "again"
        assert len(x.asked("/2/users")) == 1


async def test_trap_more_than_x_lists_is_a_gap_that_is_told_once(x: X, clock: FakeClock, keep: MemoryKeep) -> None:
    async with listening(x, clock, keep) as ears, ears.items() as heard:
        since = (await heard.next()).cursor
    said = [x.mention(f"number {number}") for number in range(801)]
    await clock.advance(3600)
    async with listening(x, clock, keep) as ears, ears.items(since) as heard:
        gap = await heard.next()
        assert isinstance(gap, Gap)
        assert (await heard.item()).id == said[1].id
    async with listening(x, clock, keep) as ears, ears.items(gap.cursor) as heard:
        assert isinstance(item := await heard.next(), Item)
        assert item.id == said[1].id


async def test_trap_an_edit_is_told_of_the_item_that_it_changes(x: X, clock: FakeClock) -> None:
    async with listening(x, clock) as ears, ears.items() as heard:
        await heard.next()
        first = x.mention("are you opne?")
        assert (await heard.item()).id == first.id
        second = x.edit(first, "@shop are you open?")
        while not isinstance(edited := await heard.next(), Edited):
            pass
        assert (edited.item.id, edited.item.text) == (first.id, "are you open?")
        assert edited.item.url == second.url


async def test_trap_own_posts_and_mere_repeats_are_passed_over(x: X, clock: FakeClock) -> None:
    async with listening(x, clock) as ears, ears.items() as heard:
        await heard.next()
        x.write("@shop that's us", x.me)
        await ears.minutes(2)
        x.mention("hello")
        assert (await heard.item()).text == "hello"
        assert [call.query.get("ids") for call in x.asked("/2/users")] == [x.person("kim").id]


async def test_trap_a_budget_ends_reading_with_one_notice_and_reading_goes_on_the_next_day(
    x: X, clock: FakeClock, keep: MemoryKeep
) -> None:
    async with listening(x, clock, keep, daily="0.05") as ears, ears.items() as heard:
        await heard.next()
        for name in ("kim", "raj", "ana", "lee"):
            x.mention(f"from {name}", from_=name)
            assert (await heard.item()).author.handle == name
        x.mention("too much", from_="bob")
        notice = await heard.next()
        while isinstance(notice, Seen):
            notice = await heard.next()
        assert isinstance(notice, Notice)
        assert "daily_budget" in notice.text
        assert ears.spent <= Decimal("0.05")
    calls, today = len(x.calls), clock.now().date()
    async with listening(x, clock, keep, daily="0.05") as ears, ears.items(notice.cursor) as heard:
        await clock.wait_for_wait(3600)
        assert len(x.calls) == calls
        while clock.now().date() == today:
            await clock.wait_for_sleepers(1)
            await clock.advance(clock.waits[0])
        while not isinstance(thing := await heard.next(), Item):
            assert getattr(thing, "text", "") != notice.text  # the notice is told once
        assert thing.text == "too much"


async def test_each_stop_is_told_once_as_soon_as_it_is_there(x: X, clock: FakeClock, keep: MemoryKeep) -> None:
    """Reading, links, and in the end all: also while nothing is read any more, and not again after a restart."""
    async with listening(x, clock, keep, daily="1") as ears:
        async with ears.items() as heard:
            await heard.next()
            notices: list[Notice] = []
            for kind, count in ((Kind.POST_WITH_LINK, 4), (Kind.POST, 7), (Kind.REPLY, 9)):
                await ears.ledger.reserve(kind, count)
                notice = await heard.next()
                assert isinstance(notice, Notice)
                notices.append(notice)
        assert [notice.text.partition(" before ")[0] for notice in notices] == [
            "Nothing more is read",
            "No more posts with a link",
            "Nothing more is posted",
        ]
        x.mention("unheard today")
        async with ears.items(notices[1].cursor) as heard:
            assert await heard.next() == notices[2]
        async with ears.items(notices[2].cursor) as heard:
            today = clock.now().date()
            while clock.now().date() == today:
                await clock.wait_for_sleepers(1)
                await clock.advance(clock.waits[0])
            assert (await heard.item()).text == "unheard today"


async def test_both_vocabularies_are_understood(clock: FakeClock) -> None:
    async with X(clock=clock, words=Words.TWEET) as x, listening(x, clock) as ears, ears.items() as heard:
        await heard.next()
        own = x.write("ours", x.me)
        long = "x" * 300
        x.mention(long, in_reply_to=own.id)
        item = await heard.item()
        assert (item.text, item.in_reply_to) == (long, own.id)


async def test_authors_are_had_as_fields_where_x_has_them(clock: FakeClock) -> None:
    """The servers that know the older words alone give them for nothing."""
    async with X(clock=clock, whole=False, words=Words.TWEET) as x, listening(x, clock) as ears, ears.items() as heard:
        await heard.next()
        own = x.write("ours", x.me)
        x.mention("hello", in_reply_to=own.id)
        item = await heard.item()
        assert (item.author.handle, item.in_reply_to) == ("kim", own.id)
        x.mention("again")
        assert (await heard.item()).text == "again"
        assert all("author_id" in call.query["tweet.fields"] for call in mentions(x)[-2:])
        assert all("expansions" not in call.query for call in mentions(x))
        assert len(x.asked("/2/users")) == 1


async def test_trap_authors_are_had_by_expansions_where_x_has_nothing_else(clock: FakeClock) -> None:
    """Then they come with their mentions, and nobody is asked for."""
    async with X(clock=clock, whole=False) as x, listening(x, clock) as ears, ears.items() as heard:
        await heard.next()
        x.mention("hello")
        item = await heard.item()
        assert item.author.handle == "kim"
        assert x.asked("/2/users") == []
        assert ears.spent == 2 * MENTION + PERSON


async def test_looks_are_frequent_after_something_happened_and_seldom_else(x: X, clock: FakeClock) -> None:
    async with listening(x, clock, fixed=None) as ears, ears.items() as heard:
        await heard.next()
        await clock.wait_for_wait(600)
        ears.hearing.pulse.beat()
        await clock.wait_for_wait(45)
        x.mention("hello")
        await clock.advance(45)
        assert (await heard.item()).text == "hello"


async def test_direct_messages_are_heard_where_asked_for(x: X, clock: FakeClock) -> None:
    async with listening(x, clock) as ears, ears.items(messages=True) as heard:
        await heard.next()
        await heard.next()
        x.message("psst")
        item = await heard.item()
        assert (item.text, item.private, item.memo) == ("psst", True, {"with": x.person("kim").id})


async def test_trap_what_was_read_before_a_stop_is_not_paid_for_again(x: X, clock: FakeClock) -> None:
    """X lists the newest first, and the oldest is told first: to read it all may take more than a day's money."""
    async with listening(x, clock, daily="0.3") as ears, ears.items() as heard:
        await heard.next()
        said = [x.mention(f"number {number}") for number in range(250)]
        notice = await heard.next()
        assert isinstance(notice, Notice)
        assert ears.spent == Decimal("0.24")
        today = clock.now().date()
        while clock.now().date() == today:
            await clock.wait_for_sleepers(1)
            await clock.advance(clock.waits[0])
        assert [(await heard.item()).id for _ in said] == [one.id for one in said]
        assert ears.spent == 10 * MENTION + PERSON
    assert [call.query["max_results"] for call in mentions(x)] == ["5", "100", "100", "40", "100"]
    assert mentions(x)[-1].query["until_id"] == said[10].id


async def test_trap_a_failure_in_the_middle_of_a_backlog_costs_nothing(x: X, clock: FakeClock) -> None:
    async with listening(x, clock) as ears:
        async with ears.items() as heard:
            since = (await heard.next()).cursor
        said = [x.mention(f"number {number}") for number in range(150)]
        x.decide = lambda call: x_faults.over_capacity() if "pagination_token" in call.query else None
        async with ears.items(since) as heard:
            with pytest.raises(UnavailableError):
                await heard.next()
        x.decide = None
        async with ears.items(since) as heard:
            assert [(await heard.item()).id for _ in said] == [one.id for one in said]
        assert ears.spent == 150 * MENTION + PERSON


async def test_trap_a_clock_that_is_wrong_hides_nothing_that_is_late(clock: FakeClock) -> None:
    theirs = FakeClock(clock.now() - timedelta(hours=2))
    async with X(clock=theirs) as x, listening(x, clock) as ears, ears.items() as heard:
        await heard.next()
        await clock.wait_for_wait(60)
        await _both(50, clock, theirs)
        late = x.mention("late")
        hidden = x.tweets.pop(late.id)
        x.mention("first to be seen")
        await _both(10, clock, theirs)
        assert (await heard.item()).text == "first to be seen"
        x.tweets[late.id] = hidden
        assert (await heard.item()).text == "late"


async def _both(seconds: float, ours: FakeClock, theirs: FakeClock) -> None:
    await theirs.advance(seconds)
    await ours.advance(seconds)


async def test_a_repost_says_nothing_to_the_account(x: X, clock: FakeClock) -> None:
    said = {
        "id": "7",
        "author_id": "1002",
        "text": "RT @shop: hello",
        "referenced_posts": [{"type": "retweeted", "id": "5"}],
    }
    assert translate.said(said).repeats
    async with listening(x, clock) as ears:
        authors = Authors(ears.hearing._api.call, MemoryKeep(), clock, ears.ledger)
        assert told(said, authors, ears.me, Cursor("c")) is None


@pytest.mark.parametrize("cursor", ["", "7", "{}", "[]", '{"lists": {"mentions": {"start": "x", "at": "1"}}}'])
async def test_a_position_that_can_not_be_read_is_refused(x: X, clock: FakeClock, cursor: str) -> None:
    async with listening(x, clock) as ears, ears.items(Cursor(cursor)) as heard:
        with pytest.raises(RefusedError):
            await heard.next()


async def test_a_budget_that_is_used_up_at_first_begins_at_now(x: X, clock: FakeClock) -> None:
    x.mention("old")
    await clock.advance(60)
    async with listening(x, clock, daily="0") as ears, ears.items() as heard:
        notice = await heard.next()
        assert isinstance(notice, Notice)
    assert x.calls == []
    x.mention("new")
    async with listening(x, clock) as ears, ears.items(notice.cursor) as heard:
        assert (await heard.item()).text == "new"
