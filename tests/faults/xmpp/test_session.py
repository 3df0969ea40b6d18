"""The session is cut, swallowed, refused and delayed while staff talk: nothing lost, nothing doubled, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest
from slixmpp import JID

from tests.faults.xmpp.conftest import AGAIN, Line
from tests.servers import owner
from tests.servers.burst import complaints
from tests.servers.person import Person, PersonError
from tests.servers.watch import Watch

pytestmark = [pytest.mark.live, pytest.mark.servers, pytest.mark.timeout(240)]

NewLine = Callable[..., Coroutine[Any, Any, Line]]

IN = "in the room"
LOST = "lost the XMPP session; coming back"


async def test_a_cut_with_stanzas_under_way_both_ways(new_line: NewLine) -> None:
    line = await new_line()
    burst, bridge = line.burst(40), line.scene.bridge
    await burst.say(1, 10)
    line.proxy.swallow()
    await burst.say(11, 30)
    await line.proxy.has_swallowed(1)
    line.proxy.flow()
    line.proxy.cut()
    line.mended()
    await burst.say(31, 40)
    await line.holds(burst.texts, told="nothing: the session is resumed")
    await burst.is_told()
    assert len(bridge.events(LOST)) == 1
    assert len(bridge.events(IN)) == 1, "the session was not resumed, but begun anew"
    assert line.told() == []
    assert complaints(line.scene) == []


async def test_a_cut_after_which_the_session_is_forgotten(new_line: NewLine) -> None:
    line = await new_line(hibernation=int(AGAIN))
    burst, bridge = line.burst(40), line.scene.bridge
    await burst.say(1, 10)
    await line.proxy.refuse()
    line.proxy.swallow()
    await burst.say(11, 20)
    line.proxy.cut()
    await burst.say(21, 30)
    await asyncio.sleep(2 * AGAIN)  # so long it is away: that is the fault
    line.proxy.flow()
    await line.proxy.accept()
    line.mended()
    await burst.say(31, 40)
    await line.holds(burst.texts, told="nothing: the archive is read")
    await burst.is_told()
    assert len(bridge.events(IN)) == 2, "the session was resumed, and should have been forgotten"
    assert line.told() == []


@pytest.mark.parametrize("seconds", [2, 20])
async def test_the_server_restarted_while_staff_talk(new_line: NewLine, seconds: int) -> None:
    line = await new_line()
    raj, room, bridge = line.scene.raj, line.scene.room, line.scene.bridge
    said: list[str] = []
    spoken, enough = Watch(), asyncio.Event()

    async def talk() -> None:
        number = 0
        while not enough.is_set():
            # A room full of people says no more than this; one that is faster outruns whoever reads its archive.
            await asyncio.sleep(0.05)
            number += 1
            with suppress(PersonError, AssertionError):
                await raj.say(room, f"!post status {number}", patience=1)
                said.append(f"status {number}")
                spoken.changed()
                continue
            # Whether this one has arrived, the room's archive knows.
            with suppress(AssertionError):
                await raj.returns(raj.sessions)

    talking = asyncio.create_task(talk())
    await line.sink.has_committed(10)
    await line.server.stop()
    await asyncio.sleep(seconds)  # so long it is away: that is the fault
    await line.server.start()
    line.mended()
    before = len(said)
    await bridge.logs(lambda entry: entry["event"] == IN and len(bridge.events(IN)) == 2, patience=60)
    line.back()
    ten_more = before + 10
    await spoken.until(lambda: len(said) >= ten_more, timeout=60, otherwise=lambda: f"Raj could say only {said}")
    enough.set()
    await talking
    there = [body.removeprefix("!post ") for body in await owner.archived(raj, room) if body.startswith("!post ")]
    assert set(said) <= set(there)
    await line.holds(there, told="nothing in the room; one line in the log")
    assert line.told() == []
    # How a server ends its streams, and whether an attempt falls into its absence, is up to it; no line comes twice.
    told = [event for event in complaints(line.scene) if "XMPP server" in event]
    assert 1 <= len(set(told)) == len(told) <= 2, told
    assert len(bridge.events("the XMPP server is back")) == 1


async def test_stopped_and_started_with_25_commands_said_meanwhile(new_line: NewLine) -> None:
    line = await new_line()
    burst = line.burst(25)
    await line.scene.bridge.stop()
    await burst.say(1, 25)
    line.mended()
    await line.scene.bridge.start()
    await line.holds(burst.texts, told="nothing: the archive is read")
    assert line.told() == []


async def test_a_server_that_falls_silent(new_line: NewLine) -> None:
    line = await new_line()
    burst = line.burst(20)
    await burst.say(1, 10)
    line.proxy.strand()
    line.mended()
    await burst.say(11, 20)
    await line.holds(burst.texts, told="nothing; one line in the log")
    assert complaints(line.scene) == ["the XMPP server doesn't answer; connecting anew"]
    assert line.told() == []


async def test_a_slow_line(new_line: NewLine) -> None:
    line = await new_line()
    burst = line.burst(30)
    line.proxy.delay(0.3)
    await burst.say(1, 30)
    line.proxy.delay(0.0)
    line.mended()
    await line.holds(burst.texts, told="nothing")
    assert line.told() == []
    assert complaints(line.scene) == []


async def test_a_wrong_password(new_line: NewLine) -> None:
    line = await new_line()
    burst, bridge = line.burst(10), line.scene.bridge
    await burst.say(1, 5)
    await bridge.stop()
    local = line.scene.bot.jid.partition("@")[0]
    line.server.add_user(local, "another one")
    after = len(bridge.lines)
    await bridge.start()
    assert await bridge.wait() == 1
    said = complaints(line.scene, after=after)
    assert len(said) == 1
    assert said[0].startswith(f"the XMPP server refuses the password of {line.scene.bot.jid}"), said
    await burst.say(6, 10)
    line.server.add_user(local, line.scene.bot.password)
    line.mended()
    await bridge.start()
    await line.holds(burst.texts, told="nobody: it ends with status 1 and one line")
    assert line.told() == line.admins_told() == []


async def test_a_thousand_lines_in_a_burst(new_line: NewLine) -> None:
    line = await new_line()
    burst = line.burst(1000)
    line.mended()
    for text in burst.texts:
        line.scene.raj.client.send_message(mto=line.scene.room, mbody=f"!post {text}", mtype="groupchat")  # type: ignore[arg-type]
    await line.holds(burst.texts, told="receipts that are gathered")
    await burst.is_told()
    receipts = [heard for heard in line.scene.raj.heard(line.scene.room) if heard.nick == "status"]
    assert len(receipts) < 100
    assert line.told() == []


async def test_characters_that_no_stream_may_carry(new_line: NewLine) -> None:
    line = await new_line()
    raj, room = line.scene.raj, line.scene.room
    await raj.say(room, "!post hello")
    await line.sink.has_committed(1)
    line.sink.mention("nul \x00 vt \x0b esc \x1b last \ufffe\uffff end")
    heard = await raj.hears("(?s)nul .* end", where=room, patience=30)
    assert not set("\x00\x0b\x1b\ufffe\uffff") & set(heard.body)
    line.mended()
    await line.holds(["hello"], told="what a customer wrote, without them")
    assert line.scene.bridge.events(LOST) == []


NOT_XML = {
    "NUL": b"<message to='%s' type='%s'><body>!post nul \x00 end</body></message>",
    "NUL as a reference": b"<message to='%s' type='%s'><body>!post nul &#0; end</body></message>",
    "VT and ESC": b"<message to='%s' type='%s'><body>!post vt \x0b esc \x1b end</body></message>",
    "U+FFFE": b"<message to='%s' type='%s'><body>!post \xef\xbf\xbe end</body></message>",
    "half a surrogate": b"<message to='%s' type='%s'><body>!post \xed\xa0\x80 end</body></message>",
    "no UTF-8": b"<message to='%s' type='%s'><body>!post \xff\xfe end</body></message>",
    "an unknown entity": b"<message to='%s' type='%s'><body>!post &lol; end</body></message>",
    "a wrong end": b"<message to='%s' type='%s'><body>!post end</subject></message>",
}


async def is_thrown_out(person: Person, stanza: bytes) -> bool:
    """Send something raw, and tell whether the server ends the session for it instead of working on."""
    gone = asyncio.ensure_future(person.client.wait_until("disconnected", 10))
    person.client.send_raw(stanza)
    answered = asyncio.ensure_future(person.client.plugin["xep_0199"].ping(JID(person.jid), timeout=10))
    await asyncio.wait((gone, answered), return_when=asyncio.FIRST_COMPLETED)
    thrown_out = gone.done()
    for task in (gone, answered):
        task.cancel()
    await asyncio.wait((gone, answered))
    return thrown_out


async def test_what_is_not_xml_from_somebody_in_the_room(new_line: NewLine) -> None:
    line = await new_line()
    room, bot = line.scene.room, line.scene.bot.jid
    mallory = line.server.add_user("mallory")
    await line.scene.ana.affiliate(room, mallory.jid, "member")
    for stanza in NOT_XML.values():
        for address, kind in ((room, b"groupchat"), (bot, b"chat")):
            async with Person.of(mallory) as person:
                await person.join(room)
                assert await is_thrown_out(person, stanza % (address.encode(), kind))
    burst = line.burst(5)
    line.mended()
    await burst.say(1, 5)
    await line.holds(burst.texts, told="nobody: the server throws out who sends it")
    assert line.scene.bridge.events(LOST) == []


async def test_a_body_of_300_kb(new_line: NewLine) -> None:
    line = await new_line(stanza_limit=1024 * 1024)
    raj, room = line.scene.raj, line.scene.room
    await raj.say(room, "!post before")
    await raj.say(room, "!post " + "far too long " * 25_000)
    await raj.say(room, "!post after")
    line.mended()
    answer = await raj.hears("Nothing was posted", where=room)
    assert len(answer.body) < 1_000
    await line.holds(["before", "after"], told="that it is too long, and nothing was posted")
    assert line.scene.bridge.events(LOST) == []


async def test_the_archive_emptied(new_line: NewLine) -> None:
    line = await new_line()
    burst, raj, room = line.burst(10), line.scene.raj, line.scene.room
    await burst.say(1, 5)
    await line.settled(burst, 5)
    await line.scene.bridge.stop()
    await raj.say(room, "!post lost with the archive")
    line.server.empty_archives()
    await burst.say(6, 10)
    line.mended()
    await line.scene.bridge.start()
    texts = [*burst.texts[:5], "lost with the archive", *burst.texts[5:]]
    await line.holds(texts, told="that the archive has a gap, and since when", lost=["lost with the archive"])
    gaps = [body for body in line.told() if "has forgotten what followed" in body]
    assert len(gaps) == 1
    assert line.told() == gaps


async def test_a_second_program_with_the_same_resource(new_line: NewLine) -> None:
    line = await new_line()
    burst, bridge = line.burst(10), line.scene.bridge
    await burst.say(1, 5)
    async with Person.of(line.scene.bot, resource="statusbridge"):
        assert await bridge.wait() == 1
    said = complaints(line.scene)
    assert len(said) == 1
    assert said[0].startswith(f"another program is logged in as {line.scene.bot.jid}/statusbridge"), said
    await burst.say(6, 10)
    line.mended()
    await bridge.start()
    await line.holds(burst.texts, told="nobody: it ends with status 1 and one line")
    assert line.told() == line.admins_told() == []
    assert len(bridge.events(IN)) == 2
