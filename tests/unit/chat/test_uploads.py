from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bridge.chat import uploads
from bridge.chat.errors import AnswerError, NoAnswer, Refused
from bridge.chat.uploads import UploadError, Uploads
from tests.servers.ports import claim_port, release_port
from tests.servers.xmpp import make_certificate

SERVER, ROOMS, UPLOAD = "example.org", "rooms.example.org", "upload.example.org"
NAMESPACE = "urn:xmpp:http:upload:0"
ITEMS, INFO = "{http://jabber.org/protocol/disco#items}", "{http://jabber.org/protocol/disco#info}"
TOKEN = "Bearer t0ken"
PICTURE = bytes(range(256)) * 5000


class Cloud:
    """Our server with its upload service, and the HTTP server where the files go."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.items: list[dict[str, str]] = [{"jid": ROOMS}, {"jid": UPLOAD}]
        self.features = {SERVER: ["urn:xmpp:ping"], ROOMS: ["muc"], UPLOAD: ["urn:xmpp:ping", NAMESPACE]}
        self.limit: str | None = str(len(PICTURE))
        self.form = NAMESPACE
        self.refusal: AnswerError | None = None
        self.no_items: AnswerError | None = None
        self.base = ""
        self.path = "/slot/a%2Fb%7E.jpg"
        self.put: str | None = None
        self.get: str | None = "https://files.example.org/a.jpg"
        self.headers = [("Authorization", TOKEN)]
        self.status = 201
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.requests: list[web.Request] = []
        self.bodies: list[bytes] = []
        stream.answers = self._answer

    def asked(self, name: str) -> list[str | None]:
        return [to for _, to, payload in self.stream.asked if payload.tag == name]

    async def store(self, request: web.Request) -> web.Response:
        await self.goes_on.wait()
        self.requests.append(request)
        self.bodies.append(await request.read())
        return web.Response(status=self.status, headers={"Location": "/elsewhere"})

    def _answer(self, asked: tuple[str, str | None, Element]) -> Element | AnswerError:
        kind, to, payload = asked
        assert (kind, to is None) == ("get", False)
        answer = Element("{jabber:client}iq")
        if payload.tag == ITEMS + "query":
            if self.no_items is not None:
                return self.no_items
            query = SubElement(answer, ITEMS + "query")
            for item in self.items:
                SubElement(query, ITEMS + "item", item)
        elif payload.tag == INFO + "query":
            if to not in self.features:
                return NoAnswer("silence")
            self._inform(SubElement(answer, INFO + "query"), to)
        elif self.refusal is not None:
            return self.refusal
        else:
            self._give(SubElement(answer, f"{{{NAMESPACE}}}slot"))
        return answer

    def _inform(self, query: Element, to: str) -> None:
        for name in self.features[to]:
            SubElement(query, INFO + "feature", {"var": name})
        if self.limit is None:
            return
        form = SubElement(query, "{jabber:x:data}x", {"type": "result"})
        for name, value in (("FORM_TYPE", self.form), ("max-file-size", self.limit)):
            SubElement(SubElement(form, "{jabber:x:data}field", {"var": name}), "{jabber:x:data}value").text = value

    def _give(self, slot: Element) -> None:
        put = SubElement(slot, f"{{{NAMESPACE}}}put", {"url": self.put or f"{self.base}{self.path}"})
        for name, value in self.headers:
            SubElement(put, f"{{{NAMESPACE}}}header", {"name": name}).text = value
        if self.get is not None:
            SubElement(slot, f"{{{NAMESPACE}}}get", {"url": self.get})


@pytest.fixture
async def cloud(stream: Any) -> AsyncIterator[Cloud]:
    made = Cloud(stream)
    async with _serving(made) as server:
        made.base = str(server.make_url("")).rstrip("/")
        yield made


def _serving(cloud: Cloud) -> TestServer:
    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{path:.*}", cloud.store)
    return TestServer(app, host="127.0.0.1")


@pytest.fixture
def ours(stream: Any) -> Uploads:
    return Uploads(stream, SERVER)


async def send(ours: Uploads, data: bytes = PICTURE) -> str:
    return await ours.upload(data, name="a.jpg", type="image/jpeg")


async def test_a_file_goes_where_the_service_says(cloud: Cloud, ours: Uploads) -> None:
    assert await send(ours) == cloud.get
    assert cloud.bodies == [PICTURE]
    (request,) = cloud.requests
    assert (request.method, request.raw_path) == ("PUT", cloud.path)
    assert request.headers["Content-Type"] == "image/jpeg"
    assert request.headers["Content-Length"] == str(len(PICTURE))
    assert request.headers["Authorization"] == TOKEN
    _, to, asked = cloud.stream.asked[-1]
    assert (to, asked.tag) == (UPLOAD, f"{{{NAMESPACE}}}request")
    assert asked.attrib == {"filename": "a.jpg", "size": str(len(PICTURE)), "content-type": "image/jpeg"}


async def test_the_service_is_looked_for_once_and_by_all_together(cloud: Cloud, ours: Uploads) -> None:
    await asyncio.gather(send(ours), send(ours))
    await send(ours)
    assert cloud.asked(ITEMS + "query") == [SERVER]
    assert sorted(str(to) for to in cloud.asked(INFO + "query")) == [SERVER, ROOMS, UPLOAD]
    assert len(cloud.bodies) == 3
    ours.forget()
    await send(ours)
    assert cloud.asked(ITEMS + "query") == [SERVER, SERVER]


async def test_the_server_itself_may_be_the_service_and_the_first_one_is_taken(cloud: Cloud, ours: Uploads) -> None:
    cloud.features[SERVER].append(NAMESPACE)
    await send(ours)
    assert cloud.asked(f"{{{NAMESPACE}}}request") == [SERVER]


async def test_services_that_do_not_answer_and_nodes_are_passed_over(cloud: Cloud, ours: Uploads) -> None:
    cloud.items = [{"jid": "mute.example.org"}, {}, {"jid": ROOMS, "node": "list"}, {"jid": UPLOAD}]
    await send(ours)
    assert cloud.asked(INFO + "query") == [SERVER, "mute.example.org", UPLOAD]


async def test_no_service_and_one_that_comes_later(cloud: Cloud, ours: Uploads) -> None:
    cloud.items = [{"jid": ROOMS}]
    with pytest.raises(UploadError, match=r"^example\.org offers no place for files: switch on its HTTP upload"):
        await send(ours)
    cloud.items.append({"jid": UPLOAD})
    assert await send(ours) == cloud.get


async def test_a_server_that_does_not_say(cloud: Cloud, ours: Uploads) -> None:
    cloud.no_items = NoAnswer("no answer came in time")
    with pytest.raises(UploadError, match=r"^example\.org doesn't say where files can go \(no answer came in time\)"):
        await send(ours)


async def test_what_is_too_large_is_not_even_asked_for(cloud: Cloud, ours: Uploads) -> None:
    with pytest.raises(UploadError) as caught:
        await send(ours, PICTURE + b"!")
    size = len(PICTURE)
    assert str(caught.value) == f"a.jpg has {size + 1} bytes, and {UPLOAD} takes {size} at most: make it smaller"
    assert not cloud.asked(f"{{{NAMESPACE}}}request")


@pytest.mark.parametrize("limit", [None, "", "many", "-1", "٣", "9" * 5000])
async def test_a_limit_that_cannot_be_read_is_none(cloud: Cloud, ours: Uploads, limit: str | None) -> None:
    cloud.limit = limit
    assert await send(ours, PICTURE + b"!") == cloud.get


async def test_a_limit_of_something_else_is_none(cloud: Cloud, ours: Uploads) -> None:
    cloud.form = "urn:xmpp:something"
    assert await send(ours, PICTURE + b"!") == cloud.get


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (
            Refused("resource-constraint", "Daily quota\nreached"),
            f"{UPLOAD} doesn't take a.jpg (resource-constraint: Daily quota reached): try again later",
        ),
        (
            Refused("not-acceptable", "Too large"),
            f"{UPLOAD} doesn't take a.jpg (not-acceptable: Too large): make it smaller, or take another kind of file",
        ),
        (Refused("not-allowed"), f"{UPLOAD} doesn't take a.jpg (not-allowed): ask who runs it"),
        (NoAnswer("there is no session"), f"{UPLOAD} gave no place for a.jpg (there is no session): try again"),
    ],
)
async def test_after_a_refused_slot_the_service_is_looked_for_again(
    cloud: Cloud, ours: Uploads, refusal: AnswerError, words: str
) -> None:
    cloud.refusal = refusal
    with pytest.raises(UploadError) as caught:
        await send(ours)
    assert str(caught.value) == words
    cloud.refusal = None
    await send(ours)
    assert cloud.asked(ITEMS + "query") == [SERVER, SERVER]


async def test_only_the_headers_of_the_xep_are_sent_each_on_one_line(cloud: Cloud, ours: Uploads) -> None:
    cloud.headers = [
        ("authorization", "Bearer\n x\r\nHost: evil"),
        ("COOKIE\n", "a=b"),
        ("Expires", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ("Host", "evil.example.org"),
        ("Content-Type", "text/html"),
        ("X-Other", "1"),
        ("", "nothing"),
    ]
    await send(ours)
    (request,) = cloud.requests
    assert request.headers["Authorization"] == "Bearer xHost: evil"
    assert request.headers["Cookie"] == "a=b"
    assert request.headers["Expires"] == "Thu, 01 Jan 2026 00:00:00 GMT"
    assert request.headers.getall("Content-Type") == ["image/jpeg"]
    assert request.headers["Host"] == cloud.base.removeprefix("http://")
    assert "X-Other" not in request.headers


@pytest.mark.parametrize(
    ("put", "get"),
    [
        (None, None),
        ("ftp://files.example.org/a", "https://files.example.org/a"),
        ("https:///a", "https://files.example.org/a"),
        ("https://[::1/a", "https://files.example.org/a"),
        ("https://files.example.org:many/a", "https://files.example.org/a"),
        (None, "file:///etc/passwd"),
        (None, ""),
    ],
)
async def test_a_slot_that_is_none(cloud: Cloud, ours: Uploads, put: str | None, get: str | None) -> None:
    cloud.put, cloud.get = put, get
    with pytest.raises(UploadError, match=r"^upload\.example\.org gave no place for a\.jpg that can be used"):
        await send(ours)
    assert not cloud.requests


async def test_what_our_server_wants_in_the_clear_goes_in_the_clear(cloud: Cloud, ours: Uploads) -> None:
    cloud.get = "http://files.example.org/a"
    assert await send(ours) == cloud.get


@pytest.mark.parametrize("status", [200, 201])
async def test_stored(cloud: Cloud, ours: Uploads, status: int) -> None:
    cloud.status = status
    assert await send(ours) == cloud.get


@pytest.mark.parametrize("status", [202, 204, 307, 403, 413, 500])
async def test_not_stored(cloud: Cloud, ours: Uploads, status: int) -> None:
    cloud.status = status
    with pytest.raises(UploadError) as caught:
        await send(ours)
    host = cloud.base.removeprefix("http://")
    assert str(caught.value) == f"{host} answers {status} instead of storing a.jpg: ask who runs it"
    assert len(cloud.requests) == 1


async def test_a_transfer_that_takes_too_long(cloud: Cloud, ours: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "PUT_SECONDS", 0.05)
    cloud.goes_on.clear()
    with pytest.raises(UploadError, match=r" didn't take a\.jpg within 0\.05 s: try again$"):
        await send(ours)
    cloud.goes_on.set()


async def test_nobody_listens(cloud: Cloud, ours: Uploads) -> None:
    port = claim_port()
    cloud.headers = []
    cloud.put = f"http://me:s3cret@127.0.0.1:{port}/t0ken"
    try:
        with pytest.raises(UploadError) as caught:
            await send(ours)
    finally:
        release_port(port)
    assert str(caught.value) == f"a.jpg can't be sent to 127.0.0.1:{port} (Connection refused): try again"


class TestTls:
    """The same over TLS, with a certificate that only its own authority vouches for."""

    @pytest.fixture
    async def authority(self, cloud: Cloud, tmp_path: Path) -> AsyncIterator[Path]:
        make_certificate(tmp_path, SERVER, [SERVER])
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tmp_path / "ca.pem", tmp_path / "key.pem")
        server = _serving(cloud)
        await server.start_server(ssl=context)
        cloud.base = str(server.make_url("")).rstrip("/")
        assert cloud.base.startswith("https://127.0.0.1:")
        yield tmp_path / "ca.pem"
        await server.close()

    async def test_whom_the_authority_vouches_for_is_trusted(self, cloud: Cloud, authority: Path, stream: Any) -> None:
        assert await send(Uploads(stream, SERVER, ca_file=authority)) == cloud.get
        assert cloud.bodies == [PICTURE]

    async def test_whom_nobody_vouches_for_is_not(self, cloud: Cloud, authority: Path, ours: Uploads) -> None:
        with pytest.raises(UploadError) as caught:
            await send(ours)
        host = cloud.base.removeprefix("https://")
        assert str(caught.value).startswith(f"the certificate of {host} isn't trusted (self-signed certificate): mend")
        assert not cloud.requests

    @pytest.mark.parametrize("write", [Path.unlink, lambda path: path.write_text("no certificate")])
    async def test_an_authority_that_cannot_be_read(
        self, cloud: Cloud, authority: Path, stream: Any, write: Callable[[Path], object]
    ) -> None:
        write(authority)
        with pytest.raises(UploadError, match=r"^xmpp\.ca_file: .*ca\.pem can't be read as certificates \("):
            await send(Uploads(stream, SERVER, ca_file=authority))
        assert not cloud.requests
