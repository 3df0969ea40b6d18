"""`context`: what is known around an item, so that whoever answers it needn't look elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.commands import marks
from bridge.commands.posting import shortened
from bridge.commands.receipts import handle
from bridge.commands.triage import on_item
from bridge.commands.waiting import may_read, owner, since
from bridge.domain.inbox import ItemState
from bridge.domain.text import clean_inbound, quoted_lines
from bridge.domain.wording import STATE_WORDS, tag
from bridge.store import inbox, outbox, posts, triage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.commands.context import Deed, Turn
    from bridge.commands.triage import To
    from bridge.domain.inbox import StoredItem

BEFORE = 3
"""How many earlier items of the same person are shown."""

_TEXT = 1_000
_SHORT = 160


def show(to: To) -> Deed:
    """Return the deed of telling what came before an item, what was answered, and what colleagues noted."""
    return on_item(to, _show)


def _show(turn: Turn, one: StoredItem) -> None:
    if one.item.private and not may_read(turn.context):
        turn.say(f"{tag(one.id)} is private: ask me in a direct chat", item=one.id)
        return
    turn.say("\n".join(_lines(turn, one)), item=one.id)


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
