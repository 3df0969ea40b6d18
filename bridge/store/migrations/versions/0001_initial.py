"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_UTC = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    _account_state()
    _audit()
    _control()
    _cursor()
    _keep()
    _short_id()
    _stanza()
    _item()
    _post()
    _delivery()
    _notice()
    _flood()
    _pace()
    if op.get_bind().dialect.name == "postgresql":
        op.create_foreign_key(op.f("fk_item_post_id"), "item", "post", ["post_id"], ["id"])


def downgrade() -> None:
    raise NotImplementedError("restore a backup")


def _to_post() -> list[sa.ForeignKeyConstraint]:
    # SQLite can't add it later, PostgreSQL can't refer to a table that isn't there yet.
    if op.get_bind().dialect.name == "postgresql":
        return []
    return [sa.ForeignKeyConstraint(["post_id"], ["post.id"], name=op.f("fk_item_post_id"))]


def _account_state() -> None:
    op.create_table(
        "account_state",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False, comment="Unavailable in a row, for the breaker"),
        sa.Column("open_cause", sa.Text(), nullable=True, comment="why the breaker is open"),
        sa.Column("open_step", sa.Integer(), nullable=False, comment="probes that failed"),
        sa.Column("probe_at", _UTC, nullable=True),
        sa.Column("told_at", _UTC, nullable=True, comment="when the rooms were told so"),
        sa.Column("deaf_told_at", _UTC, nullable=True, comment="when the rooms were told that it can't be heard"),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_account_state")),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("at", _UTC, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("entry", _ID, nullable=True, comment="the post or item"),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("stanza_id", _ID, nullable=True),
        sa.Column("content", sa.Text(), nullable=True, comment="may be forgotten; the digest stays"),
        sa.Column("salt", sa.Text(), nullable=True, comment="goes with the content"),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sa.UniqueConstraint("previous", name=op.f("uq_audit_previous")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_audit_entry"), "audit", ["entry"], unique=False)


def _control() -> None:
    op.create_table(
        "control",
        sa.Column("name", sa.Text(), nullable=False, comment="panic"),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", _UTC, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_control")),
    )


def _cursor() -> None:
    op.create_table(
        "cursor",
        sa.Column("name", sa.Text(), nullable=False, comment="archive: | items: | told: | closed:"),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("moved_at", _UTC, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cursor")),
    )


def _keep() -> None:
    op.create_table(
        "keep",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account", "name", name=op.f("pk_keep")),
        comment="What plugins remember: tokens that rotate, sessions.",
    )


def _short_id() -> None:
    op.create_table(
        "short_id",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_short_id")),
        comment="The one sequence of posts, items and floods; a row is never deleted, so that an id is never reused.",
        sqlite_autoincrement=True,
    )


def _stanza() -> None:
    op.create_table(
        "stanza",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("archive", sa.Text(), nullable=False, comment="the room, or our own bare JID"),
        sa.Column("key", sa.Text(), nullable=False, comment="its stanza-id there, or the fallback of the gate"),
        sa.Column("sender", sa.Text(), nullable=False, comment="real bare JID"),
        sa.Column("status", sa.Text(), nullable=False, comment="done | failed | late"),
        sa.Column("received_at", _UTC, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stanza")),
        sa.UniqueConstraint("archive", "key", name=op.f("uq_stanza_archive_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_stanza_received_at"), "stanza", ["received_at"], unique=False)


def _item() -> None:
    op.create_table(
        "item",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("platform_id", sa.Text(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Text(), nullable=False),
        sa.Column("author_handle", sa.Text(), nullable=False),
        sa.Column("author_key", sa.Text(), nullable=False, comment="the handle as it is looked up: folded"),
        sa.Column("author_local", sa.Text(), nullable=False, comment="its part before the @, folded"),
        sa.Column("author_name", sa.Text(), nullable=False),
        sa.Column("author_url", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("warning", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("visibility", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("in_reply_to", sa.Text(), nullable=True),
        sa.Column("post_id", _ID, nullable=True, comment="our post that it answers"),
        sa.Column("media", sa.JSON(), nullable=False),
        sa.Column("answer_prefix", sa.Text(), nullable=False),
        sa.Column("memo", sa.JSON(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=True),
        sa.Column("created_at", _UTC, nullable=False),
        sa.Column("received_at", _UTC, nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="open | claimed | answered | done"),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("claimed_at", _UTC, nullable=True),
        sa.Column("answered_at", _UTC, nullable=True),
        sa.Column(
            "deleted_at",
            _UTC,
            nullable=True,
            comment="when its author was found to have taken it back; what it said stays",
        ),
        sa.ForeignKeyConstraint(["id"], ["short_id.id"], name=op.f("fk_item_id")),
        *_to_post(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item")),
        sa.UniqueConstraint("account", "platform_id", name=op.f("uq_item_account_platform_id")),
    )
    op.create_index(op.f("ix_item_account_uri"), "item", ["account", "uri"], unique=False)
    op.create_index(
        op.f("ix_item_author_local_author_key_id"), "item", ["author_local", "author_key", "id"], unique=False
    )
    op.create_index(
        "ix_item_open",
        "item",
        ["id", "state"],
        unique=False,
        sqlite_where=sa.text("state IN ('open', 'claimed')"),
        postgresql_where=sa.text("state IN ('open', 'claimed')"),
    )
    op.create_index(op.f("ix_item_received_at"), "item", ["received_at"], unique=False)


def _post() -> None:
    op.create_table(
        "post",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("author", sa.Text(), nullable=False, comment="real bare JID"),
        sa.Column("nick", sa.Text(), nullable=False, comment="what colleagues call the author"),
        sa.Column("source", sa.Text(), nullable=False, comment="the room, or the author's bare JID"),
        sa.Column("place", sa.Text(), nullable=False, comment="room | direct"),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("warning", sa.Text(), nullable=True),
        sa.Column("visibility", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("answers", _ID, nullable=True),
        sa.Column("stanza_id", _ID, nullable=True),
        sa.Column("hold_ms", sa.Integer(), nullable=False),
        sa.Column(
            "receipt_id", _ID, nullable=False, comment="the post whose living receipt this one shares, or itself"
        ),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", _UTC, nullable=False),
        sa.ForeignKeyConstraint(["answers"], ["item.id"], name=op.f("fk_post_answers")),
        sa.ForeignKeyConstraint(["id"], ["short_id.id"], name=op.f("fk_post_id")),
        sa.ForeignKeyConstraint(["stanza_id"], ["stanza.id"], name=op.f("fk_post_stanza_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post")),
    )
    op.create_index(op.f("ix_post_answers"), "post", ["answers"], unique=False)
    op.create_index(op.f("ix_post_receipt_id"), "post", ["receipt_id"], unique=False)
    op.create_index(op.f("ix_post_source_created_at"), "post", ["source", "created_at"], unique=False)
    op.create_index(op.f("ix_post_stanza_id"), "post", ["stanza_id"], unique=False)


def _delivery() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("post_id", _ID, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="post | edit | delete"),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Text(), nullable=True, comment="what it answers there"),
        sa.Column("parent_memo", sa.JSON(), nullable=False),
        sa.Column("follows", _ID, nullable=True, comment="the part before it, or what it edits or deletes"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("held", sa.Text(), nullable=False),
        sa.Column("hold_until", _UTC, nullable=True),
        sa.Column("position", _ID, nullable=False, comment="order in the lane"),
        sa.Column("fresh_since", _UTC, nullable=False, comment="what max_age counts from"),
        sa.Column("due_at", _UTC, nullable=True),
        sa.Column("pause_ms", sa.BigInteger(), nullable=True, comment="how long the wait until due_at was meant to be"),
        sa.Column("key_token", sa.Text(), nullable=False),
        sa.Column("key_minted_at", _UTC, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False, comment="in a row, for the back-off"),
        sa.Column("looks", sa.Integer(), nullable=False, comment="since the doubt began, that could not tell"),
        sa.Column("epoch", sa.Text(), nullable=True, comment="the run of the program that made the last attempt"),
        sa.Column("doubt_since", _UTC, nullable=True),
        sa.Column("doubt_attempt", sa.Integer(), nullable=True, comment="the attempt that the doubt began with"),
        sa.Column("unwanted", sa.Boolean(), nullable=False, comment="to be deleted once found"),
        sa.Column(
            "told",
            sa.Boolean(),
            nullable=False,
            comment="a line told of trouble with it, so a line will tell of its end",
        ),
        sa.Column("posted_id", sa.Text(), nullable=True),
        sa.Column("posted_url", sa.Text(), nullable=True),
        sa.Column("memo", sa.JSON(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", _UTC, nullable=False),
        sa.Column("settled_at", _UTC, nullable=True),
        sa.ForeignKeyConstraint(["follows"], ["delivery.id"], name=op.f("fk_delivery_follows")),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], name=op.f("fk_delivery_post_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("key_token", name=op.f("uq_delivery_key_token")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_delivery_account_position"), "delivery", ["account", "position"], unique=False)
    op.create_index(op.f("ix_delivery_follows"), "delivery", ["follows"], unique=False)
    op.create_index(
        "ix_delivery_held",
        "delivery",
        ["account", "hold_until"],
        unique=False,
        sqlite_where=sa.text("state = 'held'"),
        postgresql_where=sa.text("state = 'held'"),
    )
    op.create_index(
        "ix_delivery_known",
        "delivery",
        ["account", "settled_at"],
        unique=False,
        sqlite_where=sa.text("posted_id IS NOT NULL"),
        postgresql_where=sa.text("posted_id IS NOT NULL"),
    )
    op.create_index(
        "ix_delivery_lane",
        "delivery",
        ["account", "position"],
        unique=False,
        sqlite_where=sa.text("state IN ('ready', 'sending', 'uncertain')"),
        postgresql_where=sa.text("state IN ('ready', 'sending', 'uncertain')"),
    )
    op.create_index(op.f("ix_delivery_post_id"), "delivery", ["post_id"], unique=False)
    op.create_index(
        "ix_delivery_published",
        "delivery",
        ["account", "posted_id"],
        unique=False,
        sqlite_where=sa.text("posted_id IS NOT NULL"),
        postgresql_where=sa.text("posted_id IS NOT NULL"),
    )
    op.create_index(
        "ix_delivery_sent",
        "delivery",
        ["settled_at"],
        unique=False,
        sqlite_where=sa.text("state = 'sent'"),
        postgresql_where=sa.text("state = 'sent'"),
    )


def _notice() -> None:
    op.create_table(
        "notice",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False, comment="room | direct"),
        sa.Column("kind", sa.Text(), nullable=False, comment="line | receipt"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("origin_id", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False, comment="empty in a receipt that was not sent yet"),
        sa.Column(
            "receipt_id", _ID, nullable=True, comment="the post whose living receipt it is, or the flood that it counts"
        ),
        sa.Column("post_id", _ID, nullable=True),
        sa.Column("item_id", _ID, nullable=True),
        sa.Column("corrects", sa.Text(), nullable=True, comment="origin id of the first message of the living receipt"),
        sa.Column("nick", sa.Text(), nullable=True, comment="ours, when it was sent"),
        sa.Column("stanza_id", sa.Text(), nullable=True, comment="the archive's id, from the echo"),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", _UTC, nullable=False),
        sa.Column("due_at", _UTC, nullable=True),
        sa.Column("first_sent_at", _UTC, nullable=True),
        sa.Column("sent_at", _UTC, nullable=True),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_notice_item_id")),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], name=op.f("fk_notice_post_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("origin_id", name=op.f("uq_notice_origin_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_notice_done",
        "notice",
        ["sent_at"],
        unique=False,
        sqlite_where=sa.text("state IN ('done', 'dropped')"),
        postgresql_where=sa.text("state IN ('done', 'dropped')"),
    )
    op.create_index(
        "ix_notice_pending",
        "notice",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state IN ('ready', 'sending')"),
        postgresql_where=sa.text("state IN ('ready', 'sending')"),
    )
    op.create_index(
        "ix_notice_receipt",
        "notice",
        ["receipt_id", "target", "id"],
        unique=False,
        sqlite_where=sa.text("receipt_id IS NOT NULL"),
        postgresql_where=sa.text("receipt_id IS NOT NULL"),
    )
    op.create_index(
        "uq_notice_receipt_ready",
        "notice",
        ["target", "receipt_id"],
        unique=True,
        sqlite_where=sa.text("kind = 'receipt' AND state = 'ready'"),
        postgresql_where=sa.text("kind = 'receipt' AND state = 'ready'"),
    )


def _flood() -> None:
    op.create_table(
        "flood",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("counted", sa.Integer(), nullable=False, comment="items that were not shown there"),
        sa.ForeignKeyConstraint(["id"], ["short_id.id"], name=op.f("fk_flood_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flood")),
    )


def _pace() -> None:
    op.create_table(
        "pace",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("began_at", _UTC, nullable=False, comment="the window"),
        sa.Column("heard", sa.Integer(), nullable=False, comment="items in it"),
        sa.Column("places", sa.Integer(), nullable=False, comment="that are left in it"),
        sa.Column("reserved", sa.Integer(), nullable=False, comment="further ones, for what was said to us directly"),
        sa.Column("flood_id", _ID, nullable=True),
        sa.ForeignKeyConstraint(["flood_id"], ["flood.id"], name=op.f("fk_pace_flood_id")),
        sa.PrimaryKeyConstraint("target", name=op.f("pk_pace")),
        comment="How fast each conversation is told of items.",
    )
