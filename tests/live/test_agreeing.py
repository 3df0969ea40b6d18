"""A second person, a correction that crosses their word, and a panic that outlasts a kill, with real clients.

Run with `-s` it prints what was said.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bridge.domain.panic import READING
from tests.servers import gestures
from tests.servers.prosody import Prosody
from tests.servers.scene import Scene, mastodon_account
from tests.servers.session import Session
from tests.servers.sink import Sink

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]

CHECK = "\N{WHITE HEAVY CHECK MARK}"


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with Sink() as sink:
        yield sink


@pytest.fixture
async def scene(prosody: Prosody, sink: Sink, new_name: Callable[[str], str], tmp_path: Path) -> AsyncIterator[Scene]:
    async with Scene(
        server=prosody,
        new_name=new_name,
        folder=tmp_path,
        accounts={"mastodon": mastodon_account(sink.base_url, sink.token)},
        overrides={"posting": {"hold": "0s"}, "policy": {"approval": [{"roles": ["staff"]}]}},
        raj_roles=["staff"],
    ) as made:
        yield made


async def test_a_correction_that_crosses_the_approval(scene: Scene, sink: Sink) -> None:
    raj, ana, room, bot = scene.raj, scene.ana, scene.room, scene.bot.jid
    first = await raj.say(room, "!post EU users can't sign in, we are on it")
    await raj.hears(r"^\[1\] waits for approval \(posts by staff need a second person\): ", where=room)
    asked = await ana.hears(r"^\[1\] raj\S* asks for approval .*\n\| EU users can't sign in, we are on it$", where=bot)
    await raj.correct(room, first, "!post EU and US users can't sign in, we are on it")
    again = await ana.hears(r"^\[1\] \(version 2\) raj\S* asks for approval ", where=bot)

    # She has only now read the first question, and agrees to that.
    mark = ana.mark()
    gestures.react(ana, bot, gestures.name_of(asked, room=False), CHECK, room=False)
    await ana.hears(r"^\[1\] was changed since version 1, so that doesn't count: `approve 1 2` ", where=bot, after=mark)
    assert sink.texts == []

    gestures.react(ana, bot, gestures.name_of(again, room=False), CHECK, room=False)
    await raj.hears(r"^\[1\] is approved by ana\S*, and goes out now$", where=room)
    await sink.has_committed(1)
    assert sink.texts == ["EU and US users can't sign in, we are on it"]

    await raj.say(room, "!post It was the database")
    asked = await ana.hears(r"^\[2\] raj\S* asks for approval ", where=bot)
    await raj.say(room, "!approve 2")
    await raj.hears(r"^`!approve` needs the role approver; you are staff\. Nothing was posted\.$", where=room)
    await ana.tell(bot, "reject 2 the cause isn't known yet")
    await raj.hears(r"^\[2\] is rejected by ana\S*: the cause isn't known yet\. Nothing was posted\.$", where=room)
    assert len(sink.committed) == 1
    Session(raj, room, ana).print("a second person: what the author sees, room")
    Session(ana, bot).print("a second person: what the approver sees, direct chat")


async def test_a_panic_that_outlasts_a_kill(scene: Scene, sink: Sink) -> None:
    raj, ana, room, bot = scene.raj, scene.ana, scene.room, scene.bot.jid
    session = Session(ana, bot)
    await raj.say(room, "!post We are back")
    await ana.hears(r"^\[1\] raj\S* asks for approval ", where=bot)
    await raj.tell(bot, "panic")
    await raj.hears(r"^everything outgoing is frozen .* 0 already on the wire", where=bot)
    await session.tell("approve 1")
    await ana.hears(r"^\[1\] is approved by ana\S*, but everything outgoing is frozen: ", where=bot)
    await ana.tell(bot, "post All is well")
    await ana.hears(r"^\[2\] waits: everything outgoing is frozen\. ", where=bot)
    await scene.kill()

    mark = raj.mark()
    await raj.tell(bot, "resume")
    await raj.hears(r"needs the role approver", where=bot, after=mark)
    mark = ana.mark()
    await session.tell("resume")
    shown = await ana.hears(r"\[1\].*\n(.*\n)*.*\[2\]", where=bot, after=mark)
    assert shown.body.index("[1]") < shown.body.index("[2]"), "not the oldest first"
    assert sink.texts == [], "something flowed before it was shown"
    await session.tell("undo 2")
    await ana.hears(r"^\[2\] cancelled\. Nothing was posted\.$", where=bot, after=mark)
    mark = ana.mark()
    await session.tell("resume")
    await ana.hears(r"^what waits has changed since I showed it: 1 message waits ", where=bot, after=mark)
    await session.tell("resume")
    await ana.hears(r"^the list of what waits was shown only now: ", where=bot, after=mark)
    assert sink.texts == []
    await asyncio.sleep(READING.total_seconds())  # what a person does meanwhile is to read
    await session.tell("resume")
    await ana.hears(r"^everything outgoing continues, 1 message to go$", where=bot, after=mark)
    await sink.has_committed(1)
    assert sink.texts == ["We are back"]
    session.print("panic and resume, direct chat of the approver")
    Session(raj, bot).print("panic and resume, direct chat of the author")


async def test_a_reaction_of_somebody_who_left_the_room(
    prosody: Prosody, sink: Sink, new_name: Callable[[str], str], tmp_path: Path
) -> None:
    """Given while the bridge was away, by an approver of that day; the bridge reads it when they are none any more."""
    async with Scene(
        server=prosody,
        new_name=new_name,
        folder=tmp_path,
        accounts={"mastodon": mastodon_account(sink.base_url, sink.token)},
        overrides={"posting": {"hold": "0s"}, "policy": {"approval": [{}]}},
        room_table={"member_role": "approver"},
    ) as scene:
        raj, ana, room = scene.raj, scene.ana, scene.room
        await ana.say(room, "!post We are back")
        waits = await ana.hears(r"^\[1\] waits for approval ", where=room)
        about = gestures.name_of(waits, room=True)
        await scene.bridge.kill()
        seen = gestures.Deeds(ana)
        gestures.react(raj, room, about, CHECK, room=True)
        await seen.has(room, "reaction", about, CHECK)
        await raj.leave(room)
        await ana.affiliate(room, raj.jid, "none")
        await scene.bridge.start()
        # What is said after it is answered after it.
        await ana.say(room, "!post It was the database")
        await ana.hears(r"^\[2\] waits for approval ", where=room)
        await ana.tell(scene.bot.jid, "audit 1")
        told = await ana.hears(r"(?m)^.*\bpost\b", where=scene.bot.jid)
        assert "approve" not in told.body
        assert sink.texts == []
