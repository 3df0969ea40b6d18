"""Accounts that are disabled in the chat, and logins that are tried for somebody."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_UTC = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "trial",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False, comment="room | direct"),
        sa.Column("created_at", _UTC, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trial")),
        sa.UniqueConstraint("account", "target", name=op.f("uq_trial_account_target")),
        sqlite_autoincrement=True,
        comment="Which logins are to be tried for somebody in the chat.",
    )
    if op.get_context().dialect.name == "postgresql":  # SQLite keeps no comments
        op.alter_column("control", "name", comment="panic | off:ACCOUNT | reload | history", existing_comment="panic")


def downgrade() -> None:
    raise NotImplementedError("restore a backup")
