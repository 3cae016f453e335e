"""Analyses: what was found inside networks, with definition, settings and images."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from resnet_studio.history.column_types import whole, words

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "analyses",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("id", words(32), nullable=False),
        sa.Column("analysis", words(32), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("data_seed", whole(), nullable=False),
        sa.Column("data_sha256", words(64), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("seed", whole(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_analyses"),
        sa.UniqueConstraint("id", name="uq_analyses_id"),
    )
    op.create_index("ix_analyses_analysis", "analyses", ["analysis"])

    op.create_table(
        "analysis_members",
        sa.Column("analysis_key", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("run_key", sa.Integer(), nullable=False),
        sa.Column("weights_sha256", words(64), nullable=False),
        sa.Column("iteration", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["analysis_key"],
            ["analyses.key"],
            name="fk_analysis_members_analysis_key_analyses",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], name="fk_analysis_members_run_key_runs"),
        sa.PrimaryKeyConstraint("analysis_key", "position", name="pk_analysis_members"),
    )
    op.create_index("ix_analysis_members_run_key", "analysis_members", ["run_key"])
