"""What customers say: into the room once, whatever happens, and the answer back to where it belongs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import text as sql

from bridge.commands.incoming import Gesture, GestureKind
from bridge.delivery import DIRECT
from bridge.domain.ids import EntryId
from bridge.domain.inbox import ItemState
from bridge.listening import cursor_name
from bridge.plugin import PostId, RefusedError, UnavailableError, Visibility
from bridge.store import cursors, inbox
from bridge.testing import FakePlugin, Fate

if TYPE_CHECKING:
    from bridge.settings import Settings
    from tests.flow.conftest import Build, House

ROOM = "ops@rooms.example.org"
SECOND_ROOM = "sales@rooms.example.org"


async def cursor(house: House, account: str = "mastodon") -> str | None:
    return await house.stands(lambda tx: cursors.get(tx, cursor_name(account)))


async def stored(house: House) -> int:
    return await house.stands(lambda tx: int(tx.scalar(sql("SELECT count(*) FROM item"))))


async def test_the_first_look_keeps_its_place_and_relays_nothing_old(build: Build) -> None:
    house = await build(start=False)
    platform = house.platforms["mastodon"]
    platform.say("said long ago")
    await house.start()
    assert (await cursor(house), await stored(house), house.heard()) == ("1", 0, [])
    platform.say("any ETA?")
    await house.quiet()
    assert house.heard() == ["[1] @kim@platform.example: any ETA?"]
    assert await cursor(house) == "2"


async def test_what_is_said_while_the_bridge_is_away_is_heard_later_once(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.overlap = 5
    platform.say("one")
    await house.quiet()
    await house.kill()
    platform.say("two")
    platform.say("three")
    await house.start()
    assert house.heard() == ["[2] @kim@platform.example: two", "[3] @kim@platform.example: three"]
    await house.restart()
    assert house.heard() == []
    assert await stored(house) == 3


async def test_a_batch_with_duplicates_is_told_once_each(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    one = platform.say("one", uri="tag:1")
    two = platform.say("two", uri="tag:2")
    platform.hear(one, two, replace(one, id=PostId("another id of the same")))
    await house.quiet()
    assert house.heard() == ["[1] @kim@platform.example: one", "[2] @kim@platform.example: two"]
    platform.hear(one)
    await house.quiet()
    assert house.heard() == []
    assert await stored(house) == 2
    assert await cursor(house) == "6"


async def test_an_item_its_line_and_the_cursor_are_one_commit(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.say("one")
    await house.quiet()
    house.heard()
    house.store.refuses = lambda: True
    platform.say("two")
    await house.quiet()
    assert house.store.refused > 0
    assert (await stored(house), await cursor(house)) == (1, "1")
    await house.restart()
    assert house.heard() == ["[2] @kim@platform.example: two"]
    assert (await stored(house), await cursor(house)) == (2, "2")


async def test_a_kill_right_after_the_commit_loses_no_line(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    house.chat.lose()
    platform.say("one")
    await house.quiet()
    assert await cursor(house) == "1"
    await house.restart()
    assert house.heard() == ["[1] @kim@platform.example: one"]
    await house.restart()
    assert house.heard() == []


async def test_a_store_that_fails_for_a_while_loses_nothing(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    house.store.refuses = lambda: True
    for number in range(5):
        platform.say(f"number {number}")
    await house.pass_time(30)
    house.store.refuses = None
    await house.pass_time(60)
    assert house.heard() == [f"[{number + 1}] @kim@platform.example: number {number}" for number in range(5)]
    assert await stored(house) == 5


async def test_a_listener_that_fails_starts_again_from_the_stored_cursor(build: Build, logs: list[Any]) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.say("one")
    await house.quiet()
    platform.break_listening(UnavailableError("the stream broke"))
    platform.will("items", Fate(before=UnavailableError("503")), Fate(before=ValueError("a bug")))
    await house.quiet()
    platform.say("two")
    await house.pass_time(60)
    assert house.called("items") == [0, 5, 15, 35]
    assert house.heard() == ["[1] @kim@platform.example: one", "[2] @kim@platform.example: two"]
    platform.break_listening(RefusedError("not allowed"))
    await house.pass_time(5)
    assert house.called("items")[-1] == 65
    assert [entry["event"] for entry in logs if "hear" in entry["event"] or "listening" in entry["event"]] == [
        "cannot hear",
        "cannot hear",
        "listening failed",
        "cannot hear",
    ]


async def test_an_account_that_can_not_listen_still_posts(build: Build) -> None:
    house = await build(plugin=FakePlugin)
    house.platforms["mastodon"].say("unheard")
    await house.say("!post one")
    assert house.platforms["mastodon"].visible == ["one"]
    assert house.heard() == []


async def test_a_private_item_is_announced_without_its_words_where_it_may_not_be_heard(build: Build) -> None:
    house = await build()
    house.platforms["mastodon"].say("my card number is 4111", visibility=Visibility.DIRECT)
    await house.quiet()
    assert house.heard() == [
        "[1] a private message to mastodon, not shown here: `inbox` in a direct chat with me shows it"
    ]
    lines = await house.say("!inbox")
    assert "4111" not in "\n".join(lines)
    lines = await house.say("inbox", place=DIRECT)
    assert "my card number is 4111" in "\n".join(lines)


async def test_a_room_that_may_hear_private_items_hears_them_alone(build: Build) -> None:
    def change(settings: Settings) -> Settings:
        first, second = settings.rooms
        changed = second.model_copy(update={"hear_from": None, "hear_private": True})
        return settings.model_copy(update={"rooms": (first, changed)})

    house = await build(change=change)
    house.platforms["mastodon"].say("my order?", visibility=Visibility.DIRECT)
    await house.quiet()
    assert house.heard() == []
    assert house.heard(SECOND_ROOM) == ["[1] @kim@platform.example (private): my order?"]


async def test_an_answer_goes_where_the_customer_spoke(build: Build) -> None:
    house = await build("mastodon", "x", hold="20s")
    platform = house.platforms["mastodon"]
    platform.say("still locked out, any ETA?", visibility=Visibility.UNLISTED, memo={"root": "t1"})
    await house.quiet()
    house.heard()
    assert await house.say("!r 1 About 20 minutes, sorry!") == [
        "[2->1] to @kim, from mastodon, as raj in 20 s: `!send`, `!undo`, or correct your message"
    ]
    assert (await item(house, 1)).state is ItemState.OPEN
    await house.pass_time(20)
    assert house.heard() == [
        "~[2->1] to @kim, from mastodon, as raj: mastodon on its way",
        "~[2->1] to @kim, from mastodon, as raj: mastodon https://mastodon.example/p1",
    ]
    (published,) = platform.published
    assert published.post.text == "@kim@platform.example About 20 minutes, sorry!"
    assert published.post.visibility is Visibility.UNLISTED
    assert published.post.in_reply_to is not None
    assert (published.post.in_reply_to.id, published.post.in_reply_to.memo) == ("i1", {"root": "t1"})
    assert house.platforms["x"].published == []
    assert (await item(house, 1)).state is ItemState.ANSWERED


async def test_a_private_item_is_answered_in_private(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.say("my order?", visibility=Visibility.DIRECT)
    await house.quiet()
    await house.say("!r @kim On its way")
    assert [(one.post.text, one.post.visibility) for one in platform.published] == [
        ("@kim@platform.example On its way", Visibility.DIRECT)
    ]


async def test_a_reply_to_our_post_names_it(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    await house.say("!post we are down")
    platform.say("any ETA?", in_reply_to=platform.published[0].id)
    await house.quiet()
    assert house.heard() == ["[2->1] @kim@platform.example: any ETA?"]


async def item(house: House, entry: int) -> Any:
    return await house.stands(lambda tx: inbox.get(tx, EntryId(entry)))


async def test_a_reply_of_which_nobody_says_that_it_is_an_answer_is_forgotten_in_the_end(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.say("any ETA?")
    await house.quiet()
    house.heard()
    await house.store.write(lambda tx: tx.changed(sql("UPDATE notice SET stanza_id = 's1' WHERE item_id = 1")))
    reply = Gesture(kind=GestureKind.REPLY, about="s1")
    said = await house.say("is it the cache again?", gesture=reply)
    assert said == ["[2->1] Talk or answer? `!send 2` answers @kim, from mastodon, as raj"]
    await house.pass_time(3600)
    assert await house.states(2) == ["held"]
    await house.pass_time(60)
    assert await house.states(2) == ["cancelled"]
    assert house.heard() == []
    assert await house.say("!send 2") == ["[2->1] isn't held: mastodon: cancelled"]
    assert platform.count("post") == 0
