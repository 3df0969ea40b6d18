from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from xml.etree.ElementTree import Element

import pytest

from bridge.chat.archive import Archived, Archives, NoArchive, Page, UnknownPosition
from bridge.chat.conversation import EMPTY_OVERLAP, OVERLAP, CaughtUp, Conversation, State
from bridge.chat.errors import NoAnswer
from bridge.chat.positions import Position, Positions
from bridge.chat.worker import Passed, Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bridge.testing.clock import FakeClock

ROOM = "ops@rooms.example.org"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Shelf:
    """An archive of numbered messages in pages of two, with a hook that runs while a page is on its way."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.there = True
        self.asked: list[dict[str, Any]] = []
        self.meanwhile: list[Callable[[], None]] = []
        self.errors: list[Exception] = []
        self.make: type[list[str]] = list

    async def exists(self, archive: str) -> bool:
        return self.there

    async def page(self, archive: str, **where: Any) -> Page:
        self.asked.append(where)
        await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop(0)
        ids = self.make(self.ids)
        if "before" in where:
            earlier = ids[: ids.index(where["before"])] if where["before"] else ids
            chosen, complete = earlier[-1:], len(earlier) <= 1
        else:
            after = where.get("after")
            rest = ids[ids.index(after) + 1 :] if after is not None else ids
            chosen, complete = rest[:2], len(rest) <= 2
        if self.meanwhile:
            self.meanwhile.pop(0)()
        await asyncio.sleep(0)
        messages = tuple(Archived(id=one, stamp=NOW, message=Element("message")) for one in chosen)
        return Page(
            messages=messages,
            complete=complete,
            first=chosen[0] if chosen else None,
            last=chosen[-1] if chosen else None,
        )


class Cursors:
    def __init__(self) -> None:
        self.known: Position | None = None

    async def get(self, archive: str) -> Position | None:
        return self.known

    async def begin(self, archive: str, position: Position) -> None:
        self.known = self.known or position


@pytest.fixture
def seen() -> list[str]:
    return []


@pytest.fixture
def slow() -> asyncio.Event:
    """Cleared, the worker commits nothing."""
    event = asyncio.Event()
    event.set()
    return event


@pytest.fixture
async def worker(seen: list[str], clock: FakeClock, slow: asyncio.Event) -> AsyncIterator[Worker]:
    class Silent:
        async def together(self, incomings: Any) -> int:
            return 0

        async def handle(self, incoming: Any) -> None:
            raise AssertionError

    async def move(positions: dict[str, str]) -> None:
        await asyncio.sleep(0)

    class Seeing(Worker):
        def put(self, entry: Any) -> None:
            seen.append(entry.position)
            self.then(slow_down)
            super().put(entry)

    async def slow_down() -> None:
        await slow.wait()

    made = Seeing(Silent(), move, clock)
    task = asyncio.ensure_future(made.run())
    yield made
    task.cancel()
    await asyncio.wait((task,))


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def cursors() -> Cursors:
    return Cursors()


@pytest.fixture
def talk(shelf: Shelf, cursors: Cursors, worker: Worker) -> Conversation:
    return Conversation(
        ROOM,
        archives=cast("Archives", shelf),
        worker=worker,
        positions=cast("Positions", cursors),
        judge=lambda archived: Passed(archive=ROOM, position=archived.id),
        now=lambda: NOW,
    )


def hear(talk: Conversation, identifier: str, *, kept: bool = True, stored: bool = False) -> None:
    talk.heard(identifier if kept else None, Passed(archive=ROOM, position=identifier), stored=stored)


async def test_nothing_is_heard_of_a_room_that_we_are_not_in(talk: Conversation, seen: list[str]) -> None:
    hear(talk, "1")
    assert talk.state is State.ABSENT
    assert seen == []


async def test_the_first_visit_is_live_at_once_and_begins_at_the_newest(
    talk: Conversation, shelf: Shelf, cursors: Cursors, seen: list[str]
) -> None:
    shelf.ids = ["1", "2", "3"]
    talk.enter()
    hear(talk, "stored before", stored=True)
    hear(talk, "4")
    shelf.meanwhile = [lambda: (hear(talk, "also stored before", stored=True), hear(talk, "5"), None)[-1]]
    assert await talk.catch_up() == CaughtUp(archived=True)
    hear(talk, "6")
    assert seen == ["4", "5", "6"]
    assert cursors.known == Position(id="3", stamp=NOW)
    assert talk.state is State.LIVE


async def test_a_first_visit_to_an_empty_archive_begins_at_the_time(
    talk: Conversation, shelf: Shelf, cursors: Cursors, seen: list[str]
) -> None:
    talk.enter()
    await talk.catch_up()
    assert cursors.known == Position(id=None, stamp=NOW)
    talk.leave()
    shelf.ids = ["1", "2", "3"]
    talk.enter()
    await talk.catch_up()
    assert seen == ["1", "2", "3"]
    assert shelf.asked[1] == {"after": None, "start": NOW - EMPTY_OVERLAP}


async def test_all_pages_are_read_and_the_live_stream_goes_on_behind_them_without_gap_or_doubling(
    talk: Conversation, shelf: Shelf, cursors: Cursors, seen: list[str]
) -> None:
    cursors.known = Position(id="1", stamp=NOW)
    shelf.ids = ["1", "2", "3", "4", "5"]

    def say(identifier: str) -> Callable[[], None]:
        def archive_and_broadcast() -> None:
            shelf.ids.append(identifier)
            hear(talk, identifier)

        return archive_and_broadcast

    talk.enter()
    hear(talk, "5")
    # 6 is said while the first page is on its way, 7 and 8 while the second, and so on.
    shelf.meanwhile = [say("6"), lambda: (say("7")(), say("8")(), None)[-1], say("9"), say("10")]
    assert await talk.catch_up() == CaughtUp(archived=True)
    say("11")()
    assert seen == [str(number) for number in range(2, 12)]
    assert len(set(seen)) == len(seen)


async def test_talk_that_comes_as_fast_as_it_is_committed_does_not_hold_it_up(
    talk: Conversation, shelf: Shelf, cursors: Cursors, seen: list[str], slow: asyncio.Event
) -> None:
    cursors.known = Position(id="0", stamp=NOW)
    shelf.ids = [str(number) for number in range(21)]
    slow.clear()
    talk.enter()
    catching_up = asyncio.ensure_future(talk.catch_up())
    for _ in range(500):
        await asyncio.sleep(0)
    assert talk.state is State.LIVE
    assert seen == [str(number) for number in range(1, 21)]
    assert not catching_up.done()
    slow.set()
    await catching_up


async def test_what_waits_for_the_worker_is_bounded(
    talk: Conversation, shelf: Shelf, cursors: Cursors, seen: list[str], slow: asyncio.Event
) -> None:
    cursors.known = Position(id="0", stamp=NOW)
    shelf.ids = [str(number) for number in range(21)]
    slow.clear()
    talk.enter()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bridge.chat.conversation.READ_AHEAD", 5)
        catching_up = asyncio.ensure_future(talk.catch_up())
        for _ in range(500):
            await asyncio.sleep(0)
        assert 0 < len(seen) < 10
        slow.set()
        await catching_up
    assert seen == [str(number) for number in range(1, 21)]


async def test_what_is_on_the_last_page_and_came_live_is_handed_on_once(
    talk: Conversation, shelf: Shelf, cursors: Cursors, seen: list[str]
) -> None:
    cursors.known = Position(id="1", stamp=NOW)
    shelf.ids = ["1", "2", "3"]
    shelf.meanwhile = [lambda: hear(talk, "3")]
    talk.enter()
    await talk.catch_up()
    assert seen == ["2", "3"]


async def test_what_the_archive_does_not_keep_is_never_dropped(
    talk: Conversation, shelf: Shelf, cursors: Cursors, seen: list[str]
) -> None:
    cursors.known = Position(id="1", stamp=NOW)
    shelf.ids = ["1", "2", "3", "4"]
    talk.enter()
    hear(talk, "whispered", kept=False)
    await talk.catch_up()
    assert seen == ["2", "3", "4", "whispered"]


async def test_an_archive_that_has_forgotten_the_place_is_read_by_time_and_the_gap_is_reported(
    talk: Conversation, shelf: Shelf, cursors: Cursors, seen: list[str]
) -> None:
    cursors.known = Position(id="gone", stamp=NOW)
    shelf.ids = ["8", "9"]
    shelf.errors = [UnknownPosition(ROOM)]
    talk.enter()
    assert await talk.catch_up() == CaughtUp(archived=True, gap_since=NOW)
    assert seen == ["8", "9"]
    assert shelf.asked[-1] == {"after": None, "start": NOW - OVERLAP}
    assert timedelta(0) < OVERLAP < timedelta(hours=1)


@pytest.mark.parametrize("left", [[], ["8", "9"], ["2", "3"]])
async def test_a_gap_is_noticed_where_the_archive_takes_a_forgotten_place_for_a_time(
    talk: Conversation, shelf: Shelf, cursors: Cursors, seen: list[str], left: list[str]
) -> None:
    class Forgiving(list[str]):
        def index(self, value: str, *_: Any) -> int:
            return super().index(value) if value in self else -1

    cursors.known = Position(id="1", stamp=NOW)
    shelf.ids, shelf.make = left, Forgiving
    talk.enter()
    assert await talk.catch_up() == CaughtUp(archived=True, gap_since=NOW)
    assert seen == left


async def test_what_is_said_between_two_looks_is_no_gap(
    talk: Conversation, shelf: Shelf, cursors: Cursors, seen: list[str]
) -> None:
    cursors.known = Position(id="1", stamp=NOW)
    shelf.ids = ["1"]

    def say() -> None:
        shelf.ids.append("2")
        hear(talk, "2")

    shelf.meanwhile = [say]
    talk.enter()
    assert await talk.catch_up() == CaughtUp(archived=True)
    assert seen == ["2"]


@pytest.mark.parametrize("known", [None, Position(id="1", stamp=NOW), Position(id=None, stamp=NOW)])
async def test_without_an_archive_it_is_live_and_says_so(
    talk: Conversation, shelf: Shelf, cursors: Cursors, seen: list[str], known: Position | None
) -> None:
    cursors.known = known
    shelf.there = False
    shelf.errors = [NoArchive(ROOM)]
    talk.enter()
    hear(talk, "1", kept=False)
    assert await talk.catch_up() == CaughtUp(archived=False)
    assert not talk.archived
    hear(talk, "2", kept=False)
    assert seen == ["1", "2"]
    assert cursors.known is not None


async def test_an_archive_that_does_not_answer_now_is_tried_again_and_nothing_is_lost(
    talk: Conversation, shelf: Shelf, cursors: Cursors, seen: list[str]
) -> None:
    cursors.known = Position(id="1", stamp=NOW)
    shelf.ids = ["1", "2"]
    shelf.errors = [NoAnswer("silence")]
    talk.enter()
    with pytest.raises(NoAnswer):
        await talk.catch_up()
    shelf.ids.append("3")
    hear(talk, "3")
    assert seen == []
    await talk.catch_up()
    assert seen == ["2", "3"]


async def test_who_has_left_in_the_middle_stays_out(
    talk: Conversation, shelf: Shelf, cursors: Cursors, seen: list[str]
) -> None:
    cursors.known = Position(id="1", stamp=NOW)
    shelf.ids = ["1", "2"]
    shelf.meanwhile = [talk.leave]
    talk.enter()
    await talk.catch_up()
    assert talk.state is State.ABSENT
    hear(talk, "3")
    assert seen == ["2"]
