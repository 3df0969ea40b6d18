"""What is said of money: what something costs, and what an account has spent."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from bridge.domain.wording import clause

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.domain.posts import Money, Spending

_CENT: Final = Decimal("0.01")


def cost(prices: Iterable[Money]) -> str:
    """Return what something costs, all in all, as the end of what is said of it: `, costs 0.02 USD (with a link)`."""
    total: defaultdict[str, Decimal] = defaultdict(Decimal)
    reasons: dict[str, None] = {}
    for one in prices:
        total[one.currency] += one.amount
        if one.why:
            reasons[clause(one.why)] = None
    said = " and ".join(_said(amount, currency) for currency, amount in total.items())
    why = f" ({'; '.join(reasons)})" if reasons else ""
    return f", costs {said}{why}" if said else ""


def spending(found: Spending) -> str:
    """Return what was spent, what is left of budgets, and what the month will come to."""
    today = f"spent {_period(found.today, 'today', found.daily_budget)}"
    month = _period(found.month, "this month", found.monthly_budget)
    if found.forecast is None:
        return f"{today}; {month}"
    return f"{today}; {month}; about {_said(_rounded(found.forecast.amount), found.forecast.currency)} by its end"


def _period(spent: Money, when: str, budget: Money | None) -> str:
    said = f"{_said(spent.amount, spent.currency)} {when}"
    if budget is None:
        return said
    left = max(Decimal(0), budget.amount - spent.amount)
    return f"{said} ({_said(left, budget.currency)} left of {_said(budget.amount, budget.currency)})"


def _rounded(amount: Decimal) -> Decimal:
    """Round to cents what can't be known to less; what is less than one stays as it is."""
    return amount if amount < _CENT else amount.quantize(_CENT)


def _said(amount: Decimal, currency: str) -> str:
    return f"{amount.normalize():f} {clause(currency)}"
