from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bridge.web import Health, ListenError, serve


async def ask(address: tuple[str, int], path: str = "/healthz", method: str = "GET") -> tuple[int, Any, Any]:
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"http://{host}:{address[1]}{path}") as response,
    ):
        body = await response.json() if response.content_type == "application/json" and method == "GET" else None
        return response.status, body, dict(response.headers)


async def test_all_is_well() -> None:
    async with serve("127.0.0.1:0", lambda: Health(ok=True)) as address:
        status, body, headers = await ask(address)
        assert (status, body) == (200, {"status": "ok"})
        assert (headers["Cache-Control"], headers["Server"]) == ("no-store", "statusbridge")
        assert (await ask(address, method="HEAD"))[0] == 200
        assert (await ask(address, "/"))[0] == 404
        assert (await ask(address, method="POST"))[0] == 405


@pytest.mark.parametrize(
    ("health", "status", "body"),
    [
        (
            Health(ok=False, problems=("not joined: direct",), facts={"accounts": 2}),
            503,
            {"status": "failing", "accounts": 2, "problems": ["not joined: direct"]},
        ),
        (
            Health(ok=True, problems=("one: down: no answer",)),
            200,
            {"status": "ok", "problems": ["one: down: no answer"]},
        ),
    ],
)
async def test_something_is_wrong(health: Health, status: int, body: object) -> None:
    async with serve("127.0.0.1:0", lambda: health) as address:
        assert (await ask(address))[:2] == (status, body)


async def test_a_state_that_can_not_be_told_is_bad() -> None:
    def broken() -> Health:
        raise RuntimeError("a secret")

    async with serve("127.0.0.1:0", broken) as address:
        assert (await ask(address))[:2] == (
            503,
            {"status": "failing", "problems": ["the bridge can't tell its own state"]},
        )


async def test_the_port_is_free_again_at_the_end() -> None:
    async with serve("127.0.0.1:0", lambda: Health(ok=True)) as (_, port):
        pass
    async with serve(f"127.0.0.1:{port}", lambda: Health(ok=True)) as address:
        assert address == ("127.0.0.1", port)


async def test_an_occupied_port_is_one_line() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(ListenError) as caught:
            async with serve(listen, lambda: Health(ok=True)):
                pytest.fail("it listens")
    assert str(caught.value) == (f"[web] listen: {listen} is in use by another program; stop it or choose another port")


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (OSError(errno.EACCES, "x"), "may not be listened on by this user; choose a port above 1023"),
        (OSError(errno.EADDRNOTAVAIL, "x"), "is no address of this machine; use 127.0.0.1 or 0.0.0.0"),
        (socket.gaierror(-2, "x"), "names no address of this machine; use an IP address"),
        (OSError(errno.EIO, "Input/output error"), "can't be listened on: Input/output error"),
    ],
)
async def test_other_reasons(monkeypatch: pytest.MonkeyPatch, error: OSError, why: str) -> None:
    async def fail(_self: object) -> None:
        raise error

    monkeypatch.setattr(web.TCPSite, "start", fail)
    with pytest.raises(ListenError) as caught:
        async with serve("[::1]:80", lambda: Health(ok=True)):
            pytest.fail("it listens")
    assert str(caught.value) == f"[web] listen: [::1]:80 {why}"


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


async def test_ipv6(record_property: Callable[[str, object], None]) -> None:
    if not _has_ipv6():
        record_property("ipv6", "this machine has none")
        with pytest.raises(ListenError):
            async with serve("[::1]:0", lambda: Health(ok=True)):
                pytest.fail("it listens")
        return
    async with serve("[::1]:0", lambda: Health(ok=True)) as address:
        assert address[0] == "::1"
        assert (await ask(address))[:2] == (200, {"status": "ok"})
