"""What happens because time has passed: posts whose time has come, the pruning of what is finished, the head of the
audit's chain.

The rows are the truth. What is kept in memory is one alarm, at the time of the next row; whoever rings it only has the
rows looked at anew, by the bridge's own clock.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bridge.commands import approval, later
from bridge.commands.later import Firing
from bridge.domain.clock import wait_event
from bridge.store import StoreError, audit, cursors, notices, outbox, reactions, reviews, stanzas, timers

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from bridge.domain.clock import Clock
    from bridge.store import Store, Tx

log = structlog.stdlib.get_logger()

PRUNE = timedelta(hours=1)
HEAD = timedelta(days=1)
FIRST_HEAD = timedelta(minutes=1)

KEEP_STANZAS = timedelta(days=30)
"""How long a stanza is known: longer than any archive is paged back."""

KEEP_NOTICES = timedelta(days=30)
KEEP_TOLD = timedelta(days=30)
"""How long it is known what somebody was told: longer than anything is told seldom."""

KEEP_SENT = timedelta(days=365)
"""How long a published delivery can be deleted or answered by its id; what is dead or asked is never pruned."""

BATCH = 100

SWEEP: Final = 60.0
"""Seconds between two looks while something waits for its time: should the alarm ring late, as after a jump of the
machine's clock, no post is later than this.
"""

STORE_PAUSE: Final = 1.0
"""Seconds until the store is asked again that failed."""

AT_ONCE: Final = 50
ALARM: Final = "due"


def _usable(_account: str) -> str | None:
    return None


def _new_id() -> str:
    return uuid4().hex


class Timers:
    """The work that waits for a time, and the recurring work."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        max_age: Callable[[], timedelta] = lambda: timedelta(hours=1),
        unusable: Callable[[str], str | None] = _usable,
    ) -> None:
        """Take what it works with.

        `max_age` is how late a post may go out unasked; `unusable` says why an account can't be posted to at all, None
        where it can.
        """
        self._store = store
        self._clock = clock
        self._max_age = max_age
        self._started = asyncio.Event()
        self._unusable = unusable
        self._scheduler = AsyncIOScheduler(timezone="UTC", job_defaults={"coalesce": True, "misfire_grace_time": None})

    def start(self) -> None:
        """Let posts out from now on: what was said while the bridge was away has been heard."""
        self._started.set()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Keep the timers running while the block does; once."""
        scheduler = self._scheduler
        scheduler.add_job(self.prune, "interval", seconds=PRUNE.total_seconds(), id="prune")
        # Soon after the start as well, or a bridge that is started anew every day would never say it.
        scheduler.add_job(
            self.log_audit_head,
            "interval",
            seconds=HEAD.total_seconds(),
            id="audit head",
            next_run_time=datetime.now(UTC) + FIRST_HEAD,
        )
        scheduler.start()
        work = asyncio.create_task(self._watch(), name="timers")
        try:
            yield
        finally:
            work.cancel()
            await asyncio.wait({work})
            scheduler.shutdown(wait=False)
            # It only asks the event loop to end it; here it has ended.
            await asyncio.sleep(0)

    async def _watch(self) -> None:
        """Let out what is due, for ever."""
        await self._started.wait()
        news = self._store.event(timers.TOPIC)
        while True:
            news.clear()
            try:
                left = await self._look()
            except StoreError as error:
                if not error.told:
                    log.warning("cannot look for what is due", cause=str(error))
                left = STORE_PAUSE
            except Exception:  # a bug must not keep everything else from its time
                log.exception("what is due could not be let out")
                left = SWEEP
            self._set_alarm(left)
            await wait_event(self._clock, news, None if left is None else SWEEP)

    async def _look(self) -> float | None:
        """Let out what is due; return in how many seconds to look again, None where nothing waits."""
        failed = await self.let_out() + await self.expire()
        due = await self._store.read(_next)
        if due is None:
            return None
        left = max(0.0, (due - self._clock.now()).total_seconds())
        return max(left, SWEEP) if failed else left

    async def let_out(self) -> int:
        """Let out what is due, each post in a commit of its own; return how many couldn't be, by a bug.

        Raises StoreError; what is done by then is done.
        """
        now, failed = self._clock.now(), 0
        for one in await self._store.read(lambda tx: timers.due(tx, now, AT_ONCE)):
            made = self._firing()
            try:
                await self._store.write(lambda tx, post=one.post, made=made: later.fire(tx, post, made))
            except StoreError:
                raise
            except Exception:
                failed += 1
                log.exception("a post could not be let out", post=one.post)
        return failed

    async def expire(self) -> int:
        """Cancel what nobody has approved in time, each post in a commit of its own; return how many couldn't be.

        Raises StoreError; what is done by then is done.
        """
        now, failed = self._clock.now(), 0
        for post in await self._store.read(lambda tx: reviews.expired(tx, now, AT_ONCE)):
            made = self._firing()
            try:
                await self._store.write(lambda tx, post=post, made=made: approval.expire(tx, post, made))
            except StoreError:
                raise
            except Exception:
                failed += 1
                log.exception("a post that nobody approved could not be cancelled", post=post)
        return failed

    def _firing(self) -> Firing:
        return Firing(
            now=self._clock.now(),
            max_age=self._max_age(),
            seed=_new_id(),
            secret=_new_id(),
            unusable=self._unusable,
        )

    def _set_alarm(self, left: float | None) -> None:
        """Have the alarm ring in so many seconds; never, for None."""
        if left is None:
            if self._scheduler.get_job(ALARM) is not None:
                self._scheduler.remove_job(ALARM)
            return
        at = datetime.now(UTC) + timedelta(seconds=left)
        self._scheduler.add_job(self._ring, "date", run_date=at, id=ALARM, replace_existing=True)

    async def _ring(self) -> None:
        self._store.event(timers.TOPIC).set()

    async def prune(self) -> int:
        """Forget what is finished and old, in small batches; returns how many rows went."""
        now = self._clock.now()
        gone = 0
        for unit in (_old_stanzas, _old_notices, _old_deliveries, _old_remarks, _old_reactions):
            while count := await self._batch(unit, now):
                gone += count
        return gone

    async def _batch(self, unit: Callable[[Tx, datetime], int], now: datetime) -> int:
        try:
            return await self._store.write(lambda tx: unit(tx, now), bulk=True)
        except StoreError as error:
            if not error.told:
                log.warning("cannot prune", cause=str(error))
            return 0

    async def log_audit_head(self) -> None:
        """Log how long the audit's chain is and how it ends, so that a cut tail is seen."""
        try:
            head = await self._store.read(audit.head)
        except StoreError as error:
            if not error.told:
                log.warning("cannot read the audit", cause=str(error))
            return
        log.info("audit head", count=head.count, hash=head.hash, head=str(head))


def _next(tx: Tx) -> datetime | None:
    """Return when something is to happen next."""
    return min((at for at in (timers.next_due(tx), reviews.next_expiry(tx)) if at is not None), default=None)


def _old_stanzas(tx: Tx, now: datetime) -> int:
    return stanzas.prune(tx, now - KEEP_STANZAS, BATCH)


def _old_notices(tx: Tx, now: datetime) -> int:
    return notices.prune(tx, now - KEEP_NOTICES, BATCH)


def _old_deliveries(tx: Tx, now: datetime) -> int:
    return outbox.prune(tx, now - KEEP_SENT, BATCH)


def _old_remarks(tx: Tx, now: datetime) -> int:
    return cursors.prune(tx, now - KEEP_TOLD, BATCH)


def _old_reactions(tx: Tx, now: datetime) -> int:
    return reactions.prune(tx, now - KEEP_NOTICES, BATCH)
