"""Supervising: all that is done for one account is one unit of work, which begins and ends without touching another's.

An account's lane always runs, since it is also what holds what waits for a disabled account; its plugin is kept entered
and listened to as long as the account is enabled. Who disables it in the chat is a row: the store is asked whenever
that has changed.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from bridge.domain import wording
from bridge.domain.clock import wait_event
from bridge.registry import State, pause, run_account
from bridge.store import StoreError, accounts

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator, Mapping
    from datetime import timedelta

    from bridge.delivery import Lane
    from bridge.domain.clock import Clock
    from bridge.listening import Listener
    from bridge.registry import Account, AnyPlugin
    from bridge.store import Store

STORE_PAUSE: Final = 1.0

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class Worked:
    """An account as its lane and its listener see it; `gone` is whether the configuration doesn't name it any more."""

    account: Account
    gone: bool = False

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
    def barred(self) -> str | None:
        """How the configuration keeps it from working, as the end of a sentence; None where it doesn't."""
        if self.gone:
            return wording.GONE
        return None if self.account.settings.enabled else wording.DISABLED

    @property
    def deadline(self) -> timedelta:
        """How long one request may take, all in all."""
        return self.account.settings.deadline

    async def entered(self) -> None:
        """Return once it is up, or known not to be."""
        while self.account.status.state is State.STARTING:
            await self.account.changed.wait()

    @property
    def settle_after(self) -> timedelta | None:
        """What the configuration sets in place of the plugin's own."""
        return self.account.settings.settle_after


class Work:
    """All that is done for one account. Whatever its plugin does, only this account pauses."""

    def __init__(
        self, account: Account, lane: Lane, listener: Listener, *, clock: Clock, changed: Callable[[], None]
    ) -> None:
        """Take its parts; `changed` is called whenever it comes up or goes down."""
        self.account = account
        self.lane = lane
        self._listener = listener
        self._clock = clock
        self._changed = changed
        self._outgoing: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin the work."""
        name = self.account.name
        self._outgoing = asyncio.create_task(self._kept(self.lane.run, "sending", self._stick), name=f"lane {name}")
        self._tasks = [
            asyncio.create_task(self._attend(), name=f"account {name}"),
            asyncio.create_task(self._watch(), name=f"watch {name}"),
        ]

    async def settle(self) -> None:
        """Begin nothing new, and return once what is on the wire is settled."""
        self.lane.stop()
        if self._outgoing is not None:
            await asyncio.wait({self._outgoing})

    async def end(self) -> None:
        """Leave the plugin, within two seconds; what is on the wire still is left in doubt for the next start."""
        tasks = [*self._tasks, *([self._outgoing] if self._outgoing else [])]
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                log.error("an account's work failed", account=self.account.name, exc_info=result)

    async def _attend(self) -> None:
        """Keep the plugin entered, and listen, as long as the account is enabled."""
        account = self.account
        while True:
            account.set_status(account.first_status())
            await self._until(lambda: account.enabled)
            account.set_status(account.first_status())
            async with _beside(run_account(account, self._clock)):
                while account.enabled:
                    async with _beside(self._kept(self._listener.run, "listening", self._deafen)):
                        await self._until(lambda: not account.enabled)
                    self._deafen(None)
                    await self._quiet()

    async def _quiet(self) -> None:
        """Return once nothing of a disabled account is on the wire, or it is enabled again."""
        self.lane.shut.clear()
        self.lane.poke()
        async with _beside(self._until(lambda: self.account.enabled)) as enabled:
            shut = asyncio.ensure_future(self.lane.shut.wait())
            try:
                await asyncio.wait({shut, enabled}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                shut.cancel()

    async def _until(self, condition: Callable[[], bool]) -> None:
        while True:
            changed = self.account.changed
            if condition():
                return
            await changed.wait()

    async def _watch(self) -> None:
        """Wake who depends on the account whenever it comes up or goes down."""
        while True:
            changed = self.account.changed
            self.lane.poke()
            self._listener.poke()
            self._changed()
            await changed.wait()

    async def _kept(self, run: Callable[[], Awaitable[None]], what: str, note: Callable[[str | None], None]) -> None:
        """Run something for as long as it means to, and again after a pause where it fails by a bug."""
        failures = 0
        while True:
            task = asyncio.ensure_future(run())
            try:
                await asyncio.wait({task})
            finally:
                if not task.done():
                    task.cancel()
                    await asyncio.wait({task})
            error = asyncio.CancelledError() if task.cancelled() else task.exception()
            if error is None:
                return
            failures += 1
            log.error("an account's work failed", account=self.account.name, what=what, exc_info=error)
            note(f"{what} failed ({type(error).__name__}), see the log")
            self._changed()
            await self._clock.sleep(pause(failures, 1.0))
            note(None)

    def _stick(self, cause: str | None) -> None:
        self.account.stuck = cause

    def _deafen(self, cause: str | None) -> None:
        self.account.deaf = cause


class Works:
    """The work of all accounts, by their names."""

    def __init__(self, works: Mapping[str, Work], *, store: Store, clock: Clock) -> None:
        """Take the units, of which none has begun."""
        self._works = dict(works)
        self._store = store
        self._clock = clock
        self._switched = store.event(accounts.SWITCHES)
        self._known = False
        self._stopped = asyncio.Event()
        self._former: set[Work] = set()
        self._exchanges: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[Work]:
        """Go through the units."""
        return iter(self._works.values())

    async def learn(self) -> None:
        """Know which accounts are disabled in the chat, as it is committed; raises ReadError."""
        if self._known and not self._switched.is_set():
            return
        self._switched.clear()
        try:
            stops = await self._store.read(accounts.stops)
        except StoreError:
            self._switched.set()
            raise
        self._known = True
        for name, work in self._works.items():
            work.account.switch(stops.off.get(name))

    def swap(self, new: Work) -> None:
        """Have another unit do an account's work, as soon as what the former one has on the wire is settled."""
        name = new.account.name
        former = self._works.get(name)
        self._works[name] = new
        self._known = False
        if former is not None:
            former.lane.stop()
            self._former.add(former)
        task = asyncio.create_task(self._exchange(former, new), name=f"exchange {name}")
        self._exchanges.add(task)
        task.add_done_callback(self._exchanges.discard)

    async def exchanged(self) -> None:
        """Return once every former unit has ended."""
        while self._exchanges:
            await asyncio.wait(set(self._exchanges))

    async def _exchange(self, former: Work | None, new: Work) -> None:
        if former is not None:
            await former.settle()
            await former.end()
            self._former.discard(former)
        await self._learn()
        if not self._stopped.is_set():
            new.start()

    async def run(self) -> None:
        """Work until stopped, then return once what is on the wire is settled; the plugins stay entered until `end`."""
        await self._learn()
        for work in self:
            if not self._stopped.is_set():
                work.start()
        async with _beside(self._follow()):
            await self._stopped.wait()
        await asyncio.gather(*(work.settle() for work in (*self, *self._former)))

    async def _follow(self) -> None:
        while True:
            await self._switched.wait()
            await self._learn()

    async def _learn(self) -> None:
        while not self._stopped.is_set():
            try:
                await self.learn()
            except StoreError as error:
                if not error.told:
                    log.warning("which accounts are disabled can't be read", cause=str(error))
                await wait_event(self._clock, self._stopped, STORE_PAUSE)
            else:
                return

    def stop(self) -> None:
        """Begin nothing new; `run` returns once what is on the wire is settled."""
        self._stopped.set()
        for work in (*self, *self._former):
            work.lane.stop()

    async def end(self) -> None:
        """Leave all plugins, all at once."""
        for task in self._exchanges:
            task.cancel()
        await asyncio.gather(*(work.end() for work in (*self, *self._former)))


@asynccontextmanager
async def _beside(work: Coroutine[object, object, None]) -> AsyncGenerator[asyncio.Task[None]]:
    """Have something run beside the block, and end it with the block."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
