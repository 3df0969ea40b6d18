"""What people have set for themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from bridge.store.schema import person
from bridge.store.sql import insert_or_replace

if TYPE_CHECKING:
    from bridge.store.tx import Tx

TOPIC = "people"
"""Woken whenever somebody has set something, or what somebody may do has changed."""

_HOLDS = select(person.c.jid, person.c.hold_ms)
_PUT = insert_or_replace(person)
_MS = timedelta(milliseconds=1)


def holds(tx: Tx) -> dict[str, timedelta]:
    """Return everybody's own undo window, by bare JID; who has set none isn't among them."""
    return {row.jid: row.hold_ms * _MS for row in tx.rows(_HOLDS)}


def set_hold(tx: Tx, jid: str, hold: timedelta) -> None:
    """Set a person's own undo window."""
    tx.execute(_PUT[tx.dialect], {"jid": jid, "hold_ms": hold // _MS})
    tx.wake(TOPIC)
