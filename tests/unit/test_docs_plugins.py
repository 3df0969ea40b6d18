"""The example of docs/plugins.md, which is the package in tests/stranger."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bridge.plugin import (
    Cursor,
    Item,
    Key,
    Listens,
    Plugin,
    PluginError,
    Post,
    PostId,
    Ref,
    RefusedError,
    Seen,
    UnauthorizedError,
    UnavailableError,
    UncertainError,
)
from bridge.testing import FakeClock

PAGE = Path(__file__).resolve().parents[2] / "docs" / "plugins.md"
NOW = datetime(2026, 1, 2, tzinfo=UTC)
PACKAGE = Path(__file__).resolve().parents[1] / "stranger"


@dataclass
class Townsquare:
    """The platform that doesn't exist: it remembers keys, and goes wrong as it is told."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    loses_answers: bool = False
    notes: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    mentions: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    tokens: list[str] = field(default_factory=list[str])

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/me", self.me)
        app.router.add_post("/notes", self.publish)
        app.router.add_get("/mentions/newest", self.newest)
        app.router.add_get("/mentions", self.after)
        return app

    async def me(self, request: web.Request) -> web.Response:
        self.tokens.append(request.headers["Authorization"])
        return self._answer({"max_length": 300})

    async def publish(self, request: web.Request) -> web.Response:
        key = request.headers["Idempotency-Key"]
        if self.status < 400:
            number = len(self.notes) + 1
            note = {"id": number, "url": f"https://square.example.org/{number}", "body": await request.json()}
            self.notes.setdefault(key, note)
        if self.loses_answers and request.transport is not None:
            request.transport.close()
        return self._answer(self.notes.get(key, {}))

    async def newest(self, _: web.Request) -> web.Response:
        return self._answer({"id": self.mentions[-1]["id"] if self.mentions else 0})

    async def after(self, request: web.Request) -> web.Response:
        since = int(request.query["after"])
        return self._answer({"notes": [note for note in self.mentions if note["id"] > since]})

    def say(self, number: int, text: str) -> None:
        url = f"https://square.example.org/{number}"
        self.mentions.append({"id": number, "author": "kim", "text": text, "at": NOW.isoformat(), "url": url})

    def _answer(self, data: dict[str, Any]) -> web.Response:
        return web.Response(
            status=self.status, headers=self.headers, text=json.dumps(data), content_type="application/json"
        )


class Memory:
    async def load(self, name: str) -> str | None:
        return None

    async def save(self, name: str, value: str) -> None:
        raise AssertionError(name)


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The plugins of the package that the page shows."""
    monkeypatch.syspath_prepend(str(PACKAGE))
    listening = importlib.import_module("statusbridge_townsquare.listening")
    yield SimpleNamespace(**{**vars(sys.modules["statusbridge_townsquare"]), **vars(listening)})
    for name in [name for name in sys.modules if name.startswith("statusbridge_townsquare")]:
        del sys.modules[name]


def test_the_page_shows_the_package_file_by_file() -> None:
    page = PAGE.read_text(encoding="utf-8")
    shown = [path for path in PACKAGE.rglob("*") if path.suffix in {".py", ".toml"}]
    assert len(shown) == 5
    for path in shown:
        block = f"```{'python' if path.suffix == '.py' else 'toml'}\n{path.read_text(encoding='utf-8')}```\n"
        assert block in page, f"docs/plugins.md doesn't show {path.name} as it is"


@pytest.fixture
def square() -> Townsquare:
    return Townsquare()


@pytest.fixture
async def server(square: Townsquare) -> AsyncIterator[TestServer]:
    running = TestServer(square.app(), host="127.0.0.1")
    async with running:
        yield running


def made(
    example: Any, server: TestServer, kind: str = "TownsquarePlugin", token: str | None = "made-up"
) -> Plugin[Any]:
    settings = example.TownsquareSettings(base_url=str(server.make_url("")), access_token=token)
    return getattr(example, kind)(settings, Memory(), FakeClock())


def key(token: str) -> Key:
    return Key(token=token, minted_at=NOW)


async def test_the_example_posts_once_per_key(example: Any, server: TestServer, square: Townsquare) -> None:
    async with made(example, server) as plugin:
        assert plugin.limits.text == 300
        assert plugin.limits.key_lifetime == timedelta(hours=24)
        assert not isinstance(plugin, Listens)
        first = await plugin.post(Post(text="hello"), key("k1"))
        again = await plugin.post(Post(text="hello"), key("k1"))
        answer = await plugin.post(Post(text="there", in_reply_to=Ref(id=PostId("1"))), key("k2"))
    assert first == again
    assert (first.id, first.url) == ("1", "https://square.example.org/1")
    assert answer.id == "2"
    assert [note["body"] for note in square.notes.values()] == [
        {"text": "hello", "in_reply_to": None},
        {"text": "there", "in_reply_to": "1"},
    ]
    assert square.tokens == ["Bearer made-up"]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, UnauthorizedError),
        (403, RefusedError),
        (422, RefusedError),
        (429, UnavailableError),
        (500, UncertainError),
        (503, UncertainError),
    ],
)
async def test_the_example_says_what_happens_next(
    example: Any, server: TestServer, square: Townsquare, status: int, error: type[PluginError]
) -> None:
    async with made(example, server) as plugin:
        square.status, square.headers = status, {"Retry-After": "7"}
        with pytest.raises(error) as caught:
            await plugin.post(Post(text="hello"), key("k1"))
    assert type(caught.value) is error
    if isinstance(caught.value, UnavailableError):
        assert caught.value.retry_after == timedelta(seconds=7)
    if isinstance(caught.value, UncertainError):
        assert caught.value.answered


async def test_the_example_is_in_doubt_when_the_answer_is_lost(
    example: Any, server: TestServer, square: Townsquare
) -> None:
    async with made(example, server) as plugin:
        square.loses_answers = True
        with pytest.raises(UncertainError) as caught:
            await plugin.post(Post(text="hello"), key("k1"))
        assert not caught.value.answered
        square.loses_answers = False
        posted = await plugin.post(Post(text="hello"), key("k1"))
    assert posted.id == "1"
    assert len(square.notes) == 1


async def test_the_example_knows_that_nothing_was_sent_where_nobody_listens(example: Any, server: TestServer) -> None:
    async with made(example, server) as plugin:
        await server.close()
        # The connection that was open may die with the request on it, which is a doubt; a new one can't be had at all.
        with pytest.raises((UncertainError, UnavailableError)):
            await plugin.post(Post(text="hello"), key("k1"))
        with pytest.raises(UnavailableError):
            await plugin.post(Post(text="hello"), key("k1"))


async def test_the_example_is_not_entered_without_a_good_token(
    example: Any, server: TestServer, square: Townsquare
) -> None:
    with pytest.raises(UnauthorizedError, match="access_token"):
        await made(example, server, token=None).__aenter__()
    square.status = 401
    with pytest.raises(UnauthorizedError, match="any more"):
        await made(example, server).__aenter__()


async def test_the_example_that_listens_begins_at_now_and_goes_on(
    example: Any, server: TestServer, square: Townsquare
) -> None:
    square.say(1, "old")
    async with made(example, server, "ListeningPlugin") as plugin:
        assert isinstance(plugin, Listens)
        async with aclosing(plugin.items(None)) as things:
            assert await anext(things) == Seen(cursor=Cursor("1"))
            square.say(2, "new")
            heard = await anext(things)
        async with aclosing(plugin.items(Cursor("1"))) as again:
            assert await anext(again) == heard
    assert isinstance(heard, Item)
    assert (heard.id, heard.cursor, heard.text) == ("2", "2", "new")
    assert (heard.author.handle, heard.answer_prefix, heard.created_at) == ("kim@square.example.org", "@kim", NOW)


async def test_the_example_that_listens_asks_again_after_a_while(
    example: Any, server: TestServer, square: Townsquare
) -> None:
    async with made(example, server, "ListeningPlugin") as plugin:
        clock = plugin.clock
        assert isinstance(clock, FakeClock)
        assert isinstance(plugin, Listens)
        async with aclosing(plugin.items(None)) as things:
            assert await anext(things) == Seen(cursor=Cursor("0"))
            waiting = asyncio.ensure_future(anext(things))
            await clock.wait_for_wait(20)
            square.say(1, "hi")
            await clock.advance(20)
            heard = await waiting
    assert isinstance(heard, Item)
    assert heard.text == "hi"
