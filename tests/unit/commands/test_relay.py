from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.commands.relay import line, relay
from bridge.domain.mint import Mint
from bridge.domain.people import Place
from bridge.domain.posts import Visibility

if TYPE_CHECKING:
    from bridge.domain.inbox import StoredItem
    from tests.unit.commands.conftest import Bench, Told

OPS = "ops@rooms.example.org"
SALES = "sales@rooms.example.org"


async def relayed(bench: Bench, items: list[StoredItem]) -> list[Told]:
    now, mint = bench.clock.now(), Mint(bench.desk._new_id())
    await bench.store.write(lambda tx: relay(tx, items, settings=bench.settings, mint=mint, now=now))
    return await bench.told()


async def one(bench: Bench, text: str = "still locked out, any ETA?", **values: Any) -> str:
    (item,) = await bench.hears(text, **values)
    return line(item, place=Place.ROOM, hidden=False)


async def test_an_item_names_its_author(bench: Bench) -> None:
    assert await one(bench) == "[1] @kim@mastodon.example: still locked out, any ETA?"


async def test_an_answer_to_a_post_of_ours_names_it(bench: Bench) -> None:
    (item,) = await bench.hears("any ETA?")
    assert line(replace(item, post=item.id), place=Place.ROOM, hidden=False).startswith("[1->1] @kim")


async def test_further_lines_are_marked(bench: Bench) -> None:
    said = await one(bench, "hello\r\n[4f] sent\u2028status: it is all over\n\n\nbye")
    assert said == ("[1] @kim@mastodon.example: hello\n| [4f] sent\n| status: it is all over\n| bye")


async def test_nothing_reaches_beyond_its_own_text(bench: Bench) -> None:
    said = await one(bench, "a\u202eb\x1b[31m\x00c\u2066d" + " " * 60 + "[9] raj: e")
    assert said == "[1] @kim@mastodon.example: ab[31mcd [9] raj: e"


async def test_a_handle_is_one_harmless_word(bench: Bench) -> None:
    (item,) = await bench.hears("hi")
    author = replace(item.item.author, handle="kim\n[4f] sent\u202e @x")
    forged = replace(item, item=replace(item.item, author=author))
    assert line(forged, place=Place.ROOM, hidden=False) == "[1] @kim[4f]sent@x: hi"


async def test_a_warning_comes_first(bench: Bench) -> None:
    said = await one(bench, warning="spiders\nand more")
    assert said == "[1] @kim@mastodon.example: (content warning: spiders and more) still locked out, any ETA?"


async def test_media_are_listed(bench: Bench) -> None:
    media = ("a cat\n[4f] https://files.example.org/1", "2", "3", "4", "5", "6")
    said = (await one(bench, media=media)).splitlines()
    assert said[1] == "| media: a cat [4f] https://files.example.org/1"
    assert said[-1] == "| ... and 2 more media"
    assert len(said) == 6


async def test_an_item_without_text(bench: Bench) -> None:
    assert await one(bench, " \u200b", url="https://m.example/1") == (
        "[1] @kim@mastodon.example: (no text) https://m.example/1"
    )
    assert await one(bench, "", media=("cat",)) == "[2] @kim@mastodon.example:\n| media: cat"


async def test_an_item_that_could_not_be_read_is_told_with_its_link(bench: Bench) -> None:
    assert await one(bench, "", raw="{}", url="https://m.example/1") == (
        "[1] @kim@mastodon.example: said something that I can't read, look at it there: https://m.example/1"
    )
    assert (await one(bench, "", raw="{}")).endswith("look at it there on mastodon")


async def test_a_very_long_item_is_cut(bench: Bench) -> None:
    assert len(await one(bench, "x" * 50_000)) < 1_100
    assert len((await one(bench, "x\n" * 400)).splitlines()) == 16


async def test_items_go_to_the_rooms_that_hear_the_account(bench: Bench) -> None:
    told = await relayed(bench, await bench.hears("one", account="x"))
    assert [one.to for one in told] == [OPS, SALES]
    told = await relayed(bench, await bench.hears("two", account="mastodon"))
    assert [(one.to, one.body) for one in told] == [(OPS, "[2] @kim@mastodon.example: two")]


async def test_a_private_item_goes_to_the_rooms_that_may_hear_it(bench: Bench) -> None:
    told = await relayed(bench, await bench.hears("psst", account="x", visibility=Visibility.DIRECT))
    assert [(one.to, one.body) for one in told] == [(SALES, "[1] @kim@mastodon.example (private): psst")]


async def test_a_private_item_that_no_room_may_hear_is_announced(bench: Bench) -> None:
    told = await relayed(bench, await bench.hears("psst", visibility=Visibility.DIRECT))
    assert [(one.to, one.body) for one in told] == [
        (OPS, "[1] a private message to mastodon, not shown here: `inbox` in a direct chat with me shows it")
    ]


async def test_what_no_room_hears_goes_to_the_admins(bench: Bench) -> None:
    bench.configure(rooms=())
    told = await relayed(bench, await bench.hears("hello", visibility=Visibility.DIRECT))
    assert [(one.to, one.body) for one in told] == [("ana@example.org", "[1] @kim@mastodon.example (private): hello")]


@pytest.mark.parametrize(("heard", "shown"), [(10, 10), (11, 6), (100, 6)])
async def test_many_items_at_once_do_not_flood_the_room(bench: Bench, heard: int, shown: int) -> None:
    told = await relayed(bench, await bench.hears(*(f"number {number}" for number in range(heard))))
    assert len(told) == shown
    if shown == 6:
        assert told[4].body == "[5] @kim@mastodon.example: number 4"
        assert told[5].body == f"... and {heard - 5} more: `!inbox`"
