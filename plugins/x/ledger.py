"""What an account has spent, kept over restarts, and asked before it spends more."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable
from datetime import date
from decimal import Decimal
from typing import Any, Final, cast

from bridge.plugin import Clock, Keep, RefusedError, Spending, UnavailableError
from plugins.x.budget import Budgets, Stop, forecast, in_month, room, stop
from plugins.x.prices import Kind, micro, money, price

_NAME: Final = "spending"
_KEPT: Final = 64
"""The days that are kept: two months, and what a clock that was wrong may have added."""

_log = logging.getLogger(__name__)


class Ledger:
    """One account's spending; used from one event loop.

    What costs is reserved before it is done, and what is reserved is committed: killed at any moment, the account has
    never spent more than is written. What turns out not to have happened is given back. Of reading nobody knows the
    price before, so it is charged after; what a kill keeps from being charged is read again later, and X takes nothing
    for what it has told on the same day already.
    """

    def __init__(self, keep: Keep, clock: Clock, *, daily: Decimal | None, monthly: Decimal | None) -> None:
        """Take the account's memory, and its budgets in dollars; None: no limit. Nothing is read yet."""
        self._keep = keep
        self._clock = clock
        self._budgets = Budgets(
            daily=None if daily is None else micro(daily),
            monthly=None if monthly is None else micro(monthly),
        )
        self._days: dict[date, int] = {}
        self._written: dict[date, int] = {}
        self._reserved: dict[Kind, date] = {}
        self._saving = asyncio.Lock()
        self._more = asyncio.Event()

    async def load(self) -> None:
        """Read what was spent before; what can't be made sense of counts as nothing, with a warning in the log.

        Raises UnavailableError where the memory can't be read.
        """
        try:
            saved = await self._keep.load(_NAME)
        except Exception as error:  # whatever the store raises: without knowing what was spent nothing may be
            raise UnavailableError("What was spent can't be read from the store.") from error
        if saved is None:
            return
        days = _read(saved)
        if days is None:
            _log.warning("what was spent on X can't be made sense of: counting begins anew")
        self._days = days or {}
        self._written = dict(self._days)

    def may(self, kind: Kind, count: int = 1) -> str | None:
        """Return None where so many may be done now, else the sentence that says why not."""
        stopped = self.stop(kind, count)
        return None if stopped is None else stopped.why

    def stop(self, kind: Kind, count: int = 1) -> Stop | None:
        """Return what keeps so many from being done now, if anything does."""
        return stop(kind, count, self._days, self._today(), self._budgets)

    def stops(self) -> tuple[Stop, ...]:
        """Return what is stopped now: reading, posts with a link, and all posts, in the order in which they stop."""
        asked = ((Kind.READ_MENTION, 0), (Kind.POST_WITH_LINK, 0), (Kind.REPLY, 1))
        return tuple(found for kind, count in asked if (found := self.stop(kind, count)) is not None)

    def spent_more(self) -> Awaitable[object]:
        """Return what is done as soon as something more is counted from now on; for one waiter."""
        self._more.clear()
        return self._more.wait()

    def room(self, *kinds: Kind) -> int | None:
        """Return how many may be done before it stops, each charged as all of these kinds; None: any number.

        By it a page is as long as there is money for: `room(Kind.READ_MENTION, Kind.READ_USER)`.
        """
        return room(kinds, self._days, self._today(), self._budgets)

    async def reserve(self, kind: Kind, count: int = 1) -> None:
        """Count what is about to be done; on return it is committed.

        Raises RefusedError, with one sentence for people, where a budget doesn't allow it, and UnavailableError where
        it can't be written down; then, or cancelled, nothing is counted.
        """
        if (stopped := self.stop(kind, count)) is not None:
            raise RefusedError(stopped.why)
        if not price(kind, count):
            return
        day = self._reserved[kind] = self._today()
        self._add(day, price(kind, count))
        try:
            await self._save()
        except BaseException as error:
            self._add(day, -price(kind, count))
            if isinstance(error, Exception):
                raise UnavailableError("What this costs can't be written down in the store.") from error
            raise

    async def refund(self, kind: Kind, count: int = 1) -> None:
        """Take back what was reserved and certainly not done, from the day of its reservation.

        Where it can't be written down it is so with what comes next.
        """
        if not price(kind, count):
            return
        self._add(self._reserved.get(kind, self._today()), -price(kind, count))
        await self._save_or_warn()

    async def charge(self, kind: Kind, count: int = 1) -> None:
        """Count what was done, whatever the budgets say, at once, also where the call is cancelled.

        Where it can't be written down it is so with what comes next.
        """
        if not price(kind, count):
            return
        self._add(self._today(), price(kind, count))
        await self._save_or_warn()

    def spending(self) -> Spending:
        """Return what was spent, what may be, and what the month will come to."""
        today, budgets = self._today(), self._budgets
        return Spending(
            today=money(self._days.get(today, 0)),
            month=money(in_month(self._days, today)),
            daily_budget=None if budgets.daily is None else money(budgets.daily),
            monthly_budget=None if budgets.monthly is None else money(budgets.monthly),
            forecast=money(forecast(self._days, today)),
        )

    def _today(self) -> date:
        return self._clock.now().date()

    def _add(self, day: date, amount: int) -> None:
        # Taken out first, so that what was written last is last, and what falls out at the front is what is oldest.
        self._days[day] = max(0, self._days.pop(day, 0) + amount)
        if amount > 0:
            self._more.set()
        while len(self._days) > _KEPT:
            del self._days[next(iter(self._days))]

    async def _save(self) -> None:
        """Write down what is counted now, one after the other, so that nothing older is written over it.

        What another instance for the same account has written meanwhile, as when its login is tried, is counted too.
        """
        async with self._saving:
            saved = await self._keep.load(_NAME)
            for day, spent in (_read(saved) or {}).items() if saved is not None else ():
                if spent > (known := self._written.get(day, 0)):
                    self._add(day, spent - known)
            counted = dict(self._days)
            await self._keep.save(_NAME, _write(counted))
            self._written = counted

    async def _save_or_warn(self) -> None:
        try:
            await self._save()
        except Exception as error:  # noqa: BLE001 - whatever the store raises, what was done is done
            _log.warning("what was spent on X can't be written down yet: %s", error)


def _write(days: dict[date, int]) -> str:
    return json.dumps({"micro_usd": {day.isoformat(): spent for day, spent in days.items()}})


def _read(saved: str) -> dict[date, int] | None:
    """Return the days that were written, or None where that isn't what is there."""
    try:
        days = cast("dict[str, Any]", json.loads(saved)["micro_usd"])
        read = {date.fromisoformat(day): spent for day, spent in days.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return read if all(type(spent) is int and spent >= 0 for spent in read.values()) else None
