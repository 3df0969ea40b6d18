"""An HTTP proxy that loses requests before, or answers after, the server behind it has done its work."""

from __future__ import annotations

import asyncio
import re
from typing import Final

from tests.servers.listener import Listener, abort
from tests.servers.ports import HOST
from tests.servers.watch import PATIENCE, Watch

_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CONNECTION: Final = re.compile(rb"\r\nconnection:[^\r]*", re.IGNORECASE)
_WRITES: Final = frozenset({b"POST", b"PUT", b"PATCH", b"DELETE"})


class LossyProxy(Listener):
    """Stands before `backend_port` under `url`; one request per connection.

    Set `lose` to have the answers of the next that many writes (POST, PUT, PATCH, DELETE) dropped once the server has
    begun to answer, `drop` to have the next that many writes dropped before they reach it. `lost` and `dropped` hold
    the request lines, `passed` those that went well; `held` counts what `hold` keeps back before it reaches the server.
    """

    def __init__(self, backend_port: int) -> None:
        """Reserve a port in front of `backend_port`; nothing listens yet."""
        super().__init__()
        self.url = f"http://{HOST}:{self.port}"
        self.lose = 0
        self.drop = 0
        self.held = 0
        self.lost: list[str] = []
        self.dropped: list[str] = []
        self.passed: list[str] = []
        self._backend_port = backend_port
        self._gate = asyncio.Event()
        self._gate.set()
        self._watch = Watch()

    def hold(self) -> None:
        """Keep all requests back from now on."""
        self._gate.clear()

    def release(self) -> None:
        """Pass on what was held, and what comes."""
        self._gate.set()

    async def has_lost(self, count: int = 1, *, patience: float = PATIENCE) -> None:
        """Wait until `count` answers have been lost since the start."""
        await self._watch.until(
            lambda: len(self.lost) >= count,
            timeout=patience,
            otherwise=lambda: f"{len(self.lost)} answers were lost, not {count}",
        )

    async def is_holding(self, count: int = 1, *, patience: float = PATIENCE) -> None:
        """Wait until `count` requests are being kept back."""
        await self._watch.until(
            lambda: self.held >= count,
            timeout=patience,
            otherwise=lambda: f"{self.held} requests are being held, not {count}",
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        found = _LENGTH.search(head)
        body = await reader.readexactly(int(found[1])) if found else b""
        line = head.split(b"\r\n", 1)[0]
        write = line.split(b" ", 1)[0] in _WRITES
        self.held += 1
        self._watch.changed()
        await self._gate.wait()
        self.held -= 1
        if write and self.drop > 0:
            self.drop -= 1
            self.dropped.append(line.decode())
            abort(writer)
            return
        loses = write and self.lose > 0
        self.lose -= loses
        await self._pass_on(_CONNECTION.sub(b"", head)[:-2] + b"Connection: close\r\n\r\n" + body, line, writer, loses)

    async def _pass_on(self, request: bytes, line: bytes, writer: asyncio.StreamWriter, loses: bool) -> None:
        try:
            reader, backend = await asyncio.open_connection(HOST, self._backend_port)
        except OSError:
            abort(writer)
            return
        try:
            backend.write(request)
            await backend.drain()
            while chunk := await reader.read(1 << 16):
                if loses:
                    # The server has begun to answer, so it has committed.
                    self.lost.append(line.decode())
                    abort(writer)
                    self._watch.changed()
                    return
                writer.write(chunk)
                await writer.drain()
            self.passed.append(line.decode())
        finally:
            backend.close()
