"""The lines that told of an item show how it stands, and are taken back with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.delivery import DIRECT
from bridge.domain.items import Deleted
from bridge.plugin import Cursor, Limits, UncertainError
from bridge.testing import AbleFakePlugin, Fate

if TYPE_CHECKING:
    from bridge.settings import Settings
    from tests.flow.conftest import Build, House

ROOM = "ops@rooms.example.org"
SECOND_ROOM = "sales@rooms.example.org"
EYES, CHECK = "\N{EYES}", "\N{WHITE HEAVY CHECK MARK}"
LINE = "[1] @kim@platform.example: any ETA?"


def everywhere(settings: Settings) -> Settings:
    rooms = [room.model_copy(update={"hear_from": None}) for room in settings.rooms]
    return settings.model_copy(update={"rooms": tuple(rooms)})


async def heard(build: Build, **options: Any) -> House:
    house = await build(plugin=AbleFakePlugin, change=everywhere, **options)
    house.platforms["mastodon"].say("any ETA?")
    await house.quiet()
    assert house.heard() == [LINE]
    return house


def done(house: House, room: str = ROOM) -> list[tuple[str, str]]:
    """Return what was done to the lines of a room since this was last asked, each as its kind and emoji."""
    mine = [one for one in house.chat.done if one[0] == room]
    assert all(one[3] == LINE for one in mine)
    house.chat.done = [one for one in house.chat.done if one[0] != room]
    return [(kind, emoji) for _, kind, emoji, _ in mine]


async def test_a_claim_its_end_and_what_is_done_are_shown_wherever_it_was_told(build: Build) -> None:
    house = await heard(build)
    await house.say("!claim 1")
    assert (done(house), done(house, SECOND_ROOM)) == ([("reaction", EYES)], [("reaction", EYES)])
    await house.say("!claim 1", who="tom")
    await house.say("!claim 1")
    assert done(house) == []
    await house.say("release 1", place=DIRECT)
    assert (done(house), done(house, SECOND_ROOM)) == ([("reaction", "")], [("reaction", "")])
    await house.say("!done 1")
    assert done(house) == [("reaction", CHECK)]


async def test_an_answer_is_shown_when_it_is_there_and_its_end_when_it_is_taken_back(build: Build) -> None:
    house = await heard(build)
    await house.say("!claim 1")
    await house.say("!r 1 soon")
    assert done(house) == [("reaction", EYES), ("reaction", CHECK)]
    await house.say("!undo 2")
    assert done(house) == [("reaction", "")]


async def test_an_answer_that_people_found_counts(build: Build) -> None:
    house = await heard(build, limits=Limits(text=500), findable=False)
    house.platforms["mastodon"].will("post", Fate(after=UncertainError("the connection broke")))
    await house.say("!r 1 soon")
    await house.pass_time(120)
    assert (await house.states(2), done(house)) == (["asked"], [])
    await house.say("!found 2")
    assert done(house) == [("reaction", CHECK)]


async def test_a_second_answer_that_is_taken_back_leaves_the_first_one(build: Build) -> None:
    house = await heard(build)
    await house.say("!r 1 soon")
    await house.say("!r 1 very soon")
    assert done(house) == [("reaction", CHECK)]
    await house.say("!undo 3")
    assert done(house) == []
    await house.say("!undo 2")
    assert done(house) == [("reaction", "")]


async def test_what_its_author_takes_back_is_retracted_and_told(build: Build) -> None:
    house = await heard(build)
    platform = house.platforms["mastodon"]
    item = platform.items[-1]
    platform.change(item, "any ETA? please")
    await house.quiet()
    await house.say("!claim 1")
    house.heard()
    house.chat.done.clear()
    platform.hear(Deleted(id=item.id, cursor=Cursor("")))
    await house.quiet()
    retracted = [one[3] for one in house.chat.done if one[0] == ROOM and one[1] == "retraction"]
    assert retracted == [LINE, "[1] @kim@platform.example changed it: any ETA? please"]
    assert house.heard() == ["[1] @kim@platform.example took it back"]
    house.chat.done.clear()
    await house.say("!release 1")
    assert house.chat.done == []


async def test_changes_while_nobody_hears_are_one(build: Build) -> None:
    house = await heard(build)
    house.chat.leave(SECOND_ROOM)
    for text in ("!claim 1", "!release 1", "!claim 1", "!done 1"):
        await house.say(text)
    assert done(house) == [("reaction", EYES), ("reaction", ""), ("reaction", EYES), ("reaction", CHECK)]
    await house.chat.arrive(SECOND_ROOM)
    await house.quiet()
    assert done(house, SECOND_ROOM) == [("reaction", CHECK)]


async def test_what_a_kill_leaves_owed_is_done_later(build: Build) -> None:
    house = await heard(build)
    house.chat.leave(ROOM)
    await house.say("claim 1", place=DIRECT)
    assert done(house) == []
    await house.restart()
    assert done(house) == [("reaction", EYES)]
