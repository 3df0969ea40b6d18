"""What came and went: counts of a period, and how things stand now. No text is read for them."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, case, func, literal_column, select, text

from bridge.domain.deliveries import DeliveryKind, State
from bridge.domain.inbox import ItemState
from bridge.store import inbox
from bridge.store.schema import (
    DELIVERY_IN_LANE,
    DELIVERY_LEFT,
    DELIVERY_SENT,
    ITEM_ANSWERED,
    ITEM_OPEN,
    delivery,
    item,
    post,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from bridge.domain.inbox import StoredItem
    from bridge.store.tx import Tx

MOST: Final = 2_000
"""Answered items that the usual time to a first answer is taken from: the newest of a period."""

_COUNTED: Final = (DeliveryKind.POST, DeliveryKind.REPEAT)
_OUTGOING = delivery.c.kind.in_([literal_column(f"'{kind.value}'") for kind in _COUNTED]) & (delivery.c.part == 0)
# As an expression it can't be read in the order of an index, for which SQLite would go through the whole table.
_ACCOUNT = func.coalesce(delivery.c.account, literal_column("''")).label("name")
_SENT = (
    select(
        _ACCOUNT,
        func.count(case((post.c.answers.is_(None), 1))).label("posts"),
        func.count(post.c.answers).label("answers"),
    )
    .join_from(delivery, post, post.c.id == delivery.c.post_id)
    .where(text(DELIVERY_SENT), delivery.c.settled_at >= bindparam("since"), _OUTGOING)
    .group_by(_ACCOUNT)
)
_FAILED = select(func.count()).where(
    text(DELIVERY_LEFT),
    delivery.c.state == literal_column("'dead'"),
    delivery.c.settled_at >= bindparam("since"),
    _OUTGOING,
)
_HEARD = select(func.count()).where(item.c.received_at >= bindparam("since"))
_ANSWERED = (
    select(item.c.received_at, item.c.answered_at)
    .where(text(ITEM_ANSWERED), item.c.answered_at >= bindparam("since"))
    .order_by(item.c.answered_at.desc())
    .limit(MOST)
)
_LEFT = select(delivery.c.state, func.count().label("many")).where(text(DELIVERY_LEFT)).group_by(delivery.c.state)
_CHECKING = select(func.count()).where(text(DELIVERY_IN_LANE), delivery.c.state == literal_column("'uncertain'"))
_INBOX = select(item.c.state, func.count().label("many")).where(text(ITEM_OPEN)).group_by(item.c.state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What happened since some moment.

    `published` are the posts and repetitions for each account that had some, in the order of its name, `answers` those
    that answered somebody; a thread counts once. `failed` is what was given up and still waits for somebody's word.
    `first_answer` is the median time from a message to its first answer; None where nothing was answered.
    """

    published: Mapping[str, int]
    answers: int
    failed: int
    heard: int
    first_answer: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What waits now: items that nobody has claimed, and that somebody has; the longest waiting of all of them; and
    deliveries that failed or are in doubt.
    """

    open: int
    claimed: int
    oldest: StoredItem | None
    failed: int
    in_doubt: int


def period(tx: Tx, since: datetime) -> Period:
    """Count what happened since then."""
    at = {"since": since}
    sent = sorted(tx.rows(_SENT, at), key=lambda row: str(row.name))
    waited = [row.answered_at - row.received_at for row in tx.rows(_ANSWERED, at)]
    return Period(
        published={str(row.name): int(row.posts) for row in sent if row.posts},
        answers=sum(int(row.answers) for row in sent),
        failed=int(tx.scalar(_FAILED, at)),
        heard=int(tx.scalar(_HEARD, at)),
        first_answer=median(waited) if waited else None,
    )


def standing(tx: Tx) -> Standing:
    """Count what waits now."""
    items = {row.state: int(row.many) for row in tx.rows(_INBOX)}
    left = {row.state: int(row.many) for row in tx.rows(_LEFT)}
    return Standing(
        open=items.get(ItemState.OPEN.value, 0),
        claimed=items.get(ItemState.CLAIMED.value, 0),
        oldest=next(iter(inbox.open_items(tx, 1)), None),
        failed=left.get(State.DEAD.value, 0),
        in_doubt=left.get(State.ASKED.value, 0) + int(tx.scalar(_CHECKING)),
    )
