"""What is remembered about an account between runs, and the panic that stops all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Panic:
    """Everything outgoing is frozen: by whom (bare JID), since when."""

    actor: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Off:
    """An account is disabled in the chat: by whom (bare JID), since when."""

    actor: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Stops:
    """What keeps everything from going out, or (by their names) the accounts that are disabled in the chat."""

    panic: Panic | None
    off: Mapping[str, Off]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """Where an account's breaker stands, and whether its rooms were told that it doesn't flow, or isn't heard.

    `failures` counts Unavailable in a row. While the breaker is open, `probe_at` is when the next attempt is allowed,
    `open_step` how many probes failed and `open_cause` why. `told_at` is when the rooms were told, None while it flows;
    `deaf_told_at` is when they were told that it can't be heard, None while it is.
    """

    account: str
    failures: int = 0
    open_cause: str | None = None
    open_step: int = 0
    probe_at: datetime | None = None
    told_at: datetime | None = None
    deaf_told_at: datetime | None = None
