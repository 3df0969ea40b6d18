"""One account's lane: takes the head of its part of the outbox, attempts it, writes down what came of it, goes on."""

from __future__ import annotations

import asyncio
import random
import secrets
import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, TypeVar

import structlog

from bridge.delivery import calls, units
from bridge.delivery.calls import Pictures, no_pictures
from bridge.delivery.steps import Attempt, Context, Idle, LookFor, Next
from bridge.domain.clock import wait_event
from bridge.domain.deliveries import Absent, Delivery, Outcome, Sent, Unauthorized
from bridge.domain.ids import short
from bridge.domain.settling import Terms
from bridge.plugin import Deletes, Finds
from bridge.store import InDoubt, NotCommitted, outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import datetime

    from pydantic import BaseModel

    from bridge.delivery.attendance import Attendance
    from bridge.domain.clock import Clock
    from bridge.domain.people import Target
    from bridge.plugin import Plugin
    from bridge.store import Store, Tx

log = structlog.stdlib.get_logger()

TOLD_AFTER = 5.0
"""Seconds after which a lane that does not flow tells its rooms so."""

SWEEP = 30.0
"""Seconds after which a lane looks again though nothing woke it: a safety net, and how the shell is noticed."""

STORE_PAUSE = 1.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The rules of the house, as they are now: where what concerns the account is told, what is too old, the pauses."""

    told: tuple[Target, ...]
    admins: tuple[Target, ...]
    max_age: timedelta
    backoff: timedelta


class Account(Protocol):
    """What a lane needs of its account; the plugin is None while it isn't up."""

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

    @property
    def barred(self) -> str | None:
        """How the configuration keeps it from working, as the end of a sentence; None where it doesn't."""
        ...

    @property
    def deadline(self) -> timedelta:
        """How long one request may take, all in all."""
        ...

    @property
    def settle_after(self) -> timedelta | None:
        """What the configuration sets in place of the plugin's own."""
        ...


class Lane:
    """The ordered work of one account; `run` it as a task, and again if it failed.

    `shut` is set while the account is disabled, and nothing of it is on the wire any more.
    """

    def __init__(
        self,
        account: Account,
        *,
        store: Store,
        clock: Clock,
        attendance: Attendance,
        house: Callable[[], House],
        jitter: Callable[[], float] = random.random,
        started: asyncio.Event,
        pictures: Pictures = no_pictures,
    ) -> None:
        """Take what it works with; `house` is asked for its rules each time.

        `started` is set once outgoing work may begin, and `pictures` gives a post's.
        """
        self._account = account
        self._store = store
        self._clock = clock
        self._attendance = attendance
        self._house = house
        self._jitter = jitter
        self._started = started
        self._pictures = pictures
        self._woken = store.event(outbox.lane_topic(account.name))
        self.shut = asyncio.Event()
        self._stopping = False
        self._begun: tuple[int, int] | None = None
        self._newest = 0
        self._born: Delivery | None = None
        self._blocked_since: float | None = None
        self._told = False
        self._paused = False
        self._closed_breaker = True

    @property
    def name(self) -> str:
        """The account's name."""
        return self._account.name

    @property
    def takes_born(self) -> bool:
        """Whether a delivery may be born `sending` on this lane: it would be attempted at once."""
        return (
            self._started.is_set() and not self._stopping and self._closed_breaker and self._account.plugin is not None
        )

    def begin(self, born: Delivery) -> None:
        """Begin with a delivery that was born `sending` and is committed, without a look at the store.

        It is only a short cut: a lane that is given none, or is busy, finds the row when it claims its head.
        """
        self._born = born
        self._woken.set()

    def poke(self) -> None:
        """Look again now: the account, or who attends, has changed."""
        self._woken.set()

    def stop(self) -> None:
        """Begin nothing new; `run` returns once what is on the wire is settled."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Work until stopped. Cancelled in the middle of an attempt, its row stays in doubt for the next start."""
        await self._started.wait()
        # What was born before may have been given back by a former lane of the account: the rows tell.
        self._born = None
        await self._write(units.recover)
        step: Next | None = None
        while not self._stopping:
            match step:
                case Attempt(delivery=delivery):
                    step = await self._attempt(delivery)
                case LookFor():
                    step = await self._look(step)
                case Idle():
                    if step.shut:
                        self.shut.set()
                    await self._rest(step)
                    step = None
                case None:
                    self.shut.clear()
                    self._woken.clear()
                    step = self._take_born() or await self._write(units.claim)
        await self._write(units.give_back)

    async def restart_holds(self, name: str) -> None:
        """Begin the undo windows of a conversation that hears the bot again anew."""
        await self._write(lambda tx, context: units.restart_holds(tx, context, name))
        self.poke()

    def _take_born(self) -> Attempt | None:
        """Return what was born, unless a claim was faster.

        Nothing but this lane changes the state of a row that is `sending`, and one whose number is above all that
        were begun wasn't begun.
        """
        born, self._born = self._born, None
        return None if born is None or born.id <= self._newest else Attempt(delivery=born)

    def _context(self) -> Context:
        plugin, house = self._account.plugin, self._house()
        return Context(
            account=self._account.name,
            epoch=self._store.epoch,
            now=self._clock.now(),
            seed=uuid.uuid4().hex,
            secret=secrets.token_hex(16),
            terms=self._terms(plugin, house),
            present=self._attendance.hearing,
            told=house.told,
            admins=house.admins,
            usable=plugin is not None and not self._stopping,
            problem=None if plugin is not None else self._account.problem or "it is not up yet",
            paused=self._paused,
            deletes=isinstance(plugin, Deletes),
            barred=self._account.barred,
            begun=self._begun,
        )

    def _terms(self, plugin: Plugin[BaseModel] | None, house: House) -> Terms:
        own = self._account.settle_after
        terms = Terms(max_age=house.max_age, backoff=house.backoff)
        if own is not None:
            terms = replace(terms, settle_after=own)
        if plugin is None:
            return terms
        return replace(
            terms,
            key_lifetime=plugin.limits.key_lifetime,
            settle_after=plugin.limits.settle_after if own is None else own,
            finds=isinstance(plugin, Finds),
        )

    async def _write(self, unit: Callable[[Tx, Context], T]) -> T:
        """Have a unit committed, however long the store takes to be well again.

        Every unit of a lane checks the rows it is about, so that one whose commit is in doubt can be given again.
        """
        said = False
        while True:
            context = self._context()
            try:
                return await self._store.write(lambda tx, context=context: unit(tx, context))
            except (NotCommitted, InDoubt) as error:
                if not (said or error.told):
                    log.error("store does not commit", account=self.name, cause=str(error))  # noqa: TRY400 - the cause says it all
                    said = True
                await self._clock.sleep(STORE_PAUSE)

    async def _attempt(self, delivery: Delivery) -> Next:
        plugin = self._account.plugin
        if plugin is None or self._stopping:
            return Idle(until=None, waiting=1, cause=self._account.problem, told=self._told, open=False)
        self._begun = (delivery.id, delivery.attempt)
        self._newest = max(self._newest, delivery.id)
        deadline = self._account.deadline
        call = calls.attempt(plugin, delivery, clock=self._clock, deadline=deadline, pictures=self._pictures)
        return await self._settle(delivery, await self._watched(call))

    async def _look(self, step: LookFor) -> Next:
        plugin = self._account.plugin
        if plugin is None or self._stopping:
            return Idle(until=None, waiting=1, cause=self._account.problem, told=self._told, open=False)
        head = step.delivery
        call = calls.look(
            plugin,
            head,
            known=step.known,
            since=head.doubt_since or self._clock.now(),
            clock=self._clock,
            deadline=self._account.deadline,
        )
        return await self._settle(head, await self._watched(call))

    async def _settle(self, delivery: Delivery, outcome: Outcome) -> Next:
        jitter = self._jitter()
        self._log(delivery, outcome)
        if units.done(outcome):
            self._blocked_since, self._told, self._paused = None, False, False
        step = await self._write(lambda tx, context: units.settle(tx, context, delivery, outcome, jitter))
        self._paused = self._paused or isinstance(outcome, Unauthorized)
        return step

    async def _watched(self, call: Coroutine[object, object, Outcome]) -> Outcome:
        """Await a call, and tell the rooms meanwhile if it keeps the lane from flowing for too long."""
        if self._blocked_since is None:
            self._blocked_since = self._clock.monotonic()
        task = asyncio.ensure_future(call)
        try:
            if not self._told:
                left = self._blocked_since + TOLD_AFTER - self._clock.monotonic()
                try:
                    return await self._clock.within(max(0.0, left), asyncio.shield(task))
                except TimeoutError:
                    await self._tell_blocked("no answer yet")
            return await asyncio.shield(task)
        finally:
            if not task.done():
                task.cancel()

    async def _rest(self, idle: Idle) -> None:
        """Wait for a commit, for the next due time, or until the rooms must be told that nothing flows."""
        self._closed_breaker = not idle.open
        self._told = idle.told
        blocked = idle.waiting > 0 and idle.cause is not None
        if not blocked:
            self._blocked_since = None
        elif self._blocked_since is None:
            self._blocked_since = self._clock.monotonic()
        waits = [SWEEP, *self._until(idle.until)]
        if blocked and self._blocked_since is not None and not idle.told:
            waits.append(self._blocked_since + TOLD_AFTER - self._clock.monotonic())
        await wait_event(self._clock, self._woken, min(waits))
        if blocked and self._blocked_since is not None and not idle.told:
            over = self._clock.monotonic() - self._blocked_since >= TOLD_AFTER
            if over and idle.cause is not None and not self._woken.is_set():
                await self._tell_blocked(idle.cause)

    def _until(self, until: datetime | None) -> tuple[float, ...]:
        return () if until is None else (max(0.0, (until - self._clock.now()).total_seconds()),)

    async def _tell_blocked(self, cause: str) -> None:
        if await self._write(lambda tx, context: units.tell_blocked(tx, context, cause)):
            log.warning("nothing goes out", account=self.name, cause=cause)
        self._told = True

    def _log(self, delivery: Delivery, outcome: Outcome) -> None:
        words = {"account": self.name, "post": short(delivery.post), "kind": delivery.kind.value}
        if isinstance(outcome, Sent | Absent):
            log.info("goes out again" if self._told else "settled", outcome=type(outcome).__name__.lower(), **words)
        else:
            log.warning("not done", outcome=type(outcome).__name__.lower(), cause=outcome.reason, **words)
