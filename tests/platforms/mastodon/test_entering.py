"""Entering an account, against a server of our own."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from bridge.plugin import (
    Key,
    Post,
    UnauthorizedError,
    UnavailableError,
)
from bridge.testing import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

    from tests.platforms.mastodon.conftest import Accounts, Stub


STATUSES = "/api/v1/statuses"
VERIFY = "/api/v1/accounts/verify_credentials"
INSTANCE_2 = "/api/v2/instance/"
INSTANCE_1 = "/api/v1/instance/"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def key(token: str = "k1") -> Key:
    return Key(token=token, minted_at=NOW)


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
