"""What was left to people, found by its account."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_LEFT = sa.text("state IN ('dead', 'asked')")


def upgrade() -> None:
    op.create_index("ix_delivery_left", "delivery", ["account", "state"], sqlite_where=_LEFT, postgresql_where=_LEFT)


def downgrade() -> None:
    raise NotImplementedError("restore a backup")
