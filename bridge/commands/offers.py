"""`role accept` and `role decline`: what a person says to a role that is offered to it; and what strangers may say.

Only the address that was offered the role can take it, in a direct chat, where the server vouches for who is speaking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.commands import declined
from bridge.commands.heard import shallow
from bridge.commands.incoming import Content, GestureKind
from bridge.commands.lines import Command
from bridge.commands.people import Rights
from bridge.commands.reasons import because, called, day, offer, until, who
from bridge.commands.roles import UNCHANGED
from bridge.domain import rights as law
from bridge.domain.people import Place, Role, Target
from bridge.domain.wording import NOTHING
from bridge.store import roles

if TYPE_CHECKING:
    from bridge.commands.context import Context, Deed, Turn
    from bridge.domain.rights import Kept, Ruling

NO_OFFER: Final = f"No role is offered to you: ask an admin of the team. {UNCHANGED}"


def hear(context: Context) -> Command | Deed:
    """Return what somebody without a role means in a direct chat: a command that needs none, or what to answer.

    A stranger is answered so seldom that two machines can't keep each other talking; whom an admin has named in the
    chat may answer an offer and ask who the bot thinks it is.
    """
    kept, command = context.rights.kept.get(context.sender), _command(context)
    if command is not None and command.role is Role.NONE:
        if kept is not None and (kept.offered is not None or command.verb != "role"):
            return command
        if command.verb == "role":
            return _no_offer
    waiting = kept.open_offer(context.now) if kept is not None else None
    if waiting is None:
        return declined.to_stranger
    if context.incoming.content is Content.ENCRYPTED:
        return declined.to_encrypted
    words = f"{offer(waiting)} {NOTHING}"
    return lambda turn: declined.seldom(turn, "offered", declined.STRANGERS_EVERY, words)


def accept(context: Context) -> Deed:
    """Return the deed of taking the role that is offered to the person."""

    def deed(turn: Turn) -> None:
        me, rights = context.sender, Rights.read(turn.tx, context.settings)
        kept, has = rights.kept_of(me), rights.of(me)
        if (why := _kept_from(context, rights, kept)) is not None:
            turn.say(f"{why} {UNCHANGED}")
            return
        offered = kept.offered
        assert offered is not None  # noqa: S101 - else there was a reason
        if has.role >= offered.role:
            roles.put(turn.tx, me, law.settled(kept))
            turn.say(f"You are {called(has.role)} already, {because(has)}. {UNCHANGED}")
            _tell(turn, offered, f"{me} has accepted, but was {called(has.role)} already, {because(has)}. {UNCHANGED}")
            return
        roles.put(turn.tx, me, law.accept(kept, offered, elsewhere=rights.elsewhere(me), now=turn.now))
        turn.audit("role accept", content=f"{offered.role} offered by {offered.by}")
        turn.say(f"You are {called(offered.role)} from now on. {context.verb('help')} tells what you can say")
        _tell(turn, offered, f"{me} has accepted, and is {called(offered.role)} from now on")

    return deed


def decline(context: Context) -> Deed:
    """Return the deed of refusing the role that is offered to the person."""

    def deed(turn: Turn) -> None:
        rights = Rights.read(turn.tx, context.settings)
        kept = rights.kept_of(context.sender)
        if (why := _kept_from(context, rights, kept)) is not None:
            turn.say(f"{why} {UNCHANGED}")
            return
        offered = kept.offered
        assert offered is not None  # noqa: S101 - as above
        roles.put(turn.tx, context.sender, law.settled(kept))
        turn.audit("role decline", content=f"{offered.role} offered by {offered.by}")
        turn.say(f"You have refused the role {offered.role}. {UNCHANGED}")
        _tell(turn, offered, f"{context.sender} has refused the role {offered.role}. {UNCHANGED}")

    return deed


def _kept_from(context: Context, rights: Rights, kept: Kept) -> str | None:
    """Return why nothing can be accepted now; None where an offer waits."""
    offered = kept.offered
    if offered is None:
        return "No role is offered to you: ask an admin."
    by = who(offered.by)
    if offered.withdrawn:
        return f"The offer of the role {offered.role} was taken back on {day(offered.expires or offered.at)}."
    if not offered.stands(context.now):
        return f"The offer of the role {offered.role} ended on {until(offered)}: ask {by} for another."
    if context.incoming.said_at < offered.at:
        return f"You said that before {by} offered you the role {offered.role}: {context.verb('role accept')} takes it."
    if rights.role_of(offered.by) is not Role.ADMIN:
        return f"{by}, who offered you the role {offered.role}, is no admin any more: ask another."
    return None


def _command(context: Context) -> Command | None:
    """Return the command that a line of text is, as far as it can be told without the store."""
    gesture = context.incoming.gesture
    if gesture is not None and gesture.kind not in {GestureKind.REPLY, GestureKind.CORRECTION}:
        return None
    outcome = shallow(context) if context.incoming.content is Content.TEXT else None
    return outcome if isinstance(outcome, Command) else None


def _no_offer(turn: Turn) -> None:
    declined.seldom(turn, "no offer", declined.STRANGERS_EVERY, NO_OFFER)


def _tell(turn: Turn, offered: Ruling, words: str) -> None:
    turn.say(words, to=Target(offered.by, Place.DIRECT))
