"""The audit: who did what, where it was said and what became of it; append-only, each row bound to the one before it.

How rows are bound, and how a change is found, is decided in `bridge.domain.chain`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Text, bindparam, func, insert, select, type_coerce, update
from sqlalchemy.exc import DBAPIError

from bridge.domain.chain import NAMES, START, VERSION, Head, Link, Report, Unreadable, check, digest
from bridge.store.schema import audit
from bridge.store.types import fixed, storable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from bridge.store.tx import AnyRow, Tx

BRIDGE: Final = "bridge"
"""Who does what no person did: what a platform answered."""

_STEP = 500
_TRIES = 3
_FIRST_ID = -(1 << 63)
_HINT = "audit"

_LAST = select(audit.c.id, audit.c.hash).order_by(audit.c.id.desc()).limit(1)
_LAST_HASH = select(audit.c.hash).order_by(audit.c.id.desc()).limit(1).scalar_subquery()
_COUNT = select(func.count()).select_from(audit)
_VALUES = select(*(bindparam(f"new_{name}", type_=audit.c[name].type) for name in NAMES))
_APPEND = (
    insert(audit)
    .from_select(
        list(NAMES), _VALUES.where(func.coalesce(_LAST_HASH, START) == bindparam("last")), include_defaults=False
    )
    .returning(audit.c.id)
)
"""Only if the last row is still the one that this one is bound to."""
_APPEND_ANYHOW = insert(audit).from_select(list(NAMES), _VALUES, include_defaults=False)
_FORGET = update(audit).where(audit.c.entry == bindparam("about")).values(content=None, salt=None)

# The time as it stands there: what was changed without changing its meaning is changed, too.
_ROWS = select(*(type_coerce(audit.c[name], Text).label(name) if name == "at" else audit.c[name] for name in NAMES))
_NEXT = _ROWS.where(audit.c.id >= bindparam("start")).order_by(audit.c.id).limit(bindparam("most"))
_IDS = select(audit.c.id).where(audit.c.id >= bindparam("start")).order_by(audit.c.id).limit(_STEP)
_NEWEST = _ROWS.order_by(audit.c.id.desc()).limit(bindparam("most"))
_ABOUT = _ROWS.where(audit.c.entry == bindparam("about"))
_SINCE = select(func.min(audit.c.id)).where(audit.c.at >= bindparam("since", type_=audit.c.at.type))
_BEFORE = select(audit.c.hash).where(audit.c.id < bindparam("one")).order_by(audit.c.id.desc()).limit(1)
_AFTER = select(audit.c.previous).where(audit.c.id > bindparam("one")).order_by(audit.c.id).limit(1)


def append(
    tx: Tx,
    *,
    at: datetime,
    actor: str,
    verb: str,
    salt: str,
    entry: int | None = None,
    account: str | None = None,
    stanza: int | None = None,
    archive: str | None = None,
    key: str | None = None,
    decision: str | None = None,
    rule: str | None = None,
    delivery: int | None = None,
    platform_id: str | None = None,
    content: str | None = None,
) -> int:
    """Record a deed in its own transaction and return the row's number.

    `actor` is a bare JID, `salt` a fresh random text that nobody could guess, made outside the unit. `archive` and
    `key` say where the deed was said for ever, `stanza` only as long as the gate remembers it.
    """
    said = _safe(content)
    made = Link(
        id=0,
        version=VERSION,
        at=fixed(at),
        actor=storable(actor),
        verb=storable(verb),
        entry=entry,
        account=_safe(account),
        stanza_id=stanza,
        archive=_safe(archive),
        key=_safe(key),
        decision=_safe(decision),
        rule=_safe(rule),
        delivery=delivery,
        platform_id=_safe(platform_id),
        content=said,
        salt=salt,
        digest=digest(salt, said),
        previous=START,
    )
    return _append(tx, made, at)


def _append(tx: Tx, made: Link, at: datetime) -> int:
    """Bind a row to the last one, which mostly is the one that this connection wrote last."""
    last: tuple[int, str] = tx.hints.get(_HINT) or _last(tx)
    for attempt in range(_TRIES + 1):
        bound = replace(made, id=last[0] + 1, previous=last[1])
        bound = replace(bound, hash=bound.expected() or "")
        values: dict[str, Any] = {f"new_{name}": getattr(bound, name) for name in NAMES} | {"new_at": at}
        if attempt == _TRIES:  # a last row that was edited by hand: the chain shows it, and work goes on
            tx.execute(_APPEND_ANYHOW, values)
        elif tx.scalar(_APPEND, values | {"last": last[1]}) is None:
            last = _last(tx)
            continue
        tx.hints[_HINT] = (bound.id, bound.hash)
        return bound.id
    raise AssertionError


def _last(tx: Tx) -> tuple[int, str]:
    row = tx.row(_LAST)
    return (0, START) if row is None else (row.id, str(row.hash))


def _safe(text: str | None) -> str | None:
    return None if text is None else storable(text)


def forget(tx: Tx, entry: int) -> int:
    """Forget the content of all rows about a post or item; return how many. The chain still holds."""
    return tx.changed(_FORGET, {"about": entry})


def verify(tx: Tx, noted: Head | None = None) -> Report:
    """Tell whether all rows are as they were written, and the chain still goes through a head that was noted."""
    return check(rows(tx), noted)


def head(tx: Tx) -> Head:
    """Return the chain's length and last hash."""
    return Head(tx.scalar(_COUNT), _last(tx)[1])


def rows(tx: Tx, since: datetime | None = None) -> Iterator[Link | Unreadable]:
    """Return the rows in their order, a page in memory at a time; with `since` from the first that is not older."""
    start: int | None = _FIRST_ID
    if since is not None:
        start = tx.scalar(_SINCE, {"since": since})
    while start is not None:
        page = list(_page(tx, start))
        yield from page
        if not page:
            return
        last = page[-1].id if isinstance(page[-1], Link) else page[-1].row
        start = None if last is None else last + 1


def newest(tx: Tx, limit: int) -> tuple[Link, ...]:
    """Return the last rows, oldest first."""
    return tuple(_link(row) for row in tx.rows(_NEWEST, {"most": limit}))[::-1]


def about(tx: Tx, entry: int) -> tuple[Link, ...]:
    """Return the rows about a post or item, oldest first."""
    found = tx.rows(_ABOUT, {"about": entry})
    return tuple(sorted((_link(row) for row in found), key=lambda link: link.id))


def is_bound(tx: Tx, link: Link) -> bool:
    """Tell whether a row is as it was written, and its neighbours are still bound to it."""
    before = tx.scalar(_BEFORE, {"one": link.id})
    after = tx.scalar(_AFTER, {"one": link.id})
    return link.fault() is None and link.previous == (before or START) and after in {None, link.hash}


def _page(tx: Tx, start: int) -> Iterator[Link | Unreadable]:
    try:
        found = tx.rows(_NEXT, {"start": start, "most": _STEP})
    except DBAPIError as error:
        if "decode" not in str(error.orig).lower():
            raise
        # Bytes that are no text, which only a hand can have put there: find the row.
        yield from _one_by_one(tx, start)
    else:
        yield from map(_link, found)


def _one_by_one(tx: Tx, start: int) -> Iterator[Link | Unreadable]:
    for one in tx.execute(_IDS, {"start": start}).scalars().all():
        try:
            yield from map(_link, tx.rows(_NEXT, {"start": one, "most": 1}))
        except DBAPIError:
            yield Unreadable(place=f"row {one}", row=one)


def _link(row: AnyRow) -> Link:
    values: dict[str, Any] = dict(zip(NAMES, row, strict=True))
    if not isinstance(values["at"], str):  # PostgreSQL knows times
        values["at"] = fixed(values["at"])
    return Link(**values)
