"""What was spent is kept: over restarts, midnights, clocks that are set, kills, and stores that fail."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bridge.plugin import Money, RefusedError, UnavailableError
from bridge.testing import FakeClock, MemoryKeep
from plugins.x.ledger import Ledger
from plugins.x.prices import Kind

HOUR = 3_600
DAY = 24 * HOUR


class Shaky(MemoryKeep):
    """A memory that fails, or hangs, when it is told to, and counts how often it is written."""

    def __init__(self) -> None:
        super().__init__()
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.reached = asyncio.Event()
        self.writes: list[str] = []

    async def load(self, name: str) -> str | None:
        if self.error is not None:
            raise self.error
        return await super().load(name)

    async def save(self, name: str, value: str) -> None:
        self.reached.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.writes.append(value)
        await super().save(name, value)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime(2026, 1, 15, 12, tzinfo=UTC))


@pytest.fixture
def keep() -> Shaky:
    return Shaky()


async def opened(
    keep: MemoryKeep, clock: FakeClock, *, daily: Decimal | None = None, monthly: Decimal | None = None
) -> Ledger:
    ledger = Ledger(keep, clock, daily=daily, monthly=monthly)
    await ledger.load()
    return ledger


def spent(ledger: Ledger) -> tuple[Decimal, Decimal]:
    spending = ledger.spending()
    return spending.today.amount, spending.month.amount


async def test_what_is_reserved_and_charged_is_added_up(keep: Shaky, clock: FakeClock) -> None:
    ledger = await opened(keep, clock, daily=Decimal(1), monthly=Decimal("9.5"))
    await ledger.reserve(Kind.POST)
    await ledger.charge(Kind.READ_MENTION, 25)
    spending = ledger.spending()
    assert spending.today == spending.month == Money(amount=Decimal("0.04"), currency="USD")
    assert spending.daily_budget == Money(amount=Decimal(1), currency="USD")
    assert spending.monthly_budget == Money(amount=Decimal("9.5"), currency="USD")
    assert spending.forecast == Money(amount=Decimal("0.04") * 17, currency="USD")


async def test_without_budgets_there_is_none_to_tell(keep: Shaky, clock: FakeClock) -> None:
    spending = (await opened(keep, clock)).spending()
    assert (spending.daily_budget, spending.monthly_budget) == (None, None)


async def test_a_reservation_is_committed_before_it_returns_and_by_one_write(keep: Shaky, clock: FakeClock) -> None:
    ledger = await opened(keep, clock)
    keep.gate = asyncio.Event()
    reserving = asyncio.ensure_future(ledger.reserve(Kind.POST_WITH_LINK))
    await keep.reached.wait()
    assert not reserving.done()
    keep.gate.set()
    await reserving
    assert len(keep.writes) == 1
    assert spent(await opened(keep, clock)) == (Decimal("0.2"), Decimal("0.2"))


async def test_what_costs_nothing_is_not_written(keep: Shaky, clock: FakeClock) -> None:
    ledger = await opened(keep, clock)
    await ledger.reserve(Kind.UPLOAD)
    await ledger.refund(Kind.UPLOAD)
    await ledger.charge(Kind.READ_POST, 0)
    assert keep.writes == []


async def test_what_may_not_be_spent_is_refused_and_not_counted(keep: Shaky, clock: FakeClock) -> None:
    ledger = await opened(keep, clock, daily=Decimal("0.02"))
    await ledger.reserve(Kind.POST)
    why = ledger.may(Kind.POST)
    assert why is not None
    with pytest.raises(RefusedError) as refused:
        await ledger.reserve(Kind.POST)
    assert str(refused.value) == why
    assert len(keep.writes) == 1
    assert spent(ledger)[0] == Decimal("0.015")
    await ledger.reserve(Kind.DELETE)  # beyond the budget, and counted
    assert spent(ledger)[0] == Decimal("0.025")


async def test_what_was_read_is_charged_whatever_the_budget_says(keep: Shaky, clock: FakeClock) -> None:
    ledger = await opened(keep, clock, daily=Decimal("0.02"))
    await ledger.charge(Kind.READ_USER, 100)
    assert spent(ledger)[0] == 1
    assert ledger.stop(Kind.READ_USER) is not None
    assert ledger.room(Kind.READ_USER) == 0


async def test_what_did_not_happen_is_given_back(keep: Shaky, clock: FakeClock) -> None:
    ledger = await opened(keep, clock)
    await ledger.reserve(Kind.POST, 2)
    await ledger.refund(Kind.POST)
    assert spent(ledger)[0] == spent(await opened(keep, clock))[0] == Decimal("0.015")


async def test_given_back_is_what_the_day_of_the_reservation_had(keep: Shaky, clock: FakeClock) -> None:
    clock = FakeClock(datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC))
    ledger = await opened(keep, clock)
    await ledger.reserve(Kind.POST)
    await clock.advance(2)
    await ledger.charge(Kind.LOOK, 5)
    await ledger.refund(Kind.POST)
    assert spent(ledger) == (Decimal("0.005"), Decimal("0.005"))
    clock.jump(-2)
    assert spent(ledger) == (0, 0)


async def test_nothing_is_ever_negative(keep: Shaky, clock: FakeClock) -> None:
    ledger = await opened(keep, clock)
    await ledger.refund(Kind.POST_WITH_LINK, 3)
    assert spent(ledger) == (0, 0)


async def test_days_end_at_midnight_and_months_with_their_last_day(keep: Shaky) -> None:
    clock = FakeClock(datetime(2026, 1, 30, 23, 59, 59, tzinfo=UTC))
    ledger = await opened(keep, clock, daily=Decimal("0.02"))
    await ledger.reserve(Kind.POST)
    assert ledger.may(Kind.POST) is not None
    await clock.advance(1)
    assert ledger.may(Kind.POST) is None
    assert spent(ledger) == (0, Decimal("0.015"))
    await ledger.reserve(Kind.POST)
    await clock.advance(DAY)
    assert spent(ledger) == spent(await opened(keep, clock)) == (0, 0)


async def test_a_clock_that_is_set_back_and_forth_resets_nothing(keep: Shaky) -> None:
    clock = FakeClock(datetime(2026, 2, 1, 0, 30, tzinfo=UTC))
    ledger = await opened(keep, clock)
    await ledger.reserve(Kind.POST)
    clock.jump(-HOUR)  # the month before
    assert spent(ledger) == (0, 0)
    await ledger.reserve(Kind.DELETE)
    clock.jump(HOUR)
    assert spent(ledger) == (Decimal("0.015"), Decimal("0.015"))
    clock.jump(4_000 * DAY)
    await ledger.reserve(Kind.POST)
    clock.jump(-4_000 * DAY)
    assert spent(ledger) == spent(await opened(keep, clock)) == (Decimal("0.015"), Decimal("0.015"))


async def test_no_more_is_kept_than_two_months_need(keep: Shaky, clock: FakeClock) -> None:
    ledger = await opened(keep, clock)
    for _ in range(400):
        await ledger.charge(Kind.READ_MENTION)
        clock.jump(DAY)
    clock.jump(-DAY)
    day = clock.now().day
    assert spent(ledger) == (Decimal("0.001"), Decimal("0.001") * day)
    assert len(json.loads(keep.writes[-1])["micro_usd"]) == 64


@pytest.mark.parametrize(
    "saved",
    [
        "",
        "no json",
        "[]",
        "null",
        "7",
        "{}",
        '{"micro_usd": 7}',
        '{"micro_usd": {"a day": 7}}',
        '{"micro_usd": {"2026-01-15": -7}}',
        '{"micro_usd": {"2026-01-15": 0.5}}',
        '{"micro_usd": {"2026-01-15": true}}',
        '{"micro_usd": {"2026-01-15": "7"}}',
        '{"micro_usd": {"2026-01-15": ' + "9" * 5_000 + "}}",
        "[" * 100_000,
    ],
)
async def test_what_makes_no_sense_counts_as_nothing_with_a_warning(
    keep: Shaky, clock: FakeClock, caplog: pytest.LogCaptureFixture, saved: str
) -> None:
    keep.saved["spending"] = saved
    ledger = await opened(keep, clock, daily=Decimal(1))
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert spent(ledger) == (0, 0)
    await ledger.reserve(Kind.POST)
    assert spent(await opened(keep, clock)) == (Decimal("0.015"), Decimal("0.015"))


async def test_a_store_that_can_not_be_read_is_no_reason_to_begin_anew(keep: Shaky, clock: FakeClock) -> None:
    keep.error = OSError("disk full")
    with pytest.raises(UnavailableError):
        await opened(keep, clock)


async def test_what_can_not_be_written_down_is_not_done(keep: Shaky, clock: FakeClock) -> None:
    ledger = await opened(keep, clock)
    keep.error = OSError("disk full")
    with pytest.raises(UnavailableError):
        await ledger.reserve(Kind.POST)
    assert spent(ledger) == (0, 0)


async def test_what_was_done_is_counted_though_it_can_not_be_written_down_yet(
    keep: Shaky, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = await opened(keep, clock)
    await ledger.reserve(Kind.POST_WITH_LINK)
    keep.error = OSError("disk full")
    await ledger.charge(Kind.READ_MENTION, 3)
    await ledger.refund(Kind.POST_WITH_LINK)
    assert len(caplog.records) == 2
    assert spent(ledger)[0] == Decimal("0.003")
    keep.error = None
    await ledger.reserve(Kind.DELETE)
    assert spent(await opened(keep, clock))[0] == Decimal("0.013")


async def test_a_reservation_that_is_cancelled_is_none(keep: Shaky, clock: FakeClock) -> None:
    ledger = await opened(keep, clock)
    keep.gate = asyncio.Event()
    reserving = asyncio.ensure_future(ledger.reserve(Kind.POST))
    await keep.reached.wait()
    reserving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reserving
    assert spent(ledger) == (0, 0)


async def test_a_charge_that_is_cancelled_is_one(keep: Shaky, clock: FakeClock) -> None:
    ledger = await opened(keep, clock)
    keep.gate = asyncio.Event()
    charging = asyncio.ensure_future(ledger.charge(Kind.READ_MENTION))
    await keep.reached.wait()
    charging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await charging
    assert spent(ledger)[0] == Decimal("0.001")


async def test_those_who_spend_at_once_go_one_after_the_other_and_none_is_lost(keep: Shaky, clock: FakeClock) -> None:
    ledger = await opened(keep, clock, daily=Decimal("0.1"))
    keep.gate = asyncio.Event()
    posts = [asyncio.ensure_future(ledger.reserve(Kind.POST)) for _ in range(10)]
    reads = [asyncio.ensure_future(ledger.charge(Kind.READ_MENTION)) for _ in range(10)]
    await keep.reached.wait()
    keep.gate.set()
    results = await asyncio.gather(*posts, return_exceptions=True)
    await asyncio.gather(*reads)
    assert [type(one) for one in results] == [type(None)] * 6 + [RefusedError] * 4
    assert spent(ledger) == spent(await opened(keep, clock)) == (Decimal("0.1"), Decimal("0.1"))
    written = [sum(json.loads(one)["micro_usd"].values()) for one in keep.writes]
    assert written == sorted(written)


async def test_two_that_count_for_one_account_lose_nothing_of_each_other(keep: Shaky, clock: FakeClock) -> None:
    one = await opened(keep, clock)
    await one.reserve(Kind.POST)
    two = await opened(keep, clock)
    await one.reserve(Kind.POST_WITH_LINK)
    await two.charge(Kind.READ_SELF)
    await clock.advance(DAY)
    await two.charge(Kind.LOOK)
    await one.refund(Kind.POST_WITH_LINK)
    await one.charge(Kind.READ_MENTION)
    assert spent(one) == spent(await opened(keep, clock)) == (Decimal("0.002"), Decimal("0.027"))


async def test_one_that_fails_takes_only_its_own_back(keep: Shaky, clock: FakeClock) -> None:
    ledger = await opened(keep, clock)
    keep.gate = asyncio.Event()
    first = asyncio.ensure_future(ledger.reserve(Kind.POST_WITH_LINK))
    await keep.reached.wait()
    second = asyncio.ensure_future(ledger.reserve(Kind.POST))
    await asyncio.sleep(0)
    first.cancel()
    keep.gate.set()
    await asyncio.gather(first, second, return_exceptions=True)
    assert spent(ledger)[0] == spent(await opened(keep, clock))[0] == Decimal("0.015")
