"""What people have set for themselves, and who was welcomed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from bridge.store.schema import person, welcome
from bridge.store.sql import insert_or_replace, insert_or_skip

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.store.tx import Tx

TOPIC = "people"
"""Woken whenever somebody has set something or was welcomed, or what somebody may do has changed."""

_HOLDS = select(person.c.jid, person.c.hold_ms)
_PUT = insert_or_replace(person)
_WELCOMED = select(welcome.c.jid)
_WELCOME = insert_or_skip(welcome, welcome.c.jid, returning=welcome.c.jid)
_MS = timedelta(milliseconds=1)


def holds(tx: Tx) -> dict[str, timedelta]:
    """Return everybody's own undo window, by bare JID; who has set none isn't among them."""
    return {row.jid: row.hold_ms * _MS for row in tx.rows(_HOLDS)}


def set_hold(tx: Tx, jid: str, hold: timedelta) -> None:
    """Set a person's own undo window."""
    tx.execute(_PUT[tx.dialect], {"jid": jid, "hold_ms": hold // _MS})
    tx.wake(TOPIC)


def welcomed(tx: Tx) -> frozenset[str]:
    """Return the bare JIDs of all who were welcomed."""
    return frozenset(str(row.jid) for row in tx.rows(_WELCOMED))


def welcome_once(tx: Tx, jid: str, at: datetime) -> bool:
    """Record that a person is welcomed; False where that was done before."""
    new = tx.scalar(_WELCOME[tx.dialect], {"jid": jid, "at": at}) is not None
    if new:
        tx.wake(TOPIC)
    return new
