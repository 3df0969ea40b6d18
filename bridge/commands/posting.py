"""What is published: a post, a bare status, and the line of which nobody is sure that it is one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.commands import approval, pictures
from bridge.commands.compose import Order, Wish, order
from bridge.commands.rejudging import with_pictures
from bridge.domain.deliveries import Hold, State
from bridge.domain.people import Place
from bridge.domain.text import clean_inbound
from bridge.domain.wording import NOTHING, plural, tag
from bridge.store import accounts, outbox, panics, posts, receipts
from bridge.store import pictures as stored_pictures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.commands.context import Context, Deed, Turn
    from bridge.domain.outbox import Part, StoredPost

_SHOWN = 60


def post(context: Context, wish: Wish) -> Deed:
    """Return the deed of publishing a text, after the hold; raises Mistake."""
    made = order(context, wish)

    def deed(turn: Turn) -> None:
        take_back_questions(turn)
        if wish.pictures and not pictures.loose(turn):
            turn.say(f"Your picture isn't here any more: share it again. {NOTHING}")
            return
        stored = write(turn, made)
        turn.audit("post", entry=stored.id, content=stored.text)
        if wish.template is not None:
            turn.audit("say", entry=stored.id, content=wish.template)

    return deed


def question(context: Context, wish: Wish, meant: Sequence[str], why: str = "") -> Deed:
    """Return the deed of holding a line until its author says `send`: it may have been meant as a command.

    `meant` are the forms of the commands that it may be, `why` the sentence that says what kept it from being one.
    Raises Mistake.
    """
    made = order(context, replace(wish, question=True))

    def deed(turn: Turn) -> None:
        take_back_questions(turn)
        stored = write(turn, made)
        turn.audit("question", entry=stored.id, content=stored.text)
        turn.say(asked(turn.context, stored, meant, why), post=stored.id)

    return deed


def asked(context: Context, stored: StoredPost, meant: Sequence[str], why: str = "") -> str:
    """Return the question that a doubtful line is answered with."""
    forms = " or ".join(context.verb(form) for form in meant)
    other = f", or did you mean {forms}" if forms else ""
    send = context.verb("send")
    # The forms are in the question already, so the reason needn't say again what to type.
    reason = why.partition(": type ")[0]
    reason = f" {reason}" + ("" if reason.endswith((".", "?", "!")) else ".") if reason else ""
    return f'{tag(stored.id)} Post "{shortened(stored.text)}" as a status ({send}){other}? {NOTHING}{reason}'


def shortened(text: str, limit: int = _SHOWN) -> str:
    """Return the beginning of a text on one line."""
    words = " ".join(clean_inbound(text, None).split())
    return words if len(words) <= limit else words[: limit - 3].rstrip() + "..."


def write(turn: Turn, made: Order) -> StoredPost:
    """Store a post with its pictures and deliveries, owe its receipt, and say what its author must know besides."""
    waiting = pictures.gathered(turn, made.held)
    many = len(waiting) + len(turn.context.incoming.files[: pictures.MOST])
    stored = posts.add(turn.tx, replace(made.draft, pictures=many), stanza=turn.stanza)
    if many:
        made, own = with_pictures(turn, stored, made, pictures.attach(turn, stored, waiting))
        if pictures.waits(own, {part.account for part in made.parts}, turn.context.settings):
            made = replace(made, held=made.held | {Hold.PICTURE.value})
    owe(turn, stored, made.parts, made.held)
    approval.note(turn, stored, made.decision, made.held, due=made.due)
    if made.left_out and Hold.QUESTION not in made.held:
        turn.say(f"{tag(stored.id)} {plural(made.left_out, 'control character')} left out", post=stored.id)
    return stored


def owe(turn: Turn, stored: StoredPost, parts: Sequence[Part], held: frozenset[str]) -> None:
    """Owe a new post's parts to their accounts, and its receipt to its author, unless it waits for a second word."""
    context = turn.context
    stops = accounts.stops(turn.tx)
    owed = outbox.add(
        turn.tx,
        stored,
        parts,
        held=held,
        now=turn.now,
        born_for=context.born_for - stops.off.keys() if stops.panic is None else frozenset[str](),
        epoch=context.store.epoch,
    )
    turn.born += [one for one in owed if one.state is State.SENDING]
    if Hold.QUESTION in held:
        return
    # What is on the wire already has an outcome in a moment, and one message can tell both.
    turn.touch(stored, new=True, urgent=any(one.state is not State.SENDING for one in owed))
    if stops.panic is not None and Hold.SCHEDULE not in held:
        panics.tell(turn.tx, [context.source], now=turn.now)
        go_on = context.verb("resume")
        turn.say(
            f"{tag(stored.id)} waits: everything outgoing is frozen. An approver's {go_on} continues", post=stored.id
        )


def take_back_questions(turn: Turn) -> None:
    """Cancel the person's older lines that wait for a second word: a newer line has taken their place."""
    context = turn.context
    if context.place is Place.ROOM:
        return  # there everything is either marked as a command or talk
    for entry, reasons in receipts.held_by(turn.tx, author=context.sender, source=context.source):
        if Hold.QUESTION in reasons:
            for one in outbox.of_post(turn.tx, entry):
                if one.state is State.HELD:
                    outbox.save(turn.tx, replace(one, state=State.CANCELLED, held=frozenset()), now=turn.now)
            stored_pictures.detach(turn.tx, entry)
            turn.audit("replaced", entry=entry)
