from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from tests.servers.cut import CutProxy
from tests.servers.listener import Listener
from tests.servers.person import Person, PersonError
from tests.servers.ports import HOST
from tests.servers.prosody import Prosody
from tests.servers.xmpp import Login


class Echo(Listener):
    def __init__(self) -> None:
        super().__init__()
        self.received = b""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1024):
            self.received += data
            writer.write(data)


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    async with Echo() as server:
        yield server


@pytest.fixture
async def proxy(echo: Echo) -> AsyncIterator[CutProxy]:
    async with CutProxy(echo.port) as found:
        yield found


class Line:
    """A client that says something and reads the echo."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, port: int) -> Line:
        return cls(*await asyncio.open_connection(HOST, port))

    async def echoed(self, data: bytes) -> bytes:
        self.writer.write(data)
        return await self.reader.readexactly(len(data))


async def test_it_passes_bytes_both_ways(proxy: CutProxy) -> None:
    line = await Line.to(proxy.port)
    assert await line.echoed(b"hello") == b"hello"
    assert (proxy.connections, proxy.open) == (1, 1)
    line.writer.close()


async def test_a_cut_is_a_reset(proxy: CutProxy) -> None:
    line = await Line.to(proxy.port)
    await line.echoed(b"hello")
    assert proxy.cut() == 1
    with pytest.raises(ConnectionResetError):
        await line.reader.read()
    line.writer.close()


async def test_what_is_swallowed_never_arrives(proxy: CutProxy, echo: Echo) -> None:
    line = await Line.to(proxy.port)
    await line.echoed(b"one")
    proxy.swallow(down=False)
    line.writer.write(b"lost")
    await line.writer.drain()
    await proxy.has_swallowed(4)
    proxy.flow()
    assert await line.echoed(b"two") == b"two"
    assert echo.received == b"onetwo"
    line.writer.close()


async def test_a_stranded_connection_is_mute_while_new_ones_work(proxy: CutProxy, echo: Echo) -> None:
    old = await Line.to(proxy.port)
    await old.echoed(b"one")
    assert proxy.strand() == 1
    old.writer.write(b"mute")
    new = await Line.to(proxy.port)
    assert await new.echoed(b"two") == b"two"
    assert echo.received == b"onetwo"
    for line in (old, new):
        line.writer.close()


async def test_it_refuses_while_it_is_told_to(proxy: CutProxy) -> None:
    await proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        await Line.to(proxy.port)
    await proxy.accept()
    line = await Line.to(proxy.port)
    assert await line.echoed(b"back") == b"back"
    line.writer.close()


async def test_a_person_survives_a_cut_and_hears_what_was_missed(
    prosody: Prosody, new_login: Callable[[str], Login], new_room: Callable[..., str]
) -> None:
    ana, raj = new_login("ana"), new_login("raj")
    room = new_room(members=[ana.jid, raj.jid])
    async with CutProxy(prosody.port) as proxy, Person.of(raj) as r:
        wobbly = Person(ana.jid, ana.password, host=HOST, port=proxy.port, ca_file=ana.ca_file, survives=True)
        async with wobbly:
            await wobbly.join(room)
            await r.join(room)
            await r.say(room, "one")
            await wobbly.hears("one")
            await proxy.refuse()
            sessions = wobbly.sessions
            assert proxy.cut() == 1
            await r.say(room, "two")
            await proxy.accept()
            await wobbly.returns(sessions)
            assert (await wobbly.hears("two")).delayed
            assert [item.body for item in wobbly.heard(room)] == ["one", "two"]
            await proxy.refuse()
    with pytest.raises(PersonError, match="no connection"):
        await wobbly.sign_in()
