"""Who works for a history: a row for each worker, which it renews while it waits and while it trains."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from resnet_studio.domain.queue import LEASE_SECONDS, Worker
from resnet_studio.history.clock import database_now
from resnet_studio.history.schema import WorkerRow

FORGOTTEN_SECONDS = 600.0  # so long one that is gone stays listed


def _key(name: str) -> str:
    """As much of a worker's name as its row has."""
    return name[:200]


def report(session: Session, worker: Worker) -> None:
    """Note that the worker is there now, and forget those of which nothing was heard for long."""
    now = database_now(session)
    values = {
        "host": worker.host[:255], "device": worker.device[:100], "kinds": ",".join(worker.kinds)[:100], "heard_at": now
    }  # fmt: skip
    row = session.get(WorkerRow, _key(worker.name))
    if row is None:
        session.add(WorkerRow(name=_key(worker.name), started_at=now, **values))
    else:
        for name, value in values.items():
            setattr(row, name, value)
    gone = (WorkerRow.heard_at < now - timedelta(seconds=FORGOTTEN_SECONDS)) & (WorkerRow.name != _key(worker.name))
    names = session.scalars(select(WorkerRow.name).where(gone).with_for_update(skip_locked=True)).all()
    if names:  # others may be at the same: nobody waits for rows that somebody else removes
        session.execute(delete(WorkerRow).where(WorkerRow.name.in_(names)))


def renew(session: Session, name: str, now: datetime) -> None:
    """One that trains is there too; whoever trains and is no worker has no row."""
    session.execute(update(WorkerRow).where(WorkerRow.name == _key(name)).values(heard_at=now))


def forget(session: Session, name: str) -> None:
    session.execute(delete(WorkerRow).where(WorkerRow.name == _key(name)))


def listed(session: Session, now: datetime) -> list[WorkerRow]:
    """By host and device, those that are gone for some minutes among them."""
    since = now - timedelta(seconds=FORGOTTEN_SECONDS)
    query = select(WorkerRow).where(WorkerRow.heard_at >= since)
    return list(session.scalars(query.order_by(WorkerRow.host, WorkerRow.device, WorkerRow.started_at)))


def offered(session: Session) -> frozenset[str] | None:
    """Kinds of devices that the workers have of which something was heard; None where there is no such worker."""
    since = database_now(session) - timedelta(seconds=LEASE_SECONDS)
    found = session.scalars(select(WorkerRow.kinds).where(WorkerRow.heard_at >= since)).all()
    return frozenset(kind for kinds in found for kind in kinds.split(",")) if found else None
