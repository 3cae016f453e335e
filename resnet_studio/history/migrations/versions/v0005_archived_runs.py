"""Archived runs: kept whole, left out of the lists until they are taken out again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "archived_runs",
        sa.Column("run_key", sa.Integer(), nullable=False),
        sa.Column("archived_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], name="fk_archived_runs_run_key_runs", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_key", name="pk_archived_runs"),
    )


def downgrade() -> None:
    op.drop_table("archived_runs")
