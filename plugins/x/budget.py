"""What an account may still spend: pure decisions over what it has spent, and its budgets.

Where money gets short, reading stops first, at 80 % of a budget: hearing late is better than not being heard. Posts
with a link stop at 90 %, since each costs as much as thirteen without, and all that is published at 100 %. Nothing of
these goes beyond a budget.

Deleting is never stopped: what is wrong must be taken back, however little is left. Nor is finding out what may have
arrived: without it a doubt stays, and what is sent again for want of a look costs more than the look. Nor is asking who
the account is, without which it could do neither. They are counted all the same, so that they may go beyond a budget.

Days and months are those of UTC, in which X counts as well. What was spent is kept by day, and a month is the sum of
its days: so a clock that is set, either way, resets nothing and counts nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from plugins.x.prices import Kind, price, said

Days = Mapping[date, int]
"""Micro-dollars by day (UTC)."""

RECENT: Final = 7
"""The days whose mean a forecast goes by."""
_HUNDRED: Final = 100


class Group(StrEnum):
    """What stops together."""

    READING = "reading"
    LINKS = "posts with a link"
    POSTING = "posting"


GROUPS: Final = {
    Kind.POST: Group.POSTING,
    Kind.POST_WITH_LINK: Group.LINKS,
    Kind.REPLY: Group.POSTING,
    Kind.DELETE: None,
    Kind.INTERACT: Group.POSTING,
    Kind.MANAGE: Group.POSTING,
    Kind.SEND_MESSAGE: Group.POSTING,
    Kind.UPLOAD: Group.POSTING,
    Kind.DESCRIBE: Group.POSTING,
    Kind.READ_MENTION: Group.READING,
    Kind.READ_POST: Group.READING,
    Kind.READ_USER: Group.READING,
    Kind.READ_MESSAGE: Group.READING,
    Kind.READ_MEDIA: Group.READING,
    Kind.READ_SELF: None,
    Kind.LOOK: None,
}
"""With what each kind stops; None: never."""

SHARES: Final = {Group.READING: 80, Group.LINKS: 90, Group.POSTING: 100}
"""At which part of a budget each group stops, in hundredths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """What may be spent in a day and in a month, in micro-dollars; None: as much as there is."""

    daily: int | None = None
    monthly: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A group may spend nothing more before `until`.

    `budget` is the setting that stops it (`daily_budget`), `limit` what that says, in micro-dollars, and `why` tells
    people, in one sentence.
    """

    group: Group
    budget: str
    limit: int
    until: date
    why: str

    @property
    def mark(self) -> str:
        """What tells this stop from others, of other groups, budgets, days and months: for telling each once."""
        return f"{self.group}, {self.budget}, {self.limit}, {self.until}"


def lasting(marks: Iterable[str], today: date) -> tuple[str, ...]:
    """Return those marks of stops that aren't over yet."""
    return tuple(mark for mark in marks if mark.rpartition(", ")[2] > today.isoformat())


def in_month(days: Days, today: date) -> int:
    """Return what was spent in the month of a day."""
    return sum(spent for day, spent in days.items() if (day.year, day.month) == (today.year, today.month))


def stop(kind: Kind, count: int, days: Days, today: date, budgets: Budgets) -> Stop | None:
    """Return what keeps so many of a kind from being done, or None where nothing does.

    Where both budgets do, it is the monthly one, which does so for longer.
    """
    group = GROUPS[kind]
    if group is None:
        return None
    costs = price(kind, count)
    tomorrow = today + timedelta(days=1)
    next_month = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    for budget, setting, spent, until in (
        (budgets.monthly, "monthly_budget", in_month(days, today), next_month),
        (budgets.daily, "daily_budget", days.get(today, 0), tomorrow),
    ):
        if budget is None:
            continue
        used_up = spent * _HUNDRED >= budget * SHARES[group]
        if used_up or spent + costs > budget:
            why = _sentence(group, setting, until, spent=spent, budget=budget, costs=None if used_up else costs)
            return Stop(group=group, budget=setting, limit=budget, until=until, why=why)
    return None


def room(kinds: Iterable[Kind], days: Days, today: date, budgets: Budgets) -> int | None:
    """Return how many of something may be done before it stops, each charged as all of some kinds; None: any number.

    It is at least one where the first isn't stopped yet, though that one may then be more than its share.
    """
    charged = tuple(kinds)
    group = GROUPS[charged[0]]
    limits = ((budgets.monthly, in_month(days, today)), (budgets.daily, days.get(today, 0)))
    each = sum(price(kind) for kind in charged)
    left = [
        max(0, budget * SHARES[group] - spent * _HUNDRED) // (each * _HUNDRED)
        for budget, spent in limits
        if group is not None and budget is not None and each
    ]
    if not left:
        return None
    return 0 if stop(charged[0], 1, days, today, budgets) is not None else max(1, min(left))


def _sentence(group: Group, setting: str, until: date, *, spent: int, budget: int, costs: int | None) -> str:
    """Return why a group stops; `costs` is what doesn't fit any more where its share isn't used up yet."""
    period = "daily" if setting == "daily_budget" else "monthly"
    when = f"{until} 00:00 UTC"
    used = f"{said(spent)} of the {period} budget of {said(budget)} are spent"
    why = f"this costs {said(costs)}" if costs is not None else f"{_VERBS[group]} at {SHARES[group]} %"
    mend = "leave the link out, wait, or raise" if group is Group.LINKS else "wait, or raise"
    return f"{_NONE[group]} before {when}: {used}, and {why}; {mend} {setting}."


_NONE: Final = {
    Group.READING: "Nothing more is read",
    Group.LINKS: "No more posts with a link",
    Group.POSTING: "Nothing more is posted",
}
_VERBS: Final = {Group.READING: "reading stops", Group.LINKS: "they stop", Group.POSTING: "all stops"}


def forecast(days: Days, today: date) -> int:
    """Return what the month of a day will come to if it goes on as in the last week, in micro-dollars.

    That is what was spent, and for each day that is left the mean of the last seven days that are over, today being one
    of those that are left as far as less was spent on it. Where no day is over yet since something was spent first,
    today is taken for one as all will be.
    """
    next_month = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    after = (next_month - today).days - 1
    spent_today = days.get(today, 0)
    first = min((day for day in days if day < today), default=None)
    if first is None:
        return in_month(days, today) + spent_today * after
    over = min(RECENT, (today - first).days)
    recent = sum(days.get(today - timedelta(days=back), 0) for back in range(1, over + 1))
    rest = max(0, recent - spent_today * over)
    return in_month(days, today) + (rest + recent * after) // over
