"""`health`: on one screen how the bridge itself is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.commands.reasons import who
from bridge.commands.waiting import age, since
from bridge.domain.wording import clause, plural
from bridge.store import accounts, figures

if TYPE_CHECKING:
    from datetime import timedelta

    from bridge.commands.accounts import AccountView
    from bridge.commands.context import Context, Deed, Turn

_MB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the program knows of itself; nothing of it is secret.

    `session` is for how long the chat has heard us, None while it doesn't. `store` names where the rows are, `problem`
    is why nothing can be written there. `memory` is in bytes, None where the system doesn't tell.
    """

    version: str
    uptime: timedelta
    session: timedelta | None
    joined: tuple[str, ...]
    missing: tuple[str, ...]
    store: str
    schema: str
    problem: str | None
    memory: int | None


def tell(context: Context) -> Deed:
    """Return the deed of telling how the bridge is."""
    facts = context.facts()

    def deed(turn: Turn) -> None:
        memory = f", {facts.memory // _MB} MB of memory" if facts.memory is not None else ""
        lines = [
            f"Statusbridge {facts.version}, up for {age(facts.uptime)}{memory}",
            *(f"| {line}" for line in (_chat(facts), _store(turn, facts), _accounts(turn), _queues(turn))),
        ]
        panic = accounts.panic(turn.tx)
        if panic is not None:
            by = f"{who(panic.actor)}, {since(turn.now, panic.at)} ago"
            lines.append(f"| everything outgoing is FROZEN by {by}: an approver's {context.verb('resume')} continues")
        turn.say("\n".join(lines))

    return deed


def _chat(facts: Facts) -> str:
    session = f"connected for {age(facts.session)}" if facts.session is not None else "not connected"
    rooms = len(facts.joined) + len(facts.missing)
    away = f", NOT in {', '.join(facts.missing)}" if facts.missing else ""
    return f"XMPP: {session}, in {len(facts.joined)} of {plural(rooms, 'room')}{away}"


def _store(turn: Turn, facts: Facts) -> str:
    size = figures.size(turn.tx) / _MB
    wrong = f", CAN'T BE WRITTEN: {clause(facts.problem)}" if facts.problem is not None else ""
    return f"store: {facts.store}, {size:.1f} MB, schema {facts.schema}{wrong}"


def _accounts(turn: Turn) -> str:
    views = [turn.context.accounts.view(name) for name in turn.context.accounts.names()]
    standing: dict[str, list[str]] = {}
    for view in views:
        if view is not None:
            standing.setdefault(_word(turn, view), []).append(view.name)
    parts = (f"{', '.join(names)} {word}" for word, names in standing.items())
    return "accounts: " + ("; ".join(parts) or "none")


def _word(turn: Turn, view: AccountView) -> str:
    if not view.enabled:
        return "disabled"
    if view.starting is not None:
        return "starting"
    if not view.up:
        return "down"
    if view.stuck is not None or accounts.get(turn.tx, view.name).probe_at is not None:
        return "paused"
    return "up" if view.deaf is None else "not heard"


def _queues(turn: Turn) -> str:
    found = figures.queues(turn.tx)
    words = [f"{found.waiting} waiting", f"{found.held} held", f"{found.doubtful} in doubt", f"{found.failed} failed"]
    oldest = f"; the oldest waits for {since(turn.now, found.oldest)}" if found.oldest is not None else ""
    return f"queues: {', '.join(words)}{oldest}"
