from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self
from xml.etree.ElementTree import Element

import pytest
from structlog.testing import capture_logs

from bridge.chat import BadCaFile
from bridge.chat.errors import NoAnswer
from bridge.chat.session import LONGEST_PAUSE, Handlers, Login, Session, pause
from bridge.domain.clock import SystemClock
from tests.servers.watch import Watch


@pytest.mark.parametrize(
    ("failures", "jitter", "seconds"),
    [(0, 1.0, 0.5), (1, 1.0, 1.0), (3, 0.5, 2.0), (5, 1.0, LONGEST_PAUSE), (10_000, 1.0, LONGEST_PAUSE), (4, 0.0, 0.0)],
)
def test_the_back_off_has_full_jitter_and_ends_at_ten_seconds(failures: int, jitter: float, seconds: float) -> None:
    assert pause(failures, jitter) == seconds


@pytest.mark.parametrize(("host", "named"), [("127.0.0.1", "127.0.0.1:5222"), (None, "example.org")])
def test_the_server_is_named_as_it_is_configured(host: str | None, named: str) -> None:
    login = Login(
        jid="status@example.org", resource="statusbridge", password="secret", host=host, port=5222, ca_file=None
    )
    assert login.server == named


class Server:
    """A TCP server that says what it is told to when a stream is opened, and keeps all that it is sent."""

    def __init__(self, features: str | None, *, hangs_up: bool = False, hangs_up_on_tls: bool = False) -> None:
        self.features = features
        self.hangs_up = hangs_up
        self.hangs_up_on_tls = hangs_up_on_tls
        self.received = ""
        self.connections = 0
        self.port = 0
        self.watch = Watch()
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        assert talk is not None
        self._talks.add(talk)
        self.connections += 1
        self.watch.changed()
        try:
            while not self.hangs_up and (data := await reader.read(4096)):
                if self.hangs_up_on_tls and data.startswith(b"\x16"):
                    writer.transport.abort()
                    return
                self.received += data.decode()
                if b"<starttls" in data:
                    writer.write(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
                elif self.features is not None and b"<stream:stream" in data:
                    namespaces = "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
                    opening = f"<stream:stream {namespaces} id='1' from='example.org' version='1.0'>"
                    writer.write(f"{opening}<stream:features>{self.features}</stream:features>".encode())
        finally:
            writer.close()


@asynccontextmanager
async def session_to(server: Server) -> AsyncGenerator[Session]:
    login = Login(
        jid="status@example.org",
        resource="statusbridge",
        password="top secret",
        host="127.0.0.1",
        port=server.port,
        ca_file=None,
    )
    handlers = Handlers(
        stanza=lambda _: None, acknowledged=lambda _: None, established=lambda _: None, lost=lambda: None
    )
    session = Session(login, SystemClock(), handlers, jitter=lambda: 0.01)
    task = asyncio.ensure_future(session.run())
    try:
        yield session
    finally:
        task.cancel()
        await asyncio.wait((task,))
        await session.close()


async def attempts(server: Server, count: int) -> None:
    await server.watch.until(
        lambda: server.connections >= count, timeout=10, otherwise=lambda: f"{server.connections} connections"
    )


async def test_a_server_without_encryption_gets_no_password_and_is_told_of_once() -> None:
    mechanisms = "<mechanism>PLAIN</mechanism><mechanism>SCRAM-SHA-1</mechanism><mechanism>DIGEST-MD5</mechanism>"
    features = f"<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{mechanisms}</mechanisms>"
    async with Server(features) as server:
        with capture_logs() as logs:
            async with session_to(server):
                await attempts(server, 4)
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == [
        f"XMPP server 127.0.0.1:{server.port} offers no encryption, so no password was sent; trying on"
    ]
    assert "<auth" not in server.received


async def test_a_server_that_goes_in_the_middle_of_the_handshake_is_tried_again_at_once() -> None:
    features = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
    async with Server(features, hangs_up_on_tls=True) as server, session_to(server) as session:
        await attempts(server, 4)
        assert not session.live


async def test_a_server_that_drops_every_connection_is_told_once() -> None:
    async with Server(None, hangs_up=True) as server:
        with capture_logs() as logs:
            async with session_to(server):
                await attempts(server, 4)
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == [
        f"cannot reach XMPP server 127.0.0.1:{server.port} (the connection was closed at once); trying on"
    ]


async def test_a_mute_server_is_given_up_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.chat.session.START_SECONDS", 0.1)
    async with Server(None) as server:
        with capture_logs() as logs:
            async with session_to(server) as session:
                await attempts(server, 3)
                assert not session.live
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == [
        f"cannot reach XMPP server 127.0.0.1:{server.port} (no session within 0.1 s); trying on"
    ]


async def test_without_a_session_nothing_is_sent_or_asked() -> None:
    async with Server(None) as server, session_to(server) as session:
        assert not session.send(Element("{jabber:client}message"))
        with pytest.raises(NoAnswer, match="no session"):
            await session.ask("get", None, Element("{urn:xmpp:ping}ping"))


async def test_a_ca_file_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    for name, text in (("missing.pem", None), ("empty.pem", "nothing in here")):
        if text is not None:
            (tmp_path / name).write_text(text, encoding="utf-8")
        login = Login(
            jid="status@example.org",
            resource="statusbridge",
            password="top secret",
            host=None,
            port=5222,
            ca_file=tmp_path / name,
        )
        handlers = Handlers(
            stanza=lambda _: None, acknowledged=lambda _: None, established=lambda _: None, lost=lambda: None
        )
        with pytest.raises(BadCaFile, match=rf"xmpp\.ca_file: .*{name} can't be read"):
            Session(login, SystemClock(), handlers)
