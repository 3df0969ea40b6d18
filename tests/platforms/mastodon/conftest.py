from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from bridge.domain.clock import SystemClock
from bridge.plugin import Clock
from plugins.mastodon import MastodonPlugin, MastodonSettings
from tests.servers.town import Town

if TYPE_CHECKING:
    from tests.servers.mastodon import MastodonMock

TOKEN = "a-very-secret-token"
STATUSES = "/api/v1/statuses"
NOTIFICATIONS = "/api/v1/notifications"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request as the stub got it."""

    method: str
    path: str
    headers: dict[str, str]
    query: dict[str, str]
    form: dict[str, str]
    peer: object


@dataclass(slots=True)
class Stub:
    """A server that says what a test wants; unless told otherwise, it is a Mastodon with one account, shop."""

    base_url: str = ""
    requests: list[Seen] = field(default_factory=list[Seen])
    handlers: dict[tuple[str, str], Handler] = field(default_factory=dict[tuple[str, str], Handler])
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def on(self, method: str, path: str, handler: Handler) -> None:
        self.handlers[method, path] = handler

    def answer(
        self, method: str, path: str, json: object = None, *, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        async def handler(_: web.Request) -> web.StreamResponse:
            return web.json_response(json, status=status, headers=headers)

        self.on(method, path, handler)

    def text(
        self, method: str, path: str, text: str, *, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        async def handler(_: web.Request) -> web.StreamResponse:
            return web.Response(text=text, status=status, headers=headers, content_type="text/html")

        self.on(method, path, handler)

    def hang(self, method: str, path: str) -> None:
        async def handler(_: web.Request) -> web.StreamResponse:
            self.arrived.set()
            await asyncio.Event().wait()
            raise AssertionError

        self.on(method, path, handler)

    def cut(self, method: str, path: str) -> None:
        async def handler(request: web.Request) -> web.StreamResponse:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()

        self.on(method, path, handler)

    def to(self, method: str, path: str) -> list[Seen]:
        return [seen for seen in self.requests if (seen.method, seen.path) == (method, path)]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        form = dict(await request.post()) if request.method in {"POST", "PUT"} else {}
        self.requests.append(
            Seen(
                method=request.method,
                path=request.path,
                headers={name.lower(): value for name, value in request.headers.items()},
                query=dict(request.query),
                form={name: str(value) for name, value in form.items()},
                peer=request.transport.get_extra_info("peername") if request.transport else None,
            )
        )
        handler = self.handlers.get((request.method, request.path))
        return await handler(request) if handler else web.json_response({"error": "Record not found"}, status=404)


def account(**changes: object) -> dict[str, Any]:
    return {"id": "1", "username": "shop", "acct": "shop", "display_name": "Shop", "url": "https://m.example/@shop"} | {
        **changes
    }


def status(identifier: str, **changes: object) -> dict[str, Any]:
    return {
        "id": identifier,
        "uri": f"https://m.example/statuses/{identifier}",
        "url": f"https://m.example/@shop/{identifier}",
        "account": account(),
        "content": "<p>hello</p>",
        "created_at": datetime.now(UTC).isoformat(),
        "visibility": "public",
        "spoiler_text": "",
        "language": "en",
        "in_reply_to_id": None,
        "in_reply_to_account_id": None,
        "media_attachments": [],
    } | changes


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    stub = Stub()
    stub.answer("GET", "/api/v1/accounts/verify_credentials", account(source={"privacy": "public"}))
    stub.answer(
        "GET",
        "/api/v2/instance/",
        {
            "domain": "m.example",
            "version": "4.4.1",
            "source_url": "https://github.com/mastodon/mastodon",
            "configuration": {"statuses": {"max_characters": 500, "characters_reserved_per_url": 23}},
        },
    )
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", stub.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    stub.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield stub
    await runner.cleanup()


class Forgetful:
    """A Keep that keeps nothing."""

    async def load(self, name: str) -> str | None:
        return None

    async def save(self, name: str, value: str) -> None:
        raise AssertionError(name)


class Accounts:
    """Makes accounts and leaves them at the end."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    def make(
        self, base_url: str, token: str | None = TOKEN, clock: Clock | None = None, **settings: object
    ) -> MastodonPlugin:
        values = {"base_url": base_url, **({"access_token": token} if token is not None else {}), **settings}
        return MastodonPlugin(MastodonSettings.model_validate(values), Forgetful(), clock or SystemClock())

    async def enter(
        self, base_url: str, token: str | None = TOKEN, clock: Clock | None = None, **settings: object
    ) -> MastodonPlugin:
        return await self._stack.enter_async_context(self.make(base_url, token, clock, **settings))


@pytest.fixture
async def accounts() -> AsyncIterator[Accounts]:
    """Accounts to use; at the end none of their threads is left."""
    async with AsyncExitStack() as stack:
        yield Accounts(stack)
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("mastodon-")] == []


@pytest.fixture
def mock(mastodon_mock: MastodonMock) -> MastodonMock:
    return mastodon_mock


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    async with Town() as server:
        yield server


@pytest.fixture
def make_status() -> Callable[..., dict[str, Any]]:
    return status


@pytest.fixture
def make_account() -> Callable[..., dict[str, Any]]:
    return account
