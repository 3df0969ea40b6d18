"""The tables, and the literal predicates that partial indexes and queries share.

A bound parameter in a partial index's predicate makes SQLite scan, so the predicates are constants of text here.
"""

from __future__ import annotations

from bridge.store.schema.base import metadata
from bridge.store.schema.chat import (
    NOTICE_ABOUT,
    NOTICE_ARCHIVED,
    NOTICE_DONE,
    NOTICE_PENDING,
    NOTICE_RECEIPT,
    NOTICE_RECEIPT_READY,
    NOTICE_TELLS,
    STANZA_NAMED,
    STANZA_TWICE,
    cursor,
    flood,
    notice,
    pace,
    reaction,
    stanza,
)
from bridge.store.schema.house import account_state, audit, control, keep, person, role, welcome
from bridge.store.schema.incoming import ITEM_ANSWERED, ITEM_OPEN, errand, item, note, trial
from bridge.store.schema.outgoing import (
    DELIVERY_HELD,
    DELIVERY_IN_LANE,
    DELIVERY_LEFT,
    DELIVERY_PUBLISHED,
    DELIVERY_SENT,
    PICTURE_LOOSE,
    PICTURE_READY,
    PICTURE_WANTED,
    TIMER_WAITING,
    delivery,
    picture,
    post,
    short_id,
    timer,
)

__all__ = [
    "DELIVERY_HELD",
    "DELIVERY_IN_LANE",
    "DELIVERY_LEFT",
    "DELIVERY_PUBLISHED",
    "DELIVERY_SENT",
    "ITEM_ANSWERED",
    "ITEM_OPEN",
    "NOTICE_ABOUT",
    "NOTICE_ARCHIVED",
    "NOTICE_DONE",
    "NOTICE_PENDING",
    "NOTICE_RECEIPT",
    "NOTICE_RECEIPT_READY",
    "NOTICE_TELLS",
    "PICTURE_LOOSE",
    "PICTURE_READY",
    "PICTURE_WANTED",
    "STANZA_NAMED",
    "STANZA_TWICE",
    "TIMER_WAITING",
    "account_state",
    "audit",
    "control",
    "cursor",
    "delivery",
    "errand",
    "flood",
    "item",
    "keep",
    "metadata",
    "note",
    "notice",
    "pace",
    "person",
    "picture",
    "post",
    "reaction",
    "role",
    "short_id",
    "stanza",
    "timer",
    "trial",
    "welcome",
]
