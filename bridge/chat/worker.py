"""The one ordered worker: whatever comes in is judged in the order in which it came off the streams."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

import structlog

from bridge.commands.incoming import Incoming
from bridge.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bridge.chat.gate import Origin
    from bridge.domain.clock import Clock

_log = structlog.stdlib.get_logger(__name__)

TOGETHER: Final = 16
"""Lines of a burst that share a commit at most, so that what the lanes write doesn't wait long behind them."""

_MOST: Final = 512
"""Lines that share a commit at most, where most of them are too many of their authors'."""

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
_MOST_DOUBLINGS: Final = 8


class Desk(Protocol):
    """Judges and commits one stanza."""

    async def handle(self, incoming: Incoming) -> None:
        """Return once what follows from the stanza is committed.

        Raises StoreError where the store can't: the same stanza is then handed over again.
        """
        ...

    async def together(self, incomings: Sequence[Incoming]) -> int:
        """Commit what follows from the first of several stanzas at once; return how many, none where it can't."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """A message that nobody has to judge, but whose place in the archive was reached."""

    archive: str
    position: str


@dataclass(frozen=True, slots=True)
class _Mark:
    reached: asyncio.Future[None]


Entry: TypeAlias = Incoming | Passed
_Job: TypeAlias = "Callable[[], Awaitable[None]]"


class Worker:
    """Takes entries at any time and works them off one by one; `move` commits positions that were passed."""

    def __init__(
        self,
        desk: Desk,
        move: Callable[[dict[str, str]], Awaitable[None]],
        clock: Clock,
        *,
        committed: Callable[[Incoming], None] | None = None,
        note_own: Callable[[], Awaitable[None]] | None = None,
        is_over: Callable[[Incoming], bool] | None = None,
    ) -> None:
        """Take the desk, and what moves archives' cursors: a mapping of archive to position.

        `committed` is called with each line as soon as all that follows from it is committed. `note_own` commits what
        was seen of our own messages so far; it is awaited before a gesture is judged, which may be about one of them.
        `is_over` tells which lines are too many of their author's: those are so cheap that far more of them share a
        commit, and nobody else waits for them.
        """
        self._desk = desk
        self._move = move
        self._clock = clock
        self._committed = committed
        self._note_own = note_own
        self._is_over = is_over
        self._queue: deque[Entry | _Mark | _Job] = deque()
        self._news = asyncio.Event()
        self._passed: dict[str, str] = {}

    @property
    def backlog(self) -> int:
        """How many entries wait."""
        return len(self._queue)

    def put(self, entry: Entry) -> None:
        """Add to the end."""
        self._add(entry)

    def then(self, job: _Job) -> None:
        """Add something else that has to be committed in order; it is repeated while the store can't."""
        self._add(job)

    async def reached(self) -> None:
        """Return once everything that was put before is committed."""
        mark = _Mark(asyncio.get_running_loop().create_future())
        self._add(mark)
        await mark.reached

    async def run(self) -> None:
        """Work for ever."""
        while True:
            if not self._queue and self._passed:
                await self._flush()
            entry = await self._take()
            if isinstance(entry, Passed):
                self._passed[entry.archive] = entry.position
            elif isinstance(entry, Incoming):
                await self._judge([entry, *self._following()])
            elif isinstance(entry, _Mark):
                await self._flush()
                if not entry.reached.done():
                    entry.reached.set_result(None)
            else:
                await self._until_committed(entry)

    def _add(self, what: Entry | _Mark | _Job) -> None:
        self._queue.append(what)
        self._news.set()

    async def _take(self) -> Entry | _Mark | _Job:
        while not self._queue:
            self._news.clear()
            await self._news.wait()
        return self._queue.popleft()

    def _following(self) -> list[Incoming]:
        """Take the speech that waits next, as much of it as may share a commit."""
        group: list[Incoming] = []
        left = TOGETHER - 1
        while left and len(group) < _MOST and self._queue and isinstance(self._queue[0], Incoming):
            if not self._over(self._queue[0]):
                left -= 1
            group.append(self._queue[0])
            self._queue.popleft()
        return group

    def _over(self, incoming: Incoming) -> bool:
        return self._is_over is not None and self._is_over(incoming)

    async def _judge(self, group: Sequence[Incoming]) -> None:
        for incoming in group:
            # The desk moves this archive's cursor further, in the stanza's own commit.
            if incoming.position is not None:
                self._passed.pop(incoming.archive, None)
        if self._note_own is not None and any(incoming.gesture is not None for incoming in group):
            await self._until_committed(self._note_own)
        rest = list(group)
        while len(rest) > 1 and (len(rest) == len(group) or self._over(rest[0])):
            done = await self._desk.together(rest)
            for incoming in rest[:done]:
                self._tell(incoming)
            rest = rest[done:]
            if not done:
                break
        for incoming in rest:
            if await self._until_committed(lambda incoming=incoming: self._desk.handle(incoming)):
                self._tell(incoming)

    def _tell(self, incoming: Incoming) -> None:
        if self._committed is not None:
            self._committed(incoming)

    async def _flush(self) -> None:
        passed, self._passed = self._passed, {}
        if passed:
            await self._until_committed(lambda: self._move(passed))

    async def _until_committed(self, job: Callable[[], Awaitable[None]]) -> bool:
        """Do something until it is committed; False where it never will be."""
        failures = 0
        while True:
            try:
                await job()
            except StoreError as error:
                if failures == 0 and not error.told:
                    _log.warning("the store can't commit; what comes in waits", cause=str(error))
                await self._clock.sleep(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(failures, _MOST_DOUBLINGS)))
                failures += 1
            except Exception:  # noqa: BLE001 - whatever it is, the next stanza must still be heard
                _log.exception("a stanza could not be judged")
                return False
            else:
                return True


def passed(origin: Origin) -> Passed | None:
    """Return the place in the archive of what nobody acts on, None where it has none."""
    position = origin.place_in_archive
    return None if position is None else Passed(archive=origin.archive, position=position)
