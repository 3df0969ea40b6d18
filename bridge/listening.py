"""Listening: what customers say, change and take back on an account becomes items of the inbox and lines in the rooms.

An item, its notices and the account's cursor are one commit, so that a kill at any instant neither loses an item nor
tells it twice; the same goes for its edits and its deletion.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol

import structlog

from bridge.commands import hearing, relay
from bridge.domain.clock import wait_event
from bridge.domain.deadline import contained
from bridge.domain.ids import Cursor
from bridge.domain.items import Deleted, Edited, Gap, Heard, Item, Notice
from bridge.domain.mint import Mint
from bridge.domain.retry import backoff
from bridge.plugin import Listens, PluginError
from bridge.store import StoreError, cursors, inbox

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from datetime import datetime

    from pydantic import BaseModel

    from bridge.commands.people import People
    from bridge.domain.clock import Clock
    from bridge.plugin import Plugin
    from bridge.settings import Current
    from bridge.store import Store, Tx

log = structlog.stdlib.get_logger()

BATCH = 100
"""Things that one unit of work takes at most."""

TOLD_AFTER = 60.0
"""Seconds after which the rooms are told that an account can't be heard: a hiccup isn't worth a line."""

CALM = 60.0
"""Seconds without an error after which a listener that has nothing to say counts as well: more than a poll may take."""

STORE_PAUSE = 1.0


class Account(Protocol):
    """What listening needs of an account."""

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        ...

    @property
    def plugin(self) -> Plugin[BaseModel] | None:
        """The plugin, entered, or None."""
        ...

    @property
    def problem(self) -> str | None:
        """Why it isn't up."""
        ...


def cursor_name(account: str) -> str:
    """Return the name of an account's position in the store."""
    return "items:" + account


class Listener:
    """Hears one account; `run` it as a task."""

    def __init__(
        self,
        account: Account,
        *,
        store: Store,
        current: Current,
        people: People,
        clock: Clock,
        jitter: Callable[[], float] = random.random,
        note: Callable[[str | None], None] = lambda _: None,
    ) -> None:
        """Take what it works with; `note` is told why nothing is heard now, and None once it is."""
        self._account = account
        self._store = store
        self._current = current
        self._people = people
        self._clock = clock
        self._jitter = jitter
        self._note = note
        self._failures = 0
        self._woken = asyncio.Event()
        self._deaf_since: float | None = None
        self._told: bool | None = None

    def poke(self) -> None:
        """The account came up or went down."""
        self._woken.set()

    async def run(self) -> None:
        """Listen for ever; what a plugin raises ends one round, and the next begins where the last commit was."""
        while True:
            self._woken.clear()
            plugin = self._account.plugin
            if plugin is None:
                await self._rest(self._account.problem or "it is not up yet", None)
            elif isinstance(plugin, Listens):
                if not self._failures:
                    self._note(None)  # it has only just come up, and nothing is wrong with what it hears
                cause = await self._listen(plugin)
                self._failures += 1
                await self._rest(cause, self._pause())
            else:
                self._deaf_since = None
                await self._woken.wait()

    async def _listen(self, plugin: Listens) -> str:
        """Hear what is said until something fails; returns what."""
        try:
            since = await self._store.read(lambda tx: cursors.get(tx, cursor_name(self._account.name)))
            await self._hear(plugin.items(Cursor(since) if since is not None else None))
        except (PluginError, StoreError) as error:
            if not (isinstance(error, StoreError) and error.told):
                log.warning("cannot hear", account=self._account.name, cause=str(error))
            return str(error)
        except Exception as error:
            log.exception("listening failed", account=self._account.name)
            return f"the plugin failed ({type(error).__name__})"
        return "the plugin has ended listening"

    def _pause(self) -> float:
        return backoff(self._failures, self._jitter(), self._current.settings.posting.backoff).total_seconds()

    async def _rest(self, cause: str, pause: float | None) -> None:
        """Wait to be woken, or for so long; meanwhile the rooms are told, once, when nothing was heard for too long."""
        self._note(cause)
        now = self._clock.monotonic()
        end = None if pause is None else now + pause
        if self._deaf_since is None:
            self._deaf_since = now
        while not self._told and (end is None or self._deaf_since + TOLD_AFTER < end):
            if await wait_event(self._clock, self._woken, self._deaf_since + TOLD_AFTER - self._clock.monotonic()):
                return
            await self._tell_deaf(cause)
        await wait_event(self._clock, self._woken, None if end is None else end - self._clock.monotonic())

    async def _tell_deaf(self, cause: str) -> None:
        name, now, seed = self._account.name, self._clock.now(), uuid.uuid4().hex
        told = self._people.rooms_told(name)
        try:
            new = await self._store.write(
                lambda tx: hearing.tell_deaf(tx, name, cause, told=told, mint=Mint(seed), now=now)
            )
        except StoreError as error:
            log.warning("the rooms can't be told that nothing is heard", account=name, cause=str(error))
            await self._clock.sleep(STORE_PAUSE)
            return
        self._told = True
        if new:
            log.warning("the rooms are told that nothing is heard", account=name, cause=cause)

    async def _well(self) -> None:
        """Take note that the account is heard, and tell the rooms where they believe that it isn't."""
        self._failures = 0
        self._deaf_since = None
        self._note(None)
        if self._told is not False:
            name, now, seed = self._account.name, self._clock.now(), uuid.uuid4().hex
            told = self._people.rooms_told(name)
            await self._store.write(lambda tx: hearing.tell_heard(tx, name, told=told, mint=Mint(seed), now=now))
            self._told = False

    async def _hear(self, things: AsyncGenerator[Heard]) -> None:
        """Commit what the plugin yields, as much at once as has come meanwhile."""
        heard: asyncio.Queue[Heard] = asyncio.Queue(BATCH)
        pump = asyncio.create_task(contained(_pump(things, heard)), name=f"hear {self._account.name}")
        first = asyncio.ensure_future(heard.get())
        calm = asyncio.ensure_future(self._clock.sleep(CALM))
        try:
            while True:
                waiting = {first, pump} if calm.done() else {first, pump, calm}
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if first.done():
                    await self._commit([first.result(), *_drain(heard)])
                    first = asyncio.ensure_future(heard.get())
                elif pump.done():
                    await pump
                    return
                await self._well()
        finally:
            ended = (pump, first, calm)
            for task in ended:
                task.cancel()
            await asyncio.wait(ended)
            if not pump.cancelled():
                pump.exception()  # where the commit failed as well, nobody else looks at it

    async def _commit(self, batch: Sequence[Heard]) -> None:
        now, seed = self._clock.now(), uuid.uuid4().hex
        await self._store.write(lambda tx: self._unit(tx, batch, now, seed), bulk=True)

    def _unit(self, tx: Tx, batch: Sequence[Heard], now: datetime, seed: str) -> None:
        mint, rights = Mint(seed), self._people.rights
        if any(isinstance(thing, Gap) for thing in batch):
            relay.gap(tx, self._account.name, rights=rights, mint=mint, now=now)
        things = [thing for thing in batch if isinstance(thing, Item | Edited | Deleted)]
        changes = inbox.hear(tx, account=self._account.name, things=things, received_at=now) if things else []
        if changes:
            relay.relay(tx, changes, rights=rights, now=now, mint=mint)
        for thing in batch:
            if isinstance(thing, Notice):
                relay.notice(tx, self._account.name, thing.text, rights=rights, mint=mint, now=now)
        cursors.move(tx, cursor_name(self._account.name), batch[-1].cursor, now)


async def _pump(things: AsyncGenerator[Heard], heard: asyncio.Queue[Heard]) -> None:
    async with aclosing(things):
        async for thing in things:
            await heard.put(thing)


def _drain(heard: asyncio.Queue[Heard]) -> list[Heard]:
    drained: list[Heard] = []
    while len(drained) < BATCH - 1 and not heard.empty():
        drained.append(heard.get_nowait())
    return drained
