"""Listening: what customers say on an account becomes items of the inbox and lines in the rooms.

An item, its notices and the account's cursor are one commit, so that a kill at any instant neither loses an item nor
tells it twice.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol

import structlog

from bridge.commands import relay
from bridge.domain.clock import wait_event
from bridge.domain.ids import Cursor
from bridge.domain.items import Item, Seen
from bridge.domain.mint import Mint
from bridge.domain.retry import backoff
from bridge.plugin import Listens, PluginError
from bridge.store import InDoubt, NotCommitted, cursors, inbox

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from datetime import datetime

    from pydantic import BaseModel

    from bridge.domain.clock import Clock
    from bridge.plugin import Plugin
    from bridge.settings import Settings
    from bridge.store import Store, Tx

log = structlog.stdlib.get_logger()

BATCH = 100
"""Items that one unit of work takes at most."""

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
        settings: Settings,
        clock: Clock,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Take what it works with."""
        self._account = account
        self._store = store
        self._settings = settings
        self._clock = clock
        self._jitter = jitter
        self._failures = 0
        self._woken = asyncio.Event()

    def poke(self) -> None:
        """The account came up or went down."""
        self._woken.set()

    async def run(self) -> None:
        """Listen for ever; what a plugin raises ends one round, and the next begins where the last commit was."""
        while True:
            self._woken.clear()
            plugin = self._account.plugin
            if plugin is None or not isinstance(plugin, Listens):
                await self._woken.wait()
                continue
            try:
                since = await self._store.read(lambda tx: cursors.get(tx, cursor_name(self._account.name)))
                await self._hear(plugin.items(Cursor(since) if since is not None else None))
            except (PluginError, NotCommitted, InDoubt) as error:
                log.warning("cannot hear", account=self._account.name, cause=str(error))
            except Exception:
                log.exception("listening failed", account=self._account.name)
            self._failures += 1
            await wait_event(self._clock, self._woken, self._pause())

    def _pause(self) -> float:
        return backoff(self._failures, self._jitter(), self._settings.posting.backoff).total_seconds()

    async def _hear(self, things: AsyncGenerator[Item | Seen]) -> None:
        """Commit what the plugin yields, as much at once as has come meanwhile."""
        heard: asyncio.Queue[Item | Seen] = asyncio.Queue(BATCH)
        pump = asyncio.create_task(_pump(things, heard), name=f"hear {self._account.name}")
        first = asyncio.ensure_future(heard.get())
        try:
            while True:
                await asyncio.wait({first, pump}, return_when=asyncio.FIRST_COMPLETED)
                if not first.done():
                    await pump
                    return
                await self._commit([first.result(), *_drain(heard)])
                self._failures = 0
                first = asyncio.ensure_future(heard.get())
        finally:
            pump.cancel()
            first.cancel()
            await asyncio.wait({pump, first})
            if not pump.cancelled():
                pump.exception()  # where the commit failed as well, nobody else looks at it

    async def _commit(self, batch: Sequence[Item | Seen]) -> None:
        now, seed = self._clock.now(), uuid.uuid4().hex
        await self._store.write(lambda tx: self._unit(tx, batch, now, seed), bulk=True)

    def _unit(self, tx: Tx, batch: Sequence[Item | Seen], now: datetime, seed: str) -> None:
        items = [thing for thing in batch if isinstance(thing, Item)]
        stored = inbox.add(tx, account=self._account.name, items=items, received_at=now) if items else []
        if stored:
            relay.relay(tx, stored, settings=self._settings, now=now, mint=Mint(seed))
        cursors.move(tx, cursor_name(self._account.name), batch[-1].cursor, now)


async def _pump(things: AsyncGenerator[Item | Seen], heard: asyncio.Queue[Item | Seen]) -> None:
    async with aclosing(things):
        async for thing in things:
            await heard.put(thing)


def _drain(heard: asyncio.Queue[Item | Seen]) -> list[Item | Seen]:
    drained: list[Item | Seen] = []
    while len(drained) < BATCH - 1 and not heard.empty():
        drained.append(heard.get_nowait())
    return drained
