"""What goes out at a time, and the zone in which somebody says one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_UTC = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
_WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    op.create_table(
        "timer",
        sa.Column("post_id", _ID, autoincrement=False, nullable=False),
        sa.Column("due_at", _UTC, nullable=False),
        sa.Column("zone", sa.Text(), nullable=False, comment="in which it is told"),
        sa.Column("said", sa.Text(), nullable=False, comment="the time as the post's own line says it"),
        sa.Column("state", sa.Text(), nullable=False, comment="waiting | asked"),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], name=op.f("fk_timer_post_id")),
        sa.PrimaryKeyConstraint("post_id", name=op.f("pk_timer")),
        comment="What is to go out at a time; the row goes in the commit that lets it out.",
    )
    op.create_index(op.f("ix_timer_due_at"), "timer", ["due_at"])
    op.create_index("ix_timer_waiting", "timer", ["due_at"], sqlite_where=_WAITING, postgresql_where=_WAITING)
    with op.batch_alter_table("person") as person:
        person.alter_column("hold_ms", existing_type=sa.Integer(), nullable=True)
        person.add_column(sa.Column("zone", sa.Text(), nullable=True, comment="in which they say times"))


def downgrade() -> None:
    raise NotImplementedError("restore a backup")
