"""The whole program in one process, without XMPP: the real bridge with its real store, made-up platforms, and a chat
that hears everything at once. Time stands still until a test moves it.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from structlog.testing import capture_logs

from bridge import app
from bridge.app import Bridge
from bridge.chat.outgoing import corrects
from bridge.commands.incoming import Incoming
from bridge.delivery import DIRECT, Lane, conversation
from bridge.domain.clock import wait_event
from bridge.domain.deliveries import Delivery
from bridge.domain.ids import EntryId
from bridge.domain.notices import Notice
from bridge.domain.people import Place, Target
from bridge.listening import Listener
from bridge.plugin import Limits
from bridge.registry import AnyPlugin, Recipe, Registry, StoreMemory
from bridge.settings import Settings
from bridge.store import NotCommitted, Store, Tx, notices, outbox, upgrade
from bridge.testing import FakeClock, FakePlatform, FakeSettings, FullFakePlugin

T = TypeVar("T")

ROOM = "ops@rooms.example.org"
SECOND_ROOM = "sales@rooms.example.org"
BOT = "status@example.org"
NICK = "status"
ADMIN = "ana@example.org"


class WatchedStore(Store):
    """A real store that tells when nobody waits for it, and that can fail for a while."""

    busy = 0
    refuses: Callable[[], bool] | None = None
    """Asked before each unit: whether the database refuses it."""

    loses_answers = False
    watch: Callable[[Tx], Any] | None = None
    """Called in each unit's own transaction, after it."""

    refused = 0

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.idle = asyncio.Event()
        self.seen: list[Any] = []

    async def write(self, unit: Callable[[Tx], T], *, bulk: bool = False) -> T:
        if self.refuses is not None and self.refuses():
            self.refused += 1
            raise NotCommitted("the disk is full")
        watch = self.watch

        def watched(tx: Tx) -> tuple[T, Any]:
            return unit(tx), None if watch is None else watch(tx)

        done, seen = await self._count(super().write(watched, bulk=bulk))
        if watch is not None:
            self.seen.append(seen)
        return done

    async def read(self, query: Callable[[Tx], T]) -> T:
        return await self._count(super().read(query))

    async def _count(self, work: Awaitable[T]) -> T:
        self.busy += 1
        try:
            return await work
        finally:
            self.busy -= 1
            if not self.busy:
                self.idle.set()

    async def wait_idle(self) -> None:
        while self.busy:
            self.idle.clear()
            await self.idle.wait()


@dataclass(frozen=True)
class Heard:
    """One message of the bot as its reader gets it; `corrects` is the body that it takes the place of."""

    to: str
    body: str
    at: timedelta
    corrects: str | None


class PretendChat:
    """Everything is heard as soon as it is owed, by every conversation that attends."""

    def __init__(self, _xmpp: object, **parts: Any) -> None:
        self.desk = parts["desk"]
        self.store: WatchedStore = parts["store"]
        self.clock: FakeClock = parts["clock"]
        self.render: Callable[[Tx, Notice], str] = parts["render"]
        self.on_caught_up: Callable[[str], Awaitable[None]] = parts["on_caught_up"]
        self.on_lost: Callable[[], None] = parts["on_lost"]
        self.on_left: Callable[[str], None] = parts["on_left"]
        self.rooms = [room.jid for room in parts["rooms"]]
        self.present: set[str] = set()
        self.heard: list[Heard] = []
        self.bodies: dict[str, str] = {}
        self.closed = False

    async def run(self) -> None:
        news = self.store.event(notices.TOPIC)
        while True:
            news.clear()
            try:
                due = await self.store.write(self._take)
            except NotCommitted:
                await self.clock.sleep(1)
                continue
            left = None if due is None else (due - self.clock.now()).total_seconds()
            await wait_event(self.clock, news, left)

    async def close(self) -> None:
        self.closed = True

    async def arrive(self, *names: str) -> None:
        for name in names:
            self.present.add(name)
            await self.on_caught_up(name)
        self.store.event(notices.TOPIC).set()

    def lose(self) -> None:
        self.present.clear()
        self.on_lost()

    def leave(self, name: str) -> None:
        self.present.discard(name)
        self.on_left(name)

    def _take(self, tx: Tx) -> Any:
        now = self.clock.now()
        owed = [one for one in notices.pending(tx) if conversation(one.target) in self.present]
        for one in owed:
            if one.due_at is None or one.due_at <= now:
                self._send(tx, one)
        return min((one.due_at for one in owed if one.due_at is not None and one.due_at > now), default=None)

    def _send(self, tx: Tx, one: Notice) -> None:
        now = self.clock.now()
        root = None
        if one.receipt is not None:
            root = corrects(notices.living(tx, one.target, one.receipt), NICK, now)
        body = self.render(tx, one)
        notices.begin(tx, one.id, body=body, corrects=root, nick=NICK, at=now)
        notices.done(tx, one.origin_id, stanza_id=None, at=now)
        at = timedelta(seconds=self.clock.monotonic())
        self.heard.append(Heard(one.target.jid, body, at, None if root is None else self.bodies[root]))
        self.bodies[root or one.origin_id] = body


@dataclass
class House:
    """One bridge after the other on the same store and the same platforms."""

    path: Path
    clock: FakeClock
    settings: Settings
    platforms: dict[str, FakePlatform]
    plugins: dict[str, type[AnyPlugin]] = field(default_factory=dict[str, type[AnyPlugin]])
    attending: tuple[str, ...] = (ROOM, SECOND_ROOM, DIRECT)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _bodies: dict[str, str] = field(default_factory=dict[str, str])

    async def start(self, *, arrive: bool = True) -> None:
        self._stack = AsyncExitStack()
        self.store = await self._stack.enter_async_context(
            WatchedStore.open(f"sqlite:///{self.path}", clock=self.clock)
        )
        recipes = {
            name: Recipe(plugin=self.plugins.get(name, FullFakePlugin), own=FakeSettings(platform=platform))
            for name, platform in self.platforms.items()
        }
        self.accounts = Registry(self.settings, recipes, clock=self.clock, memory=StoreMemory(self.store))
        await self.accounts.recall()
        self.bridge = Bridge(self.settings, self.accounts, self.store, self.clock)
        chat: Any = self.bridge._chat
        assert isinstance(chat, PretendChat)
        self.chat = chat
        self.chat.bodies = self._bodies
        self.task = asyncio.create_task(self.bridge.run(), name="bridge")
        await self.quiet()
        if arrive:
            await self.chat.arrive(*self.attending)
            await self.quiet()

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
    return path


@pytest.fixture(autouse=True)
def pretend(monkeypatch: pytest.MonkeyPatch) -> None:
    """No XMPP, and of every pause the whole length."""
    monkeypatch.setattr(app, "Chat", PretendChat)
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
