"""What waits for somebody's word before it may go out: one row for each post that a rule applies to.

The row names the revision that it is about. Which line of ours asked about which revision is kept until it is decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, insert, literal_column, select, text, update

from bridge.domain.ids import EntryId
from bridge.domain.people import Place, Target
from bridge.domain.reviews import Review, ReviewState
from bridge.store import timers
from bridge.store.schema import REVIEW_OPEN, audit, review, review_ask
from bridge.store.sql import insert_or_replace

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.store.tx import AnyRow, Tx

_OF_POST = review.c.post_id == bindparam("entry")
_GET = select(review).where(_OF_POST)
_PUT = insert_or_replace(review)
_DECIDE = (
    update(review)
    .where(_OF_POST, review.c.revision == bindparam("of_revision"), text(REVIEW_OPEN))
    .values(state=bindparam("new_state"), actor=bindparam("by"), decided_at=bindparam("at"), before=None)
)
_ASKED = (
    update(review)
    .where(_OF_POST, review.c.state == literal_column(f"'{ReviewState.AUTHOR.value}'"))
    .values(state=ReviewState.WAITING.value)
)
_EXPIRED = (
    select(review.c.post_id)
    .where(text(REVIEW_OPEN), review.c.expires_at <= bindparam("now"))
    .order_by(review.c.expires_at)
    .limit(bindparam("most"))
)
_NEXT = select(func.min(review.c.expires_at)).where(text(REVIEW_OPEN))
_NOTE = insert(review_ask)
_REVISION = select(review_ask.c.revision).where(review_ask.c.message == bindparam("of_message"))
_TARGETS = (
    select(review_ask.c.target, review_ask.c.place, func.min(review_ask.c.message).label("first"))
    .where(review_ask.c.post_id == bindparam("entry"))
    .group_by(review_ask.c.target, review_ask.c.place)
    .order_by(review_ask.c.target)
)
_FORGET = delete(review_ask).where(review_ask.c.post_id == bindparam("entry"))
_EDITORS = (
    select(audit.c.actor)
    .where(audit.c.entry == bindparam("entry"), audit.c.verb.in_([literal_column("'edit'"), literal_column("'alt'")]))
    .distinct()
)


def get(tx: Tx, entry: EntryId) -> Review | None:
    """Return what the rules say of a post; None where they never said anything."""
    row = tx.row(_GET, {"entry": entry})
    return None if row is None else _review(row)


def put(tx: Tx, one: Review) -> None:
    """Have a post wait for somebody's word, whatever was decided of an older revision."""
    values = {
        "post_id": one.post,
        "revision": one.revision,
        "rule": one.rule,
        "why": one.why,
        "word": one.word,
        "state": one.state.value,
        "expires_at": one.expires_at,
        "actor": one.actor,
        "decided_at": None,
        "before": one.before,
    }
    tx.execute(_PUT[tx.dialect], values)
    tx.wake(timers.TOPIC)


def asked(tx: Tx, entry: EntryId) -> bool:
    """Note that those who may approve it are asked now; False where they were before, or needn't be."""
    return tx.changed(_ASKED, {"entry": entry}) == 1


def decide(tx: Tx, one: Review, state: ReviewState, *, actor: str, at: datetime) -> bool:
    """Settle a review, once; False where it is settled, or about another revision by now."""
    values = {"entry": one.post, "of_revision": one.revision, "new_state": state.value, "by": actor, "at": at}
    return tx.changed(_DECIDE, values) == 1


def expired(tx: Tx, now: datetime, most: int) -> list[EntryId]:
    """Return the posts that nobody has approved in time, the first one first."""
    return [EntryId(row.post_id) for row in tx.rows(_EXPIRED, {"now": now, "most": most})]


def next_expiry(tx: Tx) -> datetime | None:
    """Return when the next one expires; None where nothing does."""
    found: datetime | None = tx.scalar(_NEXT)
    return found


def note_ask(tx: Tx, message: str, one: Review, target: Target) -> None:
    """Note that a line of ours, by its origin id, asks about this revision."""
    values = {"message": message, "post_id": one.post, "revision": one.revision}
    tx.execute(_NOTE, {**values, "target": target.jid, "place": target.place.value})


def revision_of(tx: Tx, message: str) -> int | None:
    """Return which revision a line of ours asks about; None where it asks about none that is open."""
    found: int | None = tx.scalar(_REVISION, {"of_message": message})
    return found


def asked_in(tx: Tx, entry: EntryId) -> tuple[Target, ...]:
    """Return the conversations that were asked about a post."""
    return tuple(Target(row.target, Place(row.place)) for row in tx.rows(_TARGETS, {"entry": entry}))


def forget_asks(tx: Tx, entry: EntryId) -> None:
    """Forget which lines asked about a post that is decided."""
    tx.execute(_FORGET, {"entry": entry})


def editors(tx: Tx, entry: EntryId) -> frozenset[str]:
    """Return who has changed a post, by bare JID."""
    return frozenset(row.actor for row in tx.rows(_EDITORS, {"entry": entry}))


def _review(row: AnyRow) -> Review:
    return Review(
        post=EntryId(row.post_id),
        revision=row.revision,
        rule=row.rule,
        why=row.why,
        word=row.word,
        state=ReviewState(row.state),
        expires_at=row.expires_at,
        actor=row.actor,
        before=row.before,
    )
