"""Posts that repeat or mark what somebody else said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        # Alembic adds no column with a foreign key there but by copying the table, and SQLite itself does.
        op.execute("ALTER TABLE post ADD COLUMN about INTEGER CONSTRAINT fk_post_about REFERENCES item (id)")
    else:
        op.add_column("post", sa.Column("about", _ID, nullable=True, comment="what it repeats or marks"))
        op.create_foreign_key(op.f("fk_post_about"), "post", "item", ["about"], ["id"])
        for column, says in _COMMENTS.items():
            op.alter_column("delivery", column, comment=says)
    op.create_index(op.f("ix_post_about"), "post", ["about"])


_COMMENTS = {"kind": "post | repeat | favour | edit | delete", "parent_id": "what it answers there, or is done to"}


def downgrade() -> None:
    raise NotImplementedError("restore a backup")
