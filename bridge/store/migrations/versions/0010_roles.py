"""Roles that are offered, granted and denied in the chat."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_UTC = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "role",
        sa.Column("jid", sa.Text(), nullable=False, comment="bare JID"),
        sa.Column("state", sa.Text(), nullable=False, comment="offered | granted | denied"),
        sa.Column("role", sa.Text(), nullable=False, comment="staff | approver | admin"),
        sa.Column("actor", sa.Text(), nullable=False, comment="the admin who said so"),
        sa.Column("at", _UTC, nullable=False),
        sa.Column("expires_at", _UTC, nullable=True, comment="of an offer"),
        sa.PrimaryKeyConstraint("jid", "state", name=op.f("pk_role")),
        comment="What admins said in the chat of who may do what, over the configuration.",
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup")
