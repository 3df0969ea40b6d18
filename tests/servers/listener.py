"""A loopback listener that can close and open again on the same port, and that leaves no task behind."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from abc import ABC, abstractmethod
from typing import Self

from tests.servers.ports import HOST, claim_port, release_port


def abort(writer: asyncio.StreamWriter | asyncio.WriteTransport | None) -> None:
    """Drop a connection so that the other side sees a reset instead of an orderly end."""
    if writer is None:
        return
    transport = writer.transport if isinstance(writer, asyncio.StreamWriter) else writer
    connection = transport.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class Listener(ABC):
    """Accepts TCP connections on one port of 127.0.0.1, which stays the same until it is left."""

    def __init__(self) -> None:
        """Reserve a port; nothing listens yet."""
        self.port = claim_port()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @abstractmethod
    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Deal with one connection; it is closed afterwards."""

    async def accept(self) -> None:
        """Listen (again)."""
        if self._server is None:
            self._server = await asyncio.start_server(self._connected, HOST, self.port, limit=1 << 20)

    async def refuse(self) -> None:
        """Stop listening: new connections are refused; those that exist go on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # Cancelled only by the exit below, which waits for this task.
            pass
        finally:
            self._tasks.discard(task)
            abort(writer) if task.cancelling() else writer.close()

    async def __aenter__(self) -> Self:
        await self.accept()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.refuse()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        release_port(self.port)
