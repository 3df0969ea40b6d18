"""How much of an account's outgoing work is where, and when it last got something out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, select, text

from bridge.domain.deliveries import State
from bridge.store.schema import DELIVERY_HELD, DELIVERY_IN_LANE, DELIVERY_LEFT, DELIVERY_PUBLISHED, delivery

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.store.tx import Tx

_ACCOUNT = delivery.c.account == bindparam("in_account")
_WAITING = select(func.count()).where(_ACCOUNT, text(DELIVERY_IN_LANE))
_HELD = select(func.count()).where(_ACCOUNT, text(DELIVERY_HELD))
_LEFT = (
    select(delivery.c.state, func.count().label("many")).where(_ACCOUNT, text(DELIVERY_LEFT)).group_by(delivery.c.state)
)
_LAST = select(func.max(delivery.c.settled_at)).where(_ACCOUNT, text(DELIVERY_PUBLISHED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Deliveries of one account: in its lane, held, failed and in doubt; `published` is when one last succeeded."""

    waiting: int
    held: int
    failed: int
    asked: int
    published: datetime | None


def of_account(tx: Tx, account: str) -> Backlog:
    """Count an account's deliveries that aren't finished."""
    one = {"in_account": account}
    left = {row.state: int(row.many) for row in tx.rows(_LEFT, one)}
    return Backlog(
        waiting=int(tx.scalar(_WAITING, one)),
        held=int(tx.scalar(_HELD, one)),
        failed=left.get(State.DEAD.value, 0),
        asked=left.get(State.ASKED.value, 0),
        published=tx.scalar(_LAST, one),
    )
