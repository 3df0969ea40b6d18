"""A platform of our own on loopback that goes wrong as a test wants; what it does else is its subclass's."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

from aiohttp import web

from tests.servers.faults import Commit, Fault, How
from tests.servers.listener import abort
from tests.servers.ports import HOST, claim_port, release_port
from tests.servers.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable


class Asked(Protocol):
    """A request as the platform keeps it."""

    @property
    def posts(self) -> bool:
        """Whether it is an attempt to post."""
        ...


A = TypeVar("A", bound=Asked)

_LARGEST = 64 * 1024 * 1024


class Troubled(ABC, Generic[A]):
    """A server under `base_url`, in the event loop of the test.

    What goes wrong, the first that applies: what `next` queued (for posts only), what `decide` returns, what `outage`
    set. `hung` is set when a request begins to hang.
    """

    def __init__(self) -> None:
        """Reserve a port; nothing listens yet."""
        self.port = claim_port()
        self.base_url = f"http://{HOST}:{self.port}"
        self.hung = asyncio.Event()
        self.decide: Callable[[A], Fault | None] | None = None
        self._queue: deque[Fault | None] = deque()
        self._outage: tuple[Fault, bool] | None = None
        self._released = asyncio.Event()
        self._watch = Watch()
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None

    # --- what goes wrong -------------------------------------------------------------------------------------------

    def next(self, *faults: Fault | None) -> None:
        """Queue what happens to the next posts, one each; None is a good one."""
        self._queue.extend(faults)

    def outage(self, fault: Fault, *, everything: bool = False) -> None:
        """Let every post go wrong, or with `everything` every request, until `heal`."""
        self._outage = (fault, everything)

    def clear_outage(self) -> None:
        """End an outage; what hangs goes on hanging."""
        self._outage = None

    def heal(self) -> None:
        """Let nothing more go wrong, and let go what hangs."""
        self._queue.clear()
        self._outage = None
        self.decide = None
        self.release()

    def release(self) -> None:
        """Let go what hangs: LATE posts are made now, all those connections are reset; later ones hang anew."""
        self._released.set()
        self._released = asyncio.Event()

    async def refuse(self) -> None:
        """Close the listener: connections are refused until `accept`."""
        if self._site is not None:
            await self._site.stop()
            self._site = None

    async def accept(self) -> None:
        """Listen (again) on the same port."""
        assert self._runner is not None
        if self._site is None:
            self._site = web.TCPSite(self._runner, HOST, self.port, reuse_address=True)
            await self._site.start()

    # --- the server ------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5, handler_cancellation=True)
        await self._runner.setup()
        await self.accept()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.heal()
        if self._runner is not None:
            await self._runner.cleanup()
        release_port(self.port)

    @abstractmethod
    async def _handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request, or let it go wrong."""

    @abstractmethod
    def _failed(self, fault: Fault) -> web.Response:
        """Return the answer of a fault that answers, as the platform writes it."""

    def _fault(self, asked: A) -> Fault | None:
        if asked.posts and self._queue:
            return self._queue.popleft()
        if self.decide is not None and (fault := self.decide(asked)) is not None:
            return fault
        if self._outage is not None and (asked.posts or self._outage[1]):
            return self._outage[0]
        return None

    async def _misbehave(
        self, fault: Fault, request: web.Request, answer: Callable[[], web.Response]
    ) -> web.StreamResponse:
        good = answer() if fault.commit is Commit.FIRST else None
        if fault.how is How.ANSWER:
            return self._failed(fault)
        if fault.how is How.GARBAGE:
            return web.Response(text="<html>It works!", content_type="text/html")
        if fault.how is How.DRIP and good is not None:
            return await self._drip(good, request, fault.interval)
        if fault.how is How.HANG:
            await self._hang(fault, answer)
        abort(request.transport)
        return web.Response()

    async def _hang(self, fault: Fault, answer: Callable[[], web.Response]) -> None:
        released = self._released
        self.hung.set()
        try:
            await released.wait()
        except asyncio.CancelledError:
            # The client has gone; the server works on, as real ones do.
            if fault.commit is not Commit.LATE:
                raise
            await released.wait()
        if fault.commit is Commit.LATE:
            answer()

    async def _drip(self, good: web.Response, request: web.Request, interval: float) -> web.StreamResponse:
        body = good.body
        assert isinstance(body, bytes)
        answer = web.StreamResponse(status=good.status, headers={"Content-Type": "application/json"})
        answer.content_length = len(body)
        await answer.prepare(request)
        released = self._released
        for at in range(len(body)):
            await answer.write(body[at : at + 1])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(released.wait(), interval)
        return answer
