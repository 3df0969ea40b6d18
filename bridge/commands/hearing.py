"""Whether the rooms know that an account can't be heard: told once, and once when it is heard again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.domain import wording
from bridge.store import accounts, notices

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from bridge.domain.people import Target
    from bridge.store import Tx


def is_told(tx: Tx, account: str) -> bool:
    """Tell whether the last that the rooms were told is that the account can't be heard."""
    return accounts.get(tx, account).deaf_told_at is not None


def tell_deaf(
    tx: Tx, account: str, cause: str, *, told: Collection[Target], mint: Callable[[], str], now: datetime
) -> bool:
    """Owe the rooms the line that the account can't be heard; False where they know."""
    state = accounts.get(tx, account)
    if state.deaf_told_at is not None:
        return False
    accounts.put(tx, replace(state, deaf_told_at=now))
    _tell(tx, told, wording.deaf(account, cause=cause), mint, now)
    return True


def tell_heard(tx: Tx, account: str, *, told: Collection[Target], mint: Callable[[], str], now: datetime) -> bool:
    """Owe the rooms the line that the account is heard again; False where they don't know that it wasn't."""
    state = accounts.get(tx, account)
    if state.deaf_told_at is None:
        return False
    accounts.put(tx, replace(state, deaf_told_at=None))
    _tell(tx, told, wording.hears(account), mint, now)
    return True


def _tell(tx: Tx, targets: Collection[Target], body: str, mint: Callable[[], str], now: datetime) -> None:
    for target in targets:
        notices.add_line(tx, target=target, body=body, origin_id=mint(), at=now)
