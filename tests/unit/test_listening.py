from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.commands.people import People
from bridge.listening import BATCH, Listener, cursor_name
from bridge.plugin import Cursor, Heard, Item, UnavailableError
from bridge.registry import AnyPlugin, PassingMemory
from bridge.registry.keeping import AccountKeep
from bridge.settings import Current, Settings
from bridge.store import NotCommitted, Store, Tx, cursors, inbox
from bridge.testing import FakeClock, FakePlatform, FakePlugin, FakeSettings, Fate, FullFakePlugin


@dataclass
class FakeAccount:
    plugin: AnyPlugin | None
    name: str = "mastodon"
    problem: str | None = None


@dataclass
class Bench:
    store: Store
    clock: FakeClock
    platform: FakePlatform
    account: FakeAccount
    listener: Listener = field(init=False)
    noted: list[str | None] = field(default_factory=list[str | None])

    def __post_init__(self) -> None:
        settings = Settings.model_validate(
            {
                "xmpp": {"jid": "status@example.org", "password": "secret"},
                "rooms": [{"jid": "ops@rooms.example.org"}],
                "accounts": {"mastodon": {"plugin": "fake"}},
            }
        )
        current = Current(settings)
        self.listener = Listener(
            self.account,
            store=self.store,
            current=current,
            people=People(current, self.store),
            clock=self.clock,
            jitter=lambda: 1.0,
            note=self.noted.append,
        )

    def plugin(self, made: type[AnyPlugin] = FullFakePlugin) -> AnyPlugin:
        return made(FakeSettings(platform=self.platform), AccountKeep(PassingMemory(), "mastodon"), self.clock)

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[None]:
        task = asyncio.create_task(self.listener.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            assert task.cancelled()

    async def heard(self) -> list[str]:
        return [one.item.text for one in await self.store.read(lambda tx: inbox.open_items(tx, 1000))]

    async def wait_for(self, count: int) -> None:
        while len(await self.heard()) < count:
            await self.clock.advance(0)

    async def cursor(self) -> str | None:
        return await self.store.read(lambda tx: cursors.get(tx, cursor_name("mastodon")))


def own(logs: list[Any]) -> list[Any]:
    """Return what the listening logs; the store finds itself slow where a test moves the clock under it."""
    return [entry for entry in logs if entry["event"] != "store is slow"]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    clock = FakeClock()
    async with Store.open(f"sqlite:///{tmp_path / 'store.db'}", clock=clock) as store:
        made = Bench(store=store, clock=clock, platform=FakePlatform(clock), account=FakeAccount(plugin=None))
        await store.write(lambda tx: cursors.move(tx, cursor_name("mastodon"), "0", clock.now()))
        yield made


async def test_it_waits_for_a_plugin_that_can_listen(bench: Bench) -> None:
    bench.platform.say("hello")
    async with bench.listening():
        await bench.clock.advance(100)
        bench.account.plugin = bench.plugin(FakePlugin)
        bench.listener.poke()
        await bench.clock.advance(100)
        assert bench.platform.count("items") == 0
        bench.account.plugin = bench.plugin()
        bench.listener.poke()
        await bench.wait_for(1)
    assert await bench.heard() == ["hello"]
    assert await bench.cursor() == "1"


async def test_what_has_just_come_up_is_not_said_to_be_deaf(bench: Bench) -> None:
    async with bench.listening():
        await bench.clock.advance(1)
        bench.account.plugin = bench.plugin()
        bench.listener.poke()
        await bench.clock.advance(0)
        assert bench.noted == ["it is not up yet", None]


async def test_what_came_meanwhile_is_one_commit_of_a_hundred_at_most(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    real = inbox.add

    def add(tx: Tx, *, items: Sequence[Item], **values: Any) -> Any:
        sizes.append(len(items))
        return real(tx, items=items, **values)

    monkeypatch.setattr(inbox, "add", add)
    for number in range(250):
        bench.platform.say(f"line {number}")
    bench.account.plugin = bench.plugin()
    async with bench.listening():
        await bench.wait_for(250)
    assert await bench.heard() == [f"line {number}" for number in range(250)]
    assert sum(sizes) == 250
    assert max(sizes) == BATCH


async def test_a_listing_that_ends_is_begun_again_after_a_pause(bench: Bench) -> None:
    class Ending(FullFakePlugin):
        async def items(self, since: Cursor | None) -> AsyncGenerator[Heard]:
            async for thing in self.settings.platform.listen(since):
                yield thing
                return

    bench.platform.say("one")
    bench.platform.say("two")
    bench.account.plugin = bench.plugin(Ending)
    async with bench.listening():
        await bench.wait_for(1)
        await bench.clock.wait_for_wait(5)
        assert await bench.heard() == ["one"]
        await bench.clock.advance(5)
        await bench.wait_for(2)
    assert await bench.heard() == ["one", "two"]


async def test_its_pauses_grow_and_begin_anew_once_something_was_heard(bench: Bench) -> None:
    bench.account.plugin = bench.plugin()
    bench.platform.always("items", Fate(before=UnavailableError("503")))
    with capture_logs() as logs:
        async with bench.listening():
            for pause in (5, 10, 20):
                await bench.clock.wait_for_wait(pause)
                await bench.clock.advance(pause)
            for part_of_40 in (25, 15):  # in between the rooms are told
                await bench.clock.wait_for_wait(part_of_40)
                if part_of_40 == 15:
                    bench.platform.always("items")
                    bench.platform.say("hello")
                await bench.clock.advance(part_of_40)
            await bench.wait_for(1)
            bench.platform.break_listening(UnavailableError("503"))
            await bench.clock.wait_for_wait(5)
    assert [(entry["event"], entry["cause"]) for entry in own(logs)] == [
        *[("cannot hear", "503")] * 4,
        ("the rooms are told that nothing is heard", "503"),
        ("cannot hear", "503"),
    ]


async def test_a_poke_ends_the_pause(bench: Bench) -> None:
    bench.account.plugin = bench.plugin()
    bench.platform.will("items", Fate(before=UnavailableError("503")))
    bench.platform.say("hello")
    with capture_logs():
        async with bench.listening():
            await bench.clock.wait_for_wait(5)
            bench.listener.poke()
            await bench.wait_for(1)
    assert bench.clock.monotonic() == 0


async def test_where_commit_and_listing_fail_together_both_are_looked_at(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.account.plugin = bench.plugin()
    real = bench.store.write

    async def refuse(*_arguments: Any, **_options: Any) -> None:
        bench.platform.break_listening(UnavailableError("503"))
        for _ in range(5):
            await asyncio.sleep(0)
        raise NotCommitted("the disk is full")

    monkeypatch.setattr(bench.store, "write", refuse)
    bench.platform.say("hello")
    with capture_logs() as logs:
        async with bench.listening():
            await bench.clock.wait_for_wait(5)
            monkeypatch.setattr(bench.store, "write", real)
            await bench.clock.advance(5)
            await bench.wait_for(1)
    assert [(entry["event"], entry["cause"]) for entry in own(logs)] == [("cannot hear", "the disk is full")]


async def test_a_bug_is_logged_and_the_listening_goes_on(bench: Bench) -> None:
    bench.account.plugin = bench.plugin()
    bench.platform.will("items", Fate(before=ValueError("oops")))
    bench.platform.say("hello")
    with capture_logs() as logs:
        async with bench.listening():
            await bench.clock.wait_for_wait(5)
            await bench.clock.advance(5)
            await bench.wait_for(1)
    assert [(entry["event"], entry["account"], entry["exc_info"]) for entry in own(logs)] == [
        ("listening failed", "mastodon", True)
    ]


async def test_cancelled_it_lets_go_of_the_listing(bench: Bench) -> None:
    closed = asyncio.Event()

    class Closing(FullFakePlugin):
        async def items(self, since: Cursor | None) -> AsyncGenerator[Heard]:
            with suppress(asyncio.CancelledError):
                try:
                    async for thing in self.settings.platform.listen(since):
                        yield thing
                finally:
                    closed.set()

    bench.account.plugin = bench.plugin(Closing)
    bench.platform.say("hello")
    async with bench.listening():
        await bench.wait_for(1)
    assert closed.is_set()
