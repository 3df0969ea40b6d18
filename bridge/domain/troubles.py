"""The lines that tell of a delivery's doubt, failure or recovery: new ones, since a correction notifies nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.domain.deliveries import Delivery, DeliveryKind, Tell
from bridge.domain.ids import short
from bridge.domain.wording import clause, plural, seconds, tag, verb

if TYPE_CHECKING:
    from datetime import datetime


def trouble(tell: Tell, delivery: Delivery, *, answers: int | None = None, now: datetime) -> str:
    """Return the new line that a delivery's doubt, failure or recovery is told with."""
    name = short(delivery.post)
    which = f" (part {delivery.part + 1} of {delivery.parts})" if delivery.parts > 1 else ""
    which += _WHICH.get(delivery.kind, "")
    lead = f"{tag(delivery.post, answers)} {delivery.account}{which}"
    at = f": {delivery.posted_url}" if delivery.posted_url else ""
    why = clause(delivery.error)
    retry, drop, found = (verb(delivery.source.place, f"{word} {name}") for word in ("retry", "drop", "found"))
    rest = _around(delivery)
    match tell:
        case Tell.DOUBT:
            return f"{lead}: not sure it arrived ({why}), checking; nothing will be sent twice"
        case Tell.FOUND:
            return f"{lead}: found{at}"
        case Tell.RECOVERED:
            return f"{lead}: sent after all{at}"
        case Tell.FAILED:
            follow = _follow_up(delivery) if delivery.kind is DeliveryKind.EDIT else ""
            return f"{lead} FAILED: {why}. {retry} tries again, {drop} gives it up{follow}{rest}"
        case Tell.UNDELETED:
            return f"{lead} could NOT be deleted: {why}. {retry} tries again; it is still there{at}"
        case Tell.STALE:
            age = seconds(now - delivery.fresh_since)
            choice = f"{retry} sends it now, {drop} gives it up{rest}"
            return f"{lead}: {name} is stale, it waited {age} and was not sent: {choice}"
        case Tell.ASKED:
            seen = f"{found[:-1]} LINK`"
            return (
                f"{lead}: I can't tell whether it arrived ({why}). {retry} if it isn't there, {seen} if it is, "
                f"{drop} to leave it{rest}"
            )


def _around(delivery: Delivery) -> str:
    """Return what is with the other parts of a thread one of which has failed."""
    before, after = delivery.part, delivery.parts - delivery.part - 1
    undo = verb(delivery.source.place, f"undo {short(delivery.post)}")
    live = f"; what came before it ({plural(before, 'part')}) is live, {undo} takes it back" if before else ""
    return live + ("; the parts after it wait" if after else "")


def _follow_up(delivery: Delivery) -> str:
    """Return what can be done about something published that its platform doesn't change."""
    place = delivery.source.place
    return (
        f"; {verb(place, 'post TEXT')} adds to it, or {verb(place, f'undo {short(delivery.post)}')} and post it again"
    )


_WHICH = {
    DeliveryKind.EDIT: " correction",
    DeliveryKind.REPEAT: " repetition",
    DeliveryKind.FAVOUR: " favourite",
}
"""How it is called where something is said of what isn't simply the post."""
