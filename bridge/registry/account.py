"""One account as it is now: what it was made of, whether it is up, and what is known of it while it isn't."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, cast

import structlog

from bridge.commands.accounts import AccountView
from bridge.plugin import Deletes, Edits, Favours, Finds, Listens, Money, Repeats, Shows, Spending, Spends, graphemes
from bridge.registry.keeping import LIMITS, AccountKeep, Memory, read_limits, write_limits
from bridge.store import StoreError

if TYPE_CHECKING:
    from bridge.domain.accounts import Off
    from bridge.plugin import Clock, Limits, Post
    from bridge.registry.building import Recipe
    from bridge.registry.catalog import AnyPlugin
    from bridge.settings import AccountSettings

_CURRENCY: Final = 3  # letters in ISO 4217

_log = structlog.stdlib.get_logger(__name__)


class State(StrEnum):
    """What can be said of an account in one word."""

    DISABLED = "disabled"
    STARTING = "starting"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Status:
    """The word, and for `down` one sentence that says why."""

    state: State
    problem: str | None = None

    def __str__(self) -> str:
        """Return it as a table shows it."""
        return f"{self.state}: {self.problem}" if self.problem else str(self.state)


class Account:
    """One `[accounts.NAME]`; used from one event loop.

    `changed` is set at the next change of `status` or of its switch, and a new event takes its place: who waits takes
    the event first, then looks, then waits. `deaf` and `stuck` are what `AccountView` says of them.
    """

    def __init__(self, name: str, settings: AccountSettings, made: Recipe, *, memory: Memory, clock: Clock) -> None:
        """Take what it is made of; nothing is entered yet."""
        self.name = name
        self.settings = settings
        self.problems = made.problems
        self.secrets = made.secrets
        self.plugin: AnyPlugin | None = None
        self.changed = asyncio.Event()
        self._made = made
        self._memory = memory
        self._clock = clock
        self._learned: Limits | None = None
        self._counter: AnyPlugin | None = None
        self._miscounted = False
        self._mispriced = False
        self._misspent = False
        self.off: Off | None = None
        self.deaf: str | None = None
        self.stuck: str | None = None
        self.status = self.first_status()
        self._since = clock.monotonic()

    @property
    def up(self) -> bool:
        """Whether its plugin is entered."""
        return self.status.state is State.UP

    @property
    def enabled(self) -> bool:
        """Whether neither the configuration nor somebody in the chat disables it."""
        return self.settings.enabled and self.off is None

    @property
    def limits(self) -> Limits | None:
        """The last known limits, with `settle_after` as configured; None where it was never reached."""
        if self._learned is None or self.settings.settle_after is None:
            return self._learned
        return replace(self._learned, settle_after=self.settings.settle_after)

    def make(self) -> AnyPlugin:
        """Return a new instance of the plugin, not entered; raises ValueError where there is none to make."""
        if self._made.plugin is None or self._made.own is None:
            raise ValueError(f"account {self.name} can't be made")
        return self._made.plugin(self._made.own, AccountKeep(self._memory, self.name), self._clock)

    def set_status(self, status: Status) -> None:
        """Change what is said of it, and wake who waits for that."""
        if status == self.status:
            return
        self.status = status
        self._since = self._clock.monotonic()
        self._tell()

    def switch(self, off: Off | None) -> None:
        """Take note of who disables it in the chat, if anybody does, and wake who waits for that."""
        if off != self.off:
            self.off = off
            self._tell()

    def _tell(self) -> None:
        former, self.changed = self.changed, asyncio.Event()
        former.set()

    async def recall(self) -> None:
        """Read the limits that were known last, so that lengths can be counted before it is reached."""
        self._learned = self._learned or read_limits(await self._memory.load(self.name, LIMITS))

    async def learn(self, plugin: AnyPlugin) -> None:
        """Take over an entered plugin's limits, and keep them where they changed.

        Raises AttributeError where the plugin has none.
        """
        limits = plugin.limits
        self._counter = plugin
        if limits == self._learned:
            return
        self._learned = limits
        try:
            await self._memory.save(self.name, LIMITS, write_limits(limits))
        except StoreError as error:
            _log.warning("the account's limits could not be kept", account=self.name, problem=str(error))

    def length(self, text: str) -> int:
        """Count a text as the platform does, also while it can't be reached."""
        try:
            if (plugin := self._asked()) is not None:
                return plugin.length(text)
        except Exception:  # noqa: BLE001 - a plugin's bug is its own
            if not self._miscounted:
                self._miscounted = True
                _log.exception("the plugin can't count a text", account=self.name, plugin=self.settings.plugin)
        return graphemes(text)

    def cost(self, post: Post) -> Money | None:
        """Return what publishing something will cost, also while the platform can't be reached.

        None where it costs nothing, or where the plugin can't tell.
        """
        try:
            cost = None if (plugin := self._asked()) is None else plugin.cost(post)
            return _price(cost)
        except Exception:  # noqa: BLE001 - a plugin's bug is its own
            if not self._mispriced:
                self._mispriced = True
                _log.exception("the plugin can't tell a cost", account=self.name, plugin=self.settings.plugin)
        return None

    def spending(self) -> Spending | None:
        """Return what was spent there; None where the plugin doesn't count it, isn't up, or can't tell."""
        try:
            return _spent(self.plugin.spending()) if self.up and isinstance(self.plugin, Spends) else None
        except Exception:  # noqa: BLE001 - a plugin's bug is its own
            if not self._misspent:
                self._misspent = True
                _log.exception("the plugin can't tell what was spent", account=self.name, plugin=self.settings.plugin)
        return None

    def _asked(self) -> AnyPlugin | None:
        """Return an instance of the plugin that can be asked what needs no connection."""
        if self._counter is None and self._made.own is not None:
            self._counter = self.make()
        return self._counter

    def view(self) -> AccountView:
        """Return what commands and lanes may know of it."""
        plugin = self._made.plugin
        return AccountView(
            name=self.name,
            plugin=self.settings.plugin,
            enabled=self.enabled,
            barred=not self.settings.enabled,
            off=self.off,
            mistake=self.problems[0].text if self.problems else None,
            loaded=self._made.plugin is not None,
            up=self.up,
            problem=None if self.up else self.status.problem,
            starting=self._starting(),
            deaf=self.deaf,
            stuck=self.stuck,
            limits=self.limits,
            length=self.length,
            cost=self.cost,
            spending=self.spending,
            edits=plugin is not None and issubclass(plugin, Edits),
            deletes=plugin is not None and issubclass(plugin, Deletes),
            finds=plugin is not None and issubclass(plugin, Finds),
            listens=plugin is not None and issubclass(plugin, Listens),
            repeats=plugin is not None and issubclass(plugin, Repeats),
            favours=plugin is not None and issubclass(plugin, Favours),
            shows=plugin is not None and issubclass(plugin, Shows),
            signature=self.settings.signature,
        )

    def _starting(self) -> timedelta | None:
        if self.status.state is not State.STARTING:
            return None
        return timedelta(seconds=self._clock.monotonic() - self._since)

    def first_status(self) -> Status:
        """Return what can be said of it before its plugin is entered."""
        if not self.enabled:
            return Status(State.DISABLED)
        if self.problems:
            return Status(State.DOWN, self.problems[0].text)
        return Status(State.STARTING)


def _price(cost: object) -> Money | None:
    """Return a cost that can be said; raises where it is none."""
    if cost is None:
        return None
    price = _sound(cost)
    return price if price.amount else None


def _spent(spending: object) -> Spending:
    """Return a spending that can be said; raises where it is none."""
    if not isinstance(spending, Spending):
        raise TypeError(f"what was spent is a Spending, not {type(spending).__name__}")
    for one in (spending.today, spending.month):
        _sound(one)
    for one in (spending.daily_budget, spending.monthly_budget, spending.forecast):
        if one is not None:
            _sound(one)
    return spending


def _sound(money: object) -> Money:
    """Return money that can be said; raises where it is none."""
    if not isinstance(money, Money):
        raise TypeError(f"an amount of money is Money, not {type(money).__name__}")
    if not money.amount.is_finite() or len(money.currency) != _CURRENCY:
        raise ValueError("an amount of money is a number, and three letters for its currency")
    if not isinstance(cast("object", money.why), str):
        raise TypeError("what explains a price is a text")
    return money
