"""What is remembered about each account, what stops it or all of them, and the plugins' own small memories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, select

from bridge.domain.accounts import AccountState, Off, Panic, Stops
from bridge.store.schema import account_state, control, keep
from bridge.store.sql import insert_or_replace, insert_or_skip

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.store.tx import Tx

TOPIC = "accounts"
"""Woken whenever an account's breaker, its switch or the panic has changed."""

SWITCHES = "switches"
"""Woken whenever an account was disabled or enabled."""

_PANIC = "panic"
_OFF = "off:"

_GET = select(account_state).where(account_state.c.account == bindparam("account"))
_PUT = insert_or_replace(account_state)
_CONTROL = select(control.c.actor, control.c.at).where(control.c.name == bindparam("name"))
_STOPS = select(control.c.name, control.c.actor, control.c.at).where(
    # All that begins with the one, and the other: next to each other in the index.
    control.c.name >= _OFF,
    control.c.name <= _PANIC,
)
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


def stops(tx: Tx) -> Stops:
    """Return what keeps everything, or an account, from going out, by one look."""
    found = {row.name: row for row in tx.rows(_STOPS)}
    panicked = found.pop(_PANIC, None)
    return Stops(
        panic=None if panicked is None else Panic(actor=panicked.actor, at=panicked.at),
        off={
            name.removeprefix(_OFF): Off(actor=row.actor, at=row.at)
            for name, row in found.items()
            if name.startswith(_OFF)
        },
    )


def disable(tx: Tx, account: str, *, actor: str, at: datetime) -> bool:
    """Remember that an account is disabled; False where it is already, by whoever was first."""
    tx.wake(SWITCHES)
    tx.wake(TOPIC)
    return tx.row(_SET[tx.dialect], {"name": _OFF + account, "actor": actor, "at": at}) is not None


def enable(tx: Tx, account: str) -> bool:
    """Forget that an account is disabled; False where it isn't."""
    tx.wake(SWITCHES)
    tx.wake(TOPIC)
    return tx.changed(_CLEAR, {"name": _OFF + account}) == 1


def keep_load(tx: Tx, account: str, name: str) -> str | None:
    """Return what was kept for an account under a name, or None."""
    return tx.scalar(_LOAD, {"account": account, "name": name})


def keep_save(tx: Tx, account: str, name: str, value: str) -> None:
    """Keep a text for an account under a name, in place of the former one."""
    tx.execute(_SAVE[tx.dialect], {"account": account, "name": name, "value": value})
