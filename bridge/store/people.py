"""What people have set for themselves, and who was welcomed."""

from __future__ import annotations

from dataclasses import dataclass
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

_ALL = select(person.c.jid, person.c.hold_ms, person.c.zone)
_PUT_HOLD = insert_or_replace(person, person.c.hold_ms)
_PUT_ZONE = insert_or_replace(person, person.c.zone)
_WELCOMED = select(welcome.c.jid)
_WELCOME = insert_or_skip(welcome, welcome.c.jid, returning=welcome.c.jid)
_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What one person has set: the undo window, the name of the zone in which they say times; None where nothing."""

    hold: timedelta | None = None
    zone: str | None = None


def own(tx: Tx) -> dict[str, Own]:
    """Return what everybody has set, by bare JID; who has set nothing isn't among them."""
    return {
        row.jid: Own(hold=None if row.hold_ms is None else row.hold_ms * _MS, zone=row.zone) for row in tx.rows(_ALL)
    }


def set_hold(tx: Tx, jid: str, hold: timedelta) -> None:
    """Set a person's own undo window."""
    tx.execute(_PUT_HOLD[tx.dialect], {"jid": jid, "hold_ms": hold // _MS})
    tx.wake(TOPIC)


def set_zone(tx: Tx, jid: str, zone: str) -> None:
    """Set the zone in which a person says times."""
    tx.execute(_PUT_ZONE[tx.dialect], {"jid": jid, "zone": zone})
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
