"""What people do to the bot in its room, on both servers: it is told, it comes back, and nothing is lost or doubled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from bridge.domain.panic import READING
from tests.faults.xmpp.conftest import Line
from tests.servers import owner
from tests.servers.person import Person
from tests.servers.prosody import Prosody

pytestmark = [pytest.mark.live, pytest.mark.servers, pytest.mark.timeout(240)]

NewLine = Callable[..., Coroutine[Any, Any, Line]]

IN = "in the room"


async def comes_back(line: Line, times: int = 2) -> None:
    bridge = line.scene.bridge
    await bridge.logs(lambda entry: entry["event"] == IN and len(bridge.events(IN)) >= times, patience=90)


async def test_the_nick_is_taken(new_line: NewLine) -> None:
    line = await new_line()
    burst, bridge = line.burst(10), line.scene.bridge
    await bridge.stop()
    async with Person.of(line.server.login(line.scene.raj.jid.partition("@")[0]), resource="other") as other:
        await other.join(line.scene.room, "status")
        await burst.say(1, 5)
        line.mended()
        await bridge.start()
        await burst.say(6, 10)
        await line.holds(burst.texts, told="nothing: it speaks under the next nick")
        nicks = {heard.nick for heard in line.scene.raj.heard(line.scene.room) if heard.body.startswith("[")}
        assert nicks == {"status_"}
        assert line.told() == line.admins_told() == []


async def test_a_kick(new_line: NewLine) -> None:
    line = await new_line()
    burst, ana, room = line.burst(10), line.scene.ana, line.scene.room
    await burst.say(1, 5)
    await owner.kick(ana, room, "status", "too loud")
    line.mended()
    await burst.say(6, 10)
    await line.holds(burst.texts, told="the admins: that it was kicked and why, and that it is back")
    await ana.hears(f"^I am in the room {room} again$", where=line.scene.bot.jid)
    assert line.admins_told() == [
        f"I am no longer in the room {room}: kicked (too loud). I try to go back in",
        f"I am in the room {room} again",
    ]
    assert line.told() == []


async def test_a_ban_that_is_lifted(new_line: NewLine) -> None:
    line = await new_line()
    burst, ana, room, bot = line.burst(10), line.scene.ana, line.scene.room, line.scene.bot.jid
    await burst.say(1, 5)
    await line.settled(burst, 5)
    await ana.affiliate(room, bot, "outcast")
    await ana.hears(f"^I am no longer in the room {room}: banned", where=bot)
    await burst.say(6, 10)
    if isinstance(line.server, Prosody):
        # ejabberd 23.01 lets somebody whom it has just banned in again: it remembers the role of before.
        await line.scene.bridge.logs(lambda entry: entry["event"].startswith("can't enter the room"))
    await ana.affiliate(room, bot, "admin")
    # An admin's invitation makes it try at once, instead of after the pause.
    owner.invite(ana, bot, room)
    line.mended()
    await comes_back(line)
    await line.holds(burst.texts, told="the admins: that it was banned, and that it is back")
    await ana.hears(f"^I am in the room {room} again$", where=bot)
    banned = f"I am no longer in the room {room}: banned. I try to go back in"
    assert line.admins_told() == [banned, f"I am in the room {room} again"]
    assert line.told() == []


async def test_the_room_destroyed_and_made_again(new_line: NewLine) -> None:
    line = await new_line()
    burst, ana, raj, room, bot = line.burst(10), line.scene.ana, line.scene.raj, line.scene.room, line.scene.bot.jid
    await burst.say(1, 5)
    await line.settled(burst, 5)
    await owner.destroy(ana, room, "we move")
    await ana.hears(f"^I am no longer in the room {room}: the room was destroyed", where=bot)
    await line.scene.bridge.logs(lambda entry: entry["event"].startswith("can't enter the room"))
    line.server.forget_room(room)
    line.server.make_room(room.partition("@")[0], owners=[ana.jid], admins=[bot], members=[raj.jid])
    await raj.join(room)
    owner.invite(ana, bot, room)
    line.mended()
    await comes_back(line)
    await burst.say(6, 10)
    await line.holds(burst.texts, told="the admins: that it was destroyed, and that it is back; the room: the gap")
    await ana.hears(f"^I am in the room {room} again$", where=bot)
    destroyed = f"I am no longer in the room {room}: the room was destroyed (we move). I try to go back in"
    assert line.admins_told() == [destroyed, f"I am in the room {room} again"]
    # Its archive is another one, and empty.
    assert ["has forgotten what followed" in body for body in line.told()] == [True]


async def test_an_invitation_to_a_room_that_is_not_configured(new_line: NewLine) -> None:
    line = await new_line()
    ana, raj, bot = line.scene.ana, line.scene.raj, line.scene.bot.jid
    other = line.server.make_room("other", owners=[ana.jid], members=[bot, raj.jid])
    line.mended()
    owner.invite(raj, bot, other)
    owner.invite(ana, bot, other)
    told = await ana.hears("only in rooms that the configuration names", where=bot)
    assert f'jid = "{other}"' in told.body
    await line.holds([], told="the admin: what to add to the configuration")
    assert raj.heard(bot) == []
    assert len(line.scene.bridge.events("an invitation was ignored")) == 1


async def test_history_replayed_at_every_entry(new_line: NewLine) -> None:
    line = await new_line()
    burst, ana, room = line.burst(15), line.scene.ana, line.scene.room
    for first in (1, 6, 11):
        await burst.say(first, first + 4)
        await owner.kick(ana, room, "status")
        line.mended()
        await comes_back(line, 2 + first // 5)
    line.back()
    await line.holds(burst.texts, told="the admins, of each kick and each return")
    await ana.hears(lambda _: len(line.admins_told()) >= 6, where=line.scene.bot.jid)
    kicked, again = f"I am no longer in the room {room}: kicked. I try to go back in", f"I am in the room {room} again"
    assert line.admins_told() == [kicked, again] * 3
    assert line.told() == []


async def test_a_nick_that_changes_hands(new_line: NewLine) -> None:
    line = await new_line()
    ana, raj, room, bridge = line.scene.ana, line.scene.raj, line.scene.room, line.scene.bridge
    await ana.say(room, "!post of the first boss")
    await line.sink.has_committed(1)
    await raj.say(room, "!panic")
    await raj.hears("frozen", where=room)
    await ana.leave(room)
    await raj.leave(room)
    await raj.join(room, "ana")
    await raj.say(room, "!resume")
    refused = await raj.hears("needs the role", where=room)
    await bridge.stop()
    after = raj.mark()
    await raj.say(room, "!resume")
    await raj.leave(room)
    await ana.join(room, "ana")
    await raj.join(room, "raj")
    line.mended()
    await bridge.start()
    again = await raj.hears("needs the role", where=room, after=after)
    assert again.body == refused.body == "`!resume` needs the role approver; you are staff. Nothing was posted."
    await ana.say(room, "!post of the boss again")
    await ana.say(room, "!resume")
    await ana.hears("`!resume` once more within", where=room)
    await asyncio.sleep(READING.total_seconds())
    await ana.say(room, "!resume")
    await line.holds(["of the first boss", "of the boss again"], told="the room: that the new owner lacks the role")
