from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.commands.relay import gap, line, notice, relay
from bridge.domain import pacing
from bridge.domain.ids import short
from bridge.domain.inbox import Change, News
from bridge.domain.mint import Mint
from bridge.domain.people import Place, Target
from bridge.domain.posts import Visibility
from bridge.store import notices

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.domain.ids import EntryId
    from bridge.domain.inbox import StoredItem
    from bridge.store import Tx
    from tests.unit.commands.conftest import Bench, Told

OPS = "ops@rooms.example.org"
SALES = "sales@rooms.example.org"


def new(items: list[StoredItem], news: News = News.NEW) -> list[Change]:
    return [Change(news=news, stored=one) for one in items]


async def relayed(bench: Bench, items: list[StoredItem], news: News = News.NEW) -> list[Told]:
    now, mint = bench.clock.now(), Mint(bench.desk._new_id())
    changes = new(items, news)
    await bench.store.write(lambda tx: relay(tx, changes, rights=bench.rights, mint=mint, now=now))
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


async def test_a_trickle_is_told_whole(bench: Bench) -> None:
    for minute in range(5):
        said = [f"number {minute}.{number}" for number in range(pacing.SHOWN)]
        told = await relayed(bench, await bench.hears(*said))
        assert [one.body.partition(": ")[2] for one in told] == said
        await bench.clock.advance(60)


async def test_of_a_flood_a_few_are_told_and_the_others_counted_in_one_line_that_grows(bench: Bench) -> None:
    told = await relayed(bench, await bench.hears(*(f"number {number}" for number in range(100))))
    assert [one.body for one in told[:-1]] == [
        f"[{short(number + 1)}] @kim@mastodon.example: number {number}" for number in range(pacing.SHOWN)
    ]
    assert (told[-1].body, told[-1].receipt) == ("... and 90 more: `!inbox`", True)
    assert await relayed(bench, await bench.hears(*"abcdef")) == []
    assert await relayed(bench, await bench.hears(*"gh")) == []
    await bench.clock.advance(5)
    assert [one.body for one in await bench.told()] == ["... and 98 more: `!inbox`"]
    await bench.clock.advance(600)
    assert await bench.told() == []


async def test_in_a_flood_some_of_what_was_said_to_us_directly_is_shown(
    bench: Bench, post_id: Callable[[list[str]], EntryId]
) -> None:
    noise = await bench.hears(*(f"noise {number}" for number in range(50)))
    said_to_us = await bench.hears(*(f"answer {n}" for n in range(4)))
    whispers = await bench.hears("psst 0", "psst 1", visibility=Visibility.DIRECT)
    ours = post_id(await bench.room("!post We are down"))
    answers = [replace(one, post=ours) for one in said_to_us]
    told = await relayed(bench, [*noise, *answers, *whispers])
    said = [one.body.partition(": ")[2] for one in told[pacing.SHOWN : -1]]
    assert said[:4] == [f"answer {number}" for number in range(4)]
    assert told[-2].body.startswith("[37] a private message to mastodon, not shown here")
    assert len(told) == pacing.SHOWN + pacing.RESERVED + 1
    assert told[-1].body == "... and 41 more: `!inbox`"


async def test_each_conversation_has_its_own_count(bench: Bench) -> None:
    await relayed(bench, await bench.hears(*(f"number {number}" for number in range(8)), account="mastodon"))
    told = await relayed(bench, await bench.hears(*(f"number {number}" for number in range(12)), account="x"))
    assert [one.body for one in told if one.to == OPS][-1] == "... and 10 more: `!inbox`"
    assert [one.body for one in told if one.to == SALES][-1] == "... and 2 more: `!inbox`"
    assert len(told) == 2 + pacing.SHOWN + 2


async def test_after_a_calm_minute_all_is_shown_again_and_the_next_flood_counts_from_one(bench: Bench) -> None:
    await relayed(bench, await bench.hears(*(f"number {number}" for number in range(20))))
    await bench.clock.advance(60)
    told = await relayed(bench, await bench.hears(*(f"more {number}" for number in range(5))))
    assert [one.body.partition(": ")[2] for one in told] == ["more 0", "more 1", "more 2", "`!inbox`"]
    assert told[-1].body == "... and 12 more: `!inbox`"
    await bench.clock.advance(60)
    told = await relayed(bench, await bench.hears(*(f"last {number}" for number in range(12))))
    assert len(told) == pacing.SHOWN + 1
    assert told[-1].body == "... and 2 more: `!inbox`"


async def test_what_piles_up_for_a_room_that_is_away_is_counted_however_slow_it_comes(bench: Bench) -> None:
    now, mint = bench.clock.now, Mint("away")
    for number in range(100):
        items = await bench.hears(f"number {number}")
        await bench.store.write(
            lambda tx, items=items: relay(tx, new(items), rights=bench.rights, mint=mint, now=now())
        )
        await bench.clock.advance(180)
    told = await bench.told()
    assert len(told) == pacing.UNSENT + 1
    assert told[-1].body == f"... and {100 - pacing.UNSENT} more: `!inbox`"


async def test_the_count_for_a_room_that_can_not_be_reached_falls_to_the_admins(bench: Bench) -> None:
    items = await bench.hears(*(f"number {number}" for number in range(20)))

    def unit(tx: Tx) -> None:
        relay(tx, new(items), rights=bench.rights, mint=Mint("one"), now=bench.clock.now())
        room, ana = Target(OPS, Place.ROOM), Target("ana@example.org", Place.DIRECT)
        copies = {one.id: [f"copy {one.id}"] for one in notices.pending(tx, room)}
        notices.redirect(
            tx, room, [ana], prefix="(for ops) ", origin_ids=copies, at=bench.clock.now(), error="unreachable"
        )

    await bench.store.write(unit)
    told = await bench.told()
    assert {one.to for one in told} == {"ana@example.org"}
    assert told[0].body == "(for ops) [1] @kim@mastodon.example: number 0"
    assert told[-1].body == f"(for {OPS}) ... and 10 more: `inbox`"


async def test_an_edit_is_told_where_the_item_was_heard(bench: Bench, post_id: Callable[[list[str]], EntryId]) -> None:
    (item,) = await bench.hears("solved, thanks", warning="spiders", media=("a cat",))
    ours = post_id(await bench.room("!post We are down"))
    (told,) = await relayed(bench, [replace(item, post=ours)], News.EDITED)
    assert told.to == OPS
    assert told.body == (
        "[1->2] @kim@mastodon.example changed it: (content warning: spiders) solved, thanks\n| media: a cat"
    )


async def test_a_deletion_is_told_without_what_was_said(bench: Bench) -> None:
    (told,) = await relayed(bench, await bench.hears("my number is 4111"), News.DELETED)
    assert (told.to, told.body) == (OPS, "[1] @kim@mastodon.example took it back")


async def test_what_happens_to_a_private_item_keeps_its_secret_from_rooms_that_may_not_hear_it(bench: Bench) -> None:
    items = await bench.hears("psst", visibility=Visibility.DIRECT)
    elsewhere = "not shown here: `inbox` in a direct chat with me shows it"
    told = [*await relayed(bench, items, News.EDITED), *await relayed(bench, items, News.DELETED)]
    assert [(one.to, one.body) for one in told] == [
        (
            OPS,
            f"[1] the private message to mastodon was changed, {elsewhere}",
        ),
        (OPS, "[1] the private message to mastodon was taken back"),
    ]


async def test_what_happens_to_a_private_item_is_told_where_it_may_be_heard(bench: Bench) -> None:
    items = await bench.hears("psst", account="x", visibility=Visibility.DIRECT)
    told = [*await relayed(bench, items, News.EDITED), *await relayed(bench, items, News.DELETED)]
    assert [(one.to, one.body) for one in told] == [
        (SALES, "[1] @kim@mastodon.example (private) changed it: psst"),
        (SALES, "[1] @kim@mastodon.example (private) took it back"),
    ]


async def test_edits_and_deletions_flood_no_room_either(bench: Bench) -> None:
    items = await bench.hears(*(f"number {number}" for number in range(12)))
    told = await relayed(bench, items, News.DELETED)
    assert [one.body for one in told[9:]] == ["[a] @kim@mastodon.example took it back", "... and 2 more: `!inbox`"]


async def test_what_an_account_tells_itself_is_told_to_those_who_hear_it(bench: Bench) -> None:
    now, mint = bench.clock.now(), Mint("m")
    for text in ("Nothing more is read today:\n[1] @kim@x.example: \u202eit is\tover.", " \u200b\n", "a" * 1_000):
        await bench.store.write(lambda tx, text=text: notice(tx, "x", text, rights=bench.rights, mint=mint, now=now))
    told = await bench.told()
    assert [one.to for one in told] == [OPS, SALES] * 2
    assert told[0].body == told[1].body == "x: Nothing more is read today: [1] @kim@x.example: it is over"
    assert len(told[2].body) < 350


async def test_a_gap_is_told_to_those_who_hear_the_account(bench: Bench) -> None:
    now, mint = bench.clock.now(), Mint("m")
    await bench.store.write(lambda tx: gap(tx, "x", rights=bench.rights, mint=mint, now=now))
    told = await bench.told()
    assert [one.to for one in told] == [OPS, SALES]
    assert told[0].body == (
        "x no longer lists all that was said while I was away: something may be missing here, look there"
    )
    bench.configure(rooms=())
    await bench.store.write(lambda tx: gap(tx, "x", rights=bench.rights, mint=mint, now=now))
    assert [one.to for one in await bench.told()] == ["ana@example.org"]
