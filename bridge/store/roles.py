"""Roles that admins offered, granted and denied in the chat, over the configuration."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, insert, select

from bridge.domain.people import Role
from bridge.domain.rights import NOTHING_KEPT, Kept, Ruling
from bridge.store.people import TOPIC
from bridge.store.schema import role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.store.tx import AnyRow, Tx

_EVERYBODY = select(role).order_by(role.c.jid, role.c.state)
_OF = select(role).where(role.c.jid == bindparam("person"))
_CLEAR = delete(role).where(role.c.jid == bindparam("person"))
_PUT = insert(role)


def everybody(tx: Tx) -> dict[str, Kept]:
    """Return what is kept of everybody of whom anything is, by bare JID."""
    rows: defaultdict[str, list[AnyRow]] = defaultdict(list)
    for row in tx.rows(_EVERYBODY):
        rows[row.jid].append(row)
    return {jid: _kept(ones) for jid, ones in rows.items()}


def of(tx: Tx, jid: str) -> Kept:
    """Return what is kept of a person."""
    return _kept(tx.rows(_OF, {"person": jid}))


def put(tx: Tx, jid: str, kept: Kept) -> None:
    """Keep this of a person, and nothing else."""
    tx.execute(_CLEAR, {"person": jid})
    if kept != NOTHING_KEPT:
        states = {"offered": kept.offered, "granted": kept.granted, "denied": kept.denied}
        tx.execute(_PUT, [_row(jid, state, ruling) for state, ruling in states.items() if ruling is not None])
    tx.wake(TOPIC)


def _row(jid: str, state: str, ruling: Ruling) -> dict[str, object]:
    return {
        "jid": jid,
        "state": state,
        "role": str(ruling.role),
        "actor": ruling.by,
        "at": ruling.at,
        "expires_at": ruling.expires,
    }


def _kept(rows: Iterable[AnyRow]) -> Kept:
    return Kept(
        **{
            row.state: Ruling(role=Role.parse(row.role), by=row.actor, at=row.at, expires=row.expires_at)
            for row in rows
        }
    )
