from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiohttp
import pytest
from slixmpp import JID

from tests.servers.person import Person, PersonError, _close
from tests.servers.process import ServerError
from tests.servers.prosody import Prosody
from tests.servers.xmpp import Login

pytestmark = pytest.mark.servers


NewLogin = Callable[[str], Login]
NewRoom = Callable[..., str]


async def archived(person: Person, where: str | None) -> list[str]:
    """The bodies in the archive of a room, or of the person's own account."""
    person.client.register_plugin("xep_0313")
    jid = JID(where) if where else None
    results = await person.client.plugin["xep_0313"].retrieve(jid=jid, iterator=False)
    stanzas = [result["mam_result"]["forwarded"]["stanza"] for result in results["mam"]["results"]]
    return [stanza["body"] for stanza in stanzas if stanza["body"]]


async def test_two_people_talk_in_a_room_that_shows_who_they_are(new_login: NewLogin, new_room: NewRoom) -> None:
    ana, raj = new_login("ana"), new_login("raj")
    room = new_room(owners=[raj.jid], members=[ana.jid])

    async with Person.of(ana) as a, Person.of(raj) as r:
        await a.join(room, "Ana")
        await r.join(room, "Raj")
        said = await a.say(room, "grüße ✅ <&>\nsecond line")
        heard = await r.hears("second line", where=room)

        assert (heard.nick, heard.sender, heard.body) == ("Ana", ana.jid, "grüße ✅ <&>\nsecond line")
        assert heard.id == heard.origin_id == said
        assert heard.stanza_id is not None
        assert not heard.delayed
        assert await archived(r, room) == ["grüße ✅ <&>\nsecond line"]
        assert r.heard(room) == [heard]
        assert a.heard(room) == []


async def test_a_room_keeps_out_who_is_no_member(new_login: NewLogin, new_room: NewRoom) -> None:
    owner, eve = new_login("owner"), new_login("eve")
    room = new_room(owners=[owner.jid])

    async with Person.of(eve) as outsider, Person.of(owner) as host:
        with pytest.raises(PersonError, match="registration-required"):
            await outsider.join(room)

        await host.join(room)
        await host.affiliate(room, eve.jid, "member")
        await outsider.join(room)
        await outsider.say(room, "hello")
        assert (await host.hears("hello")).sender == eve.jid

        with pytest.raises(PersonError, match=r"not-allowed|forbidden"):
            await outsider.affiliate(room, owner.jid, "none")


async def test_a_semi_anonymous_room_hides_who_speaks(new_login: NewLogin, new_room: NewRoom) -> None:
    ana, raj = new_login("ana"), new_login("raj")
    room = new_room(nonanonymous=False, members=[raj.jid, ana.jid])

    async with Person.of(ana) as a, Person.of(raj) as r:
        await a.join(room)
        await r.join(room)
        await a.say(room, "hello")

        assert (await r.hears("hello")).sender is None


async def test_direct_chats_are_archived_and_kept_for_the_absent(new_login: NewLogin) -> None:
    ana, raj = new_login("ana"), new_login("raj")

    async with Person.of(ana) as a:
        async with Person.of(raj) as r:
            await a.tell(r.jid, "while you are here")
            heard = await r.hears("here", where=ana.jid)
            assert (heard.nick, heard.sender, heard.delayed) == ("", ana.jid, False)
        await a.tell(raj.jid, "while you were away")

        async with Person.of(raj) as r:
            assert (await r.hears("away")).delayed
            assert await archived(r, None) == ["while you are here", "while you were away"]


async def test_a_correction_shows_as_the_newest_form(new_login: NewLogin, new_room: NewRoom) -> None:
    ana, raj = new_login("ana"), new_login("raj")
    room = new_room(members=[raj.jid, ana.jid])

    async with Person.of(ana) as a, Person.of(raj) as r:
        await a.join(room)
        await r.join(room)
        root = await a.say(room, "one")
        await a.correct(room, root, "two")
        await r.correct(room, root, "forged")
        await a.correct(room, root, "three")

        assert (await r.shows(root, "three")).replaces == root
        await a.hears("forged")
        living = a.living(root)
        assert living is not None
        assert living.body == "three"


async def test_a_restart_keeps_accounts_rooms_and_archives(private_prosody: Prosody) -> None:
    server = private_prosody
    ana, raj = server.add_user("ana"), server.add_user("raj", 'öd"\\ pass')
    room = server.make_room("ops", owners=["raj"], members=["ana"])

    async with Person.of(ana, survives=True) as a, Person.of(raj, survives=True) as r:
        await a.join(room)
        await r.join(room)
        await a.say(room, "before")
        await r.hears("before")
        sessions = a.sessions, r.sessions

        await server.restart()
        await asyncio.gather(a.returns(sessions[0]), r.returns(sessions[1]))
        mark = r.mark()
        await a.say(room, "after")

        assert (await r.hears("after", after=mark)).sender == ana.jid
        assert await archived(r, room) == ["before", "after"]
        assert [item.body for item in r.heard(room)] == ["before", "after"]


async def test_a_killed_server_comes_back_on_its_ports(private_prosody: Prosody) -> None:
    login = private_prosody.add_user("ana")
    async with Person.of(login, survives=True) as ana:
        first, sessions = private_prosody.pid, ana.sessions

        await private_prosody.kill()
        assert not private_prosody.running
        await private_prosody.start()

        assert private_prosody.pid != first
        await ana.returns(sessions)


async def test_a_session_can_be_resumed_for_as_long_as_it_is_told() -> None:
    async with Prosody({"ana": "secret"}, hibernation=7) as server:
        person = Person.of(server.login("ana"))
        client = person._new_client()
        client.register_plugin("xep_0198")
        client.connect(server.host, server.port)
        enabled = await client.wait_until("sm_enabled")
        assert (enabled["resume"], enabled.xml.get("max")) == (True, "7")
        await _close(client)
    assert not server.folder.exists()


async def test_a_bounce_is_an_error_for_who_spoke(new_login: NewLogin, new_room: NewRoom) -> None:
    ana = new_login("ana")
    room = new_room(owners=[ana.jid])
    async with Person.of(ana) as person:
        await person.join(room)
        await person.leave(room)
        person._rooms[room] = "ana"
        with pytest.raises(PersonError, match="refused 'hello'"):
            await person.say(room, "hello")


async def test_files_are_uploaded_over_https_with_the_same_certificate(new_login: NewLogin, prosody: Prosody) -> None:
    import ssl  # noqa: PLC0415

    async with Person.of(new_login("ana")) as ana:
        ana.client.register_plugin("xep_0363")
        upload = ana.client.plugin["xep_0363"]
        slot = (await upload.request_slot(JID(prosody.upload_domain), "a.txt", 5, "text/plain"))["http_upload_slot"]
        context = ssl.create_default_context(cafile=str(prosody.ca_file))
        async with aiohttp.ClientSession() as session:
            put = await session.put(slot["put"]["url"], data=b"hello", headers=_headers(slot), ssl=context)
            got = await session.get(slot["get"]["url"], ssl=context)
            assert (put.status, await got.read()) == (201, b"hello")


async def test_browsers_may_connect_by_websocket(prosody: Prosody) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(prosody.websocket_url, protocols=["xmpp"]) as socket,
    ):
        await socket.send_str(
            f'<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" to="{prosody.domain}" version="1.0"/>'
        )
        assert "<open" in await socket.receive_str()


async def test_a_wrong_password_is_said_at_once(new_login: NewLogin) -> None:
    login = new_login("ana")
    person = Person(login.jid, "wrong", host=login.host, port=login.port, ca_file=login.ca_file)
    with pytest.raises(PersonError, match="refused the password"):
        await person.sign_in()
    assert not person.online


async def test_who_hears_nothing_is_told_what_was_heard(new_login: NewLogin) -> None:
    ana, raj = new_login("ana"), new_login("raj")
    async with Person.of(ana) as a, Person.of(raj) as r:
        await a.tell(r.jid, "something else")
        await r.hears("something")
        with pytest.raises(
            AssertionError, match=r"(?s)didn't hear 'status' within 0 s, but 1 messages:.*something else"
        ):
            await r.hears("status", patience=0)


async def test_nothing_is_left_running_behind_a_person(new_login: NewLogin, new_room: NewRoom) -> None:
    login = new_login("ana")
    room = new_room(owners=[login.jid])
    before = asyncio.all_tasks()
    async with Person.of(login, survives=True) as ana:
        await ana.join(room)
        await ana.leave(room)
    assert asyncio.all_tasks() == before


async def test_a_start_that_fails_shows_the_log_and_leaves_nothing() -> None:
    server = Prosody()
    server._log_level = '"nonsense'
    with pytest.raises(ServerError, match=r"(?s)prosody ended with status.*prosody.cfg.lua"):
        await server.start()
    server.close()
    assert not server.folder.exists()


def _headers(slot: object) -> dict[str, str]:
    return {header["name"]: header["value"] for header in slot["put"]["headers"]}  # type: ignore[index]
