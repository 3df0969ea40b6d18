"""The composition root: everything is built here, and the whole flow is on this screen.

room ─► chat ─► desk ─► OUTBOX ─► lanes ─► plugin ─► platform
room ◄─ chat ◄─ NOTICES ◄─┬─ desk, lanes
platform ─► plugin ─► listeners ─► INBOX ─┘
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from bridge import registry
from bridge.chat import Chat
from bridge.chat.probe import probe
from bridge.commands import receipts
from bridge.commands.desk import Desk
from bridge.commands.people import People
from bridge.delivery import DIRECT, Attendance, Lane, Lanes, Pulse
from bridge.domain.clock import Clock, SystemClock, wait_event
from bridge.domain.people import Place, Target
from bridge.domain.standing import Standing
from bridge.errands import Errands
from bridge.listening import Listener
from bridge.pictures.addresses import UploadHost
from bridge.pictures.service import Pictures
from bridge.registry import State
from bridge.store import Store
from bridge.store import accounts as states
from bridge.timers import Timers

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine
    from datetime import timedelta

    from bridge import web
    from bridge.domain.findings import Finding
    from bridge.pictures.fetch import Fetcher
    from bridge.registry import Account, AnyPlugin, Registry
    from bridge.settings import Settings
    from bridge.store import Tx

log = structlog.stdlib.get_logger()

CATCH_UP: Final = 60.0
"""Seconds after which outgoing work begins though a room isn't caught up."""

LAST_CALLS: Final = 3.0
"""Seconds that what is on the wire gets when the bridge stops; all in all it stops within 5."""


class StartError(Exception):
    """The bridge can't start; one line for each cause, for people."""


@dataclass(frozen=True, slots=True)
class Worked:
    """An account as its lane and its listener see it."""

    account: Account

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self.account.name

    @property
    def plugin(self) -> AnyPlugin | None:
        """The plugin, entered, or None."""
        return self.account.plugin

    @property
    def problem(self) -> str | None:
        """Why it isn't up."""
        return self.account.status.problem

    @property
    def deadline(self) -> timedelta:
        """How long one request may take, all in all."""
        return self.account.settings.deadline

    @property
    def settle_after(self) -> timedelta | None:
        """What the configuration sets in place of the plugin's own."""
        return self.account.settings.settle_after


class Bridge:
    """One running bridge, built and not yet started."""

    def __init__(self, settings: Settings, accounts: Registry, store: Store, clock: Clock) -> None:
        """Build everything; nothing here does I/O."""
        self._settings = settings
        self._clock = clock
        self._accounts = accounts
        self._started = asyncio.Event()
        self._caught_up = asyncio.Event()
        pulse = Pulse(clock)
        self.attendance = Attendance(pulse.awake)
        self.stopping = asyncio.Event()
        people = self._people = People(settings, store)
        enabled = [account for account in accounts if account.settings.enabled]
        self._pictures = Pictures(store, settings, clock, lambda: _fetcher(settings))
        self._lanes = Lanes(
            [
                Lane(
                    Worked(account),
                    store=store,
                    clock=clock,
                    attendance=self.attendance,
                    told=partial(people.rooms_told, account.name),
                    admins=people.told,
                    max_age=settings.posting.max_age,
                    backoff=settings.posting.backoff,
                    started=self._started,
                    pictures=self._pictures.media,
                )
                for account in enabled
            ],
            self.attendance,
            self._started,
            pulse,
        )
        self._listeners = {
            account.name: Listener(Worked(account), store=store, settings=settings, people=people, clock=clock)
            for account in enabled
        }
        self._errands = Errands({account.name: Worked(account) for account in enabled}, store=store, clock=clock)
        self._desk = Desk(
            settings,
            store,
            accounts,
            clock,
            born_for=lambda: self._lanes.born_for,
            begin=self._lanes.begin,
            people=people,
        )
        self._chat = Chat(
            settings.xmpp,
            rooms=settings.rooms,
            admins=people.admins,
            store=store,
            desk=self._desk,
            render=lambda tx, notice: receipts.render(
                tx, notice, settings=settings, accounts=accounts, now=clock.now()
            ),
            clock=clock,
            on_caught_up=self._arrive,
            on_lost=self.attendance.leave,
            on_left=self.attendance.leave,
            role_of=people.role_of,
            standing=self.standing,
            accounts=accounts.names,
        )
        people.watch(self._chat.review)
        self._timers = Timers(store, clock, max_age=settings.posting.max_age, unusable=self._unusable)
        self._store = store

    async def run(self) -> None:
        """Work until `stopping` is set, then end within 5 s; raises what ends the bridge otherwise."""
        await self._people.learn()
        async with AsyncExitStack() as stack:
            if self._settings.web is not None:
                from bridge import web  # noqa: PLC0415 - its library is 10 MB, which most don't need

                await stack.enter_async_context(web.serve(self._settings.web.listen, self.health))
            await stack.enter_async_context(self._timers.running())
            await stack.enter_async_context(_background(self._pictures.run(), "pictures"))
            await stack.enter_async_context(_background(self._accounts.run(), "accounts"))
            await stack.enter_async_context(_background(self._errands.run(), "errands"))
            for account in self._accounts:
                if account.name in self._listeners:
                    await stack.enter_async_context(_background(self._watch(account), f"watch {account.name}"))
            for name, listener in self._listeners.items():
                await stack.enter_async_context(_background(listener.run(), f"listen {name}"))
            await stack.enter_async_context(_background(self._start_lanes(), "start"))
            await self._until_stopped()

    async def _until_stopped(self) -> None:
        lanes = asyncio.create_task(self._lanes.run(), name="lanes")
        chat = asyncio.create_task(self._chat.run(), name="chat")
        taken = asyncio.create_task(self._store.taken(), name="store taken")
        stop = asyncio.create_task(self.stopping.wait(), name="stop")
        tasks = (chat, lanes, taken, stop)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            self._lanes.stop()
            chat.cancel()
            await asyncio.wait({chat})
            await asyncio.gather(self._chat.close(), asyncio.wait({lanes}, timeout=LAST_CALLS))
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
            f"{account.name}: {account.status}"
            for account in self._accounts
            if account.settings.enabled and not account.up
        ]
        problems += [] if store is None else [f"the store can't commit: {store}"]
        return web.Health(ok=not missing and store is None, problems=tuple(problems))

    async def standing(self) -> Standing:
        """Return how the accounts stand, for everybody who sees the bot; raises ReadError."""
        enabled = [account for account in self._accounts if account.settings.enabled]

        def look(tx: Tx) -> tuple[bool, set[str]]:
            breakers = {account.name: states.get(tx, account.name).probe_at for account in enabled}
            return states.panic(tx) is not None, {name for name, probe in breakers.items() if probe is not None}

        frozen, broken = await self._store.read(look)
        starting = [one.name for one in enabled if one.status.state is State.STARTING]
        paused = [one.name for one in enabled if one.name not in starting and (not one.up or one.name in broken)]
        up = len(enabled) - len(starting) - len(paused)
        return Standing(up=up, paused=tuple(paused), starting=tuple(starting), frozen=frozen)

    def _awaited(self) -> frozenset[str]:
        return frozenset({DIRECT, *(room.jid for room in self._settings.rooms)})

    def _unusable(self, name: str) -> str | None:
        """Return why an account can't be posted to at all; None where it can, be it up or not."""
        view = self._accounts.view(name)
        if view is None:
            return "isn't configured any more"
        return None if view.enabled else "is disabled"

    async def _arrive(self, name: str) -> None:
        """A conversation is joined and caught up."""
        await self._lanes.arrive(name)
        if self._awaited() <= self.attendance.present and not self._caught_up.is_set():
            self._caught_up.set()
            log.info("ready", rooms=len(self._settings.rooms), accounts=len(self._listeners))

    async def _start_lanes(self) -> None:
        if not await wait_event(self._clock, self._caught_up, CATCH_UP):
            log.warning("not every room is caught up; outgoing work begins all the same", after_seconds=CATCH_UP)
        self._lanes.start()
        self._timers.start()

    async def _watch(self, account: Account) -> None:
        """Wake who depends on an account whenever it comes up or goes down."""
        while True:
            changed = account.changed
            self._lanes.poke()
            self._listeners[account.name].poke()
            self._chat.look()
            await changed.wait()


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


async def run(settings: Settings, *, clock: Clock | None = None) -> None:
    """Run a bridge until SIGTERM or SIGINT.

    Raises StartError, or another error whose text is one clear line, where the bridge can't start or can't go on.
    """
    clock = clock or SystemClock()
    recipes = registry.Registry.recipes(settings)
    if mistakes := registry.Registry(settings, recipes, clock=clock).mistakes():
        raise StartError("\n".join(mistakes))
    everybody = [Target(room.jid, Place.ROOM) for room in settings.rooms]
    # Before the store is open nobody knows whom it names besides, or denies.
    everybody += [Target(jid, Place.DIRECT) for jid in settings.admins()]
    async with Store.open(settings.store.url, clock=clock, told=everybody) as store:
        memory = registry.StoreMemory(store)
        accounts = registry.Registry(settings, recipes, clock=clock, memory=memory)
        await accounts.recall()
        bridge = Bridge(settings, accounts, store, clock)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, bridge.stopping.set)
        await bridge.run()
