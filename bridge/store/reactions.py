"""Which reactions that mean something somebody has on a message of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, select

from bridge.store.schema import reaction
from bridge.store.sql import insert_or_replace

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from bridge.store.tx import Tx

_GET = select(reaction.c.emojis).where(
    reaction.c.message == bindparam("of_message"), reaction.c.sender == bindparam("by")
)
_PUT = insert_or_replace(reaction)
_PRUNE = delete(reaction).where(
    reaction.c.message.in_(
        select(reaction.c.message).where(reaction.c.at < bindparam("before")).limit(bindparam("most"))
    ),
    reaction.c.at < bindparam("before"),
)


def of(tx: Tx, message: str, sender: str) -> frozenset[str]:
    """Return what a person (bare JID) has on a message, by the origin id of its first form."""
    return frozenset(tx.scalar(_GET, {"of_message": message, "by": sender}) or ())


def put(tx: Tx, message: str, sender: str, emojis: AbstractSet[str], *, at: datetime) -> None:
    """Record what a person has on a message from now on."""
    row = {"message": message, "sender": sender, "emojis": sorted(emojis), "at": at}
    tx.execute(_PUT[tx.dialect], row)


def prune(tx: Tx, before: datetime, limit: int) -> int:
    """Forget what nobody has changed since then, of so many messages at most; return how much."""
    return tx.changed(_PRUNE, {"before": before, "most": limit})
