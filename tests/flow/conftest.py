"""The whole program in one process, without XMPP: the real bridge with its real store, made-up platforms, and a chat
that hears everything at once. Time stands still until a test moves it.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from structlog.testing import capture_logs

from bridge import app
from bridge.app import Bridge
from bridge.commands.incoming import Incoming
from bridge.delivery import DIRECT, Lane
from bridge.domain.deliveries import Delivery
from bridge.domain.ids import EntryId
from bridge.domain.people import Place, Target
from bridge.listening import Listener
from bridge.plugin import Limits
from bridge.registry import AnyPlugin, Recipe, Registry, StoreMemory
from bridge.settings import Settings
from bridge.store import Tx, outbox, upgrade
from bridge.testing import FakeClock, FakePlatform, FakeSettings, FullFakePlugin
from bridge.timers import Timers
from tests.flow.pretend import PretendChat, WatchedStore, set_alarm

T = TypeVar("T")

ROOM = "ops@rooms.example.org"
SECOND_ROOM = "sales@rooms.example.org"
BOT = "status@example.org"
ADMIN = "ana@example.org"


@dataclass
class House:
    """One bridge after the other on the same store and the same platforms."""

    path: Path
    clock: FakeClock
    settings: Settings
    platforms: dict[str, FakePlatform]
    plugins: dict[str, type[AnyPlugin]] = field(default_factory=dict[str, type[AnyPlugin]])
    recipes: dict[str, Recipe] = field(default_factory=dict[str, Recipe])
    """Accounts that are made of something else."""
    attending: tuple[str, ...] = (ROOM, SECOND_ROOM, DIRECT)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _bodies: dict[str, str] = field(default_factory=dict[str, str])

    async def start(self, *, arrive: bool = True) -> None:
        self._stack = AsyncExitStack()
        self.store = await self._stack.enter_async_context(
            WatchedStore.open(f"sqlite:///{self.path}", clock=self.clock)
        )
        memory = StoreMemory(self.store)
        self.accounts = Registry(self.settings, self.made_of(self.settings), clock=self.clock, memory=memory)
        await self.accounts.recall()
        self.bridge = Bridge(self.settings, self.accounts, self.store, self.clock, read=self.read)
        chat: Any = self.bridge._chat
        assert isinstance(chat, PretendChat)
        self.chat = chat
        self.chat.bodies = self._bodies
        self.task = asyncio.create_task(self.bridge.run(), name="bridge")
        await self.quiet()
        if arrive:
            await self.chat.arrive(*self.attending)
            await self.quiet()

    def made_of(self, settings: Settings) -> dict[str, Recipe]:
        """Return what the accounts of a configuration are made of."""
        made: dict[str, Recipe] = {}
        for name, table in settings.accounts.items():
            plugin = self.plugins.get(name, FullFakePlugin)
            own = FakeSettings(platform=self.platforms[name])
            made[name] = self.recipes.get(name) or (Recipe(plugin=plugin, own=own) if table.enabled else Recipe())
        return made

    def read(self) -> Settings:
        """Read the configuration again."""
        return self.settings

    async def stop(self) -> None:
        """End the bridge as SIGTERM does."""
        self.bridge.stopping.set()
        await self.task
        await self._stack.aclose()

    async def kill(self) -> None:
        """End the bridge at once: what was not committed is lost."""
        self.task.cancel()
        await asyncio.wait({self.task})
        await self._stack.aclose()

    async def restart(self) -> None:
        await self.kill()
        await self.start()

    async def close(self) -> None:
        for platform in self.platforms.values():
            platform.release()
        if hasattr(self, "task"):
            await self.kill()
            if not self.task.cancelled():
                self.task.result()

    async def quiet(self) -> None:
        """Return once nothing happens any more unless time passes."""
        while True:
            await self.clock.advance(0)
            if not self.store.busy:
                return
            await self.store.wait_idle()

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, and everything in it happen at its own moment."""
        target = self.clock.monotonic() + seconds
        await self.quiet()
        while self.clock.waits and self.clock.monotonic() + self.clock.waits[0] <= target:
            await self.clock.advance(max(0.0, self.clock.waits[0]))
            await self.quiet()
        await self.clock.advance(max(0.0, target - self.clock.monotonic()))
        await self.quiet()

    def incoming(self, text: str, *, place: str = ROOM, who: str = "raj", **values: Any) -> Incoming:
        number = next(self._numbers)
        room = place != DIRECT
        source = Target(place, Place.ROOM) if room else Target(f"{who}@example.org", Place.DIRECT)
        made = Incoming(
            archive=place if room else BOT,
            key=f"stanza-{number}",
            position=f"position-{number}",
            place=source.place,
            source=source,
            sender=f"{who}@example.org",
            nick=who,
            affiliation="none",
            text=text,
            said_at=self.clock.now(),
        )
        return replace(made, **values)

    async def say(self, text: str, *, place: str = ROOM, who: str = "raj", **values: Any) -> list[str]:
        """Have somebody say something, and return what the conversation hears until all is quiet."""
        incoming = self.incoming(text, place=place, who=who, **values)
        await self.chat.desk.handle(incoming)
        await self.quiet()
        return self.heard(incoming.source.jid)

    async def resume(self, *, place: str = ROOM, who: str = "tom") -> list[str]:
        """End a panic under which something waits: have it shown, read it, and say so once more."""
        await self.say("!resume", place=place, who=who)
        await self.pass_time(2)
        self.heard(place)
        return await self.say("!resume", place=place, who=who)

    def heard(self, target: str = ROOM) -> list[str]:
        """Return what a conversation has heard since it was last asked; a corrected message begins with `~`."""
        return [body for _, body in self.heard_at(target)]

    def heard_at(self, target: str = ROOM) -> list[tuple[float, str]]:
        """Return the same, each with the second at which it was heard."""
        mine = [one for one in self.chat.heard if one.to == target]
        self.chat.heard = [one for one in self.chat.heard if one.to != target]
        return [(one.at.total_seconds(), ("~" if one.corrects is not None else "") + one.body) for one in mine]

    def called(self, verb: str, account: str = "mastodon") -> list[float]:
        """Return the seconds at which a platform was called."""
        start = self.clock.now() - timedelta(seconds=self.clock.monotonic())
        return [
            round((call.at - start).total_seconds(), 3) for call in self.platforms[account].calls if call.verb == verb
        ]

    async def rows(self, entry: int) -> tuple[Delivery, ...]:
        return await self.store.read(lambda tx: outbox.of_post(tx, EntryId(entry)))

    async def states(self, entry: int) -> list[str]:
        """Return how a post's deliveries stand, deletions marked."""
        rows = await self.rows(entry)
        return [("" if one.kind == "post" else f"{one.kind.value} ") + one.state.value for one in rows]

    async def stands(self, query: Callable[[Tx], T]) -> T:
        return await self.store.read(query)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flow") / "store.db"
    upgrade(f"sqlite:///{path}")
    # Most tests aren't about somebody's first day.
    with closing(sqlite3.connect(path)) as connection:
        rows = [(f"{who}@example.org", "2026-01-01") for who in ("ana", "kim", "raj", "tom")]
        connection.executemany("INSERT INTO welcome (jid, at) VALUES (?, ?)", rows)
        connection.commit()
    return path


@pytest.fixture(autouse=True)
def pretend(monkeypatch: pytest.MonkeyPatch) -> None:
    """No XMPP, alarms by the clock that tests move, and of every pause the whole length."""
    monkeypatch.setattr(app, "Chat", PretendChat)
    monkeypatch.setattr(Timers, "_set_alarm", set_alarm)
    for one in (Lane, Listener):
        defaults = one.__init__.__kwdefaults__
        assert defaults is not None
        monkeypatch.setitem(defaults, "jitter", lambda: 1.0)


def settings_for(accounts: tuple[str, ...], **posting: str) -> Settings:
    return Settings.model_validate(
        {
            "xmpp": {"jid": BOT, "password": "secret"},
            "posting": {"hold": "20s", **posting},
            "rooms": [
                {"jid": ROOM, "hear_private": False},
                {"jid": SECOND_ROOM, "post_to": [accounts[-1]], "hear_from": [], "hold": "0s"},
            ],
            "people": {
                ADMIN: ["admin"],
                "tom@example.org": ["staff", "approver"],
                "raj@example.org": ["staff"],
            },
            "accounts": {name: {"plugin": "fake"} for name in accounts},
        }
    )


Build = Callable[..., Awaitable[House]]


@pytest.fixture
async def build(empty_store: Path, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Build]:
    """Make a house and start it: `await build("mastodon", "x", hold="0s", limits=Limits(...))`."""
    made: list[House] = []

    async def make(
        *accounts: str,
        limits: Limits | None = None,
        plugin: type[AnyPlugin] = FullFakePlugin,
        findable: bool = True,
        start: bool = True,
        change: Callable[[Settings], Settings] | None = None,
        **posting: str,
    ) -> House:
        names = accounts or ("mastodon",)
        path = tmp_path / f"store-{len(made)}.db"
        shutil.copy(empty_store, path)
        settings = settings_for(names, **{"hold": "0s", **posting})
        platforms = {
            name: FakePlatform(clock, limits=limits, findable=findable, address=f"https://{name}.example")
            for name in names
        }
        house = House(
            path=path,
            clock=clock,
            settings=settings if change is None else change(settings),
            platforms=platforms,
            plugins=dict.fromkeys(names, plugin),
        )
        made.append(house)
        if start:
            await house.start()
        return house

    yield make
    for house in made:
        await house.close()


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with capture_logs() as captured:
        yield captured
