"""The queue: which cohorts are to be trained, in which order, who has claimed one. Runs that wait become entries."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from alembic import op

from resnet_studio.history.column_types import words

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "queue",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("id", words(32), nullable=False),
        sa.Column("cohort_key", sa.Integer(), nullable=False),
        sa.Column("run_ids", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("status", words(32), nullable=False),
        sa.Column("request", words(32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=True),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("owner", words(200), nullable=False),
        sa.Column("host", words(255), nullable=False),
        sa.Column("device", words(100), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.DateTime(), nullable=True),
        sa.Column("heard_at", sa.DateTime(), nullable=True),
        sa.Column("speed", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["cohort_key"], ["cohorts.key"], name="fk_queue_cohort_key_cohorts", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", name="pk_queue"),
        sa.UniqueConstraint("id", name="uq_queue_id"),
    )
    op.create_index("ix_queue_cohort_key", "queue", ["cohort_key"])
    op.create_index("ix_queue_status", "queue", ["status"])
    _enqueue_what_waits()


def _enqueue_what_waits() -> None:
    """Programs before this schema kept their queue in memory, and its runs as queued; the oldest come first."""
    runs = sa.table("runs", *map(sa.column, ("id", "cohort_key", "position", "status", "deleted_at")))
    waiting = (
        sa.select(runs.c.id, runs.c.cohort_key)
        .where(runs.c.status == "queued", runs.c.deleted_at.is_(None))
        .order_by(runs.c.cohort_key, runs.c.position)
    )
    cohorts: defaultdict[int, list[str]] = defaultdict(list)
    for run_id, cohort_key in op.get_bind().execute(waiting):
        cohorts[cohort_key].append(run_id)
    if not cohorts:
        return
    now = datetime.now(UTC).replace(tzinfo=None)
    kinds: dict[str, Any] = {"added_at": sa.DateTime()}
    names = ("id", "cohort_key", "run_ids", "position", "status", "request", "reason", "added_at", "owner", "host",
             "device", "fence")  # fmt: skip
    table = sa.table("queue", *(sa.column(name, kinds.get(name)) for name in names))
    op.bulk_insert(
        table,
        [
            dict(
                zip(
                    names,
                    (uuid4().hex, key, json.dumps(ids), place, "waiting", "", "", now, "", "", "", 0),
                    strict=True,
                )
            )
            for place, (key, ids) in enumerate(cohorts.items(), 1)
        ],
    )
