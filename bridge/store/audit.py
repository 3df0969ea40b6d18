"""The audit: who did what, append-only, each row bound to the one before it.

A row's hash covers the former row's hash and all its fields, but of its content only a salted digest: content can be
forgotten, with its salt, and the chain still holds. Whoever knows the head (count and hash) of some day sees also
that the tail was cut off.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, insert, select, update

from bridge.store.schema import audit
from bridge.store.types import fixed, storable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from bridge.store.tx import AnyRow, Tx

START = "0" * 64
"""What the first row is bound to."""
_STEP = 500

_LAST = select(audit.c.hash).order_by(audit.c.id.desc()).limit(1)
_COUNT = select(func.count()).select_from(audit)
_INSERT = insert(audit).returning(audit.c.id)
_FORGET = update(audit).where(audit.c.entry == bindparam("about")).values(content=None, salt=None)
_NEXT = select(audit).where(audit.c.id > bindparam("after")).order_by(audit.c.id).limit(_STEP)


@dataclass(frozen=True, slots=True)
class Head:
    """How long the chain is, and its last hash (`START` where it is empty)."""

    count: int
    hash: str


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
    content: str | None = None,
) -> int:
    """Record a deed in its own transaction and return the row's number.

    `actor` is a bare JID, `salt` a fresh random text that nobody could guess, made outside the unit.
    """
    previous = tx.scalar(_LAST) or START
    content, actor, verb = (None if content is None else storable(content)), storable(actor), storable(verb)
    account = None if account is None else storable(account)
    digest = _digest(salt, content)
    return tx.scalar(
        _INSERT,
        {
            "at": at,
            "actor": actor,
            "verb": verb,
            "entry": entry,
            "account": account,
            "stanza_id": stanza,
            "content": content,
            "salt": salt,
            "digest": digest,
            "previous": previous,
            "hash": _hash(previous, fixed(at), actor, verb, entry, account, stanza, digest),
        },
    )


def forget(tx: Tx, entry: int) -> int:
    """Forget the content of all rows about a post or item; return how many. The chain still holds."""
    return tx.changed(_FORGET, {"about": entry})


def verify(tx: Tx, head: Head | None = None) -> int | None:
    """Return the number of the first row that isn't as it was written, None where all are.

    With a head that was noted once, the chain must still go through it: else 0 is returned.
    """
    previous, count = START, 0
    passed = head is None or head == Head(0, START)
    for row in _all(tx):
        if row.previous != previous or row.hash != _expected(row) or not _content_holds(row):
            return row.id
        previous, count = row.hash, count + 1
        passed = passed or Head(count, previous) == head
    return None if passed else 0


def head(tx: Tx) -> Head:
    """Return the chain's length and last hash."""
    return Head(tx.scalar(_COUNT), tx.scalar(_LAST) or START)


def _all(tx: Tx) -> Iterator[AnyRow]:
    after = 0
    while rows := tx.rows(_NEXT, {"after": after}):
        yield from rows
        after = rows[-1].id


def _expected(row: AnyRow) -> str:
    return _hash(row.previous, fixed(row.at), row.actor, row.verb, row.entry, row.account, row.stanza_id, row.digest)


def _content_holds(row: AnyRow) -> bool:
    if row.salt is None:
        return row.content is None
    return _digest(row.salt, row.content) == row.digest


def _digest(salt: str, content: str | None) -> str:
    return _hash(salt, content)


def _hash(*fields: str | int | None) -> str:
    return hashlib.sha256(json.dumps(fields, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()
