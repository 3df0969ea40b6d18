"""The desk: takes one message after the other from the chat, and commits each with everything that follows from it.

Incoming ─► who may what ─► parsed, rendered, counted, split ─► ONE unit: the gate, the cursor, the deed's rows, its
audit, its answers.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog

from bridge.commands import declined, dispatch, offers, welcome
from bridge.commands import heard as meaning
from bridge.commands.context import Context, Deed, Mistake, Turn, no_facts, saying
from bridge.commands.heard import Unreadable
from bridge.commands.incoming import Answer, Content
from bridge.commands.limits import Limits
from bridge.commands.lines import Command, Talk
from bridge.commands.people import People
from bridge.commands.pictures import LOOSE_FOR
from bridge.domain.people import Place, Role
from bridge.domain.wording import NOTHING
from bridge.store import NotCommitted, OutageError, ReadError, StoreError, Tx, cursors, stanzas

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from bridge.commands.accounts import Accounts
    from bridge.commands.health import Facts
    from bridge.commands.heard import Heard
    from bridge.commands.incoming import Incoming
    from bridge.domain.clock import Clock
    from bridge.domain.deliveries import Delivery
    from bridge.settings import Current
    from bridge.store import Store

POISON = 4
"""After so many refusals of one message by the store the message itself is taken for the cause."""

_SETS = frozenset({"set", "role", "account", "reload"})
"""The verbs that may change what later messages mean."""

_MOST_SHARED = 100
"""People of whom it is remembered what they last shared in a room."""

_log = structlog.stdlib.get_logger(__name__)


def _uuid() -> str:
    return uuid4().hex


async def _nothing() -> None:
    """Learn nothing."""


class Desk:
    """What the chat hands every message to. Used from one event loop, one message at a time."""

    def __init__(
        self,
        current: Current,
        store: Store,
        accounts: Accounts,
        clock: Clock,
        *,
        born_for: Callable[[], frozenset[str]],
        begin: Callable[[Delivery], None],
        new_id: Callable[[], str] = _uuid,
        people: People | None = None,
        learn: Callable[[], Awaitable[None]] = _nothing,
        facts: Callable[[], Facts] | None = None,
    ) -> None:
        """Take what commands need.

        `born_for` names the accounts whose idle lane lets a delivery be born `sending`, and `begin` is given each that
        was, once it is committed. `people` is who may do what, where others are to know as well what is said of it.
        `learn` is awaited before a message is judged, so that what the last one changed is known. `facts` tells how the
        bridge itself is.
        """
        self._current = current
        self._store = store
        self._accounts = accounts
        self._clock = clock
        self._born_for = born_for
        self._begin = begin
        self._new_id = new_id
        self._learn_others = learn
        self._facts = facts or no_facts
        self._refused: tuple[str, str] | None = None
        self._refusals = 0
        self._people = people or People(current, store)
        self._shared: dict[tuple[str, str], tuple[datetime, tuple[str, ...]]] = {}
        self._cursors = _Cursors(store)
        self._limits = Limits(current)

    async def handle(self, incoming: Incoming) -> None:
        """Judge one message and commit what follows from it; return once that is committed.

        The cursor over talk that concerns nobody is moved later, in bulk. Raises NotCommitted, InDoubt or ReadError
        when the store can't be used: the same message may then be handed in again, and counts once.
        """
        await self.answer(incoming)

    async def answer(self, incoming: Incoming) -> Answer:
        """Do as `handle` does, and return what is said to the author, who gets it in the chat all the same."""
        await self._learn()
        context = self._context(incoming)
        try:
            answer = await self._hear(context)
        except StoreError as error:
            if isinstance(error, OutageError) or not isinstance(error, NotCommitted) or not self._is_poison(incoming):
                raise
            answer = await self._fail(context)
        except Exception:  # noqa: BLE001 - a bug in one command must not block the room
            _log.exception("a command failed", content=incoming.content.value, archive=incoming.archive)
            answer = await self._fail(context)
        self._refused = None
        return answer

    async def together(self, incomings: Sequence[Incoming]) -> int:
        """Commit what follows from the first of several messages in one transaction; return how many they are.

        A message whose meaning depends on the store, or that concerns nobody, isn't among them, nor is anything after
        it; and none is where anything fails. Those are to be handled one by one: nothing of them is lost, and nothing
        counts twice.
        """
        judged: list[_Judged] = []
        try:
            await self._learn()
            for incoming in incomings:
                one = await self._judge(self._context(incoming, blind=bool(judged)))
                if one is None:
                    break
                judged.append(one)
                if one.sets:
                    break
        except Exception:  # noqa: BLE001 - it is judged again by itself, and told then
            _log.debug("a message is judged by itself")
        try:
            if judged:
                await self._commit(*judged)
        except Exception:  # noqa: BLE001 - as above, for each of them
            _log.debug("messages are judged one by one", count=len(judged))
            return 0
        return len(judged)

    def is_over(self, incoming: Incoming) -> bool:
        """Tell whether a message is probably one of too many, which costs next to nothing; see `Limits`."""
        return self._limits.is_over(incoming)

    async def settle(self) -> None:
        """Return once the cursor stands where the last message was, or can't be moved any more."""
        await self._cursors.settle()

    async def _learn(self) -> None:
        """Know what people have set, and which accounts are disabled, as it is committed; raises ReadError."""
        await self._learn_others()
        await self._people.learn()

    def _context(self, incoming: Incoming, *, blind: bool = False) -> Context:
        room, rights = incoming.archive if incoming.place is Place.ROOM else None, self._people.rights
        right = rights.of(incoming.sender, incoming.affiliation, room)
        return Context(
            incoming=incoming,
            right=right,
            rights=rights,
            now=self._clock.now(),
            settings=rights.settings,
            accounts=self._accounts,
            store=self._store,
            seed=self._new_id(),
            secret=self._new_id(),
            born_for=self._born_for(),
            new_id=self._new_id,
            blind=blind,
            shared=self._shared_by(incoming),
            own=self._people.own_of(incoming.sender),
            newcomer=right.role is not Role.NONE and welcome.is_first(incoming, self._people.welcomed),
            facts=self._facts,
        )

    def _shared_by(self, incoming: Incoming) -> tuple[str, ...]:
        at, files = self._shared.get((incoming.archive, incoming.sender), (None, ()))
        return files if at is not None and abs(incoming.said_at - at) <= LOOSE_FOR else ()

    def _note_shared(self, incoming: Incoming) -> None:
        """Remember what was shared among colleagues, here alone, in case its author means us to take it."""
        name = (incoming.archive, incoming.sender)
        self._shared.pop(name, None)
        self._shared[name] = (incoming.said_at, incoming.files)
        if len(self._shared) > _MOST_SHARED:
            del self._shared[next(iter(self._shared))]

    async def _hear(self, context: Context) -> Answer:
        judged = await self._judge(context)
        if judged is None:
            self._cursors.later(context.incoming, context.now)
            return Answer()
        return Answer(lines=await self._commit(judged), wrong=judged.wrong)

    async def _judge(self, context: Context) -> _Judged | None:
        """Return what a message comes to; None where it concerns nobody."""
        if (over := self._limits.before(context)) is not None:
            return _Judged(context, over, status="over", wrong=True)
        if context.role is Role.NONE and context.place is Place.DIRECT:
            if not context.incoming.text and not context.incoming.files:
                return None
            meant = offers.hear(context)
            return await self._obey(context, meant) if isinstance(meant, Command) else _Judged(context, meant)
        if context.incoming.content is Content.AUTOMATIC:
            return _Judged(context, declined.to_automatic)
        heard = await meaning.hear(context)
        if not isinstance(heard, Talk) and context.incoming.files:
            self._shared.pop((context.incoming.archive, context.incoming.sender), None)
        if isinstance(heard, Unreadable):
            return _Judged(context, declined.to_encrypted)
        if isinstance(heard, Talk):
            if context.incoming.files and not context.incoming.has_encrypted_file and context.role is not Role.NONE:
                self._note_shared(context.incoming)
            return None
        return await self._obey(context, heard)

    async def _obey(self, context: Context, heard: Heard) -> _Judged:
        """Return the deed of what a message means, unless it was said too long ago."""
        waited = context.now - context.incoming.said_at
        if waited > context.settings.posting.max_age and not _keeps_back(heard):
            return _Judged(context, declined.too_late, status="late")
        if (over := self._limits.after(context, heard)) is not None:
            return _Judged(context, over, status="over", wrong=True)
        try:
            sets = isinstance(heard, Command) and heard.verb in _SETS
            return _Judged(context, await dispatch.deed_for(context, heard), sets=sets)
        except Mistake as mistake:
            return _Judged(context, saying(str(mistake)), wrong=True)

    async def _fail(self, context: Context) -> Answer:
        """Record that we could not carry out a message, tell it, and pass."""
        words = f"something went wrong in me with that line; it was logged. {NOTHING}"
        return Answer(lines=await self._commit(_Judged(context, saying(words), status="failed")), wrong=True)

    async def _commit(self, *judged: _Judged) -> tuple[str, ...]:
        """Write down what messages come to; return what is said in their own conversations."""
        places: dict[str, tuple[str, datetime]] = {}
        for one in judged:
            incoming = one.context.incoming
            self._cursors.overtake(incoming)
            if incoming.position is not None:
                places[_cursor(incoming)] = (incoming.position, one.context.now)

        def unit(tx: Tx) -> list[Turn | None]:
            turns = [one.carry_out(tx) for one in judged]
            for name, (position, now) in places.items():
                cursors.move(tx, name, position, now)
            return turns

        sets = any(one.sets for one in judged)
        if sets:
            # Even where nobody can say whether it is committed, what is known of people is read again.
            self._people.forget()
        made = await self._store.write(unit)
        turns = [turn for turn in made if turn is not None]
        self._limits.untell(
            one.context.incoming
            for one, turn in zip(judged, made, strict=True)
            if turn is None and one.status == "over"
        )
        for turn in turns:
            for delivery in turn.born:
                self._begin(delivery)
        if sets:
            with suppress(ReadError):  # the next message needs it as well
                await self._people.learn()
        return tuple(line for turn in turns for line in turn.said)

    def _is_poison(self, incoming: Incoming) -> bool:
        """Count how often the store has refused this very message in a row."""
        this = (incoming.archive, incoming.key)
        self._refusals = self._refusals + 1 if this == self._refused else 1
        self._refused = this
        return self._refusals >= POISON


def _keeps_back(heard: Heard) -> bool:
    """Tell whether a line keeps a post back that it names, which would go out for want of it."""
    return isinstance(heard, Command) and heard.verb in {"undo", "move", "reject"} and heard.target is not None


@dataclass(frozen=True, slots=True)
class _Judged:
    """What one message comes to, and as what it is recorded.

    `sets` is whether it changes what later ones mean, `wrong` whether nothing comes of it.
    """

    context: Context
    deed: Deed
    status: str = "done"
    sets: bool = False
    wrong: bool = False

    def carry_out(self, tx: Tx) -> Turn | None:
        """Let the message pass the gate and do the deed, once; return the turn in which it was done."""
        context, incoming = self.context, self.context.incoming
        stanza = stanzas.admit(
            tx,
            archive=incoming.archive,
            key=incoming.key,
            sender=incoming.sender,
            at=context.now,
            status=self.status,
            names=incoming.names,
        )
        if stanza is None:
            return None
        turn = Turn(tx, context, stanza)
        if context.newcomer:
            welcome.greet(turn)
        self.deed(turn)
        return turn


class _Cursors:
    """Moves the archives' cursors over talk: one bulk write at a time, never behind a command's own move."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._count = 0
        self._overtaken: dict[str, int] = {}
        self._waiting: dict[str, tuple[int, str, datetime]] = {}
        self._task: asyncio.Task[None] | None = None

    def later(self, incoming: Incoming, now: datetime) -> None:
        """Move the cursor to this message when the store has time for it."""
        if incoming.position is None:
            return
        self._count += 1
        self._waiting[_cursor(incoming)] = (self._count, incoming.position, now)
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name="talk-cursors")

    def overtake(self, incoming: Incoming) -> None:
        """Forget older moves, since a command moves the cursor farther."""
        self._count += 1
        if incoming.position is not None:
            self._overtaken[_cursor(incoming)] = self._count
            self._waiting.pop(_cursor(incoming), None)

    async def settle(self) -> None:
        """Return once nothing waits."""
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _work(self) -> None:
        try:
            while self._waiting:
                moves, self._waiting = self._waiting, {}
                await self._write(moves)
        finally:
            self._task = None

    async def _write(self, moves: dict[str, tuple[int, str, datetime]]) -> None:
        def unit(tx: Tx) -> None:
            for name, (count, position, now) in moves.items():
                # Read when the unit runs: a command that was heard later may have been written before it.
                if self._overtaken.get(name, 0) < count:
                    cursors.move(tx, name, position, now)

        try:
            await self._store.write(unit, bulk=True)
        except StoreError as error:
            # Nothing is lost by it: what was read is read again, and the gate knows it.
            if not error.told:
                _log.warning("the archive's cursor could not be moved", cause=str(error))
        except Exception:  # noqa: BLE001 - as above
            _log.exception("the archive's cursor could not be moved")


def _cursor(incoming: Incoming) -> str:
    return f"archive:{incoming.archive}"
