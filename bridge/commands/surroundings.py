"""`context`: what is known around an item, so that whoever answers it needn't look elsewhere.

What we know ourselves is told at once, and what the platform shows of the conversation as soon as it has been asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from bridge.commands import marks
from bridge.commands.posting import shortened
from bridge.commands.receipts import handle
from bridge.commands.relay import told as told_as_heard
from bridge.commands.triage import on_item
from bridge.commands.waiting import may_read, owner, since
from bridge.domain.inbox import Change, ItemState, News
from bridge.domain.text import clean_inbound, quoted_lines
from bridge.domain.wording import STATE_WORDS, clause, plural, tag
from bridge.store import errands, inbox, outbox, posts, triage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from bridge.commands.context import Deed, Turn
    from bridge.commands.triage import To
    from bridge.domain.errands import Errand
    from bridge.domain.inbox import StoredItem
    from bridge.domain.items import Item
    from bridge.store import Tx

BEFORE = 3
"""How many earlier items of the same person are shown."""

AROUND = 12
"""How many messages of a conversation are shown, those nearest to the item."""

_TEXT = 1_000
_SHORT = 160
_NAME = 200


def show(to: To) -> Deed:
    """Return the deed of telling what came before an item, what was answered, and what colleagues noted."""
    return on_item(to, _show)


def last(nick: str | None) -> Deed:
    """Return the deed of telling the last item, or a person's last one, as it was heard."""

    def deed(turn: Turn) -> None:
        one = inbox.newest(turn.tx) if nick is None else inbox.latest_by(turn.tx, nick)
        if one is None:
            who = "" if nick is None else f" from @{''.join(clean_inbound(nick, _NAME).split())}"
            turn.say(f"I have heard nothing{who}. {turn.context.verb('inbox')} lists what waits.")
            return
        hidden = one.item.private and not may_read(turn.context)
        gone = one.deleted_at is not None
        change = Change(news=News.DELETED if gone else News.NEW, stored=one)
        words = told_as_heard(change, place=turn.context.place, hidden=hidden)
        turn.say(f"{words}\n| {since(turn.now, one.received_at)} ago, on {one.account}: {one.state}", item=one.id)

    return deed


def _show(turn: Turn, one: StoredItem) -> None:
    if one.item.private and not may_read(turn.context):
        turn.say(f"{tag(one.id)} is private: ask me in a direct chat", item=one.id)
        return
    lines = list(_lines(turn, one))
    view = turn.context.accounts.view(one.account)
    if one.deleted_at is None and view is not None and view.enabled and view.shows:
        errands.add(turn.tx, one, target=turn.context.source, private=may_read(turn.context), at=turn.now)
        lines.append(f"| asking {one.account} for the conversation around it")
    turn.say("\n".join(lines), item=one.id)


Thread: TypeAlias = "tuple[Item, ...]"
"""A conversation as a platform shows it, oldest first."""


def told(tx: Tx, errand: Errand, found: Thread | str, *, now: datetime) -> str:
    """Return the line that an errand ends with: the conversation, or why there is none."""
    item = inbox.get(tx, errand.item)
    lead = tag(errand.item, item.post if item is not None else None)
    if isinstance(found, str):
        return f"{lead} {errand.account} can't show what is around it: {clause(found)}"
    shown = [one for one in found if errand.private or not one.private]
    if len(shown) <= 1:
        return f"{lead} stands alone on {errand.account}"
    here = next((place for place, one in enumerate(shown) if item is not None and one.id == item.item.id), 0)
    first = max(0, min(here - AROUND // 2, len(shown) - AROUND))
    some = shown[first : first + AROUND]
    after = len(shown) - first - len(some)
    lines = [f"{lead} on {errand.account}, {plural(len(shown), 'message')}:"]
    lines += [f"| ... {first} before"] * (first > 0)
    lines += [f"| {_quoted(tx, errand.account, one, now)}" for one in some]
    lines += [f"| ... {after} after"] * (after > 0)
    return "\n".join(lines)


def _quoted(tx: Tx, account: str, one: Item, now: datetime) -> str:
    """Return one message of a conversation, behind its short id where we know it."""
    known = inbox.known(tx, account, one.id)
    ours = outbox.published(tx, account, one.id) if known is None else None
    entry = known.id if known is not None else None if ours is None else ours.post
    lead = "" if entry is None else f"{tag(entry)} "
    who = "".join(clean_inbound(one.author.handle, _NAME).split()) or "somebody"
    said = shortened(one.text, _SHORT) or "(no text)"
    if known is not None and known.deleted_at is not None:
        said = "(taken back by its author)"
    media = f" (+ {len(one.media)} media)" if one.media else ""
    return f"{lead}{since(now, one.created_at)} ago, @{who}: {said}{media}"


def _lines(turn: Turn, one: StoredItem) -> Iterator[str]:
    tx, now = turn.tx, turn.now
    standing = f"claimed by {owner(one)}" if one.state is ItemState.CLAIMED else str(one.state)
    yield f"{tag(one.id, one.post)} @{handle(one)}, {since(now, one.received_at)} ago, on {one.account}: {standing}"
    if (ours := posts.get(tx, one.post) if one.post is not None else None) is not None:
        yield f"| to our {tag(ours.id)}: {shortened(ours.text, _SHORT)}"
    for other in inbox.earlier_by(tx, one, BEFORE):
        if may_read(turn.context) or not other.item.private:
            yield f"| before, {tag(other.id)} {since(now, other.received_at)} ago: {_said(other, _SHORT)}"
    yield from (f"| {line}".replace("| | ", "| ") for line in quoted_lines(_said(one, _TEXT)).splitlines())
    for answer in posts.answering(tx, one.id):
        states = ", ".join(sorted({STATE_WORDS[delivery.state] for delivery in outbox.of_post(tx, answer.id)}))
        yield f"| {answer.nick} answered, {tag(answer.id)} {states}: {shortened(answer.text, _SHORT)}"
    for kind, word in marks.DONE.items():
        for stored in marks.standing(tx, one.id, kind):
            yield f"| {word} by {stored.nick}, {tag(stored.id)}"
    for note in triage.notes(tx, one.id):
        yield f"| {note.nick} noted, {since(now, note.created_at)} ago: {shortened(note.text, _TEXT)}"
    if one.item.url and one.deleted_at is None:
        yield "| " + "".join(clean_inbound(one.item.url, 2_000).split())


def _said(one: StoredItem, limit: int) -> str:
    if one.deleted_at is not None:
        return "(taken back by its author)"
    if one.item.raw is not None:
        return "(can't be read here)"
    text = clean_inbound(one.item.text, limit)
    return (text if limit == _TEXT else shortened(text, limit)) or "(no text)"
