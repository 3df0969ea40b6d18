"""`at`, `queue`, `move`: posts that wait for their time; and what happens when that has come.

What waits is a row and a reason to hold its deliveries, which go in one transaction: so a post goes out once, whoever
else sends, moves or takes it back at the same instant.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bridge.commands import receipts, rejudging
from bridge.commands.compose import Wish, order
from bridge.commands.context import Mistake
from bridge.commands.posting import shortened, take_back_questions, write
from bridge.domain import when
from bridge.domain.deliveries import Hold, State
from bridge.domain.later import ACTOR, Timer, frozen, overdue, roughly
from bridge.domain.mint import Mint
from bridge.domain.people import Place
from bridge.domain.when import WhenError
from bridge.domain.wording import NOTHING, tag
from bridge.store import accounts, audit, inbox, notices, outbox, posts, timers

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from bridge.commands.context import Context, Deed, Turn
    from bridge.domain.ids import EntryId
    from bridge.domain.outbox import StoredPost
    from bridge.domain.when import Moment
    from bridge.store import Tx

SHOWN: Final = 10
"""So many posts are listed at once."""

UNCHANGED: Final = "Nothing was changed."

_TEXT: Final = 60


def plan(context: Context, wish: Wish, said: str) -> Deed:
    """Return the deed of publishing a text at a time; raises Mistake."""
    at = moment(context, said, "at {} TEXT")
    made = order(context, replace(wish, scheduled=True, due=at.at))

    def deed(turn: Turn) -> None:
        take_back_questions(turn)
        stored = write(turn, made)
        timers.add(turn.tx, stored.id, at, said=said)
        turn.audit("at", entry=stored.id, content=stored.text)
        if stored.receipt != stored.id:
            # The receipt of a burst doesn't say when each of its posts goes out.
            turn.say(f"{tag(stored.id)} goes out {_in(at, turn)}", post=stored.id)

    return deed


def moment(context: Context, said: str, form: str) -> Moment:
    """Return the moment that the person means, counted from when they said it; raises Mistake.

    `form` is what to type with another time in the place of the braces.
    """
    nothing = NOTHING if form.startswith("at") else UNCHANGED
    words = said.split()
    try:
        read, many = when.read(words)
        if many == len(words):
            return when.find(read, said_at=context.incoming.said_at, zone=context.zone)
    except WhenError as error:
        choices = " or ".join(context.verb(form.format(choice)) for choice in error.choices)
        instead = f" Type {choices}." if choices else ""
        raise Mistake(f"{error}.{instead} {nothing}") from None
    raise Mistake(f"That is no time. {nothing}")


def replan(turn: Turn, entry: EntryId, at: Moment, *, said: str) -> None:
    """Have a post wait for another time, or for one at all, since its own line says so now."""
    if timers.move(turn.tx, entry, at):
        timers.reword(turn.tx, entry, said)
    else:
        timers.add(turn.tx, entry, at, said=said)
    turn.audit("move", entry=entry, content=str(at))


def move(context: Context, entry: EntryId, said: str) -> Deed:
    """Return the deed of having a post go out at another time; raises Mistake."""
    at = moment(context, said, f"move {entry:x} {{}}")

    def deed(turn: Turn) -> None:
        stored = posts.get(turn.tx, entry)
        if stored is None:
            item = inbox.get(turn.tx, entry)
            what = f"There is no {tag(entry)}" if item is None else f"{tag(entry)} is what somebody said to us"
            turn.say(f"{what}. {UNCHANGED}", item=None if item is None else entry)
        elif not timers.move(turn.tx, entry, at):
            queue_ = turn.context.verb("queue")
            turn.say(f"{tag(entry, stored.item)} waits for no time: {queue_} lists what does. {UNCHANGED}", post=entry)
        else:
            turn.audit("move", entry=entry, content=str(at))
            turn.touch(stored)
            turn.say(f"{tag(entry)} goes out {_in(at, turn)} instead", post=entry)
            rejudging.again(turn, stored, due=at.at, always=False)

    return deed


def _in(at: Moment, turn: Turn) -> str:
    left = at.at - turn.now
    return f"{at} (in {roughly(left)})" if at.at > turn.now else f"{at} (now)"


def queue() -> Deed:
    """Return the deed of listing what waits for its time, the first to be due first."""

    def deed(turn: Turn) -> None:
        waiting = timers.first(turn.tx, SHOWN)
        lines = [_line(turn, one) for one in waiting]
        more = timers.count(turn.tx) - len(waiting) if len(waiting) == SHOWN else 0
        if more > 0:
            lines.append(f"... and {more} more")
        turn.say("\n".join(lines) or "Nothing is scheduled.")

    return deed


def _line(turn: Turn, timer: Timer) -> str:
    """Return one post of the queue; what was written elsewhere in private isn't shown to a room."""
    context = turn.context
    stored = posts.get(turn.tx, timer.post)
    ones = outbox.of_post(turn.tx, timer.post)
    names = ", ".join(dict.fromkeys(one.account for one in ones if one.state is State.HELD))
    at = replace(timer.moment, zone=context.zone)
    was = "was due " if timer.asked else ""
    may_read = stored is not None and (context.place is Place.DIRECT or stored.source == context.source)
    text = shortened(stored.text, _TEXT) if stored is not None and may_read else "(written elsewhere)"
    return f"{tag(timer.post)} {was}{at}, {names}: {text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """What is known before the writer of one look at what is due.

    `seed` and `secret` are what ids and salts are made of, `max_age` is how late something may go out unasked, and
    `unusable` says why an account can't be posted to at all, None where it can.
    """

    now: datetime
    max_age: timedelta
    seed: str
    secret: str
    unusable: Callable[[str], str | None]


def fire(tx: Tx, entry: EntryId, made: Firing) -> bool:
    """Let a post out whose time has come, or leave it to people where that came too long ago.

    False where it waits for no time any more, or for a later one. Whatever it does, it does once.
    """
    timer, stored = timers.get(tx, entry), posts.get(tx, entry)
    if timer is None or stored is None or timer.asked or timer.due_at > made.now:
        return False
    mint = Mint(made.seed)
    late = made.now - timer.due_at > made.max_age
    lines = _leave(tx, stored, timer, made) if late else _let_out(tx, stored, made, mint)
    audit.append(
        tx,
        at=made.now,
        actor=ACTOR,
        verb="overdue" if late else "due",
        salt=made.secret,
        entry=entry,
        content=str(timer.moment),
    )
    for line in lines:
        notices.add_line(tx, target=stored.source, body=line, origin_id=mint(), at=made.now, post=entry)
    return True


def _leave(tx: Tx, stored: StoredPost, timer: Timer, made: Firing) -> list[str]:
    timers.ask(tx, timer.post)
    return [overdue(stored, timer, now=made.now)]


def _let_out(tx: Tx, stored: StoredPost, made: Firing, mint: Mint) -> list[str]:
    """Take the reason away, with the row; return what there is to say besides the receipt."""
    timers.end(tx, stored.id)
    waiting = [one for one in outbox.of_post(tx, stored.id) if one.state is State.HELD and Hold.SCHEDULE in one.held]
    if not waiting:
        return []
    for one in waiting:
        outbox.free(tx, one, Hold.SCHEDULE, now=made.now)
    receipts.touch(tx, stored, origin_id=mint(), now=made.now, urgent=True)
    lines = [frozen(stored.id, stored.source.place)] if accounts.panic(tx) is not None else []
    names = dict.fromkeys(one.account for one in waiting)
    return lines + [
        f"{tag(stored.id)} is due, but {name} {why}: there it waits until that has changed"
        for name in names
        if (why := made.unusable(name)) is not None
    ]
