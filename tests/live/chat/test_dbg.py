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
from tests.servers.cut import CutProxy
from tests.servers.person import Person, PersonError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.prosody import Login, Prosody

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


@pytest.mark.timeout(120)
async def test_the_server_is_started_anew_while_people_talk(
    private_prosody: Prosody, new_bot: Callable[..., Any]
) -> None:
    me, ana, raj = (private_prosody.add_user(name) for name in ("bot", "ana", "raj"))
    room = private_prosody.make_room("ops", admins=[me.jid], members=[ana.jid, raj.jid])
    bot = new_bot(me, room)
    await bot.start()
    import logging, os

    logging.getLogger("slixmpp").setLevel(logging.DEBUG)
    h = logging.FileHandler(f"/tmp/slix_{os.getpid()}.log")
    logging.getLogger("slixmpp").addHandler(h)
    h.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
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
            await private_prosody.stop()
            told = [bot.say(room, f"line {number}") for number in range(5)]
            await asyncio.gather(*told)
            await eventually(lambda: any("cannot reach" in entry["event"] for entry in logs))
            await private_prosody.start()
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
