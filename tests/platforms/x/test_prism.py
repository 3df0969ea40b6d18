"""Every kind of request that the plugin makes, judged by X's own description of its API."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

import plugins.x
from bridge.testing import FakeClock, MemoryKeep
from tests.platforms.x.shapes import SHAPES, Scene, Shape
from tests.platforms.x.shop import entered
from tests.servers.prism import fits, require_document, require_prism
from tests.servers.x import X
from tests.servers.x_calls import Call

OLDER: Final = {"tweet.fields", "sender_id"}
"""What only the servers know that the document has left behind: asked for where the newer words aren't enough."""


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
