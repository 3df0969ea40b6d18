"""Every kind of request that the plugin makes, judged by X's own description of its API."""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

import plugins.x
from bridge.plugin import Cursor, Media, PluginError, Post, PostId, Ref
from bridge.testing import FakeClock, MemoryKeep
from bridge.testing.contract.kit import Ear
from plugins.x import XPlugin
from tests.platforms.x.shop import NOW, entered, key, picture
from tests.servers import faults
from tests.servers.prism import fits, require_document, require_prism
from tests.servers.x import X
from tests.servers.x_calls import Call

FILM: Final = Media(data=b"\x00\x00\x00\x18ftypmp42" + bytes(5_000_000), type="video/mp4", alt="A film")
OLDER: Final = {"tweet.fields", "sender_id"}
"""What only the servers know that the document has left behind: asked for where the newer words aren't enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One account that does something, on a server that plays X."""

    x: X
    shop: XPlugin
    clock: FakeClock

    async def hear(self, things: Any, count: int) -> Cursor:
        """Hear so many things, and return the last position."""
        async with Ear(things, self.clock, 60.0, 20.0) as ear:
            return [(await ear.next()).cursor for _ in range(count)][-1]

    def asked(self) -> Ref:
        """Return a mention to be answered."""
        return Ref(id=PostId(self.x.mention("are you open?").id))

    def private(self) -> Ref:
        """Return a message to be answered."""
        said = self.x.message("psst")
        return Ref(id=PostId(said.id), memo={"with": said.sender})


Act = Callable[[Scene], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What makes the plugin send some kind of request: its method and path, and what it `has` to have in it."""

    request: tuple[str, str]
    act: Act
    has: frozenset[str] = frozenset()
    server: dict[str, Any] = field(default_factory=dict[str, Any])
    settings: dict[str, Any] = field(default_factory=dict[str, Any])


async def _answer(scene: Scene) -> None:
    await scene.shop.post(Post(text="yes", in_reply_to=scene.asked()), key())


async def _edit(scene: Scene) -> None:
    posted = await scene.shop.post(Post(text="frist"), key())
    await scene.shop.edit(posted, Post(text="first"), key("two"))


async def _edit_pictures(scene: Scene) -> None:
    posted = await scene.shop.post(Post(text="frist", media=(picture(),)), key())
    await scene.shop.edit(posted, Post(text="first"), key("two"))


async def _film(scene: Scene) -> None:
    posting = asyncio.ensure_future(scene.shop.post(Post(text="look", media=(FILM,)), key()))
    await scene.clock.wait_for_wait(1)
    await scene.clock.advance(1)
    await posting


async def _delete(scene: Scene) -> None:
    await scene.shop.delete(await scene.shop.post(Post(text="hello"), key()))


async def _find(scene: Scene, ref: Ref | None = None) -> None:
    for number in range(105):
        scene.x.write(f"number {number}", scene.x.me)
    with suppress(PluginError):
        await scene.shop.find(Post(text="hello", in_reply_to=ref), key(), NOW, frozenset())


async def _find_message(scene: Scene) -> None:
    ref = scene.private()
    for number in range(12):
        scene.x.message(f"number {number}")
    with suppress(PluginError):
        await scene.shop.find(Post(text="hello", in_reply_to=ref), key(), NOW, frozenset())


async def _old(scene: Scene) -> None:
    """Let something be there that was said before anybody listened."""
    scene.x.mention("old")
    await scene.clock.advance(60)


async def _mentions(scene: Scene) -> None:
    await _old(scene)
    since = await scene.hear(scene.shop.items(None), 1)
    for number in range(105):
        scene.x.mention(f"number {number}", from_=f"kim{number % 3}")
    await scene.hear(scene.shop.items(since), 105)


async def _backlog(scene: Scene) -> None:
    """Read a page of a backlog, and the rest once the connection is there again."""
    await _old(scene)
    since = await scene.hear(scene.shop.items(None), 1)
    for number in range(105):
        scene.x.mention(f"number {number}")
    scene.x.decide = lambda call: faults.server_error() if "pagination_token" in call.query else None
    with suppress(PluginError):
        await scene.hear(scene.shop.items(since), 1)
    scene.x.decide = None
    await scene.hear(scene.shop.items(since), 1)


async def _messages(scene: Scene) -> None:
    since = await scene.hear(scene.shop.items(None), 2)
    for number in range(8):
        scene.x.message(f"number {number}")
    await scene.clock.advance(300)
    await scene.hear(scene.shop.items(since), 8)


async def _send(scene: Scene) -> None:
    await scene.shop.post(Post(text="yes", in_reply_to=scene.private()), key())


async def _unsend(scene: Scene) -> None:
    await scene.shop.delete(await scene.shop.post(Post(text="yes", in_reply_to=scene.private()), key()))


async def _matches(scene: Scene) -> None:
    words = "teapot #open @kim from:raj"
    since = await scene.hear(scene.shop.matches(words, None), 1)
    for number in range(105):
        scene.x.remark(f'teapot {number} #open @kim "from:raj" from raj')
    await scene.hear(scene.shop.matches(words, since), 1)


DM: Final[dict[str, Any]] = {"direct_messages": True}
SHAPES: Final = {
    "who the account is": Shape(request=("GET", "/2/users/me"), act=lambda _: asyncio.sleep(0)),
    "a post": Shape(
        request=("POST", "/2/tweets"),
        act=lambda scene: scene.shop.post(Post(text="hello"), key()),
        has=frozenset({"text"}),
    ),
    "an answer": Shape(request=("POST", "/2/tweets"), act=_answer, has=frozenset({"text", "reply"})),
    "a post with pictures": Shape(
        request=("POST", "/2/tweets"),
        act=lambda scene: scene.shop.post(Post(text="look", media=(picture(alt="A dot"), picture())), key()),
        has=frozenset({"text", "media"}),
    ),
    "a picture alone": Shape(
        request=("POST", "/2/tweets"),
        act=lambda scene: scene.shop.post(Post(text="", media=(picture(),)), key()),
        has=frozenset({"media"}),
    ),
    "a picture's bytes": Shape(
        request=("POST", "/2/media/upload"),
        act=lambda scene: scene.shop.post(Post(text="look", media=(picture(),)), key()),
        has=frozenset({"media", "media_category"}),
    ),
    "a picture's description": Shape(
        request=("POST", "/2/media/metadata"),
        act=lambda scene: scene.shop.post(Post(text="look", media=(picture(alt="A dot"),)), key()),
        has=frozenset({"id", "metadata"}),
    ),
    **{
        f"a film: {name}": Shape(request=(method, path), act=_film, has=has)
        for name, method, path, has in (
            (
                "begin",
                "POST",
                "/2/media/upload/initialize",
                frozenset({"media_type", "total_bytes", "media_category"}),
            ),
            ("part", "POST", "/2/media/upload/{id}/append", frozenset({"media", "segment_index"})),
            ("end", "POST", "/2/media/upload/{id}/finalize", frozenset[str]()),
            ("look", "GET", "/2/media/upload", frozenset({"media_id"})),
        )
    },
    "an own post, to edit it": Shape(
        request=("GET", "/2/tweets/{id}"),
        act=_edit,
        has=frozenset({"post.fields"}),
        settings={"premium": True},
        server={"premium": True},
    ),
    "an edit": Shape(
        request=("POST", "/2/tweets"),
        act=_edit,
        has=frozenset({"text", "edit_options"}),
        settings={"premium": True},
        server={"premium": True},
    ),
    "an edit of a post with pictures": Shape(
        request=("POST", "/2/tweets"),
        act=_edit_pictures,
        has=frozenset({"text", "edit_options", "media"}),
        settings={"premium": True},
        server={"premium": True},
    ),
    "a deletion": Shape(request=("DELETE", "/2/tweets/{id}"), act=_delete),
    "a look for what may have arrived": Shape(
        request=("GET", "/2/users/{id}/tweets"), act=_find, has=frozenset({"start_time", "max_results", "post.fields"})
    ),
    "its next page": Shape(request=("GET", "/2/users/{id}/tweets"), act=_find, has=frozenset({"pagination_token"})),
    "a look for an answer": Shape(
        request=("GET", "/2/users/{id}/tweets"),
        act=lambda scene: _find(scene, Ref(id=PostId("7"))),
        has=frozenset({"expansions"}),
    ),
    "the newest mention": Shape(
        request=("GET", "/2/users/{id}/mentions"), act=_mentions, has=frozenset({"max_results", "post.fields"})
    ),
    "mentions since one": Shape(
        request=("GET", "/2/users/{id}/mentions"),
        act=_mentions,
        has=frozenset({"since_id"}),
    ),
    "their next page": Shape(
        request=("GET", "/2/users/{id}/mentions"), act=_mentions, has=frozenset({"since_id", "pagination_token"})
    ),
    "mentions before one": Shape(
        request=("GET", "/2/users/{id}/mentions"), act=_backlog, has=frozenset({"since_id", "until_id"})
    ),
    "mentions with their authors": Shape(
        request=("GET", "/2/users/{id}/mentions"),
        act=_mentions,
        has=frozenset({"expansions"}),
        server={"whole": False},
    ),
    "people": Shape(request=("GET", "/2/users"), act=_mentions, has=frozenset({"ids"})),
    "the newest message": Shape(
        request=("GET", "/2/dm_events"), act=_messages, has=frozenset({"event_types", "max_results"}), settings=DM
    ),
    "messages, the next page": Shape(
        request=("GET", "/2/dm_events"), act=_messages, has=frozenset({"pagination_token"}), settings=DM
    ),
    "messages with their senders": Shape(
        request=("GET", "/2/dm_events"),
        act=_messages,
        has=frozenset({"expansions"}),
        server={"whole": False},
        settings=DM,
    ),
    "a message": Shape(
        request=("POST", "/2/dm_conversations/with/{id}/messages"), act=_send, has=frozenset({"text"}), settings=DM
    ),
    "a look for a message": Shape(
        request=("GET", "/2/dm_conversations/with/{id}/dm_events"),
        act=_find_message,
        has=frozenset({"expansions", "pagination_token"}),
        settings=DM,
    ),
    "a message taken back": Shape(request=("DELETE", "/2/dm_events/{id}"), act=_unsend, settings=DM),
    "what matches": Shape(
        request=("GET", "/2/tweets/search/recent"), act=_matches, has=frozenset({"query", "max_results", "since_id"})
    ),
    "its next matches": Shape(
        request=("GET", "/2/tweets/search/recent"), act=_matches, has=frozenset({"query", "next_token"})
    ),
}
"""All kinds of requests that the plugin makes."""


def _wrong(method: str, path: str, body: bytes = b"", fields: str = "", **query: str) -> Call:
    kind = "application/json" if body else ""
    query |= {"post.fields": fields} if fields else {}
    return Call(number=1, method=method, path=path, query=query, content_type=kind, full_type=kind, raw=body)


WRONG: Final = {
    "too few": _wrong("GET", "/2/users/1001/mentions", max_results="4"),
    "no such field": _wrong("GET", "/2/users/1001/mentions", fields="author_id"),
    "no such path": _wrong("GET", "/2/nobody"),
    "no such method": _wrong("PUT", "/2/tweets"),
    "no body": _wrong("POST", "/2/tweets"),
    "no such name": _wrong("POST", "/2/tweets", b'{"text": "hello", "colour": "red"}'),
    "no id": _wrong("POST", "/2/tweets", b'{"text": "hello", "reply": {"in_reply_to_tweet_id": "x"}}'),
}
"""Requests that X wouldn't take: a judge that does is none."""


def routes() -> set[tuple[str, str]]:
    """Return the paths that are in the plugin's code, with the method where it stands before the path, else empty."""
    found: dict[int, tuple[str, str]] = {}
    for source in Path(plugins.x.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and len(node.args) > 1 and (path := _path(node.args[1])):
                method = node.args[0]
                found[id(node.args[1])] = (str(method.value) if isinstance(method, ast.Constant) else "", path)
            elif path := _path(node):
                found.setdefault(id(node), ("", path))
    return set(found.values())


def _path(node: ast.AST) -> str | None:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    text = "".join(
        str(part.value) if isinstance(part, ast.Constant) and isinstance(part.value, str) else "{}" for part in parts
    )
    return re.sub(r"\{[^}]*\}", "{}", text) if re.fullmatch(r"/2/[\w/{}]*[\w}]", text) else None


@pytest.fixture
async def recorded() -> dict[str, list[Call]]:
    """What the plugin sends for each shape, the kind of request itself and all that leads to it."""
    calls: dict[str, list[Call]] = {}
    for name, shape in SHAPES.items():
        clock = FakeClock()
        async with (
            X(clock=clock, **shape.server) as x,
            entered(x, clock, MemoryKeep(), poll_interval=60, **shape.settings) as shop,
        ):
            await shape.act(Scene(x=x, shop=shop, clock=clock))
            assert x.unsigned == []
            calls[name] = list(x.calls)
    return calls


def names(call: Call) -> set[str]:
    """Return the names of all that a request has to say."""
    return {*call.query, *(call.json or {}), *call.form}


def is_older(call: Call) -> bool:
    return bool(OLDER & {*call.query, *call.query.get("dm_event.fields", "").split(",")})


async def test_each_shape_is_sent(recorded: dict[str, list[Call]]) -> None:
    for name, shape in SHAPES.items():
        method, path = shape.request
        sent = [call for call in recorded[name] if call.method == method and fits(path, call.path)]
        assert any(shape.has <= names(call) for call in sent), f"{name}: {[names(call) for call in sent]}"


def test_no_route_of_the_plugin_is_without_a_shape() -> None:
    code = routes()
    assert len(code) > 15
    for method, path in code:
        assert any(_covers(shape, method, path) for shape in SHAPES.values()), f"no shape covers {method} {path}"


def _covers(shape: Shape, method: str, path: str) -> bool:
    return method in {"", shape.request[0]} and re.sub(r"\{[^}]*\}", "{}", shape.request[1]) == path


async def test_no_query_has_what_x_does_not_describe(recorded: dict[str, list[Call]]) -> None:
    document = require_document()
    for name, calls in recorded.items():
        for call in calls:
            assert document.operation(call) is not None, f"{name}: {call.method} {call.path}"
            assert document.undeclared(call) - OLDER == set(), f"{name}: {call.path}"


@pytest.mark.timeout(300)
async def test_x_s_own_description_takes_every_request(recorded: dict[str, list[Call]]) -> None:
    prism = require_prism(require_document())
    async with prism:
        for name, wrong in WRONG.items():
            assert await prism.objection(wrong), f"Prism takes what is wrong: {name}"
        judged = 0
        for name, calls in recorded.items():
            for call in calls:
                if not is_older(call):
                    judged += 1
                    assert await prism.objection(call) is None, f"{name}: {call.method} {call.path} {call.query}"
    print(f"{judged} requests of {len(SHAPES)} shapes")


async def test_older_words_are_asked_for_only_where_the_newer_ones_are_not_enough(
    recorded: dict[str, list[Call]],
) -> None:
    older = {name for name, calls in recorded.items() if any(map(is_older, calls))}
    assert older == {name for name, shape in SHAPES.items() if shape.server.get("whole") is False}
