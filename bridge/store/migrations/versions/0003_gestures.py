"""By which names a later message may refer to one, and who has which reactions on ours."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_UTC = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    op.add_column("stanza", sa.Column("name", sa.Text(), nullable=True, comment="what its sender called it"))
    op.add_column("stanza", sa.Column("other_name", sa.Text(), nullable=True, comment="where its sender gave it two"))
    op.add_column("stanza", sa.Column("about", _ID, nullable=True, comment="the post that it changed"))
    _index("ix_stanza_name", "stanza", "name")
    _index("ix_stanza_other_name", "stanza", "other_name")
    _index("ix_notice_archived", "notice", "stanza_id")
    op.create_table(
        "reaction",
        sa.Column("message", sa.Text(), nullable=False, comment="origin id of the first form of a message of ours"),
        sa.Column("sender", sa.Text(), nullable=False, comment="real bare JID"),
        sa.Column("emojis", sa.JSON(), nullable=False, comment="those of them that mean something"),
        sa.Column("at", _UTC, nullable=False),
        sa.PrimaryKeyConstraint("message", "sender", name=op.f("pk_reaction")),
        comment="What somebody has on a message of ours now, so that the next change of it can be told.",
    )
    op.create_index(op.f("ix_reaction_at"), "reaction", ["at"])


def _index(name: str, table: str, column: str) -> None:
    filled = sa.text(f"{column} IS NOT NULL")
    op.create_index(name, table, [column], sqlite_where=filled, postgresql_where=filled)


def downgrade() -> None:
    raise NotImplementedError("restore a backup")
