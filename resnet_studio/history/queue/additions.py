"""New entries: at either end of the queue, or joined to one whose batches the runs may share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from uuid import uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from resnet_studio.domain.enums import Device, RunStatus
from resnet_studio.domain.errors import StoreError
from resnet_studio.domain.queue import MOST_RUNS, QueueStatus, needed_kind
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history import runs
from resnet_studio.history.clock import database_now
from resnet_studio.history.queue.entries import NOT_ENDED, ORDER, run_ids_of
from resnet_studio.history.schema import NAME_LENGTH, QueueRow, RunRow


def add(session: Session, cohort_key: int, run_ids: Sequence[str], *, first: bool) -> QueueRow:
    row = QueueRow(
        id=uuid4().hex,
        cohort_key=cohort_key,
        run_ids=json.dumps(list(run_ids)),
        position=first_position(session) if first else _last_position(session),
        status=str(QueueStatus.WAITING),
        request="",
        reason="",
        added_at=database_now(session),
        owner="",
        host="",
        device="",
        fence=0,
        needs=_needed(session, run_ids),
    )
    session.add(row)
    session.flush()
    return row


def _needed(session: Session, run_ids: Sequence[str]) -> str | None:
    """The kind of device that runs of one cohort ask for; what cannot be read asks for none."""
    spec = session.scalar(select(RunRow.spec).where(RunRow.id.in_(run_ids)).limit(1))
    try:
        return needed_kind(Device(json.loads(spec or "")["recipe"]["device"]))
    except (ValueError, LookupError, TypeError):
        return None


def joined(session: Session, cohort: CohortSpec, rows: Sequence[RunRow]) -> QueueRow | None:
    """The entry that the new runs are part of now; None where none may share its batches with them.

    Only runs of one study, in one environment, that have not begun train together; what training comes to is no matter
    of who trains beside whom.
    """
    waits = (QueueRow.status == str(QueueStatus.WAITING)) & (QueueRow.owner == "")
    for entry in session.scalars(select(QueueRow).where(waits).order_by(*ORDER).with_for_update()):
        ids = run_ids_of(entry)
        members = session.scalars(runs.whole_runs().where(RunRow.cohort_key == entry.cohort_key)).all()
        if {row.id for row in members} != set(ids) or len(members) + len(rows) > MOST_RUNS:
            continue
        parent = members[0].cohort
        if parent.study != cohort.study or not all(_can_be_joined(row, rows[0]) for row in members):
            continue
        try:
            waiting = [runs.to_record(row).spec for row in members]
            CohortSpec(runs=(*waiting, *cohort.runs))
        except (ValueError, StoreError):  # they do not share their batches
            continue
        if any(spec in waiting for spec in cohort.runs):  # somebody wants it twice
            continue
        if parent.name != cohort.label:
            parent.name = f"{parent.name} + {cohort.label}"[:NAME_LENGTH]
        last = max(row.position for row in members)
        for place, row in enumerate(rows, last + 1):
            row.cohort, row.position = parent, place
        session.add_all(rows)
        entry.run_ids = json.dumps([*ids, *(row.id for row in rows)])
        session.flush()
        return entry
    return None


def _can_be_joined(row: RunRow, new: RunRow) -> bool:
    unbegun = row.status is RunStatus.QUEUED and not row.iteration and row.deleted_at is None
    return unbegun and row.environment == new.environment


def first_position(session: Session) -> int:
    least = session.scalar(select(func.min(QueueRow.position)).where(NOT_ENDED))
    return 0 if least is None else least - 1


def _last_position(session: Session) -> int:
    return (session.scalar(select(func.max(QueueRow.position)).where(NOT_ENDED)) or 0) + 1
