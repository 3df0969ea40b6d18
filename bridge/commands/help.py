"""`help` and `me`: what one may type here, and who the bot thinks one is."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from bridge.commands import templates
from bridge.commands.context import Mistake, saying
from bridge.commands.reasons import because, called, denial, offer
from bridge.commands.verbs import NEEDED, VERBS, Verb, find
from bridge.domain.people import Place, Role
from bridge.domain.text import clean_inbound
from bridge.domain.wording import seconds

if TYPE_CHECKING:
    from bridge.commands.context import Context, Deed


def explain(context: Context, word: str | None) -> Deed:
    """Return the deed of explaining one verb, all (`all`), or the few that one needs; raises Mistake."""
    if word is None:
        return saying(_needed(context))
    if word.casefold() == "all":
        return saying(_all(context))
    verb = find(word.removeprefix("!"))
    if verb is None:
        shown = "".join(clean_inbound(word, 40).split())
        raise Mistake(f"There is no verb `{shown}`. {context.verb('help all')} lists all of them.")
    more = f"\n{templates.listing(context)}" if verb.name == "say" else ""
    return saying(_one(context, verb) + more)


def me(context: Context) -> Deed:
    """Return the deed of telling a person who the bot thinks it is, and what it may do here."""
    where = "in this room" if context.place is Place.ROOM else "in direct chats"
    who, why = f"{context.nick} ({context.sender})", because(context.right)
    lines = [f"You are {who}, {called(context.role)} {where}, {why}."]
    if context.role is Role.NONE:
        lines = [f"You are {who}, without a role {where}. You may do nothing here: {_why_not(context)}."]
        lines.append(_offered(context) or "Ask an admin for a role.")
        return saying(" ".join(lines))
    lines.append(f"You may say: {', '.join(verb.name for verb in _sayable(context))}.")
    lines += _defaults(context)
    return saying(" ".join([*lines, _offered(context)]).rstrip())


def _defaults(context: Context) -> list[str]:
    """Return a sentence for each thing that the person, or the conversation, has set."""
    hold, zone = (" (as you have set it)" if one is not None else "" for one in (context.own.hold, context.own.zone))
    posts = f"What you post here {goes_out(context)}{hold}."
    return [posts, f"Times that you say are in {context.zone.name}{zone}."]


def goes_out(context: Context) -> str:
    """Return where a post from this conversation goes, and when, as what follows its name."""
    names = context.settings.accounts_for(context.source)
    views = [context.accounts.view(name) for name in names]
    to = ", ".join(view.name for view in views if view is not None and view.enabled) or "no account"
    undo, hold = context.verb("undo"), context.hold
    when = f"{seconds(hold)} after you wrote it, unless you {undo} it" if hold else "at once"
    return f"goes to {to}, {when}"


def _why_not(context: Context) -> str:
    """Return why a person may do nothing here."""
    right, room = context.right, context.settings.room(context.source.jid)
    if right.outcast:
        return "you are banned from this room"
    if denied := right.denied or context.rights.kept_of(context.sender).denied:
        return denial(denied)
    if room is not None and room.member_role is not Role.NONE:
        return f"this room's members are {called(room.member_role)}, but you aren't one of them"
    return "nobody has given you a role"


def _offered(context: Context) -> str:
    """Return what the person is offered, where it can accept that; else nothing."""
    waiting = context.rights.kept_of(context.sender).open_offer(context.now)
    if waiting is None or context.place is Place.ROOM:
        return ""
    return offer(waiting)


def _sayable(context: Context) -> list[Verb]:
    """Return the verbs that work, for this person, here."""
    return [
        verb
        for verb in VERBS
        if verb.built and not verb.prefix and verb.role <= context.role and context.place in verb.places
    ]


def _needed(context: Context) -> str:
    lines = [f"{context.verb(verb.usage)} {verb.help}" for verb in NEEDED[context.role]]
    if context.role > Role.NONE:
        bare = "In direct chats, what isn't a command is a status. " if context.place is Place.DIRECT else ""
        lines.append(
            f"{bare}{context.verb('help VERB')} explains a verb, {context.verb('help all')} lists all of them."
        )
    return "\n".join(lines)


def _one(context: Context, verb: Verb) -> str:
    usages = " or ".join(context.verb(usage) for usage in verb.usages)
    also = f" (also {', '.join(f'`{alias}`' for alias in verb.aliases)})" if verb.aliases else ""
    notes: list[str] = []
    if not verb.built:
        notes.append("It is not in this version.")
    if verb.places == frozenset({Place.DIRECT}):
        notes.append("In direct chats only.")
    if verb.role > Role.STAFF:
        notes.append(f"Needs the role {verb.role}; you are {called(context.role)}.")
    example = context.verb(verb.examples[0])
    return " ".join([f"{usages}{also}: {verb.help}.", *notes, f"For example: {example}"])


def _all(context: Context) -> str:
    areas: defaultdict[str, list[str]] = defaultdict(list)
    for verb in VERBS:
        if verb.built:
            areas[verb.area].append(verb.name)
    lines = [f"{area}: {', '.join(names)}" for area, names in areas.items()]
    later = ", ".join(verb.name for verb in VERBS if not verb.built)
    return "\n".join([*lines, f"not in this version: {later}", f"{context.verb('help VERB')} explains one."])
