"""What one post may cost, counted: statements, commits, wake-ups, memory, threads and open files.

A figure that grows here is looked at before it is written down anew.
"""

from __future__ import annotations

import gc
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from bridge.settings import LimitSettings, Settings
from bridge.store import Tx
from bridge.testing import Fate
from tests.flow.conftest import Build, House

MARK = "UPDATE control SET actor"
"""The last statement of every transaction that has written anything: so many fsyncs."""


@dataclass
class Ledger:
    """The statements of a house's writer, by whose unit they were of: `Desk`, `Lane`, `PretendChat`, ..."""

    house: House
    statements: Counter[str] = field(default_factory=Counter[str])
    units: Counter[str] = field(default_factory=Counter[str])
    fsyncs: int = 0
    _running: str = ""

    def __post_init__(self) -> None:
        connection = self.house.store._writer._connection
        assert connection is not None
        event.listen(connection.engine, "before_cursor_execute", self._count)
        self._write = self.house.store.write
        self.house.store.write = self._named  # type: ignore[method-assign]

    def clear(self) -> None:
        self.statements.clear()
        self.units.clear()
        self.fsyncs = 0

    def _count(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(MARK):
            self.fsyncs += 1
        elif not statement.startswith("BEGIN"):
            self.statements[self._running] += 1

    async def _named(self, unit: Callable[[Tx], Any], *, bulk: bool = False) -> Any:
        name = unit.__qualname__.partition(".")[0]

        def named(tx: Tx) -> Any:
            self._running = name
            self.units[name] += 1
            return unit(tx)

        return await self._write(named, bulk=bulk)


async def warm(build: Build, *accounts: str) -> tuple[House, Ledger]:
    """Return a house on which everything has happened once, and an empty ledger."""
    house = await build(*accounts)
    await house.say("!post first")
    await house.pass_time(60)
    return house, Ledger(house)


async def test_a_post_on_an_idle_lane(build: Build) -> None:
    house, ledger = await warm(build)
    await house.say("!post hello")
    assert house.platforms["mastodon"].visible == ["first", "hello"]
    assert ledger.units == {"Desk": 1, "Lane": 1, "PretendChat": 2}
    assert ledger.statements["Desk"] == 11
    assert ledger.statements["Lane"] == 11
    del ledger.statements["Desk"], ledger.statements["Lane"]
    assert set(ledger.statements) == {"PretendChat"}
    # The stanza's, the outcome's, and one for each of the two states of its receipt, of which one may be shared.
    assert ledger.fsyncs in {3, 4}


async def test_further_accounts_cost_no_further_statements(build: Build) -> None:
    names = [f"account{number}" for number in range(16)]
    house, ledger = await warm(build, *names)
    await house.say("!post hello")
    assert [house.platforms[name].visible for name in names] == [["first", "hello"]] * 16
    assert ledger.statements["Desk"] == 11
    assert ledger.units["Desk"] == 1
    assert ledger.units["Lane"] == 16


async def test_a_burst_costs_one_commit_of_the_lane_for_each_post(build: Build) -> None:
    house, ledger = await warm(build)
    platform = house.platforms["mastodon"]
    platform.will("post", Fate(hangs="before"))
    for number in range(50):
        await house.chat.desk.handle(house.incoming(f"!post number {number}"))
    await house.quiet()
    said = ledger.units["Desk"]
    claims = ledger.units["Lane"]
    ledger.clear()
    platform.release()
    await house.quiet()
    assert len(platform.visible) == 51
    assert said == 50
    assert claims == 0  # the first was born on the wire, and the others wait for it
    assert ledger.units["Lane"] == 50 + 1  # and a last look whether there is more
    assert ledger.fsyncs <= 50 + ledger.units["PretendChat"]


async def test_an_idle_minute(build: Build) -> None:
    house, ledger = await warm(build, "mastodon", "x")
    before = house.clock._number
    await house.pass_time(600)
    waits = (house.clock._number - before) / 10
    assert waits <= 24 + 2 * 2 + 1  # the pulse, and each lane's sweep
    assert sum(ledger.units.values()) <= 10 * 2 * 2 + 1
    assert ledger.fsyncs == 0


def living() -> Counter[str]:
    gc.collect()
    return Counter(f"{type(one).__module__}.{type(one).__name__}" for one in gc.get_objects())


async def many(house: House, count: int) -> None:
    """Publish so many posts, and forget what the made-up world has noted of them."""
    for number in range(count):
        await house.chat.desk.handle(house.incoming(f"!post number {number}"))
    await house.pass_time(5)
    platform = house.platforms["mastodon"]
    assert len(platform.visible) == count
    platform.calls.clear()
    platform._published.clear()
    house.heard()
    house._bodies.clear()
    house.store.seen.clear()


async def growth(house: House, count: int) -> Counter[str]:
    """Return which objects there are more of after the second half of so many posts than after the first.

    A connection of sqlite3 keeps weak references to its last two hundred cursors, more or less.
    """
    await many(house, count // 2)
    before = living()
    await many(house, count // 2)
    return Counter(
        {name: more for name, more in (living() - before).items() if more > count // 4 and "weakref" not in name}
    )


async def test_six_hundred_posts_leave_nothing_in_memory(build: Build) -> None:
    house = await build()
    assert await growth(house, 600) == {}


def unlimited(settings: Settings) -> Settings:
    limits = LimitSettings.model_validate({"person": "none", "room": "none", "posts": "none"})
    return settings.model_copy(update={"limits": limits})


@pytest.mark.servers
@pytest.mark.timeout(1500)
async def test_ten_thousand_posts_leave_nothing_in_memory(build: Build) -> None:
    house = await build(change=unlimited)
    assert await growth(house, 10_000) == {}


async def test_threads_and_open_files_are_as_many_after_work_as_before(build: Build) -> None:
    def held() -> tuple[int, int]:
        gc.collect()
        return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))

    bare = held()
    house, _ = await warm(build, "mastodon", "x")
    before = held()
    for number in range(50):
        await house.say(f"!post number {number}")
    assert held() == before
    await house.restart()
    await house.pass_time(60)
    await house.stop()
    assert held()[1] == bare[1]
