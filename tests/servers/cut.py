"""A TCP proxy that cuts, swallows and refuses: a bad network between the bridge and its XMPP server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.servers.listener import Listener, abort
from tests.servers.ports import HOST
from tests.servers.watch import PATIENCE, Watch

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(eq=False, slots=True, kw_only=True)
class _Pair:
    client: asyncio.StreamWriter
    backend: asyncio.StreamWriter
    swallows_up: bool = False
    swallows_down: bool = False


class CutProxy(Listener):
    """Passes bytes between its own `port` and `backend_port`, until it is told otherwise.

    `connections` counts those accepted so far, `open` those that exist, `swallowed` the bytes thrown away.
    """

    def __init__(self, backend_port: int) -> None:
        """Reserve a port in front of `backend_port`; nothing listens yet."""
        super().__init__()
        self.connections = 0
        self.swallowed = 0
        self._backend_port = backend_port
        self._pairs: set[_Pair] = set()
        self._swallow = (False, False)
        self._delay = 0.0
        self._watch = Watch()

    @property
    def open(self) -> int:
        """How many connections exist."""
        return len(self._pairs)

    def cut(self) -> int:
        """Reset every connection on both sides; returns how many there were."""
        pairs = tuple(self._pairs)
        for pair in pairs:
            abort(pair.client)
            abort(pair.backend)
        return len(pairs)

    def swallow(self, *, up: bool = True, down: bool = True) -> None:
        """Accept bytes and throw them away, on all connections, to (`up`) and from (`down`) the server."""
        self._swallow = (up, down)
        self._apply()

    def flow(self) -> None:
        """Pass bytes again; what was swallowed stays lost, so an encrypted stream is broken by then."""
        self._swallow = (False, False)
        self._apply()

    def delay(self, seconds: float) -> None:
        """Hold whatever comes from now on back for so many seconds, either way and in order."""
        self._delay = seconds

    def strand(self) -> int:
        """Mute the connections that exist for ever, while new ones work; returns how many there were."""
        for pair in self._pairs:
            pair.swallows_up = pair.swallows_down = True
        return len(self._pairs)

    async def connected(self, count: int = 1, *, patience: float = PATIENCE) -> None:
        """Wait until `count` connections have been accepted since the start."""
        await self._watch.until(
            lambda: self.connections >= count,
            timeout=patience,
            otherwise=lambda: f"{self.connections} connections were accepted, not {count}",
        )

    async def has_swallowed(self, size: int, *, patience: float = PATIENCE) -> None:
        """Wait until `size` bytes have been thrown away since the start."""
        await self._watch.until(
            lambda: self.swallowed >= size,
            timeout=patience,
            otherwise=lambda: f"{self.swallowed} bytes were swallowed, not {size}",
        )

    def _apply(self) -> None:
        for pair in self._pairs:
            pair.swallows_up, pair.swallows_down = self._swallow

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            backend_reader, backend = await asyncio.open_connection(HOST, self._backend_port)
        except OSError:
            abort(writer)
            return
        pair = _Pair(client=writer, backend=backend)
        pair.swallows_up, pair.swallows_down = self._swallow
        self._pairs.add(pair)
        self.connections += 1
        self._watch.changed()
        try:
            await asyncio.gather(
                self._pass(reader, backend, lambda: pair.swallows_up),
                self._pass(backend_reader, writer, lambda: pair.swallows_down),
            )
        finally:
            self._pairs.discard(pair)
            backend.close()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, swallows: Callable[[], bool]
    ) -> None:
        held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        await asyncio.gather(self._take(reader, held, swallows), _give(held, writer))

    async def _take(
        self, reader: asyncio.StreamReader, held: asyncio.Queue[tuple[float, bytes]], swallows: Callable[[], bool]
    ) -> None:
        """Read on while what came before is held back, so that no byte is held back for longer than the others."""
        clock = asyncio.get_running_loop()
        try:
            while data := await reader.read(1 << 16):
                if swallows():
                    self.swallowed += len(data)
                    self._watch.changed()
                else:
                    held.put_nowait((clock.time() + self._delay, data))
        finally:
            held.put_nowait((clock.time() + self._delay, b""))


async def _give(held: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
    clock = asyncio.get_running_loop()
    while True:
        due, data = await held.get()
        await asyncio.sleep(due - clock.time())
        if not data:
            break
        writer.write(data)
        await writer.drain()
    writer.close()
