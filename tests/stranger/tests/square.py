"""Townsquare as a server of our own, which does what a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Self

from aiohttp import web

from bridge.plugin import PostId, graphemes
from bridge.testing import FakeClock, Harness, Shown, Trouble

REFUSALS = {Trouble.REFUSED: 422, Trouble.UNAUTHORIZED: 401, Trouble.LIMITED: 429}


class Square(Harness):
    """One account, alive as a context."""

    poll = 20.0

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.notes: dict[str, dict[str, Any]] = {}
        self.mentions: list[dict[str, Any]] = []
        self.kind: Trouble | None = None
        self.hung = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self.runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self.runner.setup()
        self.site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await self.site.start()
        self.port = self.runner.addresses[0][1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.runner.cleanup()

    def settings(self) -> Mapping[str, object]:
        return {"base_url": f"http://127.0.0.1:{self.port}", "access_token": "made-up"}

    async def published(self) -> Sequence[Shown]:
        return [
            Shown(id=PostId(str(note["id"])), text=note["text"], in_reply_to=note["in_reply_to"])
            for note in self.notes.values()
        ]

    async def trouble(self, kind: Trouble | None) -> None:
        self.hung.clear()
        if kind is Trouble.UNREACHABLE:
            await self.site.stop()
        elif self.kind is Trouble.UNREACHABLE:
            self.site = web.TCPSite(self.runner, "127.0.0.1", self.port)
            await self.site.start()
        self.kind = kind

    async def hanging(self) -> None:
        await self.hung.wait()

    async def say(self, text: str, *, who: str = "kim", in_reply_to: PostId | None = None) -> PostId:
        number = len(self.mentions) + 1
        note = {"id": number, "author": who, "text": text, "at": self.clock.now().isoformat()}
        self.mentions.append({**note, "url": f"https://square.example.org/{number}"})
        return PostId(str(number))

    async def _handle(self, request: web.Request) -> web.Response:
        kind = self.kind
        if kind is Trouble.HANGS:
            self.hung.set()
            await asyncio.Event().wait()
        if kind in REFUSALS:
            return web.Response(status=REFUSALS[kind], headers={"Retry-After": "7"})
        answer = web.Response() if kind is Trouble.UNREACHABLE else await self._answer(request)
        if kind in {Trouble.UNREACHABLE, Trouble.LOST} and request.transport is not None:
            request.transport.abort()
        if kind is Trouble.GARBLED:
            return web.Response(text="<html>")
        return web.Response(status=502) if kind is Trouble.BROKEN else answer

    async def _answer(self, request: web.Request) -> web.Response:
        match request.path:
            case "/me":
                return web.json_response({"max_length": 300})
            case "/mentions/newest":
                return web.json_response({"id": len(self.mentions)})
            case "/mentions":
                return web.json_response({"notes": self.mentions[int(request.query["after"]) :]})
            case _:
                return self._publish(await request.json(), request.headers["Idempotency-Key"])

    def _publish(self, body: dict[str, Any], key: str) -> web.Response:
        if graphemes(body["text"]) > 300:
            return web.Response(status=422)
        number = len(self.notes) + 1
        note = self.notes.setdefault(key, {**body, "id": number, "url": f"https://square.example.org/n/{number}"})
        return web.json_response(note)
