"""What a message means: a command, a status, a gesture on another message, or nobody's business."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from bridge.commands import gestures, templates
from bridge.commands.declined import ENCRYPTED
from bridge.commands.gestures import Asked, Corrected, Reacted, Threaded, Unknown, Unshared
from bridge.commands.grammar import parse
from bridge.commands.incoming import Content, GestureKind
from bridge.commands.lines import Command, Line, Mistake, Outcome, Prefixes, Question, Status, Talk
from bridge.commands.words import Words
from bridge.domain.people import Place, Role
from bridge.domain.wording import NOTHING, tag
from bridge.store import inbox, posts, timers

if TYPE_CHECKING:
    from bridge.commands.accounts import Accounts
    from bridge.commands.context import Context
    from bridge.commands.gestures import Meant
    from bridge.commands.incoming import Gesture
    from bridge.domain.ids import EntryId
    from bridge.domain.outbox import StoredPost
    from bridge.domain.templates import Template
    from bridge.settings import Settings
    from bridge.store import Tx


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something for the bot that is no text to read: it is answered, and that is all."""

    words: str


class Shared:
    """Pictures without a word, for what their author says next."""


class Unreadable:
    """Encrypted, so that nobody can tell for whom it is."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Another text for a post; a whole line that was corrected says anew where it goes and who may see it, too.

    `when` is the time that such a line says.
    """

    post: EntryId
    text: str
    line: Prefixes | None = None
    when: str | None = None


Heard: TypeAlias = Outcome | Refusal | Unreadable | Edit | Reacted | Threaded | Asked | Shared | Unshared

WITH_PICTURES: Final = frozenset({"post", "at", "r"})
"""The commands that a picture can come with, beside a template."""


class _Unread(Exception):  # noqa: N818 - never leaves this module
    """The line names something that only the store knows."""


class _Shallow:
    """The names that are known without the store."""

    def __init__(self, accounts: Accounts, settings: Settings) -> None:
        self._accounts = accounts
        self._settings = settings

    def account(self, name: str) -> bool:
        return self._accounts.view(name) is not None

    def template(self, name: str) -> Template | None:
        return self._settings.template(name)

    def entry(self, entry: EntryId) -> bool:
        raise _Unread(entry)

    def nick(self, name: str) -> bool:
        raise _Unread(name)


class _Deep(_Shallow):
    """All names, as one snapshot of the store has them."""

    def __init__(self, accounts: Accounts, settings: Settings, tx: Tx) -> None:
        super().__init__(accounts, settings)
        self._tx = tx

    def entry(self, entry: EntryId) -> bool:
        return posts.get(self._tx, entry) is not None or inbox.get(self._tx, entry) is not None

    def nick(self, name: str) -> bool:
        return inbox.latest_by(self._tx, name) is not None


async def hear(context: Context) -> Heard:
    """Return what a message means; Talk where it is nobody's business. Raises ReadError."""
    incoming = context.incoming
    if incoming.gesture is not None and incoming.content in {Content.TEXT, Content.FILE}:
        heard = await _gesture(context, incoming.gesture)
        if heard is not None:
            return _with_files(context, heard)
    outcome = await _parsed(context)
    addressed = incoming.place is Place.DIRECT or not isinstance(outcome, Talk)
    if incoming.content is Content.ENCRYPTED and (incoming.place is Place.DIRECT or not addressed):
        return Unreadable() if context.role is not Role.NONE else Talk()
    if incoming.content is Content.FILE:
        return _with_files(context, outcome)
    if addressed and incoming.content is not Content.TEXT:
        return Refusal(ENCRYPTED)
    if addressed and isinstance(outcome, Talk):
        return Refusal(f"There is nothing in that. {NOTHING}")
    return outcome


def _with_files(context: Context, outcome: Heard) -> Heard:
    """Return what a message means that may share files; in a room what isn't for us is talk, and so are its files."""
    files = context.incoming.files
    if context.incoming.content is not Content.FILE or (isinstance(outcome, Talk) and context.place is Place.ROOM):
        return outcome
    if not files:
        return Refusal(f"I can't fetch a file that is shared that way: share it by HTTP upload. {NOTHING}")
    if context.incoming.has_encrypted_file:
        return Refusal(f"That file is encrypted end to end, so I can't take it: send it without encryption. {NOTHING}")
    if isinstance(outcome, Talk):
        return Shared()
    if isinstance(outcome, Command) and outcome.verb not in WITH_PICTURES and not _is_say(outcome):
        post, reply = context.verb("post TEXT"), context.verb("r ID TEXT")
        return Refusal(f"A picture goes with {post} or {reply} alone. {NOTHING}")
    return outcome


async def _gesture(context: Context, gesture: Gesture) -> Heard | None:
    """Return what a gesture means; None where the text means what it would alone."""
    incoming = context.incoming
    if context.role is Role.NONE:
        return Talk() if gesture.kind is not GestureKind.CORRECTION or incoming.place is Place.ROOM else None
    if gesture.kind is GestureKind.REPLY:
        match await _parsed(context):
            case Command(verb="say", words=(_, *_)) as said:
                return replace(said, target=await gestures.answered(context, gesture))
            case Command():
                return None
            case Mistake() if incoming.text.lstrip().startswith("!"):
                # It was meant for us, so it is no answer to anybody.
                return None
            case _:
                pass
    match await gestures.meaning(context, gesture):
        case Corrected(post=stored):
            return await _corrected(context, stored, gesture)
        case Unknown():
            return Refusal(f"I don't know the line that this corrects: say it as a new one. {NOTHING}")
        case None if gesture.replies and _is_say(await _parsed(context)):
            return Refusal(f"A correction doesn't tell me whom that answers: say it anew, in a reply. {NOTHING}")
        case meant:
            return _with_template(context, meant)


async def _corrected(context: Context, stored: StoredPost, gesture: Gesture) -> Heard:
    """Return what a corrected line asks for: another text, if it still is what it was."""
    outcome = await _parsed(context)
    if await context.read(lambda tx: timers.get(tx, stored.id)):
        return _corrected_later(context, stored, outcome)
    match outcome:
        case Talk() | Status() | Question() if gesture.replies and (text := gestures.unaddressed(context)):
            said = _said(context, text)
            if isinstance(said, Mistake):
                return said
            return Edit(stored.id, text if said is None else templates.filled(context, said))
        case Command(verb="say", words=(_, *_), prefixes=prefixes) as said if stored.about is None:
            whole = prefixes if stored.answers is None else None
            return Edit(stored.id, templates.filled(context, said), whole)
        case Status(text=text) | Question(text=text) if stored.item is None:
            return Edit(stored.id, text, Prefixes())
        case Command(verb="post" | "at", text=text, prefixes=prefixes, words=when) if stored.item is None:
            return Edit(stored.id, text, prefixes, when[0] if when else None)
        case Command(verb="r", text=text) if stored.answers is not None:
            return Edit(stored.id, text)
        case _:
            name, undo = tag(stored.id, stored.item), context.verb("undo")
            words = f"{name} stays as it is: a correction gives it another text, and {undo} takes it back."
            return Refusal(f"{words} Nothing was changed.")


def shallow(context: Context) -> Outcome | None:
    """Return what the text of a message means, None where only the store can tell."""
    try:
        return parse(_line(context), _Shallow(context.accounts, context.settings))
    except _Unread:
        return None


def _corrected_later(context: Context, stored: StoredPost, outcome: Outcome) -> Heard:
    """Return what a corrected line asks for whose post waits for its time: nothing makes it go out before that."""
    match outcome:
        case Command(verb="at", text=text, prefixes=prefixes, words=(when,)):
            return Edit(stored.id, text, prefixes, when)
        case Status(text=text):
            return Edit(stored.id, text)
        case _:
            line, send, undo = (
                context.verb(f"{one}") for one in ("at WHEN TEXT", f"send {stored.id:x}", f"undo {stored.id:x}")
            )
            words = f"{tag(stored.id)} stays as it is and waits for its time: correct it to {line}"
            return Refusal(f"{words}; {send} posts it now, {undo} takes it back. Nothing was changed.")


async def _parsed(context: Context) -> Outcome:
    outcome = shallow(context)
    if outcome is not None:
        return outcome
    return await context.read(lambda tx: parse(_line(context), _Deep(context.accounts, context.settings, tx)))


def _line(context: Context) -> Line:
    settings, incoming = context.settings, context.incoming
    return Line(
        text=incoming.text,
        place=incoming.place,
        bot_nicks=frozenset({settings.xmpp.nick}),
        mode=settings.posting.mode,
    )


def _said(context: Context, text: str) -> Command | Mistake | None:
    """Return what a text means that isn't marked as a command and names a template, None where it names none."""
    words = Words(text)
    if words.take().casefold() != "say" or context.settings.template(words.peek().casefold()) is None:
        return None
    line = Line(text=f"!{text}", place=context.place, mode=context.settings.posting.mode)
    outcome = parse(line, _Shallow(context.accounts, context.settings))
    return outcome if isinstance(outcome, Command | Mistake) else None


def _is_say(outcome: Outcome) -> bool:
    return isinstance(outcome, Command) and outcome.verb == "say" and bool(outcome.words)


def _with_template(context: Context, meant: Meant) -> Heard | None:
    """Return what a gesture means, with a template that its text names in the text's place."""
    match meant:
        case Command(verb="r", target=target, text=text):
            said = _said(context, text)
            return replace(said, target=target) if isinstance(said, Command) else said or meant
        case Asked(text=text):
            said = _said(context, text)
            if isinstance(said, Command):
                return replace(meant, text=templates.filled(context, said), template=said.words[0])
            return meant
        case Threaded(text=text):
            said = _said(context, text)
            return replace(meant, text=templates.filled(context, said)) if isinstance(said, Command) else said or meant
        case Corrected() | Unknown():
            return None
        case _:
            return meant
