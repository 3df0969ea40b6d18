"""What goes out: posts, their pictures, and their deliveries."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, UniqueConstraint, text

from bridge.store.schema.base import Id, metadata, row_id
from bridge.store.types import Reasons, SafeText, Utc

DELIVERY_IN_LANE = "state IN ('ready', 'sending', 'uncertain')"
DELIVERY_HELD = "state = 'held'"
DELIVERY_SENT = "state = 'sent'"
DELIVERY_LEFT = "state IN ('dead', 'asked')"
DELIVERY_PUBLISHED = "posted_id IS NOT NULL"
TIMER_WAITING = "state = 'waiting'"
REVIEW_OPEN = "state IN ('author', 'waiting')"
PICTURE_WANTED = "state = 'wanted'"
PICTURE_READY = "state = 'ready'"
PICTURE_LOOSE = "post_id IS NULL AND state IN ('wanted', 'ready')"

short_id = Table(
    "short_id",
    metadata,
    row_id(),
    Column("kind", SafeText, nullable=False),
    sqlite_autoincrement=True,
    comment="The one sequence of posts, items and floods; a row is never deleted, so that an id is never reused.",
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
    Column("about", Id, ForeignKey("item.id"), comment="what it repeats or marks"),
    Column("stanza_id", Id, ForeignKey("stanza.id", ondelete="SET NULL")),
    Column("hold_ms", Integer, nullable=False),
    Column("pictures", Integer, nullable=False, server_default="0", comment="how many it has"),
    Column("receipt_id", Id, nullable=False, comment="the post whose living receipt this one shares, or itself"),
    Column("revision", Integer, nullable=False),
    Column("created_at", Utc, nullable=False),
    Index(None, "source", "created_at"),
    Index(None, "receipt_id"),
    Index(None, "answers"),
    Index(None, "about"),
    Index(None, "stanza_id"),
)

timer = Table(
    "timer",
    metadata,
    Column("post_id", Id, ForeignKey("post.id"), primary_key=True, autoincrement=False),
    Column("due_at", Utc, nullable=False),
    Column("zone", SafeText, nullable=False, comment="in which it is told"),
    Column("said", SafeText, nullable=False, comment="the time as the post's own line says it"),
    Column("state", SafeText, nullable=False, comment="waiting | asked"),
    Index(None, "due_at"),
    Index("ix_timer_waiting", "due_at", sqlite_where=text(TIMER_WAITING), postgresql_where=text(TIMER_WAITING)),
    comment="What is to go out at a time; the row goes in the commit that lets it out.",
)

review = Table(
    "review",
    metadata,
    Column("post_id", Id, ForeignKey("post.id"), primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False, comment="of the post, that it is about"),
    Column("rule", SafeText, nullable=False, comment="the names of the rules"),
    Column("why", SafeText, comment="why somebody else has to approve it"),
    Column("word", SafeText, comment="why its author has to say a second word"),
    Column("state", SafeText, nullable=False, comment="author | waiting | what was decided"),
    Column("expires_at", Utc, comment="until when it can be approved"),
    Column("actor", SafeText, comment="who decided it: a bare JID, or timer"),
    Column("decided_at", Utc),
    Column("before", SafeText, comment="what is published, while a correction of it waits"),
    Index("ix_review_open", "expires_at", sqlite_where=text(REVIEW_OPEN), postgresql_where=text(REVIEW_OPEN)),
    comment="What the rules say of a post that may not go out unseen; an edit puts its own in the place of it.",
)

review_ask = Table(
    "review_ask",
    metadata,
    Column("message", SafeText, primary_key=True, comment="origin id of our line"),
    Column("post_id", Id, ForeignKey("post.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("target", SafeText, nullable=False),
    Column("place", SafeText, nullable=False, comment="room | direct"),
    Index(None, "post_id"),
    comment="Which line asked about which revision, until the post is decided.",
)

picture = Table(
    "picture",
    metadata,
    row_id(),
    Column("url", SafeText, nullable=False, comment="where it was shared"),
    Column("sender", SafeText, nullable=False, comment="real bare JID"),
    Column("source", SafeText, nullable=False, comment="the room, or the sender's bare JID"),
    Column("place", SafeText, nullable=False, comment="room | direct"),
    Column("post_id", Id, ForeignKey("post.id"), comment="none while it waits for words"),
    Column("stanza_id", Id, ForeignKey("stanza.id", ondelete="SET NULL")),
    Column("alt", SafeText, nullable=False, comment="its description"),
    Column("state", SafeText, nullable=False, comment="wanted | ready | failed | dropped"),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Utc),
    Column("file", SafeText, comment="its name in the directory of pictures"),
    Column("type", SafeText, nullable=False),
    Column("size", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("frames", Integer, nullable=False),
    Column("error", SafeText),
    Column("created_at", Utc, nullable=False),
    Index(None, "post_id"),
    Index(None, "stanza_id"),
    Index(None, "url"),
    Index("ix_picture_wanted", "id", sqlite_where=text(PICTURE_WANTED), postgresql_where=text(PICTURE_WANTED)),
    Index("ix_picture_ready", "created_at", sqlite_where=text(PICTURE_READY), postgresql_where=text(PICTURE_READY)),
    Index(
        "ix_picture_loose",
        "sender",
        "source",
        sqlite_where=text(PICTURE_LOOSE),
        postgresql_where=text(PICTURE_LOOSE),
    ),
    sqlite_autoincrement=True,
    comment="What people shared to be published; the files are in the directory of pictures.",
)

delivery = Table(
    "delivery",
    metadata,
    row_id(),
    Column("post_id", Id, ForeignKey("post.id"), nullable=False),
    Column("account", SafeText, nullable=False),
    Column("kind", SafeText, nullable=False, comment="post | repeat | favour | edit | delete"),
    Column("part", Integer, nullable=False),
    Column("parts", Integer, nullable=False),
    Column("text", SafeText, nullable=False),
    Column("parent_id", SafeText, comment="what it answers there, or is done to"),
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
        "ix_delivery_left",
        "account",
        "state",
        sqlite_where=text(DELIVERY_LEFT),
        postgresql_where=text(DELIVERY_LEFT),
    ),
    Index(
        "ix_delivery_sent",
        "settled_at",
        sqlite_where=text(DELIVERY_SENT),
        postgresql_where=text(DELIVERY_SENT),
    ),
    sqlite_autoincrement=True,
)
