"""Connections that fail, and calls that are given up, against a server of our own."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import subprocess
import sys
import threading
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from urllib3.util import connection

from bridge.plugin import (
    Key,
    Post,
    Posted,
    PostId,
    Seen,
    UnavailableError,
    UncertainError,
)
from bridge.testing import FakeClock
from tests.servers.lossy import LossyProxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.platforms.mastodon.conftest import Accounts, Stub

    MakeStatus = Callable[..., dict[str, Any]]

STATUSES = "/api/v1/statuses"
NOTIFICATIONS = "/api/v1/notifications"
TOKEN = "a-very-secret-token"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def key(token: str = "k1") -> Key:
    return Key(token=token, minted_at=NOW)


async def test_a_cut_connection_is_uncertain(stub: Stub, accounts: Accounts) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.cut("POST", STATUSES)
    with pytest.raises(UncertainError, match="broke before its answer") as caught:
        await shop.post(Post(text="hello"), key())
    assert not caught.value.answered
    assert len(stub.to("POST", STATUSES)) == 1


async def test_a_body_cut_short_is_uncertain(stub: Stub, accounts: Accounts) -> None:
    shop = await accounts.enter(stub.base_url)

    async def short(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"id": "7"')
        assert request.transport is not None
        request.transport.close()
        return response

    stub.on("POST", STATUSES, short)
    with pytest.raises(UncertainError) as caught:
        await shop.post(Post(text="hello"), key())
    assert not caught.value.answered


async def test_a_closed_port_is_certainly_not_published(stub: Stub, accounts: Accounts) -> None:
    async with LossyProxy(int(stub.base_url.rpartition(":")[2])) as proxy:
        shop = await accounts.enter(proxy.url)
        await proxy.refuse()
        with pytest.raises(UnavailableError, match="refuses connections"):
            await shop.post(Post(text="hello"), key())


async def test_an_unknown_name_is_certainly_not_published(accounts: Accounts) -> None:
    with pytest.raises(UnavailableError, match="its name has no address"):
        await accounts.enter("https://nowhere.invalid")


@pytest.fixture
async def encrypted(stub: Stub, tmp_path: Path) -> AsyncIterator[tuple[str, Path]]:
    """The stub over HTTPS: its address, and the file with the certificate that nobody else vouches for."""
    cert, private = tmp_path / "cert.pem", tmp_path / "key.pem"
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(private), "-out", str(cert)]
    process = await asyncio.create_subprocess_exec("openssl", *new, *names, *files, stderr=subprocess.DEVNULL)
    assert await process.wait() == 0
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, private)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", stub.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield f"https://localhost:{runner.addresses[0][1]}", cert
    await runner.cleanup()


async def test_a_certificate_that_nobody_vouches_for_is_certainly_not_published(
    accounts: Accounts, encrypted: tuple[str, Path]
) -> None:
    with pytest.raises(UnavailableError, match=r"certificate of .* can't be verified"):
        await accounts.enter(encrypted[0])


async def test_a_private_certificate_is_accepted_where_the_environment_names_it(
    stub: Stub,
    accounts: Accounts,
    encrypted: tuple[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    make_status: MakeStatus,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(encrypted[1]))
    shop = await accounts.enter(encrypted[0])
    stub.answer("POST", STATUSES, make_status("7"))
    assert (await shop.post(Post(text="hello"), key("a"))).id == "7"
    stub.hang("POST", STATUSES)
    hung = asyncio.ensure_future(shop.post(Post(text="hung"), key("b")))
    await stub.arrived.wait()
    hung.cancel()
    stub.answer("POST", STATUSES, make_status("8"))
    assert (await shop.post(Post(text="next"), key("c"))).id == "8"


async def test_a_port_without_encryption_is_certainly_not_published(stub: Stub, accounts: Accounts) -> None:
    with pytest.raises(UnavailableError, match="doesn't speak HTTPS"):
        await accounts.enter(stub.base_url.replace("http:", "https:"))


async def test_a_proxy_of_the_environment_is_used_and_its_absence_is_certain(
    stub: Stub, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with LossyProxy(int(stub.base_url.rpartition(":")[2])) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "")
        shop = await accounts.enter("http://m.example", allow_http=True)
        assert proxy.passed[0].startswith("GET http://m.example/api/v1/accounts/verify_credentials")
        await proxy.refuse()
        with pytest.raises(UnavailableError, match="refuses connections"):
            await shop.post(Post(text="hello"), key())


async def test_trap_writes_go_out_on_fresh_connections(stub: Stub, accounts: Accounts, make_status: MakeStatus) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("POST", STATUSES, make_status("7"))
    stub.answer("DELETE", f"{STATUSES}/7", make_status("7"))
    for n in range(3):
        await shop.post(Post(text="hello"), key(str(n)))
    await shop.delete(Posted(id=PostId("7")))
    writes = [seen.peer for seen in stub.requests if seen.method != "GET"]
    assert len(set(writes)) == 4
    assert not set(writes) & {seen.peer for seen in stub.requests if seen.method == "GET"}


async def test_trap_a_kept_connection_closed_without_a_word_costs_a_read_nothing(
    stub: Stub, accounts: Accounts
) -> None:
    shop = await accounts.enter(stub.base_url)
    peers: list[object] = []

    async def page(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        peers.append(request.transport.get_extra_info("peername"))
        if len(peers) == 2:
            request.transport.abort()
        return web.json_response([])

    stub.on("GET", NOTIFICATIONS, page)
    await shop._mentions()
    await shop._mentions()
    assert len(peers) == 3
    assert peers[0] == peers[1] != peers[2]


async def test_a_hung_post_is_abandoned_and_the_next_goes_out_at_once(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.hang("POST", STATUSES)
    hung = asyncio.ensure_future(shop.post(Post(text="hung"), key("a")))
    await stub.arrived.wait()
    (first,) = _threads("write")
    hung.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hung
    stub.answer("POST", STATUSES, make_status("8"))
    assert (await shop.post(Post(text="next"), key("b"))).id == "8"
    first.join(5)
    assert not first.is_alive()
    assert [seen.form["status"] for seen in stub.to("POST", STATUSES)] == ["hung", "next"]


async def test_one_who_waits_behind_a_hung_post_is_served_when_that_is_given_up(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.hang("POST", STATUSES)
    stub.answer("DELETE", f"{STATUSES}/7", make_status("7"))
    hung = asyncio.ensure_future(shop.post(Post(text="hung"), key("a")))
    await stub.arrived.wait()
    behind = asyncio.ensure_future(shop.delete(Posted(id=PostId("7"))))
    never = asyncio.ensure_future(shop.delete(Posted(id=PostId("6"))))
    await asyncio.sleep(0)
    never.cancel()
    hung.cancel()
    await behind
    assert len(stub.to("DELETE", f"{STATUSES}/7")) == 1
    assert stub.to("DELETE", f"{STATUSES}/6") == []


async def test_nothing_is_sent_once_given_up_even_if_the_connection_comes_later(
    stub: Stub, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = await accounts.enter(stub.base_url)
    connecting, go, ended = asyncio.Event(), threading.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    real = connection.create_connection

    def slowly(*arguments: Any, **options: Any) -> socket.socket:
        loop.call_soon_threadsafe(connecting.set)
        go.wait(10)
        try:
            return real(*arguments, **options)
        finally:
            ended.set()

    monkeypatch.setattr(connection, "create_connection", slowly)
    post = asyncio.ensure_future(shop.post(Post(text="late"), key()))
    await connecting.wait()
    (thread,) = _threads("write")
    post.cancel()
    with pytest.raises(asyncio.CancelledError):
        await post
    go.set()
    await asyncio.to_thread(thread.join, 10)
    assert not thread.is_alive()
    assert ended.is_set()
    assert stub.to("POST", STATUSES) == []


async def test_a_hanging_poll_never_blocks_posting(stub: Stub, accounts: Accounts, make_status: MakeStatus) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.hang("GET", NOTIFICATIONS)
    stub.answer("POST", STATUSES, make_status("7"))
    async with aclosing(shop.items(None)) as items:
        poll = asyncio.ensure_future(anext(items))
        await stub.arrived.wait()
        assert (await shop.post(Post(text="meanwhile"), key())).id == "7"
        assert not poll.done()
        poll.cancel()
        with pytest.raises(asyncio.CancelledError):
            await poll


async def test_leaving_in_the_middle_of_calls_ends_them(stub: Stub, accounts: Accounts) -> None:
    stub.hang("POST", STATUSES)
    async with accounts.make(stub.base_url) as shop:
        post = asyncio.ensure_future(shop.post(Post(text="hung"), key()))
        await stub.arrived.wait()
    with pytest.raises(UncertainError, match="closed in the middle"):
        await post
    with pytest.raises(UnavailableError, match="closed"):
        await shop.post(Post(text="late"), key())


async def test_leaving_while_listening_ends_the_iterator(stub: Stub, accounts: Accounts) -> None:
    clock = FakeClock(NOW)
    stub.answer("GET", NOTIFICATIONS, [])
    async with accounts.make(stub.base_url, clock=clock) as shop:
        items = shop.items(None)
        assert isinstance(await anext(items), Seen)
        waiting = asyncio.ensure_future(anext(items))
        await clock.wait_for_wait(20)
    await clock.advance(20)
    with pytest.raises(UnavailableError, match="closed"):
        await waiting


def test_a_stuck_thread_does_not_keep_the_interpreter_from_exiting() -> None:
    script = """
import asyncio, socket
from bridge.domain.clock import SystemClock
from plugins.mastodon import MastodonPlugin, MastodonSettings
async def main():
    listener = socket.create_server(("127.0.0.1", 0))
    settings = MastodonSettings(base_url="http://127.0.0.1:%d" % listener.getsockname()[1], access_token="t")
    plugin = MastodonPlugin(settings, None, SystemClock())
    asyncio.ensure_future(plugin.__aenter__())
    while plugin._writer._thread is None:
        await asyncio.sleep(0.01)
    listener.settimeout(5)
    connection, _ = listener.accept()
    print("connected", flush=True)
    plugin._writer._thread.abandon = lambda: None
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", script], timeout=15, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "connected\n"), done.stderr


def _threads(role: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(f"mastodon-{role}-")]


async def test_the_token_is_in_no_error_no_log_and_no_repr(
    stub: Stub, accounts: Accounts, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shop = await accounts.enter(stub.base_url)
    texts = [repr(shop), repr(shop.settings), str(shop.settings), repr(shop._writer), repr(shop._me)]
    stub.cut("POST", STATUSES)
    for status in (None, 401, 422, 500, 429):
        if status:
            stub.answer("POST", STATUSES, {"error": f"bad token Bearer {TOKEN}"}, status=status)
        with pytest.raises(Exception, match=r"\w") as caught:
            await shop.post(Post(text="hello"), key())
        error = caught.value
        assert error.__cause__ is None
        assert error.__context__ is None
        texts += [str(error), repr(error), repr(error.__dict__)]
    assert TOKEN not in "\n".join([*texts, caplog.text])
