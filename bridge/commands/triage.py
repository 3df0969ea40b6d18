"""Who cares for what customers said: claim, release, done, note, url.

Each deed looks at the item as it is in its own transaction. Claims, their end and what is done are told wherever the
item was told, since colleagues elsewhere may be about to answer it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from bridge.commands.receipts import handle
from bridge.commands.relay import listeners, show
from bridge.commands.waiting import may_read, owner, since
from bridge.domain.ids import EntryId
from bridge.domain.inbox import ItemState, StoredItem
from bridge.domain.people import Role
from bridge.domain.text import clean_inbound
from bridge.domain.wording import stopwatch, tag
from bridge.store import inbox, outbox, posts, triage
from bridge.store.triage import Note

if TYPE_CHECKING:
    from bridge.commands.context import Deed, Turn

UNCHANGED = "Nothing was changed."
NOTE_LIMIT = 4_000

To: TypeAlias = EntryId | str
"""Which item: its id, or the handle of a person whose last one it is."""


def claim(to: To) -> Deed:
    """Return the deed of making an item the person's own to answer, unless it is somebody else's."""

    def deed(turn: Turn, one: StoredItem) -> None:
        person, nick = turn.context.sender, turn.context.nick
        if one.state is ItemState.CLAIMED and one.claimed_by == person:
            turn.say(f"{tag(one.id)} is yours already", item=one.id)
        elif not triage.claim(turn.tx, one.id, person=person, nick=nick, at=turn.now):
            turn.say(f"{_whose(turn, one)}. {UNCHANGED}", item=one.id)
        else:
            turn.audit("claim", entry=one.id, account=one.account)
            show(turn.tx, one.id, mint=turn.mint, now=turn.now)
            again = f" again; it was {one.state} before" if one.state in _FINISHED else ""
            waited = f", {stopwatch(turn.now - one.received_at)} after it arrived" if not again else ""
            _tell(turn, one, f"is {nick}'s{again}{waited}")

    return on_item(to, deed)


def release(to: To) -> Deed:
    """Return the deed of giving a claimed item back to all: its owner may, or an approver if the owner is gone."""

    def deed(turn: Turn, one: StoredItem) -> None:
        if one.state is not ItemState.CLAIMED or one.claimed_by is None:
            turn.say(f"{tag(one.id)} isn't claimed. {UNCHANGED}", item=one.id)
        elif one.claimed_by != turn.context.sender and turn.context.role < Role.APPROVER:
            words = f"{_whose(turn, one)}, and only {owner(one)} or an approver gives it back. {UNCHANGED}"
            turn.say(words, item=one.id)
        else:
            triage.release(turn.tx, one.id, person=one.claimed_by)
            turn.audit("release", entry=one.id, account=one.account)
            show(turn.tx, one.id, mint=turn.mint, now=turn.now)
            taken = "" if one.claimed_by == turn.context.sender else f": {turn.context.nick} took it from {owner(one)}"
            _tell(turn, one, f"is open again{taken}")

    return on_item(to, deed)


def done(to: To) -> Deed:
    """Return the deed of closing an item that needs nothing more."""

    def deed(turn: Turn, one: StoredItem) -> None:
        if not triage.finish(turn.tx, one.id):
            turn.say(f"{tag(one.id)} is {one.state} already", item=one.id)
            return
        turn.audit("done", entry=one.id, account=one.account)
        show(turn.tx, one.id, mint=turn.mint, now=turn.now)
        _tell(turn, one, f"is done, says {turn.context.nick}")

    return on_item(to, deed)


def note(to: To, text: str) -> Deed:
    """Return the deed of keeping a remark about an item, for colleagues alone."""
    kept = clean_inbound(text, NOTE_LIMIT).strip()

    def deed(turn: Turn, one: StoredItem) -> None:
        made = Note(author=turn.context.sender, nick=turn.context.nick, text=kept, created_at=turn.now)
        triage.add_note(turn.tx, one.id, made)
        turn.audit("note", entry=one.id, account=one.account, content=kept)
        turn.say(f"{tag(one.id)} noted; {turn.context.verb('context ID')} shows it. Nothing was sent.", item=one.id)

    return on_item(to, deed)


def url(to: To) -> Deed:
    """Return the deed of showing the link of an item, or those of a post."""

    def deed(turn: Turn) -> None:
        stored = posts.get(turn.tx, to) if not isinstance(to, str) else None
        if stored is not None:
            links = [f"{one.account} {one.posted_url}" for one in outbox.of_post(turn.tx, stored.id) if one.posted_url]
            words = " · ".join(dict.fromkeys(links)) or "has no link: it isn't published anywhere, as far as I know"
            turn.say(f"{tag(stored.id, stored.answers)} {words}", post=stored.id)
            return
        on_item(to, _link)(turn)

    return deed


_FINISHED = frozenset({ItemState.ANSWERED, ItemState.DONE})


def on_item(to: To, act: Callable[[Turn, StoredItem], None]) -> Deed:
    """Return the deed of doing something with an item, or of saying that there is none."""

    def deed(turn: Turn) -> None:
        one = inbox.latest_by(turn.tx, to) if isinstance(to, str) else inbox.get(turn.tx, to)
        if one is None:
            turn.say(f"{_unknown(turn, to)} {UNCHANGED}")
        else:
            act(turn, one)

    return deed


def _unknown(turn: Turn, to: To) -> str:
    if isinstance(to, str):
        name = "".join(clean_inbound(to.removeprefix("@"), 100).split())
        return f"I know nobody as @{name}, or more than one: {turn.context.verb('inbox')} lists what waits."
    if posts.get(turn.tx, to) is not None:
        return f"{tag(to)} is a post of ours, not something that a customer said."
    return f"There is no {tag(to)}: {turn.context.verb('inbox')} lists what waits."


def _whose(turn: Turn, one: StoredItem) -> str:
    for_long = f" for {since(turn.now, one.claimed_at)}" if one.claimed_at is not None else ""
    return f"{tag(one.id)} is {owner(one)}'s{for_long}"


def _tell(turn: Turn, one: StoredItem, words: str) -> None:
    """Answer, and tell the other conversations that heard the item."""
    here = turn.context.source
    others, _ = listeners(one, turn.context.rights)
    for target in dict.fromkeys((here, *others)):
        turn.say(f"{tag(one.id)} {words}", to=target, item=one.id)


def _link(turn: Turn, one: StoredItem) -> None:
    if one.item.private and not may_read(turn.context):
        turn.say(f"{tag(one.id)} is private: ask me in a direct chat", item=one.id)
    elif one.deleted_at is not None:
        turn.say(f"{tag(one.id)} was taken back by its author", item=one.id)
    else:
        words = "".join(clean_inbound(one.item.url or "", 2_000).split())
        turn.say(f"{tag(one.id)} {words or f'by @{handle(one)} has no link'}", item=one.id)
