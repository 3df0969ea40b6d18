"""The whole program with a bad line to its XMPP server, on both servers; what came of it is shown at the run's end."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import FAULT
from tests.servers.burst import Burst
from tests.servers.cut import CutProxy
from tests.servers.ejabberd import Ejabberd
from tests.servers.prosody import Prosody
from tests.servers.require import require
from tests.servers.scene import Scene, mastodon_account
from tests.servers.sink import Sink
from tests.servers.xmpp import XmppServer

SERVERS: dict[str, type[XmppServer]] = {"prosody": Prosody, "ejabberd": Ejabberd}

AGAIN = 2.0
"""Seconds that a lost session may be resumed, where a test wants it to be forgotten."""


@dataclass(kw_only=True)
class Line:
    """A scene whose bridge reaches its server through a proxy, and a platform that counts what arrives."""

    scene: Scene
    sink: Sink
    proxy: CutProxy
    request: pytest.FixtureRequest
    mended_at: float = field(default_factory=time.monotonic)
    back_at: float | None = None

    @property
    def server(self) -> XmppServer:
        """The server, which is this test's own."""
        return self.scene.server

    @property
    def fault(self) -> str:
        """What the test does, in words."""
        seconds = self.request.node.callspec.params.get("seconds")
        words = self.request.node.originalname.removeprefix("test_").replace("_", " ")
        return words if seconds is None else f"{words}, {seconds} s"

    def burst(self, lines: int) -> Burst:
        """The posts that are said in the room."""
        return Burst(scene=self.scene, sink=self.sink, lines=lines)

    def mended(self) -> None:
        """Note that the fault is over; from now on the seconds count."""
        self.mended_at = time.monotonic()

    async def settled(self, burst: Burst, count: int) -> None:
        """Wait until the receipts show so many posts as sent, so that the bot has nothing left to say."""
        await self.scene.raj.hears(lambda _: burst.shown_as_sent() >= count, where=self.scene.room, patience=90.0)

    def back(self) -> None:
        """Note that the bot is back, where it isn't the posts that show it."""
        self.back_at = time.monotonic()

    def told(self) -> list[str]:
        """Return the lines of the bot's that Raj heard in the room, but for receipts."""
        said = [heard for heard in self.scene.raj.heard(self.scene.room) if heard.nick.startswith("status")]
        return [heard.body for heard in said if heard.replaces is None and not heard.body.startswith("[")]

    def admins_told(self) -> list[str]:
        """Return what Ana heard from the bot in their direct chat."""
        return [heard.body for heard in self.scene.ana.heard(self.scene.bot.jid)]

    async def holds(self, texts: Sequence[str], *, told: str, lost: Collection[str] = ()) -> None:
        """Wait until all of these posts are published, and fail unless each is there once and in order.

        `told` are the words for the table; `lost` are those of the texts that the server itself has lost.
        """
        left = len(texts) - len(lost)
        await self.sink.has_committed(left, patience=90.0)
        seconds = (self.back_at or time.monotonic()) - self.mended_at
        # Whatever was still to be sent a second time would be before this one.
        await self.scene.raj.say(self.scene.room, "!post and the last")
        await self.sink.has_committed(left + 1, patience=90.0)
        verdict = self.sink.audit([*texts, "and the last"])
        row = (
            self.fault,
            self.server.name,
            str(len(verdict.lost)),
            str(len(verdict.doubled)),
            told,
            f"{seconds:.1f}",
        )
        self.request.node.user_properties.append((FAULT, row))
        assert replace(verdict, lost=()).clean, verdict
        assert list(verdict.lost) == [text for text in texts if text in lost], verdict


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    """A platform that remembers no keys, so that whatever is sent twice is there twice."""
    async with Sink(keys=False, is_mastodon=False) as server:
        yield server


@pytest.fixture(params=list(SERVERS))
async def new_line(
    request: pytest.FixtureRequest, sink: Sink, new_name: Callable[[str], str], tmp_path: Path
) -> AsyncIterator[Callable[..., Any]]:
    """`await new_line()` starts a server and a scene on it; keywords are those of the server."""
    async with AsyncExitStack() as stack:

        async def make(**options: Any) -> Line:
            require(request.param)
            server = await stack.enter_async_context(SERVERS[request.param](**options))
            proxy = await stack.enter_async_context(CutProxy(server.port))
            scene = Scene(
                server=server,
                new_name=new_name,
                folder=tmp_path,
                accounts={"mastodon": mastodon_account(sink.base_url, sink.token, settle_after="0s", deadline="2s")},
                overrides={"posting": {"hold": "0s", "backoff": "50ms"}, "xmpp": {"port": proxy.port}},
            )
            await stack.enter_async_context(scene)
            return Line(scene=scene, sink=sink, proxy=proxy, request=request)

        yield make
