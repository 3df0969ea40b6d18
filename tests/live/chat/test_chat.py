"""The chat against a real Prosody: joining, hearing in order, saying once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import SubElement

import pytest
from slixmpp.stanza import Iq
from structlog.testing import capture_logs

from bridge.commands.incoming import GestureKind
from bridge.domain.people import Place
from tests.live.chat.conftest import Meeting
from tests.servers.person import Person

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.servers.xmpp import Login

pytestmark = pytest.mark.live
MAM = "{urn:xmpp:mam:2}"
NewLogin = "Callable[[str], Login]"


async def test_a_line_from_the_room_comes_with_its_real_sender_and_is_answered_once(
    new_login: Callable[[str], Login], new_room: Callable[..., str], new_bot: Callable[..., Any]
) -> None:
    me, ana = new_login("bot"), new_login("ana")
    room = new_room(admins=[me.jid], members=[ana.jid])
    bot = new_bot(me, room)
    await bot.start()
    async with Person.of(ana) as person:
        await person.join(room, "Ana B")
        await person.say(room, "!echo hello")
        answer = await person.hears("hello", where=room)
        await bot.has_said_all()
        assert (answer.nick, answer.sender) == ("status", me.jid)
        (line,) = bot.desk.handled
        assert (line.sender, line.nick, line.affiliation, line.place) == (ana.jid, "Ana B", "member", Place.ROOM)
        assert line.key == next(one.stanza_id for one in person.inbox if one.own)
        assert line.caught_up
        assert [one.body for one in person.heard(room)] == ["hello"]
    assert sorted(bot.caught_up) == sorted(["direct", room])


async def test_a_direct_line_is_answered_directly(
    new_login: Callable[[str], Login], new_bot: Callable[..., Any]
) -> None:
    me, ana = new_login("bot"), new_login("ana")
    bot = new_bot(me)
    await bot.start()
    async with Person.of(ana) as person:
        await person.tell(me.jid, "!echo only for you")
        answer = await person.hears("only for you", where=me.jid)
        assert answer.type == "chat"
        (line,) = bot.desk.handled
        assert (line.sender, line.source.jid, line.place, line.affiliation) == (ana.jid, ana.jid, Place.DIRECT, "none")
        assert line.position is not None
        await bot.has_said_all()


async def test_two_people_talk_at_once_and_every_line_is_heard_in_the_order_of_the_room(
    new_login: Callable[[str], Login], new_room: Callable[..., str], new_bot: Callable[..., Any]
) -> None:
    me, ana, raj = new_login("bot"), new_login("ana"), new_login("raj")
    room = new_room(admins=[me.jid], members=[ana.jid, raj.jid])
    bot = new_bot(me, room)
    await bot.start()
    async with Person.of(ana) as one, Person.of(raj) as two:
        await one.join(room)
        await two.join(room)

        async def talk(person: Person) -> None:
            for number in range(100):
                await person.say(room, f"!line {number}")

        await asyncio.gather(talk(one), talk(two))
        heard = await bot.desk.handles(200)
        assert len(heard) == 200
        # The room sends to one after the other, so the bot may hear the last line before Ana does.
        await one.hears(lambda _: len(one.inbox) >= 200)
        assert [line.key for line in heard] == [item.stanza_id for item in one.inbox]
        for who in (ana, raj):
            assert bot.desk.texts(who.jid) == [f"!line {number}" for number in range(100)]


async def test_what_was_said_while_the_bot_was_dead_is_handled_once_in_room_and_direct_chat(
    meeting: Meeting, numbered: Callable[[Sequence[str], str], list[int]]
) -> None:
    bot, person, room, me, ana = meeting.bot, meeting.person, meeting.room, meeting.me, meeting.ana
    await person.say(room, "!room 0")
    await person.tell(me.jid, "!direct 0")
    await bot.desk.handles(2)
    await bot.kill()
    for number in range(1, 26):
        await person.say(room, f"!room {number}")
        await person.tell(me.jid, f"!direct {number}")
    await bot.start()
    await bot.desk.handles(52)
    await person.say(room, "!room 26")
    await person.tell(me.jid, "!direct 26")
    await bot.desk.handles(54)
    assert numbered(bot.desk.texts(source=room), "!room") == list(range(27))
    assert numbered(bot.desk.texts(source=ana.jid), "!direct") == list(range(27))
    late = [line for line in bot.desk.handled if not line.caught_up]
    assert len(late) == 50
    assert {line.sender for line in late} == {ana.jid}
    assert {line.affiliation for line in late if line.place is Place.ROOM} == {"member"}


async def test_the_first_visit_starts_at_now(
    new_login: Callable[[str], Login], new_room: Callable[..., str], new_bot: Callable[..., Any]
) -> None:
    me, ana = new_login("bot"), new_login("ana")
    room = new_room(admins=[me.jid], members=[ana.jid])
    async with Person.of(ana) as person:
        await person.join(room)
        await person.say(room, "!before")
        await person.tell(me.jid, "!before, too")
        # Its answer comes once the server has stored what was said before.
        await person.client.plugin["xep_0199"].ping()
        bot = new_bot(me, room)
        await bot.start()
        await bot.stop()
        await person.say(room, "!after")
        await bot.start()
        await bot.desk.handles(1)
        assert bot.desk.texts() == ["!after"]


async def test_a_room_that_was_empty_at_the_first_visit_has_no_gap_either(meeting: Meeting) -> None:
    bot, person, room, me = meeting.bot, meeting.person, meeting.room, meeting.me
    await bot.kill()
    await person.say(room, "!first of all")
    await person.tell(me.jid, "!first in here")
    await bot.start()
    await bot.desk.handles(2)
    assert sorted(bot.desk.texts()) == ["!first in here", "!first of all"]


async def test_more_than_one_page_said_while_away_is_read_in_order(meeting: Meeting) -> None:
    bot, person, room = meeting.bot, meeting.person, meeting.room
    await bot.stop()
    for number in range(130):
        await person.say(room, f"!line {number}")
    await bot.start()
    # While the pages come, it goes on.
    for number in range(130, 150):
        await person.say(room, f"!line {number}")
    await bot.desk.handles(150)
    assert bot.desk.texts() == [f"!line {number}" for number in range(150)]


async def test_own_lines_do_not_hold_the_cursor_back(meeting: Meeting) -> None:
    bot, person, room = meeting.bot, meeting.person, meeting.room
    await person.say(room, "!once")
    await bot.desk.handles(1)
    for number in range(5):
        await bot.say(room, f"line {number}")
    await person.hears("line 4", where=room)
    await bot.has_said_all()
    await bot.stop()
    assert [one.body for one in person.heard(room)] == [f"line {number}" for number in range(5)]
    await bot.start()
    assert bot.desk.offered == 1


async def test_a_living_receipt_is_one_message_that_is_corrected(meeting: Meeting) -> None:
    bot, person, room = meeting.bot, meeting.person, meeting.room
    for _ in range(3):
        await bot.touch(room, 0x4F)
        await bot.has_said_all()
    await bot.say(room, "done")
    await person.hears("done", where=room)
    heard = person.heard(room)
    assert [one.body.partition(",")[0] for one in heard] == ["receipt of 79"] * 3 + ["done"]
    assert [one.replaces for one in heard] == [None, heard[0].id, heard[0].id, None]


async def test_corrections_are_recognised(meeting: Meeting) -> None:
    bot, person, room = meeting.bot, meeting.person, meeting.room
    said = await person.say(room, "!one")
    await person.correct(room, said, "!two")
    await bot.desk.handles(2)
    kinds = [None if line.gesture is None else line.gesture.kind for line in bot.desk.handled]
    assert kinds == [None, GestureKind.CORRECTION]


async def test_a_private_message_through_the_room_is_no_command_and_its_author_is_told_where_to_say_it(
    meeting: Meeting,
) -> None:
    bot, person, room, me = meeting.bot, meeting.person, meeting.room, meeting.me
    for _ in range(2):
        person.client.make_message(mto=f"{room}/status", mbody="!post psst", mtype="chat").send()
    await person.say(room, "!loud")
    await bot.desk.handles(1)
    await person.hears("say it here, or in the room itself", where=me.jid)
    await bot.has_said_all()
    assert len(person.heard(me.jid)) == 1
    await bot.stop()
    await bot.start()
    assert bot.desk.texts() == ["!loud"]
    assert bot.desk.offered == 1


async def test_a_nick_that_changes_hands_never_lends_its_rights(
    new_login: Callable[[str], Login], new_room: Callable[..., str], new_bot: Callable[..., Any]
) -> None:
    me, ana, eve = new_login("bot"), new_login("ana"), new_login("eve")
    room = new_room(admins=[me.jid, ana.jid], members=[eve.jid])
    bot = new_bot(me, room)
    await bot.start()
    async with Person.of(ana) as boss, Person.of(eve) as thief:
        await boss.join(room, "boss")
        await thief.join(room, "eve")
        await boss.say(room, "!mine")
        await boss.leave(room)
        await thief.leave(room)
        await thief.join(room, "boss")
        await thief.say(room, "!stolen")
        await bot.desk.handles(2)
        assert [(line.sender, line.nick, line.affiliation) for line in bot.desk.handled] == [
            (ana.jid, "boss", "admin"),
            (eve.jid, "boss", "member"),
        ]
        await bot.kill()
        await thief.say(room, "!while away")
        await thief.leave(room)
        await boss.join(room, "boss")
        await bot.start()
        await bot.desk.handles(3)
    assert (bot.desk.handled[2].sender, bot.desk.handled[2].affiliation) == (eve.jid, "member")


async def test_a_line_that_the_store_cannot_commit_yet_is_tried_again_in_its_place(meeting: Meeting) -> None:
    from bridge.store import InDoubt, NotCommitted  # noqa: PLC0415 - only here

    bot, person, room = meeting.bot, meeting.person, meeting.room
    bot.desk.failures = [NotCommitted("disk full"), InDoubt("no answer")]
    await person.say(room, "!one")
    await person.say(room, "!two")
    await bot.desk.handles(2)
    assert bot.desk.texts() == ["!one", "!two"]
    assert bot.desk.offered == 4


async def test_a_bug_of_the_desk_passes_over_one_line_only(meeting: Meeting) -> None:
    bot, person, room = meeting.bot, meeting.person, meeting.room
    bot.desk.failures = [RuntimeError("a bug")]
    with capture_logs() as logs:
        await person.say(room, "!one")
        await person.say(room, "!two")
        await bot.desk.handles(1)
    assert bot.desk.texts() == ["!two"]
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["a stanza could not be judged"]


async def test_the_own_archive_is_made_to_keep_everything(
    new_login: Callable[[str], Login], new_bot: Callable[..., Any]
) -> None:
    me = new_login("bot")
    bot = new_bot(me)
    async with Person.of(me) as owner:

        async def prefers(change: str | None = None) -> str:
            request: Any = Iq(owner.client, stype="set" if change else "get")
            SubElement(request.xml, MAM + "prefs", {"default": change} if change else {})
            for prefs in (await request.send(timeout=10)).xml.iter(MAM + "prefs"):
                return prefs.get("default", "")
            return ""

        await prefers("never")
        assert await prefers() == "never"
        await bot.start()
        assert await prefers() == "always"
