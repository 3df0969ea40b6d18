"""What happens because time has passed: the pruning of what is finished, the head of the audit's chain."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bridge.store import StoreError, audit, cursors, notices, outbox, reactions, stanzas

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from datetime import datetime

    from bridge.domain.clock import Clock
    from bridge.store import Store, Tx

log = structlog.stdlib.get_logger()

PRUNE = timedelta(hours=1)
HEAD = timedelta(days=1)

KEEP_STANZAS = timedelta(days=30)
"""How long a stanza is known: longer than any archive is paged back."""

KEEP_NOTICES = timedelta(days=30)
KEEP_TOLD = timedelta(days=30)
"""How long it is known what somebody was told: longer than anything is told seldom."""

KEEP_SENT = timedelta(days=365)
"""How long a published delivery can be deleted or answered by its id; what is dead or asked is never pruned."""

BATCH = 100


class Timers:
    """The recurring work."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Take what it works with."""
        self._store = store
        self._clock = clock

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Keep the timers running while the block does."""
        scheduler = AsyncIOScheduler(timezone="UTC", job_defaults={"coalesce": True, "misfire_grace_time": None})
        scheduler.add_job(self.prune, "interval", seconds=PRUNE.total_seconds(), id="prune")
        scheduler.add_job(self.log_audit_head, "interval", seconds=HEAD.total_seconds(), id="audit head")
        scheduler.start()
        try:
            yield
        finally:
            scheduler.shutdown(wait=False)
            # It only asks the event loop to end it; here it has ended.
            await asyncio.sleep(0)

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
        log.info("audit head", count=head.count, hash=head.hash)


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
