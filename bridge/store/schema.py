"""The tables, and the literal predicates that partial indexes and queries share.

A bound parameter in a partial index's predicate makes SQLite scan, so the predicates are constants of text here.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)

from bridge.store.types import Reasons, SafeText, Utc

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite gives out row ids only to a column of exactly this type."""

DELIVERY_IN_LANE = "state IN ('ready', 'sending', 'uncertain')"
DELIVERY_HELD = "state = 'held'"
DELIVERY_SENT = "state = 'sent'"
DELIVERY_PUBLISHED = "posted_id IS NOT NULL"
NOTICE_PENDING = "state IN ('ready', 'sending')"
NOTICE_RECEIPT_READY = "kind = 'receipt' AND state = 'ready'"
NOTICE_RECEIPT = "receipt_id IS NOT NULL"
NOTICE_DONE = "state IN ('done', 'dropped')"
NOTICE_ARCHIVED = "stanza_id IS NOT NULL"
STANZA_NAMED = "name IS NOT NULL"
STANZA_TWICE = "other_name IS NOT NULL"
ITEM_OPEN = "state IN ('open', 'claimed')"


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


short_id = Table(
    "short_id",
    metadata,
    _id(),
    Column("kind", SafeText, nullable=False),
    sqlite_autoincrement=True,
    comment="The one sequence of posts, items and floods; a row is never deleted, so that an id is never reused.",
)

stanza = Table(
    "stanza",
    metadata,
    _id(),
    Column("archive", SafeText, nullable=False, comment="the room, or our own bare JID"),
    Column("key", SafeText, nullable=False, comment="its stanza-id there, or the fallback of the gate"),
    Column("sender", SafeText, nullable=False, comment="real bare JID"),
    Column("status", SafeText, nullable=False, comment="done | failed | late"),
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

item = Table(
    "item",
    metadata,
    Column("id", Id, ForeignKey("short_id.id"), primary_key=True, autoincrement=False),
    Column("account", SafeText, nullable=False),
    Column("platform_id", SafeText, nullable=False),
    Column("uri", SafeText, nullable=False),
    Column("author_id", SafeText, nullable=False),
    Column("author_handle", SafeText, nullable=False),
    Column("author_key", SafeText, nullable=False, comment="the handle as it is looked up: folded"),
    Column("author_local", SafeText, nullable=False, comment="its part before the @, folded"),
    Column("author_name", SafeText, nullable=False),
    Column("author_url", SafeText),
    Column("text", SafeText, nullable=False),
    Column("warning", SafeText),
    Column("language", SafeText),
    Column("visibility", SafeText, nullable=False),
    Column("url", SafeText),
    Column("in_reply_to", SafeText),
    Column("post_id", Id, ForeignKey("post.id", use_alter=True), comment="our post that it answers"),
    Column("media", JSON, nullable=False),
    Column("answer_prefix", SafeText, nullable=False),
    Column("memo", JSON, nullable=False),
    Column("raw", SafeText),
    Column("created_at", Utc, nullable=False),
    Column("received_at", Utc, nullable=False),
    Column("state", SafeText, nullable=False, comment="open | claimed | answered | done"),
    Column("claimed_by", SafeText),
    Column("claimed_at", Utc),
    Column("answered_at", Utc),
    Column("deleted_at", Utc, comment="when its author was found to have taken it back; what it said stays"),
    Column("claimed_as", SafeText, comment="what colleagues call them"),
    UniqueConstraint("account", "platform_id"),
    Index(None, "account", "uri"),
    Index(None, "author_local", "author_key", "id"),
    Index(None, "received_at"),
    Index("ix_item_open", "id", "state", sqlite_where=text(ITEM_OPEN), postgresql_where=text(ITEM_OPEN)),
)

note = Table(
    "note",
    metadata,
    _id(),
    Column("item_id", Id, ForeignKey("item.id"), nullable=False),
    Column("author", SafeText, nullable=False, comment="real bare JID"),
    Column("nick", SafeText, nullable=False, comment="what colleagues call the author"),
    Column("text", SafeText, nullable=False),
    Column("created_at", Utc, nullable=False),
    Index(None, "item_id"),
    sqlite_autoincrement=True,
    comment="What colleagues wrote about an item, for each other alone.",
)

post = Table(
    "post",
    metadata,
    Column("id", Id, ForeignKey("short_id.id"), primary_key=True, autoincrement=False),
    Column("author", SafeText, nullable=False, comment="real bare JID"),
    Column("nick", SafeText, nullable=False, comment="what colleagues call the author"),
    Column("source", SafeText, nullable=False, comment="the room, or the author's bare JID"),
    Column("place", SafeText, nullable=False, comment="room | direct"),
    Column("text", SafeText, nullable=False),
    Column("warning", SafeText),
    Column("visibility", SafeText),
    Column("language", SafeText),
    Column("answers", Id, ForeignKey("item.id")),
    Column("stanza_id", Id, ForeignKey("stanza.id", ondelete="SET NULL")),
    Column("hold_ms", Integer, nullable=False),
    Column("receipt_id", Id, nullable=False, comment="the post whose living receipt this one shares, or itself"),
    Column("revision", Integer, nullable=False),
    Column("created_at", Utc, nullable=False),
    Index(None, "source", "created_at"),
    Index(None, "receipt_id"),
    Index(None, "answers"),
    Index(None, "stanza_id"),
)

delivery = Table(
    "delivery",
    metadata,
    _id(),
    Column("post_id", Id, ForeignKey("post.id"), nullable=False),
    Column("account", SafeText, nullable=False),
    Column("kind", SafeText, nullable=False, comment="post | edit | delete"),
    Column("part", Integer, nullable=False),
    Column("parts", Integer, nullable=False),
    Column("text", SafeText, nullable=False),
    Column("parent_id", SafeText, comment="what it answers there"),
    Column("parent_memo", JSON, nullable=False),
    Column("follows", Id, ForeignKey("delivery.id"), comment="the part before it, or what it edits or deletes"),
    Column("state", SafeText, nullable=False),
    Column("held", Reasons, nullable=False),
    Column("hold_until", Utc),
    Column("position", Id, nullable=False, comment="order in the lane"),
    Column("fresh_since", Utc, nullable=False, comment="what max_age counts from"),
    Column("due_at", Utc),
    Column("pause_ms", BigInteger, comment="how long the wait until due_at was meant to be"),
    Column("key_token", SafeText, nullable=False),
    Column("key_minted_at", Utc, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("failures", Integer, nullable=False, comment="in a row, for the back-off"),
    Column("looks", Integer, nullable=False, comment="since the doubt began, that could not tell"),
    Column("epoch", SafeText, comment="the run of the program that made the last attempt"),
    Column("doubt_since", Utc),
    Column("doubt_attempt", Integer, comment="the attempt that the doubt began with"),
    Column("unwanted", Boolean, nullable=False, comment="to be deleted once found"),
    Column("told", Boolean, nullable=False, comment="a line told of trouble with it, so a line will tell of its end"),
    Column("posted_id", SafeText),
    Column("posted_url", SafeText),
    Column("memo", JSON, nullable=False),
    Column("error", SafeText),
    Column("created_at", Utc, nullable=False),
    Column("settled_at", Utc),
    UniqueConstraint("key_token"),
    Index(None, "post_id"),
    Index(None, "follows"),
    Index(
        "ix_delivery_lane",
        "account",
        "position",
        sqlite_where=text(DELIVERY_IN_LANE),
        postgresql_where=text(DELIVERY_IN_LANE),
    ),
    Index(None, "account", "position"),
    Index(
        "ix_delivery_held",
        "account",
        "hold_until",
        sqlite_where=text(DELIVERY_HELD),
        postgresql_where=text(DELIVERY_HELD),
    ),
    Index(
        "ix_delivery_published",
        "account",
        "posted_id",
        sqlite_where=text(DELIVERY_PUBLISHED),
        postgresql_where=text(DELIVERY_PUBLISHED),
    ),
    Index(
        "ix_delivery_known",
        "account",
        "settled_at",
        sqlite_where=text(DELIVERY_PUBLISHED),
        postgresql_where=text(DELIVERY_PUBLISHED),
    ),
    Index(
        "ix_delivery_sent",
        "settled_at",
        sqlite_where=text(DELIVERY_SENT),
        postgresql_where=text(DELIVERY_SENT),
    ),
    sqlite_autoincrement=True,
)

notice = Table(
    "notice",
    metadata,
    _id(),
    Column("target", SafeText, nullable=False),
    Column("place", SafeText, nullable=False, comment="room | direct"),
    Column("kind", SafeText, nullable=False, comment="line | receipt"),
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
    UniqueConstraint("origin_id"),
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

account_state = Table(
    "account_state",
    metadata,
    Column("account", SafeText, primary_key=True),
    Column("failures", Integer, nullable=False, comment="Unavailable in a row, for the breaker"),
    Column("open_cause", SafeText, comment="why the breaker is open"),
    Column("open_step", Integer, nullable=False, comment="probes that failed"),
    Column("probe_at", Utc),
    Column("told_at", Utc, comment="when the rooms were told so"),
    Column("deaf_told_at", Utc, comment="when the rooms were told that it can't be heard"),
)

keep = Table(
    "keep",
    metadata,
    Column("account", SafeText, primary_key=True),
    Column("name", SafeText, primary_key=True),
    Column("value", SafeText, nullable=False),
    comment="What plugins remember: tokens that rotate, sessions.",
)

control = Table(
    "control",
    metadata,
    Column("name", SafeText, primary_key=True, comment="panic"),
    Column("actor", SafeText, nullable=False),
    Column("at", Utc, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    _id(),
    Column("at", Utc, nullable=False),
    Column("actor", SafeText, nullable=False),
    Column("verb", SafeText, nullable=False),
    Column("entry", Id, comment="the post or item"),
    Column("account", SafeText),
    Column("stanza_id", Id),
    Column("content", SafeText, comment="may be forgotten; the digest stays"),
    Column("salt", SafeText, comment="goes with the content"),
    Column("digest", SafeText, nullable=False),
    Column("previous", SafeText, nullable=False),
    Column("hash", SafeText, nullable=False),
    UniqueConstraint("previous"),
    Index(None, "entry"),
    sqlite_autoincrement=True,
)
