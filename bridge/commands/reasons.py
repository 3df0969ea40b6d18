"""How roles are called, and how their origin is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.domain.people import Place, Role
from bridge.domain.rights import Source
from bridge.domain.wording import verb

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.domain.rights import Right, Ruling


def called(role: Role) -> str:
    """Return what somebody of a role is: `staff`, `an approver`, `without a role`."""
    return {Role.NONE: "without a role", Role.STAFF: "staff"}.get(role, f"an {role}")


def day(at: datetime) -> str:
    """Return a day as people read it."""
    return f"{at:%Y-%m-%d}"


def until(ruling: Ruling) -> str:
    """Return when an offer ends."""
    return f"{ruling.expires:%Y-%m-%d %H:%M} UTC" if ruling.expires is not None else "for good"


def who(jid: str) -> str:
    """Return what colleagues call the person of a bare JID."""
    return jid.partition("@")[0]


def offer(waiting: Ruling) -> str:
    """Return what is offered to a person, and how it answers."""
    accept, decline = verb(Place.DIRECT, "role accept"), verb(Place.DIRECT, "role decline")
    words = f"{waiting.by} offers you the role {waiting.role} until {until(waiting)}"
    return f"{words}: {accept} takes it, {decline} refuses it."


def because(right: Right) -> str:
    """Return from where a role comes, and what of it was taken, as the end of a sentence; empty where it is none."""
    sources = {Source.FILE: "from the configuration", Source.MEMBER: "as a member of this room"}
    given = sources.get(right.source, "")
    if right.granted is not None:
        given = f"granted by {who(right.granted.by)} on {day(right.granted.at)}"
    return ", but ".join(part for part in (given, denial(right.denied)) if part)


def denial(denied: Ruling | None) -> str:
    """Return who took which role when; empty where nobody did."""
    return "" if denied is None else f"{denied.role} denied by {who(denied.by)} on {day(denied.at)}"
