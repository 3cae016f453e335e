"""The first schema: cohorts, runs, tags, curve chunks, checkpoints."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from resnet_studio.history.column_types import words

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cohorts",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("id", words(32), nullable=False),
        sa.Column("name", words(200), nullable=False),
        sa.Column("study", words(100), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_cohorts"),
        sa.UniqueConstraint("id", name="uq_cohorts_id"),
    )
    op.create_index("ix_cohorts_study", "cohorts", ["study"])

    op.create_table(
        "runs",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("id", words(32), nullable=False),
        sa.Column("cohort_key", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", words(200), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("iteration", sa.Integer(), nullable=False),
        sa.Column("training_error", sa.Double(), nullable=True),
        sa.Column("test_error", sa.Double(), nullable=True),
        sa.Column("best_test_error", sa.Double(), nullable=True),
        sa.Column("parameters", sa.BigInteger(), nullable=False),
        sa.Column("multiply_adds", sa.BigInteger(), nullable=False),
        sa.Column("weights_sha256", words(64), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("colour", words(7), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("class_names", sa.JSON(), nullable=False),
        sa.Column("environment", sa.JSON(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["cohort_key"], ["cohorts.key"], name="fk_runs_cohort_key_cohorts"),
        sa.PrimaryKeyConstraint("key", name="pk_runs"),
        sa.UniqueConstraint("id", name="uq_runs_id"),
    )
    op.create_index("ix_runs_cohort_key_position", "runs", ["cohort_key", "position"], unique=True)
    op.create_index("ix_runs_name", "runs", ["name"])
    op.create_index("ix_runs_status", "runs", ["status"])
    op.create_index("ix_runs_deleted_at", "runs", ["deleted_at"])

    op.create_table(
        "tags",
        sa.Column("run_key", sa.Integer(), nullable=False),
        sa.Column("tag", words(100), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], name="fk_tags_run_key_runs", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_key", "tag", name="pk_tags"),
    )
    op.create_index("ix_tags_tag", "tags", ["tag"])

    op.create_table(
        "curve_chunks",
        sa.Column("run_key", sa.Integer(), nullable=False),
        sa.Column("series", words(32), nullable=False),
        sa.Column("first_iteration", sa.Integer(), nullable=False),
        sa.Column("last_iteration", sa.Integer(), nullable=False),
        sa.Column("stride", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("minimum", sa.Double(), nullable=True),
        sa.Column("maximum", sa.Double(), nullable=True),
        sa.Column("last", sa.Double(), nullable=True),
        sa.Column("points", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], name="fk_curve_chunks_run_key_runs", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_key", "series", "first_iteration", name="pk_curve_chunks"),
    )

    op.create_table(
        "checkpoints",
        sa.Column("run_key", sa.Integer(), nullable=False),
        sa.Column("iteration", sa.Integer(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("weights_sha256", words(64), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], name="fk_checkpoints_run_key_runs", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_key", "iteration", name="pk_checkpoints"),
    )
