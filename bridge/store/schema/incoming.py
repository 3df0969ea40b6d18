"""What customers said, and what colleagues wrote about it."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Table, UniqueConstraint, text

from bridge.store.schema.base import Id, metadata, row_id
from bridge.store.types import SafeText, Utc

ITEM_OPEN = "state IN ('open', 'claimed')"
ITEM_ANSWERED = "answered_at IS NOT NULL"

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
    Index("ix_item_answered", "answered_at", sqlite_where=text(ITEM_ANSWERED), postgresql_where=text(ITEM_ANSWERED)),
)

note = Table(
    "note",
    metadata,
    row_id(),
    Column("item_id", Id, ForeignKey("item.id"), nullable=False),
    Column("author", SafeText, nullable=False, comment="real bare JID"),
    Column("nick", SafeText, nullable=False, comment="what colleagues call the author"),
    Column("text", SafeText, nullable=False),
    Column("created_at", Utc, nullable=False),
    Index(None, "item_id"),
    sqlite_autoincrement=True,
    comment="What colleagues wrote about an item, for each other alone.",
)

trial = Table(
    "trial",
    metadata,
    row_id(),
    Column("account", SafeText, nullable=False),
    Column("target", SafeText, nullable=False),
    Column("place", SafeText, nullable=False, comment="room | direct"),
    Column("created_at", Utc, nullable=False),
    UniqueConstraint("account", "target"),
    sqlite_autoincrement=True,
    comment="Which logins are to be tried for somebody in the chat.",
)

errand = Table(
    "errand",
    metadata,
    row_id(),
    Column("item_id", Id, ForeignKey("item.id"), nullable=False),
    Column("account", SafeText, nullable=False),
    Column("target", SafeText, nullable=False),
    Column("place", SafeText, nullable=False, comment="room | direct"),
    Column("private", Boolean, nullable=False, comment="what was said in private may be shown there"),
    Column("created_at", Utc, nullable=False),
    Index(None, "item_id"),
    sqlite_autoincrement=True,
    comment="What is to be asked of a platform for somebody in the chat.",
)
