"""What people have set for themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "person",
        sa.Column("jid", sa.Text(), nullable=False, comment="real bare JID"),
        sa.Column("hold_ms", sa.Integer(), nullable=False, comment="their own undo window"),
        sa.PrimaryKeyConstraint("jid", name=op.f("pk_person")),
        comment="What people have set for themselves.",
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup")
