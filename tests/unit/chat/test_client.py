"""What the client keeps out of the logs."""

from __future__ import annotations

import asyncio
import inspect
import logging
from asyncio import sslproto
from typing import TYPE_CHECKING

import pytest
from slixmpp.stanza import Iq
from structlog.testing import capture_logs

from bridge.chat.client import Client, silence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any
    from xml.etree.ElementTree import Element

WRITES = 20


@pytest.fixture(autouse=True)
def asyncio_logger() -> Iterator[logging.Logger]:
    logger, library = logging.getLogger("asyncio"), logging.getLogger("slixmpp")
    before, level = list(logger.filters), library.level
    silence()
    silence()
    yield logger
    logger.filters[:] = before
    library.setLevel(level)


async def written_in_vain() -> None:
    """Write often to a connection that has ended."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        _, writer = await asyncio.open_connection(host, port)
        writer.transport.abort()
        for _ in range(WRITES):
            writer.write(b"<message/>")


async def test_writing_to_a_connection_that_has_ended_is_not_told_each_time(
    caplog: pytest.LogCaptureFixture, asyncio_logger: logging.Logger
) -> None:
    await written_in_vain()
    assert caplog.messages == []
    asyncio_logger.filters.clear()
    await written_in_vain()
    assert set(caplog.messages) == {"socket.send() raised exception."}


def test_the_same_is_so_for_an_encrypted_one(caplog: pytest.LogCaptureFixture, asyncio_logger: logging.Logger) -> None:
    assert "logger.warning('SSL connection is closed')" in inspect.getsource(sslproto)
    asyncio_logger.warning("SSL connection is closed")
    assert caplog.messages == []


def test_what_else_asyncio_says_is_told(caplog: pytest.LogCaptureFixture, asyncio_logger: logging.Logger) -> None:
    asyncio_logger.warning("Task was destroyed but it is pending!")
    assert caplog.messages == ["Task was destroyed but it is pending!"]


class Ears:
    """A listener that takes requests, or doesn't, or can't."""

    def __init__(self) -> None:
        self.answers: bool | None = True
        self.requests: list[Element] = []

    def request(self, request: Element) -> bool:
        self.requests.append(request)
        if self.answers is None:
            raise RuntimeError
        return self.answers


async def test_a_request_goes_on_to_the_library_unless_it_gets_an_answer() -> None:
    ears: Any = Ears()
    client = Client("status@example.org/statusbridge", "secret", None, ears)
    request: Any = Iq(client, stype="set", sfrom="ana@example.org/phone")
    assert client._take(request) is None
    ears.answers = False
    assert client._take(request) is request
    ears.answers = None
    with capture_logs() as logs:
        assert client._take(request) is request
    assert [entry["event"] for entry in logs] == ["a request could not be handled"]
    assert ears.requests == [request.xml] * 3
    await client.end(0)
