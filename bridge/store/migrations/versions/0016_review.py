"""What waits for approval, or for a second word of its author, and which lines asked for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_UTC = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
_OPEN = sa.text("state IN ('author', 'waiting')")


def upgrade() -> None:
    op.create_table(
        "review",
        sa.Column("post_id", _ID, autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False, comment="of the post, that it is about"),
        sa.Column("rule", sa.Text(), nullable=False, comment="the names of the rules"),
        sa.Column("why", sa.Text(), comment="why somebody else has to approve it"),
        sa.Column("word", sa.Text(), comment="why its author has to say a second word"),
        sa.Column("state", sa.Text(), nullable=False, comment="author | waiting | what was decided"),
        sa.Column("expires_at", _UTC, comment="until when it can be approved"),
        sa.Column("actor", sa.Text(), comment="who decided it: a bare JID, or timer"),
        sa.Column("decided_at", _UTC),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], name=op.f("fk_review_post_id")),
        sa.PrimaryKeyConstraint("post_id", name=op.f("pk_review")),
        comment="What the rules say of a post that may not go out unseen; an edit puts its own in the place of it.",
    )
    op.create_index("ix_review_open", "review", ["expires_at"], sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_table(
        "review_ask",
        sa.Column("message", sa.Text(), nullable=False, comment="origin id of our line"),
        sa.Column("post_id", _ID, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False, comment="room | direct"),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], name=op.f("fk_review_ask_post_id")),
        sa.PrimaryKeyConstraint("message", name=op.f("pk_review_ask")),
        comment="Which line asked about which revision, until the post is decided.",
    )
    op.create_index(op.f("ix_review_ask_post_id"), "review_ask", ["post_id"])


def downgrade() -> None:
    raise NotImplementedError("restore a backup")
