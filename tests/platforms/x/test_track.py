"""A word that is tracked: how it is asked for, and what is heard of it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bridge.plugin import Gap, Item, RefusedError, Seen
from bridge.testing import FakeClock
from plugins.x import track
from plugins.x.translate import Me
from tests.platforms.x.listener import listening
from tests.servers.x import X
from tests.servers.x_search import objection

ME = Me(id="1001", username="shop")
QUERIES = {
    "teapot": '"teapot"',
    "#teapot": "#teapot",
    "  two   words ": '"two" "words"',
    "@kim teapot": '@kim "teapot"',
    "from:kim": '"from:kim"',
    "tea OR coffee": '"tea" "OR" "coffee"',
    "(tea": '"(tea"',
    "-tea": '"-tea"',
    '"green tea"': '"green" "tea"',
    "#tea-pot": '"#tea-pot"',
    "Zürich 東京": '"Zürich" "東京"',
    "a" * 480: f'"{"a" * 480}"',
}


@pytest.mark.parametrize(("wanted", "asked"), QUERIES.items(), ids=range(len(QUERIES)))
def test_trap_words_are_asked_for_as_words(wanted: str, asked: str) -> None:
    query = track.query(wanted, ME)
    assert query == f"{asked} -is:retweet -from:shop"
    assert objection(query) is None


@pytest.mark.parametrize("wanted", ["", "   ", '""', "tea ?", "#", "a" * 490])
def test_what_x_can_not_search_for_is_refused(wanted: str) -> None:
    with pytest.raises(RefusedError):
        track.query(wanted, ME)


async def test_a_query_that_is_none_is_refused_before_anything_is_asked(x: X, clock: FakeClock) -> None:
    async with listening(x, clock) as ears:
        with pytest.raises(RefusedError):
            ears.matches("?!")
    assert x.calls == []


async def test_matches_are_heard_and_own_posts_are_not_even_read(x: X, clock: FakeClock) -> None:
    async with listening(x, clock) as ears, ears.matches("teapot") as heard:
        assert isinstance(await heard.next(), Seen)
        x.write("our teapot", x.me)
        x.remark("a kettle", from_="raj")
        x.remark("a teapot", from_="raj")
        item = await heard.item()
        assert (item.text, item.author.handle) == ("a teapot", "raj")
        assert ears.spent == Decimal("0.005") + Decimal("0.010")


async def test_matches_are_read_to_their_end(x: X, clock: FakeClock) -> None:
    async with listening(x, clock) as ears, ears.matches("teapot") as heard:
        await heard.next()
        said = [x.remark(f"teapot {number}") for number in range(150)]
        assert [(await heard.item()).id for _ in said] == [one.id for one in said]


async def test_trap_more_than_are_paid_for_at_once_is_a_gap(x: X, clock: FakeClock) -> None:
    async with listening(x, clock) as ears, ears.matches("teapot") as heard:
        await heard.next()
        said = [x.remark(f"teapot {number}") for number in range(track.MOST + 5)]
        assert isinstance(await heard.next(), Gap)
        assert (await heard.item()).id == said[5].id
        assert len(x.asked("/2/tweets/search/recent")) == 1 + track.MOST // 100


async def test_trap_what_is_more_than_a_week_ago_is_a_gap_that_is_told_once(x: X, clock: FakeClock) -> None:
    async with listening(x, clock) as ears, ears.matches("teapot") as heard:
        await heard.next()
        x.remark("teapot one")
        since = (await heard.item()).cursor
    x.remark("teapot two")
    await clock.advance(8 * 86_400)
    x.remark("teapot three")
    async with listening(x, clock) as ears, ears.matches("teapot", since) as heard:
        gap = await heard.next()
        assert isinstance(gap, Gap)
        assert (await heard.item()).text == "teapot three"
    async with listening(x, clock) as ears, ears.matches("teapot", gap.cursor) as heard:
        assert isinstance(item := await heard.next(), Item)
        assert item.text == "teapot three"


async def test_trap_a_word_that_nobody_says_for_weeks_is_no_gap(x: X, clock: FakeClock) -> None:
    x.remark("an old teapot")
    async with listening(x, clock) as ears, ears.matches("teapot") as heard:
        since = (await heard.next()).cursor
    for _ in range(5):
        await clock.advance(2 * 86_400)
        async with listening(x, clock) as ears, ears.matches("teapot", since) as heard:
            moved = await heard.next()
            assert isinstance(moved, Seen)
            since = moved.cursor
    x.remark("a new teapot")
    async with listening(x, clock) as ears, ears.matches("teapot", since) as heard:
        assert (await heard.item()).text == "a new teapot"
