"""Errands: what people in the chat want to know of a platform is asked there, and told in one line.

The wish is a row since its command; the line and the end of the row are one commit. So every wish has one answer,
whatever dies meanwhile, and a platform that hangs keeps nobody else from an answer: reading twice is harmless.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from bridge.commands import surroundings, switching
from bridge.domain.clock import wait_event
from bridge.domain.deadline import within
from bridge.domain.errands import Errand, Trial
from bridge.domain.mint import Mint
from bridge.plugin import PluginError, Shows
from bridge.store import StoreError, errands, inbox, notices

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

    from pydantic import BaseModel

    from bridge.commands.accounts import Accounts
    from bridge.commands.surroundings import Thread
    from bridge.domain.clock import Clock
    from bridge.domain.posts import Ref
    from bridge.plugin import Plugin
    from bridge.store import Store, Tx

log = structlog.stdlib.get_logger()

AT_ONCE: Final = 4
"""So many are asked of an account at a time."""

BROKEN: Final = "an error of the bridge or of the plugin, see the log"

STORE_PAUSE: Final = 1.0


class Account(Protocol):
    """What an errand needs of an account."""

    @property
    def plugin(self) -> Plugin[BaseModel] | None:
        """The plugin, entered, or None."""
        ...

    @property
    def problem(self) -> str | None:
        """Why it isn't up."""
        ...

    @property
    def deadline(self) -> timedelta:
        """How long one request may take, all in all."""
        ...

    async def entered(self) -> None:
        """Return once it is up, or known not to be."""
        ...


class Errands:
    """Runs them; `run` it as a task."""

    def __init__(
        self,
        accounts: Callable[[str], Account | None],
        *,
        views: Accounts,
        attempt: Callable[[str], Awaitable[str | None]],
        store: Store,
        clock: Clock,
    ) -> None:
        """Take what finds an account by its name.

        `attempt` enters another instance of one, and returns why it could not.
        """
        self._accounts = accounts
        self._views = views
        self._attempt = attempt
        self._store = store
        self._clock = clock
        self._woken = store.event(errands.TOPIC)
        self._under_way: set[Errand | Trial] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Run errands for ever; cancelled, those under way are left for the next start."""
        try:
            while True:
                self._woken.clear()
                waiting = await self._waiting()
                for one in waiting or ():
                    self._begin(one)
                # Nobody but commands of this process adds any, so that there is nothing to look for unasked.
                await wait_event(self._clock, self._woken, STORE_PAUSE if waiting is None else None)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, one: Errand | Trial) -> None:
        """Go on an errand, unless it is under way, or as many of its account are as may be."""
        same = sum(other.account == one.account for other in self._under_way)
        if one in self._under_way or same >= AT_ONCE:
            return
        self._under_way.add(one)
        work = self._go(one) if isinstance(one, Errand) else self._try(one)
        task = asyncio.create_task(work, name=f"errand {one.id}")
        self._tasks.add(task)
        task.add_done_callback(lambda ended: self._end(one, ended))

    async def _waiting(self) -> list[Errand | Trial] | None:
        """Return what is to be asked; None where the store can't tell now."""
        try:
            return await self._store.read(lambda tx: [*errands.waiting(tx), *errands.trials(tx)])
        except StoreError as error:
            if not error.told:
                log.warning("what is to be asked can't be read", cause=str(error))
            return None

    def _end(self, one: Errand | Trial, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._under_way.discard(one)
        self._woken.set()

    async def _go(self, one: Errand) -> None:
        try:
            item = await self._store.read(lambda tx: inbox.get(tx, one.item))
            if item is None or item.deleted_at is not None:
                await self._answer(one, "it isn't there any more")
            else:
                await self._answer(one, await self._ask(one, item.item.ref))
        except StoreError:
            await self._clock.sleep(STORE_PAUSE)
        except Exception:
            log.exception("an errand failed", account=one.account, errand=one.id)
            await self._answer(one, BROKEN)

    async def _answer(self, one: Errand, found: Thread | str) -> None:
        seed, now = uuid.uuid4().hex, self._clock.now()

        def unit(tx: Tx) -> None:
            if errands.finish(tx, one.id):
                body = surroundings.told(tx, one, found, now=now)
                notices.add_line(tx, target=one.target, body=body, origin_id=Mint(seed)(), at=now, item=one.item)

        await self._write(unit, one.account)

    async def _try(self, one: Trial) -> None:
        """Try an account's login, and tell what came of it."""
        try:
            problem = await self._attempt(one.account)
        except Exception:
            log.exception("a check failed", account=one.account)
            problem = BROKEN
        body = switching.checked(self._views.view(one.account), one.account, problem)
        seed, now = uuid.uuid4().hex, self._clock.now()

        def unit(tx: Tx) -> None:
            if errands.finish_trial(tx, one.id):
                notices.add_line(tx, target=one.target, body=body, origin_id=Mint(seed)(), at=now)

        await self._write(unit, one.account)

    async def _write(self, unit: Callable[[Tx], None], account: str) -> None:
        while True:
            try:
                return await self._store.write(unit)
            except StoreError as error:
                if not error.told:
                    log.warning("an answer can't be written down", account=account, cause=str(error))
                await self._clock.sleep(STORE_PAUSE)

    async def _ask(self, one: Errand, ref: Ref) -> Thread | str:
        """Return the conversation, or why there is none, as the end of a sentence."""
        account = self._accounts(one.account)
        if account is None:
            return "it is not configured any more"
        await account.entered()
        plugin = account.plugin
        if plugin is None:
            return account.problem or "it is disabled"
        if not isinstance(plugin, Shows):
            return "its plugin can't show conversations"
        try:
            return await within(self._clock, account.deadline, plugin.thread(ref))
        except TimeoutError:
            return f"no answer within {account.deadline.total_seconds():g} s"
        except PluginError as error:
            return str(error) or type(error).__name__
        except Exception as error:
            log.exception("plugin failed", account=one.account, errand=one.id)
            return f"the plugin failed ({type(error).__name__})"
