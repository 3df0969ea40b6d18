"""The wish that the configuration be read again: one row beside the panic's, gone with its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, select

from bridge.domain.people import Place, Target
from bridge.store.schema import control
from bridge.store.sql import insert_or_skip

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.store.tx import Tx

TOPIC = "reload"
"""Woken whenever somebody wants it."""

_NAME = "reload"

_GET = select(control.c.actor).where(control.c.name == bindparam("name"))
_ASK = insert_or_skip(control, control.c.name, returning=control.c.name)
_DONE = delete(control).where(control.c.name == bindparam("name"))


def ask(tx: Tx, *, actor: str, at: datetime) -> bool:
    """Have the configuration be read again for somebody (bare JID); False where that is under way already."""
    tx.wake(TOPIC)
    return tx.row(_ASK[tx.dialect], {"name": _NAME, "actor": actor, "at": at}) is not None


def wanted(tx: Tx) -> Target | None:
    """Return who waits for the answer, or None."""
    actor: str | None = tx.scalar(_GET, {"name": _NAME})
    return None if actor is None else Target(actor, Place.DIRECT)


def finish(tx: Tx) -> bool:
    """Forget the wish, which is answered now; False where it was answered before."""
    return tx.changed(_DONE, {"name": _NAME}) == 1
