"""Refusals of a server or a room, against a real Prosody: understood at once, told once, mended by themselves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from bridge.chat import WrongPassword
from tests.servers.person import Person

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.xmpp import Login, XmppServer

pytestmark = pytest.mark.live


async def test_a_taken_nick_is_replaced_by_the_next(
    new_login: Callable[[str], Login], new_room: Callable[..., str], new_bot: Callable[..., Any]
) -> None:
    me, ana = new_login("bot"), new_login("ana")
    room = new_room(admins=[me.jid], members=[ana.jid])
    bot = new_bot(me, room)
    async with Person.of(ana) as person:
        await person.join(room, "status")
        await bot.start()
        await bot.say(room, "here I am")
        assert (await person.hears("here I am")).nick == "status_"
        await bot.has_said_all()


async def test_a_wrong_password_ends_it_with_one_clear_error(
    new_login: Callable[[str], Login], new_bot: Callable[..., Any]
) -> None:
    bot = new_bot(new_login("bot"), password="not the one")
    await bot.start(wait=False)
    with pytest.raises(WrongPassword, match=r"refuses the password of bot-\d+@example\.org") as error:
        await asyncio.wait_for(bot.running, 10)
    assert "not the one" not in str(error.value)


async def test_a_certificate_that_is_not_trusted_is_told_once_and_no_password_is_sent(
    xmpp: XmppServer, new_login: Callable[[str], Login], new_bot: Callable[..., Any], tmp_path: Any
) -> None:
    other = tmp_path / "other.pem"
    other.write_text(_OTHER_CA, encoding="ascii")
    bot = new_bot(new_login("bot"), ca_file=other)
    with capture_logs() as logs:
        await bot.start(wait=False)
        for _ in range(3):
            await _next_attempt(bot)
    told = [entry["event"] for entry in logs if entry["log_level"] == "warning"]
    assert len(told) == 1
    assert "isn't trusted" in told[0]
    assert not bot.running.done()


async def test_a_members_only_room_that_refuses_is_told_at_once_and_its_lines_go_to_the_admins(
    new_login: Callable[[str], Login], new_room: Callable[..., str], new_bot: Callable[..., Any]
) -> None:
    me, ana = new_login("bot"), new_login("ana")
    room = new_room(owners=[ana.jid])
    bot = new_bot(me, room, admins=[ana.jid])
    with capture_logs() as logs:
        async with Person.of(ana) as person:
            await bot.start(wait=False)
            await bot.leaves()
            told = [entry["event"] for entry in logs if entry["log_level"] == "warning"]
            mend = f"make {me.jid} a member (better: an admin) of it"
            assert told == [f"can't enter the room {room}: the room is members-only: {mend}; trying on"]
            await bot.say(room, "important")
            heard = await person.hears("important", where=me.jid)
            assert heard.body == f"(for {room}) important"
            await person.join(room)
            await person.affiliate(room, me.jid, "admin")
            await bot.is_in(2)
            await bot.say(room, "in at last")
            await person.hears("in at last", where=room)
            await bot.has_said_all()


async def test_a_kick_is_followed_by_a_return_and_nothing_is_missed(
    new_login: Callable[[str], Login], new_room: Callable[..., str], new_bot: Callable[..., Any]
) -> None:
    me, ana = new_login("bot"), new_login("ana")
    room = new_room(owners=[ana.jid], admins=[], members=[me.jid])
    bot = new_bot(me, room)
    await bot.start()
    async with Person.of(ana) as person:
        await person.join(room)
        await person.client.plugin["xep_0045"].set_role(room, "status", "none")
        await bot.leaves()
        await person.say(room, "!while out")
        await bot.say(room, "back")
        await person.hears("back", where=room)
        await bot.desk.handles(1)
        await bot.has_said_all()
        assert bot.desk.texts() == ["!while out"]
        assert [one.body for one in person.heard(room)] == ["back"]


async def test_a_semi_anonymous_room_gets_an_explanation_instead_of_commands(
    new_login: Callable[[str], Login], new_room: Callable[..., str], new_bot: Callable[..., Any]
) -> None:
    me, ana = new_login("bot"), new_login("ana")
    room = new_room(owners=[ana.jid], members=[me.jid], nonanonymous=False)
    bot = new_bot(me, room)
    await bot.start()
    async with Person.of(ana) as person:
        await person.join(room)
        await person.say(room, "hello")
        await person.say(room, "!post something")
        await person.hears("can't see who is who", where=room)
        await person.say(room, "status: post something")
        await bot.has_said_all()
        assert len(person.heard(room)) == 1
    assert bot.desk.offered == 0


async def test_a_semi_anonymous_room_whose_people_the_bot_sees_is_as_good_as_any_while_it_is_there(
    new_login: Callable[[str], Login], new_room: Callable[..., str], new_bot: Callable[..., Any]
) -> None:
    me, ana = new_login("bot"), new_login("ana")
    room = new_room(owners=[me.jid], members=[ana.jid], nonanonymous=False)
    bot = new_bot(me, room)
    await bot.start()
    async with Person.of(ana) as person:
        await person.join(room)
        await person.say(room, "!echo hello")
        await person.hears("^hello$", where=room)
        (heard,) = bot.desk.handled
        assert (heard.sender, heard.affiliation, heard.text) == (ana.jid, "member", "!echo hello")
        await bot.has_said_all()
        assert [one.body for one in person.heard(room)] == ["hello"]


async def test_of_two_rooms_each_goes_its_own_way(
    new_login: Callable[[str], Login], new_room: Callable[..., str], new_bot: Callable[..., Any]
) -> None:
    me, ana = new_login("bot"), new_login("ana")
    rooms = [new_room(owners=[ana.jid], members=[me.jid]) for _ in range(2)]
    bot = new_bot(me, *rooms)
    await bot.start()
    async with Person.of(ana) as person:
        for room in rooms:
            await person.join(room)
        await person.say(rooms[0], "!echo one")
        await person.say(rooms[1], "!echo two")
        await person.hears("^one$", where=rooms[0])
        await person.hears("^two$", where=rooms[1])
        await person.affiliate(rooms[0], me.jid, "none")
        await bot.leaves()
        await person.say(rooms[0], "!echo three")
        await person.say(rooms[1], "!echo four")
        await person.hears("^four$", where=rooms[1])
        assert bot.left == [rooms[0]]
        assert bot.desk.texts(source=rooms[0]) == ["!echo one"]
        await person.affiliate(rooms[0], me.jid, "member")
        await person.hears("^three$", where=rooms[0])
        await bot.has_said_all()
        for room, said in zip(rooms, (["one", "three"], ["two", "four"]), strict=True):
            assert [one.body for one in person.heard(room)] == said


async def test_a_room_without_an_archive_is_told_and_works_live(
    new_login: Callable[[str], Login], new_room: Callable[..., str], new_bot: Callable[..., Any]
) -> None:
    me, ana = new_login("bot"), new_login("ana")
    room = new_room(admins=[me.jid], members=[ana.jid], archive=False)
    bot = new_bot(me, room)
    async with Person.of(ana) as person:
        await person.join(room)
        await bot.start()
        await person.hears("has no archive", where=room)
        await person.say(room, "!live")
        await bot.desk.handles(1)
        assert bot.desk.handled[0].key.startswith("fallback:")
        assert bot.desk.handled[0].position is None
        await bot.has_said_all()


async def _next_attempt(bot: Any) -> None:
    client = bot.chat._session._client
    await asyncio.wait_for(client.wait_until("disconnected", 10), 11)


_OTHER_CA = """\
-----BEGIN CERTIFICATE-----
MIIBjzCCATWgAwIBAgIUdjBGSpinP2aFZbquPwV7zZTGnd8wCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRb3RoZXIuZXhhbXBsZS5vcmcwIBcNMjYxMTIxMjMzMTE4WhgP
MjEyNjEwMjgyMzMxMThaMBwxGjAYBgNVBAMMEW90aGVyLmV4YW1wbGUub3JnMFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEirdWlbl9sYkA9gqKP7yWQ+54TV0lkNJP
DZhprYIGOhALrDDl875en9oQTjkjmm/f5zoLrfoSmPRVh6cOlpBm1aNTMFEwHQYD
VR0OBBYEFJDq1lRMpvxMKVcL45gDtNW9nMxMMB8GA1UdIwQYMBaAFJDq1lRMpvxM
KVcL45gDtNW9nMxMMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIg
VJu2MF5VOl2kYyYUCLcfqWUQF2Ip/fYT9cDJ2lBifcACIQDX6A9r0o0xPazbP/NA
+tEbuIauCj0jUsulYGTnBu+Z8g==
-----END CERTIFICATE-----
"""
