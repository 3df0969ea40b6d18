"""What was said to us, and what we owe the chat."""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, Table, UniqueConstraint, text

from bridge.store.schema.base import Id, metadata, row_id
from bridge.store.types import SafeText, Utc

NOTICE_PENDING = "state IN ('ready', 'sending')"
NOTICE_RECEIPT_READY = "kind = 'receipt' AND state = 'ready'"
NOTICE_RECEIPT = "receipt_id IS NOT NULL"
NOTICE_DONE = "state IN ('done', 'dropped')"
NOTICE_ARCHIVED = "stanza_id IS NOT NULL"
NOTICE_TELLS = "tells IS NOT NULL"
NOTICE_ABOUT = "about IS NOT NULL"
STANZA_NAMED = "name IS NOT NULL"
STANZA_TWICE = "other_name IS NOT NULL"

stanza = Table(
    "stanza",
    metadata,
    row_id(),
    Column("archive", SafeText, nullable=False, comment="the room, or our own bare JID"),
    Column("key", SafeText, nullable=False, comment="its stanza-id there, or the fallback of the gate"),
    Column("sender", SafeText, nullable=False, comment="real bare JID"),
    Column("status", SafeText, nullable=False, comment="done | failed | late | over"),
    Column("received_at", Utc, nullable=False),
    Column("name", SafeText, comment="what its sender called it"),
    Column("other_name", SafeText, comment="where its sender gave it two"),
    Column("about", Id, comment="the post that it changed"),
    UniqueConstraint("archive", "key"),
    Index(None, "received_at"),
    Index("ix_stanza_name", "name", sqlite_where=text(STANZA_NAMED), postgresql_where=text(STANZA_NAMED)),
    Index("ix_stanza_other_name", "other_name", sqlite_where=text(STANZA_TWICE), postgresql_where=text(STANZA_TWICE)),
    sqlite_autoincrement=True,
)

notice = Table(
    "notice",
    metadata,
    row_id(),
    Column("target", SafeText, nullable=False),
    Column("place", SafeText, nullable=False, comment="room | direct"),
    Column("kind", SafeText, nullable=False, comment="line | receipt | reaction | retraction"),
    Column("state", SafeText, nullable=False),
    Column("origin_id", SafeText, nullable=False),
    Column("body", SafeText, nullable=False, comment="empty in a receipt that was not sent yet"),
    Column("receipt_id", Id, comment="the post whose living receipt it is, or the flood that it counts"),
    Column("post_id", Id, ForeignKey("post.id")),
    Column("item_id", Id, ForeignKey("item.id")),
    Column("corrects", SafeText, comment="origin id of the first message of the living receipt"),
    Column("nick", SafeText, comment="ours, when it was sent"),
    Column("stanza_id", SafeText, comment="the archive's id, from the echo"),
    Column("sends", Integer, nullable=False),
    Column("error", SafeText),
    Column("created_at", Utc, nullable=False),
    Column("due_at", Utc),
    Column("first_sent_at", Utc),
    Column("sent_at", Utc),
    Column("tells", Id, comment="the item that it tells of, as it is heard"),
    Column("about", SafeText, comment="origin id of the line it is done to"),
    UniqueConstraint("origin_id"),
    Index("ix_notice_tells", "tells", sqlite_where=text(NOTICE_TELLS), postgresql_where=text(NOTICE_TELLS)),
    Index("ix_notice_about", "about", sqlite_where=text(NOTICE_ABOUT), postgresql_where=text(NOTICE_ABOUT)),
    Index("ix_notice_pending", "id", sqlite_where=text(NOTICE_PENDING), postgresql_where=text(NOTICE_PENDING)),
    Index(
        "uq_notice_receipt_ready",
        "target",
        "receipt_id",
        unique=True,
        sqlite_where=text(NOTICE_RECEIPT_READY),
        postgresql_where=text(NOTICE_RECEIPT_READY),
    ),
    Index(
        "ix_notice_receipt",
        "receipt_id",
        "target",
        "id",
        sqlite_where=text(NOTICE_RECEIPT),
        postgresql_where=text(NOTICE_RECEIPT),
    ),
    Index(
        "ix_notice_archived",
        "stanza_id",
        sqlite_where=text(NOTICE_ARCHIVED),
        postgresql_where=text(NOTICE_ARCHIVED),
    ),
    Index("ix_notice_done", "sent_at", sqlite_where=text(NOTICE_DONE), postgresql_where=text(NOTICE_DONE)),
    sqlite_autoincrement=True,
)

reaction = Table(
    "reaction",
    metadata,
    Column("message", SafeText, primary_key=True, comment="origin id of the first form of a message of ours"),
    Column("sender", SafeText, primary_key=True, comment="real bare JID"),
    Column("emojis", JSON, nullable=False, comment="those of them that mean something"),
    Column("at", Utc, nullable=False),
    Index(None, "at"),
    comment="What somebody has on a message of ours now, so that the next change of it can be told.",
)

flood = Table(
    "flood",
    metadata,
    Column("id", Id, ForeignKey("short_id.id"), primary_key=True, autoincrement=False),
    Column("target", SafeText, nullable=False),
    Column("counted", Integer, nullable=False, comment="items that were not shown there"),
)

pace = Table(
    "pace",
    metadata,
    Column("target", SafeText, primary_key=True),
    Column("began_at", Utc, nullable=False, comment="the window"),
    Column("heard", Integer, nullable=False, comment="items in it"),
    Column("places", Integer, nullable=False, comment="that are left in it"),
    Column("reserved", Integer, nullable=False, comment="further ones, for what was said to us directly"),
    Column("flood_id", Id, ForeignKey("flood.id")),
    comment="How fast each conversation is told of items.",
)

cursor = Table(
    "cursor",
    metadata,
    Column("name", SafeText, primary_key=True, comment="archive: | items: | told: | closed:"),
    Column("value", SafeText, nullable=False),
    Column("moved_at", Utc, nullable=False),
)
