"""`account disable`, `account enable`, `account check`, `reload`: what admins change, and try, while the bridge runs.

What the chat disables is a row over the configuration, and a denial in either wins.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.commands.compose import named
from bridge.commands.context import Mistake
from bridge.commands.reasons import who
from bridge.commands.waiting import since
from bridge.domain.ids import short
from bridge.domain.people import Place
from bridge.domain.wording import clause, plural, verb
from bridge.store import accounts, errands, reloads, switching

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.commands.accounts import AccountView
    from bridge.commands.context import Context, Deed, Turn
    from bridge.domain.accounts import Off
    from bridge.domain.ids import EntryId
    from bridge.domain.people import Target
    from bridge.store.switching import Unsettled

UNCHANGED = "Nothing was changed."

_NAMED = 5


def disable(context: Context, name: str) -> Deed:
    """Return the deed of keeping an account from posting and hearing; every room that uses it is told."""
    view = named(context, name)

    def deed(turn: Turn) -> None:
        off = accounts.stops(turn.tx).off.get(view.name)
        if view.barred:
            turn.say(f"{view.name} is disabled already, in the configuration. {UNCHANGED}")
        elif off is not None:
            turn.say(f"{view.name} is disabled already: {_by(turn, off)}. {UNCHANGED}")
        else:
            accounts.disable(turn.tx, view.name, actor=context.sender, at=turn.now)
            turn.audit("account disable", account=view.name)
            held = len(switching.hold(turn.tx, view.name))
            words = f"nothing goes out to it or is heard from it. {kept(held, switching.unsettled(turn.tx, view.name))}"
            go_on = verb(Place.DIRECT, f"account enable {view.name}")
            for target in _told(turn, view.name):
                mine = target == context.source
                lead = f"{view.name} is disabled" if mine else f"{context.nick} disables {view.name}"
                turn.say(f"{lead}: {words}. {'' if mine else 'An admin: '}{go_on} ends that", to=target)

    return deed


def enable(context: Context, name: str) -> Deed:
    """Return the deed of letting an account that the chat has disabled work again, or of saying why it can't."""
    view = named(context, name)

    def deed(turn: Turn) -> None:
        off = accounts.stops(turn.tx).off.get(view.name)
        obstacle = _obstacle(view, off)
        if obstacle is not None:
            turn.say(f"{obstacle}. {UNCHANGED}")
            return
        accounts.enable(turn.tx, view.name)
        turn.audit("account enable", account=view.name)
        state = accounts.get(turn.tx, view.name)
        if state.probe_at is not None:
            accounts.put(turn.tx, replace(state, probe_at=turn.now))
        words = _goes_on(turn, switching.free(turn.tx, view.name))
        for target in _told(turn, view.name):
            mine = target == context.source
            lead = f"{view.name} is enabled" if mine else f"{context.nick} enables {view.name}"
            turn.say(f"{lead}: {words}", to=target)

    return deed


def reload() -> Deed:
    """Return the deed of having the configuration be read again; the answer comes once that is done."""

    def deed(turn: Turn) -> None:
        if not reloads.ask(turn.tx, actor=turn.context.sender, at=turn.now):
            turn.say(f"the configuration is being read again already. {UNCHANGED}")

    return deed


def check(context: Context, name: str) -> Deed:
    """Return the deed of having an account's login tried; the answer comes as soon as its platform has given one.

    Raises Mistake.
    """
    view = named(context, name)
    if view.barred:
        mend = f"set `enabled = true` in [accounts.{view.name}] first"
        raise Mistake(f"{view.name} is disabled in the configuration, so its plugin isn't loaded: {mend}. {UNCHANGED}")

    def deed(turn: Turn) -> None:
        if errands.add_trial(turn.tx, view.name, target=context.source, at=turn.now):
            turn.say(f"checking {view.name}: I enter its plugin once more, beside all other work")
        else:
            turn.say(f"{view.name} is being checked already: the answer is on its way. {UNCHANGED}")

    return deed


def checked(view: AccountView | None, name: str, problem: str | None) -> str:
    """Return the line that a check ends with; `problem` is why the plugin could not be entered."""
    if problem is not None:
        return f"{name} can't be used: {clause(problem)}"
    rest = "; it is disabled all the same" if view is not None and not view.enabled else ""
    return f"{name} is ok: its platform takes the login{rest}"


def kept(held: int, unsettled: Unsettled) -> str:
    """Return what waits for an account that was just disabled, and what that comes too late for."""
    parts = [f"{plural(held, 'message')} held for it" if held else "Nothing waited for it"]
    if unsettled.on_the_wire:
        parts.append(f"already on the wire: {_ids(unsettled.on_the_wire)}")
    if unsettled.in_doubt:
        parts.append(f"in doubt, and looked for once it is enabled again: {_ids(unsettled.in_doubt)}")
    return "; ".join(parts)


def _by(turn: Turn, off: Off) -> str:
    return f"{who(off.actor)} did that {since(turn.now, off.at)} ago"


def _obstacle(view: AccountView, off: Off | None) -> str | None:
    """Return why an account can't be enabled from here, as a sentence; None where it can."""
    name = view.name
    if view.barred:
        return (
            f"{name} is disabled in the configuration, which the chat can't overrule: set `enabled = true` in "
            f"[accounts.{name}] there, then `reload`"
        )
    if view.mistake is not None:
        return f"{name} can't be entered: {clause(view.mistake)}; mend that, then `reload`"
    if off is None:
        down = f", but is down: {clause(view.problem)}" if view.problem else ""
        return f"{name} is enabled already{down}"
    return None


def _goes_on(turn: Turn, freed: int) -> str:
    words = f"{plural(freed, 'message')} held for it" if freed else "nothing was held for it"
    if accounts.panic(turn.tx) is not None:
        resume = verb(Place.DIRECT, "resume")
        return f"{words}, but everything outgoing is frozen: an approver's {resume} continues"
    if not freed:
        return f"{words}; it is being entered"
    go = "goes" if freed == 1 else "go"
    return f"{words} {go} out now, in order; what has become too old is asked about"


def _ids(entries: Sequence[EntryId]) -> str:
    shown = ", ".join(short(entry) for entry in entries[:_NAMED])
    return shown if len(entries) <= _NAMED else f"{shown} and {len(entries) - _NAMED} more"


def _told(turn: Turn, account: str) -> list[Target]:
    context = turn.context
    return list(dict.fromkeys([context.source, *context.rights.rooms_told(account)]))
