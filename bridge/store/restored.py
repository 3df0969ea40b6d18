"""A store that was restored from a backup, or moved: what it doesn't know must not be done a second time.

Since the backup messages may have gone out, lines may have been said and commands carried out. So everything that was
not settled is in doubt, nothing goes out before a person says so, and what was said since is not heard again.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import bindparam, delete, func, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from bridge.domain.deliveries import DeliveryKind, Hold, State
from bridge.domain.ids import short
from bridge.domain.mint import Mint
from bridge.domain.notices import NoticeState
from bridge.domain.wording import plural, verb
from bridge.store import accounts, audit, notices, panics
from bridge.store.schema import NOTICE_PENDING, control, cursor, delivery, notice, short_id
from bridge.store.tx import Tx

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from bridge.domain.people import Place, Target
    from bridge.store.engine import Backend
    from bridge.store.tx import AnyRow

ACTOR: Final = "restored backup"
"""Who is said to have called the panic."""

STEP: Final = 0x1000
"""By how much short ids jump at least, and a multiple of it is the next one: more than anybody says since a backup."""

SETTLE: Final = timedelta(seconds=60)
"""How long a platform may still be busy with what was sent just before; longer than any plugin's `settle_after`."""

WHY: Final = "the store was restored from a backup"

_log = structlog.stdlib.get_logger(__name__)

_UNSETTLED = select(
    delivery.c.id,
    delivery.c.held,
    delivery.c.attempt,
    delivery.c.doubt_since,
    delivery.c.doubt_attempt,
    delivery.c.error,
    delivery.c.created_at,
).where(
    delivery.c.state.in_([State.READY.value, State.HELD.value, State.SENDING.value]),
    delivery.c.kind.in_([kind.value for kind in DeliveryKind if kind.publishes]),
)
_DOUBT = (
    update(delivery)
    .where(delivery.c.id == bindparam("one"))
    .values(
        {
            name: bindparam("new_" + name)
            for name in (
                "state", "held", "hold_until", "due_at", "pause_ms", "attempt", "epoch", "doubt_since", "doubt_attempt",
                "error",
            )
        }
    )
)  # fmt: skip
_UNSEEN = (
    update(notice)
    .where(text(NOTICE_PENDING))
    .values(
        state=NoticeState.SENDING.value,
        sends=notice.c.sends + 1,
        due_at=None,
        first_sent_at=func.coalesce(notice.c.first_sent_at, notice.c.created_at),
    )
)
_ARCHIVES = cursor.c.name.startswith("archive:", autoescape=True)
_LAST_HEARD = select(func.max(cursor.c.moved_at))
_LAST_START = select(func.max(control.c.at))
_FORGET_ARCHIVES = delete(cursor).where(_ARCHIVES)
_LAST_ID = select(func.max(short_id.c.id))
_LAST_LIGHT = text("SELECT seq FROM sqlite_sequence WHERE name = 'short_id'")
_JUMP_LIGHT = (
    text("DELETE FROM sqlite_sequence WHERE name = 'short_id'"),
    text("INSERT INTO sqlite_sequence (name, seq) VALUES ('short_id', CAST(:next AS INTEGER) - 1)"),
)
_LAST_HEAVY = text("SELECT pg_sequence_last_value(CAST(pg_get_serial_sequence('short_id', 'id') AS regclass))")
_JUMP_HEAVY = (text("SELECT setval(CAST(pg_get_serial_sequence('short_id', 'id') AS regclass), :next, false)"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """A run of the program: its epoch, its start, and whom to tell if the store turns out to be restored."""

    epoch: str
    now: datetime
    told: Sequence[Target] = ()


def begin(backend: Backend, connection: Connection, beginning: Beginning) -> bool:
    """Recognise the rows as those of the last run here, or freeze everything, before anything else is written.

    What the last run would have said a little later is owed at once.

    All of it is one transaction on a connection that has none; returns whether the store was restored. Raises
    StartError.
    """
    try:
        with connection.begin():
            tx = Tx(connection, backend.dialect, backend.is_open(connection))
            found = backend.is_restored(tx)
            if found:
                freeze(tx, beginning, salt=secrets.token_hex(16))
            notices.hasten(tx)
            backend.remember(tx, beginning.epoch, at=beginning.now, anew=found)
            tx.check()
    except SQLAlchemyError as error:
        raise backend.explain(error) from None
    backend.committed()
    if found:
        _log.warning("the store was restored from a backup, or moved: everything outgoing is frozen until `resume`")
    return found


def freeze(tx: Tx, beginning: Beginning, *, salt: str) -> int:
    """Call the panic, put what was not settled in doubt, and tell everybody; returns how many deliveries are in doubt.

    Positions in the accounts' feeds stay: an item that came since the backup is told again. Doing it twice is harmless.
    """
    now = beginning.now
    until: datetime | None = tx.scalar(_LAST_HEARD) or tx.scalar(_LAST_START)
    accounts.set_panic(tx, actor=ACTOR, at=now)
    panics.renew(tx, now=now)
    panics.tell(tx, beginning.told, now=now)
    audit.append(tx, at=now, actor=ACTOR, verb="panic", salt=salt)
    rows = tx.rows(_UNSETTLED)
    if rows:
        tx.execute(_DOUBT, [_doubtful(row, now) for row in rows])
    tx.execute(_UNSEEN)
    tx.execute(_FORGET_ARCHIVES)
    first = _jump(tx)
    mint = Mint(beginning.epoch)
    for target in beginning.told:
        body = line(target.place, until=until, doubtful=len(rows), first=first)
        notices.add_line(tx, target=target, body=body, origin_id=mint(), at=now)
    return len(rows)


def _doubtful(row: AnyRow, now: datetime) -> dict[str, object]:
    """Return what becomes of a delivery that may have been published since the backup, by an attempt unknown to us.

    What waits for more than the end of an undo window or for a picture goes on waiting for it, in doubt: the rest of a
    thread, what has a time of its own, and what a person has to say a second word to.
    """
    waits = row.held - {Hold.UNDO.value, Hold.PICTURE.value}
    attempt = row.attempt if row.doubt_attempt is not None else row.attempt + 1
    return {
        "one": row.id,
        "new_state": (State.HELD if waits else State.UNCERTAIN).value,
        "new_held": frozenset(waits),
        "new_hold_until": None,
        "new_due_at": None if waits else now + SETTLE,
        "new_pause_ms": None if waits else SETTLE // timedelta(milliseconds=1),
        "new_attempt": attempt,
        "new_epoch": None,
        "new_doubt_since": row.doubt_since or row.created_at,
        "new_doubt_attempt": row.doubt_attempt or attempt,
        "new_error": row.error or WHY,
    }


def _jump(tx: Tx) -> int:
    """Have the next post or item be far ahead of any id that was given out since the backup; returns that id."""
    light = tx.dialect == "sqlite"
    last = max(tx.scalar(_LAST_ID) or 0, tx.scalar(_LAST_LIGHT if light else _LAST_HEAVY) or 0)
    first = -(-(last + STEP) // STEP) * STEP
    for statement in _JUMP_LIGHT if light else _JUMP_HEAVY:
        tx.execute(statement, {"next": first} if "next" in statement.compile().params else None)
    return first


def line(place: Place, *, until: datetime | None, doubtful: int, first: int) -> str:
    """Return what everybody is told."""
    since = f"{until:%Y-%m-%d %H:%M} UTC" if until is not None else "then"
    doubt = f"{plural(doubtful, 'message')} may have gone out since and will be looked for, not sent again unseen. "
    return (
        f"I was started from a restored backup (or a moved database), as it was on {since}. "
        f"Everything outgoing is frozen. {doubt if doubtful else ''}"
        f"What was said to me since that time I don't carry out again; new ids begin at {short(first)}. "
        f"An approver's {verb(place, 'resume')} continues"
    )
