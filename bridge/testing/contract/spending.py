"""What is spent there is counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bridge.plugin import Money, Spending, Spends
from bridge.testing.clock import FakeClock
from bridge.testing.contract.kit import Contract, key, needs, post


@needs(Spends)
class Counting(Contract):
    """What `spending` promises."""

    async def test_what_was_spent_is_an_amount_of_money(self, plugin: Any) -> None:
        """All of one currency, nothing negative, and of a month no less than of its last day."""
        found: Spending = plugin.spending()
        assert type(found) is Spending
        told = (found.today, found.month, found.daily_budget, found.monthly_budget, found.forecast)
        amounts = [one for one in told if one is not None]
        assert all(type(one) is Money and one.amount.is_finite() and one.amount >= 0 for one in amounts)
        assert {one.currency for one in amounts} == {found.today.currency}
        assert found.month.amount >= found.today.amount

    async def test_what_a_post_costs_is_spent(self, plugin: Any, make: Callable[[], Any], clock: FakeClock) -> None:
        """As `cost` said beforehand, and another instance, as after a restart, knows of it."""
        before = plugin.spending()
        cost = plugin.cost(post("hello"))
        await self.soon(plugin.post(post("hello"), key(clock)))
        spent = plugin.spending()
        least = before.month.amount + (cost.amount if cost else 0)
        assert spent.month.amount >= least
        async with make() as another:
            assert another.spending().month.amount >= least
