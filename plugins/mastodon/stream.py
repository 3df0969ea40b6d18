"""The server's stream of events, as an alarm clock: it tells when to look, and never what was said.

Nothing that the stream says is believed or needed, so nothing in it can go wrong: it has no replay, edits come without
a type, servers name events differently. Source: https://docs.joinmastodon.org/methods/streaming/.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

from bridge.plugin import Clock, PluginError, RefusedError, UnauthorizedError
from plugins.mastodon.client import Client
from plugins.mastodon.translate import Json, instance_stream
from plugins.mastodon.worker import Worker

_PATH: Final = "/api/v1/streaming/user"
_SCHEMES: Final = {"wss": "https", "ws": "http", "https": "https", "http": "http"}
_LONGEST_PAUSE: Final = 60.0
_STEADY: Final = 60.0
_WITHOUT: Final = 3600.0
_LINE: Final = 200
_AT_ONCE: Final = 60.0
_SECONDS_EACH: Final = 2.0
_IDLE: Final = frozenset(
    {
        "update",
        "filters_changed",
        "announcement",
        "announcement.reaction",
        "announcement.delete",
        "encrypted_message",
    }
)
"""Events that are no reason to look; `update` is each new post of those whom the account follows."""


def address(instance: Json, base_url: str) -> str | None:
    """Return where the stream is: on the host that the server names, else on its own.

    None where the token would be sent there without encryption, though the server itself has it.
    """
    own, named = urlsplit(base_url), urlsplit(instance_stream(instance))
    scheme = _SCHEMES.get(named.scheme)
    if scheme is None or not named.netloc:
        return base_url + _PATH
    if scheme == "http" and own.scheme == "https":
        return None
    return f"{scheme}://{named.netloc}{_PATH}"


class Names:
    """The names of the events in a stream, which comes in pieces; data is passed over, whatever its length."""

    def __init__(self) -> None:
        """Begin at the beginning of a line."""
        self._line = b""

    def read(self, piece: bytes) -> tuple[str, ...]:
        """Return the name of each event that begins with the piece."""
        found: list[str] = []
        *lines, rest = piece.split(b"\n")
        for line in lines:
            whole, self._line = self._line + line[:_LINE], b""
            if whole.startswith(b"event:"):
                found.append(whole[6:].strip().decode(errors="replace"))
        self._line = (self._line + rest[:_LINE])[:_LINE]
        return tuple(found)


class Pace:
    """How soon the next look may follow: 60 at once, then one every 2 s, since servers allow 300 requests in 5 min."""

    def __init__(self, now: float) -> None:
        """Begin rested."""
        self._spare = _AT_ONCE
        self._at = now

    def pause(self, now: float) -> float:
        """Return for how many seconds to wait before one more look, which is then counted."""
        self._spare = min(_AT_ONCE, self._spare + (now - self._at) / _SECONDS_EACH) - 1.0
        self._at = now
        return max(0.0, -self._spare * _SECONDS_EACH)


class Stream:
    """The stream of one account; without an address it is silent for ever.

    It is held in a thread of its own, so that it keeps nothing else from being read or posted. Where the server has no
    such stream it asks again every hour; any other failure is tried again after 1 s, doubling to 60 s.
    """

    def __init__(self, worker: Worker[Client], address: str | None, clock: Clock) -> None:
        """Take the thread and where the stream is; nothing is sent yet."""
        self._worker = worker
        self._address = address
        self._clock = clock
        self._rung = asyncio.Event()
        self._pace = Pace(clock.monotonic())
        self._opened_at: float | None = None
        self._holding: asyncio.Task[None] | None = None

    async def wait(self, seconds: float) -> None:
        """Return after so many seconds, or before that as soon as something has happened, though not too often."""
        with suppress(TimeoutError):
            await self._clock.within(seconds, self._rung.wait())
        if self._rung.is_set():
            await self._clock.sleep(self._pace.pause(self._clock.monotonic()))
            self._rung.clear()
        if self._holding is not None and self._holding.done():
            self._holding.result()  # it never ends but by a bug, which must not pass unseen

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[None]:
        """Hold the stream open beside the block."""
        if self._address is None:
            yield
            return
        self._holding = asyncio.create_task(self._hold(self._address), name="mastodon stream")
        try:
            yield
        finally:
            self._holding.cancel()
            await asyncio.wait({self._holding})

    async def _hold(self, address: str) -> None:
        failures = 0
        while True:
            self._opened_at = None
            pause = min(2.0**failures, _LONGEST_PAUSE)
            try:
                await self._worker.call(self._follow(address))
            except (RefusedError, UnauthorizedError):
                pause = _WITHOUT
            except PluginError:
                pass
            if self._opened_at is not None:
                self._rung.set()
                if self._clock.monotonic() - self._opened_at >= _STEADY:
                    failures, pause = 0, 1.0
            failures = min(failures + 1, 10)
            await self._clock.sleep(pause)

    def _follow(self, address: str) -> Callable[[Client], None]:
        """Return the job that holds the stream in its thread, and tells the event loop what matters."""
        loop, names = asyncio.get_running_loop(), Names()

        def tell(what: Callable[[], None]) -> None:
            with suppress(RuntimeError):  # the loop has ended: nobody listens any more
                loop.call_soon_threadsafe(what)

        def heard(piece: bytes) -> None:
            if not _IDLE.issuperset(names.read(piece)):
                tell(self._rung.set)

        return lambda client: client.follow(address, lambda: tell(self._open), heard)

    def _open(self) -> None:
        """Look at once when the stream begins: it doesn't say what happened before."""
        self._opened_at = self._clock.monotonic()
        self._rung.set()
