"""What `check` finds at a real XMPP server, without saying anything there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bridge.chat.probe import probe
from bridge.domain.clock import SystemClock
from bridge.domain.findings import Finding
from bridge.settings import RoomSettings, XmppSettings
from tests.servers.ports import claim_port, release_port
from tests.servers.xmpp import Login, XmppServer

pytestmark = pytest.mark.live


@pytest.fixture
def bot(new_login: Callable[[str], Login]) -> Login:
    return new_login("status")


async def look(login: Login, *rooms: str, **changes: Any) -> list[Finding]:
    own: dict[str, Any] = {"host": login.host, "port": login.port, "ca_file": login.ca_file}
    own |= {"jid": login.jid, "password": SecretStr(login.password)} | changes
    return await probe(XmppSettings(**own), [RoomSettings(jid=room) for room in rooms], SystemClock())


async def test_nothing_is_wrong(bot: Login, new_room: Callable[..., str]) -> None:
    assert await look(bot, new_room(admins=[bot.jid])) == []


async def test_a_wrong_password_is_one_finding(bot: Login, new_room: Callable[..., str]) -> None:
    found = await look(bot, new_room(admins=[bot.jid]), password=SecretStr("wrong"))
    words = f"the XMPP server refuses the password of {bot.jid}: mend xmpp.password or xmpp.jid"
    assert found == [Finding(words)]


async def test_a_server_that_is_not_there(bot: Login) -> None:
    port = claim_port()
    try:
        (found,) = await look(bot, "ops@rooms.example.org", port=port)
    finally:
        release_port(port)
    assert found.text.startswith(f"cannot reach XMPP server 127.0.0.1:{port} (")
    assert found.text.endswith("): start it, or mend xmpp.host and xmpp.port")
    assert not found.warning


async def test_a_certificate_that_nobody_vouches_for(bot: Login) -> None:
    (found,) = await look(bot, ca_file=None)
    assert "isn't trusted" in found.text
    assert found.text.endswith("mend it, or name its authority as xmpp.ca_file")


async def test_a_ca_file_that_is_none(bot: Login, tmp_path: Path) -> None:
    (found,) = await look(bot, ca_file=tmp_path / "absent.pem")
    assert found.text.startswith("xmpp.ca_file: ")


async def test_a_room_that_is_not_there(bot: Login, xmpp: XmppServer) -> None:
    room = f"nowhere@{xmpp.rooms_domain}"
    assert await look(bot, room) == [Finding(f"room {room}: there is no such room: make it, or mend rooms.jid")]


async def test_a_room_that_hides_people_is_open_to_all_and_keeps_nothing(
    bot: Login, new_room: Callable[..., str]
) -> None:
    room = new_room(nonanonymous=False, members_only=False, archive=False)
    found = await look(bot, room)
    assert [(one.text.removeprefix(f"room {room}").split(":")[0].split(",")[0], one.warning) for one in found] == [
        (" hides who people are", False),
        (" has no archive (XEP-0313)", True),
        (" is open to everybody", True),
        ("", True),
    ]
    assert "I am no admin of it" in found[-1].text


async def test_a_running_session_of_the_bot_is_left_alone(
    bot: Login, new_room: Callable[..., str], xmpp: XmppServer
) -> None:
    from tests.servers.person import Person  # noqa: PLC0415 - slixmpp is slow to import, and only this test needs it

    room = new_room(admins=[bot.jid])
    async with Person.of(bot, resource="statusbridge") as running:
        await running.join(room, "status")
        assert await look(bot, room) == []
        await running.say(room, "still here")
