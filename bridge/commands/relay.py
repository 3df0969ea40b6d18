"""What customers said, as the rooms hear it: one notice for each item, however many lines it has.

Of a flood a conversation is shown a few items; the others are counted in one living line, in the same commit as they.

Nothing of an item can look like a line of the bot's or of a colleague's: it is cleaned, its first line stands behind
the id and the author's handle, and its further lines begin with `| `.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge.commands.receipts import handle
from bridge.domain import pacing
from bridge.domain.deliveries import DeliveryKind, State
from bridge.domain.inbox import Change, ItemState, News
from bridge.domain.people import Place, Target
from bridge.domain.text import clean_inbound, is_blank, quoted_lines
from bridge.domain.wording import clause, tag, verb
from bridge.store import floods, inbox, notices, outbox, posts
from bridge.store import receipts as stored_receipts
from bridge.store import shown as shown_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from bridge.commands.people import Rights
    from bridge.domain.ids import EntryId
    from bridge.domain.inbox import StoredItem
    from bridge.domain.outbox import StoredPost
    from bridge.store import Tx

TEXT_LIMIT = 1_000
_LINES = 15
_MEDIA = 4
_WORDS = 300


def relay(tx: Tx, changes: Sequence[Change], *, rights: Rights, mint: Callable[[], str], now: datetime) -> None:
    """Owe the rooms, or where no room hears the account the admins, what was heard and stored just now."""
    for target, heard in audience(changes, rights).items():
        pace, shown = pacing.choose(
            _pace(tx, target, now),
            [one.stored.post is not None or one.stored.item.private for one, _ in heard],
            notices.unsent_items(tx, target),
        )
        for (one, hidden), is_shown in zip(heard, shown, strict=True):
            if is_shown:
                body = told(one, place=target.place, hidden=hidden)
                entry, answers = one.stored.id, one.stored.post
                tells = None if one.news is News.DELETED else entry
                notices.add_line(
                    tx, target=target, body=body, origin_id=mint(), at=now, item=entry, post=answers, tells=tells
                )
        if more := shown.count(False):
            pace = replace(pace, flood=_count(tx, target, pace.flood, more, mint=mint, now=now))
        floods.save(tx, target, pace)
    for change in changes:
        if change.news is News.DELETED:
            shown_lines.retract(tx, change.stored.id, mint=mint, at=now)


STANDS: Final = {
    ItemState.OPEN: "",
    ItemState.CLAIMED: "\N{EYES}",
    ItemState.ANSWERED: "\N{WHITE HEAVY CHECK MARK}",
    ItemState.DONE: "\N{WHITE HEAVY CHECK MARK}",
}
"""The reaction by which the line that told of an item shows how it stands: those that people set it with."""


def show(tx: Tx, item: EntryId, *, mint: Callable[[], str], now: datetime) -> None:
    """Have the lines that told of an item show how it stands now."""
    stored = inbox.get(tx, item)
    if stored is not None and stored.deleted_at is None:
        shown_lines.react(tx, item, STANDS[stored.state], mint=mint, at=now)


def reopen(tx: Tx, taken_back: StoredPost, *, mint: Callable[[], str], now: datetime) -> None:
    """Have an item wait again whose answer was taken back, unless another answer to it is there."""
    item = taken_back.answers
    if item is None or any(_is_there(tx, other.id) for other in posts.answering(tx, item) if other.id != taken_back.id):
        return
    inbox.reopen(tx, item)
    show(tx, item, mint=mint, now=now)


def _is_there(tx: Tx, entry: EntryId) -> bool:
    ones = outbox.of_post(tx, entry)
    gone = {one.follows for one in ones if one.kind is DeliveryKind.DELETE and one.state is not State.CANCELLED}
    return any(one.kind is DeliveryKind.POST and one.state is State.SENT and one.id not in gone for one in ones)


def _pace(tx: Tx, target: Target, now: datetime) -> pacing.Pace:
    last = floods.pace_of(tx, target)
    owed = last is not None and last.flood is not None and notices.is_owed(tx, target, last.flood)
    return pacing.current(last, now, told=not owed)


def _count(
    tx: Tx, target: Target, flood: EntryId | None, more: int, *, mint: Callable[[], str], now: datetime
) -> EntryId:
    """Count items instead of showing them, and owe the conversation the living line that tells how many."""
    flood = floods.begin(tx, target) if flood is None else flood
    floods.count(tx, flood, more)
    known = stored_receipts.told(tx, flood, target)
    if not known.owed:
        root = notices.living(tx, target, flood)
        due_at = None
        if root is not None and known.last is not None:
            due_at = min(known.last, now) + pacing.pause(now - root.sent_at)
        notices.touch_receipt(tx, target=target, receipt=flood, origin_id=mint(), at=now, due_at=due_at)
    return flood


def gap(tx: Tx, account: str, *, rights: Rights, mint: Callable[[], str], now: datetime) -> None:
    """Owe those who hear an account that something may have been said there which nobody can list any more."""
    body = f"{account} no longer lists all that was said while I was away: something may be missing here, look there"
    _tell_hearers(tx, account, body, rights=rights, mint=mint, now=now)


def notice(tx: Tx, account: str, text: str, *, rights: Rights, mint: Callable[[], str], now: datetime) -> None:
    """Owe those who hear an account what it has to tell itself, in the words of its plugin; of no words, nothing."""
    if not is_blank(text):
        _tell_hearers(tx, account, f"{account}: {clause(text)}", rights=rights, mint=mint, now=now)


def _tell_hearers(tx: Tx, account: str, body: str, *, rights: Rights, mint: Callable[[], str], now: datetime) -> None:
    for target in _or_admins(rights.settings.rooms_hearing(account, private=False), rights):
        notices.add_line(tx, target=target, body=body, origin_id=mint(), at=now)


def audience(changes: Sequence[Change], rights: Rights) -> dict[Target, list[tuple[Change, bool]]]:
    """Return who is told of which changes, each with whether its content must be kept from them.

    A private item goes to the rooms that may hear private ones; where there is none it is announced, without its
    content, in those that hear the account. What no room hears goes to the admins.
    """
    heard: defaultdict[Target, list[tuple[Change, bool]]] = defaultdict(list)
    for one in changes:
        targets, hidden = listeners(one.stored, rights)
        for target in targets:
            heard[target].append((one, hidden))
    return dict(heard)


def listeners(one: StoredItem, rights: Rights) -> tuple[tuple[Target, ...], bool]:
    """Return who is told of an item, and whether its content must be kept from them."""
    private, settings = one.item.private, rights.settings
    rooms = settings.rooms_hearing(one.account, private=private)
    hidden = private and not rooms
    if hidden:
        rooms = settings.rooms_hearing(one.account, private=False)
    return _or_admins(rooms, rights), hidden and bool(rooms)


def _or_admins(rooms: tuple[str, ...], rights: Rights) -> tuple[Target, ...]:
    return tuple(Target(room, Place.ROOM) for room in rooms) or rights.told()


def told(change: Change, *, place: Place, hidden: bool) -> str:
    """Return what a conversation is told of a change."""
    one = change.stored
    match change.news:
        case News.NEW:
            return line(one, place=place, hidden=hidden)
        case News.EDITED:
            return _edited(one, place=place, hidden=hidden)
        case News.DELETED:
            return _deleted(one, hidden=hidden)


def _edited(one: StoredItem, *, place: Place, hidden: bool) -> str:
    lead = tag(one.id, one.post)
    if hidden:
        return f"{lead} the private message to {one.account} was changed, not shown here: {_shown_where(place)}"
    return _said(one, f"{lead} {_author(one)} changed it:")


def _deleted(one: StoredItem, *, hidden: bool) -> str:
    if hidden:
        return f"{tag(one.id)} the private message to {one.account} was taken back"
    return f"{tag(one.id)} {_author(one)} took it back"


def line(one: StoredItem, *, place: Place, hidden: bool) -> str:
    """Return an item as a conversation hears it: `[52->4f] @kim@mastodon.example: still locked out, any ETA?`."""
    lead = tag(one.id, one.post)
    if hidden:
        return f"{lead} a private message to {one.account}, not shown here: {_shown_where(place)}"
    return _said(one, f"{lead} {_author(one)}:")


def _author(one: StoredItem) -> str:
    return f"@{handle(one)}{' (private)' if one.item.private else ''}"


def _shown_where(place: Place) -> str:
    where = "" if place is Place.DIRECT else " in a direct chat with me"
    return f"{verb(Place.DIRECT, 'inbox')}{where} shows it"


def _said(one: StoredItem, who: str) -> str:
    """Return what an item says, after `who`, on as many marked lines as are shown of it."""
    item = one.item
    if item.raw is not None:
        link = f": {_word(item.url)}" if item.url else f" on {one.account}"
        return f"{who} said something that I can't read, look at it there{link}"
    warning = f"(content warning: {_flat(item.warning)}) " if item.warning else ""
    said = clean_inbound(item.text, TEXT_LIMIT)
    body = "" if is_blank(said) else _few_lines(said.strip())
    media = [f"| media: {_flat(one)}" for one in item.media[:_MEDIA]]
    if len(item.media) > _MEDIA:
        media.append(f"| ... and {len(item.media) - _MEDIA} more media")
    if not body and not media:
        body = f"(no text) {_word(item.url)}" if item.url else "(no text)"
    return "\n".join([f"{who} {warning}{body}".rstrip(), *media])


def _few_lines(text: str) -> str:
    lines = [one for one in quoted_lines(text).splitlines() if one != "|"]
    return "\n".join(lines if len(lines) <= _LINES else [*lines[:_LINES], "| ..."])


def _flat(text: str) -> str:
    return " ".join(clean_inbound(text, _WORDS).split())


def _word(text: str) -> str:
    return "".join(clean_inbound(text, TEXT_LIMIT).split())
