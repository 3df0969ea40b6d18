"""The inbox: every item that was heard, once, under a short id."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, case, func, insert, literal_column, select, text, update

from bridge.domain.ids import Cursor, EntryId, PostId
from bridge.domain.inbox import Change, Counts, ItemState, News, StoredItem
from bridge.domain.items import Author, Deleted, Edited, Item
from bridge.domain.posts import Visibility
from bridge.store.schema import DELIVERY_PUBLISHED, ITEM_OPEN, delivery, item, short_id
from bridge.store.types import storable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bridge.store.tx import AnyRow, Tx

MOST = 100
"""Items that one unit of work takes at most, so that no command waits long for it."""

_ACCOUNT = item.c.account == bindparam("account")
_KNOWN_IDS = select(item.c.platform_id).where(_ACCOUNT, item.c.platform_id.in_(bindparam("ids", expanding=True)))
_KNOWN_URIS = select(item.c.uri).where(_ACCOUNT, item.c.uri.in_(bindparam("uris", expanding=True)))
_NEWEST = select(item).order_by(item.c.id.desc()).limit(1)
_BY_PLATFORM_ID = select(item).where(_ACCOUNT, item.c.platform_id == bindparam("platform"))
_BY_URI = select(item).where(_ACCOUNT, item.c.uri == bindparam("one_uri")).order_by(item.c.id).limit(1)
_OURS = select(delivery.c.posted_id, delivery.c.post_id).where(
    delivery.c.account == bindparam("account"),
    text(DELIVERY_PUBLISHED),
    delivery.c.posted_id.in_(bindparam("ids", expanding=True)),
)
_NEW_IDS = insert(short_id).returning(short_id.c.id, sort_by_parameter_order=True)
_INSERT = insert(item)
_GET = select(item).where(item.c.id == bindparam("one"))
_HANDLES = (
    select(item.c.author_key).where(item.c.author_local == bindparam("local")).group_by(item.c.author_key).limit(2)
)
_LATEST = (
    select(item)
    .where(item.c.author_local == bindparam("local"), item.c.author_key == bindparam("key"))
    .order_by(item.c.id.desc())
    .limit(1)
)
_EARLIER = (
    select(item)
    .where(_ACCOUNT, item.c.author_local == bindparam("local"), item.c.author_key == bindparam("key"))
    .where(item.c.id < bindparam("before"))
    .order_by(item.c.id.desc())
    .limit(bindparam("most"))
)
_OPEN = select(item).where(text(ITEM_OPEN)).order_by(item.c.id).limit(bindparam("most"))
_STATES = select(item.c.state, func.count()).where(text(ITEM_OPEN)).group_by(item.c.state)
_SINCE = select(func.count()).where(item.c.received_at >= bindparam("since"))
_ANSWERED = (
    update(item)
    .where(item.c.id == bindparam("one"), text(ITEM_OPEN))
    .values(state=ItemState.ANSWERED.value, answered_at=bindparam("at"))
)

_REOPEN = (
    update(item)
    .where(item.c.id == bindparam("one"), item.c.state == literal_column("'answered'"))
    .values(
        state=case((item.c.deleted_at.is_(None), ItemState.OPEN.value), else_=ItemState.DONE.value), answered_at=None
    )
)
_EDIT = (
    update(item)
    .where(item.c.id == bindparam("one"))
    .values(
        {
            name: bindparam(f"new_{name}", type_=item.c[name].type)
            for name in ("platform_id", "text", "warning", "language", "visibility", "url", "media", "memo", "raw")
        }
    )
)
_DELETE = (
    update(item)
    .where(item.c.id == bindparam("one"))
    .values(deleted_at=bindparam("at", type_=item.c.deleted_at.type), state=bindparam("new_state"))
)


def hear(tx: Tx, *, account: str, things: Sequence[Item | Edited | Deleted], received_at: datetime) -> list[Change]:
    """Store what was heard on an account, in its order, and return what of it people are to be told.

    That is: an item that is new (an edited one too, if it was never heard), an edit that changes what people saw, and a
    deletion of what was there. All else has no effect. Raises ValueError for more than 100 things.
    """
    if len(things) > MOST:
        raise ValueError(f"{len(things)} things in one unit, at most {MOST}")
    changes: list[Change] = []
    for _, group in groupby(things, key=lambda thing: isinstance(thing, Item)):
        run = list(group)
        items = [thing for thing in run if isinstance(thing, Item)]
        if items:
            stored = add(tx, account=account, items=items, received_at=received_at)
            changes += [Change(news=News.NEW, stored=one) for one in stored]
            continue
        for thing in run:
            if isinstance(thing, Edited):
                changes += _edit(tx, account, thing.item, received_at)
            if isinstance(thing, Deleted):
                changes += _delete(tx, account, thing.id, received_at)
    return changes


def add(tx: Tx, *, account: str, items: Sequence[Item], received_at: datetime) -> list[StoredItem]:
    """Store what was heard on an account and return what of it is new, in the same order, each with its id.

    Known is an item whose platform id or, where it has one, whose URI the account has heard before. Raises ValueError
    for more than 100 items.
    """
    if len(items) > MOST:
        raise ValueError(f"{len(items)} items in one unit, at most {MOST}")
    new = _new(tx, account, items)
    if not new:
        return []
    ids: Sequence[int] = tx.execute(_NEW_IDS, [{"kind": "item"}] * len(new)).scalars().all()
    ours = _ours(tx, account, new)
    stored = [
        StoredItem(
            id=EntryId(number),
            account=account,
            item=one,
            received_at=received_at,
            post=ours.get(one.in_reply_to) if one.in_reply_to else None,
        )
        for number, one in zip(ids, new, strict=True)
    ]
    tx.execute(_INSERT, [_values(one) for one in stored])
    return stored


def get(tx: Tx, entry: EntryId) -> StoredItem | None:
    """Return an item, or None."""
    row = tx.row(_GET, {"one": entry})
    return None if row is None else _stored(row)


def known(tx: Tx, account: str, identifier: PostId) -> StoredItem | None:
    """Return the item that an account's platform knows by this id, or None."""
    row = tx.row(_BY_PLATFORM_ID, {"account": account, "platform": identifier})
    return None if row is None else _stored(row)


def newest(tx: Tx) -> StoredItem | None:
    """Return the item that was heard last, or None."""
    row = tx.row(_NEWEST, {})
    return None if row is None else _stored(row)


def latest_by(tx: Tx, handle: str) -> StoredItem | None:
    """Return the last item of a person, or None.

    The handle is complete (`kim@mastodon.example`), or its part before the `@` where only one person has it; capitals
    and a leading `@` don't matter.
    """
    key = fold(handle.removeprefix("@"))
    local = local_part(key)
    if "@" not in key:
        keys = tx.execute(_HANDLES, {"local": local}).scalars().all()
        if len(keys) != 1:
            return None
        key = str(keys[0])
    row = tx.row(_LATEST, {"local": local, "key": key})
    return None if row is None else _stored(row)


def earlier_by(tx: Tx, one: StoredItem, limit: int) -> list[StoredItem]:
    """Return what the author of an item said on the same account before it, oldest first; at most the last so many."""
    key = fold(one.item.author.handle)
    values = {"account": one.account, "local": local_part(key), "key": key, "before": one.id, "most": limit}
    return [_stored(row) for row in tx.rows(_EARLIER, values)][::-1]


def open_items(tx: Tx, limit: int) -> list[StoredItem]:
    """Return what is open or claimed, the longest waiting first."""
    return [_stored(row) for row in tx.rows(_OPEN, {"most": limit})]


def counts(tx: Tx, now: datetime) -> Counts:
    """Count what is open, what is claimed, and what was heard since midnight in the time zone of `now`."""
    states = {str(row[0]): int(row[1]) for row in tx.rows(_STATES)}
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Counts(
        open=states.get(ItemState.OPEN, 0),
        claimed=states.get(ItemState.CLAIMED, 0),
        today=tx.scalar(_SINCE, {"since": midnight}),
    )


def answered(tx: Tx, entry: EntryId, at: datetime) -> bool:
    """Record that an open or claimed item has its answer; False where it was neither."""
    return tx.changed(_ANSWERED, {"one": entry, "at": at}) == 1


def reopen(tx: Tx, entry: EntryId) -> bool:
    """Record that the answer to an item was taken back, so that it waits again; False where it had none."""
    return tx.changed(_REOPEN, {"one": entry}) == 1


def fold(handle: str) -> str:
    """Return a handle as it is compared."""
    return storable(handle).casefold()


def local_part(handle: str) -> str:
    """Return a handle's part before the `@`."""
    return handle.partition("@")[0]


def _edit(tx: Tx, account: str, edited: Item, at: datetime) -> list[Change]:
    """Bring an item up to date; its id as well, since some platforms give an edited one another."""
    row = tx.row(_BY_PLATFORM_ID, {"account": account, "platform": edited.id})
    if row is None and edited.uri:
        row = tx.row(_BY_URI, {"account": account, "one_uri": edited.uri})
    if row is None:
        stored = add(tx, account=account, items=[edited], received_at=at)
        return [Change(news=News.NEW, stored=one) for one in stored]
    known = _stored(row)
    if known.deleted_at is not None:
        return []
    now = _narrowed(known.item, edited)
    values = _editable(now)
    if values == _editable(known.item):
        return []
    tx.execute(_EDIT, {"one": known.id, **{f"new_{name}": value for name, value in values.items()}})
    if _shown(known.item) == _shown(now):
        return []
    return [Change(news=News.EDITED, stored=replace(known, item=now))]


def _narrowed(known: Item, edited: Item) -> Item:
    """Return the item as edited; what was said in private stays private, whatever the platform says now."""
    if known.private and not edited.private:
        return replace(edited, author=known.author, visibility=known.visibility, memo=known.memo)
    return replace(edited, author=known.author)


def _editable(one: Item) -> dict[str, Any]:
    return {
        "platform_id": one.id,
        "text": one.text,
        "warning": one.warning,
        "language": one.language,
        "visibility": one.visibility.value,
        "url": one.url,
        "media": list(one.media),
        "memo": dict(one.memo),
        "raw": one.raw,
    }


def _shown(one: Item) -> tuple[object, ...]:
    media = [storable(line) for line in one.media]
    return storable(one.text), storable(one.warning or ""), media, one.raw is None


def _delete(tx: Tx, account: str, identifier: PostId, at: datetime) -> list[Change]:
    row = tx.row(_BY_PLATFORM_ID, {"account": account, "platform": identifier})
    known = None if row is None else _stored(row)
    if known is None or known.deleted_at is not None:
        return []
    state = ItemState.DONE if known.state is ItemState.OPEN else known.state
    tx.execute(_DELETE, {"one": known.id, "at": at, "new_state": state.value})
    return [Change(news=News.DELETED, stored=replace(known, state=state, deleted_at=at))]


def _new(tx: Tx, account: str, items: Sequence[Item]) -> list[Item]:
    ids = {storable(one.id) for one in items}
    uris = {storable(one.uri) for one in items if one.uri}
    known_ids = set(tx.execute(_KNOWN_IDS, {"account": account, "ids": list(ids)}).scalars())
    known_uris = (
        set(tx.execute(_KNOWN_URIS, {"account": account, "uris": list(uris)}).scalars()) if uris else set[str]()
    )
    new: list[Item] = []
    for one in items:
        number, uri = storable(one.id), storable(one.uri)
        if number in known_ids or (uri and uri in known_uris):
            continue
        known_ids.add(number)
        known_uris.add(uri)
        new.append(one)
    return new


def _ours(tx: Tx, account: str, items: Sequence[Item]) -> dict[PostId, EntryId]:
    answered_ids = {one.in_reply_to for one in items if one.in_reply_to}
    if not answered_ids:
        return {}
    rows = tx.rows(_OURS, {"account": account, "ids": list(answered_ids)})
    return {PostId(row.posted_id): EntryId(row.post_id) for row in rows}


def _values(stored: StoredItem) -> dict[str, Any]:
    one = stored.item
    key = fold(one.author.handle)
    return {
        "id": stored.id,
        "account": stored.account,
        "platform_id": one.id,
        "uri": one.uri,
        "author_id": one.author.id,
        "author_handle": one.author.handle,
        "author_key": key,
        "author_local": local_part(key),
        "author_name": one.author.name,
        "author_url": one.author.url,
        "text": one.text,
        "warning": one.warning,
        "language": one.language,
        "visibility": one.visibility.value,
        "url": one.url,
        "in_reply_to": one.in_reply_to,
        "post_id": stored.post,
        "media": list(one.media),
        "answer_prefix": one.answer_prefix,
        "memo": dict(one.memo),
        "raw": one.raw,
        "created_at": one.created_at,
        "received_at": stored.received_at,
        "state": stored.state.value,
    }


def _stored(row: AnyRow) -> StoredItem:
    return StoredItem(
        id=EntryId(row.id),
        account=row.account,
        item=Item(
            id=PostId(row.platform_id),
            author=Author(id=row.author_id, handle=row.author_handle, name=row.author_name, url=row.author_url),
            text=row.text,
            created_at=row.created_at,
            cursor=Cursor(""),
            uri=row.uri,
            url=row.url,
            in_reply_to=None if row.in_reply_to is None else PostId(row.in_reply_to),
            visibility=Visibility(row.visibility),
            warning=row.warning,
            language=row.language,
            media=tuple(row.media),
            answer_prefix=row.answer_prefix,
            raw=row.raw,
            memo=dict(row.memo),
        ),
        received_at=row.received_at,
        post=None if row.post_id is None else EntryId(row.post_id),
        state=ItemState(row.state),
        claimed_by=row.claimed_by,
        claimed_as=row.claimed_as,
        claimed_at=row.claimed_at,
        answered_at=row.answered_at,
        deleted_at=row.deleted_at,
    )
