"""Living receipts: one message for each post, corrected in place; the posts of a burst share one.

The count of a flood of items is a living receipt, too.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from bridge.domain.deliveries import Delivery, DeliveryKind, Hold, State
from bridge.domain.ids import short
from bridge.domain.later import planned
from bridge.domain.money import cost
from bridge.domain.people import Place
from bridge.domain.pictures import PictureState, taken, undescribed
from bridge.domain.posts import Media, Post
from bridge.domain.reviews import waits
from bridge.domain.text import clean_inbound, graphemes
from bridge.domain.wording import FITS, Lack, Preview, gathered, more, receipt
from bridge.settings import Mode
from bridge.store import floods, inbox, notices, outbox, pictures, posts, reviews, timers
from bridge.store import receipts as stored_receipts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from bridge.commands.accounts import Accounts, AccountView
    from bridge.domain.ids import EntryId
    from bridge.domain.inbox import StoredItem
    from bridge.domain.notices import Notice
    from bridge.domain.outbox import StoredPost
    from bridge.domain.people import Target
    from bridge.domain.pictures import StoredPicture
    from bridge.domain.posts import Money
    from bridge.settings import Settings
    from bridge.store import Tx

CORRECTED_EVERY = timedelta(seconds=2)
"""A receipt that a burst shares is corrected no more often than this."""

_BEFORE = frozenset({State.HELD, State.CANCELLED})
_LINES = 8
_HEAD, _TAIL = 32, 24


def touch(
    tx: Tx, stored: StoredPost, *, origin_id: str, now: datetime, new: bool = False, urgent: bool = False
) -> bool:
    """Owe the conversation of a post the present state of its receipt; False where that is owed already.

    The receipt of a burst waits until its last state is 2 s old, any other for a moment unless it is `urgent`. `new`
    spares a look at a post that was added in this very transaction.
    """
    due_at = None
    if stored.receipt != stored.id or (not new and stored_receipts.is_shared(tx, stored.id)):
        told = stored_receipts.told(tx, stored.receipt, stored.source)
        if told.owed:
            return False
        due_at = None if told.last is None else min(told.last, now) + CORRECTED_EVERY
    return notices.touch_receipt(
        tx,
        target=stored.source,
        receipt=stored.receipt,
        origin_id=origin_id,
        at=now,
        due_at=due_at,
        urgent=urgent,
    )


def render(tx: Tx, notice: Notice, *, settings: Settings, accounts: Accounts, now: datetime) -> str:
    """Return the body of a receipt as it is true now; that of a line as it was written."""
    if notice.receipt is None:
        return notice.body
    if stored_receipts.is_shared(tx, notice.receipt):
        return gathered(stored_receipts.tally(tx, notice.receipt), notice.target.place)
    stored = posts.get(tx, notice.receipt)
    if stored is None:
        return _count(tx, notice.receipt, notice.target)
    deliveries = outbox.of_post(tx, stored.id)
    item = inbox.get(tx, stored.item) if stored.item is not None else None
    own = pictures.of_post(tx, stored.id) if stored.pictures else ()
    held = {why for one in deliveries for why in one.held}
    whole = not held.isdisjoint({Hold.PREVIEW, Hold.SCHEDULE})
    plain = not own and not whole and stored.source.place is Place.DIRECT and settings.posting.mode is Mode.OPEN
    shown = None if plain else preview(stored, deliveries, accounts, own, whole=whole)
    timer = timers.get(tx, stored.id) if Hold.SCHEDULE in held else None
    if not held.isdisjoint({Hold.APPROVAL, Hold.POLICY}) and Hold.QUESTION not in held:
        one = reviews.get(tx, stored.id)
        if one is not None and one.state.is_open and all(each.state in _BEFORE for each in deliveries):
            look = preview(stored, deliveries, accounts, own)
            return waits(stored, one, look, moment=None if timer is None else timer.moment)
    if timer is not None and shown is not None and Hold.PICTURE not in held:
        return planned(stored, timer, shown, now=now)
    return receipt(
        stored,
        deliveries,
        preview=shown,
        lacks=_lacks(own),
        to=None if item is None else addressee(item, stored.nick),
        now=now,
        moment=None if timer is None else timer.moment,
    )


def _count(tx: Tx, entry: EntryId, target: Target) -> str:
    counted = floods.get(tx, entry)
    if counted is None:
        return f"[{short(entry)}] is not known any more"
    whose = "" if counted.target == target.jid else f"(for {counted.target}) "
    return whose + more(counted.counted, target.place)


def addressee(item: StoredItem, nick: str) -> str:
    """Return how an answer was understood: `@kim, private, from mastodon, as raj`."""
    words = [handle(item).partition("@")[0]]
    if item.item.private:
        words.append("private")
    return "@" + ", ".join([*words, f"from {item.account}", f"as {nick}"])


def handle(item: StoredItem) -> str:
    """Return an author's complete handle as one harmless word, without the leading `@`."""
    return "".join(clean_inbound(item.item.author.handle, 200).split()) or "somebody"


def preview(
    stored: StoredPost,
    deliveries: Sequence[Delivery],
    accounts: Accounts,
    own: Sequence[StoredPicture] = (),
    *,
    whole: bool = False,
) -> Preview:
    """Return how a held post will look on each account, with its `own` pictures; `whole` shows all of each part."""
    ready = [one for one in own if one.state is PictureState.READY]
    grouped: defaultdict[str, list[Delivery]] = defaultdict(list)
    for one in deliveries:
        if one.kind is DeliveryKind.POST and one.state is State.HELD:
            grouped[one.account].append(one)
    return Preview(
        characters=graphemes(stored.text),
        fits={name: _fit(name, ones, accounts, ready) + _seen(name, ready, accounts) for name, ones in grouped.items()},
        pictures=len(ready),
        parts=tuple(_cuts(grouped.values(), whole=whole)),
        asks=tuple(name for name, ones in grouped.items() if len(ones) > 1 and _is_shy(accounts.view(name))),
        lasts={name: _lasts(accounts.view(name)) for name in grouped},
    )


def _is_shy(view: AccountView | None) -> bool:
    return view is not None and view.limits is not None and not view.limits.threads


def _fit(name: str, ones: Sequence[Delivery], accounts: Accounts, ready: Sequence[StoredPicture]) -> str:
    view = accounts.view(name)
    price = "" if view is None else cost(_prices(view, ones, ready))
    if len(ones) > 1:
        return f"{len(ones)} parts{price}"
    if view is None or view.limits is None:
        return f"not checked (never reached yet){price}"
    counted = view.length(ones[0].text)
    count = "" if counted == graphemes(ones[0].text) else f" ({counted} of {view.limits.text})"
    return f"{FITS}{count}{price}"


def _prices(view: AccountView, ones: Sequence[Delivery], ready: Sequence[StoredPicture]) -> list[Money]:
    """Return what each part costs where it costs something; the pictures go with the first."""
    shown = () if view.limits is None else taken(ready, view.limits)
    pictures = tuple(Media(data=b"", type=one.type, alt=one.alt) for one in shown)
    made = [
        Post(
            text=one.text,
            in_reply_to=one.parent,
            media=() if one.part else pictures,
            visibility=one.visibility,
            warning=one.warning,
        )
        for one in ones
    ]
    return [price for one in made if (price := view.cost(one)) is not None]


def _lasts(view: AccountView | None) -> tuple[str, ...]:
    """Return what can't be done on an account to what is out; of one that isn't there nothing is known."""
    if view is None or view.limits is None:
        return ()
    return tuple(word for word, can in (("edited", view.edits), ("deleted", view.deletes)) if not can)


def _lacks(own: Sequence[StoredPicture]) -> Lack:
    if any(one.state is PictureState.WANTED for one in own):
        return Lack.PICTURE
    ready = [one for one in own if one.state is PictureState.READY]
    return Lack.DESCRIPTION if undescribed(ready) else Lack.TURN


def _seen(name: str, ready: Sequence[StoredPicture], accounts: Accounts) -> str:
    """Return which of a post's pictures an account leaves out, as the end of what is said of it."""
    view = accounts.view(name)
    if not ready or view is None or view.limits is None:
        return ""
    many = len(taken(ready, view.limits))
    if many == len(ready):
        return ""
    what = "its picture" if len(ready) == 1 else "pictures"
    return f" WITHOUT {what}" if not many else f" with {many} of {len(ready)} pictures"


def _cuts(threads: Iterable[Sequence[Delivery]], *, whole: bool) -> list[str]:
    """Return where the threads are cut; where two accounts cut alike, once."""
    alike: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for ones in threads:
        if len(ones) > 1:
            alike[tuple(one.text for one in ones)].append(ones[0].account)
    lines = [
        f"{', '.join(names)} {number}/{len(texts)}: {_on_one_line(text) if whole else _shortened(text)}"
        for texts, names in alike.items()
        for number, text in enumerate(texts, 1)
    ]
    more = len(lines) - _LINES
    return lines if more <= 0 else [*lines[:_LINES], f"... and {more} more"]


def _on_one_line(text: str) -> str:
    return " ".join(clean_inbound(text, None).split())


def _shortened(text: str) -> str:
    words = _on_one_line(text)
    return words if len(words) <= _HEAD + _TAIL + 5 else f"{words[:_HEAD].rstrip()} ... {words[-_TAIL:].lstrip()}"
