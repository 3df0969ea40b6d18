"""The rules of one part of the configuration, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.domain.people import Role

if TYPE_CHECKING:
    from bridge.domain.policy.hours import Hours


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What a second person has to agree to: all of what is given must be so, and where nothing is, it is everything."""

    accounts: tuple[str, ...] | None = None
    roles: tuple[Role, ...] | None = None
    hours: Hours | None = None
    patterns: Mapping[str, str] = field(default_factory=dict[str, str])

    def __str__(self) -> str:
        """Return the rule as people read it: `posts to x, by staff, need a second person`."""
        parts: list[str] = []
        if self.accounts is not None:
            parts.append(f"to {', '.join(self.accounts)}")
        if self.roles is not None:
            parts.append(f"by {' or '.join(str(role) for role in self.roles)}")
        if self.hours is not None:
            parts.append(str(self.hours))
        if self.patterns:
            parts.append("with " + " or ".join(f'"{name}"' for name in self.patterns))
        which = f"posts {', '.join(parts)}" if parts else "all posts"
        return f"{which}{',' if len(parts) > 1 else ''} need a second person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What one part of the configuration asks of a text; patterns have names, by which people are told.

    `links` are the hosts that a link may lead to, or below which it may; `mentions` is how many people may be mentioned
    without a second thought, and `quiet` the hours in which posts wait for one. None asks nothing.
    """

    approval: tuple[Approval, ...] = ()
    forbidden: Mapping[str, str] = field(default_factory=dict[str, str])
    required: Mapping[str, str] = field(default_factory=dict[str, str])
    links: tuple[str, ...] | None = None
    mentions: int | None = None
    secrets: bool = False
    internal_hosts: tuple[str, ...] = ()
    quiet: Hours | None = None
