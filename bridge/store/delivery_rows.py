"""A delivery as a row of its table, and back."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from bridge.domain.deliveries import Delivery, DeliveryKind, State
from bridge.domain.ids import EntryId, PostId
from bridge.domain.people import Place, Target
from bridge.domain.posts import Key, Posted, Ref, Visibility

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Row

    from bridge.domain.outbox import StoredPost

FINAL: Final = frozenset({State.SENT, State.DEAD, State.CANCELLED, State.ASKED})
"""The states in which a lane has done with a delivery."""

_MS: Final = timedelta(milliseconds=1)

PARAMETER: Final = "new_"
"""What the parameters of `changes` begin with."""

CHANGING: Final = (
    "text", "parent_id", "parent_memo", "state", "held", "hold_until", "position", "fresh_since", "due_at",
    "pause_ms", "attempt", "failures", "looks", "epoch", "doubt_since", "doubt_attempt", "unwanted", "told",
    "posted_id", "posted_url", "memo", "error", "settled_at",
)  # fmt: skip
"""The columns that change in the life of a delivery."""


def blank(entry: EntryId, account: str, kind: DeliveryKind, key: Key, now: datetime) -> dict[str, Any]:
    """Return the columns of a delivery that was just thought of: ready, alone, never attempted."""
    return {
        "post_id": entry,
        "account": account,
        "kind": kind.value,
        "part": 0,
        "parts": 1,
        "text": "",
        "parent_id": None,
        "parent_memo": {},
        "follows": None,
        "state": State.READY.value,
        "held": frozenset[str](),
        "hold_until": None,
        "fresh_since": now,
        "due_at": None,
        "pause_ms": None,
        "key_token": key.token,
        "key_minted_at": key.minted_at,
        "attempt": 0,
        "failures": 0,
        "looks": 0,
        "epoch": None,
        "doubt_since": None,
        "doubt_attempt": None,
        "unwanted": False,
        "told": False,
        "posted_id": None,
        "posted_url": None,
        "memo": {},
        "error": None,
        "created_at": now,
        "settled_at": None,
    }


def made(number: int, values: Mapping[str, Any], stored: StoredPost) -> Delivery:
    """Return the delivery of a row that was inserted just now under a number, without reading it back."""
    post = {
        "source": stored.source.jid,
        "place": stored.source.place.value,
        "language": stored.language,
        "pictures": stored.pictures,
    }
    shown = {"visibility": stored.visibility and stored.visibility.value, "warning": stored.warning}
    return read(SimpleNamespace(id=number, **values, **post, **shown))


def changes(changed: Delivery, now: datetime) -> dict[str, Any]:
    """Return the parameters that write a delivery back."""
    return {
        "new_text": changed.text,
        "new_parent_id": changed.parent.id if changed.parent else None,
        "new_parent_memo": dict(changed.parent.memo) if changed.parent else {},
        "new_state": changed.state.value,
        "new_held": changed.held,
        "new_hold_until": changed.hold_until,
        "new_position": changed.position,
        "new_fresh_since": changed.fresh_since,
        "new_due_at": changed.due_at,
        "new_pause_ms": changed.pause // _MS if changed.pause is not None else None,
        "new_attempt": changed.attempt,
        "new_failures": changed.failures,
        "new_looks": changed.looks,
        "new_epoch": changed.epoch,
        "new_doubt_since": changed.doubt_since,
        "new_doubt_attempt": changed.doubt_attempt,
        "new_unwanted": changed.unwanted,
        "new_told": changed.told,
        "new_posted_id": changed.posted.id if changed.posted else None,
        "new_posted_url": changed.posted_url,
        "new_memo": dict(changed.posted.memo) if changed.posted else {},
        "new_error": changed.error,
        "new_settled_at": now if changed.state in FINAL else None,
    }


def read(row: Row[Any] | SimpleNamespace) -> Delivery:
    """Return the delivery of a row that carries its post's source, place, visibility, warning and language, too."""
    posted = None
    if row.posted_id is not None:
        posted = Posted(id=PostId(row.posted_id), url=row.posted_url, memo=row.memo)
    parent = None
    if row.parent_id is not None:
        parent = Ref(id=PostId(row.parent_id), memo=row.parent_memo)
    return Delivery(
        id=row.id,
        post=EntryId(row.post_id),
        source=Target(row.source, Place(row.place)),
        account=row.account,
        kind=DeliveryKind(row.kind),
        text=row.text,
        state=State(row.state),
        key=Key(token=row.key_token, minted_at=row.key_minted_at),
        fresh_since=row.fresh_since,
        part=row.part,
        parts=row.parts,
        parent=parent,
        follows=row.follows,
        visibility=Visibility(row.visibility) if row.visibility else None,
        warning=row.warning,
        language=row.language,
        pictures=row.pictures,
        held=row.held,
        hold_until=row.hold_until,
        position=row.position,
        due_at=row.due_at,
        pause=row.pause_ms * _MS if row.pause_ms is not None else None,
        attempt=row.attempt,
        failures=row.failures,
        looks=row.looks,
        epoch=row.epoch,
        doubt_since=row.doubt_since,
        doubt_attempt=row.doubt_attempt,
        unwanted=row.unwanted,
        told=row.told,
        posted=posted,
        posted_url=row.posted_url,
        error=row.error,
        created_at=row.created_at,
    )
