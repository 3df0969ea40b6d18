"""`panic`: one word stops everything outgoing, everywhere, until `resume` lets it go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.commands.reasons import who
from bridge.commands.waiting import since
from bridge.domain.ids import short
from bridge.domain.people import Place, Target
from bridge.domain.wording import verb
from bridge.store import accounts, panics, receipts

if TYPE_CHECKING:
    from bridge.commands.context import Deed, Turn
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
            # Whoever says it again wants nothing to flow that was only about to.
            panics.renew(tx, now=turn.now)
            panics.tell(tx, [context.source], now=turn.now)
            turn.say(f"everything outgoing is frozen already, by {who(before.actor)} {ago} ago. {_approver(go_on)}")
            return
        accounts.set_panic(tx, actor=context.sender, at=turn.now)
        turn.audit("panic")
        stopped = receipts.outgoing(tx)
        rooms = [Target(room.jid, Place.ROOM) for room in context.settings.rooms]
        told = list(dict.fromkeys([context.source, *rooms, *context.rights.told()]))
        panics.tell(tx, told, now=turn.now)
        for target in told:
            by = "" if target == context.source else f"{context.nick} says panic: "
            turn.say(f"{by}{frozen(stopped, target.place)}", to=target)

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


def _approver(go_on: str) -> str:
    return f"An approver's {go_on} continues"
