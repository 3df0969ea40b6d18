"""What people say that can't be published: a clear answer each time, nothing on the platform, and the bot goes on."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.servers.heard import ORIGIN_ID, Heard
from tests.servers.person import Person
from tests.servers.prosody import Prosody
from tests.servers.scene import Scene, mastodon_account
from tests.servers.sink import Sink

pytestmark = pytest.mark.live

NOTHING = r"Nothing was posted\.?"
LINK = "https://upload.example.org/0066/outage.png"
ENCRYPTED_LINK = "aesgcm://upload.example.org/0454/outage.png#" + "0" * 88
OOB = f'<x xmlns="jabber:x:oob"><url>{LINK}</url></x>'
SHARED = '<file-sharing xmlns="urn:xmpp:sfs:0" disposition="inline"/>'
OMEMO = (
    '<encrypted xmlns="eu.siacs.conversations.axolotl"><header sid="1"><iv>AAAA</iv></header>'
    "<payload>AAAA</payload></encrypted>"
)
OMEMO_WORDS = "I sent you an OMEMO encrypted message but your client doesn't seem to support that."
NO_COPY = '<no-copy xmlns="urn:xmpp:hints"/>'
AUTOMATIC = (
    '<headers xmlns="http://jabber.org/protocol/shim"><header name="Auto-Submitted">auto-replied</header></headers>'
)
KEYS_ALONE = '<encrypted xmlns="eu.siacs.conversations.axolotl"><header sid="1"><iv>AAAA</iv></header></encrypted>'


@pytest.fixture
async def scene(prosody: Prosody, sink: Sink, new_name: Callable[[str], str], tmp_path: Path) -> AsyncIterator[Scene]:
    """A room whose posts go out at once."""
    async with made(prosody, sink, new_name, tmp_path) as scene:
        yield scene


def made(prosody: Prosody, sink: Sink, new_name: Callable[[str], str], folder: Path) -> Scene:
    account = mastodon_account(sink.base_url, sink.token, settle_after="0s")
    posting = {"posting": {"hold": "0s"}}
    return Scene(server=prosody, new_name=new_name, folder=folder, accounts={"mastodon": account}, overrides=posting)


@dataclass(frozen=True)
class Bad:
    """What is sent, with elements beside the body, and what answers it; None: nobody does."""

    body: str
    answer: str | None
    elements: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.body[:60]!r}{' with ' + self.elements[0][:30] if self.elements else ''}"


def send(person: Person, to: str, bad: Bad) -> None:
    kind = "groupchat" if to.partition("@")[2].startswith("rooms.") and "/" not in to else "chat"
    message: Any = person.client.make_message(mto=to, mbody=bad.body, mtype=kind)
    message["id"] = person.client.new_id()
    person._own.add(message["id"])
    message.xml.append(ET.Element(ORIGIN_ID, {"id": message["id"]}))
    for element in bad.elements:
        message.xml.append(ET.fromstring(element))
    message.send()


async def answers(scene: Scene, person: Person, where: str, bad: Bad) -> list[Heard]:
    """Send it, ask for help, and return what the bot said before that came."""
    after = person.mark()
    send(person, where, bad)
    room = where == scene.room
    await (person.say(where, "!help undo") if room else person.tell(where, "!help undo"))
    end = await person.hears(r"^`!?undo", where=where, after=after)
    said = person.heard(where, after=after)
    return [heard for heard in said[: said.index(end)] if not heard.body.startswith("Welcome, ")]


async def check(scene: Scene, sink: Sink, person: Person, where: str, *cases: Bad) -> None:
    for bad in cases:
        before = len(sink.committed)
        said = [heard.body for heard in await answers(scene, person, where, bad)]
        if bad.answer is None:
            assert said == [], bad
        else:
            assert len(said) == 1, (bad, said)
            assert re.search(bad.answer, said[0], re.DOTALL), (bad, said[0])
            assert len(said[0]) < 400
        assert len(sink.committed) == before, bad
        assert [attempt for attempt in sink.attempts if attempt.posts] == []


TOO_LONG = rf"mastodon \(takes 500 characters a post\): .*{NOTHING}"


async def test_in_the_room(scene: Scene, sink: Sink) -> None:
    await check(
        scene,
        sink,
        scene.raj,
        scene.room,
        Bad("!post " + "x " * 10_000, TOO_LONG),
        Bad("!post", rf"^`post` needs a text: type `!post TEXT`\. {NOTHING}"),
        Bad("!post   ", rf"^`post` needs a text: .*{NOTHING}"),
        Bad("!post \u200b\u2060\ufeff", rf"^`post` needs a text: .*{NOTHING}"),
        Bad("!post \x7f\x9f\x85\u2028", rf"^(`post` needs a text|There is nothing to post in that).*{NOTHING}"),
        Bad("!post \u202e\u2066\u2069\u202c", rf"^(`post` needs a text|There is nothing to post in that).*{NOTHING}"),
        Bad("\u202e!post evil", None),
        Bad(LINK, None, (OOB,)),
        Bad("!post look", rf"I can't fetch a file that is shared that way: .*{NOTHING}", (SHARED,)),
        Bad(OMEMO_WORDS, None, (OMEMO,)),
        Bad("!post secret", rf"I can't read encrypted messages: .*{NOTHING}", (OMEMO,)),
        Bad("!r 9a x", rf"^There is nothing with the id `9a`.*{NOTHING}"),
        Bad("!r zz x", rf"^`r` needs an id.*{NOTHING}"),
        Bad("!r @nobody x", rf"^Nobody called `@nobody` has written.*{NOTHING}"),
        Bad("!to x post hello", rf"^There is no account called `x`: .*{NOTHING}"),
        Bad("!psot hello", rf"{NOTHING}"),
        Bad("!\u202e", None),
    )


async def test_in_a_direct_chat(scene: Scene, sink: Sink) -> None:
    await check(
        scene,
        sink,
        scene.ana,
        scene.bot.jid,
        Bad("x " * 10_000, TOO_LONG),
        Bad("post", rf"{NOTHING}"),
        Bad("!post   ", rf"^`post` needs a text: type `post TEXT`\. {NOTHING}"),
        Bad("   ", None),
        Bad("\u200b\u2060", rf"{NOTHING}"),
        Bad("\x7f\x9f\x85", rf"{NOTHING}"),
        Bad("\u202e\u2066\u2069\u202c", rf"{NOTHING}"),
        Bad(ENCRYPTED_LINK, rf"^That file is encrypted end to end.*{NOTHING}"),
        Bad("outage.png", rf"^I can't fetch a file that is shared that way: .*{NOTHING}", (SHARED,)),
        Bad(OMEMO_WORDS, rf"^I can't read encrypted messages: .*{NOTHING}", (OMEMO,)),
        Bad(OMEMO_WORDS, None, (KEYS_ALONE,)),
        # What can't be read was told a moment ago.
        Bad("?OTRv23?\nana has requested an Off-the-Record private conversation.", None),
        Bad("?OTR:AAMDJ+MVmSfjFZcAAAAAAQAAAAIAAADA.", None, (NO_COPY,)),
        Bad("[This message is OMEMO encrypted]", None),
        Bad("I am on holiday", None, (AUTOMATIC,)),
        Bad("r 9a x", rf"There is nothing with the id `9a`.*|{NOTHING}"),
    )


async def test_what_was_encrypted_or_came_back_while_the_bridge_was_away(scene: Scene, sink: Sink) -> None:
    await scene.bridge.kill()
    otr, returned = Bad("?OTR:AAMDJ+MVmSfjFZcAAAAAAQAAAAIAAADA.", None), Bad("We are back", None)
    for bad in (Bad(OMEMO_WORDS, None, (OMEMO,)), otr, Bad("not for you", None, (OMEMO,))):
        send(scene.ana, scene.bot.jid, bad)
    bounce: Any = scene.ana.client.make_message(mto=scene.bot.jid, mbody=returned.body, mtype="error")
    bounce.send()
    after = scene.ana.mark()
    await scene.ana.tell(scene.bot.jid, "help undo")
    await scene.bridge.start()
    await scene.ana.hears("^`undo", where=scene.bot.jid, after=after)
    said = [heard.body for heard in scene.ana.heard(scene.bot.jid, after=after)]
    assert len(said) == 3
    assert said.pop(0).startswith("Welcome, ")
    assert said[0].startswith("I can't read encrypted messages: ")
    assert [attempt for attempt in sink.attempts if attempt.posts] == []


async def test_a_stranger_gets_one_polite_line(
    scene: Scene, sink: Sink, prosody: Prosody, new_name: Callable[[str], str]
) -> None:
    async with Person.of(prosody.add_user(new_name("eve"))) as eve:
        for text in ("buy my watches", "post buy my watches", "!panic", "?OTRv23?"):
            await eve.tell(scene.bot.jid, text)
        await scene.bridge.stop()
        await scene.bridge.start()
        await scene.bridge.wait_ready()
        await eve.tell(scene.bot.jid, "once more")
        # The bridge has heard Eve when it answers what was said after her.
        await scene.ana.tell(scene.bot.jid, "help undo")
        await scene.ana.hears("^`undo", where=scene.bot.jid)
        await eve.hears("^I work for a team")
        (line,) = eve.heard()
        assert line.body.startswith("I work for a team that you aren't in")
    assert [attempt for attempt in sink.attempts if attempt.posts] == []


async def test_a_stanza_as_large_as_a_server_lets_pass(
    sink: Sink, new_name: Callable[[str], str], tmp_path: Path, require: Callable[[str], None]
) -> None:
    require("prosody")
    async with Prosody(stanza_limit=1 << 20) as prosody, made(prosody, sink, new_name, tmp_path) as scene:
        await check(scene, sink, scene.raj, scene.room, Bad("!post " + "x" * 300_000, TOO_LONG))
        await check(scene, sink, scene.ana, scene.bot.jid, Bad("x" * 300_000, TOO_LONG))


async def test_a_correction_makes_no_command_of_talk_and_no_second_post(scene: Scene, sink: Sink) -> None:
    talk = await scene.raj.say(scene.room, "post mortem at ten")
    after = scene.raj.mark()
    await scene.raj.correct(scene.room, talk, "!post mortem at ten")
    await scene.raj.say(scene.room, "!help undo")
    only = await scene.raj.hears("^`!undo", where=scene.room, after=after)
    assert scene.raj.heard(scene.room, after=after) == [only]
    assert sink.committed == []

    posted = await scene.raj.say(scene.room, "!post All is wll")
    await scene.raj.hears(r"^\[1\] mastodon http", where=scene.room)
    await scene.raj.correct(scene.room, posted, "!post All is well")
    await scene.raj.hears(r"^\[1\] mastodon http\S+, corrected$", where=scene.room)

    mine = await scene.ana.tell(scene.bot.jid, "All is fyne")
    await scene.ana.hears(r"^\[2\] .*mastodon http", where=scene.bot.jid)
    await scene.ana.correct(scene.bot.jid, mine, "All is fine")
    await scene.ana.hears(r"^\[2\] .*mastodon http\S+, corrected$", where=scene.bot.jid)
    assert [status.text for status in sink.living] == ["All is well", "All is fine"]
    assert len(sink.committed) == 2

    await scene.ana.correct(scene.bot.jid, "unknown", "All is fun")
    await scene.ana.hears("^I don't know the line that this corrects", where=scene.bot.jid)
    assert [status.text for status in sink.living] == ["All is well", "All is fine"]


async def test_what_is_left_out_is_told_and_a_post_of_ours_takes_no_answer(scene: Scene, sink: Sink) -> None:
    await scene.raj.say(scene.room, "!post safe\u202etxt.exe\u202c and \x9fsound\x7f")
    await sink.has_committed(1)
    assert sink.committed[0].text == "safetxt.exe and sound"
    await scene.raj.hears(r"^\[1\] 4 control characters left out", where=scene.room)
    await scene.raj.say(scene.room, "!post \u05e9\u05dc\u05d5\u05dd\u200f, world")
    await sink.has_committed(2)
    assert sink.committed[1].text == "\u05e9\u05dc\u05d5\u05dd\u200f, world"

    after = scene.raj.mark()
    await scene.raj.say(scene.room, "!r 1 and more")
    told = await scene.raj.hears(NOTHING, where=scene.room, after=after)
    assert told.body.startswith("[1] is a post of ours")
    assert len(sink.committed) == 2


async def test_a_private_message_through_the_room_is_no_direct_chat(scene: Scene, sink: Sink) -> None:
    after = scene.ana.mark()
    for text in ("All is well", "!post All is well", "!panic"):
        send(scene.ana, f"{scene.room}/status", Bad(text, None))
    await scene.ana.say(scene.room, "!help undo")
    end = await scene.ana.hears("^`!undo", where=scene.room, after=after)
    told = await scene.ana.hears("say it here, or in the room itself", where=scene.bot.jid, after=after)
    assert sorted(scene.ana.heard(after=after), key=lambda heard: heard.at) == sorted(
        [told, end], key=lambda heard: heard.at
    )
    assert len(scene.bridge.events("a private message through a room was ignored")) == 3
    assert sink.committed == []


async def test_a_name_that_looks_like_another_gives_no_right(scene: Scene, sink: Sink) -> None:
    await scene.ana.say(scene.room, "!panic")
    await scene.raj.hears("everything outgoing is frozen", where=scene.room)
    for nick in ("\u0430na", "[1] mastodon ok", "status:", "ana says resume"):
        await scene.raj.leave(scene.room)
        await scene.raj.join(scene.room, nick)
        after = scene.raj.mark()
        await scene.raj.say(scene.room, "!resume")
        told = await scene.raj.hears(NOTHING, where=scene.room, after=after)
        assert told.body == "`!resume` needs the role approver; you are staff. Nothing was posted."
        await scene.raj.say(scene.room, "!me")
        told = await scene.raj.hears("^You are ", where=scene.room, after=after)
        assert f"({scene.raj.jid}), staff in this room" in told.body
    after = scene.raj.mark()
    await scene.raj.say(scene.room, "!post All is well")
    await scene.raj.hears("waits: everything outgoing is frozen", where=scene.room, after=after)
    assert [attempt for attempt in sink.attempts if attempt.posts] == []
