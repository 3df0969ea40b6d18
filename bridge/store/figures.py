"""How big the store is, and how much waits in it: what a person who looks after the bridge wants to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select, text

from bridge.domain.deliveries import State
from bridge.store.schema import DELIVERY_HELD, DELIVERY_IN_LANE, DELIVERY_LEFT, delivery

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.store.tx import Tx

_SIZE = {
    "sqlite": text("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"),
    "postgresql": text("SELECT pg_database_size(current_database())"),
}
_STATES = [
    select(delivery.c.state, func.count().label("many"), func.min(delivery.c.created_at).label("oldest"))
    .where(text(some))
    .group_by(delivery.c.state)
    for some in (DELIVERY_IN_LANE, DELIVERY_HELD, DELIVERY_LEFT)
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Queues:
    """Deliveries of all accounts: to go out, held, in doubt (settled or asked about), and failed.

    `oldest` is when the oldest that isn't held and not left to people was owed.
    """

    waiting: int
    held: int
    doubtful: int
    failed: int
    oldest: datetime | None


def size(tx: Tx) -> int:
    """Return how many bytes the store takes."""
    return int(tx.scalar(_SIZE[tx.dialect]))


def queues(tx: Tx) -> Queues:
    """Count what isn't finished."""
    rows = {row.state: row for statement in _STATES for row in tx.rows(statement)}

    def many(*states: State) -> int:
        return sum(int(rows[state.value].many) for state in states if state.value in rows)

    lane = (State.READY, State.SENDING, State.UNCERTAIN)
    return Queues(
        waiting=many(State.READY, State.SENDING),
        held=many(State.HELD),
        doubtful=many(State.UNCERTAIN, State.ASKED),
        failed=many(State.DEAD),
        oldest=min((rows[state.value].oldest for state in lane if state.value in rows), default=None),
    )
