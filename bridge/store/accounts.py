"""What is remembered about each account, the panic, and the plugins' own small memories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, select

from bridge.domain.accounts import AccountState, Panic
from bridge.store.schema import account_state, control, keep
from bridge.store.sql import insert_or_replace, insert_or_skip

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.store.tx import Tx

TOPIC = "accounts"
"""Woken whenever an account's breaker or the panic has changed."""

_PANIC = "panic"

_GET = select(account_state).where(account_state.c.account == bindparam("account"))
_PUT = insert_or_replace(account_state)
_CONTROL = select(control.c.actor, control.c.at).where(control.c.name == bindparam("name"))
_SET = insert_or_skip(control, control.c.name, returning=control.c.name)
_CLEAR = delete(control).where(control.c.name == bindparam("name"))
_LOAD = select(keep.c.value).where(keep.c.account == bindparam("account"), keep.c.name == bindparam("name"))
_SAVE = insert_or_replace(keep)


def get(tx: Tx, account: str) -> AccountState:
    """Return what is remembered; a fresh state for an account that was never in trouble."""
    row = tx.row(_GET, {"account": account})
    if row is None:
        return AccountState(account=account)
    return AccountState(
        account=row.account,
        failures=row.failures,
        open_cause=row.open_cause,
        open_step=row.open_step,
        probe_at=row.probe_at,
        told_at=row.told_at,
        deaf_told_at=row.deaf_told_at,
    )


def put(tx: Tx, state: AccountState) -> None:
    """Remember a state in place of the former one."""
    tx.wake(TOPIC)
    tx.execute(
        _PUT[tx.dialect],
        {
            "account": state.account,
            "failures": state.failures,
            "open_cause": state.open_cause,
            "open_step": state.open_step,
            "probe_at": state.probe_at,
            "told_at": state.told_at,
            "deaf_told_at": state.deaf_told_at,
        },
    )


def panic(tx: Tx) -> Panic | None:
    """Return the panic that is on, or None."""
    row = tx.row(_CONTROL, {"name": _PANIC})
    return None if row is None else Panic(actor=row.actor, at=row.at)


def set_panic(tx: Tx, *, actor: str, at: datetime) -> bool:
    """Freeze everything outgoing; False where it is frozen already, by whoever was first."""
    tx.wake(TOPIC)
    return tx.row(_SET[tx.dialect], {"name": _PANIC, "actor": actor, "at": at}) is not None


def clear_panic(tx: Tx) -> bool:
    """End the panic; False where there is none. The lanes are the caller's to wake."""
    tx.wake(TOPIC)
    return tx.changed(_CLEAR, {"name": _PANIC}) == 1


def keep_load(tx: Tx, account: str, name: str) -> str | None:
    """Return what was kept for an account under a name, or None."""
    return tx.scalar(_LOAD, {"account": account, "name": name})


def keep_save(tx: Tx, account: str, name: str, value: str) -> None:
    """Keep a text for an account under a name, in place of the former one."""
    tx.execute(_SAVE[tx.dialect], {"account": account, "name": name, "value": value})
