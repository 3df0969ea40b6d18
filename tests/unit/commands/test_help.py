from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.commands.grammar import Command, Line, parse
from bridge.commands.verbs import VERBS
from bridge.domain.people import Place
from tests.unit.commands.test_grammar_any import Everything

if TYPE_CHECKING:
    from tests.unit.commands.conftest import Bench


async def test_help_shows_the_verbs_that_one_needs(bench: Bench) -> None:
    lines = (await bench.room("!help"))[0].splitlines()
    assert len(lines) == 8
    assert lines[0].startswith("`!post TEXT` ")
    assert "`!panic`" in "".join(lines)
    approver = (await bench.direct("help", who="tom"))[0]
    assert "`resume`" in approver
    assert "!" not in approver
    assert "what isn't a command is a status" in approver


async def test_help_explains_each_verb(bench: Bench) -> None:
    for verb in VERBS:
        (line,) = await bench.direct(f"help {verb.name}")
        assert line.startswith(f"`{verb.usage}`")
        assert ("not in this version" in line) is not verb.built


@pytest.mark.parametrize("who", ["raj", "tom", "ana", "eve"])
async def test_help_fits_one_screen_for_each_role(bench: Bench, who: str) -> None:
    answers = await bench.room("!help", who=who)
    if who != "eve":
        answers += await bench.direct("help", who=who)
    for answer in answers:
        lines = answer.splitlines()
        assert len(lines) <= 12
        assert max(map(len, lines)) <= 110


@pytest.mark.parametrize("place", list(Place))
async def test_help_has_an_example_that_is_a_command_for_each_verb(bench: Bench, place: Place) -> None:
    bench.configure(templates={"maintenance": "{1} at {2}"})
    for verb in VERBS:
        said = bench.direct(f"help {verb.name}") if place is Place.DIRECT else bench.room(f"!help {verb.name}")
        (answer,) = await said
        example = answer.partition("For example: ")[2].splitlines()[0].strip("`")
        if place in verb.places:
            command = parse(Line(text=f"!{example.removeprefix('!')}", place=place), Everything())
            assert isinstance(command, Command), example
            assert command.verb == ("post" if verb.prefix else verb.name)


async def test_help_explains_an_alias(bench: Bench) -> None:
    assert (await bench.room("!help reply"))[0].startswith("`!r ID TEXT` (also `reply`): answers")


async def test_help_all_names_every_verb(bench: Bench) -> None:
    (text,) = await bench.room("!help all")
    words = text.replace(",", " ").split()
    assert [verb.name for verb in VERBS if verb.name not in words] == []


async def test_help_of_no_verb(bench: Bench) -> None:
    lines = await bench.room("!help frobnicate")
    assert len(lines) == 1
    assert "frobnicate" in lines[0]


async def test_me_tells_who_one_is_and_what_one_may_do(bench: Bench) -> None:
    assert await bench.direct("me") == [
        (
            "You are raj (raj@example.org), staff in direct chats, from the configuration. You may say: post, send, "
            "undo, edit, repeat, fav, alt, retry, found, drop, at, queue, move, inbox, r, say, claim, release, note, "
            "done, context, url, last, stats, panic, set, help, me. "
            "What you post here goes to mastodon, x, 20 s after you wrote it, unless you `undo` it. "
            "Times that you say are in UTC."
        )
    ]
    sales = await bench.room("!me", who="tom", room="sales@rooms.example.org")
    assert sales[0].endswith("What you post here goes to x, at once. Times that you say are in UTC.")


async def test_me_tells_a_guest_of_a_room_that_it_has_no_role(bench: Bench) -> None:
    assert await bench.room("!me", who="eve") == [
        (
            "You are eve (eve@example.org), without a role in this room. You may do nothing here: "
            "this room's members are staff, but you aren't one of them. Ask an admin for a role."
        )
    ]
    assert await bench.room("!me", who="eve", room="sales@rooms.example.org") == [
        (
            "You are eve (eve@example.org), without a role in this room. You may do nothing here: "
            "nobody has given you a role. Ask an admin for a role."
        )
    ]
    member = (await bench.room("!me", who="eve", affiliation="member"))[0]
    assert member.startswith("You are eve (eve@example.org), staff in this room, as a member of this room. You may")
    banned = (await bench.room("!me", who="ana", affiliation="outcast"))[0]
    assert "You may do nothing here: you are banned from this room." in banned
    assert await bench.count("audit") == 0


async def test_help_tells_a_guest_of_a_room_what_little_there_is(bench: Bench) -> None:
    (text,) = await bench.room("!help", who="eve")
    assert "`!me`" in text
    assert "post" not in text
