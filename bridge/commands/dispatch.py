"""From what a message means to its deed: whether its author may say it, and which module does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from bridge.commands import (
    administration,
    answers,
    approval,
    changes,
    control,
    edit,
    forgetting,
    health,
    help,  # noqa: A004 - the verb is called so
    later,
    marks,
    offers,
    own,
    pictures,
    posting,
    record,
    resuming,
    roles,
    stats,
    surroundings,
    switching,
    templates,
    threads,
    triage,
    waiting,
)
from bridge.commands.compose import Wish, wished
from bridge.commands.context import Context, Deed, Mistake, saying
from bridge.commands.gestures import Asked, Reacted, Threaded, Unshared
from bridge.commands.heard import Edit, Refusal, Shared, Unreadable
from bridge.commands.lines import Command, Nick, Question, Status, Talk
from bridge.commands.lines import Mistake as Mistaken
from bridge.commands.reasons import called
from bridge.domain.people import Role
from bridge.domain.wording import NOTHING
from bridge.store import reactions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.commands.context import Turn
    from bridge.commands.heard import Heard
    from bridge.commands.verbs import Verb
    from bridge.domain.ids import EntryId


async def deed_for(context: Context, heard: Heard) -> Deed:
    """Return what to write for a message; raises Mistake, with the whole answer, and ReadError."""
    if context.role is Role.NONE and not (isinstance(heard, Command) and heard.role is Role.NONE):
        raise Mistake(f"{context.nick}: you have no role here, so I can't do that: ask an admin. {NOTHING}")
    match heard:
        case Refusal(words=words):
            return saying(words)
        case Mistaken(sentence=sentence):
            raise Mistake(f"{sentence} {NOTHING}")
        case Talk() | Unreadable():
            return lambda turn: None  # noqa: ARG005 - nothing to do is a deed as well
        case Command():
            _check(context, heard)
            return await _command(context, heard)
        case Shared():
            return pictures.share
        case Status(text=text):
            return posting.post(context, Wish(text=text))
        case Question(text=text, meant=meant, why=why):
            return posting.question(context, Wish(text=text), meant, why)
        case _:
            return await _gesture(context, heard)


async def _gesture(context: Context, meant: Edit | Asked | Threaded | Reacted | Unshared) -> Deed:
    match meant:
        case Unshared(message=message):
            return pictures.unshare(message)
        case Edit(post=entry, text=text, line=line, when=when):
            return await edit.edit(context, entry, text, line=line, when=when)
        case Threaded(post=entry, text=text):
            return await threads.go_on(context, entry, text)
        case Asked(item=item, text=text):
            return await answers.ask(context, to=item, text=text, template=meant.template)
        case Reacted():
            return _reacted(context, meant, [await _answered(context, command) for command in meant.commands])


async def _answered(context: Context, command: Command) -> Deed:
    """Return a command's deed, or that of saying why there is none."""
    try:
        _check(context, command)
        return await _command(context, command)
    except Mistake as mistake:
        return saying(str(mistake))


def _reacted(context: Context, changed: Reacted, deeds: Sequence[Deed]) -> Deed:
    def deed(turn: Turn) -> None:
        reactions.put(turn.tx, changed.message, context.sender, changed.emojis, at=turn.now)
        for one in deeds:
            one(turn)

    return deed


def _check(context: Context, command: Command) -> None:
    """Raise Mistake where the command isn't built, or not for this person, or not for this place."""
    verb: Verb = command.spec
    if context.role < command.role:
        needs = f"{context.verb(verb.name)} needs the role {command.role}"
        raise Mistake(f"{needs}; you are {called(context.role)}. {NOTHING}")
    if command.unbuilt is not None:
        raise Mistake(f"{context.verb(command.unbuilt)} is not in this version. {NOTHING}")
    if context.place not in verb.places:
        raise Mistake(f"`{verb.name}` works in a direct chat with me alone. {NOTHING}")


async def _command(context: Context, command: Command) -> Deed:
    if command.verb == "r":
        return await answers.answer(context, to=_item(context, command), text=command.text)
    if command.verb == "edit":
        return await edit.edit(context, _entry(context, command), command.text)
    if command.verb == "say":
        return await templates.say(context, command)
    if command.verb == "forget" and isinstance(command.target, Nick):
        return await forgetting.forget(context, command.target.name)
    if command.verb == "stats":
        return await stats.show(context)
    if command.verb == "send" and command.target is None and await pictures.alone(context):
        return posting.post(context, Wish(text="", pictures=True))
    make = _MAKERS.get(command.verb)
    if make is None:
        raise Mistake(f"{context.verb(command.verb)} is not in this version. {NOTHING}")
    return make(context, command)


def _account(context: Context, command: Command) -> Deed:
    what, name = command.words[0], command.words[-1]
    if what == "list":
        return administration.list_plugins(context) if command.said == "plugin" else administration.list_all()
    make = {"enable": switching.enable, "disable": switching.disable, "check": switching.check}
    return make.get(what, administration.info)(context, name)


def _role(context: Context, command: Command) -> Deed:
    what, *whom = command.words
    if what in {"grant", "revoke"}:
        role, jid = whom
        return (roles.grant if what == "grant" else roles.revoke)(context, Role.parse(role), jid)
    return offers.accept(context) if what == "accept" else offers.decline(context)


def _undo(command: Command) -> Deed:
    target = _perhaps(command)
    return changes.undo(target) if target is not None else pictures.forget_or(changes.undo(None))


def _perhaps(command: Command) -> EntryId | None:
    return None if isinstance(command.target, Nick) else command.target


def _entry(context: Context, command: Command) -> EntryId:
    if command.target is None or isinstance(command.target, Nick):
        raise _incomplete(context, command)
    return command.target


def _item(context: Context, command: Command) -> EntryId | str:
    if command.target is None:
        raise _incomplete(context, command)
    return command.target.name if isinstance(command.target, Nick) else command.target


def _incomplete(context: Context, command: Command) -> Mistake:
    return Mistake(f"Say which one: {context.verb(command.spec.usage)}. {NOTHING}")


def _approve(context: Context, command: Command) -> Deed:
    version = int(command.words[0]) if command.words else None
    return approval.approve(_entry(context, command), version, message=command.message)


def _reject(context: Context, command: Command) -> Deed:
    return approval.reject(_entry(context, command), command.text, message=command.message)


def _word(command: Command) -> str | None:
    return command.words[0] if command.words else None


_SETTERS: Final[dict[str, Callable[[Context, str], Deed]]] = {"hold": own.set_hold, "zone": own.set_zone}

_MAKERS: Final[dict[str, Callable[[Context, Command], Deed]]] = {
    "post": lambda context, command: posting.post(context, wished(command.prefixes, command.text)),
    "send": lambda _, command: changes.send(_perhaps(command)),
    "approve": _approve,
    "reject": _reject,
    "undo": lambda _, command: _undo(command),
    "at": lambda context, command: later.plan(context, wished(command.prefixes, command.text), command.words[0]),
    "queue": lambda _, __: later.queue(),
    "move": lambda context, command: later.move(context, _entry(context, command), command.words[0]),
    "alt": lambda context, command: pictures.describe(context, command.text),
    "retry": lambda context, command: changes.retry(_entry(context, command)),
    "found": lambda context, command: changes.found(_entry(context, command), _word(command)),
    "drop": lambda context, command: changes.drop(_entry(context, command)),
    "repeat": lambda context, command: marks.repeat(_item(context, command)),
    "fav": lambda context, command: marks.favour(_item(context, command)),
    "claim": lambda context, command: triage.claim(_item(context, command)),
    "release": lambda context, command: triage.release(_item(context, command)),
    "done": lambda context, command: triage.done(_item(context, command)),
    "note": lambda context, command: triage.note(_item(context, command), command.text),
    "context": lambda context, command: surroundings.show(_item(context, command)),
    "url": lambda context, command: triage.url(_item(context, command)),
    "inbox": lambda _, __: waiting.show(),
    "account": _account,
    "reload": lambda _, __: switching.reload(),
    "health": lambda context, _: health.tell(context),
    "last": lambda _, command: surroundings.last(command.target.name if isinstance(command.target, Nick) else None),
    "set": lambda context, command: _SETTERS[command.words[0]](context, command.words[1]),
    "role": _role,
    "roles": lambda _, __: roles.list_all(),
    "audit": lambda _, command: record.show(_perhaps(command)),
    "panic": lambda _, __: control.panic(),
    "resume": lambda _, __: resuming.resume(),
    "help": lambda context, command: help.explain(context, _word(command)),
    "me": lambda context, _: help.me(context),
}
"""How each verb that is built becomes a deed, but for those that ask the store before."""
