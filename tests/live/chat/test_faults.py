"""The chat through cuts, kills, restarts and forgetful archives: nothing lost, nothing doubled, in order."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from bridge.chat import ResourceConflict, session
from bridge.chat.elements import CLIENT
from bridge.chat.positions import Position
from bridge.domain.clock import SystemClock
from bridge.domain.notices import NoticeState
from bridge.domain.people import Place
from bridge.store import cursors
from tests.live.chat.conftest import Meeting
from tests.servers.person import Person, PersonError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.xmpp import Login, XmppServer

pytestmark = pytest.mark.live
CLOCK = SystemClock()


async def archived(bot: Any, archive: str, begins: str) -> list[str]:
    """The ids of all messages in an archive whose body begins so, in the archive's order."""
    found: list[str] = []
    after = None
    while True:
        page = await bot.chat._archives.page(archive, after=after)
        found += [one.id for one in page.messages if (one.message.findtext(CLIENT + "body") or "").startswith(begins)]
        if page.complete or page.last is None:
            return found
        after = page.last


async def eventually(look: Callable[[], object], *, patience: float = 15.0) -> None:
    deadline = CLOCK.monotonic() + patience
    while not look():
        assert CLOCK.monotonic() < deadline
        await asyncio.sleep(0.01)


async def swallow_echoes(meeting: Meeting) -> None:
    """Have the bot say a line in the room and one directly, which arrive without its hearing of it."""
    meeting.proxy.swallow(up=False, down=True)
    await meeting.bot.say(meeting.room, "only once")
    await meeting.bot.say(meeting.ana.jid, "only once, for you", Place.DIRECT)
    await meeting.person.hears("^only once$", where=meeting.room)
    await meeting.person.hears("for you", where=meeting.me.jid)


async def is_there_once(meeting: Meeting) -> None:
    """Wait until nothing is owed, and see that each of the two lines was heard once."""
    bot, person = meeting.bot, meeting.person
    await bot.has_said_all()
    await bot.say(meeting.room, "last")
    await bot.say(meeting.ana.jid, "last", Place.DIRECT)
    await person.hears("last", where=meeting.room)
    await person.hears("last", where=meeting.me.jid)
    assert [one.body for one in person.heard(meeting.room)] == ["only once", "last"]
    assert [one.body for one in person.heard(meeting.me.jid)] == ["only once, for you", "last"]


@pytest.mark.timeout(120)
async def test_the_server_is_started_anew_while_people_talk(
    private_xmpp: XmppServer, new_bot: Callable[..., Any]
) -> None:
    me, ana, raj = (private_xmpp.add_user(name) for name in ("bot", "ana", "raj"))
    room = private_xmpp.make_room("ops", admins=[me.jid], members=[ana.jid, raj.jid])
    bot = new_bot(me, room)
    await bot.start()
    stop = asyncio.Event()
    said: dict[str, list[str]] = {ana.jid: [], raj.jid: []}

    async def talk(person: Person) -> None:
        """Say numbered lines; one whose echo doesn't come may be there or not."""
        number = 0
        while not stop.is_set():
            text = f"!{person.nick} {number}"
            number += 1
            try:
                await person.say(room, text, patience=1)
                said[person.jid].append(text)
            except (PersonError, AssertionError):
                with suppress(AssertionError):
                    await person.returns(person.sessions - 1)

    with capture_logs() as logs:
        async with Person.of(ana, survives=True) as one, Person.of(raj, survives=True) as two:
            await one.join(room)
            await two.join(room)
            talking = [asyncio.ensure_future(talk(person)) for person in (one, two)]
            await bot.desk.handles(20)
            await private_xmpp.stop()
            told = [bot.say(room, f"line {number}") for number in range(5)]
            await asyncio.gather(*told)
            await eventually(lambda: any("cannot reach" in entry["event"] for entry in logs))
            await private_xmpp.start()
            await bot.is_in(4)
            await bot.desk.handles(len(bot.desk.handled) + 20)
            stop.set()
            await asyncio.gather(*talking)
            await bot.has_said_all()
            there = await archived(bot, room, "!")
            await bot.desk.handles(len(there))
            assert len(await archived(bot, room, "line ")) == 5
    assert [line.key for line in bot.desk.handled] == there
    for login in (ana, raj):
        heard = bot.desk.texts(login.jid)
        assert [text for text in heard if text in said[login.jid]] == said[login.jid]
        assert len(set(heard)) == len(heard)
    events = [entry["event"] for entry in logs]
    assert sum(event.startswith("cannot reach XMPP server 127.0.0.1:") for event in events) == 1
    assert events.count("the XMPP server is back") == 1


async def test_a_line_whose_echo_was_swallowed_is_in_the_room_exactly_once_after_a_kill(meeting: Meeting) -> None:
    bot, proxy = meeting.bot, meeting.proxy
    await swallow_echoes(meeting)
    assert [notice.state for notice in await bot.pending()] == [NoticeState.SENDING] * 2
    await bot.kill()
    proxy.flow()
    await bot.start()
    await is_there_once(meeting)


@pytest.mark.parametrize("resumes", [True, False])
async def test_a_line_whose_echo_was_swallowed_is_in_the_room_exactly_once_after_a_cut(
    meeting: Meeting, resumes: bool
) -> None:
    bot, proxy = meeting.bot, meeting.proxy
    await swallow_echoes(meeting)
    if not resumes:
        bot.chat._session._client.plugin["xep_0198"].sm_id = None
    proxy.flow()
    proxy.cut()
    await bot.loses()
    await bot.is_in(4)
    await is_there_once(meeting)


@pytest.mark.parametrize("resumes", [True, False])
async def test_lines_that_never_reached_the_server_are_sent_again_once_and_in_order(
    meeting: Meeting, resumes: bool
) -> None:
    bot, person, room, proxy = meeting.bot, meeting.person, meeting.room, meeting.proxy
    proxy.swallow(up=True, down=False)
    for number in range(10):
        await bot.say(room, f"line {number}")
    await eventually(lambda: sum(one.handed for one in bot.chat._sender._flights) == 10)
    if not resumes:
        bot.chat._session._client.plugin["xep_0198"].sm_id = None
    proxy.flow()
    proxy.cut()
    await bot.loses()
    for number in range(10, 15):
        await bot.say(room, f"line {number}")
    await bot.is_in(4)
    await person.hears("line 14", where=room)
    await bot.has_said_all()
    assert [one.body for one in person.heard(room)] == [f"line {number}" for number in range(15)]


async def test_a_resumed_session_misses_nothing_and_nobody_sees_the_bot_leave(meeting: Meeting) -> None:
    bot, person, room = meeting.bot, meeting.person, meeting.room
    proxy, me, ana = meeting.proxy, meeting.me, meeting.ana
    gone: list[Any] = []
    person.client.add_event_handler(f"muc::{room}::got_offline", gone.append)
    for cuts in range(1, 4):
        proxy.strand()
        await person.say(room, f"!room {cuts}")
        await person.tell(me.jid, f"!direct {cuts}")
        proxy.cut()
        await bot.loses(cuts)
        await bot.is_in(2 + 2 * cuts)
        await bot.desk.handles(2 * cuts)
    await bot.say(room, "all heard")
    await person.hears("all heard", where=room)
    await bot.has_said_all()
    assert bot.desk.texts(source=room) == ["!room 1", "!room 2", "!room 3"]
    assert bot.desk.texts(source=ana.jid) == ["!direct 1", "!direct 2", "!direct 3"]
    assert all(line.caught_up for line in bot.desk.handled)
    assert gone == []


@pytest.fixture
def quick_pings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "PING_SECONDS", 0.3)
    monkeypatch.setattr(session, "PING_ANSWER_SECONDS", 1.0)


@pytest.mark.usefixtures("quick_pings")
async def test_a_link_that_falls_silent_is_noticed(meeting: Meeting) -> None:
    bot, person, room, proxy = meeting.bot, meeting.person, meeting.room, meeting.proxy
    proxy.strand()
    await person.say(room, "!anybody there")
    await bot.loses()
    await bot.desk.handles(1)
    assert bot.desk.texts() == ["!anybody there"]


async def test_a_second_bridge_with_the_same_address_ends_the_first_with_a_clear_error(
    new_login: Callable[[str], Login], new_bot: Callable[..., Any]
) -> None:
    me = new_login("bot")
    one, two = new_bot(me), new_bot(me)
    await one.start()
    await two.start()
    with pytest.raises(ResourceConflict, match=r"another program is logged in as bot-\d+@example\.org/statusbridge"):
        await asyncio.wait_for(one.running, 10)
    assert not two.running.done()


async def test_an_archive_that_has_forgotten_the_position_is_read_by_time_and_the_gap_is_told(
    new_login: Callable[[str], Login], new_room: Callable[..., str], new_bot: Callable[..., Any]
) -> None:
    me, ana = new_login("bot"), new_login("ana")
    room = new_room(admins=[me.jid], members=[ana.jid])
    bot = new_bot(me, room, admins=[ana.jid])
    await bot.start()
    async with Person.of(ana) as person:
        await person.join(room)
        await person.say(room, "!before")
        await person.tell(me.jid, "!before, directly")
        await bot.desk.handles(2)
        for archive in (room, me.jid):
            lost = str(Position(id="no-longer-there", stamp=CLOCK.now()))
            await bot.store.write(
                lambda tx, name=f"archive:{archive}", lost=lost: cursors.move(tx, name, lost, CLOCK.now())
            )
        await bot.kill()
        await person.say(room, "!while away")
        await person.tell(me.jid, "!while away, directly")
        await bot.start()
        await bot.desk.handles(4)
        await person.hears("has forgotten what followed", where=room)
        await person.hears("has forgotten what followed", where=me.jid)
        await bot.has_said_all()
        mark = person.mark()
        await bot.stop()
        await bot.start()
        await bot.say(room, "no gap now")
        await person.hears("no gap now", where=room, after=mark)
        assert len(person.heard(room, after=mark)) == 1
    assert sorted(bot.desk.texts()) == ["!before", "!before, directly", "!while away", "!while away, directly"]


async def test_a_server_that_is_not_there_is_told_once_and_waited_for(
    private_xmpp: XmppServer, new_bot: Callable[..., Any]
) -> None:
    me = private_xmpp.add_user("bot")
    await private_xmpp.stop()
    bot = new_bot(me)
    with capture_logs() as logs:
        await bot.start(wait=False)
        client = bot.chat._session._client
        for _ in range(4):
            await client.wait_until("connection_failed", 10)
        await private_xmpp.start()
        await bot.is_in(1)
        await bot.stop()
    told = [entry["event"] for entry in logs if entry["log_level"] in {"warning", "error"}]
    assert told == [f"cannot reach XMPP server 127.0.0.1:{me.port} (Connection refused); trying on"]


async def test_a_burst_of_lines_goes_out_complete_and_in_order(meeting: Meeting) -> None:
    bot, person, room = meeting.bot, meeting.person, meeting.room
    for number in range(300):
        await bot.say(room, f"line {number}")
    await person.hears("line 299", where=room)
    await bot.has_said_all()
    assert [one.body for one in person.heard(room)] == [f"line {number}" for number in range(300)]


async def test_a_direct_line_to_nobody_is_given_up_after_a_few_attempts(
    new_login: Callable[[str], Login], new_bot: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.chat.outgoing._FIRST_PAUSE", 0.05)
    bot = new_bot(new_login("bot"))
    await bot.start()
    with capture_logs() as logs:
        await bot.say("nobody-here@example.org", "hello?", Place.DIRECT)
        # A server may acknowledge what it will bounce, so that nothing is owed in between.
        await bot.gives_up(logs)
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == ["a line could not be delivered"]
    assert await bot.pending() == []
