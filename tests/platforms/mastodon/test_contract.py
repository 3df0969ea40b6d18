"""The plugin keeps the contract that every plugin keeps, against a platform that misbehaves on demand."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
from aiohttp import web

from bridge.plugin import PostId, Visibility
from bridge.testing import FakeClock, Harness, Shown, Trouble
from bridge.testing.contract import PluginContract
from plugins.mastodon import MastodonPlugin
from tests.servers import faults, sink_api
from tests.servers.sink import Sink

FAULTS = {
    Trouble.REFUSED: faults.refused(),
    Trouble.UNAUTHORIZED: faults.unauthorized(),
    Trouble.LIMITED: faults.rate_limited("7"),
    Trouble.UNREACHABLE: faults.reset(),
    Trouble.HANGS: faults.hang(),
    Trouble.BROKEN: faults.server_error(502, committed=True),
    Trouble.GARBLED: faults.garbage(),
    Trouble.LOST: faults.lose_response(),
}


class TimedSink(Sink):
    """A sink whose times are those of a clock, which tells when a request hangs, and can notify of rubbish."""

    def __init__(self, clock: FakeClock, **how: Any) -> None:
        super().__init__(**how)
        self.clock = clock
        self.rubbish: set[str] = set()

    def _status(self, text: str, **rest: Any) -> sink_api.Status:
        return dataclasses.replace(super()._status(text, **rest), at=self.clock.now().timestamp())

    def _answer(self, request: web.Request, params: Mapping[str, Any], before: Any) -> web.Response:
        answer = super()._answer(request, params, before)
        answer.headers["Date"] = f"{self.clock.now():%a, %d %b %Y %H:%M:%S} GMT"
        if self.rubbish and answer.text and request.path.startswith("/api/v1/notifications"):
            entries = json.loads(answer.text)
            for entry in entries:
                if entry["status"]["id"] in self.rubbish:
                    entry["status"]["created_at"] = "yesterday"
            answer.text = json.dumps(entries)
        return answer


class SinkHarness(Harness):
    """The account shop on a sink."""

    poll = 20.0

    def __init__(self, sink: TimedSink) -> None:
        self.sink = sink

    def settings(self) -> Mapping[str, object]:
        return {"base_url": self.sink.base_url, "access_token": self.sink.token}

    async def published(self) -> Sequence[Shown]:
        return [
            Shown(
                id=PostId(status.id),
                text=status.text,
                in_reply_to=PostId(status.in_reply_to) if status.in_reply_to else None,
                visibility=Visibility(status.visibility),
                warning=status.warning or None,
            )
            for status in self.sink.living
        ]

    async def trouble(self, kind: Trouble | None) -> None:
        self.sink.hung.clear()
        if kind is None:
            self.sink.clear_outage()
        else:
            self.sink.outage(FAULTS[kind], everything=True)
        await (self.sink.refuse() if kind is Trouble.UNREACHABLE else self.sink.accept())

    async def hanging(self) -> None:
        await self.sink.hung.wait()

    async def say(self, text: str, *, who: str = "kim", in_reply_to: PostId | None = None) -> PostId:
        return PostId(self.sink.mention(text, from_=who, in_reply_to=in_reply_to).id)

    async def say_unreadable(self) -> str:
        status = self.sink.mention("...")
        self.sink.rubbish.add(status.id)
        return status.url

    async def say_elsewhere(self, text: str) -> PostId:
        return PostId(self.sink.remark(text).id)

    async def repeated(self) -> Sequence[PostId]:
        return [PostId(identifier) for identifier in self.sink.boosts]

    async def favoured(self) -> Sequence[PostId]:
        return [PostId(identifier) for identifier in self.sink.favourites]


class Contract(PluginContract):
    plugin_class = MastodonPlugin

    @pytest.fixture
    async def harness(self, sink: TimedSink) -> AsyncIterator[Harness]:
        yield SinkHarness(sink)
        assert [thread.name for thread in threading.enumerate() if thread.name.startswith("mastodon-")] == []

    async def test_a_hashtag_is_heard(self, plugin: MastodonPlugin, harness: Harness, clock: FakeClock) -> None:
        """By the list of its posts, which every server has; the suite's words go by the search."""
        async with self.ear(plugin.matches("#teapot", None), harness, clock) as ear:
            await ear.next()
            await harness.say_elsewhere("a teapot")
            identifier = await harness.say_elsewhere("a #teapot")
            assert (await ear.item()).id == identifier


class TestMastodon(Contract):
    @pytest.fixture
    async def sink(self, clock: FakeClock) -> AsyncIterator[Sink]:
        async with TimedSink(clock) as sink:
            yield sink


class TestOtherServer(Contract):
    """A server with the same API that remembers no keys, as far as its instance tells."""

    @pytest.fixture
    async def sink(self, clock: FakeClock) -> AsyncIterator[Sink]:
        async with TimedSink(clock, keys=False, is_mastodon=False) as sink:
            yield sink
