"""`edit`, and the correction of one's own line: another text for a post that has not gone out yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.commands.compose import Order, Wish, order
from bridge.commands.context import Mistake
from bridge.domain.deliveries import Delivery, DeliveryKind, Hold, State
from bridge.domain.wording import tag
from bridge.store import accounts, inbox, outbox, posts, references

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.commands.context import Context, Deed, Turn
    from bridge.domain.ids import EntryId
    from bridge.domain.inbox import StoredItem
    from bridge.domain.outbox import StoredPost
    from bridge.store import Tx

UNCHANGED = "Nothing was changed."


async def edit(context: Context, entry: EntryId, text: str, *, to: tuple[str, ...] | None = None) -> Deed:
    """Return the deed of giving a post another text, and its accounts where `to` names some; raises Mistake.

    Its undo window begins anew. What was sent, or may have been, keeps its text.
    """

    def look(tx: Tx) -> tuple[StoredPost | None, tuple[Delivery, ...], StoredItem | None]:
        stored = posts.get(tx, entry)
        if stored is None:
            return None, (), None
        answered = inbox.get(tx, stored.answers) if stored.answers is not None else None
        return stored, outbox.of_post(tx, entry), answered

    stored, deliveries, answered = await context.read(look)
    if stored is None:
        raise Mistake(f"There is no post {tag(entry)}. {UNCHANGED}")
    if not _is_draft(deliveries):
        raise Mistake(f"{tag(entry, stored.answers)} {_too_late(context, deliveries)} {UNCHANGED}")
    made = order(context, _wish(stored, deliveries, text, to, answered))

    def deed(turn: Turn) -> None:
        now = posts.get(turn.tx, entry)
        standing = outbox.of_post(turn.tx, entry)
        if now is None or now.revision != stored.revision or not _is_draft(standing):
            turn.say(f"{tag(entry, stored.answers)} {_too_late(context, standing)} {UNCHANGED}", post=entry)
            return
        _rewrite(turn, now, standing, made)

    return deed


def _is_draft(deliveries: Sequence[Delivery]) -> bool:
    """Tell whether nothing of a post was ever attempted, and somebody's word or a window still holds it."""
    return bool(deliveries) and all(
        one.state is State.HELD and one.attempt == 0 and one.kind is DeliveryKind.POST for one in deliveries
    )


def _too_late(context: Context, deliveries: Iterable[Delivery]) -> str:
    undo = context.verb("undo ID")
    states = {one.state for one in deliveries}
    if states <= {State.CANCELLED}:
        return "was cancelled: post it again."
    return f"isn't held any more, and what is out can't be changed in this version: {undo} takes it back."


def _wish(
    stored: StoredPost,
    deliveries: Sequence[Delivery],
    text: str,
    to: tuple[str, ...] | None,
    answered: StoredItem | None,
) -> Wish:
    return Wish(
        text=text,
        to=to or tuple(dict.fromkeys(one.account for one in deliveries)),
        warning=stored.warning,
        visibility=stored.visibility,
        question=any(Hold.QUESTION in one.held for one in deliveries),
        answers=answered,
        signed=stored.nick,
    )


def _rewrite(turn: Turn, stored: StoredPost, before: Sequence[Delivery], made: Order) -> None:
    """Put a post's new deliveries in the place of those that were never attempted."""
    outbox.forget(turn.tx, before)
    changed = posts.revise(turn.tx, stored, text=made.draft.text, hold=made.draft.hold)
    outbox.add(
        turn.tx,
        changed,
        made.parts,
        held=made.held,
        now=turn.now,
        born_for=frozenset[str](),
        epoch=turn.context.store.epoch,
    )
    references.changed(turn.tx, turn.stanza, stored.id)
    turn.audit("edit", entry=stored.id, content=changed.text)
    if made.left_out:
        turn.say(f"{tag(stored.id, stored.answers)} {made.left_out} control characters left out", post=stored.id)
    if Hold.QUESTION not in made.held:
        turn.touch(changed)
    if accounts.panic(turn.tx) is not None:
        turn.say(f"{tag(stored.id, stored.answers)} waits: everything outgoing is frozen", post=stored.id)
