"""From a message to its deed: whether it concerns the bot, whether its author may say it, and which module does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from bridge.commands import (
    answers,
    changes,
    control,
    help,  # noqa: A004 - the verb is called so
    posting,
    surroundings,
    triage,
    waiting,
)
from bridge.commands.compose import Wish
from bridge.commands.context import Context, Deed, Mistake, saying
from bridge.commands.declined import ENCRYPTED
from bridge.commands.grammar import parse
from bridge.commands.incoming import Content
from bridge.commands.lines import Command, Line, Nick, Outcome, Question, Status, Talk
from bridge.commands.lines import Mistake as Mistaken
from bridge.domain.ids import EntryId
from bridge.domain.people import Place, Role
from bridge.domain.wording import NOTHING
from bridge.store import inbox, posts

if TYPE_CHECKING:
    from bridge.commands.accounts import Accounts
    from bridge.commands.verbs import Verb
    from bridge.store import Tx


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something for the bot that is no text to read: it is answered, and that is all."""

    words: str


class Unreadable:
    """Encrypted, so that nobody can tell for whom it is."""


Heard: TypeAlias = Outcome | Refusal | Unreadable


class _Unread(Exception):  # noqa: N818 - never leaves this module
    """The line names something that only the store knows."""


class _Shallow:
    """The names that are known without the store."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def account(self, name: str) -> bool:
        return self._accounts.view(name) is not None

    def entry(self, entry: EntryId) -> bool:
        raise _Unread(entry)

    def nick(self, name: str) -> bool:
        raise _Unread(name)


class _Deep(_Shallow):
    """All names, as one snapshot of the store has them."""

    def __init__(self, accounts: Accounts, tx: Tx) -> None:
        super().__init__(accounts)
        self._tx = tx

    def entry(self, entry: EntryId) -> bool:
        return posts.get(self._tx, entry) is not None or inbox.get(self._tx, entry) is not None

    def nick(self, name: str) -> bool:
        return inbox.latest_by(self._tx, name) is not None


async def hear(context: Context) -> Heard:
    """Return what a message means; Talk where it is nobody's business. Raises ReadError."""
    incoming = context.incoming
    outcome = await _parsed(context)
    addressed = incoming.place is Place.DIRECT or not isinstance(outcome, Talk)
    if incoming.content is Content.ENCRYPTED and (incoming.place is Place.DIRECT or not addressed):
        return Unreadable() if context.role is not Role.NONE else Talk()
    if addressed and incoming.content is not Content.TEXT:
        return Refusal(_unreadable(context, incoming.content))
    if addressed and isinstance(outcome, Talk):
        return Refusal(f"There is nothing in that. {NOTHING}")
    return outcome


async def deed_for(context: Context, heard: Heard) -> Deed:
    """Return what to write for a message; raises Mistake, with the whole answer, and ReadError."""
    if context.role is Role.NONE and not (isinstance(heard, Command) and heard.spec.role is Role.NONE):
        raise Mistake(f"{context.nick}: you have no role here, so I can't do that: ask an admin. {NOTHING}")
    match heard:
        case Refusal(words=words):
            return saying(words)
        case Mistaken(sentence=sentence):
            raise Mistake(f"{sentence} {NOTHING}")
        case Status(text=text):
            return posting.post(context, Wish(text=text))
        case Question(text=text, meant=meant, why=why):
            return posting.question(context, Wish(text=text), meant, why)
        case Command():
            _check(context, heard)
            return await _command(context, heard)
        case Talk() | Unreadable():
            return lambda turn: None  # noqa: ARG005 - nothing to do is a deed as well


async def _parsed(context: Context) -> Outcome:
    settings, incoming = context.settings, context.incoming
    line = Line(
        text=incoming.text,
        place=incoming.place,
        bot_nicks=frozenset({settings.xmpp.nick}),
        mode=settings.posting.mode,
    )
    try:
        return parse(line, _Shallow(context.accounts))
    except _Unread:
        return await context.read(lambda tx: parse(line, _Deep(context.accounts, tx)))


def _unreadable(context: Context, content: Content) -> str:
    match content:
        case Content.FILE:
            return (
                f"I can't take files yet: say it in words, or post a link with {context.verb('post TEXT')}. {NOTHING}"
            )
        case Content.ENCRYPTED:
            return ENCRYPTED
        case Content.CORRECTION:
            undo = context.verb("undo")
            return f"I don't take corrections in this version: {undo} it and post it again. Nothing was changed."
        case Content.TEXT | Content.AUTOMATIC:
            return NOTHING


def _check(context: Context, command: Command) -> None:
    """Raise Mistake where the command isn't built, or not for this person, or not for this place."""
    verb: Verb = command.spec
    if context.role < verb.role:
        are = "an " + str(context.role) if context.role is not Role.STAFF else "staff"
        raise Mistake(f"{context.verb(verb.name)} needs the role {verb.role}; you are {are}. {NOTHING}")
    if command.unbuilt is not None:
        raise Mistake(f"{context.verb(command.unbuilt)} is not in this version. {NOTHING}")
    if context.place not in verb.places:
        raise Mistake(f"`{verb.name}` works in a direct chat with me alone. {NOTHING}")


async def _command(context: Context, command: Command) -> Deed:
    if command.verb == "r":
        return await answers.answer(context, to=_item(context, command), text=command.text)
    make = _MAKERS.get(command.verb)
    if make is None:
        raise Mistake(f"{context.verb(command.verb)} is not in this version. {NOTHING}")
    return make(context, command)


def _post(context: Context, command: Command) -> Deed:
    before = command.prefixes
    to = before.accounts or None
    wish = Wish(text=command.text, to=to, warning=before.warning, visibility=before.visibility)
    return posting.post(context, wish)


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


def _word(command: Command) -> str | None:
    return command.words[0] if command.words else None


_MAKERS: Final[dict[str, Callable[[Context, Command], Deed]]] = {
    "post": _post,
    "send": lambda _, command: changes.send(_perhaps(command)),
    "undo": lambda _, command: changes.undo(_perhaps(command)),
    "retry": lambda context, command: changes.retry(_entry(context, command)),
    "found": lambda context, command: changes.found(_entry(context, command), _word(command)),
    "drop": lambda context, command: changes.drop(_entry(context, command)),
    "claim": lambda context, command: triage.claim(_item(context, command)),
    "release": lambda context, command: triage.release(_item(context, command)),
    "done": lambda context, command: triage.done(_item(context, command)),
    "note": lambda context, command: triage.note(_item(context, command), command.text),
    "context": lambda context, command: surroundings.show(_item(context, command)),
    "url": lambda context, command: triage.url(_item(context, command)),
    "inbox": lambda _, __: waiting.show(),
    "panic": lambda _, __: control.panic(),
    "resume": lambda _, __: control.resume(),
    "help": lambda context, command: help.explain(context, _word(command)),
    "me": lambda context, _: help.me(context),
}
"""How each verb that is built becomes a deed; `r` alone asks the store before."""
