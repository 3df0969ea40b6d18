"""What becomes of an account's deliveries when it is disabled, and when it is enabled again.

Only what is ready is held, and for that reason alone: other holds end in their own time, and what is in doubt stays so.
Everything keeps its place in the lane, and the time that `max_age` counts from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, literal_column, select, text, update

from bridge.domain.deliveries import Hold, State
from bridge.domain.ids import EntryId
from bridge.store.outbox import lane_topic
from bridge.store.schema import DELIVERY_HELD, DELIVERY_IN_LANE, delivery

if TYPE_CHECKING:
    from bridge.store.tx import Tx

_REASON = frozenset({Hold.ACCOUNT.value})
_ACCOUNT = delivery.c.account == bindparam("in_account")
_FOR_IT = delivery.c.held == literal_column(f"'{Hold.ACCOUNT.value}'")
_HOLD = (
    update(delivery)
    .where(_ACCOUNT, text(DELIVERY_IN_LANE), delivery.c.state == literal_column("'ready'"))
    .values(state=State.HELD.value, held=_REASON)
    .returning(delivery.c.post_id)
)
_FREE = (
    update(delivery)
    .where(_ACCOUNT, text(DELIVERY_HELD), _FOR_IT)
    .values(state=State.READY.value, held=frozenset[str]())
)
_WAITS = select(func.count()).where(_ACCOUNT, text(DELIVERY_HELD), _FOR_IT)
_UNSETTLED = (
    select(delivery.c.post_id, delivery.c.state)
    .where(_ACCOUNT, text(DELIVERY_IN_LANE), delivery.c.state != literal_column("'ready'"))
    .order_by(delivery.c.position)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """The posts of which something is on the wire to an account, or in doubt there."""

    on_the_wire: tuple[EntryId, ...]
    in_doubt: tuple[EntryId, ...]


def hold(tx: Tx, account: str) -> tuple[EntryId, ...]:
    """Hold all that is ready for an account; return the posts it is of, one for each delivery."""
    return tuple(EntryId(row.post_id) for row in tx.rows(_HOLD, {"in_account": account}))


def free(tx: Tx, account: str) -> int:
    """Make ready what was held because its account was disabled; return how much that is."""
    many = tx.changed(_FREE, {"in_account": account})
    tx.wake(lane_topic(account))
    return many


def waiting(tx: Tx, account: str) -> int:
    """Count what is held because its account is disabled."""
    return int(tx.scalar(_WAITS, {"in_account": account}))


def unsettled(tx: Tx, account: str) -> Unsettled:
    """Return what an account's switch doesn't change: it is on the wire, or in doubt."""
    rows = tx.rows(_UNSETTLED, {"in_account": account})
    states = {state: [EntryId(row.post_id) for row in rows if row.state == state.value] for state in State}
    return Unsettled(
        on_the_wire=tuple(dict.fromkeys(states[State.SENDING])),
        in_doubt=tuple(dict.fromkeys(states[State.UNCERTAIN])),
    )
