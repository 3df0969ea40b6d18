"""What is published, while a correction of it waits: where that isn't made, the post says it again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("review", sa.Column("before", sa.Text(), comment="what is published, while a correction of it waits"))
    if op.get_context().dialect.name == "postgresql":  # SQLite keeps no comments
        op.alter_column(
            "stanza", "status", comment="done | failed | late | over", existing_comment="done | failed | late"
        )


def downgrade() -> None:
    raise NotImplementedError("restore a backup")
