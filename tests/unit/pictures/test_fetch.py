from __future__ import annotations

import asyncio
import errno
import gzip
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.pictures import fetch
from bridge.pictures.addresses import ONLY_HTTPS, UploadHost
from bridge.pictures.fetch import Fetcher
from tests.unit.pictures.conftest import (
    INNER,
    LOOPBACK,
    MOST,
    PICTURE,
    PUBLIC,
    Answer,
    FileServer,
    Network,
    Place,
    cancel_at,
    endlessly,
    fetcher,
    file,
    refusal,
    running,
    sent_on,
    sized,
)

Serve = Callable[..., Awaitable[FileServer]]


async def test_a_file_arrives_byte_for_byte(serve: Serve, into: Place) -> None:
    server = await serve({"/a%20b?x=%7E": sized(PICTURE, "Set-Cookie: a=1", "Content-Encoding: identity")})
    assert await fetcher(server).fetch(server.url("/a%20b?x=%7E"), into.path) == len(PICTURE)
    assert into.content == PICTURE
    assert "Accept-Encoding: identity\r\n" in server.heads[0]
    assert not any(name in server.heads[0] for name in ("Cookie", "Authorization", "Referer", "Python"))


async def test_a_proxy_or_a_password_of_the_environment_is_not_taken(
    serve: Serve, secret: FileServer, into: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {LOOPBACK} login ana password secret")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", secret.url())
    server = await serve({"/": sized(PICTURE)})
    await fetcher(server).fetch(server.url(), into.path)
    assert "Authorization" not in server.heads[0]
    assert secret.connections == 0


async def test_a_chunked_file_arrives_up_to_the_cap(serve: Serve, into: Place) -> None:
    body = os.urandom(MOST)
    server = await serve({"/": file(b"%x\r\n%b\r\n0\r\n\r\n" % (MOST, body), "Transfer-Encoding: chunked")})
    assert await fetcher(server).fetch(server.url(), into.path) == MOST
    assert into.content == body


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
async def test_the_upload_host_may_send_on_to_itself(serve: Serve, into: Place, status: str) -> None:
    server = await serve({"/a/": sent_on("../b", status), "/b": sized(PICTURE)})
    assert await fetcher(server).fetch(server.url("/a/"), into.path) == len(PICTURE)
    assert into.content == PICTURE
    assert server.paths == ["/a/", "/b"]


async def test_it_may_send_on_three_times(serve: Serve, into: Place) -> None:
    steps: dict[str, Answer] = {f"/{step}": sent_on(f"/{step + 1}") for step in range(9)}
    server = await serve({**steps, "/9": sized(PICTURE)})
    assert await fetcher(server).fetch(server.url("/6"), into.path) == len(PICTURE)
    into.path.unlink()
    error = await refusal(fetcher(server), server.url("/0"), into)
    assert (str(error), error.again) == ("the link's server sends on more than 3 times", False)
    assert server.paths == ["/6", "/7", "/8", "/9", "/0", "/1", "/2", "/3"]


@pytest.mark.parametrize("inner", INNER)
async def test_no_link_leads_inside(
    serve: Serve, secret: FileServer, network: Network, into: Place, inner: tuple[str, str]
) -> None:
    server = await serve({})
    error = await refusal(fetcher(server), secret.url("/", *inner), into)
    assert not error.again
    assert network.dialled == []
    assert (server.connections, secret.connections) == (0, 0)


@pytest.mark.parametrize("inner", INNER)
async def test_no_redirect_leads_inside(
    serve: Serve, secret: FileServer, network: Network, into: Place, inner: tuple[str, str]
) -> None:
    server = await serve({"/": sent_on(secret.url("/", *inner))})
    error = await refusal(fetcher(server), server.url(), into)
    assert not error.again
    assert "sends on to" in str(error)
    assert network.dialled == [(LOOPBACK, server.port)]
    assert secret.connections == 0


@pytest.mark.parametrize(
    "to",
    [
        "",
        "http://files.example.org/a.png",
        "//files.example.org/a.png",
        "file:///etc/passwd",
        "ftp://files.example.org/a.png",
        "data:image/png;base64,AAAA",
        "http://[::1/",
        "https://ana:secret@files.example.org/",
        "https://files.example.org:22/",
        "https://files.example.org/a\\b",
    ],
)
async def test_no_redirect_leaves_the_rules(serve: Serve, network: Network, into: Place, to: str) -> None:
    server = await serve({"/": sent_on(to) if to else file(b"", status="302 Found")})
    error = await refusal(fetcher(server, network=network), server.url(), into)
    assert (str(error), error.again) == ("the link's server sends on to where no file is fetched from", False)
    assert network.lookups == []
    assert network.dialled == [(LOOPBACK, server.port)]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://files.example.org/", "data:image/png;base64,AAAA"])
async def test_only_https_is_fetched(network: Network, into: Place, url: str) -> None:
    error = await refusal(Fetcher(resolve=network.resolve), url, into)
    assert (str(error), error.again) == (ONLY_HTTPS, False)
    assert (network.lookups, network.dialled) == ([], [])


@pytest.mark.parametrize(
    "answers", [["127.0.0.1"], ["::1", "10.0.0.1"], ["::ffff:127.0.0.1"], ["fe80::1%lo"], ["2002:7f00:1::"], ["127.1"]]
)
async def test_a_name_of_inner_addresses_is_not_asked(
    secret: FileServer, network: Network, into: Place, answers: list[str]
) -> None:
    network.names["files.example.org"] = [answers]
    error = await refusal(Fetcher(resolve=network.resolve), secret.url("/", "files.example.org", "https"), into)
    assert str(error) == "files.example.org is in a private network, which no file is fetched from"
    assert not error.again
    assert network.dialled == []
    assert secret.connections == 0


@pytest.mark.usefixtures("tls_trusted")
async def test_of_a_mixed_answer_the_public_address_is_asked(
    serve: Serve, tls: ssl.SSLContext, network: Network, into: Place
) -> None:
    server = await serve({"/": sized(PICTURE)}, tls)
    network.names["files.example.org"] = [["127.0.0.1", PUBLIC, "::1"]]
    network.routed.add(PUBLIC)
    await Fetcher(resolve=network.resolve).fetch(server.url("/", "files.example.org", "https"), into.path)
    assert network.dialled == [(PUBLIC, server.port)]


@pytest.mark.usefixtures("tls_trusted")
async def test_a_name_is_looked_up_once_for_each_hop(
    serve: Serve, tls: ssl.SSLContext, network: Network, into: Place
) -> None:
    server = await serve({"/": sized(PICTURE), "/on": sent_on("/inside"), "/inside": sized(PICTURE)}, tls)
    network.names["files.example.org"] = [[PUBLIC], [PUBLIC], [LOOPBACK]]
    network.routed.add(PUBLIC)
    files = Fetcher(resolve=network.resolve)
    at = ("files.example.org", server.port)
    assert await files.fetch(server.url("/", at[0], "https"), into.path) == len(PICTURE)
    assert (network.lookups, network.dialled) == ([at], [(PUBLIC, server.port)])

    error = await refusal(files, server.url("/on", at[0], "https"), into)
    assert str(error) == (
        "the server that files.example.org sends on to is in a private network, which no file is fetched from"
    )
    assert network.lookups == [at] * 3
    assert network.dialled == [(PUBLIC, server.port)] * 2
    assert server.paths == ["/", "/on"]


async def test_a_configured_name_may_be_inside_at_its_port_only(
    serve: Serve, secret: FileServer, network: Network, into: Place
) -> None:
    server = await serve({"/": sized(PICTURE), "/on": sent_on(secret.url("/", "upload.example.org", "https"))})
    network.names["upload.example.org"] = [["no address", LOOPBACK]]
    files = Fetcher(upload=UploadHost("upload.example.org", server.port), resolve=network.resolve)
    assert await files.fetch(server.url("/", "upload.example.org"), into.path) == len(PICTURE)
    error = await refusal(files, server.url("/on", "upload.example.org"), into)
    assert not error.again
    assert secret.connections == 0


async def test_the_machines_own_resolver_is_asked(serve: Serve, into: Place) -> None:
    server = await serve({"/": sized(PICTURE)})
    assert await Fetcher(upload=UploadHost("localhost", server.port)).fetch(server.url("/", "localhost"), into.path)
    assert "Host: localhost" in server.heads[0]


CHUNKED = file(b"", "Transfer-Encoding: chunked")
LARGE = (f"the file is larger than {MOST:,} bytes", False)
UNREADABLE = ("the link's server answers with something that can't be read", False)
BROKEN = ("the link's server broke off", True)
PACKED = ("the link's server packs the file in a way that it wasn't asked for", False)
EMPTY = ("the file is empty", False)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        pytest.param(file(b"", f"Content-Length: {2**30}"), LARGE, id="a promise of 1 GiB"),
        pytest.param(file(b"", f"Content-Length: {MOST + 1}"), LARGE, id="a promise of one byte too many"),
        pytest.param(endlessly(CHUNKED, b"2000\r\n" + b"a" * 0x2000 + b"\r\n"), LARGE, id="chunks without end"),
        pytest.param(endlessly(file(b""), b"a" * 0x2000), LARGE, id="bytes without end"),
        pytest.param(file(b"a" * 99, "Content-Length: 100"), BROKEN, id="one byte too few"),
        pytest.param(CHUNKED + b"3\r\naaa\r\n", BROKEN, id="no last chunk"),
        pytest.param(sized(gzip.compress(bytes(10**6)), "Content-Encoding: gzip"), PACKED, id="a bomb"),
        pytest.param(
            sized(b"a", "Content-Encoding: identity", "Content-Encoding: identity, br"), PACKED, id="packed twice"
        ),
        pytest.param(endlessly(b"HTTP/1.1 200 OK\r\n", b"X: aaaa\r\n"), UNREADABLE, id="headers without end"),
        pytest.param(endlessly(b"HTTP/1.1 200 OK\r\nX: ", b"a" * 99), UNREADABLE, id="a header without end"),
        pytest.param(b"220 mail.example.org ESMTP\r\n", UNREADABLE, id="no HTTP"),
        pytest.param(file(b"a", "Content-Length: 1", "Content-Length: 2"), UNREADABLE, id="two lengths"),
        pytest.param(file(b"a", "Content-Length: -1"), UNREADABLE, id="a negative length"),
        pytest.param(b"", BROKEN, id="no answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\n", BROKEN, id="half an answer"),
        pytest.param(sized(b""), EMPTY, id="no byte"),
        pytest.param(CHUNKED + b"0\r\n\r\n", EMPTY, id="no chunk"),
    ],
)
async def test_what_is_no_sound_file_is_refused(
    serve: Serve, into: Place, answer: Answer, told: tuple[str, bool]
) -> None:
    server = await serve({"/": answer})
    error = await refusal(fetcher(server), server.url(), into)
    assert (str(error), error.again) == told
    await server.left.wait()


async def test_a_broken_chunk_is_no_file(serve: Serve, into: Place) -> None:
    server = await serve({"/": CHUNKED + b"3\r\naaa\r\nzz\r\n"})
    await refusal(fetcher(server), server.url(), into)


async def test_a_request_that_aiohttp_repeats_goes_where_it_went(serve: Serve, network: Network, into: Place) -> None:
    server = await serve({"/": b""})
    network.names["upload.example.org"] = [[PUBLIC], [LOOPBACK]]
    network.routed.add(PUBLIC)
    files = Fetcher(upload=UploadHost("upload.example.org", server.port), resolve=network.resolve)
    error = await refusal(files, server.url("/", "upload.example.org"), into)
    assert (str(error), error.again) == ("upload.example.org broke off", True)
    assert network.lookups == [("upload.example.org", server.port)]
    assert set(network.dialled) == {(PUBLIC, server.port)}


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(endlessly(file(b"", "Content-Length: 100000"), b"a", 0.01), id="drop by drop"),
        pytest.param(endlessly(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.01), id="wait and wait"),
        pytest.param(endlessly(b"", b"", 0.01), id="mute"),
    ],
)
async def test_a_slow_server_is_left(serve: Serve, into: Place, answer: Answer) -> None:
    server = await serve({"/on": sent_on("/"), "/": answer})
    error = await refusal(fetcher(server, seconds=0.3), server.url("/on"), into)
    assert (str(error), error.again) == ("the file didn't arrive within 0.3 s", True)
    await server.left.wait()


@pytest.mark.parametrize(
    ("status", "words", "again"),
    [
        ("404 Not Found", "doesn't have the file any more", False),
        ("410 Gone", "doesn't have the file any more", False),
        ("401 Unauthorized", "doesn't give the file out", False),
        ("403 Forbidden", "doesn't give the file out", False),
        ("204 No Content", "answers with status 204 instead of the file", False),
        ("408 Request Timeout", "answers with status 408 instead of the file", True),
        ("429 Too Many Requests", "answers with status 429 instead of the file", True),
        ("503 Unavailable", "answers with status 503 instead of the file", True),
    ],
)
async def test_a_status_is_told(serve: Serve, into: Place, status: str, words: str, again: bool) -> None:
    server = await serve({"/": file(b"", status=status)})
    error = await refusal(fetcher(server), server.url(), into)
    assert (str(error), error.again) == (f"the link's server {words}", again)


async def test_who_refuses_the_connection_is_asked_again_later(serve: Serve, into: Place) -> None:
    server = await serve({})
    await server.stop()
    error = await refusal(fetcher(server), server.url(), into)
    assert (str(error), error.again) == ("the link's server can't be reached", True)


@pytest.mark.parametrize(
    ("cause", "again"),
    [
        (socket.gaierror(socket.EAI_AGAIN, f"from {LOOPBACK}"), True),
        (socket.gaierror(socket.EAI_NONAME, "no such name"), False),
        (TimeoutError(), True),
        (None, False),
    ],
)
async def test_a_name_that_is_not_found(into: Place, cause: OSError | None, again: bool) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        if cause is None:
            return []
        raise cause

    error = await refusal(Fetcher(resolve=resolve), "https://files.example.org/", into)
    assert "files.example.org" in str(error)
    assert error.again == again


async def test_the_authority_counts_for_the_upload_host_only(
    serve: Serve, tls: ssl.SSLContext, network: Network, into: Place, authority: Path
) -> None:
    server = await serve({"/": sized(PICTURE)}, tls)
    network.names = {name: [[PUBLIC]] for name in ("upload.example.org", "files.example.org", "other.example.org")}
    network.routed.add(PUBLIC)
    upload, link = UploadHost("upload.example.org", server.port), server.url("/", "upload.example.org", "https")
    ours = Fetcher(upload=upload, ca_file=authority, resolve=network.resolve)
    assert await ours.fetch(link, into.path) == len(PICTURE)

    foreign = server.url("/", "files.example.org", "https")
    other = UploadHost("other.example.org", server.port)
    misnamed = Fetcher(upload=other, ca_file=authority, resolve=network.resolve)
    for files, url in (
        (ours, foreign),
        (Fetcher(upload=upload, resolve=network.resolve), link),
        (misnamed, server.url("/", "other.example.org", "https")),
    ):
        error = await refusal(files, url, into)
        assert "isn't trusted" in str(error)
        assert not error.again
    assert server.paths == ["/"]


async def test_a_server_without_tls_is_told(serve: Serve, into: Place) -> None:
    server = await serve({})
    server.greeting = b"220 mail.example.org ESMTP\r\n"
    error = await refusal(fetcher(server), server.url(scheme="https"), into)
    assert (str(error), error.again) == ("the link's server can't be spoken to with encryption", False)


def test_an_unreadable_authority_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"absent.pem can't be read: no such file or directory"):
        Fetcher(ca_file=tmp_path / "absent.pem")
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(ValueError, match=r"ca.pem is no certificate in PEM form"):
        Fetcher(ca_file=tmp_path / "ca.pem")


@pytest.mark.parametrize("step", ["lookup", "answer", "body", "file", "folder"])
async def test_a_cancelled_fetch_leaves_neither_file_nor_task(
    serve: Serve, into: Place, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    half = file(PICTURE, f"Content-Length: {2 * len(PICTURE)}")
    server = await serve({"/": sized(PICTURE), "/mute": endlessly(b"", b"", 0.01), "/body": endlessly(half, b"", 0.01)})
    into.path.write_bytes(b"from before")
    before = running()
    await cancel_at(step, server, into, monkeypatch)
    assert running() == before
    assert into.names == []
    await asyncio.get_running_loop().shutdown_default_executor()
    assert into.names == []


async def test_what_was_there_before_is_replaced_or_removed(serve: Serve, into: Place) -> None:
    server = await serve({"/": sized(PICTURE), "/gone": file(b"", status="404 Not Found")})
    into.path.write_bytes(b"from before")
    into.path.chmod(0o600)
    into.path.with_name("1.part").write_bytes(PICTURE * 2)
    into.path.with_name("1.part").chmod(0o600)
    await fetcher(server).fetch(server.url(), into.path)
    assert into.content == PICTURE
    await refusal(fetcher(server), server.url("/gone"), into)


async def test_a_disk_that_does_not_take_it_is_told_and_logged(
    serve: Serve, into: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        raise OSError(errno.EIO, "Input/output error", str(path))

    server = await serve({"/": sized(PICTURE)})
    into.path.with_name("1.part").symlink_to("elsewhere")
    for _ in range(2):
        with capture_logs() as logs:
            error = await refusal(fetcher(server), server.url(), into)
        assert (str(error), error.again) == ("the file can't be stored here now", True)
        assert [log["event"] for log in logs] == ["cannot store a shared file"]
        monkeypatch.setattr(fetch, "_sync", fail)
