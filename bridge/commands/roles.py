"""`role grant`, `role revoke` and `roles`: who may do what, as admins say it over the configuration.

A grant is an offer at first: nothing changes until the person itself accepts it (`bridge.commands.offers`). A
revocation counts at once; what the person holds or has claimed stays as it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge.commands.context import Mistake
from bridge.commands.people import Rights
from bridge.commands.reasons import because, called, day, denial, until, who
from bridge.domain import rights as law
from bridge.domain.people import Place, Role, Target
from bridge.domain.rights import Kept, Right
from bridge.domain.wording import verb
from bridge.store import roles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from bridge.commands.context import Context, Deed, Turn

SHOWN: Final = 20
"""Lines that `roles` has at most."""

UNCHANGED: Final = "Nothing was changed."

_ALLOWS: Final = {
    Role.STAFF: "publish on the team's accounts and answer customers",
    Role.APPROVER: "publish, answer customers, and end a panic",
    Role.ADMIN: "publish, answer customers, see how the accounts stand, and give roles to others",
}


def grant(context: Context, role: Role, jid: str) -> Deed:
    """Return the deed of offering a role to a person; raises Mistake where the address can't be a person's."""
    _check_person(context, jid)

    def deed(turn: Turn) -> None:
        rights = Rights.read(turn.tx, context.settings)
        kept, has = rights.kept_of(jid), rights.of(jid)
        waiting = kept.open_offer(turn.now)
        if not _is_admin(turn, rights):
            return
        if has.role >= role:
            turn.say(f"{jid} is {called(has.role)} already, {because(has)}. {UNCHANGED}")
        elif waiting is not None and waiting.role is role:
            back = context.verb(f"role revoke {role} {jid}")
            words = f"{who(waiting.by)} has offered that on {day(waiting.at)}, and {jid} hasn't answered"
            turn.say(f"{words}: {back} takes it back. {UNCHANGED}")
        else:
            offered = law.offer(kept, role, by=context.sender, now=turn.now)
            roles.put(turn.tx, jid, offered)
            turn.audit("role grant", content=f"{role} {jid}")
            turn.say(_offer(offered, jid, instead=waiting.role if waiting else None), to=_direct(jid))
            turn.say(_asked(context, offered, jid))

    return deed


def revoke(context: Context, role: Role, jid: str) -> Deed:
    """Return the deed of taking a role from a person, or an offer back."""

    def deed(turn: Turn) -> None:
        rights = Rights.read(turn.tx, context.settings)
        if not _is_admin(turn, rights):
            return
        before = rights.kept_of(jid)
        after = law.revoke(before, role, elsewhere=rights.elsewhere(jid), by=context.sender, now=turn.now)
        then = Rights(context.settings, {**rights.kept, jid: after})
        if after == before:
            turn.say(f"{jid} is {_reasons(rights.of(jid), before)}. {UNCHANGED}")
        elif rights.admins() and not then.admins():
            other = context.verb("role grant admin JID")
            turn.say(f"{jid} is the last admin: make somebody else one before, with {other}. {UNCHANGED}")
        else:
            roles.put(turn.tx, jid, after)
            turn.audit("role revoke", content=f"{role} {jid}")
            _tell_revoked(turn, rights, then, role, jid)

    return deed


def list_all() -> Deed:
    """Return the deed of telling who may do what, and from where that comes."""

    def deed(turn: Turn) -> None:
        rights = Rights.read(turn.tx, turn.context.settings)
        rows = [*_people(rights, turn.now), *_members(rights)]
        lines = [line for _, line in sorted(rows, key=lambda row: (-row[0], row[1]))]
        if len(lines) > SHOWN:
            lines = [*lines[:SHOWN], f"... and {len(lines) - SHOWN} more"]
        turn.say("\n".join(lines))

    return deed


def _people(rights: Rights, now: datetime) -> Iterator[tuple[Role, str]]:
    for jid in {*rights.settings.people, *rights.kept}:
        has, kept = rights.of(jid), rights.kept_of(jid)
        offered = kept.open_offer(now)
        why = because(has) or denial(kept.denied)
        waits = f"{offered.role} offered by {who(offered.by)}, waiting until {until(offered)}" if offered else ""
        if why or waits:
            yield has.role, f"{has.role} {jid}: {'; '.join(part for part in (why, waits) if part)}"


def _members(rights: Rights) -> Iterator[tuple[Role, str]]:
    for room in rights.settings.rooms:
        if room.member_role is not Role.NONE:
            yield room.member_role, f"{room.member_role} members of {room.jid}, there: from the configuration"


def _check_person(context: Context, jid: str) -> None:
    rooms = [room.jid for room in context.settings.rooms]
    if jid == context.settings.xmpp.jid:
        raise Mistake(f"That is me: I can't have a role. {UNCHANGED}")
    if jid in rooms:
        raise Mistake(f"{jid} is a room: what its members may do is in the configuration. {UNCHANGED}")
    if jid.partition("@")[2] in {room.partition("@")[2] for room in rooms}:
        raise Mistake(f"{jid} is where rooms are, and no person's own address. {UNCHANGED}")


def _is_admin(turn: Turn, rights: Rights) -> bool:
    """Return whether the person may do this in this very transaction; else say so."""
    if rights.role_of(turn.context.sender) is Role.ADMIN:
        return True
    turn.say(f"You are no admin any more. {UNCHANGED}")
    return False


def _direct(jid: str) -> Target:
    return Target(jid, Place.DIRECT)


def _offer(kept: Kept, jid: str, *, instead: Role | None) -> str:
    """Return what a person is told that is offered a role; it may never have heard of us."""
    assert kept.offered is not None  # noqa: S101 - it was made just now
    accept, decline = verb(Place.DIRECT, "role accept"), verb(Place.DIRECT, "role decline")
    former = f", in place of {instead}" if instead is not None else ""
    return (
        f"{kept.offered.by} offers {jid} the role {kept.offered.role} with me{former}: you may then "
        f"{_ALLOWS[kept.offered.role]}. {accept} takes it, {decline} refuses it. If you say neither before "
        f"{until(kept.offered)}, nothing happens"
    )


def _asked(context: Context, kept: Kept, jid: str) -> str:
    assert kept.offered is not None  # noqa: S101 - as above
    role = kept.offered.role
    back, accept = context.verb(f"role revoke {role} {jid}"), context.verb("role accept")
    return (
        f"I have offered {jid} the role {role}. Nothing changes until {accept} comes from there, before "
        f"{until(kept.offered)}; {back} takes the offer back"
    )


def _reasons(right: Right, kept: Kept) -> str:
    """Return what a person is, why, and what keeps it from being more."""
    return ", ".join(part for part in (called(right.role), because(right) or denial(kept.denied)) if part)


def _tell_revoked(turn: Turn, before: Rights, after: Rights, role: Role, jid: str) -> None:
    asker, was, has = turn.context.sender, before.of(jid), after.of(jid)
    old, new = before.kept_of(jid), after.kept_of(jid)
    back = ""
    if (waiting := old.open_offer(turn.now)) is not None and new.open_offer(turn.now) is None:
        back = f"The offer of the role {waiting.role} is taken back. "
        turn.say(f"{asker} takes back the offer of the role {waiting.role}. {UNCHANGED}", to=_direct(jid))
    if replace(new, offered=None) != replace(old, offered=None) and jid != asker:
        words = f"{asker} takes the role {role} from you, everywhere: you are {called(has.role)} now"
        turn.say(f"{words}. What you hold and what you have claimed stays as it is", to=_direct(jid))
    still = "still" if has.role is was.role else "now"
    turn.say(f"{back}{jid} is {still} {_reasons(has, new)}")
