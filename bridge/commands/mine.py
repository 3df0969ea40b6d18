"""Which post a person means who names none: the one that is held for them, or their last one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bridge.domain.deliveries import Hold
from bridge.domain.people import Place
from bridge.domain.wording import NOTHING
from bridge.store import posts, receipts

if TYPE_CHECKING:
    from bridge.commands.context import Turn
    from bridge.domain.ids import EntryId
    from bridge.domain.outbox import StoredPost

UNDO_REACH: Final = timedelta(minutes=10)
"""How far back `undo` alone finds one's own last post, or one that waits for its time."""


def newest_held(turn: Turn) -> StoredPost | None:
    """Return the person's newest held post here, or say that there is none; what waits for its time has to be named."""
    held = [entry for entry, why in _held(turn) if Hold.SCHEDULE not in why]
    if not held:
        turn.say(f"Nothing of yours is held here. {NOTHING}")
        return None
    # What waits for somebody else alone isn't the person's to send.
    own = [entry for entry, why in _held(turn) if entry in held and why - {Hold.APPROVAL.value}]
    return posts.get(turn.tx, (own or held)[0])


def own_last(turn: Turn) -> StoredPost | None:
    """Return the person's newest held post here, else their last one of the last 10 minutes, or say that there is none.

    What waits for its time counts as held for 10 minutes, and must be named afterwards.
    """
    after = turn.now - UNDO_REACH
    for entry, why in _held(turn):
        stored = posts.get(turn.tx, entry)
        if stored is not None and (Hold.SCHEDULE not in why or stored.created_at > after):
            return stored
    last = posts.last_of(turn.tx, author=turn.context.sender, source=turn.context.source, after=after)
    if last is None:
        turn.say(
            f"You posted nothing here in the last 10 minutes: say which, with {turn.context.verb('undo ID')}. "
            "Nothing was changed."
        )
    return last


def _held(turn: Turn) -> list[tuple[EntryId, frozenset[str]]]:
    """Return the person's held posts here with why they are held, newest first.

    In a room a question is answered by its id alone: it may have been talk, and be forgotten by now.
    """
    context = turn.context
    held = receipts.held_by(turn.tx, author=context.sender, source=context.source)
    return [one for one in held if context.place is Place.DIRECT or Hold.QUESTION not in one[1]]
