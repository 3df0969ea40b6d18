"""What admins ask about the accounts: `account list`, `account info ACCOUNT`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.commands.compose import named
from bridge.commands.waiting import since
from bridge.domain.wording import clause, plural
from bridge.store import accounts, backlog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.commands.accounts import AccountView
    from bridge.commands.context import Context, Deed, Turn
    from bridge.store.backlog import Backlog

_ABILITIES = ("edits", "deletes", "finds", "listens", "repeats", "favours", "shows")


def list_all() -> Deed:
    """Return the deed of telling how every account of the configuration stands, one line each."""

    def deed(turn: Turn) -> None:
        views = [turn.context.accounts.view(name) for name in turn.context.accounts.names()]
        lines = [_line(turn, view) for view in views if view is not None]
        turn.say("\n".join(lines) or "No account is configured.")

    return deed


def info(context: Context, name: str) -> Deed:
    """Return the deed of telling all that is known of an account; raises Mistake."""
    view = named(context, name)

    def deed(turn: Turn) -> None:
        turn.say("\n".join([_line(turn, view), *(f"| {line}" for line in _facts(turn, view))]))

    return deed


def _line(turn: Turn, view: AccountView) -> str:
    found = backlog.of_account(turn.tx, view.name)
    parts = [f"{view.name} {_standing(turn, view)}", *_work(found)]
    if found.published is not None:
        parts.append(f"last published {since(turn.now, found.published)} ago")
    return " · ".join(parts)


def _standing(turn: Turn, view: AccountView) -> str:
    """Return whether an account works, and if not, why."""
    if not view.enabled:
        return "is disabled in the configuration"
    if not view.up:
        return f"is down: {clause(view.problem or 'it is starting')}"
    state = accounts.get(turn.tx, view.name)
    if state.probe_at is not None:
        return f"is paused: {clause(state.open_cause)}"
    deaf = f", not heard for {since(turn.now, state.deaf_told_at)}" if state.deaf_told_at is not None else ""
    return f"is up{deaf}"


def _work(found: Backlog) -> Iterator[str]:
    for count, word in ((found.waiting, "waiting"), (found.held, "held"), (found.failed, "failed")):
        if count:
            yield f"{count} {word}"
    if found.asked:
        yield f"{found.asked} in doubt, left to you"


def _facts(turn: Turn, view: AccountView) -> Iterator[str]:
    settings = turn.context.settings
    yield f"plugin {view.plugin}"
    able = [name for name in _ABILITIES if getattr(view, name)]
    yield f"it {', '.join(able)}" if able else "it only posts"
    if view.limits is not None:
        pictures = plural(view.limits.media, "picture") if view.limits.media else "no pictures"
        yield f"takes {plural(view.limits.text, 'character')} and {pictures} a post"
    rooms = [room.jid for room in settings.rooms if room.post_to is None or view.name in room.post_to]
    hearing = settings.rooms_hearing(view.name, private=False)
    yield f"posted to from {', '.join(rooms) or 'no room'}; heard in {', '.join(hearing) or 'no room'}"
    if view.signature:
        yield f"signs with {clause(view.signature)}"
