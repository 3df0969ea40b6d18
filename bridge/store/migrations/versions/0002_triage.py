"""Who claimed an item, under which name, and what colleagues note about it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_UTC = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    op.add_column("item", sa.Column("claimed_as", sa.Text(), nullable=True, comment="what colleagues call them"))
    op.create_table(
        "note",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("item_id", _ID, nullable=False),
        sa.Column("author", sa.Text(), nullable=False, comment="real bare JID"),
        sa.Column("nick", sa.Text(), nullable=False, comment="what colleagues call the author"),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", _UTC, nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_note_item_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_note")),
        sqlite_autoincrement=True,
        comment="What colleagues wrote about an item, for each other alone.",
    )
    op.create_index(op.f("ix_note_item_id"), "note", ["item_id"])


def downgrade() -> None:
    raise NotImplementedError("restore a backup")
