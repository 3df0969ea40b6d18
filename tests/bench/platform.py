"""The platforms of a bench in a process of their own, so that their work is nobody's figure.

    python -m tests.bench.platform COUNT

prints one line of JSON, where each platform and the control listen, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from aiohttp import web

from tests.servers.faults import hang
from tests.servers.ports import HOST, claim_port
from tests.servers.sink import Sink

if TYPE_CHECKING:
    from tests.servers import sink_api as api

LONGEST = 500


class Stage:
    """`count` platforms, with a control for the bench and a stream of what customers say."""

    def __init__(self, count: int) -> None:
        """Make them; nothing listens yet."""
        self.sinks = [Sink(max_characters=LONGEST) for _ in range(count)]
        self._said = asyncio.Event()

    def app(self) -> web.Application:
        """Return the control and the streams, as one application."""
        app = web.Application()
        app.router.add_post("/reset", self.reset)
        app.router.add_post("/hang/{sink}", self.hang)
        app.router.add_post("/heal/{sink}", self.heal)
        app.router.add_post("/mention/{sink}", self.mention)
        app.router.add_get("/arrived/{sink}", self.arrived)
        app.router.add_get("/stream/{sink}", self.stream)
        return app

    async def reset(self, _: web.Request) -> web.Response:
        """Forget what was published, not what customers said."""
        for sink in self.sinks:
            sink.committed.clear()
            sink.attempts.clear()
        return web.json_response({})

    async def hang(self, request: web.Request) -> web.Response:
        """Let every post to one platform hang until it is healed."""
        self._sink(request).outage(hang())
        return web.json_response({})

    async def heal(self, request: web.Request) -> web.Response:
        """Let nothing hang any more."""
        self._sink(request).heal()
        return web.json_response({})

    async def mention(self, request: web.Request) -> web.Response:
        """Let a customer say some texts at once; answers with the time from which they are there."""
        texts: list[str] = await request.json()
        sink = self._sink(request)
        for text in texts:
            sink.mention(text)
        at = time.monotonic()
        said, self._said = self._said, asyncio.Event()
        said.set()
        return web.json_response({"at": at})

    async def arrived(self, request: web.Request) -> web.Response:
        """Answer, once `count` posts are published or after `patience` seconds, with each text and when it arrived.

        A post has arrived when its request has been read to the end.
        """
        sink, query = self._sink(request), request.query
        with contextlib.suppress(AssertionError):  # the judge sees what is missing
            await sink.has_committed(int(query["count"]), patience=float(query["patience"]))
        posts = [(attempt.text, attempt.at) for attempt in sink.attempts if attempt.posts]
        return web.json_response({"texts": sink.texts, "attempts": posts})

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Send what customers say from number `after` on, one line of JSON each, for ever; without it, from now on."""
        sink = self._sink(request)
        at = int(request.query.get("after", len(sink.notified)))
        answer = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await answer.prepare(request)
        await answer.write(_line({"number": at}))
        while True:
            said = self._said
            for item in sink.notified[at:]:
                at += 1
                await answer.write(_line(_item(item, at)))
            await said.wait()

    def _sink(self, request: web.Request) -> Sink:
        return self.sinks[int(request.match_info["sink"])]


def _item(item: api.Notification, number: int) -> dict[str, object]:
    status = item.status
    return {"number": number, "id": status.id, "author": status.account, "text": status.text, "at": status.at}


def _line(value: dict[str, object]) -> bytes:
    return json.dumps(value).encode() + b"\n"


async def serve(count: int) -> None:
    """Serve until standard input ends."""
    stage = Stage(count)
    async with AsyncExitStack() as stack:
        for sink in stage.sinks:
            await stack.enter_async_context(sink)
        runner = web.AppRunner(stage.app(), access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        port = claim_port()
        await web.TCPSite(runner, HOST, port).start()
        where = {"control": f"http://{HOST}:{port}", "sinks": [sink.base_url for sink in stage.sinks]}
        print(json.dumps(where), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
