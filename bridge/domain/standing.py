"""How the accounts stand, in the few words that a presence has room for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.domain.wording import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAMED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How many accounts are up; which ones are paused, because they can't be used now, or only starting.

    `frozen` is whether somebody has stopped everything outgoing.
    """

    up: int
    paused: tuple[str, ...] = ()
    starting: tuple[str, ...] = ()
    frozen: bool = False

    def __str__(self) -> str:
        """Return it as people read it: `3 accounts up, x paused`."""
        parts = ["everything outgoing is frozen"] if self.frozen else []
        parts.append(f"{plural(self.up, 'account')} up" if self.up else "no account up")
        parts += [
            f"{_some(names)} {what}" for names, what in ((self.paused, "paused"), (self.starting, "starting")) if names
        ]
        return ", ".join(parts)


def _some(names: Sequence[str]) -> str:
    more = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
    every = [*names[:_NAMED], *more]
    return every[0] if len(every) == 1 else f"{', '.join(every[:-1])} and {every[-1]}"
