"""What customers change and take back: told once, whatever happens, and nothing shown that was hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.delivery import DIRECT
from bridge.listening import cursor_name
from bridge.plugin import Cursor, Gap, Notice, Visibility
from bridge.store import cursors

if TYPE_CHECKING:
    from tests.flow.conftest import Build, House


async def cursor(house: House) -> str | None:
    return await house.stands(lambda tx: cursors.get(tx, cursor_name("mastodon")))


async def test_an_edit_and_a_deletion_are_told_once_each_however_often_they_are_heard(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.overlap = 10
    asked = platform.say("any ETA?")
    platform.change(asked, "any ETA? It is urgent")
    platform.take_back(platform.say("oops"))
    await house.quiet()
    assert house.heard() == [
        "[1] @kim@platform.example: any ETA?",
        "[1] @kim@platform.example changed it: any ETA? It is urgent",
        "[2] @kim@platform.example: oops",
        "[2] @kim@platform.example took it back",
    ]
    await house.restart()
    platform.hear(*platform.heard)
    await house.quiet()
    assert house.heard() == []
    assert await cursor(house) == "8"


async def test_an_edit_its_line_and_the_cursor_are_one_commit(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    one, two = platform.say("one"), platform.say("two")
    await house.quiet()
    house.heard()
    house.store.refuses = lambda: True
    platform.change(one, "better")
    platform.take_back(two)
    await house.quiet()
    assert (house.heard(), await cursor(house)) == ([], "2")
    await house.restart()
    assert house.heard() == ["[1] @kim@platform.example changed it: better", "[2] @kim@platform.example took it back"]
    assert await cursor(house) == "4"


async def test_a_kill_right_after_the_commit_loses_neither(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    one, two = platform.say("one"), platform.say("two")
    await house.quiet()
    house.heard()
    house.chat.lose()
    platform.change(one, "better")
    platform.take_back(two)
    await house.quiet()
    assert await cursor(house) == "4"
    await house.restart()
    assert house.heard() == ["[1] @kim@platform.example changed it: better", "[2] @kim@platform.example took it back"]
    await house.restart()
    assert house.heard() == []


async def test_a_hidden_item_stays_hidden_when_it_is_changed_to_be_public(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    said = platform.say("my card number is 4111", visibility=Visibility.DIRECT)
    platform.change(said, "my card number is 4112", visibility=Visibility.PUBLIC)
    platform.take_back(said)
    await house.quiet()
    lines = house.heard()
    assert len(lines) == 3
    assert "411" not in "\n".join(lines)
    assert "411" not in "\n".join(await house.say("inbox", place=DIRECT))


async def test_an_answer_to_what_was_taken_back_is_refused_and_the_inbox_is_empty(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.take_back(platform.say("any ETA?"))
    await house.quiet()
    house.heard()
    assert await house.say("!r 1 soon") == ["[1] can't be answered: its author took it back. Nothing was posted."]
    assert await house.say("!inbox") == ["0 open, 0 claimed, 1 today"]
    assert platform.published == []


async def test_a_gap_in_what_the_platform_lists_is_told_once(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.hear(Gap(cursor=Cursor("")))
    platform.say("hello")
    await house.quiet()
    told = [
        "mastodon no longer lists all that was said while I was away: something may be missing here, look there",
        "[1] @kim@platform.example: hello",
    ]
    assert house.heard() == told
    await house.restart()
    assert house.heard() == []


async def test_what_an_account_tells_itself_is_told_once_after_what_was_said_before(build: Build) -> None:
    house = await build()
    platform = house.platforms["mastodon"]
    platform.say("hello")
    platform.hear(Notice(text="Nothing more is read today.", cursor=Cursor("")))
    await house.quiet()
    assert house.heard() == ["[1] @kim@platform.example: hello", "mastodon: Nothing more is read today"]
    await house.restart()
    platform.say("hello again")
    await house.quiet()
    assert house.heard() == ["[2] @kim@platform.example: hello again"]
