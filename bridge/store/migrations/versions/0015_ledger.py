"""Where a deed was said, what was decided about it, and what became of it, as part of the audit's chain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    version = sa.Column(
        "version", sa.Integer(), nullable=False, server_default="1", comment="by which rule it is hashed"
    )
    op.add_column("audit", version)
    for name, kind, comment in (
        ("archive", sa.Text(), "where it was said, when the stanza is forgotten, too"),
        ("key", sa.Text(), "its stanza-id there, or the fallback of the gate"),
        ("decision", sa.Text(), "what the policy made of it"),
        ("rule", sa.Text(), "of the policy"),
        ("delivery", _ID, "whose outcome it is"),
        ("platform_id", sa.Text(), "what the platform calls it"),
    ):
        op.add_column("audit", sa.Column(name, kind, nullable=True, comment=comment))


def downgrade() -> None:
    raise NotImplementedError("restore a backup")
