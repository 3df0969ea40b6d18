"""Pictures that people share, and how many a post has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_UTC = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    pictures = sa.Column("pictures", sa.Integer(), nullable=False, server_default="0", comment="how many it has")
    op.add_column("post", pictures)
    op.create_table(
        "picture",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("url", sa.Text(), nullable=False, comment="where it was shared"),
        sa.Column("sender", sa.Text(), nullable=False, comment="real bare JID"),
        sa.Column("source", sa.Text(), nullable=False, comment="the room, or the sender's bare JID"),
        sa.Column("place", sa.Text(), nullable=False, comment="room | direct"),
        sa.Column("post_id", _ID, nullable=True, comment="none while it waits for words"),
        sa.Column("stanza_id", _ID, nullable=True),
        sa.Column("alt", sa.Text(), nullable=False, comment="its description"),
        sa.Column("state", sa.Text(), nullable=False, comment="wanted | ready | failed | dropped"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", _UTC, nullable=True),
        sa.Column("file", sa.Text(), nullable=True, comment="its name in the directory of pictures"),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", _UTC, nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], name=op.f("fk_picture_post_id")),
        sa.ForeignKeyConstraint(["stanza_id"], ["stanza.id"], name=op.f("fk_picture_stanza_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_picture")),
        comment="What people shared to be published; the files are in the directory of pictures.",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_picture_post_id"), "picture", ["post_id"])
    op.create_index(op.f("ix_picture_stanza_id"), "picture", ["stanza_id"])
    op.create_index(op.f("ix_picture_url"), "picture", ["url"])
    _index("ix_picture_wanted", ["id"], "state = 'wanted'")
    _index("ix_picture_ready", ["created_at"], "state = 'ready'")
    _index("ix_picture_loose", ["sender", "source"], "post_id IS NULL AND state IN ('wanted', 'ready')")


def _index(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "picture", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    raise NotImplementedError("restore a backup")
