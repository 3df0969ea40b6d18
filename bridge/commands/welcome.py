"""The welcome: what a new colleague has to know, said once, before the answer to the first thing they write to us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.commands.help import goes_out
from bridge.commands.incoming import Content
from bridge.commands.reasons import called
from bridge.domain.people import Place
from bridge.settings import Mode
from bridge.store import people

if TYPE_CHECKING:
    from collections.abc import Collection

    from bridge.commands.context import Context, Turn
    from bridge.commands.incoming import Incoming


def is_first(incoming: Incoming, welcomed: Collection[str]) -> bool:
    """Tell whether a message is the first that somebody types to us directly; what a client or a menu says isn't."""
    typed = incoming.content is not Content.AUTOMATIC and not incoming.chosen
    return typed and incoming.place is Place.DIRECT and incoming.sender not in welcomed


def greet(turn: Turn) -> None:
    """Owe the person the welcome, unless somebody was quicker; what they asked for is done as always."""
    context = turn.context
    if people.welcome_once(turn.tx, context.sender, turn.now):
        turn.say(_welcome(context))


def _welcome(context: Context) -> str:
    strict = context.settings.posting.mode is Mode.STRICT
    what = (
        f"Only {context.verb('post TEXT')} publishes here, and it"
        if strict
        else "What you write here is a status, and it"
    )
    back = "" if context.hold else f"; {context.verb('undo')} takes it back where that can be done"
    return "\n".join(
        [
            f"Welcome, {context.nick}: I take you for {context.sender}, {called(context.role)}.",
            f"{what} {goes_out(context)}{back}. Where I am not sure what you mean, I ask.",
            f"{context.verb('help')} shows what you need most, {context.verb('me')} what you may do.",
        ]
    )
