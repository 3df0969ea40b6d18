"""What a person may do, and why: decided by the configuration, what admins said in the chat over it, and the room.

Deny is the default. A denial of a role caps a person below that role, wherever the role comes from. A role that was
only offered counts for nothing until the person itself has accepted it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final

from bridge.domain.people import Role

if TYPE_CHECKING:
    from datetime import datetime

OFFERED_FOR: Final = timedelta(days=7)
"""How long an offer can be accepted."""

AFFILIATED: Final = frozenset({"member", "admin", "owner"})
"""Affiliations (XEP-0045, 5.2) that make somebody one of the room's own people."""

OUTCAST: Final = "outcast"


class Source(Enum):
    """Where a role comes from."""

    NOTHING = "nothing"
    FILE = "file"
    GRANT = "grant"
    MEMBER = "member"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What an admin said of a person's role: who, when, and until when it stands (None: for good)."""

    role: Role
    by: str
    at: datetime
    expires: datetime | None = None

    def stands(self, now: datetime) -> bool:
        """Return whether it still counts."""
        return self.expires is None or now < self.expires

    @property
    def withdrawn(self) -> bool:
        """Whether it was ended before its time."""
        return self.expires is not None and self.expires < self.at + OFFERED_FOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What was said in the chat of one person, at most once of each kind."""

    granted: Ruling | None = None
    denied: Ruling | None = None
    offered: Ruling | None = None

    def open_offer(self, now: datetime) -> Ruling | None:
        """Return the offer that the person can accept now."""
        return self.offered if self.offered is not None and self.offered.stands(now) else None


NOTHING_KEPT: Final = Kept()


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """A person's role in one conversation, and where it comes from.

    `granted` is the grant that gives it; `denied` the denial that leaves no more of it than this. An `outcast` is
    banned from the room.
    """

    role: Role
    source: Source = Source.NOTHING
    granted: Ruling | None = None
    denied: Ruling | None = None
    outcast: bool = False


def decide(file: Role, kept: Kept = NOTHING_KEPT, *, member: Role = Role.NONE, outcast: bool = False) -> Right:
    """Return what a person may do: `file` is the role in the configuration, `member` what the room gives its own."""
    if outcast:
        return Right(role=Role.NONE, outcast=True)
    granted = Role.NONE if kept.granted is None else kept.granted.role
    role = max(file, granted, member)
    right = Right(role=role)
    if role is Role.NONE:
        return right
    if role is file:
        right = replace(right, source=Source.FILE)
    elif role is granted:
        right = replace(right, source=Source.GRANT, granted=kept.granted)
    else:
        right = replace(right, source=Source.MEMBER)
    if kept.denied is not None and role >= kept.denied.role:
        right = replace(right, role=below(kept.denied.role), denied=kept.denied)
    return right


def member(affiliation: str | None, member_role: Role) -> Role:
    """Return what a room gives to somebody with this affiliation."""
    return member_role if affiliation in AFFILIATED else Role.NONE


def below(role: Role) -> Role:
    """Return the role under this one."""
    return Role(max(Role.NONE, role - 1))


def offer(kept: Kept, role: Role, *, by: str, now: datetime) -> Kept:
    """Return what is kept once a role is offered, in place of any other that was."""
    return replace(kept, offered=Ruling(role=role, by=by, at=now, expires=now + OFFERED_FOR))


def withdraw(kept: Kept, now: datetime) -> Kept:
    """Return what is kept once the offer is taken back: it stays known, so that who accepts it too late is told."""
    if kept.offered is None or not kept.offered.stands(now):
        return kept
    return replace(kept, offered=replace(kept.offered, expires=max(now, kept.offered.at)))


def settled(kept: Kept) -> Kept:
    """Return what is kept once an offer is answered, and nothing comes of it."""
    return replace(kept, offered=None)


def accept(kept: Kept, offered: Ruling, *, elsewhere: Role, now: datetime) -> Kept:
    """Return what is kept once a person has accepted an offer: it may all of that role, and no more.

    `elsewhere` is the highest role that the configuration gives, to the person or to the members of a room. A denial
    that is in the way ends; where more than the offered role comes from elsewhere, it denies that from now on.
    """
    denied = kept.denied
    if denied is not None and denied.role <= offered.role:
        denied = replace(denied, role=Role(offered.role + 1)) if elsewhere > offered.role else None
    return Kept(granted=Ruling(role=offered.role, by=offered.by, at=now), denied=denied)


def revoke(kept: Kept, role: Role, *, elsewhere: Role, by: str, now: datetime) -> Kept:
    """Return what is kept once a role is taken: the person is below it everywhere; see `accept` for `elsewhere`."""
    granted, denied = kept.granted, kept.denied
    if granted is not None and granted.role >= role:
        granted = None if below(role) is Role.NONE else replace(granted, role=below(role))
    if elsewhere >= role and (denied is None or denied.role > role):
        denied = Ruling(role=role, by=by, at=now)
    changed = replace(kept, granted=granted, denied=denied)
    return withdraw(changed, now) if changed.offered is not None and changed.offered.role >= role else changed
