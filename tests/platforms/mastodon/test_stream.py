"""The stream as an alarm clock: it wakes the next look, and nothing that becomes of it harms anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bridge.plugin import Item, Key, Post, Seen
from bridge.testing import FakeClock
from plugins.mastodon.stream import Names, Pace, Stream, address
from plugins.mastodon.worker import Worker
from tests.platforms.mastodon.board import Board

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.plugin import Heard
    from plugins.mastodon.client import Client
    from tests.platforms.mastodon.conftest import Accounts, Stub
    from tests.servers.mastodon import MastodonMock

STREAM = "/api/v1/streaming/user"


@dataclass
class Radio:
    """The stub's stream: hands what is sent to whoever listens; `end` cuts it."""

    stub: Stub
    opened: asyncio.Queue[None] = field(default_factory=asyncio.Queue[None])
    _pieces: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue[bytes | None])

    def __post_init__(self) -> None:
        self.stub.on("GET", STREAM, self.play)

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self._pieces.put_nowait(piece)

    def event(self, name: str, data: str = "{}") -> None:
        self.send(f"event: {name}\ndata: {data}\n\n".encode())

    def end(self) -> None:
        self._pieces.put_nowait(None)

    async def play(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        await response.write(b":)\n")
        self.opened.put_nowait(None)
        while (piece := await self._pieces.get()) is not None:
            await response.write(piece)
        return response


@dataclass
class Scene:
    """A server with a list and a stream, and an account that listens, on a clock that stands still."""

    stub: Stub
    accounts: Accounts
    board: Board
    radio: Radio
    clock: FakeClock = field(default_factory=FakeClock)

    @asynccontextmanager
    async def listening(self, **settings: Any) -> AsyncGenerator[AsyncGenerator[Heard]]:
        """Listen, the first look being done."""
        shop = await self.accounts.enter(self.stub.base_url, clock=self.clock, **settings)
        async with aclosing(shop.items(None)) as things:
            assert isinstance(await anext(things), Seen)
            yield things

    @property
    def streams(self) -> int:
        return len(self.stub.to("GET", STREAM))


@pytest.fixture
def scene(stub: Stub, accounts: Accounts) -> Scene:
    return Scene(stub, accounts, Board(stub), Radio(stub))


def ask(things: AsyncGenerator[Heard]) -> asyncio.Future[str]:
    """Wait beside the test for the next item's text."""

    async def said() -> str:
        while not isinstance(thing := await anext(things), Item):
            pass
        return thing.text

    return asyncio.ensure_future(said())


@pytest.mark.parametrize("name", ["notification", "status.update", "status_update", "delete", "something.new"])
async def test_an_event_wakes_the_next_look_without_any_time_passing(scene: Scene, name: str) -> None:
    async with scene.listening() as things:
        said = ask(things)
        await scene.radio.opened.get()
        await scene.board.has_given(2)
        scene.board.say(1, "hello")
        scene.radio.event(name)
        assert await said == "hello"
    assert scene.clock.monotonic() == 0
    assert scene.stub.to("GET", STREAM)[0].headers["authorization"] == "Bearer a-very-secret-token"


async def test_trap_there_is_no_replay_so_the_stream_begins_with_a_look(scene: Scene) -> None:
    async with scene.listening() as things:
        scene.board.say(1, "said before the stream began")
        assert await ask(things) == "said before the stream began"
    assert scene.clock.monotonic() == 0


async def test_posts_of_those_whom_the_account_follows_wake_nobody(scene: Scene) -> None:
    async with scene.listening() as things:
        said = ask(things)
        await scene.radio.opened.get()
        await scene.board.has_given(2)
        for _ in range(100):
            scene.radio.event("update", '{"content": "event: notification"}')
        scene.board.say(1, "hello")
        scene.radio.event("notification")
        assert await said == "hello"
    assert scene.board.pages <= 5


@pytest.mark.parametrize(
    "garbage",
    [
        b"event: notification\ndata: {broken\n\n",
        b"event: notification\n\n",
        b"data: 1\n\nevent: \xff\xfe\ndata: \xff\n\n",
        b"nonsense\nevent:notification\r\ndata\n\n",
    ],
)
async def test_trap_what_is_malformed_kills_no_thread(scene: Scene, garbage: bytes) -> None:
    async with scene.listening() as things:
        said = ask(things)
        await scene.radio.opened.get()
        await scene.board.has_given(2)
        scene.radio.send(garbage)
        await scene.board.has_given(3)
        scene.board.say(1, "hello")
        scene.radio.event("notification")
        assert await said == "hello"
    assert scene.streams == 1


@pytest.mark.parametrize("status", [404, 401, 403, 410])
async def test_trap_a_server_without_a_stream_is_polled_in_silence(scene: Scene, status: int) -> None:
    scene.stub.answer("GET", STREAM, {"error": "no"}, status=status)
    async with scene.listening() as things:
        said = ask(things)
        await scene.clock.wait_for_wait(3600)
        await scene.clock.wait_for_wait(20)
        scene.board.say(1, "hello")
        await scene.clock.advance(20)
        assert await said == "hello"
    assert scene.streams == 1


async def test_trap_a_page_of_html_is_no_stream(scene: Scene) -> None:
    scene.stub.text("GET", STREAM, "<h1>Welcome</h1>")
    async with scene.listening() as things:
        said = ask(things)
        await scene.clock.wait_for_wait(3600)
        said.cancel()
        await asyncio.wait({said})
    assert scene.streams == 1


async def test_trap_a_stream_that_never_begins_fails_aloud_and_is_tried_again(scene: Scene) -> None:
    scene.stub.cut("GET", STREAM)
    async with scene.listening() as things:
        said = ask(things)
        for pause in (1, 2, 4, 8):
            await scene.clock.wait_for_wait(pause)
            await scene.clock.advance(pause)
        await scene.clock.wait_for_wait(16)
        radio = Radio(scene.stub)
        await scene.clock.advance(16)
        await radio.opened.get()
        scene.board.say(1, "hello")
        radio.event("notification")
        assert await said == "hello"


async def test_a_stream_that_ends_wakes_a_look_and_begins_again(scene: Scene) -> None:
    async with scene.listening() as things:
        said = ask(things)
        await scene.radio.opened.get()
        await scene.board.has_given(2)
        scene.board.say(1, "said while the stream was breaking")
        scene.radio.end()
        assert await said == "said while the stream was breaking"
        said = ask(things)
        await scene.clock.wait_for_wait(1)
        await scene.clock.advance(1)
        await scene.radio.opened.get()
        scene.board.say(2, "hello again")
        scene.radio.event("notification")
        assert await said == "hello again"


async def test_a_stream_that_was_steady_is_begun_again_without_a_long_pause(scene: Scene) -> None:
    async with scene.listening() as things:
        said = ask(things)
        for pause in (1, 2):
            await scene.radio.opened.get()
            scene.radio.end()
            await scene.clock.wait_for_wait(pause)
            await scene.clock.advance(pause)
        scene.board.say(1, "it is open")
        scene.radio.event("notification")
        assert await said == "it is open"
        said = ask(things)
        for _ in range(3):
            await scene.clock.wait_for_wait(20)
            await scene.clock.advance(20)
        await scene.clock.wait_for_wait(20)
        scene.radio.end()
        await scene.clock.wait_for_wait(1)
        said.cancel()
        await asyncio.wait({said})


async def test_a_stream_that_hangs_keeps_nothing_from_being_read_or_posted(
    scene: Scene, make_status: Callable[..., dict[str, Any]]
) -> None:
    scene.stub.hang("GET", STREAM)
    scene.stub.answer("POST", "/api/v1/statuses", make_status("9"))
    shop = await scene.accounts.enter(scene.stub.base_url, clock=scene.clock)
    async with aclosing(shop.items(None)) as things:
        await anext(things)
        said = ask(things)
        await scene.stub.arrived.wait()
        posted = await shop.post(Post(text="hello"), Key(token="k", minted_at=scene.clock.now()))
        await scene.clock.wait_for_wait(20)
        scene.board.say(1, "hello")
        await scene.clock.advance(20)
        assert (posted.id, await said) == ("9", "hello")


async def test_without_streaming_nothing_is_asked_for(scene: Scene) -> None:
    async with scene.listening(streaming=False) as things:
        said = ask(things)
        await scene.clock.wait_for_wait(20)
        scene.board.say(1, "hello")
        await scene.clock.advance(20)
        assert await said == "hello"
    assert scene.streams == 0


async def test_the_stream_of_a_real_server_process_wakes_the_look(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"), poll_interval="1d")
    async with aclosing(shop.items(None)) as things:
        await anext(things)
        first = await mock.mention("kim", "hello")
        heard = [await anext(things)]
        second = await mock.mention("lee", "hi", visibility="direct")
        heard.append(await anext(things))
    assert [thing.id for thing in heard if isinstance(thing, Item)] == [first.id, second.id]


async def test_a_bug_of_our_own_in_the_stream_does_not_pass_unseen() -> None:
    def broken(_: object) -> Client:
        raise ValueError("a bug")

    clock, worker = FakeClock(), Worker("mastodon-stream-of-a-test", broken)
    events = Stream(worker, "http://127.0.0.1:1/stream", clock)

    async def wait_again_and_again() -> None:
        async with events.listening():
            while True:
                waiting = asyncio.ensure_future(events.wait(20))
                await clock.wait_for_wait(20)
                await clock.advance(20)
                await waiting

    with pytest.raises(ValueError, match="a bug"):
        await wait_again_and_again()
    await worker.close()


@given(st.lists(st.sampled_from([b"event: a\n", b"data: xyz\n", b"\n", b":thump\n", b"event:b\r\n"])), st.data())
def test_names_are_read_however_the_stream_is_cut(lines: list[bytes], data: Any) -> None:
    whole = b"".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)))))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    names = Names()
    found = [name for piece in pieces for name in names.read(piece)]
    assert found == [line[6:].strip().decode() for line in lines if line.startswith(b"event:")]


def test_a_line_without_an_end_takes_no_memory() -> None:
    names = Names()
    for _ in range(1_000):
        assert names.read(b"data: event: x" * 1_000) == ()
    assert len(names._line) <= 200
    assert names.read(b"\nevent: delete\n") == ("delete",)


def test_looks_follow_each_other_at_once_until_there_were_many() -> None:
    pace = Pace(100.0)
    assert [pace.pause(100.0) for _ in range(62)] == [0.0] * 60 + [2.0, 4.0]
    rested = Pace(0.0)
    assert [rested.pause(float(second)) for second in range(0, 1_000, 2)] == [0.0] * 500


@pytest.mark.parametrize(
    ("named", "base_url", "expected"),
    [
        ({}, "https://m.example", "https://m.example"),
        ({"configuration": {"urls": {"streaming": "wss://s.m.example"}}}, "https://m.example", "https://s.m.example"),
        ({"urls": {"streaming_api": "wss://s.m.example/x"}}, "https://m.example", "https://s.m.example"),
        ({"urls": {"streaming_api": "https://s.m.example"}}, "https://m.example", "https://s.m.example"),
        ({"urls": {"streaming_api": "ws://s.m.example"}}, "https://m.example", None),
        ({"urls": {"streaming_api": "ws://127.0.0.1:4000"}}, "http://127.0.0.1:3000", "http://127.0.0.1:4000"),
        ({"urls": {"streaming_api": 7}}, "https://m.example", "https://m.example"),
        ({"urls": {"streaming_api": "nonsense"}}, "https://m.example", "https://m.example"),
    ],
)
def test_trap_the_token_goes_to_no_stream_without_encryption(
    named: dict[str, Any], base_url: str, expected: str | None
) -> None:
    assert address(named, base_url) == (expected and expected + STREAM)
