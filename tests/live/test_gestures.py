"""Gestures of real clients in rooms and direct chats, on both servers, also around a restart; and forged ones."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers import gestures
from tests.servers.person import Person
from tests.servers.scene import Scene, mastodon_account
from tests.servers.sink import Sink
from tests.servers.xmpp import XmppServer

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]

SERVERS = ["prosody", pytest.param("ejabberd", marks=pytest.mark.servers)]
EYES, CHECK = "\N{EYES}", "\N{WHITE HEAVY CHECK MARK}"
AGAIN, STAR = "\N{CLOCKWISE RIGHTWARDS AND LEFTWARDS OPEN CIRCLE ARROWS}", "\N{WHITE MEDIUM STAR}"


@dataclass(kw_only=True)
class Stage:
    """Raj's conversation with the bot, in which all is said, and Ana, who forges."""

    scene: Scene
    sink: Sink
    room: bool

    @property
    def where(self) -> str:
        return self.scene.room if self.room else self.scene.bot.jid

    @property
    def raj(self) -> Person:
        return self.scene.raj

    async def say(self, text: str) -> str:
        if self.room:
            return await self.raj.say(self.where, f"!{text}")
        return await self.raj.tell(self.where, text)

    async def hears(self, what: str, *, after: int = 0) -> str:
        """Wait for a message of the bot's, and return the name by which a client refers to it."""
        heard = await self.raj.hears(what, where=self.where, after=after)
        return gestures.name_of(heard, room=self.room)

    def own(self, message_id: str) -> str:
        """Return the name by which a client refers to an own message, to take it back."""
        if not self.room:
            return message_id
        return next(heard.stanza_id or "" for heard in self.raj.inbox if heard.own and heard.id == message_id)

    async def item(self, text: str) -> str:
        """Have a customer write, and return the name of a message of the bot's about it."""
        await self.sink.is_listened_to()
        self.sink.mention(text)
        if self.room:
            return await self.hears(text)
        await self.raj.hears(text, where=self.scene.room)
        after = self.raj.mark()
        await self.say(f"note @kim seen: {text}")
        return await self.hears("noted", after=after)

    def react(self, about: str, *emojis: str) -> None:
        gestures.react(self.raj, self.where, about, *emojis, room=self.room)

    def reply(self, about: str, text: str) -> None:
        gestures.reply(self.raj, self.where, about, "any ETA?", text, room=self.room)

    def retract(self, about: str) -> None:
        gestures.retract(self.raj, self.where, about, room=self.room)

    def forge(self, message_id: str, about: str, item: str) -> None:
        """Let Ana do what only Raj may, by every id that she can see, as herself and in the same place."""
        ana = self.scene.ana
        for name in (message_id, about):
            gestures.forge(ana, self.where, name, "!post hacked", room=self.room)
            gestures.retract(ana, self.where, name, room=self.room)
        gestures.react(ana, self.where, item, room=self.room)

    async def forged_nothing(self) -> None:
        """Wait until the bot has worked off what Ana has forged."""
        await (self.scene.ana.say(self.where, "!me") if self.room else self.scene.ana.tell(self.where, "me"))
        await self.scene.ana.hears("^You are ana", where=self.where, after=self.mark)
        self.mark = self.scene.ana.mark()

    mark: int = 0


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> XmppServer:
    return request.getfixturevalue(request.param)


@pytest.fixture
async def scene(
    request: pytest.FixtureRequest, server: XmppServer, new_name: Callable[[str], str], tmp_path: Path
) -> AsyncIterator[Scene]:
    async with Sink(keys=False, is_mastodon=False) as sink:
        account = mastodon_account(sink.base_url, sink.token, settle_after="0s", deadline="2s")
        async with Scene(
            server=server,
            raj_roles=["staff"],
            new_name=new_name,
            folder=tmp_path,
            accounts={"mastodon": account},
            overrides={"posting": {"hold": "10m"}},
        ) as made:
            request.node.sink = sink
            yield made


@pytest.fixture(params=["room", "direct"])
def stage(request: pytest.FixtureRequest, scene: Scene) -> Stage:
    return Stage(scene=scene, sink=request.node.sink, room=request.param == "room")


async def test_what_customers_say_is_claimed_answered_and_done(stage: Stage) -> None:
    name = await stage.item("any ETA?")
    stage.react(name, EYES, "\N{THUMBS UP SIGN}")
    await stage.hears(r"^\[1\] is raj(-\d+)?'s, 0:")
    stage.reply(name, "in 20 minutes")
    await stage.hears(r"^\[2->1\] to @kim, from mastodon, as raj")
    await stage.say("send")
    await stage.sink.has_committed(1)
    assert stage.sink.texts == [f"@kim@{stage.sink.base_url.removeprefix('http://')} in 20 minutes"]
    other = await stage.item("thanks!")
    stage.react(other, CHECK)
    await stage.hears(r"^\[3\] is done, says raj")


async def test_what_customers_say_is_repeated_and_marked(stage: Stage) -> None:
    name = await stage.item("all is well again, thanks!")
    stage.react(name, AGAIN, STAR)
    await stage.hears(r"^\[2->1\] repeats @kim, from mastodon, as raj(-\d+)? in 10 min: ")
    await stage.hears(r"^\[3->1\] favourites @kim, from mastodon, as raj(-\d+)? in 10 min: ")
    assert (stage.sink.boosts, stage.sink.favourites) == ({}, set())
    await stage.say("send 2")
    await stage.hears(r"^\[2->1\] repeats @kim, .*: mastodon http\S+$")
    stage.react(name, AGAIN)
    await stage.hears(r"^\[3->1\] cancelled")
    assert (len(stage.sink.boosts), stage.sink.favourites) == (1, set())
    stage.react(name, AGAIN, STAR)
    await stage.hears(r"^\[4->1\] favourites @kim")
    await stage.say("send 4")
    await stage.hears(r"^\[4->1\] favourites @kim, .*: mastodon http\S+$")
    stage.react(name, STAR)
    await stage.hears(r"^\[2->1\] repeats @kim, .*: mastodon deleted$")
    assert (stage.sink.boosts, len(stage.sink.favourites)) == ({}, 1)


async def test_the_line_shows_how_it_stands_and_is_taken_back_with_what_it_tells(scene: Scene, stage: Stage) -> None:
    deeds = gestures.Deeds(stage.raj)
    await stage.sink.is_listened_to()
    stage.sink.mention("hello")
    said = stage.sink.mention("any ETA?")
    line = gestures.name_of(await stage.raj.hears("any ETA?", where=scene.room), room=True)
    await stage.say("claim 2")
    await deeds.has(scene.room, "reaction", line, EYES)
    await scene.bridge.kill()
    await scene.bridge.start()
    await stage.say("release 2")
    await deeds.has(scene.room, "reaction", line)
    await stage.say("r 2 soon")
    await stage.hears(r"^\[3->2\] to @kim")
    await stage.say("send")
    await deeds.has(scene.room, "reaction", line, CHECK)
    assert [emojis for _, _, about, emojis in deeds.seen if about == line] == [(EYES,), (), (CHECK,)]
    stage.sink.take_back(said)
    await deeds.has(scene.room, "retraction", line)
    await stage.raj.hears(r"took it back$", where=scene.room)
    first = gestures.name_of(await stage.raj.hears("hello", where=scene.room), room=True)
    await stage.say("claim 1")
    await deeds.has(scene.room, "reaction", first, EYES)
    # What was sent before that is seen to have arrived, once each, though none of it has a body.
    await scene.bridge.stop()
    with closing(sqlite3.connect(scene.folder / "statusbridge.db")) as store:
        deeds_owed = store.execute(
            "SELECT kind, state, sends FROM notice WHERE about IS NOT NULL ORDER BY id"
        ).fetchall()
    assert deeds_owed[:-1] == [("reaction", "done", 1)] * 3 + [("retraction", "done", 1)]


async def test_the_platform_is_asked_for_the_conversation(stage: Stage) -> None:
    await stage.sink.is_listened_to()
    question = stage.sink.mention("any ETA?")
    stage.sink.mention("same here", from_="lee", in_reply_to=question.id)
    await stage.raj.hears("same here", where=stage.scene.room)
    after = stage.raj.mark()
    await stage.say("context 2")
    await stage.hears("asking mastodon for the conversation around it$", after=after)
    heard = await stage.raj.hears(r"^\[2\] on mastodon, 2 messages:", where=stage.where, after=after)
    lines = heard.body.splitlines()
    assert [line.partition(" ago, ")[2].partition(": ")[2] for line in lines[1:]] == [
        "any ETA?",
        "same here",
    ]
    assert [line.split("]")[0] for line in lines[1:]] == ["| [1", "| [2"]


async def test_a_draft_is_corrected_and_taken_back(stage: Stage) -> None:
    first = await stage.say("post We are dwon")
    await stage.hears(r"^\[1\] 11 characters")
    line = "!post We are down, sorry" if stage.room else "post We are down, sorry"
    await stage.raj.correct(stage.where, first, line)
    await stage.hears(r"^\[1\] 18 characters")
    second = await stage.say("post Never mind")
    await stage.hears(r"^\[2\] 10 characters")
    stage.retract(stage.own(second))
    await stage.hears(r"^\[2\] cancelled")
    await stage.say("send 1")
    await stage.sink.has_committed(1)
    assert stage.sink.texts == ["We are down, sorry"]


async def test_what_is_published_is_edited_and_deleted(stage: Stage) -> None:
    first = await stage.say("post We are dwon")
    await stage.hears(r"^\[1\] 11 characters")
    await stage.say("send")
    await stage.sink.has_committed(1)
    await stage.hears(r"^\[1\] mastodon http\S+$")
    await stage.raj.correct(stage.where, first, "!post We are down" if stage.room else "post We are down")
    await stage.hears(r"^\[1\] mastodon http\S+, corrected$")
    assert [status.text for status in stage.sink.living] == ["We are down"]
    stage.retract(stage.own(first))
    await stage.hears(r"^\[1\] mastodon deleted$")
    assert stage.sink.living == []
    assert len(stage.sink.committed) == 1


async def test_gestures_while_the_bot_is_away_and_after(stage: Stage) -> None:
    name = await stage.item("any ETA?")
    first = await stage.say("post We are dwon")
    await stage.hears(r"^\[2\] 11 characters")
    await stage.scene.bridge.stop()
    stage.react(name, EYES)
    await stage.raj.correct(stage.where, first, "!post We are down" if stage.room else "post We are down")
    await stage.scene.bridge.start()
    await stage.hears(r"^\[1\] is raj(-\d+)?'s, ")
    await stage.say("send 2")
    await stage.sink.has_committed(1)
    assert stage.sink.texts == ["We are down"]
    after = stage.raj.mark()
    stage.react(name)
    await stage.hears(r"^\[1\] is open again$", after=after)


async def test_every_gesture_made_while_the_bot_is_away_is_done_once(stage: Stage) -> None:
    asked = await stage.item("any ETA?")
    stage.react(asked, EYES)
    await stage.hears(r"^\[1\] is raj(-\d+)?'s, 0:")
    await stage.say("post We are down")
    ours = await stage.hears(r"^\[2\] 11 characters")
    await stage.say("send")
    await stage.sink.has_committed(1)
    held = await stage.say("post Never mind")
    await stage.hears(r"^\[3\] 10 characters")
    thanks = await stage.item("thanks!")
    own = stage.own(held)
    await stage.scene.bridge.stop()
    stage.reply(asked, "in 20 minutes")
    stage.retract(own)
    stage.react(thanks, AGAIN, CHECK)
    stage.reply(ours, "We know why")
    await stage.scene.bridge.start()
    await stage.hears(r"^\[5->1\] to @kim, from mastodon, as raj")
    await stage.hears(r"^\[3\] cancelled")
    await stage.hears(r"^\[4\] is done, says raj")
    await stage.hears(r"^\[6->4\] repeats @kim")
    await stage.hears(r"^\[7\] (11 characters|Talk, or more of 2\?)")
    for entry in (5, 6, 7):
        await stage.say(f"send {entry}")
    await stage.sink.has_committed(3)
    await stage.hears(r"^\[6->4\] repeats @kim, .*: mastodon http\S+$")
    first, answer, below = stage.sink.living
    assert (answer.text.partition(" ")[2], below.text, below.in_reply_to) == ("in 20 minutes", "We know why", first.id)
    assert len(stage.sink.boosts) == 1


async def test_nobody_else_can_do_it(stage: Stage) -> None:
    name = await stage.item("any ETA?")
    stage.react(name, EYES)
    await stage.hears(r"^\[1\] is raj(-\d+)?'s, 0:")
    first = await stage.say("post We are down")
    await stage.hears(r"^\[2\] 11 characters")
    own = stage.own(first)
    stage.forge(first, own, name)
    await stage.forged_nothing()
    await stage.scene.bridge.stop()
    stage.forge(first, own, name)
    await stage.scene.bridge.start()
    await stage.forged_nothing()
    await stage.say("send 2")
    await stage.sink.has_committed(1)
    assert stage.sink.texts == ["We are down"]
    assert stage.raj.heard() == [heard for heard in stage.raj.heard() if "open again" not in heard.body]


async def test_a_reply_to_ones_own_post_goes_on_below_it(stage: Stage) -> None:
    await stage.say("post We are down")
    name = await stage.hears(r"^\[1\] 11 characters")
    await stage.say("send")
    await stage.sink.has_committed(1)
    gestures.reply(stage.scene.ana, stage.where, name, "We are down", "hacked", room=stage.room)
    await stage.forged_nothing()
    stage.reply(name, "We know why")
    # What Ana says directly is a draft of her own.
    await stage.hears(r"^\[2\] Talk, or more of 1\?" if stage.room else r"^\[3\] 11 characters")
    await stage.say("send 2" if stage.room else "send")
    await stage.sink.has_committed(2)
    first, second = stage.sink.living
    assert (first.text, second.text) == ("We are down", "We know why")
    assert second.in_reply_to == first.id
