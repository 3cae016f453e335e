"""Rows of the queue read as entries, in their order; a word of a newer or damaged history is never an error."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.queue import QueueEntry, QueueRequest, QueueStatus
from resnet_studio.domain.records import RunRecord
from resnet_studio.history import runs
from resnet_studio.history.queue import workers
from resnet_studio.history.schema import CohortRow, QueueRow, RunRow
from resnet_studio.platform.run_folder import is_run_id
from resnet_studio.text import _

ENDED = [str(status) for status in QueueStatus if status.ended]
ORDER = (QueueRow.owner == "", QueueRow.position, QueueRow.key)  # who is trained first
NOT_ENDED = QueueRow.status.not_in(ENDED)  # also what a newer or damaged history says


def in_order(session: Session) -> list[QueueEntry]:
    """What has not ended, numbered."""
    entries = entries_of(session, select(QueueRow).where(NOT_ENDED).order_by(*ORDER))
    asking = any(entry.needs and entry.status is QueueStatus.WAITING for entry in entries)
    there = workers.offered(session) if asking else None

    return [
        replace(entry, place=place, lacking=_lacking(entry, there))
        for place, entry in enumerate((e for e in entries if e.runs or e.claimed), 1)
    ]


def _lacking(entry: QueueEntry, there: frozenset[str] | None) -> str:
    if there is None or entry.status is not QueueStatus.WAITING or entry.needs in there:
        return ""
    return entry.needs


def entries_of(session: Session, query: Select[Any]) -> list[QueueEntry]:
    rows = list(session.scalars(query))
    ids = [run_ids_of(row) for row in rows]
    wanted = RunRow.id.in_([run_id for some in ids for run_id in some]) & RunRow.deleted_at.is_(None)
    records = {run.id: run for run in runs.records(session, wanted)[0]} if rows else {}
    query_cohorts = select(CohortRow).where(CohortRow.key.in_([row.cohort_key for row in rows]))
    cohorts = {cohort.key: cohort for cohort in session.scalars(query_cohorts)}
    return [
        _record(row, cohorts[row.cohort_key], [records[run_id] for run_id in some if run_id in records])
        for row, some in zip(rows, ids, strict=True)
        if row.cohort_key in cohorts
    ]


def one(session: Session, entry_id: str) -> QueueEntry:
    """One entry, without reading all that wait beside it."""
    found = entries_of(session, select(QueueRow).where(QueueRow.id == entry_id))
    if not found:
        raise unknown(entry_id)
    (entry,) = found
    if entry.status.ended or not (entry.runs or entry.claimed):
        return entry
    there = workers.offered(session) if entry.needs else None
    return replace(entry, place=_place(session, entry_id), lacking=_lacking(entry, there))


def _place(session: Session, entry_id: str) -> int:
    """As :func:`in_order` counts, of an entry that it lists."""
    columns = select(QueueRow.id, QueueRow.run_ids, QueueRow.owner).where(NOT_ENDED).order_by(*ORDER)
    before = list(takewhile(lambda row: row.id != entry_id, session.execute(columns)))
    ids = [_ids_in(row.run_ids) for row in before]
    named = [run_id for some in ids for run_id in some]
    kept = set(session.scalars(select(RunRow.id).where(RunRow.id.in_(named), RunRow.deleted_at.is_(None))))
    return 1 + sum(bool(row.owner) or not kept.isdisjoint(some) for row, some in zip(before, ids, strict=True))


def _record(row: QueueRow, cohort: CohortRow, members: Sequence[RunRecord]) -> QueueEntry:
    status, request = status_of(row), request_of(row.request)
    if status is QueueStatus.RUNNING and request is QueueRequest.PAUSE:
        status = QueueStatus.PAUSED
    return QueueEntry(
        id=row.id,
        cohort_id=cohort.id,
        place=0,
        name=cohort.name,
        study=cohort.study,
        status=status,
        request=request,
        reason=row.reason,
        runs=tuple(members),
        added_at=row.added_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        owner=row.owner,
        host=row.host,
        device=row.device,
        fence=row.fence,
        lease_until=row.lease_until,
        heard_at=row.heard_at,
        speed=row.speed,
        needs=row.needs or "",
    )


def row_of(session: Session, entry_id: str) -> QueueRow:
    row = session.scalars(select(QueueRow).where(QueueRow.id == entry_id).with_for_update()).one_or_none()
    if row is None:
        raise unknown(entry_id)
    return row


def run_ids_of(row: QueueRow) -> list[str]:
    return _ids_in(row.run_ids)


def _ids_in(text: str) -> list[str]:
    """What cannot be read names no run."""
    try:
        found = json.loads(text)
    except ValueError:
        return []
    return (
        [run_id for run_id in found if isinstance(run_id, str) and is_run_id(run_id)] if isinstance(found, list) else []
    )


def status_of(row: QueueRow) -> QueueStatus:
    """A word of a newer or damaged history counts as stopped: nothing is trained by it."""
    try:
        return QueueStatus(row.status)
    except ValueError:
        return QueueStatus.STOPPED


def request_of(word: str) -> QueueRequest:
    try:
        return QueueRequest(word)
    except ValueError:
        return QueueRequest.GO_ON


def unknown(text: str) -> UserError:
    return UserError(_("There is no entry {text!r} in the queue; list the queue to see what is.", text=text))
