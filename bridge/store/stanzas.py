"""The gate: which stanzas were taken in already, so that history, archive and live stream count each once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, select, update

from bridge.store.schema import stanza
from bridge.store.sql import insert_or_skip

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from bridge.store.tx import Tx

_ADMIT = insert_or_skip(stanza, stanza.c.archive, stanza.c.key, returning=stanza.c.id)
_MARK = update(stanza).where(stanza.c.id == bindparam("one")).values(status=bindparam("new_status"))
_PRUNE = delete(stanza).where(
    stanza.c.id.in_(
        select(stanza.c.id)
        .where(stanza.c.received_at < bindparam("before"))
        .order_by(stanza.c.received_at)
        .limit(bindparam("most"))
    )
)


def admit(
    tx: Tx,
    *,
    archive: str,
    key: str,
    sender: str,
    at: datetime,
    status: str = "done",
    names: Collection[str] = (),
) -> int | None:
    """Take a stanza in and return its number; None where it was seen before.

    `names` are the ids that its sender gave it, two at most.
    """
    name, other = [*sorted(names), None, None][:2]
    row = {"archive": archive, "key": key, "sender": sender, "status": status, "received_at": at}
    return tx.scalar(_ADMIT[tx.dialect], {**row, "name": name, "other_name": other})


def mark(tx: Tx, stanza_id: int, status: str) -> None:
    """Record what became of it: done, failed or late."""
    tx.execute(_MARK, {"one": stanza_id, "new_status": status})


def prune(tx: Tx, before: datetime, limit: int) -> int:
    """Forget the oldest of those received before then, at most so many; return how many.

    `before` must be older than anything an archive may still give.
    """
    return tx.changed(_PRUNE, {"before": before, "most": limit})
