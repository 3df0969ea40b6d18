from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Literal
from xml.etree.ElementTree import Element, fromstring

import pytest

from bridge.chat.errors import AnswerError, NoAnswer
from bridge.store import Store
from bridge.testing.clock import FakeClock
from tests.unit.chat.menu_kit import Menu

Answer = Element | AnswerError
Asked = tuple[str, str | None, Element]


class FakeStream:
    """A session that keeps what it is handed; `answers` decides what a request gets, by default nothing in time."""

    def __init__(self) -> None:
        self.own = "status@example.org"
        self.live = True
        self.sent: list[Element] = []
        self.asked: list[Asked] = []
        self.answers: Callable[[Asked], Answer] = lambda _: NoAnswer("silence")

    def send(self, stanza: Element) -> bool:
        if self.live:
            self.sent.append(stanza)
        return self.live

    async def ask(
        self, kind: Literal["get", "set"], to: str | None, payload: Element, seconds: float = 30.0
    ) -> Element:
        asked = (kind, to, payload)
        self.asked.append(asked)
        await asyncio.sleep(0)
        answer = self.answers(asked)
        if isinstance(answer, AnswerError):
            raise answer
        return answer

    def bodies(self) -> list[str]:
        return [stanza.findtext("{jabber:client}body") or "" for stanza in self.sent]


@pytest.fixture
def stream() -> FakeStream:
    return FakeStream()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def xml() -> Callable[[str], Element]:
    """Read a stanza; it is of the client's namespace unless it says otherwise."""

    def read(text: str) -> Element:
        name = text[1:].split(" ", 1)[0].split(">", 1)[0]
        return fromstring(text.replace(f"<{name}", f"<{name} xmlns='jabber:client'", 1))

    return read


@pytest.fixture
async def store(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
    async with Store.open(f"sqlite:///{tmp_path / 'store.db'}", clock=clock) as opened:
        yield opened


@pytest.fixture
async def menu(stream: FakeStream, clock: FakeClock) -> AsyncIterator[Menu]:
    """Commands from a menu, with what they work with."""
    made = Menu(stream, clock)
    worker = asyncio.ensure_future(made.worker.run())
    yield made
    for task in (worker, *made.tasks):
        task.cancel()
    await asyncio.wait((worker, *made.tasks))
    assert not any(task.exception() for task in made.tasks if not task.cancelled())
