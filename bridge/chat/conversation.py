"""One archive and the live stream beside it: read to the end, then on with what comes, without gap or doubling.

    absent ─► reading ─► live      every lost session begins again

While the archive is read, what comes live is kept aside. Each page asked for makes what came before it superfluous, as
the archive has it; when the last page is there, what came after that page was asked for and isn't on it goes on, in
order. What the archive doesn't keep has no id there, and is never dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final

import structlog

from bridge.chat.archive import Archived, Archives, NoArchive, Page, UnknownPosition
from bridge.chat.positions import Position, Positions

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bridge.chat.worker import Entry, Worker

_log = structlog.stdlib.get_logger(__name__)

OVERLAP: Final = timedelta(minutes=1)
"""How far a position's time is mistrusted when the archive has forgotten its id; the gate drops what comes twice."""

READ_AHEAD: Final = 5_000
"""Messages that may wait for the worker before more is read. Waiting for each page would never come to an end where
people talk as fast as lines are committed."""

EMPTY_OVERLAP: Final = timedelta(days=1)
"""As OVERLAP, for an archive that was empty when we first came, so that nothing in it can be older."""


class State(Enum):
    """How far we are with a conversation in this session."""

    ABSENT = "absent"
    READING = "reading"
    LIVE = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaughtUp:
    """How catching up went: without an archive, or from the time of a gap on, or (neither) completely."""

    archived: bool
    gap_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Aside:
    position: str | None
    entry: Entry
    stored: bool


class Conversation:
    """The messages of one archive, handed to the worker in order; `judge` makes an entry of an archived one."""

    def __init__(
        self,
        archive: str,
        *,
        archives: Archives,
        worker: Worker,
        positions: Positions,
        judge: Callable[[Archived], Entry],
        now: Callable[[], datetime],
    ) -> None:
        """Take the archive's address and what reads, keeps and judges."""
        self.archive = archive
        self.state = State.ABSENT
        self.archived = True
        """Whether there is an archive, so that ids given by it are to be believed."""
        self._archives = archives
        self._worker = worker
        self._positions = positions
        self._judge = judge
        self._now = now
        self._aside: list[_Aside] = []
        self._first = False

    def enter(self) -> None:
        """Begin to listen: from here on nothing that comes live is lost."""
        self.state = State.READING
        self._first = False
        self._aside.clear()

    def leave(self) -> None:
        """Stop listening: the session or the room is lost."""
        self.state = State.ABSENT
        self._aside.clear()

    def heard(self, position: str | None, entry: Entry, *, stored: bool = False) -> None:
        """Take what came live, as it came off the stream; `stored` is what a server kept for us until we came."""
        if self.state is State.READING:
            self._aside.append(_Aside(position, entry, stored))
        elif self.state is State.LIVE and not (stored and self._first):
            self._worker.put(entry)

    async def catch_up(self) -> CaughtUp:
        """Read the archive from the cursor to the end and go live; return once all of it is committed.

        Without a cursor it starts at now. Call `enter` before. Raises AnswerError where the archive can't be read at
        this time, and StoreError where the store can't.
        """
        await self._worker.reached()
        known = await self._positions.get(self.archive)
        try:
            if known is None:
                await self._first_visit()
            if not await self._archives.exists(self.archive):
                raise NoArchive(self.archive)  # noqa: TRY301 - as a query may raise it, too
            caught_up = CaughtUp(archived=True) if known is None else await self._read_on(known)
        except NoArchive:
            caught_up = CaughtUp(archived=False)
        self.archived = caught_up.archived
        self._go_live(frozenset())
        await self._worker.reached()
        return caught_up

    async def _first_visit(self) -> None:
        # Live from here on: what is said while the newest id is fetched was said to us; what was stored before wasn't.
        self._first = True
        self._aside = [one for one in self._aside if not one.stored]
        self._go_live(frozenset())
        position = Position(id=None, stamp=self._now())
        try:
            page = await self._archives.page(self.archive, before="", size=1)
            if page.messages:
                position = Position(id=page.messages[-1].id, stamp=page.messages[-1].stamp)
        except NoArchive:
            _log.debug("no archive at the first visit", archive=self.archive)
        finally:
            self._first = False
        self._worker.then(lambda: self._positions.begin(self.archive, position))

    async def _read_on(self, known: Position) -> CaughtUp:
        if known.id is None:
            await self._read(after=None, start=known.stamp - EMPTY_OVERLAP)
            return CaughtUp(archived=True)
        try:
            first = await self._read(after=known.id, start=None)
            intact = await self._is_right_before(known.id, first)
        except UnknownPosition:
            await self._read(after=None, start=known.stamp - OVERLAP)
            intact = False
        return CaughtUp(archived=True, gap_since=None if intact else known.stamp)

    async def _is_right_before(self, position: str, first: str | None) -> bool:
        """Tell whether the archive still has the message where we were, as what precedes the first that followed it.

        Not every server refuses a position that it doesn't know (ejabberd doesn't): it may take it for a time.
        """
        page = await self._archives.page(self.archive, before=first or "", size=1)
        if page.messages and page.messages[-1].id == position:
            return True
        if first is not None:
            return False
        since = await self._archives.page(self.archive, after=position, size=1)
        return bool(since.messages) and await self._is_right_before(position, since.messages[0].id)

    async def _read(self, *, after: str | None, start: datetime | None) -> str | None:
        """Read to the end and go live; return the id of the first message, None where there was none."""
        first: str | None = None
        while True:
            # Whatever has come so far is in the archive by the time that the page is made.
            self._aside = [one for one in self._aside if one.position is None]
            page = await self._archives.page(self.archive, after=after, start=start)
            for message in page.messages:
                self._worker.put(self._judge(message))
                first = first or message.id
            if page.complete or page.last is None or page.last == after:
                self._go_live(_ids(page))
                return first
            after = page.last
            if self._worker.backlog > READ_AHEAD:
                await self._worker.reached()

    def _go_live(self, read: frozenset[str]) -> None:
        """From one moment to the next: nothing can come in between, since nothing is awaited."""
        if self.state is not State.READING:
            return
        self.state = State.LIVE
        aside, self._aside = self._aside, []
        for one in aside:
            if one.position not in read:
                self._worker.put(one.entry)


def _ids(page: Page) -> frozenset[str]:
    return frozenset(message.id for message in page.messages)
