"""An account's ears alone, on the server that plays X: what is heard, what was asked for, and what it cost."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from bridge.plugin import Cursor, Heard, Keep
from bridge.testing import FakeClock, MemoryKeep
from bridge.testing.contract.kit import Ear
from plugins.x.client import Client
from plugins.x.hearing import Hearing
from plugins.x.ledger import Ledger
from plugins.x.settings import XSettings
from plugins.x.signing import Login
from plugins.x.translate import Me
from tests.servers.x import X

POLL = timedelta(seconds=60)
PATIENCE = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """The parts of one account."""

    x: X
    clock: FakeClock
    hearing: Hearing
    ledger: Ledger
    me: Me

    def items(self, since: Cursor | None = None, *, messages: bool = False, poll: float | None = None) -> Ear:
        """Listen."""
        return self._ear(self.hearing.items(self.me, since, messages=messages), poll)

    def matches(self, query: str, since: Cursor | None = None) -> Ear:
        """Track a word."""
        return self._ear(self.hearing.matches(self.me, query, since), None)

    async def minutes(self, count: int = 1) -> None:
        """Let time pass, with a look every minute."""
        for _ in range(count):
            await self.clock.wait_for_wait(POLL.total_seconds())
            await self.clock.advance(POLL.total_seconds())

    def _ear(self, heard: AsyncGenerator[Heard], poll: float | None) -> Ear:
        return Ear(heard, self.clock, poll or POLL.total_seconds(), PATIENCE)

    @property
    def spent(self) -> Decimal:
        """What was spent today, in dollars."""
        return self.ledger.spending().today.amount


@asynccontextmanager
async def listening(
    x: X,
    clock: FakeClock,
    keep: Keep | None = None,
    *,
    daily: str | None = None,
    fixed: timedelta | None = POLL,
) -> AsyncGenerator[Listener]:
    """Make an account's ears, and let go of them."""
    settings: dict[str, Any] = {"base_url": x.base_url, **x.login.settings()}
    client = Client(x.base_url, Login.of(XSettings.model_validate(settings)), clock)
    client.open()
    kept = keep or MemoryKeep()
    ledger = Ledger(kept, clock, daily=Decimal(daily) if daily else None, monthly=None)
    await ledger.load()
    hearing = Hearing(client, kept, clock, ledger, fixed=fixed)
    try:
        yield Listener(x=x, clock=clock, hearing=hearing, ledger=ledger, me=Me(id=x.me.id, username=x.me.username))
    finally:
        await client.close()
