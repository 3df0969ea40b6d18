"""What the audit says of a delivery that has come to its end: one row, in the outcome's own transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.domain.deliveries import DeliveryKind, State, Tell
from bridge.store import audit

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.domain.deliveries import Delivery
    from bridge.store import Tx

_DONE: Final = {
    DeliveryKind.POST: "sent",
    DeliveryKind.REPEAT: "repeated",
    DeliveryKind.FAVOUR: "marked",
    DeliveryKind.EDIT: "edited",
    DeliveryKind.DELETE: "deleted",
}
_NOT_DONE: Final = {State.DEAD: "failed", State.ASKED: "left in doubt", State.CANCELLED: "cancelled"}


def outcome(ended: Delivery, tell: Tell | None) -> str:
    """Return the word for what a delivery has come to: `sent`, `found`, `failed`, `deleted`, ..."""
    if ended.state is State.SENT:
        return "found" if tell is Tell.FOUND and ended.kind is DeliveryKind.POST else _DONE[ended.kind]
    word = "stale" if tell is Tell.STALE else _NOT_DONE[ended.state]
    return word if ended.kind is DeliveryKind.POST else f"{ended.kind.value} {word}"


def record(tx: Tx, ended: Delivery, tell: Tell | None, *, salt: str, at: datetime) -> None:
    """Record what a delivery has come to: what the platform calls it and where it is, or why it isn't there.

    `salt` is the unit's; no two rows of a unit are about the same attempt at the same delivery.
    """
    there = ended.posted or ended.parent
    audit.append(
        tx,
        at=at,
        actor=audit.BRIDGE,
        verb=outcome(ended, tell),
        salt=f"{salt}-{ended.id:x}-{ended.attempt:x}",
        entry=ended.post,
        account=ended.account,
        delivery=ended.id,
        platform_id=there.id if there is not None and ended.state is State.SENT else None,
        content=ended.posted_url if ended.state is State.SENT else ended.error,
    )
