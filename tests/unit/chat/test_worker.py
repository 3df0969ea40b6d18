from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from bridge.chat.worker import TOGETHER, Passed, Worker
from bridge.commands.incoming import Gesture, GestureKind, Incoming
from bridge.domain.people import Place, Target
from bridge.store import InDoubt, NotCommitted, ReadError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bridge.testing.clock import FakeClock

ROOM = "ops@rooms.example.org"


def said(number: int, *, archive: str = ROOM, kept: bool = True) -> Incoming:
    return Incoming(
        archive=archive,
        key=str(number),
        position=f"p{number}" if kept else None,
        place=Place.ROOM,
        source=Target(archive, Place.ROOM),
        sender="ana@example.org",
        nick="ana",
        affiliation="member",
        text=str(number),
        said_at=datetime(2026, 1, 2, tzinfo=UTC),
    )


class Book:
    """What the desk and the cursors were told, in order; errors are raised before anything is taken."""

    def __init__(self) -> None:
        self.lines: list[object] = []
        self.errors: list[Exception] = []
        self.takes = 0

    async def handle(self, incoming: Incoming) -> None:
        await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop(0)
        self.lines.append(incoming.text)

    async def together(self, incomings: Sequence[Incoming]) -> int:
        await asyncio.sleep(0)
        taken = incomings[: self.takes]
        if taken:
            self.lines.append("+".join(one.text for one in taken))
        return len(taken)

    async def move(self, positions: dict[str, str]) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.lines.append(positions)


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
async def worker(book: Book, clock: FakeClock) -> AsyncIterator[Worker]:
    made = Worker(book, book.move, clock)
    task = asyncio.ensure_future(made.run())
    yield made
    task.cancel()
    await asyncio.wait((task,))


async def test_everything_is_judged_in_its_order(worker: Worker, book: Book) -> None:
    for number in range(5):
        worker.put(said(number))
    await worker.reached()
    assert book.lines == ["0", "1", "2", "3", "4"]


async def test_lines_that_wait_share_a_commit_and_those_that_cannot_follow_one_by_one(
    worker: Worker, book: Book
) -> None:
    book.takes = 2
    for number in range(4):
        worker.put(said(number))
    worker.put(Passed(archive=ROOM, position="p9"))
    worker.put(said(4))
    await worker.reached()
    assert book.lines == ["0+1", "2", "3", "4"]


async def test_no_more_lines_share_a_commit_than_may(worker: Worker, book: Book) -> None:
    book.takes = 1000
    for number in range(TOGETHER + 2):
        worker.put(said(number))
    await worker.reached()
    assert [str(line).count("+") + 1 for line in book.lines] == [TOGETHER, 2]


@pytest.mark.parametrize("error", [NotCommitted("disk full"), InDoubt("no answer"), ReadError("no answer")])
async def test_what_the_store_cannot_take_waits_in_its_place(
    worker: Worker, book: Book, clock: FakeClock, error: Exception
) -> None:
    book.errors = [error, error]
    for number in range(3):
        worker.put(said(number))
    for pause in (0.1, 0.2):
        await clock.wait_for_wait(pause)
        assert book.lines == []
        await clock.advance(pause)
    await worker.reached()
    assert book.lines == ["0", "1", "2"]


async def test_a_bug_passes_over_one_line_and_is_logged(worker: Worker, book: Book) -> None:
    book.errors = [RuntimeError("a bug")]
    with capture_logs() as logs:
        worker.put(said(0))
        worker.put(said(1))
        await worker.reached()
    assert book.lines == ["1"]
    assert [entry["event"] for entry in logs] == ["a stanza could not be judged"]


async def test_of_each_line_is_told_once_it_is_committed(book: Book, clock: FakeClock) -> None:
    told: list[str] = []

    def committed(incoming: Incoming) -> None:
        assert incoming.text in "+".join(str(line) for line in book.lines)
        told.append(incoming.text)

    worker = Worker(book, book.move, clock, committed=committed)
    book.takes = 2
    book.errors = [RuntimeError("a bug"), NotCommitted("disk full")]
    for number in range(5):
        worker.put(said(number))
    task = asyncio.ensure_future(worker.run())
    await clock.wait_for_wait(0.1)
    await clock.advance(0.1)
    await worker.reached()
    # The third one could not be judged.
    assert told == ["0", "1", "3", "4"]
    task.cancel()
    await asyncio.wait((task,))


async def test_positions_that_were_passed_are_moved_once_and_never_before_what_came_earlier(
    worker: Worker, book: Book
) -> None:
    worker.put(said(0))
    worker.put(Passed(archive=ROOM, position="p1"))
    worker.put(Passed(archive="other@rooms.example.org", position="q1"))
    worker.put(Passed(archive=ROOM, position="p2"))
    await worker.reached()
    assert book.lines == ["0", {ROOM: "p2", "other@rooms.example.org": "q1"}]


async def test_a_line_that_moves_the_cursor_itself_spares_the_move(worker: Worker, book: Book) -> None:
    worker.put(Passed(archive=ROOM, position="p1"))
    worker.put(said(2))
    worker.put(Passed(archive=ROOM, position="p3"))
    worker.put(said(4, kept=False))
    await worker.reached()
    assert book.lines == ["2", "4", {ROOM: "p3"}]


async def test_other_commits_keep_their_place_and_are_repeated(worker: Worker, book: Book, clock: FakeClock) -> None:
    async def job() -> None:
        await book.move({"begun": "here"})

    worker.put(said(0))
    worker.then(job)
    worker.put(said(1))
    mark = asyncio.ensure_future(worker.reached())
    await mark
    book.errors = [NotCommitted("disk full")]
    worker.then(job)
    await clock.wait_for_wait(0.1)
    await clock.advance(0.1)
    await worker.reached()
    assert book.lines == ["0", {"begun": "here"}, "1", {"begun": "here"}]


async def test_before_a_gesture_our_own_messages_are_noted_however_long_that_takes(
    book: Book, clock: FakeClock
) -> None:
    noted: list[int] = []

    async def note() -> None:
        await asyncio.sleep(0)
        if not noted:
            noted.append(0)
            raise NotCommitted("the disk is full")
        noted.append(len(book.lines))

    worker = Worker(book, book.move, clock, note_own=note)
    task = asyncio.ensure_future(worker.run())
    worker.put(said(1))
    await worker.reached()
    assert noted == []
    worker.put(replace(said(2), gesture=Gesture(kind=GestureKind.REACTIONS, about="a", emojis=frozenset())))
    await clock.wait_for_wait(0.1)
    assert book.lines == ["1"]
    await clock.advance(0.1)
    await worker.reached()
    assert (noted, book.lines) == ([0, 1], ["1", "2"])
    task.cancel()
    await asyncio.wait((task,))
