"""Workers, those that wait for work among them, and the kind of device that an entry of the queue asks for."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from resnet_studio.history.column_types import words

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ASKED = ("cuda", "mps")  # the processor is everywhere, and auto takes what is there


def upgrade() -> None:
    op.create_table(
        "workers",
        sa.Column("name", words(200), nullable=False),
        sa.Column("host", words(255), nullable=False),
        sa.Column("device", words(100), nullable=False),
        sa.Column("kinds", words(100), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("heard_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_workers"),
    )
    op.add_column("queue", sa.Column("needs", words(32), nullable=True))
    _note_what_is_asked_for()


def _note_what_is_asked_for() -> None:
    queue = sa.table("queue", *map(sa.column, ("key", "run_ids", "status", "needs")))
    runs = sa.table("runs", *map(sa.column, ("id", "spec")))
    connection = op.get_bind()
    going = sa.select(queue.c.key, queue.c.run_ids).where(queue.c.status.not_in(("finished", "failed")))
    for key, run_ids in connection.execute(going).all():
        try:
            first = str(json.loads(run_ids)[0])
            spec = connection.scalar(sa.select(runs.c.spec).where(runs.c.id == first))
            asked = json.loads(spec or "")["recipe"]["device"]
        except (ValueError, LookupError, TypeError):
            continue
        if asked in _ASKED:
            connection.execute(sa.update(queue).where(queue.c.key == key).values(needs=asked))


def downgrade() -> None:
    op.drop_column("queue", "needs")
    op.drop_table("workers")
