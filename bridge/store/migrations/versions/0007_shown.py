"""What is done to our own lines: which tell of an item, and which others react to them or retract them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_KINDS = "line | receipt | reaction | retraction"


def upgrade() -> None:
    op.add_column("notice", sa.Column("tells", _ID, nullable=True, comment="the item that it tells of, as it is heard"))
    op.add_column("notice", sa.Column("about", sa.Text(), nullable=True, comment="origin id of the line it is done to"))
    if op.get_bind().dialect.name != "sqlite":
        op.alter_column("notice", "kind", comment=_KINDS)
    _index("ix_notice_tells", "tells")
    _index("ix_notice_about", "about")


def _index(name: str, column: str) -> None:
    filled = sa.text(f"{column} IS NOT NULL")
    op.create_index(name, "notice", [column], sqlite_where=filled, postgresql_where=filled)


def downgrade() -> None:
    raise NotImplementedError("restore a backup")
