from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from bridge.domain.clock import SystemClock
from bridge.plugin import Limits, Money, PluginError, Post, Spending, Spends, UnauthorizedError, UnavailableError
from bridge.registry import (
    Account,
    Catalog,
    EnterError,
    PassingMemory,
    Registry,
    State,
    Status,
    StoreMemory,
    entered,
    run_account,
)
from bridge.registry.keeping import LIMITS, read_limits, write_limits
from bridge.registry.running import pause
from bridge.settings import Settings
from bridge.store import NotCommitted, Store
from bridge.testing.clock import FakeClock

Configure = Callable[[str], Settings]

GOOD = '[accounts.one]\nplugin = "fake"\ntoken = "secret-token-1"\n'
LEARNED = Limits(text=500, key_lifetime=timedelta(hours=1), media_types=frozenset({"image/png"}))

CENT = Money(amount=Decimal("0.01"), currency="USD")


class Spender(Spends):
    """What of a plugin is asked for what it spent."""

    def __init__(self, says: object) -> None:
        self.says = says
        self.asked = 0

    def spending(self) -> Spending:
        self.asked += 1
        if isinstance(self.says, Exception):
            raise self.says
        return cast("Spending", self.says)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def memory() -> PassingMemory:
    return PassingMemory()


@pytest.fixture
def registry(configure: Configure, catalog: Catalog, clock: FakeClock, memory: PassingMemory) -> Registry:
    settings = configure(GOOD)
    return Registry(settings, Registry.recipes(settings, catalog), clock=clock, memory=memory)


@pytest.fixture
def account(registry: Registry) -> Account:
    return registry["one"]


@asynccontextmanager
async def running(account: Account, clock: FakeClock, jitter: float = 1.0) -> AsyncGenerator[asyncio.Task[None]]:
    task = asyncio.create_task(run_account(account, clock, jitter=lambda: jitter))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(account: Account, state: State) -> None:
    while True:
        changed = account.changed
        if account.status.state is state:
            return
        await changed.wait()


async def test_up_then_left(account: Account, clock: FakeClock, plugin: Any, memory: PassingMemory) -> None:
    assert account.status.state is State.STARTING
    assert account.view().problem is None
    async with running(account, clock):
        await until(account, State.UP)
        assert account.plugin is plugin.made[-1]
        view = account.view()
        assert (view.up, view.problem, view.limits, view.deletes, view.finds) == (True, None, LEARNED, True, False)
        assert view.length("abc") == 6
        assert plugin.left == 0
    assert (plugin.entered, plugin.left) == (1, 1)
    assert account.plugin is None
    assert (account.up, str(account.status)) == (False, "down: it is being left")
    assert read_limits(await memory.load("one", LIMITS)) == LEARNED
    assert clock.sleepers == 0


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (UnauthorizedError("the token is not valid"), "the token is not valid"),
        (UnauthorizedError(), "the platform refuses the login; check the account's token"),
        (UnavailableError("nobody\nanswers"), "nobody answers"),
        (PluginError("no"), "no"),
        (ValueError("secret-token-1 is wrong"), 'plugin "fake" failed: ValueError: [hidden] is wrong'),
        (KeyError(), 'plugin "fake" failed: KeyError'),
        (SystemExit(3), 'plugin "fake" failed: SystemExit: 3'),
        (asyncio.CancelledError(), 'plugin "fake" gave up by itself'),
    ],
)
async def test_it_is_tried_again_with_a_new_instance(
    account: Account, clock: FakeClock, plugin: Any, error: BaseException, problem: str
) -> None:
    def fail(_self: object) -> None:
        raise error

    plugin.enter = fail
    async with running(account, clock):
        for attempt, wait in enumerate((5.0, 10.0, 20.0, 40.0, 60.0, 60.0), start=1):
            await clock.wait_for_wait(wait)
            assert account.status.state is State.DOWN
            assert account.view().problem == problem
            assert len(plugin.made) == attempt
            await clock.advance(wait - 0.5)
            assert len(plugin.made) == attempt
            await clock.advance(0.5)
        plugin.enter = None
        await clock.wait_for_wait(60.0)
        await clock.advance(60.0)
        await until(account, State.UP)
    assert (plugin.entered, plugin.left) == (1, 1)


async def test_what_the_platform_asks_for_is_honoured(account: Account, clock: FakeClock, plugin: Any) -> None:
    def fail(_self: object) -> None:
        raise UnavailableError("busy", retry_after=timedelta(minutes=3))

    plugin.enter = fail
    async with running(account, clock):
        await clock.wait_for_wait(180.0)
        assert len(plugin.made) == 1


async def test_a_platform_that_hangs_is_given_up_after_the_deadline(
    account: Account, clock: FakeClock, plugin: Any
) -> None:
    ended = asyncio.Event()

    async def hang(_self: object) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    plugin.enter = hang
    async with running(account, clock):
        await clock.wait_for_wait(30.0)
        assert account.status.state is State.STARTING
        await clock.advance(30.0)
        await until(account, State.DOWN)
        assert account.status.problem == "no answer within 30 s"
        assert ended.is_set()


async def test_a_plugin_without_limits_is_a_bug_and_left(account: Account, clock: FakeClock, plugin: Any) -> None:
    async def forget(self: Any) -> Any:
        return self

    plugin.__aenter__ = forget
    async with running(account, clock):
        await until(account, State.DOWN)
        assert account.status.problem is not None
        assert account.status.problem.startswith('plugin "fake" failed: AttributeError')
        assert plugin.left == 1


async def test_a_plugin_that_does_not_let_go_is_abandoned(account: Account, clock: FakeClock, plugin: Any) -> None:
    async def hang(_self: object) -> None:
        await asyncio.Event().wait()

    plugin.leave = hang
    async with running(account, clock) as task:
        await until(account, State.UP)
        task.cancel()
        await clock.wait_for_wait(1.5)
        await clock.advance(1.5)
        with pytest.raises(asyncio.CancelledError):
            await task
    assert plugin.left == 1


async def test_a_plugin_that_fails_while_it_is_left_hurts_nobody(
    account: Account, clock: FakeClock, plugin: Any
) -> None:
    def fail(_self: object) -> None:
        raise RuntimeError("no")

    plugin.leave = fail
    async with running(account, clock) as task:
        await until(account, State.UP)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_limits_that_can_not_be_kept_keep_nobody_down(
    account: Account, clock: FakeClock, memory: PassingMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_args: object) -> None:
        raise NotCommitted("the disk is full")

    monkeypatch.setattr(memory, "save", refuse)
    async with running(account, clock):
        await until(account, State.UP)
        assert account.limits == LEARNED


async def test_the_last_known_limits_count_while_it_is_down(
    configure: Configure, catalog: Catalog, clock: FakeClock, memory: PassingMemory, plugin: Any
) -> None:
    settings = configure(GOOD + 'settle_after = "5s"\n')
    kept = Limits(
        text=280, media=4, media_bytes=9, media_types=frozenset({"b", "a"}), settle_after=timedelta(seconds=9)
    )
    await memory.save("one", LIMITS, write_limits(kept))
    registry = Registry(settings, Registry.recipes(settings, catalog), clock=clock, memory=memory)
    view = registry.view("one")
    assert view is not None
    assert view.limits is None
    await registry.recall()
    view = registry.view("one")
    assert view is not None
    assert view.limits is not None
    assert (view.limits.text, view.limits.media_types) == (280, frozenset({"a", "b"}))
    assert view.limits.settle_after == timedelta(seconds=5)
    assert view.length("abc") == 6
    assert plugin.entered == 0


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"text": "x"}', "nonsense"])
def test_limits_of_another_version_are_forgotten(text: str | None) -> None:
    assert read_limits(text) is None


def test_a_plugin_that_can_not_count_counts_graphemes(account: Account, plugin: Any) -> None:
    def fail(_self: object, _text: str) -> int:
        raise RuntimeError

    plugin.length = fail
    assert [account.length(text) for text in ("e\u0301", "👩‍👩‍👧", "ab")] == [1, 1, 2]


@pytest.mark.parametrize(
    "wrong",
    [
        RuntimeError(),
        "0.02 USD",
        Money(amount=Decimal("NaN"), currency="USD"),
        Money(amount=Decimal(1), currency="a whole euro"),
        Money(amount=cast("Decimal", 0.02), currency="USD"),
    ],
)
def test_a_plugin_that_can_not_tell_a_cost_costs_nothing(account: Account, plugin: Any, wrong: object) -> None:
    def fail(_self: object, _post: Post) -> object:
        if isinstance(wrong, Exception):
            raise wrong
        return wrong

    plugin.cost = fail
    assert account.view().cost(Post(text="hello")) is None


def test_what_a_plugin_says_of_its_price_is_passed_on(account: Account, plugin: Any) -> None:
    price = Money(amount=Decimal("0.02"), currency="USD")
    plugin.cost = lambda _self, post: price if post.text == "hello" else None
    assert [account.view().cost(Post(text=text)) for text in ("hello", "bye")] == [price, None]


@pytest.mark.parametrize(
    "wrong",
    [
        RuntimeError(),
        "0.02 USD",
        Spending(today=cast("Money", 1), month=CENT),
        Spending(today=CENT, month=Money(amount=Decimal("NaN"), currency="USD")),
        Spending(today=CENT, month=CENT, daily_budget=Money(amount=Decimal(1), currency="a whole euro")),
        Spending(today=CENT, month=CENT, monthly_budget=cast("Money", "1 USD")),
        Spending(today=CENT, month=CENT, forecast=Money(amount=cast("Decimal", 0.02), currency="USD")),
        Spending(today=CENT, month=Money(amount=Decimal(1), currency="USD", why=cast("str", 1))),
    ],
)
def test_of_a_plugin_that_can_not_tell_what_it_spent_nothing_is_told(account: Account, wrong: object) -> None:
    plugin = Spender(wrong)
    account.plugin = cast("Any", plugin)
    account.set_status(Status(State.UP))
    assert account.view().spending() is None
    assert plugin.asked == 1


def test_what_was_spent_is_passed_on_while_the_account_is_up(account: Account) -> None:
    spent = Spending(today=CENT, month=CENT, daily_budget=CENT, monthly_budget=CENT, forecast=CENT)
    account.plugin = cast("Any", Spender(spent))
    assert account.view().spending() is None
    account.set_status(Status(State.UP))
    assert account.view().spending() == spent


def test_a_plugin_without_the_ability_spends_nothing(account: Account, plugin: Any) -> None:
    account.plugin = plugin(None, None, None)
    assert account.plugin is not None
    account.set_status(Status(State.UP))
    assert account.view().spending() is None


async def test_who_waits_for_a_change_misses_none(account: Account) -> None:
    first, second = account.changed, account.changed
    assert first is second
    account.set_status(Status(State.UP))
    assert first.is_set()
    assert not account.changed.is_set()
    account.set_status(Status(State.UP))
    assert not account.changed.is_set()


async def test_an_account_that_can_not_be_made_ends_at_once(
    configure: Configure, catalog: Catalog, clock: FakeClock
) -> None:
    settings = configure('[accounts.one]\nplugin = "gone"\n')
    account = Registry(settings, Registry.recipes(settings, catalog), clock=clock)["one"]
    await run_account(account, clock)
    with pytest.raises(ValueError, match="can't be made"):
        account.make()


async def test_a_look_at_an_account(account: Account, clock: FakeClock, plugin: Any) -> None:
    async with entered(account, clock) as found:
        assert found is plugin.made[-1]

    def fail(_self: object) -> None:
        raise UnauthorizedError("wrong token")

    plugin.enter = fail
    with pytest.raises(EnterError, match="wrong token"):
        async with entered(account, clock):
            pytest.fail("it was entered")


@pytest.mark.parametrize(("failures", "most"), [(1, 5.0), (2, 10.0), (4, 40.0), (5, 60.0), (1000, 60.0)])
def test_pauses(failures: int, most: float) -> None:
    assert pause(failures, 1.0) == most
    assert pause(failures, 0.5) == most / 2
    assert pause(failures, 0.0) == 0.0


async def test_a_plugins_memory_is_its_own_and_lasts(
    tmp_path: Path, configure: Configure, catalog: Catalog, clock: FakeClock, plugin: Any
) -> None:
    settings = configure(GOOD + GOOD.replace("one", "two"))
    async with Store.open(f"sqlite:///{tmp_path}/s.db", clock=SystemClock()) as store:
        registry = Registry(settings, Registry.recipes(settings, catalog), clock=clock, memory=StoreMemory(store))
        one, two = registry["one"].make(), registry["two"].make()
        await one.keep.save("token", "first")
        await one.keep.save("token", "second")
        assert await one.keep.load("token") == "second"
        assert await two.keep.load("token") is None
        with pytest.raises(ValueError, match="belong to the core"):
            await one.keep.save(LIMITS, "x")
        with pytest.raises(ValueError, match="belong to the core"):
            await one.keep.load(LIMITS)
        async with running(registry["one"], clock):
            await until(registry["one"], State.UP)
    async with Store.open(f"sqlite:///{tmp_path}/s.db", clock=SystemClock()) as store:
        again = Registry(settings, Registry.recipes(settings, catalog), clock=clock, memory=StoreMemory(store))
        await again.recall()
        assert again["one"].limits == LEARNED
        assert again["two"].limits is None
        assert await again["one"].make().keep.load("token") == "second"
