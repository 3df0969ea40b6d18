"""What the commands and the lanes may know of the accounts: a view, made by whoever keeps the plugins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from bridge.domain.accounts import Off
    from bridge.domain.deliveries import Delivery
    from bridge.domain.posts import Money, Post, Spending
    from bridge.plugin import Limits


def _nothing(_post: Post) -> None:
    return None


def _unknown() -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """One account as it is now.

    `enabled` is whether neither the configuration nor somebody in the chat disables it: `barred` is whether the
    configuration does, `off` who does in the chat. `mistake` is what keeps it from being entered until the
    configuration or the installation is mended, and `loaded` whether its plugin could be imported. `problem` is one
    sentence where it is not up, `starting` for how long its plugin is being entered by now, `deaf` why nothing is heard
    from it, and `stuck` why nothing goes out to it though it is up. `limits` are the last known ones, None if it was
    never reached; `length` counts a text as the platform does, and `cost` tells what publishing something will cost,
    None where it costs nothing or the plugin can't tell. `spending` tells what was spent, None where the plugin doesn't
    count it or isn't up. `edits`, `deletes`, `finds`, `listens`, `repeats`,
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
    spending: Callable[[], Spending | None] = _unknown
    barred: bool = False
    off: Off | None = None
    mistake: str | None = None
    loaded: bool = True
    starting: timedelta | None = None
    deaf: str | None = None
    stuck: str | None = None
    edits: bool = False
    deletes: bool = False
    finds: bool = False
    listens: bool = False
    repeats: bool = False
    favours: bool = False
    shows: bool = False
    signature: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A plugin that is installed: the package that brings it, and which version of ours that needs, if it says so."""

    name: str
    package: str
    version: str | None
    needs: str | None = None


class Accounts(Protocol):
    """All configured accounts, by the names that `[accounts.NAME]` gives them."""

    def names(self) -> tuple[str, ...]:
        """Return the names of all accounts, in the order of the configuration."""
        ...

    def view(self, name: str) -> AccountView | None:
        """Return an account as it is now; None if there is none of that name."""
        ...

    def installed(self) -> tuple[Installed, ...]:
        """Return the plugins that are installed now, imported or not."""
        ...


def in_time(accounts: Accounts, name: str, words: str) -> str:
    """Return what is being done for an account; for one that is disabled, when."""
    view = accounts.view(name)
    return words if view is None or view.enabled else f"{words} once {name} is enabled again"


def goes_out(accounts: Accounts, deliveries: Sequence[Delivery]) -> str:
    """Return when what nothing else holds any more goes out."""
    names = dict.fromkeys(one.account for one in deliveries)
    off = [name for name in names if (view := accounts.view(name)) is not None and not view.enabled]
    if not off:
        return "goes out now"
    if len(off) == len(names):
        return f"goes out once {' and '.join(off)} is enabled again"
    return f"goes out now, and to {' and '.join(off)} once that is enabled again"
