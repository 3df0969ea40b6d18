"""When what customers said was answered, found by its time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_ANSWERED = sa.text("answered_at IS NOT NULL")


def upgrade() -> None:
    op.create_index("ix_item_answered", "item", ["answered_at"], sqlite_where=_ANSWERED, postgresql_where=_ANSWERED)


def downgrade() -> None:
    raise NotImplementedError("restore a backup")
