from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.delivery import Attendance, House, Lane
from bridge.delivery.units import Context
from bridge.domain.deliveries import Delivery, Hold
from bridge.domain.ids import EntryId
from bridge.domain.outbox import Draft, Part
from bridge.domain.people import Place, Target
from bridge.domain.posts import Key
from bridge.domain.settling import Terms
from bridge.registry import AnyPlugin, PassingMemory
from bridge.registry.keeping import AccountKeep
from bridge.store import Store, Tx, notices, outbox, posts
from bridge.testing import FakeClock, FakePlatform, FakeSettings, FullFakePlugin

ROOM = Target("ops@rooms.example.org", Place.ROOM)
ADMIN = Target("ana@example.org", Place.DIRECT)
ACCOUNT = "mastodon"


@dataclass
class FakeAccount:
    """An account as a lane sees it."""

    plugin: AnyPlugin | None
    name: str = ACCOUNT
    problem: str | None = None
    barred: str | None = None
    deadline: timedelta = timedelta(seconds=30)
    settle_after: timedelta | None = None


@dataclass
class Bench:
    """One lane with a real store and a made-up platform."""

    store: Store
    clock: FakeClock
    platform: FakePlatform
    account: FakeAccount
    attendance: Attendance = field(default_factory=Attendance)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def lane(self) -> Lane:
        return Lane(
            self.account,
            store=self.store,
            clock=self.clock,
            attendance=self.attendance,
            house=lambda: House(
                told=(ROOM,), admins=(ADMIN,), max_age=timedelta(hours=1), backoff=timedelta(seconds=5)
            ),
            jitter=lambda: 1.0,
            started=self.started,
        )

    def context(self, **values: Any) -> Context:
        usual = Context(
            account=ACCOUNT,
            epoch=self.store.epoch,
            now=self.clock.now(),
            seed=f"seed-{next(self.numbers)}",
            secret="salt",
            terms=Terms(),
            present=frozenset({ROOM.jid}),
            told=(ROOM,),
            admins=(ADMIN,),
            usable=True,
        )
        return replace(usual, **values)

    async def post(
        self, text: str = "hello", *, parts: int = 1, born: bool = False, hold: timedelta | None = None
    ) -> tuple[Delivery, ...]:
        """Owe a post, ready at once, born, or held for so long."""
        now = self.clock.now()
        number = next(self.numbers)
        draft = Draft(
            author="raj@example.org",
            nick="raj",
            source=ROOM,
            text=text,
            hold=hold or timedelta(0),
            created_at=now,
        )
        made = [
            Part(account=ACCOUNT, text=text, key=Key(token=f"k{number}.{part}", minted_at=now), part=part, parts=parts)
            for part in range(parts)
        ]

        def unit(tx: Tx) -> tuple[Delivery, ...]:
            return outbox.add(
                tx,
                posts.add(tx, draft, stanza=None),
                made,
                held=frozenset() if hold is None else frozenset({Hold.UNDO.value}),
                now=now,
                born_for={ACCOUNT} if born else set[str](),
                epoch=self.store.epoch,
            )

        return await self.store.write(unit)

    async def save(self, changed: Delivery) -> None:
        await self.store.write(lambda tx: outbox.save(tx, changed, now=self.clock.now()))

    async def row(self, one: Delivery) -> Delivery:
        found = await self.store.read(lambda tx: outbox.get(tx, one.id))
        assert found is not None
        return found

    async def rows(self, entry: int) -> tuple[Delivery, ...]:
        return await self.store.read(lambda tx: outbox.of_post(tx, EntryId(entry)))

    async def lines(self, target: Target = ROOM) -> list[str]:
        """Return the lines that a conversation is owed, without receipts."""
        owed = await self.store.read(lambda tx: notices.pending(tx, target))
        return [one.body for one in owed if one.receipt is None]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def bench(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Bench]:
    platform = FakePlatform(clock)
    plugin = FullFakePlugin(FakeSettings(platform=platform), AccountKeep(PassingMemory(), ACCOUNT), clock)
    async with Store.open(f"sqlite:///{tmp_path / 'store.db'}", clock=clock) as store, plugin:
        yield Bench(store=store, clock=clock, platform=platform, account=FakeAccount(plugin=plugin))
