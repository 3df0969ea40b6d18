"""What admins ask about the accounts: `account list`, `account info ACCOUNT`, `plugin list`."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from bridge.commands.compose import named
from bridge.commands.context import saying
from bridge.commands.reasons import who
from bridge.commands.waiting import age, since
from bridge.domain.money import spending
from bridge.domain.wording import clause, plural
from bridge.store import accounts, backlog

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.commands.accounts import AccountView, Installed
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


def list_plugins(context: Context) -> Deed:
    """Return the deed of telling which plugins are installed, which accounts use them, and what is missing."""
    installed = context.accounts.installed()
    used: defaultdict[str, list[AccountView]] = defaultdict(list)
    for name in context.accounts.names():
        if (view := context.accounts.view(name)) is not None:
            used[view.plugin].append(view)
    lines = [_plugin(one, used[one.name]) for one in installed]
    known = {one.name for one in installed}
    lines += [
        f"{name} is NOT installed · wanted by {', '.join(view.name for view in views)}"
        for name, views in used.items()
        if views and name not in known
    ]
    return saying("\n".join(lines) or "No plugin is installed.")


def _plugin(one: Installed, users: Sequence[AccountView]) -> str:
    package = f"{one.package} {one.version}" if one.version else one.package
    needs = f", made for {one.needs}" if one.needs else ""
    names = ", ".join(view.name + ("" if view.enabled else " (disabled)") for view in users)
    broken = next((view.mistake for view in users if view.mistake is not None and not view.loaded), None)
    why = "" if broken is None else f" · can't be used: {clause(broken)}"
    return f"{one.name} · {package}{needs} · used by {names or 'no account'}{why}"


def _line(turn: Turn, view: AccountView) -> str:
    found = backlog.of_account(turn.tx, view.name)
    parts = [f"{view.name} {_standing(turn, view)}", *_work(found)]
    if found.published is not None:
        parts.append(f"last published {since(turn.now, found.published)} ago")
    return " · ".join(parts)


def _standing(turn: Turn, view: AccountView) -> str:
    """Return whether an account works, and if not, why."""
    if view.barred:
        return "is disabled in the configuration"
    if view.off is not None:
        return f"was disabled by {who(view.off.actor)} {since(turn.now, view.off.at)} ago"
    if view.starting is not None:
        return f"is starting: its plugin has been entered for {age(view.starting)} and isn't ready yet"
    if not view.up:
        return f"is down: {clause(view.problem or 'it is starting')}"
    state = accounts.get(turn.tx, view.name)
    if state.probe_at is not None:
        return f"is paused: {clause(state.open_cause)}"
    if view.stuck is not None:
        return f"is paused: {clause(view.stuck)}"
    deaf = f", not heard for {since(turn.now, state.deaf_told_at)}" if state.deaf_told_at is not None else ""
    if view.deaf is not None:
        deaf = f"{deaf or ', not heard'}: {clause(view.deaf)}"
    return f"is up{deaf}"


def _work(found: Backlog) -> Iterator[str]:
    for count, word in ((found.waiting, "waiting"), (found.held, "held"), (found.failed, "failed")):
        if count:
            yield f"{count} {word}"
    if found.asked:
        yield f"{found.asked} in doubt, left to you"


def _facts(turn: Turn, view: AccountView) -> Iterator[str]:
    settings = turn.context.settings
    if view.barred:
        yield f"disabled in the configuration: `enabled` in [accounts.{view.name}]"
    else:
        yield "enabled in the configuration"
    if view.off is not None:
        yield f"disabled in the chat by {view.off.actor} on {view.off.at:%Y-%m-%d %H:%M} UTC"
    yield f"plugin {view.plugin}"
    able = [name for name in _ABILITIES if getattr(view, name)]
    yield f"it {', '.join(able)}" if able else "it only posts"
    if view.limits is not None:
        pictures = plural(view.limits.media, "picture") if view.limits.media else "no pictures"
        yield f"takes {plural(view.limits.text, 'character')} and {pictures} a post"
    if (spent := view.spending()) is not None:
        yield spending(spent)
    rooms = [room.jid for room in settings.rooms if room.post_to is None or view.name in room.post_to]
    hearing = settings.rooms_hearing(view.name, private=False)
    yield f"posted to from {', '.join(rooms) or 'no room'}; heard in {', '.join(hearing) or 'no room'}"
    if view.signature:
        yield f"signs with {clause(view.signature)}"
