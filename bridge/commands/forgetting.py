"""`forget @NICK`: what a person said is erased from the store, in two words, the first of which shows what that means.

It can't be undone, so that one word is too few. The deed is recorded without the person's name.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from bridge.commands.context import Mistake
from bridge.domain.text import clean_inbound
from bridge.domain.wording import plural, seconds
from bridge.store import cursors, erasure, inbox

if TYPE_CHECKING:
    from bridge.commands.context import Context, Deed, Turn
    from bridge.domain.inbox import StoredItem
    from bridge.store import Tx

ASKED_FOR: Final = timedelta(minutes=5)
"""How long the first word counts."""

UNCHANGED: Final = "Nothing was changed."

_NAME: Final = 200


async def forget(context: Context, nick: str) -> Deed:
    """Return the deed of showing what is known of a person, or of erasing it where that was shown; raises Mistake.

    The person is who was heard last by that name, on that account alone.
    """
    one, found = await context.read(lambda tx: _look(tx, nick))
    if one is None or found is None:
        name = "".join(clean_inbound(nick, _NAME).split())
        raise Mistake(f"I know of nobody called @{name}: they may be forgotten already. {UNCHANGED}")
    again = context.verb(f"forget @{nick}")

    def deed(turn: Turn) -> None:
        if found.waiting:
            many = plural(len(found.waiting), "answer")
            turn.say(f"{many} to them on {one.account} must be settled first: {again} after that. {UNCHANGED}")
        elif _was_shown(turn, found):
            _erase(turn, one, found, again)
        else:
            _show(turn, one, found, again)

    return deed


def _look(tx: Tx, nick: str) -> tuple[StoredItem | None, erasure.Found | None]:
    one = inbox.latest_by(tx, nick)
    return one, None if one is None else erasure.find(tx, one.account, one.item.author.id)


def _show(turn: Turn, one: StoredItem, found: erasure.Found, again: str) -> None:
    cursors.move(turn.tx, _place(turn), f"{turn.now.isoformat()} {_mark(found)}", turn.now)
    turn.audit("forget asked", account=one.account)
    many = plural(len(found.items), "message")
    turn.say(
        f"{many} of theirs on {one.account} would be erased here for good, with what was answered and noted: ids, "
        f"times and links of our own posts stay, and so does what rooms, archives and {one.account} have. {again} once "
        f"more within {seconds(ASKED_FOR)} does it. {UNCHANGED}"
    )


def _erase(turn: Turn, one: StoredItem, found: erasure.Found, again: str) -> None:
    cursors.forget(turn.tx, _place(turn))
    erased = erasure.erase(turn.tx, found, at=turn.now)
    messages, answers = plural(erased.items, "message"), plural(erased.answers, "answer")
    turn.audit("forget", account=one.account, content=f"{messages}, {answers}")
    more = f"; there may be more: {again} tells" if len(found.items) == erasure.MOST else ""
    turn.say(f"erased: {messages} of theirs on {one.account}, and {answers} of ours{more}")


def _was_shown(turn: Turn, found: erasure.Found) -> bool:
    """Tell whether this person was shown just this, not long ago; an age below zero counts as too old."""
    at, _, mark = (cursors.get(turn.tx, _place(turn)) or "").partition(" ")
    if mark != _mark(found):
        return False
    return timedelta(0) <= turn.now - datetime.fromisoformat(at) <= ASKED_FOR


def _mark(found: erasure.Found) -> str:
    return hashlib.sha256(repr(found.items).encode()).hexdigest()


def _place(turn: Turn) -> str:
    return f"{cursors.TOLD}forget {turn.context.sender}"
