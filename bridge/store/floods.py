"""How fast each conversation is told of items, and how many items of each flood it was not shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, insert, select, update

from bridge.domain.ids import EntryId
from bridge.domain.pacing import Pace
from bridge.store.schema import flood, pace, short_id
from bridge.store.sql import insert_or_replace

if TYPE_CHECKING:
    from bridge.domain.people import Target
    from bridge.store.tx import Tx

_PACE = select(pace).where(pace.c.target == bindparam("jid"))
_SAVE = insert_or_replace(pace)
_NEW_ID = insert(short_id).returning(short_id.c.id)
_BEGIN = insert(flood)
_GET = select(flood).where(flood.c.id == bindparam("one"))
_COUNT = update(flood).where(flood.c.id == bindparam("one")).values(counted=flood.c.counted + bindparam("more"))


class Flood(NamedTuple):
    """One flood of one conversation, told by its bare JID: so many items were not shown there."""

    target: str
    counted: int


def pace_of(tx: Tx, target: Target) -> Pace | None:
    """Return where a conversation stood at its last item; None where it has heard none."""
    row = tx.row(_PACE, {"jid": target.jid})
    if row is None:
        return None
    return Pace(
        began=row.began_at,
        heard=row.heard,
        places=row.places,
        reserved=row.reserved,
        flood=None if row.flood_id is None else EntryId(row.flood_id),
    )


def save(tx: Tx, target: Target, now: Pace) -> None:
    """Keep where a conversation stands."""
    values = {
        "target": target.jid,
        "began_at": now.began,
        "heard": now.heard,
        "places": now.places,
        "reserved": now.reserved,
        "flood_id": now.flood,
    }
    tx.execute(_SAVE[tx.dialect], values)


def begin(tx: Tx, target: Target) -> EntryId:
    """Begin to count for a conversation, and return the flood's id, which no post and no item has."""
    entry = EntryId(tx.scalar(_NEW_ID, {"kind": "flood"}))
    tx.execute(_BEGIN, {"id": entry, "target": target.jid, "counted": 0})
    return entry


def count(tx: Tx, entry: EntryId, more: int) -> None:
    """Count so many more items that were not shown."""
    tx.execute(_COUNT, {"one": entry, "more": more})


def get(tx: Tx, entry: EntryId) -> Flood | None:
    """Return a flood, or None."""
    row = tx.row(_GET, {"one": entry})
    return None if row is None else Flood(row.target, row.counted)
