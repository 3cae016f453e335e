"""Evaluations: what runs and ensembles of runs got on labelled images, each under its own test protocol."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from resnet_studio.history.column_types import whole, words

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "evaluations",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("id", words(32), nullable=False),
        sa.Column("protocol_key", words(200), nullable=False),
        sa.Column("protocol", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("data_seed", whole(), nullable=False),
        sa.Column("data_sha256", words(64), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("classes", sa.Integer(), nullable=False),
        sa.Column("left_out", sa.Integer(), nullable=False),
        sa.Column("top1_error", sa.Double(), nullable=False),
        sa.Column("top5_error", sa.Double(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("class_names", sa.LargeBinary(), nullable=False),
        sa.Column("skipped", sa.LargeBinary(), nullable=False),
        sa.Column("confusion", sa.LargeBinary(), nullable=False),
        sa.Column("labels", sa.LargeBinary(), nullable=False),
        sa.Column("predicted", sa.LargeBinary(), nullable=False),
        sa.Column("confidence", sa.LargeBinary(), nullable=False),
        sa.Column("names", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_evaluations"),
        sa.UniqueConstraint("id", name="uq_evaluations_id"),
    )
    op.create_index("ix_evaluations_protocol_key", "evaluations", ["protocol_key"])

    op.create_table(
        "evaluation_members",
        sa.Column("evaluation_key", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("run_key", sa.Integer(), nullable=False),
        sa.Column("weights_sha256", words(64), nullable=False),
        sa.Column("iteration", sa.Integer(), nullable=False),
        sa.Column("top1_error", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["evaluation_key"],
            ["evaluations.key"],
            name="fk_evaluation_members_evaluation_key_evaluations",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], name="fk_evaluation_members_run_key_runs"),
        sa.PrimaryKeyConstraint("evaluation_key", "position", name="pk_evaluation_members"),
    )
    op.create_index("ix_evaluation_members_run_key", "evaluation_members", ["run_key"])
