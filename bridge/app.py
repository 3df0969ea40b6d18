"""The composition root: everything is built here, and the whole flow is on this screen.

room ─► chat ─► desk ─► OUTBOX ─► lanes ─► plugin ─► platform
room ◄─ chat ◄─ NOTICES ◄─┬─ desk, lanes
platform ─► plugin ─► listeners ─► INBOX ─┘
"""

from __future__ import annotations

import asyncio
import resource
import signal
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from bridge import registry
from bridge.chat import Chat
from bridge.chat.probe import probe
from bridge.commands import receipts
from bridge.commands.desk import Desk
from bridge.commands.health import Facts
from bridge.commands.people import People
from bridge.delivery import DIRECT, Attendance, House, Lane, Lanes, Pulse
from bridge.domain.clock import Clock, SystemClock, wait_event
from bridge.domain.people import Place, Target
from bridge.domain.standing import Standing
from bridge.errands import Errands
from bridge.listening import Listener
from bridge.pictures.addresses import UploadHost
from bridge.pictures.service import Pictures
from bridge.registry import State
from bridge.reloading import Reloader
from bridge.settings import Current
from bridge.store import Store
from bridge.store import accounts as states
from bridge.store.migrations import HEAD
from bridge.supervising import Work, Worked, Works
from bridge.timers import Timers

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable

    from bridge import web
    from bridge.domain.findings import Finding
    from bridge.pictures.fetch import Fetcher
    from bridge.registry import Account, Registry
    from bridge.settings import Settings
    from bridge.store import Tx

log = structlog.stdlib.get_logger()

CATCH_UP: Final = 60.0
"""Seconds after which outgoing work begins though a room isn't caught up."""

LAST_CALLS: Final = 3.0
"""Seconds that what is on the wire gets when the bridge stops; all in all it stops within 5."""


class StartError(Exception):
    """The bridge can't start; one line for each cause, for people."""


class Bridge:
    """One running bridge, built and not yet started."""

    def __init__(
        self,
        settings: Settings,
        accounts: Registry,
        store: Store,
        clock: Clock,
        *,
        read: Callable[[], Settings] | None = None,
        conceal: Callable[[Iterable[str]], None] = lambda _: None,
    ) -> None:
        """Build everything; nothing here does I/O. For `read` and `conceal` see `Reloader`."""
        self._current = current = Current(settings)
        self._store = store
        self._clock = clock
        self._accounts = accounts
        self._started = asyncio.Event()
        self._caught_up = asyncio.Event()
        self._since = clock.monotonic()
        self._heard_since: float | None = None
        pulse = Pulse(clock)
        self.attendance = Attendance(pulse.awake)
        self.stopping = asyncio.Event()
        people = self._people = People(current, store)
        self._pictures = Pictures(store, current, clock, lambda: _fetcher(settings))
        self._lanes = Lanes([], self.attendance, self._started, pulse)
        self._works = Works({account.name: self._work(account) for account in accounts}, store=store, clock=clock)
        self._errands = Errands(
            lambda name: Worked(accounts[name]) if name in accounts else None,
            views=accounts,
            attempt=lambda name: registry.attempt(accounts[name], clock),
            store=store,
            clock=clock,
        )
        self._desk = Desk(
            current,
            store,
            accounts,
            clock,
            born_for=lambda: self._lanes.born_for,
            begin=self._lanes.begin,
            people=people,
            learn=self._works.learn,
            facts=self._facts,
        )
        self._chat = Chat(
            settings.xmpp,
            rooms=settings.rooms,
            admins=people.admins,
            store=store,
            desk=self._desk,
            render=lambda tx, notice: receipts.render(
                tx, notice, settings=current.settings, accounts=accounts, now=clock.now()
            ),
            clock=clock,
            on_caught_up=self._arrive,
            on_lost=self._lose,
            on_left=self.attendance.leave,
            role_of=people.role_of,
            standing=self.standing,
            accounts=accounts.names,
            is_over=self._desk.is_over,
        )
        people.watch(self._chat.review)
        self._timers = Timers(store, clock, max_age=lambda: current.settings.posting.max_age, unusable=self._unusable)

        self._reloader = Reloader(
            current,
            accounts,
            self._works,
            store=store,
            clock=clock,
            read=read,
            conceal=conceal,
            work=self._work,
            gone=lambda account: self._work(account, gone=True),
            told=people.rooms_told,
            moved=self._move,
        )

    def _work(self, account: Account, *, gone: bool = False) -> Work:
        def deafen(cause: str | None) -> None:
            account.deaf = cause

        worked = Worked(account, gone=gone)
        lane = Lane(
            worked,
            store=self._store,
            clock=self._clock,
            attendance=self.attendance,
            house=lambda: self._house(account.name),
            started=self._started,
            pictures=self._pictures.media,
        )
        self._lanes.put(lane)
        listener = Listener(
            worked, store=self._store, current=self._current, people=self._people, clock=self._clock, note=deafen
        )
        return Work(account, lane, listener, clock=self._clock, changed=self._look)

    def _house(self, account: str) -> House:
        posting, people = self._current.settings.posting, self._people
        return House(
            told=people.rooms_told(account), admins=people.told(), max_age=posting.max_age, backoff=posting.backoff
        )

    def _move(self) -> None:
        """Another configuration is in force."""
        self._chat.configure(self._current.settings.rooms)
        self._chat.review()
        self._lanes.poke()
        self._look()

    def reload(self) -> None:
        """Have the configuration be read again, as a signal asks for it."""
        self._reloader.signal()

    def _look(self) -> None:
        self._chat.look()

    async def run(self) -> None:
        """Work until `stopping` is set, then end within 5 s; raises what ends the bridge otherwise."""
        await self._people.learn()
        async with AsyncExitStack() as stack:
            if self._current.settings.web is not None:
                from bridge import web  # noqa: PLC0415 - its library is 10 MB, which most don't need

                await stack.enter_async_context(web.serve(self._current.settings.web.listen, self.health))
            await stack.enter_async_context(self._timers.running())
            await stack.enter_async_context(_background(self._pictures.run(), "pictures"))
            stack.push_async_callback(self._works.end)
            await stack.enter_async_context(_background(self._errands.run(), "errands"))
            await stack.enter_async_context(_background(self._reloader.run(), "reload"))
            await stack.enter_async_context(_background(self._start_lanes(), "start"))
            await self._until_stopped()

    async def _until_stopped(self) -> None:
        works = asyncio.create_task(self._works.run(), name="accounts")
        lanes = asyncio.create_task(self._lanes.run(), name="lanes")
        chat = asyncio.create_task(self._chat.run(), name="chat")
        taken = asyncio.create_task(self._store.taken(), name="store taken")
        stop = asyncio.create_task(self.stopping.wait(), name="stop")
        tasks = (chat, works, lanes, taken, stop)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            self._lanes.stop()
            self._works.stop()
            chat.cancel()
            await asyncio.wait({chat})
            await asyncio.gather(self._chat.close(), asyncio.wait({works, lanes}, timeout=LAST_CALLS))
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            await self._desk.settle()
        for result in results:
            if isinstance(result, Exception):
                raise result

    def health(self) -> web.Health:
        """Return how the bridge is, for monitoring."""
        from bridge import web  # noqa: PLC0415 - as above

        missing, store = self._awaited() - self.attendance.present, self._store.problem
        problems = [f"not joined: {name}" for name in sorted(missing)]
        problems += [
            f"{account.name}: {account.status}" for account in self._accounts if account.enabled and not account.up
        ]
        problems += [] if store is None else [f"the store can't commit: {store}"]
        return web.Health(ok=not missing and store is None, problems=tuple(problems))

    def _facts(self) -> Facts:
        now, present = self._clock.monotonic(), self.attendance.present
        rooms = tuple(room.jid for room in self._current.settings.rooms)
        heard = self._heard_since
        return Facts(
            version=_version(),
            uptime=timedelta(seconds=now - self._since),
            session=None if heard is None else timedelta(seconds=now - heard),
            joined=tuple(room for room in rooms if room in present),
            missing=tuple(room for room in rooms if room not in present),
            store=self._current.settings.store.shown,
            schema=HEAD,
            problem=self._store.problem,
            memory=_memory(),
        )

    async def standing(self) -> Standing:
        """Return how the accounts stand, for everybody who sees the bot; raises ReadError."""
        enabled = [account for account in self._accounts if account.enabled]

        def look(tx: Tx) -> tuple[bool, set[str]]:
            breakers = {account.name: states.get(tx, account.name).probe_at for account in enabled}
            return states.panic(tx) is not None, {name for name, probe in breakers.items() if probe is not None}

        frozen, broken = await self._store.read(look)
        starting = [one.name for one in enabled if one.status.state is State.STARTING]
        paused = [one.name for one in enabled if one.name not in starting and self._paused(one, broken)]
        up = len(enabled) - len(starting) - len(paused)
        return Standing(up=up, paused=tuple(paused), starting=tuple(starting), frozen=frozen)

    @staticmethod
    def _paused(account: Account, broken: set[str]) -> bool:
        return not account.up or account.stuck is not None or account.name in broken

    def _awaited(self) -> frozenset[str]:
        return frozenset({DIRECT, *(room.jid for room in self._current.settings.rooms)})

    def _unusable(self, name: str) -> str | None:
        """Return why an account can't be posted to at all; None where it can, be it up or not."""
        view = self._accounts.view(name)
        if view is None:
            return "isn't configured any more"
        return None if view.enabled else "is disabled"

    async def _arrive(self, name: str) -> None:
        """A conversation is joined and caught up."""
        if self._heard_since is None:
            self._heard_since = self._clock.monotonic()
        await self._lanes.arrive(name)
        if self._awaited() <= self.attendance.present and not self._caught_up.is_set():
            self._caught_up.set()
            log.info("ready", rooms=len(self._current.settings.rooms), accounts=len(self._current.settings.enabled()))

    def _lose(self) -> None:
        """The session is lost, so that nobody hears us."""
        self._heard_since = None
        self.attendance.leave()

    async def _start_lanes(self) -> None:
        if not await wait_event(self._clock, self._caught_up, CATCH_UP):
            log.warning("not every room is caught up; outgoing work begins all the same", after_seconds=CATCH_UP)
        self._lanes.start()
        self._timers.start()


def _version() -> str:
    try:
        return version("statusbridge")
    except PackageNotFoundError:  # run from a directory that nobody installed
        return "of no release"


def _memory() -> int | None:
    """Return how many bytes of memory are in use, where the system tells."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return None


def _fetcher(settings: Settings) -> Fetcher:
    from bridge.pictures.fetch import Fetcher  # noqa: PLC0415 - its library is 10 MB, which most don't need

    host = settings.xmpp.upload_host
    return Fetcher(upload=UploadHost.parse(host) if host else None, ca_file=settings.xmpp.ca_file)


@asynccontextmanager
async def _background(work: Coroutine[object, object, None], name: str) -> AsyncGenerator[None]:
    """Have something run beside the block, and end it with the block."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background work failed", work=name, exc_info=error)


async def check(settings: Settings) -> list[Finding]:
    """Return what keeps the bridge from its XMPP server and its rooms, without saying anything there."""
    return await probe(settings.xmpp, settings.rooms, SystemClock())


async def run(
    settings: Settings,
    *,
    clock: Clock | None = None,
    read: Callable[[], Settings] | None = None,
    conceal: Callable[[Iterable[str]], None] = lambda _: None,
) -> None:
    """Run a bridge until SIGTERM or SIGINT; SIGHUP has it `read` its configuration again.

    Raises StartError, or another error whose text is one clear line, where the bridge can't start or can't go on.
    """
    clock = clock or SystemClock()
    recipes = registry.Registry.recipes(settings)
    if mistakes := registry.Registry(settings, recipes, clock=clock).mistakes():
        raise StartError("\n".join(mistakes))
    everybody = [Target(room.jid, Place.ROOM) for room in settings.rooms]
    everybody += [Target(jid, Place.DIRECT) for jid in settings.admins()]
    async with Store.open(settings.store.url, clock=clock, told=everybody) as store:
        memory = registry.StoreMemory(store)
        accounts = registry.Registry(settings, recipes, clock=clock, memory=memory)
        await accounts.recall()
        bridge = Bridge(settings, accounts, store, clock, read=read, conceal=conceal)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, bridge.stopping.set)
        loop.add_signal_handler(signal.SIGHUP, bridge.reload)
        await bridge.run()
