"""Who was welcomed. Whoever is known by now has used the bot for long, and needs no welcome."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_UTC = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
_KNOWN = """
INSERT INTO welcome (jid, at)
SELECT jid, max(at) FROM (
    SELECT sender AS jid, received_at AS at FROM stanza UNION ALL SELECT author, created_at FROM post
) AS known GROUP BY jid
"""


def upgrade() -> None:
    op.create_table(
        "welcome",
        sa.Column("jid", sa.Text(), nullable=False, comment="real bare JID"),
        sa.Column("at", _UTC, nullable=False),
        sa.PrimaryKeyConstraint("jid", name=op.f("pk_welcome")),
        comment="Whom the bot has told who they are and what bare words do, the first time they wrote to it directly.",
    )
    op.execute(_KNOWN)


def downgrade() -> None:
    raise NotImplementedError("restore a backup")
