"""The sessions that the language was written from, with real clients on a real server.

Run with `-s` it prints what was said.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.servers import gestures
from tests.servers.faults import refused
from tests.servers.heard import Heard
from tests.servers.prosody import Prosody
from tests.servers.scene import Scene, mastodon_account
from tests.servers.session import Session
from tests.servers.sink import Sink

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]

EYES = "\N{EYES}"
NAMES = ("mastodon", "bluesky", "x")


@pytest.fixture
async def sinks() -> AsyncIterator[dict[str, Sink]]:
    async with AsyncExitStack() as stack:
        yield {name: await stack.enter_async_context(Sink()) for name in NAMES}


@pytest.fixture
async def scene(
    prosody: Prosody, sinks: dict[str, Sink], new_name: Callable[[str], str], tmp_path: Path
) -> AsyncIterator[Scene]:
    accounts = {name: mastodon_account(sink.base_url, sink.token, settle_after="0s") for name, sink in sinks.items()}
    async with Scene(
        server=prosody,
        new_name=new_name,
        folder=tmp_path,
        accounts=accounts,
        overrides={"posting": {"hold": "3s"}},
        raj_roles=["staff"],
    ) as made:
        yield made


async def test_staff_in_a_direct_chat(scene: Scene, sinks: dict[str, Sink]) -> None:
    raj, bot = scene.raj, scene.bot.jid
    session = Session(raj, bot)
    sinks["x"].next(refused(403, "token expired"))
    await session.tell("EU users can't sign in, we are on it")
    shown = await raj.hears(r"^\[1\] 36 characters: mastodon ok, bluesky ok, x ok\. Sending in 3 s: ", where=bot)
    for name in NAMES[:2]:
        await sinks[name].has_committed(1)
        assert sinks[name].texts == ["EU users can't sign in, we are on it"]
    await raj.hears(r"^\[1\] x FAILED: .*`retry 1` tries again, `drop 1` gives it up$", where=bot)
    await raj.shows(shown.id, r"^\[1\] mastodon http\S+ · bluesky http\S+ · x FAILED$")
    await session.tell("retry 1")
    await sinks["x"].has_committed(1)
    await raj.shows(shown.id, r"^\[1\] mastodon http\S+ · bluesky http\S+ · x http\S+$")
    await session.tell("fav")
    await raj.hears(
        r'^\[2\] Post "fav" as a status \(`send`\), or did you mean `fav ID`\? Nothing was posted\.', where=bot
    )
    assert [len(sinks[name].committed) for name in NAMES] == [1, 1, 1]
    session.print("staff, direct chat, guarded")


async def test_on_call_in_the_room(scene: Scene, sinks: dict[str, Sink]) -> None:
    raj, ana, room, sink = scene.raj, scene.ana, scene.room, sinks["mastodon"]
    await raj.say(room, "!to mastodon post EU users can't sign in, we are on it")
    await sink.has_committed(1)
    await raj.hears(r"^\[1\] mastodon http", where=room)
    await sink.is_listened_to()
    sink.mention("still locked out, any ETA?", in_reply_to=sink.committed[0].id)
    told = await raj.hears(r"^\[2->1\] @kim\S* still locked out, any ETA\?$", where=room)
    about = gestures.name_of(told, room=True)
    gestures.react(raj, room, about, EYES, room=True)
    await raj.hears(r"^\[2\] is raj(-\d+)?'s, 0:\d\d after it arrived$", where=room)
    await ana.say(room, "is it the cache again?")
    mark = raj.mark()
    gestures.reply(raj, room, about, told.body, "About 20 minutes, sorry!", room=True)
    held = await raj.hears(r"^\[3->2\] to @kim, from mastodon, as raj(-\d+)? in 3 s: ", where=room, after=mark)
    await sink.has_committed(2)
    assert sink.texts[1].endswith(" About 20 minutes, sorry!")
    await raj.shows(held.id, r"^\[3->2\] to @kim, from mastodon, as raj(-\d+)?: mastodon http")
    assert [len(sinks[name].committed) for name in NAMES] == [2, 0, 0]
    Session(raj, room, ana).print("on call, room")


async def test_an_admin_in_a_direct_chat(scene: Scene, sinks: dict[str, Sink]) -> None:
    ana, bot = scene.ana, scene.bot.jid
    session = Session(ana, bot)

    async def answer(text: str, what: str) -> Heard:
        mark = ana.mark()
        await session.tell(text)
        return await ana.hears(what, where=bot, after=mark)

    await answer("account list", r"^mastodon is up\nbluesky is up\nx is up$")
    await answer("account disable x", r"^x is disabled: nothing goes out to it or is heard from it\. Nothing waited")
    await answer("EU users can't sign in, we are on it", r"^\[1\] 36 characters: mastodon ok, bluesky ok\. Sending")
    await sinks["mastodon"].has_committed(1)
    await answer("account list", r"\nx was disabled by ana\S* \d+ s ago$")
    await answer("account enable x", r"^x is enabled: nothing was held for it")
    await answer("account check x", r"^x is ok: its platform takes the login$")
    await answer("reload", r"^the configuration says what it said: nothing has changed$")
    await answer("health", r"(?s)accounts: mastodon, bluesky, x up")
    await answer("panic", r"^everything outgoing is frozen \(deletions still work\), 0 held, 0 already on the wire")
    await answer("resume", r"^everything outgoing continues, 0 messages to go$")
    assert [len(sinks[name].committed) for name in NAMES] == [1, 1, 0]
    session.print("admin, direct chat")
