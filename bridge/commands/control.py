"""`panic` and `resume`: one word stops everything outgoing, everywhere; another one lets it go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.commands.reasons import who
from bridge.commands.waiting import since
from bridge.domain.ids import short
from bridge.domain.people import Place, Target
from bridge.domain.wording import plural, verb
from bridge.store import accounts, outbox, receipts

if TYPE_CHECKING:
    from bridge.commands.context import Context, Deed, Turn
    from bridge.store.receipts import Outgoing

_WIRE_SHOWN = 5


def panic() -> Deed:
    """Return the deed of freezing everything outgoing but deletions; every room and the admins are told."""

    def deed(turn: Turn) -> None:
        tx, context = turn.tx, turn.context
        before = accounts.panic(tx)
        if before is not None:
            ago = since(turn.now, before.at)
            go_on = context.verb("resume")
            turn.say(f"everything outgoing is frozen already, by {who(before.actor)} {ago} ago. {_approver(go_on)}")
            return
        accounts.set_panic(tx, actor=context.sender, at=turn.now)
        turn.audit("panic")
        stopped = receipts.outgoing(tx)
        for target in _told(context):
            by = "" if target == context.source else f"{context.nick} says panic: "
            turn.say(f"{by}{frozen(stopped, target.place)}", to=target)

    return deed


def resume() -> Deed:
    """Return the deed of letting everything go on; every room and the admins are told."""

    def deed(turn: Turn) -> None:
        tx, context = turn.tx, turn.context
        if not accounts.clear_panic(tx):
            turn.say("nothing is frozen")
            return
        turn.audit("resume")
        for name in context.accounts.names():
            tx.wake(outbox.lane_topic(name))
        goes_on = continues(receipts.outgoing(tx))
        for target in _told(context):
            by = "" if target == context.source else f"{context.nick} says resume: "
            turn.say(f"{by}{goes_on}", to=target)

    return deed


def frozen(stopped: Outgoing, place: Place) -> str:
    """Return what everybody is told of a panic."""
    wire = [f"{short(entry)} to {account}" for entry, account in stopped.on_the_wire]
    already = f"{len(wire)} already on the wire"
    if wire:
        rest = f" and {len(wire) - _WIRE_SHOWN} more" if len(wire) > _WIRE_SHOWN else ""
        already += f": {', '.join(wire[:_WIRE_SHOWN])}{rest}"
    return (
        f"everything outgoing is frozen (deletions still work), {stopped.held + stopped.ready} held, {already}. "
        + _approver(verb(place, "resume"))
    )


def continues(waiting: Outgoing) -> str:
    """Return what everybody is told when a panic is over."""
    held = f", {waiting.held} still held" if waiting.held else ""
    return f"everything outgoing continues, {plural(waiting.ready, 'message')} to go{held}"


def _approver(go_on: str) -> str:
    return f"An approver's {go_on} continues"


def _told(context: Context) -> list[Target]:
    rooms = [Target(room.jid, Place.ROOM) for room in context.settings.rooms]
    return list(dict.fromkeys([context.source, *rooms, *context.rights.told()]))
