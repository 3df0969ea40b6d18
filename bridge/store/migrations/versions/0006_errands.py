"""What is asked of platforms for people in the chat."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_UTC = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "errand",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("item_id", _ID, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False, comment="room | direct"),
        sa.Column("private", sa.Boolean(), nullable=False, comment="what was said in private may be shown there"),
        sa.Column("created_at", _UTC, nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_errand_item_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_errand")),
        sqlite_autoincrement=True,
        comment="What is to be asked of a platform for somebody in the chat.",
    )
    op.create_index(op.f("ix_errand_item_id"), "errand", ["item_id"])


def downgrade() -> None:
    raise NotImplementedError("restore a backup")
