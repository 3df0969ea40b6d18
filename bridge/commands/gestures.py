"""What a gesture on a message means: the same commands that one may type, and nothing where it means none.

Which message a gesture is about, the store knows; what is decided here depends on that and on nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from bridge.commands.incoming import GestureKind
from bridge.commands.lines import Command, Talk
from bridge.commands.marks import standing
from bridge.domain.deliveries import DeliveryKind
from bridge.domain.inbox import ItemState
from bridge.domain.people import Place
from bridge.settings import ReplyGesture
from bridge.store import inbox, pictures, posts, reactions, receipts, references, reviews

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.commands.context import Context
    from bridge.commands.incoming import Gesture
    from bridge.domain.ids import EntryId
    from bridge.domain.inbox import StoredItem
    from bridge.domain.outbox import StoredPost
    from bridge.store import Tx
    from bridge.store.references import Ours

EYES: Final = "\N{EYES}"
CHECK: Final = "\N{WHITE HEAVY CHECK MARK}"
CROSS: Final = "\N{CROSS MARK}"
REPEAT: Final = "\N{CLOCKWISE RIGHTWARDS AND LEFTWARDS OPEN CIRCLE ARROWS}"
STAR: Final = "\N{WHITE MEDIUM STAR}"

ADDED: Final[Mapping[str, str]] = {EYES: "claim", CHECK: "done", REPEAT: "repeat", STAR: "fav"}
"""What a reaction to an item means; any other one is between colleagues."""

DECIDED: Final[Mapping[str, str]] = {CROSS: "reject", CHECK: "approve"}
"""What a reaction to a line of ours means that asks about a post."""

REMOVED: Final[Mapping[str, str]] = {EYES: "release"}
"""What it means to take a reaction to an item back."""

MARKS: Final[Mapping[str, DeliveryKind]] = {REPEAT: DeliveryKind.REPEAT, STAR: DeliveryKind.FAVOUR}
"""Those that publish something, so that to take one back is to undo that."""

NOTE: Final = "//"
"""How a reply to an item begins that is for colleagues."""

_SELECTORS = str.maketrans("", "", "\N{VARIATION SELECTOR-15}\N{VARIATION SELECTOR-16}")


@dataclass(frozen=True, slots=True)
class Reacted:
    """Reactions to a message of ours have changed: what they are now, and the commands that the change stands for."""

    message: str
    emojis: frozenset[str]
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Corrected:
    """The author of a post has corrected the line that made it."""

    post: StoredPost


@dataclass(frozen=True, slots=True)
class Unshared:
    """The author of a message with pictures, which wait for words, has taken it back."""

    message: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """Somebody corrects a line, in a direct chat, that we don't know."""


@dataclass(frozen=True, slots=True)
class Threaded:
    """A reply to a post of one's own."""

    post: EntryId
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A reply to an item that its author hasn't claimed, where colleagues talk: an answer, or talk?

    `template` is the name of what the text was made of.
    """

    item: EntryId
    text: str
    template: str | None = None


Meant: TypeAlias = Command | Reacted | Corrected | Unshared | Unknown | Threaded | Asked | Talk | None
"""None: the gesture means nothing, and its text whatever it would mean alone."""


async def meaning(context: Context, gesture: Gesture) -> Meant:
    """Return what a gesture means; raises ReadError."""

    def look(tx: Tx) -> Meant:
        match gesture.kind:
            case GestureKind.REACTIONS:
                return _reactions(tx, context, gesture)
            case GestureKind.RETRACTION:
                return _retraction(tx, context, gesture)
            case GestureKind.CORRECTION:
                return _correction(tx, context, gesture)
            case GestureKind.REPLY:
                return _reply(tx, context, gesture)

    return await context.read(look)


async def answered(context: Context, gesture: Gesture) -> EntryId | None:
    """Return the item that a gesture is about, or that the post answers which it is about; raises ReadError."""

    def look(tx: Tx) -> EntryId | None:
        about = _ours(tx, context, gesture)
        if about is None or about.item is not None:
            return None if about is None else about.item
        stored = posts.get(tx, about.post) if about.post is not None else None
        return None if stored is None else stored.answers

    return await context.read(look)


def _ours(tx: Tx, context: Context, gesture: Gesture) -> Ours | None:
    return references.ours(tx, context.source, gesture.about)


def _own(tx: Tx, context: Context, gesture: Gesture) -> tuple[int | None, StoredPost | None]:
    """Return the number of the sender's message, if it is known to us as a command, and the post that it made."""
    incoming = context.incoming
    message = references.theirs(tx, archive=incoming.archive, sender=incoming.sender, name=gesture.about)
    if message is None:
        return None, None
    return message.stanza, None if message.post is None else posts.get(tx, message.post)


def _reactions(tx: Tx, context: Context, gesture: Gesture) -> Meant:
    about = _ours(tx, context, gesture)
    item = inbox.get(tx, about.item) if about is not None and about.item is not None else None
    if about is not None and item is None and about.post is not None:
        return _decision(tx, context, gesture, about.message, about.post)
    if about is None or item is None:
        return Talk()
    now = frozenset(emoji.translate(_SELECTORS) for emoji in gesture.emojis) & ADDED.keys()
    before = reactions.of(tx, about.message, context.sender)
    if now == before:
        return Talk()
    verbs = [verb for emoji, verb in REMOVED.items() if emoji in before - now and _is_mine(context, item)]
    verbs += [verb for emoji, verb in ADDED.items() if emoji in now - before]
    commands = [Command(verb=verb, said=verb, target=item.id) for verb in verbs]
    for emoji in before - now & MARKS.keys():
        own = [one.id for one in standing(tx, item.id, MARKS[emoji]) if one.author == context.sender]
        commands += [Command(verb="undo", said="undo", target=one) for one in own]
    return Reacted(about.message, now, tuple(commands))


def _decision(tx: Tx, context: Context, gesture: Gesture, message: str, entry: EntryId) -> Meant:
    """Return the word on a post that a reaction says, on a line that asks about it or on its own receipt."""
    review = reviews.get(tx, entry)
    if review is None or review.why is None:
        return Talk()
    if reviews.revision_of(tx, message) is None and receipts.is_shared(tx, entry):
        return Talk()  # it tells of other posts, too
    now = frozenset(emoji.translate(_SELECTORS) for emoji in gesture.emojis) & DECIDED.keys()
    before = reactions.of(tx, message, context.sender)
    if now == before:
        return Talk()
    new = [verb for emoji, verb in DECIDED.items() if emoji in now - before][:1]
    commands = tuple(Command(verb=verb, said=verb, target=entry, message=message) for verb in new)
    return Reacted(message, now, commands)


def _retraction(tx: Tx, context: Context, gesture: Gesture) -> Meant:
    message, stored = _own(tx, context, gesture)
    if stored is not None:
        return Command(verb="undo", said="undo", target=stored.id)
    return Talk() if message is None or not pictures.of_stanza(tx, message) else Unshared(message)


def _correction(tx: Tx, context: Context, gesture: Gesture) -> Meant:
    known, stored = _own(tx, context, gesture)
    if stored is not None:
        return Corrected(stored)
    if known is not None:
        # A command that went wrong, said anew: it made nothing that could be changed.
        return None
    return Talk() if context.place is Place.ROOM else Unknown()


def _reply(tx: Tx, context: Context, gesture: Gesture) -> Meant:
    about = _ours(tx, context, gesture)
    item = inbox.get(tx, about.item) if about is not None and about.item is not None else None
    if item is None:
        stored = posts.get(tx, about.post) if about is not None and about.post is not None else None
        return None if stored is None else _thread(context, stored)
    text = unaddressed(context)
    if text.startswith(NOTE) and not context.incoming.files:
        text = text.removeprefix(NOTE).strip()
        return Command(verb="note", said="note", target=item.id, text=text) if text else Talk()
    return _answer(context, item, text)


def _thread(context: Context, stored: StoredPost) -> Meant:
    """Return what a reply to a post means: more of it, if it is one's own; else the words mean what they do alone."""
    text = unaddressed(context)
    room = context.settings.room(context.source.jid) if context.place is Place.ROOM else None
    off = room is not None and room.reply_gesture is ReplyGesture.OFF
    if off or stored.author != context.sender or stored.about is not None:
        return None
    if text.startswith(NOTE) or not (text or context.incoming.files):
        return Talk()
    if stored.answers is not None:
        return Command(verb="r", said="r", target=stored.answers, text=text)
    return Threaded(stored.id, text)


def unaddressed(context: Context) -> str:
    """Return the words of a reply without our name, which some clients put before it."""
    text, nick = context.incoming.text.strip(), context.settings.xmpp.nick
    if context.place is Place.ROOM and text.startswith((f"{nick}:", f"{nick},")):
        return text[len(nick) + 1 :].strip()
    return text


def _answer(context: Context, item: StoredItem, text: str) -> Meant:
    room = context.settings.room(context.source.jid) if context.place is Place.ROOM else None
    way = ReplyGesture.ANSWER if room is None else room.reply_gesture
    if way is ReplyGesture.ANSWER or _is_mine(context, item):
        return Command(verb="r", said="r", target=item.id, text=text)
    # Without words nobody could tell what the question is about.
    return Asked(item.id, text) if way is ReplyGesture.ASK and text else Talk()


def _is_mine(context: Context, item: StoredItem) -> bool:
    return item.state is ItemState.CLAIMED and item.claimed_by == context.sender
