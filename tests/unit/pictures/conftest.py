"""Servers of loopback that a file may be fetched from, and a network that knows no other."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from bridge.pictures import fetch
from bridge.pictures.addresses import UploadHost
from bridge.pictures.fetch import Caps, Fetcher, FetchError
from tests.servers.xmpp import make_certificate

LOOPBACK = "127.0.0.1"
PUBLIC = "93.184.216.34"
MOST = 200_000
PICTURE = os.urandom(150_000)

INNER_HOSTS = [
    LOOPBACK,
    "[::1]",
    "2130706433",
    "017700000001",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "127.1",
    "127.0.1",
    "127.0.0.1.",
    "\uff11\uff12\uff17.0.0.1",
    "localhost",
    "LOCALHOST.",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[2002:7f00:1::]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "0.0.0.0",
    "[::]",
    "169.254.169.254",
    "10.0.0.1",
    "[fd00::1]",
    "[fe80::1%25lo]",
]
INNER = [(host, scheme) for host in INNER_HOSTS for scheme in ("http", "https")]

Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


def file(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode() + body


def sized(body: bytes, *headers: str) -> bytes:
    return file(body, f"Content-Length: {len(body)}", *headers)


def sent_on(to: str, status: str = "302 Found") -> bytes:
    return file(b"", f"Location: {to}", "Content-Length: 0", status=status)


def endlessly(start: bytes, rest: bytes, pause: float = 0) -> Answer:
    """An answer that never comes to its end."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(rest)
            await writer.drain()
            await asyncio.sleep(pause)

    return answer


def running() -> set[asyncio.Task[object]]:
    """The tasks that there are, but for those of the servers."""
    theirs = ("FileServer._serve", "_accept_connection")
    return {task for task in asyncio.all_tasks() if not any(name in str(task.get_coro()) for name in theirs)}


class FileServer:
    """Answers each path as it is told, byte for byte, and ends the connection; counts who comes."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = dict(answers)
        self.greeting = b""
        self.port = 0
        self.connections = 0
        self.heads: list[str] = []
        self.asked = asyncio.Event()
        self.left = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []

    @property
    def paths(self) -> list[str]:
        return [head.split()[1] for head in self.heads]

    def url(self, path: str = "/", host: str = LOOPBACK, scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    async def start(self, tls: ssl.SSLContext | None) -> None:
        """Listen on 127.0.0.1, and at the same port of ::1 where this machine has that."""
        self._servers.append(await asyncio.start_server(self._serve, LOOPBACK, ssl=tls))
        self.port = self._servers[0].sockets[0].getsockname()[1]
        with suppress(OSError):
            self._servers.append(await asyncio.start_server(self._serve, "::1", self.port, ssl=tls))

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                writer.write(self.greeting)
                self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
                self.asked.set()
                answer = self.answers[self.paths[-1]]
                if isinstance(answer, bytes):
                    writer.write(answer)
                    await writer.drain()
                else:
                    await answer(writer)
                if writer.can_write_eof():
                    writer.write_eof()
                await reader.read()
        finally:
            self.left.set()
            writer.close()


class Place:
    """Where a fetched file goes to, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "1"

    @property
    def content(self) -> bytes:
        """The file's bytes, where it is alone there and nobody else's to read."""
        assert self.names == ["1"]
        assert self.path.stat().st_mode & 0o777 == 0o600
        return self.path.read_bytes()

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in self.path.parent.iterdir())


class Network:
    """What of the internet there is: addresses that lead to a server of loopback; all others refuse."""

    def __init__(self) -> None:
        self.dialled: list[tuple[str, int]] = []
        self.routed: set[str] = set()
        self.names: dict[str, list[list[str]]] = {}
        self.lookups: list[tuple[str, int]] = []

    async def resolve(self, host: str, port: int) -> list[str]:
        """Give a name's next answer; its last one is for ever."""
        self.lookups.append((host, port))
        answers = self.names[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


def fetcher(server: FileServer, *, seconds: float = 20, network: Network | None = None) -> Fetcher:
    caps = Caps(most_bytes=MOST, seconds=seconds)
    return Fetcher(upload=UploadHost(LOOPBACK, server.port), caps=caps, resolve=network.resolve if network else None)


def chain(error: BaseException | None) -> list[BaseException]:
    return [] if error is None else [error, *chain(error.__cause__), *chain(error.__context__)]


async def refusal(files: Fetcher, url: str, into: Place) -> FetchError:
    """The error of a fetch that must leave nothing behind, and says nothing of where it went."""
    before = running()
    with pytest.raises(FetchError) as caught:
        await files.fetch(url, into.path)
    assert running() == before
    assert into.names == []
    assert chain(caught.value) == [caught.value]
    assert not any(address in str(caught.value) for address in (LOOPBACK, "::1", PUBLIC, "localhost:", "secret"))
    return caught.value


async def cancel_at(step: str, server: FileServer, into: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a fetch come as far as `step`, and cancel it there."""
    reached, go_on, loop = asyncio.Event(), threading.Event(), asyncio.get_running_loop()
    sync = fetch._sync

    def hold(path: Path) -> None:
        if path == {"file": into.path.with_name("1.part"), "folder": into.path.parent}.get(step):
            loop.call_soon_threadsafe(reached.set)
            go_on.wait()
        sync(path)

    def write(part: fetch._Part, chunk: bytes) -> None:
        put(part, chunk)
        if step == "body":
            reached.set()

    async def resolve(host: str, port: int) -> list[str]:
        if step == "lookup":
            reached.set()
            await asyncio.Event().wait()
        return [LOOPBACK]

    put = fetch._Part.write
    monkeypatch.setattr(fetch, "_sync", hold)
    monkeypatch.setattr(fetch._Part, "write", write)
    files = Fetcher(upload=UploadHost("upload.example.org", server.port), resolve=resolve)
    path = {"body": "/body", "answer": "/mute"}.get(step, "/")
    fetching = asyncio.ensure_future(files.fetch(server.url(path, "upload.example.org"), into.path))
    await (server.asked if step == "answer" else reached).wait()
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    go_on.set()


@pytest.fixture
def into(tmp_path: Path) -> Place:
    folder = tmp_path / "pictures"
    folder.mkdir()
    return Place(folder)


@pytest.fixture
async def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    """The network that the event loop of this test sees."""
    net = Network()
    loop = asyncio.get_running_loop()
    connect = loop.sock_connect

    async def dial(sock: socket.socket, address: tuple[str, int]) -> None:
        host, port = address[:2]
        net.dialled.append((host, port))
        if host in net.routed:
            await connect(sock, (LOOPBACK, port))
        elif host in {LOOPBACK, "::1"}:
            await connect(sock, address)
        else:
            raise ConnectionRefusedError(111, f"Connect call failed {address}")

    monkeypatch.setattr(loop, "sock_connect", dial)
    return net


@pytest.fixture
async def serve() -> AsyncGenerator[Callable[..., Awaitable[FileServer]]]:
    """`await serve({"/": answer})` starts a server that stops with the test."""
    started: list[FileServer] = []

    async def start(answers: Mapping[str, Answer], tls: ssl.SSLContext | None = None) -> FileServer:
        server = FileServer(answers)
        started.append(server)
        await server.start(tls)
        return server

    yield start
    for server in started:
        await server.stop()


@pytest.fixture
async def secret(serve: Callable[..., Awaitable[FileServer]]) -> FileServer:
    """What nobody outside may ask."""
    return await serve({})


@pytest.fixture(scope="session")
def authority(require: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of upload.example.org, files.example.org and localhost, which no system trusts."""
    require("prosody")  # comes with openssl
    folder = tmp_path_factory.mktemp("authority")
    make_certificate(folder, "example.org", ["upload.example.org", "files.example.org"])
    return folder / "ca.pem"


@pytest.fixture
def tls(authority: Path) -> ssl.SSLContext:
    """How a server shows that certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority, authority.with_name("key.pem"))
    return context


@pytest.fixture
def tls_trusted(authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be what this system trusts; aiohttp has read that on import."""
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", ssl.create_default_context(cafile=authority))
