"""A month of a busy account: what it costs, and, where there are budgets, what stops when."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bridge.plugin import RefusedError
from bridge.testing import FakeClock, MemoryKeep
from plugins.x.budget import Group
from plugins.x.ledger import Ledger
from plugins.x.prices import Kind, dollars, price

START = datetime(2026, 6, 1, tzinfo=UTC)
DAYS = 30
POSTS = 300
LINKS = 40
MENTIONS = 2_000
AUTHORS = 700


@dataclass
class Month:
    """One account, looked after for thirty days: it posts, and looks for mentions sooner where something happens."""

    daily: Decimal | None = None
    monthly: Decimal | None = None
    done: Counter[Kind] = field(default_factory=Counter[Kind])
    refused: Counter[Kind] = field(default_factory=Counter[Kind])
    stops: dict[str, tuple[Group, str, datetime]] = field(default_factory=dict[str, tuple[Group, str, datetime]])
    looks: int = 0

    async def live(self) -> None:
        self.clock = FakeClock(START)
        self.ledger = Ledger(MemoryKeep(), self.clock, daily=self.daily, monthly=self.monthly)
        dice = random.Random(7)
        minutes = range(DAYS * 24 * 60)
        links = set(dice.sample(range(POSTS), LINKS))
        posts = dict(zip(sorted(dice.sample(minutes, POSTS)), range(POSTS), strict=True))
        mentions = dict(zip(dice.sample(minutes, MENTIONS), range(MENTIONS), strict=True))
        unheard: list[int] = []
        known: set[int] = set()
        stirred = looked = -(10**6)
        for minute in minutes:
            if minute in posts:
                stirred = minute
                await self.post(Kind.POST_WITH_LINK if posts[minute] in links else Kind.POST)
            if minute in mentions:
                unheard.append(mentions[minute] % AUTHORS)
            if minute - looked >= (1 if minute - stirred < 30 else 5) and self.may_read():
                looked, self.looks = minute, self.looks + 1
                stirred = minute if unheard else stirred
                page = unheard[: self.ledger.room(Kind.READ_MENTION, Kind.READ_USER)]
                await self.read(Kind.READ_MENTION, len(page))
                await self.read(Kind.READ_USER, len(set(page) - known))
                known |= set(page)
                del unheard[: len(page)]
            self.clock.jump(60)

    def may_read(self) -> bool:
        self.note(Kind.READ_MENTION)
        return self.ledger.may(Kind.READ_MENTION) is None

    async def post(self, kind: Kind) -> None:
        try:
            await self.ledger.reserve(kind)
        except RefusedError:
            self.refused[kind] += 1
            self.note(kind)
        else:
            self.done[kind] += 1

    async def read(self, kind: Kind, count: int) -> None:
        await self.ledger.charge(kind, count)
        self.done[kind] += count

    def note(self, kind: Kind) -> None:
        """Tell of a stop, once."""
        if (stop := self.ledger.stop(kind)) is not None:
            self.stops.setdefault(stop.mark, (stop.group, stop.budget, self.clock.now()))

    @property
    def bill(self) -> dict[Kind, Decimal]:
        return {kind: dollars(price(kind, count)) for kind, count in self.done.items() if count}

    def first(self, group: Group, budget: str) -> timedelta:
        """Return how long after the month began a group was stopped by a budget."""
        return min(at for what, by, at in self.stops.values() if (what, by) == (group, budget)) - START


async def test_a_month_without_budgets() -> None:
    month = Month()
    await month.live()
    print(f"{month.looks} looks; {month.bill}; {sum(month.bill.values())} USD in all")
    assert month.bill == {
        Kind.POST: Decimal("3.9"),
        Kind.POST_WITH_LINK: Decimal(8),
        Kind.READ_MENTION: Decimal(2),
        Kind.READ_USER: Decimal(7),
    }
    month.clock.jump(-60)
    assert month.ledger.spending().month.amount == sum(month.bill.values()) == Decimal("20.9")
    assert month.looks < DAYS * 24 * 60
    assert month.stops == {}


async def test_where_money_gets_short_reading_stops_first_then_links_then_all() -> None:
    month = Month(monthly=Decimal(8))
    await month.live()
    stopped = [month.first(group, "monthly_budget") for group in Group]
    print([f"{group} after {after}" for group, after in zip(Group, stopped, strict=True)], month.bill, month.refused)
    assert list(Group) == [Group.READING, Group.LINKS, Group.POSTING]
    assert stopped == sorted(stopped)
    assert stopped[0] < stopped[1] < stopped[2]
    assert len(month.stops) == 3
    assert Decimal("7.98") < sum(month.bill.values()) <= 8


async def test_a_day_that_is_too_dear_is_over_at_midnight() -> None:
    month = Month(daily=Decimal("0.9"), monthly=Decimal(25))
    await month.live()
    days = Counter(at.date() for group, _, at in month.stops.values() if group is Group.READING)
    print(f"{len(month.stops)} notices, reading stopped on {len(days)} days", month.bill, month.refused)
    assert 0 < len(days) < DAYS
    assert set(days.values()) == {1}  # told once a day, however often it looked
    assert {budget for _, budget, _ in month.stops.values()} == {"daily_budget"}
    assert month.refused[Kind.POST] < (POSTS - LINKS) * 0.05
    assert LINKS * 0.2 < month.refused[Kind.POST_WITH_LINK] < LINKS * 0.5
    assert sum(month.bill.values()) <= DAYS * Decimal("0.9")
