"""What is done to somebody's message on its platform, in place of an answer: repeat it, mark it as a favourite.

Both are held like a post, since the whole world, or the customer, sees them; `undo` takes a repetition back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.commands import approval
from bridge.commands.compose import judged
from bridge.commands.posting import owe, take_back_questions
from bridge.commands.triage import on_item
from bridge.domain.deliveries import DeliveryKind, Hold, State
from bridge.domain.outbox import Draft, Part
from bridge.domain.policy import Subject
from bridge.domain.posts import Key, Visibility
from bridge.domain.wording import NOTHING, tag
from bridge.store import outbox, posts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.commands.accounts import AccountView
    from bridge.commands.context import Deed, Turn
    from bridge.commands.triage import To
    from bridge.domain.ids import EntryId
    from bridge.domain.inbox import StoredItem
    from bridge.domain.outbox import StoredPost
    from bridge.store import Tx

_OPEN: Final = frozenset({Visibility.PUBLIC, Visibility.UNLISTED})
_OVER: Final = frozenset({State.CANCELLED, State.DEAD})

DONE: Final[Mapping[DeliveryKind, str]] = {DeliveryKind.REPEAT: "repeated", DeliveryKind.FAVOUR: "a favourite"}
"""What a message is to which that was done."""


def repeat(to: To) -> Deed:
    """Return the deed of repeating an item to the followers of the account that heard it, once."""
    return on_item(to, lambda turn, one: _mark(turn, one, DeliveryKind.REPEAT))


def favour(to: To) -> Deed:
    """Return the deed of marking an item as a favourite of the account that heard it, once."""
    return on_item(to, lambda turn, one: _mark(turn, one, DeliveryKind.FAVOUR))


def standing(tx: Tx, item: EntryId, kind: DeliveryKind) -> Iterator[StoredPost]:
    """Yield the posts that repeat or mark an item and weren't taken back or given up, oldest first."""
    for stored in posts.about(tx, item):
        ones = outbox.of_post(tx, stored.id)
        gone = any(one.kind is DeliveryKind.DELETE and one.state is not State.CANCELLED for one in ones)
        if not gone and any(one.kind is kind and one.state not in _OVER and not one.unwanted for one in ones):
            yield stored


def _mark(turn: Turn, one: StoredItem, kind: DeliveryKind) -> None:
    why = _obstacle(turn, one, kind)
    if why is not None:
        turn.say(f"{tag(one.id)} {why}. {NOTHING}", item=one.id)
        return
    take_back_questions(turn)
    context = turn.context
    hold = context.hold
    draft = Draft(
        author=context.sender,
        nick=context.nick,
        source=context.source,
        text="",
        hold=hold,
        created_at=turn.now,
        about=one.id,
    )
    part = Part(
        account=one.account,
        text="",
        key=Key(token=turn.mint(), minted_at=turn.now),
        parent=one.item.ref,
        kind=kind,
        link=one.item.url,
    )
    roles = frozenset({context.role})
    subject = Subject(text="", accounts=(one.account,), roles=roles, at=context.now, answer=True)
    decision = judged(context, subject)
    held = approval.holds(decision) | (frozenset({Hold.UNDO.value}) if hold else frozenset[str]())
    stored = posts.add(turn.tx, draft, stanza=turn.stanza)
    owe(turn, stored, (part,), held)
    approval.note(turn, stored, decision, held, due=None)
    turn.audit(kind.value, entry=stored.id, account=one.account)


def _obstacle(turn: Turn, one: StoredItem, kind: DeliveryKind) -> str | None:
    """Return why it can't be done, as what follows the item's name; None where it can."""
    if one.deleted_at is not None:
        return "was taken back by its author"
    if kind is DeliveryKind.REPEAT and one.item.visibility not in _OPEN:
        return "isn't public, so it can't be repeated"
    view = turn.context.accounts.view(one.account)
    if view is None or not view.enabled:
        return f"came in on {one.account}, which {'is disabled' if view else 'is not configured any more'}"
    if not _can(view, kind):
        what = "repeat messages" if kind is DeliveryKind.REPEAT else "mark favourites"
        return f"came in on {one.account}, which can't {what}"
    before = next(standing(turn.tx, one.id, kind), None)
    return None if before is None else f"is {DONE[kind]} already: {tag(before.id)} by {before.nick}"


def _can(view: AccountView, kind: DeliveryKind) -> bool:
    return view.repeats if kind is DeliveryKind.REPEAT else view.favours
