"""The plugin against a server of our own, for what no friendly server shows."""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
import ssl
import subprocess
import sys
import threading
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from urllib3.util import connection

from bridge.plugin import (
    Cursor,
    Item,
    Key,
    Media,
    Post,
    Posted,
    PostId,
    Ref,
    RefusedError,
    Seen,
    UnauthorizedError,
    UnavailableError,
    UncertainError,
    Visibility,
)
from bridge.testing import FakeClock
from tests.servers.lossy import LossyProxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.platforms.mastodon.conftest import Accounts, Stub

    MakeStatus = Callable[..., dict[str, Any]]

STATUSES = "/api/v1/statuses"
OWN = "/api/v1/accounts/1/statuses"
NOTIFICATIONS = "/api/v1/notifications"
VERIFY = "/api/v1/accounts/verify_credentials"
INSTANCE_2 = "/api/v2/instance/"
INSTANCE_1 = "/api/v1/instance/"
TOKEN = "a-very-secret-token"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def key(token: str = "k1") -> Key:
    return Key(token=token, minted_at=NOW)


# --- entering


async def test_without_a_token_the_account_waits_for_one(accounts: Accounts) -> None:
    for token in (None, "", "  "):
        with pytest.raises(UnauthorizedError, match="has no token yet"):
            await accounts.enter("https://m.example", token)


async def test_a_token_that_cannot_be_one_is_never_sent_or_shown(stub: Stub, accounts: Accounts) -> None:
    for token in ("line\nbreak", "schlüssel"):
        with pytest.raises(UnauthorizedError, match="isn't one") as caught:
            await accounts.enter(stub.base_url, token)
        assert token not in str(caught.value)
    assert stub.requests == []


async def test_trap_a_token_named_like_a_file_is_not_read_from_it(
    stub: Stub, accounts: Accounts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("other\nhttps://other.example\n")
    monkeypatch.chdir(tmp_path)
    await accounts.enter(stub.base_url, "token")
    assert {seen.headers["authorization"] for seen in stub.requests} == {"Bearer token"}


@pytest.mark.parametrize("status", [401, 403, 422])
async def test_a_login_that_is_no_good(stub: Stub, accounts: Accounts, status: int) -> None:
    stub.answer("GET", VERIFY, {"error": "Your login is currently disabled"}, status=status)
    with pytest.raises(UnauthorizedError, match="Your login is currently disabled"):
        await accounts.enter(stub.base_url)


@pytest.mark.parametrize("status", [404, 500, 503, 429])
async def test_a_server_that_cannot_say_who_we_are_is_unavailable(stub: Stub, accounts: Accounts, status: int) -> None:
    stub.answer("GET", VERIFY, {"error": "no"}, status=status)
    with pytest.raises(UnavailableError):
        await accounts.enter(stub.base_url)


@pytest.mark.parametrize("body", ["<html>hello</html>", "null", "[]", "{}", '"ok"', ""])
async def test_something_else_than_an_account_is_unavailable(stub: Stub, accounts: Accounts, body: str) -> None:
    stub.text("GET", VERIFY, body)
    with pytest.raises(UnavailableError):
        await accounts.enter(stub.base_url)


@pytest.mark.parametrize("status", [404, 401, 403, 500])
async def test_trap_only_verify_credentials_is_required(stub: Stub, accounts: Accounts, status: int) -> None:
    for path in (INSTANCE_1, INSTANCE_2):
        stub.answer("GET", path, {"error": "no"}, status=status)
    shop = await accounts.enter(stub.base_url)
    assert (shop.limits.text, shop.limits.key_lifetime) == (500, timedelta(0))


async def test_trap_a_server_without_version_2_tells_its_limits_in_version_1(stub: Stub, accounts: Accounts) -> None:
    del stub.handlers["GET", INSTANCE_2]
    instance = {"uri": "snac.example", "version": "2.7.2 (not true; really snac/2.80)", "max_toot_chars": 100_000}
    stub.answer("GET", INSTANCE_1, instance)
    shop = await accounts.enter(stub.base_url)
    assert (shop.limits.text, shop.limits.key_lifetime) == (100_000, timedelta(0))


async def test_a_redirect_of_a_read_within_the_server_is_followed(stub: Stub, accounts: Accounts) -> None:
    instance = stub.handlers.pop(("GET", INSTANCE_2))
    stub.on("GET", INSTANCE_2.rstrip("/"), instance)

    async def redirect(_: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": INSTANCE_2.rstrip("/")})

    stub.on("GET", INSTANCE_2, redirect)
    shop = await accounts.enter(stub.base_url)
    assert shop.limits.key_lifetime == timedelta(minutes=50)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_to_elsewhere_is_told_and_never_followed(stub: Stub, accounts: Accounts, status: int) -> None:
    elsewhere = {"Location": "https://elsewhere.example:8443/api?x=1"}
    stub.answer("GET", VERIFY, {}, status=status, headers=elsewhere)
    with pytest.raises(UnavailableError, match=r"moved to https://elsewhere\.example:8443: set base_url"):
        await accounts.enter(stub.base_url)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_of_a_post_is_never_followed(stub: Stub, accounts: Accounts, status: int) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("POST", STATUSES, {}, status=status, headers={"Location": f"{stub.base_url}/other"})
    with pytest.raises(UnavailableError, match="has moved"):
        await shop.post(Post(text="hello"), key())
    assert [seen.path for seen in stub.requests if seen.path == "/other"] == []


async def test_entering_a_server_that_hangs_ends(stub: Stub, accounts: Accounts) -> None:
    clock = FakeClock(NOW)
    stub.hang("GET", VERIFY)
    entering = asyncio.ensure_future(accounts.enter(stub.base_url, clock=clock))
    await stub.arrived.wait()
    await clock.advance(30)
    with pytest.raises(UnavailableError, match="doesn't answer within 30 s"):
        await entering


# --- posting


async def test_what_a_post_sends(stub: Stub, accounts: Accounts, make_status: MakeStatus) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("POST", STATUSES, make_status("7"))
    posted = await shop.post(Post(text="hello"), key("3f2a"))
    (seen,) = stub.to("POST", STATUSES)
    assert seen.headers["idempotency-key"] == "3f2a"
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
    assert seen.headers["user-agent"] == "Statusbridge"
    assert seen.form == {"status": "hello", "sensitive": "0"}
    assert seen.query == {}
    assert posted == Posted(id=PostId("7"), url="https://m.example/@shop/7", memo={"visibility": "public"})
    assert type(posted.id) is str


async def test_visibility_is_the_posts_own_then_the_answered_ones_then_the_settings(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url, visibility="unlisted", language="fi")
    stub.answer("POST", STATUSES, make_status("7", in_reply_to_id="5", in_reply_to_account_id="2"))
    private = Ref(id=PostId("5"), memo={"visibility": "direct"})
    await shop.post(Post(text="a"), key("a"))
    await shop.post(Post(text="b", in_reply_to=private), key("b"))
    await shop.post(Post(text="c", in_reply_to=private, visibility=Visibility.PRIVATE, language="sv"), key("c"))
    sent = [(seen.form["visibility"], seen.form["language"]) for seen in stub.to("POST", STATUSES)]
    assert sent == [("unlisted", "fi"), ("direct", "fi"), ("private", "sv")]


async def test_nasty_text_arrives_as_it_is(stub: Stub, accounts: Accounts, make_status: MakeStatus) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("POST", STATUSES, make_status("7"))
    text = "a&b=c;d%20 +\"'<b>\n\n\ttab \u202eabc 👩‍👩‍👧 é e\u0301 مرحبا #x @kim@m.example"
    await shop.post(Post(text=text), key())
    assert stub.to("POST", STATUSES)[0].form["status"] == text


async def test_trap_an_answer_without_an_id_is_uncertain(stub: Stub, accounts: Accounts) -> None:
    shop = await accounts.enter(stub.base_url)
    for body in ("", "null", "[]", "{}", '"ok"', '{"id": null}', "<html>", '{"error": "no"}'):
        stub.text("POST", STATUSES, body)
        with pytest.raises(UncertainError) as caught:
            await shop.post(Post(text="hello"), key())
        assert caught.value.answered


async def test_trap_odd_rate_limit_headers_never_turn_a_success_into_a_failure(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url)
    for odd in ("", "soon", "-1", "1e999", "99999999999999999999", "2026-99-99T00:00:00Z"):
        headers = {"X-RateLimit-Reset": odd, "X-RateLimit-Remaining": odd, "X-RateLimit-Limit": odd}
        stub.answer("POST", STATUSES, make_status("7"), headers={**headers, "Retry-After": odd})
        assert (await shop.post(Post(text="hello"), key())).id == "7"


async def test_trap_a_deprecation_header_is_no_warning_and_no_failure(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("POST", STATUSES, make_status("7"), headers={"Deprecation": "@1", "Link": "<x>; rel"})
    assert (await shop.post(Post(text="hello"), key())).id == "7"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"X-RateLimit-Reset": "2026-01-02T03:14:05.000000Z"}, 600),
        ({"X-RateLimit-Reset": str(int(NOW.timestamp()) + 60)}, 60),
        ({"X-RateLimit-Reset": "soon"}, None),
        ({"X-RateLimit-Reset": "2020-01-01T00:00:00Z"}, None),
        ({"Retry-After": "5", "X-RateLimit-Reset": "2026-01-02T03:14:05.000000Z"}, 5),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "999999999"}, 86400),
    ],
)
async def test_trap_a_429_is_unavailable_with_the_reset_that_the_sdk_drops(
    stub: Stub, accounts: Accounts, headers: dict[str, str], seconds: float | None
) -> None:
    shop = await accounts.enter(stub.base_url, clock=FakeClock(NOW))
    date = {"Date": format_datetime(NOW, usegmt=True)}
    stub.answer("POST", STATUSES, {"error": "Too many requests"}, status=429, headers=headers | date)
    with pytest.raises(UnavailableError) as caught:
        await shop.post(Post(text="hello"), key())
    assert caught.value.retry_after == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 410, 413, 422, 451])
async def test_a_refusal_says_so_in_the_servers_words(stub: Stub, accounts: Accounts, status: int) -> None:
    shop = await accounts.enter(stub.base_url)
    words = f"<p>Das geht\nnicht</p> {TOKEN} " + "x" * 5000
    stub.answer("POST", STATUSES, {"error": words}, status=status)
    with pytest.raises(RefusedError, match=rf"refused it \({status}\): Das geht nicht \.\.\. x+") as caught:
        await shop.post(Post(text="hello"), key())
    assert TOKEN not in str(caught.value)
    assert len(str(caught.value)) < 400


async def test_a_401_pauses(stub: Stub, accounts: Accounts) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.text("POST", STATUSES, "<html>", status=401)
    with pytest.raises(UnauthorizedError):
        await shop.post(Post(text="hello"), key())


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


async def test_pictures_are_refused_for_now(stub: Stub, accounts: Accounts) -> None:
    shop = await accounts.enter(stub.base_url)
    with pytest.raises(RefusedError, match="Pictures"):
        await shop.post(Post(text="look", media=(Media(data=b"x", type="image/png"),)), key())
    assert stub.to("POST", STATUSES) == []


# --- answers to what is gone


async def test_trap_a_flattened_reply_is_taken_back_and_refused(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("POST", STATUSES, make_status("7", in_reply_to_id=None))
    stub.answer("DELETE", f"{STATUSES}/7", make_status("7"))
    with pytest.raises(RefusedError, match="isn't there"):
        await shop.post(Post(text="yes", in_reply_to=Ref(id=PostId("5"))), key())
    assert len(stub.to("DELETE", f"{STATUSES}/7")) == 1


async def test_a_flattened_reply_that_stays_is_told_with_its_link(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("POST", STATUSES, make_status("7", in_reply_to_id=None))
    stub.answer("DELETE", f"{STATUSES}/7", {}, status=500)
    with pytest.raises(RefusedError, match=r"delete https://m\.example/@shop/7 by hand"):
        await shop.post(Post(text="yes", in_reply_to=Ref(id=PostId("5"))), key())


async def test_a_reply_whose_author_is_not_named_stays_if_its_parent_is_there(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("POST", STATUSES, make_status("7", in_reply_to_id="5", in_reply_to_account_id=None))
    stub.answer("GET", f"{STATUSES}/5", make_status("5"))
    assert (await shop.post(Post(text="yes", in_reply_to=Ref(id=PostId("5"))), key())).id == "7"


# --- deleting


@pytest.mark.parametrize("status", [404, 410])
async def test_deleting_what_is_gone_is_done(stub: Stub, accounts: Accounts, status: int) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("DELETE", f"{STATUSES}/7", {"error": "Record not found"}, status=status)
    await shop.delete(Posted(id=PostId("7")))
    assert len(stub.to("GET", f"{STATUSES}/7")) == 1


async def test_trap_a_404_on_a_delete_that_deleted_nothing_is_refused(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("DELETE", f"{STATUSES}/7", {"error": "Record not found"}, status=404)
    stub.answer("GET", f"{STATUSES}/7", make_status("7"))
    with pytest.raises(RefusedError, match="still shows it"):
        await shop.delete(Posted(id=PostId("7")))


async def test_a_delete_with_an_empty_answer_is_looked_at(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.text("DELETE", f"{STATUSES}/7", "")
    await shop.delete(Posted(id=PostId("7")))
    stub.answer("GET", f"{STATUSES}/7", make_status("7"))
    with pytest.raises(UncertainError):
        await shop.delete(Posted(id=PostId("7")))


async def test_a_delete_that_fails_is_uncertain(stub: Stub, accounts: Accounts) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("DELETE", f"{STATUSES}/7", {}, status=503)
    with pytest.raises(UncertainError):
        await shop.delete(Posted(id=PostId("7")))
    stub.cut("DELETE", f"{STATUSES}/7")
    with pytest.raises(UncertainError):
        await shop.delete(Posted(id=PostId("7")))


# --- giving up


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


# --- secrets


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


# --- finding


def aged(make_status: MakeStatus, identifier: str, seconds: float, **changes: object) -> dict[str, Any]:
    return make_status(identifier, created_at=(NOW - timedelta(seconds=seconds)).isoformat(), **changes)


async def test_find_pages_back_until_it_is_sure(stub: Stub, accounts: Accounts, make_status: MakeStatus) -> None:
    shop = await accounts.enter(stub.base_url, clock=FakeClock(NOW))
    date = {"Date": format_datetime(NOW, usegmt=True)}
    pages = {None: ["9", "8"], "8": ["7", "6"], "6": ["5", "4"]}
    ages = {"9": 1, "8": 10, "7": 20, "6": 90, "5": 3600, "4": 7200}

    async def listing(request: web.Request) -> web.StreamResponse:
        page = pages[request.query.get("max_id")]
        content = {"7": "<p>wanted</p>"}
        entries = [aged(make_status, n, ages[n], content=content.get(n, f"<p>other {n}</p>")) for n in page]
        return web.json_response(entries, headers=date)

    stub.on("GET", OWN, listing)
    since = NOW - timedelta(minutes=2)
    found = await shop.find(Post(text="wanted"), key(), since, frozenset())
    assert found is not None
    assert found.id == "7"
    assert len(stub.to("GET", OWN)) == 2
    assert await shop.find(Post(text="absent"), key(), since, frozenset()) is None
    assert len(stub.to("GET", OWN)) == 5
    assert {seen.query["exclude_reblogs"] for seen in stub.to("GET", OWN)} == {"1"}


async def test_find_allows_for_a_servers_clock_that_is_wrong(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url, clock=FakeClock(NOW))
    for hours in (-3, 0, 3):
        skew = timedelta(hours=hours)
        entry = make_status("7", created_at=(NOW + skew - timedelta(seconds=5)).isoformat(), content="<p>wanted</p>")
        old = make_status("6", created_at=(NOW + skew - timedelta(hours=1)).isoformat(), content="<p>twin</p>")
        stub.answer("GET", OWN, [entry, old], headers={"Date": format_datetime(NOW + skew, usegmt=True)})
        since = NOW - timedelta(seconds=10)
        found = await shop.find(Post(text="wanted"), key(), since, frozenset())
        assert found is not None
        assert await shop.find(Post(text="twin"), key(), since, frozenset()) is None


async def test_find_is_not_sure_where_the_list_ends_too_early(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("GET", OWN, [make_status("7")])
    with pytest.raises(UncertainError, match="can't be listed back"):
        await shop.find(Post(text="absent"), key(), datetime.now(UTC), frozenset())
    numbers = itertools.count(1000, -1)

    async def endless(_: web.Request) -> web.StreamResponse:
        return web.json_response([make_status(str(next(numbers)))])

    stub.on("GET", OWN, endless)
    with pytest.raises(UncertainError, match="can't be listed back"):
        await shop.find(Post(text="absent"), key(), datetime.now(UTC), frozenset())


async def test_find_is_not_sure_when_the_clock_was_set_back(stub: Stub, accounts: Accounts) -> None:
    shop = await accounts.enter(stub.base_url, clock=FakeClock(NOW))
    with pytest.raises(UncertainError, match="set back"):
        await shop.find(Post(text="absent"), key(), NOW + timedelta(seconds=1), frozenset())


async def test_find_fails_as_a_read_does(stub: Stub, accounts: Accounts) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("GET", OWN, {}, status=502)
    with pytest.raises(UnavailableError):
        await shop.find(Post(text="absent"), key(), datetime.now(UTC), frozenset())


@pytest.mark.parametrize("body", ["{}", '{"error": "no"}', "null", "", '"ok"', "<html>"])
async def test_trap_what_is_no_list_does_not_pass_for_an_empty_one(stub: Stub, accounts: Accounts, body: str) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.text("GET", OWN, body)
    stub.text("GET", NOTIFICATIONS, body)
    with pytest.raises(UnavailableError):
        await shop.find(Post(text="absent"), key(), datetime.now(UTC), frozenset())
    with pytest.raises(UnavailableError):
        await anext(shop.items(None))


async def test_find_asks_for_the_original_where_what_is_shown_differs(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url)
    changed = make_status("7", content="<p>wanted, <em>very</em> much so</p>")
    post = Post(text="*wanted*, _very_ much so")

    async def listing(request: web.Request) -> web.StreamResponse:
        return web.json_response([] if "max_id" in request.query else [changed])

    stub.on("GET", OWN, listing)
    with pytest.raises(UncertainError, match="similar"):
        await shop.find(post, key(), datetime.now(UTC), frozenset())
    stub.answer("GET", f"{STATUSES}/7/source", {"id": "7", "text": "*wanted*, _very_ much so", "spoiler_text": ""})
    found = await shop.find(post, key(), datetime.now(UTC), frozenset())
    assert found is not None
    assert found.id == "7"
    stub.answer("GET", f"{STATUSES}/7/source", {"id": "7", "text": "wanted, very much so!", "spoiler_text": ""})
    assert await shop.find(post, key(), datetime.now(UTC), frozenset()) is None


async def test_find_is_not_sure_of_private_posts_where_others_list_only_public_ones(
    stub: Stub, accounts: Accounts
) -> None:
    stub.answer("GET", INSTANCE_2, {"version": "0.18.0", "domain": "m.example"})
    shop = await accounts.enter(stub.base_url)
    stub.answer("GET", OWN, [])
    assert await shop.find(Post(text="absent"), key(), datetime.now(UTC), frozenset()) is None
    private = Post(text="absent", visibility=Visibility.DIRECT)
    with pytest.raises(UncertainError, match="aren't public"):
        await shop.find(private, key(), datetime.now(UTC), frozenset())


# --- listening


def mention(make_status: MakeStatus, number: int, **changes: object) -> dict[str, Any]:
    kim = {"id": "2", "acct": "kim", "username": "kim", "display_name": "Kim", "url": "https://m.example/@kim"}
    status = make_status(f"s{number}", account=kim, content=f"<p>@shop number {number}</p>")
    when = NOW.isoformat()
    return {"id": str(number), "type": "mention", "account": kim, "status": status, "created_at": when} | changes


async def take(items: Any, count: int) -> list[Item | Seen]:
    return [await anext(items) for _ in range(count)]


async def test_trap_a_wrong_type_own_posts_and_unknown_shapes_are_passed(
    stub: Stub, accounts: Accounts, make_status: MakeStatus, make_account: Callable[..., Any]
) -> None:
    shop = await accounts.enter(stub.base_url)
    broken = mention(make_status, 4, status={"id": "s4", "url": "https://m.example/@kim/4", "content": None})
    own = mention(make_status, 5, account=make_account(), status=make_status("s5"))
    page = [
        mention(make_status, 1),
        mention(make_status, 2, type="favourite"),
        broken,
        own,
        "nonsense",
        mention(make_status, 3),
    ]
    stub.answer("GET", NOTIFICATIONS, page)
    async with aclosing(shop.items(Cursor('{"start": "0", "at": "0"}'))) as items:
        one, three, four, seen = await take(items, 4)
    assert isinstance(one, Item)
    assert isinstance(three, Item)
    assert isinstance(four, Item)
    assert (one.text, three.text) == ("number 1", "number 3")
    assert (four.text, four.url, four.author.handle) == ("", "https://m.example/@kim/4", "kim@m.example")
    assert four.raw is not None
    assert '"s4"' in four.raw
    assert seen == Seen(cursor=Cursor('{"start": "0", "at": "5"}'))


async def test_each_poll_overlaps_and_repeats_nothing_within_one_iteration(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    clock = FakeClock(NOW)
    shop = await accounts.enter(stub.base_url, clock=clock)
    page = [mention(make_status, n) for n in (12, 11, 10)]
    stub.answer("GET", NOTIFICATIONS, page)
    async with aclosing(shop.items(None)) as items:
        (seen,) = await take(items, 1)
        late = [mention(make_status, n) for n in (15, 13)] + page
        following = asyncio.ensure_future(anext(items))
        stub.answer("GET", NOTIFICATIONS, late)
        await clock.wait_for_wait(20)
        await clock.advance(20)
        first = await following
        (second,) = await take(items, 1)
        following = asyncio.ensure_future(anext(items))
        await clock.wait_for_wait(20)
        stub.answer("GET", NOTIFICATIONS, [mention(make_status, 14), *late])
        await clock.advance(20)
        third = await following
    assert seen == Seen(cursor=Cursor('{"start": "12", "at": "12"}'))
    heard = [(item.id, item.cursor) for item in (first, second, third) if isinstance(item, Item)]
    assert heard == [
        ("s13", '{"start": "12", "at": "13"}'),
        ("s15", '{"start": "12", "at": "15"}'),
        ("s14", '{"start": "12", "at": "15"}'),
    ]
    assert isinstance(third, Item)
    async with aclosing(shop.items(third.cursor)) as items:
        again = await take(items, 3)
    assert [item.id for item in again if isinstance(item, Item)] == ["s13", "s14", "s15"]


async def test_a_poll_that_drips_for_ever_ends(stub: Stub, accounts: Accounts) -> None:
    clock = FakeClock(NOW)
    shop = await accounts.enter(stub.base_url, clock=clock)
    stub.hang("GET", NOTIFICATIONS)
    async with aclosing(shop.items(None)) as items:
        poll = asyncio.ensure_future(anext(items))
        await stub.arrived.wait()
        await clock.advance(30)
        with pytest.raises(UnavailableError, match="within 30 s"):
            await poll


async def test_listening_fails_as_a_read_does(stub: Stub, accounts: Accounts) -> None:
    shop = await accounts.enter(stub.base_url)
    for status, kind in ((500, UnavailableError), (401, UnauthorizedError), (403, RefusedError)):
        stub.answer("GET", NOTIFICATIONS, {"error": "no"}, status=status)
        with pytest.raises(kind):
            await anext(shop.items(None))
    with pytest.raises(RefusedError, match="position"):
        await anext(shop.items(Cursor("nonsense")))
