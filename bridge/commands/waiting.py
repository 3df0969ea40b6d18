"""`inbox`: what customers said that nobody has answered yet."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bridge.commands.posting import shortened
from bridge.commands.receipts import handle
from bridge.domain.inbox import ItemState
from bridge.domain.people import Place
from bridge.domain.wording import tag
from bridge.store import inbox

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.commands.context import Context, Deed, Turn
    from bridge.domain.inbox import Counts, StoredItem

SHOWN = 10
_TEXT = 100


def show() -> Deed:
    """Return the deed of listing the inbox: its counts, then what has waited longest."""

    def deed(turn: Turn) -> None:
        items = inbox.open_items(turn.tx, SHOWN)
        turn.say(listing(turn.context, inbox.counts(turn.tx, turn.now), items))

    return deed


def listing(context: Context, counts: Counts, items: list[StoredItem]) -> str:
    """Return the inbox as one notice."""
    head = f"{counts.open} open, {counts.claimed} claimed, {counts.today} today"
    lines = [_line(context, one) for one in items]
    more = counts.open + counts.claimed - len(items)
    if more > 0:
        lines.append(f"... and {more} more")
    if lines:
        lines.append(f"{context.verb('r ID TEXT')} answers")
    return "\n".join([head, *lines])


def _line(context: Context, one: StoredItem) -> str:
    waited = age(context.now - one.received_at)
    claimed = f", claimed by {owner(one)}" if one.state is ItemState.CLAIMED else ""
    if one.deleted_at is not None:
        return f"{tag(one.id)} {waited}{claimed}: taken back by its author"
    if one.item.private and not may_read(context):
        return f"{tag(one.id)} {waited}{claimed}: private on {one.account}, not shown here"
    private = ", private" if one.item.private else ""
    said = shortened(one.item.text, _TEXT) if one.item.raw is None else "(can't be read here)"
    return f"{tag(one.id)} {waited}{claimed}{private} @{handle(one)}: {said or '(no text)'}"


def may_read(context: Context) -> bool:
    """Tell whether what was said in private may be shown in this conversation."""
    if context.place is Place.DIRECT:
        return True
    room = context.settings.room(context.source.jid)
    return room is not None and room.hear_private


def owner(one: StoredItem) -> str:
    """Return what colleagues call the person that has claimed an item."""
    return one.claimed_as or (one.claimed_by or "nobody").partition("@")[0]


def age(waited: timedelta) -> str:
    """Return a waiting time as people say it: `41 s`, `12 min`, `3 h`, `2 d`."""
    seconds = max(0, int(waited.total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size or (unit == "min" and seconds >= size):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def since(now: datetime, then: datetime) -> str:
    """Return how long ago something was."""
    return age(now - then)
