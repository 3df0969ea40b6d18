"""Replies to one's own posts are more of them: below them wherever they are, in order, and never without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text as sql

from bridge.commands.incoming import Gesture, GestureKind
from bridge.domain.ids import EntryId
from bridge.domain.people import Place, Target
from bridge.plugin import Limits, RefusedError, UncertainError
from bridge.store import notices
from bridge.testing import AbleFakePlugin, FakePlugin, Fate
from tests.flow.conftest import DIRECT, ROOM

if TYPE_CHECKING:
    from tests.flow.conftest import Build, House

RAJ = "raj@example.org"


async def reply(house: House, post: int, text: str, *, place: str = DIRECT, who: str = "raj") -> list[str]:
    """Reply to what the bot told a conversation about a post."""
    target = Target(f"{who}@example.org", Place.DIRECT) if place == DIRECT else Target(place, Place.ROOM)
    found = await house.stands(lambda tx: notices.living(tx, target, EntryId(post)))
    assert found is not None
    name = found.origin_id
    if place != DIRECT:
        name = f"archived-{name}"
        query = sql("UPDATE notice SET stanza_id = :name WHERE origin_id = :origin")
        values = {"name": name, "origin": found.origin_id}
        await house.store.write(lambda tx: tx.changed(query, values))
    return await house.say(text, place=place, who=who, gesture=Gesture(kind=GestureKind.REPLY, about=name))


def tree(house: House, account: str = "mastodon") -> list[tuple[str, str | None]]:
    """Return all that was published, each with the text of what it is below."""
    published = house.platforms[account].published
    texts = {one.id: one.post.text for one in published}
    return [
        (one.post.text, texts[one.post.in_reply_to.id] if one.post.in_reply_to is not None else None)
        for one in published
    ]


async def test_a_reply_goes_below_the_post_on_every_account(build: Build) -> None:
    house = await build("mastodon", "x")
    await house.say("We are down", place=DIRECT)
    lines = await reply(house, 1, "We know why")
    assert lines[-1].startswith("~[2] mastodon https://mastodon.example/") or "[2] mastodon" in lines[-1]
    for account in ("mastodon", "x"):
        assert tree(house, account) == [("We are down", None), ("We know why", "We are down")]
    await reply(house, 2, "We are back")
    assert tree(house)[-1] == ("We are back", "We know why")


async def test_a_reply_to_what_is_not_out_yet_waits_for_it(build: Build) -> None:
    house = await build(hold="20s")
    await house.say("We are down", place=DIRECT)
    await reply(house, 1, "We know why")
    await house.say("send 2", place=DIRECT)
    assert tree(house) == []
    await house.pass_time(21)
    assert tree(house) == [("We are down", None), ("We know why", "We are down")]


async def test_a_reply_to_a_thread_goes_below_its_end(build: Build) -> None:
    house = await build(limits=Limits(text=20))
    await house.say("One thing happened. Another thing did.", place=DIRECT)
    await reply(house, 1, "And a third one")
    texts = [text for text, _ in tree(house)]
    assert len(texts) == 3
    assert tree(house)[-1] == ("And a third one", texts[1])


async def test_what_is_taken_back_takes_along_what_waits_for_it(build: Build) -> None:
    house = await build(hold="20s")
    await house.say("We are down", place=DIRECT)
    await reply(house, 1, "We know why")
    lines = await house.say("undo 1", place=DIRECT)
    assert "[2] cancelled, too: it was to follow 1" in lines
    await house.pass_time(60)
    assert tree(house) == []
    assert await house.states(2) == ["cancelled"]


async def test_what_is_corrected_keeps_what_is_below_it(build: Build) -> None:
    house = await build(hold="20s", plugin=AbleFakePlugin)
    await house.say("We are dwon", place=DIRECT)
    await reply(house, 1, "We know wyh")
    await house.say("edit 1 We are down", place=DIRECT)
    await house.say("edit 2 We know why", place=DIRECT)
    await house.pass_time(60)
    assert tree(house) == [("We are down", None), ("We know why", "We are down")]


async def test_what_was_to_follow_a_post_that_leaves_an_account_says_so(build: Build) -> None:
    house = await build("mastodon", "x", hold="20s", plugin=AbleFakePlugin)
    incoming = house.incoming("to mastodon,x post We are down", place=DIRECT, names=frozenset({"m1"}))
    await house.chat.desk.handle(incoming)
    await house.quiet()
    await reply(house, 1, "We know why")
    corrected = Gesture(kind=GestureKind.CORRECTION, about="m1")
    lines = await house.say("to mastodon post We are down", place=DIRECT, gesture=corrected)
    assert "[2] doesn't go to x any more: nothing is there to follow" in lines
    await house.pass_time(60)
    assert tree(house) == [("We are down", None), ("We know why", "We are down")]
    assert tree(house, "x") == []


async def test_a_refused_post_keeps_what_is_below_it_waiting(build: Build) -> None:
    house = await build(hold="20s")
    house.platforms["mastodon"].will("post", Fate(before=RefusedError("it says no")))
    await house.say("We are down", place=DIRECT)
    await reply(house, 1, "We know why")
    await house.pass_time(60)
    assert tree(house) == []
    await house.say("retry 1", place=DIRECT)
    await house.pass_time(60)
    assert tree(house) == [("We are down", None), ("We know why", "We are down")]


async def test_what_was_given_up_is_followed_by_nothing(build: Build) -> None:
    house = await build(hold="20s")
    house.platforms["mastodon"].will("post", Fate(before=RefusedError("it says no")))
    await house.say("We are down", place=DIRECT)
    await reply(house, 1, "We know why")
    await house.pass_time(60)
    lines = await house.say("drop 1", place=DIRECT)
    assert "[2] cancelled, too: it was to follow 1" in lines
    lines = await reply(house, 1, "Hello?")
    assert lines == ["[1] isn't anywhere, so nothing can follow it: `post TEXT`. Nothing was posted."]


async def test_nothing_follows_what_only_people_have_found(build: Build) -> None:
    house = await build(hold="20s", plugin=FakePlugin, limits=Limits(text=500))
    house.platforms["mastodon"].will("post", Fate(after=UncertainError("the answer got lost")))
    await house.say("We are down", place=DIRECT)
    await reply(house, 1, "We know why")
    await house.pass_time(120)
    lines = await house.say("found 1", place=DIRECT)
    assert "[2] cancelled, too: it was to follow 1" in lines


async def test_a_kill_keeps_the_thread(build: Build) -> None:
    house = await build(hold="20s")
    await house.say("We are down", place=DIRECT)
    await reply(house, 1, "We know why")
    house.platforms["mastodon"].will("post", Fate(hangs="after"))
    await house.pass_time(20)
    await house.restart()
    await house.pass_time(120)
    assert tree(house) == [("We are down", None), ("We know why", "We are down")]


@pytest.mark.parametrize("text", ["// was it the cache?", "//"])
async def test_a_note_among_colleagues_goes_nowhere(build: Build, text: str) -> None:
    house = await build()
    await house.say("We are down", place=DIRECT)
    assert await reply(house, 1, text) == []
    assert len(tree(house)) == 1


async def test_in_a_room_it_may_be_talk_and_waits_for_a_second_word(build: Build) -> None:
    house = await build()
    await house.say("!post We are down")
    lines = await reply(house, 1, "did anybody look at the cache?", place=ROOM)
    assert lines == ["[2] Talk, or more of 1? `!send 2` posts it below. Nothing was posted."]
    assert await reply(house, 1, "yes, it is fine", place=ROOM, who="tom") == []
    await house.pass_time(60)
    assert len(tree(house)) == 1
    await house.say("!send 2")
    assert tree(house)[-1] == ("did anybody look at the cache?", "We are down")
