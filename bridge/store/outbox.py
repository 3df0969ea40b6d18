"""The outbox: every delivery that is owed, and the order of each account's lane.

A lane takes its head only: the row with the smallest position among `ready`, `sending` and `uncertain`. Everything here
runs inside the writer's transaction; ids, keys and times come from outside.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, bindparam, delete, exists, func, insert, literal_column, select, text, union_all, update

from bridge.domain.deliveries import Delivery, DeliveryKind, Hold, State
from bridge.domain.ids import EntryId, PostId
from bridge.domain.posts import Key
from bridge.store import delivery_rows
from bridge.store.schema import DELIVERY_HELD, DELIVERY_IN_LANE, DELIVERY_PUBLISHED, DELIVERY_SENT, delivery, post

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Executable, Select

    from bridge.domain.outbox import Part, StoredPost
    from bridge.store.tx import Tx

_ROWS = select(
    delivery,
    post.c.source,
    post.c.place,
    post.c.visibility,
    post.c.warning,
    post.c.language,
    post.c.pictures,
).join_from(delivery, post, post.c.id == delivery.c.post_id)

_ACCOUNT = delivery.c.account == bindparam("in_account")
_HEAD = (
    _ROWS.where(_ACCOUNT, text(DELIVERY_IN_LANE.replace("state", "delivery.state")))
    .order_by(delivery.c.position)
    .limit(1)
)
_GET = _ROWS.where(delivery.c.id == bindparam("one"))
_OF_POST = _ROWS.where(delivery.c.post_id == bindparam("entry")).order_by(delivery.c.id)
_FOLLOWERS = _ROWS.where(delivery.c.follows == bindparam("one")).order_by(delivery.c.part)
_HELD = _ROWS.where(
    _ACCOUNT,
    text(DELIVERY_HELD.replace("state", "delivery.state")),
    delivery.c.held.not_in([literal_column("'schedule'"), literal_column(f"'{Hold.ACCOUNT.value}'")]),
).order_by(delivery.c.hold_until, delivery.c.position)
_SENDING = _ROWS.where(
    _ACCOUNT,
    text(DELIVERY_IN_LANE.replace("state", "delivery.state")),
    delivery.c.state == literal_column("'sending'"),
)
_PAUSING = _ROWS.where(
    _ACCOUNT,
    text(DELIVERY_IN_LANE.replace("state", "delivery.state")),
    delivery.c.due_at.is_not(None),
)
_WAITING = select(func.count()).where(_ACCOUNT, text(DELIVERY_IN_LANE))
_FRONT = select(func.min(delivery.c.position)).where(_ACCOUNT, text(DELIVERY_IN_LANE))
_PUBLISHED = _ROWS.where(
    _ACCOUNT,
    delivery.c.posted_id == bindparam("there"),
    text(DELIVERY_PUBLISHED.replace("posted_id", "delivery.posted_id")),
)
_KNOWN = select(delivery.c.posted_id).where(
    _ACCOUNT, text(DELIVERY_PUBLISHED), delivery.c.settled_at >= bindparam("after"), delivery.c.kind == "post"
)
_FOLLOWER = delivery.alias("follower")
_OLD = (
    select(delivery.c.id)
    .where(
        text(DELIVERY_SENT.replace("state", "delivery.state")),
        delivery.c.settled_at < bindparam("before"),
        ~exists().where(_FOLLOWER.c.follows == delivery.c.id),
    )
    .order_by(delivery.c.settled_at)
    .limit(bindparam("most"))
)
_FORGET = delete(delivery).where(delivery.c.id == bindparam("one"))
_INSERT = insert(delivery)
_INSERT_SOME = _INSERT.returning(delivery.c.id, delivery.c.account)
_UPDATE = (
    update(delivery)
    .where(delivery.c.id == bindparam("one"))
    .values({name: bindparam(delivery_rows.PARAMETER + name) for name in delivery_rows.CHANGING})
)
_REFOLLOW = update(delivery).where(delivery.c.id == bindparam("one")).values(follows=bindparam("to"))

_AT_ONCE = 100
"""Lanes asked for by one query; SQLite takes no more than 500 queries in a union."""


def lane_topic(account: str) -> str:
    """Return the topic that wakes an account's lane."""
    return "lane:" + account


def add(
    tx: Tx,
    stored: StoredPost,
    parts: Sequence[Part],
    *,
    held: frozenset[str],
    now: datetime,
    born_for: Collection[str],
    epoch: str,
) -> tuple[Delivery, ...]:
    """Owe a post's parts to their accounts.

    At most one part of the same number is an account's. With `held` empty a part is ready at the tail of its lane, and
    on an idle lane of an account in `born_for` it is born `sending`, which saves the lane a commit of its own. Later
    parts of a thread wait for the one before.
    """
    tails = _tails(tx, dict.fromkeys(part.account for part in parts))
    made: dict[tuple[str, int], Delivery] = {}
    for level in sorted({part.part for part in parts}):
        rows: list[dict[str, Any]] = []
        for part in (one for one in parts if one.part == level):
            last, busy = tails[part.account]
            tails[part.account] = last + 1, busy
            follows = made[part.account, level - 1].id if level else part.follows
            born = part.account in born_for and not busy and not held and follows is None
            begun = _begun(now, epoch) if born else {}
            rows.append({**_row(stored, part, held, now), "position": last + 1, "follows": follows, **begun})
        for number, values in zip(_new_ones(tx, rows), rows, strict=True):
            made[values["account"], level] = delivery_rows.made(number, values, stored)
    for account in tails:
        tx.wake(lane_topic(account))
    return tuple(made[part.account, part.part] for part in parts)


def _row(stored: StoredPost, part: Part, held: frozenset[str], now: datetime) -> dict[str, Any]:
    reasons = held | {Hold.FOLLOWS.value} if part.part or part.follows is not None else held
    return {
        **delivery_rows.blank(stored.id, part.account, part.kind, part.key, now),
        "part": part.part,
        "parts": part.parts,
        "text": part.text,
        "parent_id": part.parent.id if part.parent else None,
        "parent_memo": dict(part.parent.memo) if part.parent else {},
        "posted_url": part.link,
        "state": (State.HELD if reasons else State.READY).value,
        "held": reasons,
        "hold_until": now + stored.hold if Hold.UNDO in reasons else None,
    }


def _begun(now: datetime, epoch: str) -> dict[str, Any]:
    return {"state": State.SENDING.value, "attempt": 1, "epoch": epoch, "doubt_since": now, "doubt_attempt": 1}


def add_deletion(tx: Tx, target: Delivery, *, key: Key, now: datetime) -> Delivery:
    """Owe the deletion of a delivery that is `sent`, at the head of its lane."""
    if target.posted is None:
        message = f"delivery {target.id} has nothing known to delete"
        raise ValueError(message)
    return _add_change(tx, target, DeliveryKind.DELETE, key=key, now=now, position=front(tx, target.account))


def add_edit(
    tx: Tx, target: Delivery, text: str, *, key: Key, now: datetime, held: frozenset[str] = frozenset()
) -> Delivery:
    """Owe another text for a delivery that is `sent`, at the tail of its lane, or `held` for these reasons."""
    if target.posted is None:
        message = f"delivery {target.id} has nothing known to edit"
        raise ValueError(message)
    words: dict[str, Any] = {"text": text, "part": target.part, "parts": target.parts}
    if held:
        words |= {"state": State.HELD.value, "held": held}
    last = tail(tx, target.account)
    return _add_change(tx, target, DeliveryKind.EDIT, key=key, now=now, position=last, **words)


def _add_change(
    tx: Tx, target: Delivery, kind: DeliveryKind, *, key: Key, now: datetime, position: int, **words: Any
) -> Delivery:
    values = {
        **delivery_rows.blank(target.post, target.account, kind, key, now),
        "parent_id": target.posted.id if target.posted else None,
        "parent_memo": dict(target.posted.memo) if target.posted else {},
        "posted_url": target.posted_url,
        "follows": target.id,
        "position": position,
        **words,
    }
    tx.wake(lane_topic(target.account))
    return _delivery_of(tx, _new(tx, values))


def _new(tx: Tx, values: dict[str, Any]) -> int:
    key = tx.execute(_INSERT, values).inserted_primary_key
    return int(key[0]) if key else 0


def _new_ones(tx: Tx, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Insert deliveries to different accounts by one statement; return their numbers, in the order of the rows."""
    if len(rows) == 1:
        return [_new(tx, rows[0])]
    numbers = {row.account: int(row.id) for row in tx.execute(_INSERT_SOME, rows)}
    return [numbers[values["account"]] for values in rows]


def _delivery_of(tx: Tx, one: int) -> Delivery:
    found = get(tx, one)
    if found is None:
        message = f"delivery {one} is gone"
        raise LookupError(message)
    return found


def head(tx: Tx, account: str) -> Delivery | None:
    """Return the head of an account's lane."""
    row = tx.execute(_HEAD, {"in_account": account}).one_or_none()
    return delivery_rows.read(row) if row is not None else None


def get(tx: Tx, one: int) -> Delivery | None:
    """Return a delivery by its own number."""
    row = tx.execute(_GET, {"one": one}).one_or_none()
    return delivery_rows.read(row) if row is not None else None


def of_post(tx: Tx, entry: EntryId) -> tuple[Delivery, ...]:
    """Return a post's deliveries, deletions included, in the order in which they were owed."""
    return tuple(delivery_rows.read(row) for row in tx.execute(_OF_POST, {"entry": entry}))


def followers(tx: Tx, one: int) -> tuple[Delivery, ...]:
    """Return what waits for a delivery, edits it or deletes it."""
    return tuple(delivery_rows.read(row) for row in tx.execute(_FOLLOWERS, {"one": one}))


def held(tx: Tx, account: str) -> tuple[Delivery, ...]:
    """Return what is held for an account, first to end first; not what only waits for its time, or for the account."""
    return tuple(delivery_rows.read(row) for row in tx.execute(_HELD, {"in_account": account}))


def sending(tx: Tx, account: str) -> tuple[Delivery, ...]:
    """Return what is, or was, on the wire to an account."""
    return tuple(delivery_rows.read(row) for row in tx.execute(_SENDING, {"in_account": account}))


def pausing(tx: Tx, account: str) -> tuple[Delivery, ...]:
    """Return what is in an account's lane and waits for a time."""
    return tuple(delivery_rows.read(row) for row in tx.execute(_PAUSING, {"in_account": account}))


def refollow(tx: Tx, one: int, to: int | None) -> None:
    """Have a delivery follow another one than before, or for now none."""
    tx.execute(_REFOLLOW, {"one": one, "to": to})


def waiting(tx: Tx, account: str) -> int:
    """Return how many deliveries are in an account's lane."""
    return int(tx.execute(_WAITING, {"in_account": account}).scalar_one())


def tail(tx: Tx, account: str) -> int:
    """Return the position after the last one of a lane."""
    return _tails(tx, (account,))[account][0] + 1


def _tails(tx: Tx, accounts: Iterable[str]) -> dict[str, tuple[int, bool]]:
    """Return the last position of each lane, and whether the lane has a head; many lanes by one query."""
    names = tuple(accounts)
    found: dict[str, tuple[int, bool]] = {}
    for first in range(0, len(names), _AT_ONCE):
        some = names[first : first + _AT_ONCE]
        rows = tx.execute(_select_tails(len(some)), {f"account_{number}": name for number, name in enumerate(some)})
        found |= {some[row.number]: (row.last or 0, bool(row.busy)) for row in rows}
    return found


@cache
def _select_tails(many: int) -> Executable:
    return union_all(*(_select_tail(number) for number in range(many)))


def _select_tail(number: int) -> Select[int, Any, bool]:
    mine = delivery.c.account == bindparam(f"account_{number}")
    return select(
        literal_column(str(number), Integer).label("number"),
        # Each in a query of its own, for which both databases have a short cut.
        select(func.max(delivery.c.position)).where(mine).scalar_subquery().label("last"),
        exists().where(mine, text(DELIVERY_IN_LANE)).label("busy"),
    )


def front(tx: Tx, account: str) -> int:
    """Return the position before the first one of a lane."""
    first: int | None = tx.execute(_FRONT, {"in_account": account}).scalar_one()
    return first - 1 if first is not None else tail(tx, account)


def published(tx: Tx, account: str, there: PostId) -> Delivery | None:
    """Return the delivery that a platform knows by this id."""
    row = tx.execute(_PUBLISHED, {"in_account": account, "there": there}).first()
    return delivery_rows.read(row) if row is not None else None


def known(tx: Tx, account: str, *, after: datetime) -> frozenset[PostId]:
    """Return the platform ids that belong to deliveries settled after a time."""
    rows = tx.execute(_KNOWN, {"in_account": account, "after": after})
    return frozenset(PostId(row.posted_id) for row in rows)


def save(tx: Tx, changed: Delivery, *, now: datetime) -> None:
    """Write a delivery back; what its state means for others is the caller's to see to."""
    tx.execute(_UPDATE, {"one": changed.id, **delivery_rows.changes(changed, now)})


def free(tx: Tx, one: Delivery, reason: str, *, now: datetime) -> Delivery:
    """Take one reason away from a held delivery; without any left it is ready, or uncertain where it is in doubt.

    The end of a hold joins the tail, since the order is that of first attempts; a part of a thread keeps its place.
    """
    left = one.held - {reason}
    if left:
        changed = replace(one, held=left, hold_until=one.hold_until if Hold.UNDO in left else None)
    else:
        position = one.position if reason == Hold.FOLLOWS else tail(tx, one.account)
        state = State.READY if one.doubt_since is None else State.UNCERTAIN
        changed = replace(one, state=state, held=left, hold_until=None, position=position, fresh_since=now, due_at=None)
        tx.wake(lane_topic(one.account))
    save(tx, changed, now=now)
    return changed


def rejoin(tx: Tx, one: Delivery, *, now: datetime) -> Delivery:
    """Make a dead or asked delivery ready again, at the tail, as new: a person vouched that it is not there."""
    changed = replace(
        one,
        state=State.READY,
        position=tail(tx, one.account),
        fresh_since=now,
        due_at=None,
        failures=0,
        looks=0,
        doubt_since=None,
        doubt_attempt=None,
        unwanted=False,
    )
    save(tx, changed, now=now)
    tx.wake(lane_topic(one.account))
    return changed


def forget(tx: Tx, never_attempted: Iterable[Delivery]) -> None:
    """Remove deliveries that were never attempted: others take their place."""
    # The later ones of a thread refer to those before them.
    for one in sorted(never_attempted, key=lambda delivery: delivery.id, reverse=True):
        if one.attempt:
            message = f"delivery {one.id} may be known to its platform"
            raise ValueError(message)
        tx.execute(_FORGET, {"one": one.id})


def prune(tx: Tx, before: datetime, limit: int) -> int:
    """Forget deliveries that were sent before a time and that nothing refers to; returns how many."""
    rows = tx.execute(_OLD, {"before": before, "most": limit}).scalars().all()
    if rows:
        tx.execute(_FORGET, [{"one": one} for one in rows])
    return len(rows)
