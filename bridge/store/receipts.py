"""Questions about posts as people see them: how a burst stands, what a person holds, what a panic stops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlalchemy import bindparam, case, func, literal_column, select, text

from bridge.domain.deliveries import DeliveryKind, Hold
from bridge.domain.ids import EntryId
from bridge.domain.outbox import Tally
from bridge.store.schema import (
    DELIVERY_HELD,
    DELIVERY_IN_LANE,
    DELIVERY_PUBLISHED,
    NOTICE_RECEIPT,
    NOTICE_RECEIPT_READY,
    delivery,
    notice,
    post,
)

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.domain.people import Target
    from bridge.store.tx import Tx

_IS_POST = delivery.c.kind.in_([literal_column(f"'{kind.value}'") for kind in DeliveryKind if kind.publishes])
_STATES = (
    select(delivery.c.account, delivery.c.state, func.count().label("many"))
    .join_from(post, delivery, delivery.c.post_id == post.c.id)
    .where(post.c.receipt_id == bindparam("receipt"), _IS_POST)
    .group_by(delivery.c.account, delivery.c.state)
    .order_by(delivery.c.account, delivery.c.state)
)
_ENDS = select(func.min(post.c.id), func.max(post.c.id), func.count()).where(post.c.receipt_id == bindparam("receipt"))
_SHARED = select(post.c.id).where(post.c.receipt_id == bindparam("receipt"), post.c.id != bindparam("receipt")).limit(1)
_TOLD = select(
    func.max(notice.c.first_sent_at).label("last"),
    func.max(case((text(NOTICE_RECEIPT_READY), 1), else_=0)).label("owed"),
).where(text(NOTICE_RECEIPT), notice.c.receipt_id == bindparam("receipt"), notice.c.target == bindparam("jid"))
_HELD_BY = (
    select(delivery.c.post_id, delivery.c.held)
    .join_from(delivery, post, post.c.id == delivery.c.post_id)
    .where(
        text(DELIVERY_HELD.replace("state", "delivery.state")),
        post.c.author == bindparam("by"),
        post.c.source == bindparam("in_source"),
    )
    .order_by(delivery.c.post_id.desc(), delivery.c.id)
)
_LAST_LINK = (
    select(delivery.c.posted_url)
    .where(
        delivery.c.account == bindparam("account"),
        text(DELIVERY_PUBLISHED.replace("posted_id", "delivery.posted_id")),
        delivery.c.posted_url.is_not(None),
    )
    .order_by(delivery.c.position.desc())
    .limit(1)
)
_POSTS = func.count(delivery.c.post_id.distinct())
_UNASKED = text("held <> 'question'")
_WAITS = delivery.c.state != literal_column("'sending'")
_WAITING = select(
    select(_POSTS).where(text(DELIVERY_HELD), _IS_POST, _UNASKED).scalar_subquery(),
    select(_POSTS).where(text(DELIVERY_IN_LANE), _IS_POST, _WAITS).scalar_subquery(),
)
_ON_THE_WIRE = (
    select(delivery.c.post_id, delivery.c.account)
    .where(text(DELIVERY_IN_LANE), delivery.c.state == literal_column("'sending'"), _IS_POST)
    .order_by(delivery.c.post_id, delivery.c.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What has not reached its platform: how many posts are held, how many are ready or in doubt somewhere, and which
    are being sent just now, to which account. A line whose author was asked whether it is a status isn't counted.
    """

    held: int
    ready: int
    on_the_wire: tuple[tuple[EntryId, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """When a receipt, or its last correction, was first sent (None where it never was), and whether it is owed anew."""

    last: datetime | None
    owed: bool


def tally(tx: Tx, receipt: EntryId) -> Tally:
    """Return how the posts that share a receipt stand, deletions left aside."""
    ends = tx.row(_ENDS, {"receipt": receipt})
    first, last, many = (ends[0] or receipt, ends[1] or receipt, ends[2]) if ends else (receipt, receipt, 0)
    states = tuple((row.account, row.state, int(row.many)) for row in tx.rows(_STATES, {"receipt": receipt}))
    return Tally(first=EntryId(int(first)), last=EntryId(int(last)), posts=int(many), states=states)


def is_shared(tx: Tx, receipt: EntryId) -> bool:
    """Tell whether other posts share a post's receipt."""
    return tx.row(_SHARED, {"receipt": receipt}) is not None


def told(tx: Tx, receipt: EntryId, target: Target) -> Told:
    """Return how much of a receipt a conversation knows."""
    row = tx.row(_TOLD, {"receipt": receipt, "jid": target.jid})
    return Told(last=None, owed=False) if row is None else Told(last=row.last, owed=bool(row.owed))


def held_by(tx: Tx, *, author: str, source: Target) -> tuple[tuple[EntryId, frozenset[str]], ...]:
    """Return a person's held posts in a conversation, newest first, with why they are held.

    Later parts of a thread that is on its way aren't held by anybody.
    """
    found: dict[EntryId, frozenset[str]] = {}
    for row in tx.rows(_HELD_BY, {"by": author, "in_source": source.jid}):
        reasons: frozenset[str] = row.held - {Hold.FOLLOWS.value}
        if reasons:
            entry = EntryId(row.post_id)
            found[entry] = found.get(entry, frozenset()) | reasons
    return tuple(found.items())


def host_of(tx: Tx, account: str) -> str | None:
    """Return the host of the links that an account's posts have there; None where none is known yet."""
    url: str | None = tx.scalar(_LAST_LINK, {"account": account})
    return None if url is None else urlsplit(url).netloc.casefold() or None


def outgoing(tx: Tx) -> Outgoing:
    """Return what a panic stops, and what it comes too late for."""
    counts = tx.row(_WAITING)
    wire = tuple((EntryId(row.post_id), str(row.account)) for row in tx.rows(_ON_THE_WIRE))
    held, ready = (int(counts[0]), int(counts[1])) if counts else (0, 0)
    return Outgoing(held=held, ready=ready, on_the_wire=wire)
