"""What `[web]` serves: for now `/healthz`, for monitoring and orchestrators."""

from __future__ import annotations

import errno
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web

_log = structlog.stdlib.get_logger(__name__)

_CLOSING: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether the bridge does its work, what is wrong with it (one sentence each), and further facts, by name."""

    ok: bool
    problems: tuple[str, ...] = ()
    facts: Mapping[str, str | int | bool] = field(default_factory=dict[str, "str | int | bool"])


class ListenError(Exception):
    """The address can't be listened on; one sentence that names the key and the mend."""


@asynccontextmanager
async def serve(listen: str, health: Callable[[], Health]) -> AsyncGenerator[tuple[str, int]]:
    """Serve until the end of the block; yields the address and port that are listened on. Raises ListenError.

    `listen` is as in the configuration: `127.0.0.1:8080`, `[::1]:8080`; port 0 is any free one. `GET /healthz` answers
    200 with `{"status": "ok"}`, or 503 with `{"status": "failing"}`, both with `"problems": [...]` where there are any.
    """
    app = web.Application()
    app.router.add_get("/healthz", _healthz(health))
    app.on_response_prepare.append(_headers)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=_CLOSING)
    await runner.setup()
    try:
        host, _, port = listen.rpartition(":")
        site = web.TCPSite(runner, host.strip("[]"), int(port))
        try:
            await site.start()
        except OSError as error:
            raise ListenError(f"[web] listen: {listen} {_why(error)}") from None
        address = runner.addresses[0]
        yield str(address[0]), int(address[1])
    finally:
        await runner.cleanup()


def _healthz(health: Callable[[], Health]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_request: web.Request) -> web.Response:
        try:
            now = health()
        except Exception:  # noqa: BLE001 - whoever asks must hear that something is wrong
            _log.exception("the state of the bridge could not be told")
            now = Health(ok=False, problems=("the bridge can't tell its own state",))
        body: dict[str, object] = {"status": "ok" if now.ok else "failing", **now.facts}
        if now.problems:
            body["problems"] = list(now.problems)
        code = HTTPStatus.OK if now.ok else HTTPStatus.SERVICE_UNAVAILABLE
        return web.json_response(body, status=code)

    return answer


async def _headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Server"] = "statusbridge"
    response.headers["X-Content-Type-Options"] = "nosniff"


def _why(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "names no address of this machine; use an IP address"
    match error.errno:
        case errno.EADDRINUSE:
            return "is in use by another program; stop it or choose another port"
        case errno.EACCES | errno.EPERM:
            return "may not be listened on by this user; choose a port above 1023"
        case errno.EADDRNOTAVAIL:
            return "is no address of this machine; use 127.0.0.1 or 0.0.0.0"
        case _:
            return f"can't be listened on: {error.strerror or error}"
