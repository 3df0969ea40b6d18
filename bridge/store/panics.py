"""What a panic keeps back, and who knows of it: both are forgotten with its end."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import bindparam, func, literal_column, select, text, union, union_all

from bridge.domain.deliveries import Delivery, DeliveryKind, Hold, State
from bridge.domain.ids import EntryId
from bridge.domain.panic import Listed, Waiting
from bridge.domain.people import Place, Target
from bridge.store import accounts, cursors
from bridge.store.schema import DELIVERY_HELD, DELIVERY_IN_LANE, DELIVERY_LEFT, delivery, notice, post

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.store.tx import Tx

_NAME: Final = "panic"
_MOST: Final = 500
"""Direct chats that are remembered to know of a panic."""

_FLOWING: Final = frozenset({Hold.UNDO, Hold.FOLLOWS})
"""What ends by itself: whatever is held for nothing else flows with the end of a panic."""

_NO_DELETION = delivery.c.kind != literal_column("'delete'")
_IN_LANE = (
    text(DELIVERY_IN_LANE.replace("state", "delivery.state")),
    delivery.c.state != literal_column("'sending'"),
    ~delivery.c.unwanted,
    _NO_DELETION,
)
_HELD = (
    text(DELIVERY_HELD.replace("state", "delivery.state")),
    delivery.c.held.in_([literal_column(f"'{held}'") for held in ("undo", "follows", "follows,undo")]),
    _NO_DELETION,
)
_LANE_POSTS = select(delivery.c.post_id).where(*_IN_LANE)
_POSTS = union(_LANE_POSTS, select(delivery.c.post_id).where(*_HELD)).subquery("kept_back")
_OLDEST = select(_POSTS.c.post_id).order_by(_POSTS.c.post_id).limit(bindparam("most"))
_COUNTS = select(
    select(func.count()).select_from(_POSTS).scalar_subquery(),
    select(func.count(delivery.c.post_id.distinct()))
    .where(*_IN_LANE, delivery.c.fresh_since < bindparam("before"))
    .scalar_subquery(),
    select(func.count(delivery.c.post_id.distinct()))
    .where(
        text(DELIVERY_LEFT.replace("state", "delivery.state")),
        delivery.c.state == literal_column("'dead'"),
        delivery.c.error.is_(None),
        delivery.c.settled_at >= bindparam("since"),
    )
    .scalar_subquery(),
)
_TALLY = (
    delivery.c.account,
    func.count().label("many"),
    func.max(delivery.c.id).label("last"),
    func.sum(delivery.c.id).label("total"),
    func.sum(post.c.revision).label("revisions"),
)
_JOINED = delivery.join(post, post.c.id == delivery.c.post_id)
_BY_ACCOUNT = union_all(
    *(select(*_TALLY).select_from(_JOINED).where(*which).group_by(delivery.c.account) for which in (_IN_LANE, _HELD))
)
_SENT_AT = select(notice.c.first_sent_at).where(notice.c.id == bindparam("one"))


@dataclass(frozen=True, slots=True)
class _Known:
    """What is remembered while a panic lasts: who was told of it, and which list each conversation was shown last."""

    told: tuple[Target, ...] = ()
    lists: tuple[tuple[str, tuple[str, str, int]], ...] = ()

    @classmethod
    def read(cls, tx: Tx) -> _Known:
        kept = cursors.get(tx, _NAME)
        if kept is None:
            return cls()
        found = cast("dict[str, Any]", json.loads(kept))
        told = tuple(Target(jid, Place(place)) for jid, place in found["told"])
        return cls(told, tuple((name, (mark, at, number)) for name, (mark, at, number) in found["lists"].items()))

    def keep(self, tx: Tx, now: datetime) -> None:
        told = [(one.jid, one.place.value) for one in self.told]
        cursors.move(tx, _NAME, json.dumps({"told": told, "lists": dict(self.lists)}), now)


def waits(one: Delivery) -> bool:
    """Tell whether a delivery is kept back by a panic, and by nothing that outlasts it."""
    if one.kind is DeliveryKind.DELETE or one.unwanted:
        return False
    return one.state in {State.READY, State.UNCERTAIN} or (one.state is State.HELD and one.held <= _FLOWING)


def waiting(tx: Tx, *, since: datetime, before: datetime, most: int) -> Waiting:
    """Return what a panic that began at `since` keeps back; what is fresh since less than `before` is too old.

    Not more than `most` posts are named, however many there are.
    """
    counts = tx.row(_COUNTS, {"before": before, "since": since}) or (0, 0, 0)
    totals: dict[str, tuple[int, int, int, int]] = {}
    for row in tx.rows(_BY_ACCOUNT):
        many, last, total, revisions = totals.get(row.account, (0, 0, 0, 0))
        totals[row.account] = (
            many + int(row.many),
            max(last, int(row.last)),
            total + int(row.total),
            revisions + int(row.revisions),
        )
    return Waiting(
        posts=int(counts[0]),
        deliveries=tuple((account, totals[account][0]) for account in sorted(totals)),
        stale=int(counts[1]),
        expired=int(counts[2]),
        oldest=tuple(EntryId(row.post_id) for row in tx.rows(_OLDEST, {"most": most})),
        mark=" ".join(f"{account}:{totals[account]}" for account in sorted(totals)),
    )


def listed(tx: Tx, target: Target) -> Listed | None:
    """Return the list that a conversation was shown last in this panic."""
    found = dict(_Known.read(tx).lists).get(target.jid)
    if found is None:
        return None
    mark, at, number = found
    return Listed(mark=mark, at=datetime.fromisoformat(at), sent_at=tx.scalar(_SENT_AT, {"one": number}))


def show(tx: Tx, target: Target, mark: str, *, notice: int, now: datetime) -> None:
    """Remember the list that a conversation is shown by a notice."""
    known = _Known.read(tx)
    lists = {**dict(known.lists), target.jid: (mark, now.isoformat(), notice)}
    replace(known, lists=tuple(lists.items())).keep(tx, now)


def tell(tx: Tx, targets: Iterable[Target], *, now: datetime) -> None:
    """Remember that conversations know of the panic, and so shall know of its end."""
    known = _Known.read(tx)
    told = tuple(dict.fromkeys([*known.told, *targets]))[:_MOST]
    if told != known.told:
        replace(known, told=told).keep(tx, now)


def told(tx: Tx) -> tuple[Target, ...]:
    """Return who knows of the panic, as far as it was remembered."""
    return _Known.read(tx).told


def renew(tx: Tx, *, now: datetime) -> None:
    """Have every conversation be shown what waits anew, before it may flow."""
    known = _Known.read(tx)
    if known.lists:
        replace(known, lists=()).keep(tx, now)


def end(tx: Tx) -> bool:
    """End the panic with all that was remembered of it; False where there is none. The lanes are the caller's."""
    cursors.forget(tx, _NAME)
    return accounts.clear_panic(tx)
