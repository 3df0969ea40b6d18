"""What the commands and the lanes may know of the accounts: a view, made by whoever keeps the plugins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.domain.posts import Money, Post
    from bridge.plugin import Limits


def _nothing(_post: Post) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """One account as it is now.

    `problem` is one sentence where the account is not up. `limits` are the last known ones, None if it was never
    reached; `length` counts a text as the platform does, and `cost` tells what publishing something will cost, None
    where it costs nothing or the plugin can't tell. `edits`, `deletes`, `finds`, `listens`, `repeats`,
    `favours` and `shows` say what its plugin can do.
    """

    name: str
    plugin: str
    enabled: bool
    up: bool
    problem: str | None
    limits: Limits | None
    length: Callable[[str], int]
    cost: Callable[[Post], Money | None] = _nothing
    edits: bool = False
    deletes: bool = False
    finds: bool = False
    listens: bool = False
    repeats: bool = False
    favours: bool = False
    shows: bool = False
    signature: str | None = None


class Accounts(Protocol):
    """All configured accounts, by the names that `[accounts.NAME]` gives them."""

    def names(self) -> tuple[str, ...]:
        """Return the names of all accounts, in the order of the configuration."""
        ...

    def view(self, name: str) -> AccountView | None:
        """Return an account as it is now; None if there is none of that name."""
        ...
