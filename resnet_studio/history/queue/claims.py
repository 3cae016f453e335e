"""Claims: an entry is taken, held by a lease, and given back; each rises the fence of its row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table, bindparam, delete, false, or_, select, update
from sqlalchemy.orm import Session

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.queue import LEASE_SECONDS, Claim, LostClaimError, QueueRequest, QueueStatus, Worker
from resnet_studio.history import runs
from resnet_studio.history.clock import answering_since, database_now
from resnet_studio.history.queue import workers
from resnet_studio.history.queue.additions import first_position
from resnet_studio.history.queue.entries import NOT_ENDED, request_of, row_of, run_ids_of
from resnet_studio.history.schema import QueueRow, RunRow, WorkerRow
from resnet_studio.history.sessions import locked
from resnet_studio.history.storage import Storage
from resnet_studio.text import _

_INTERRUPTED = _("The program ended without warning while this was training.")
_UNHEARD = _("Nothing was heard of who trained this until its claim ran out; it goes on from its last checkpoint.")
_ACTIVE = [status for status in RunStatus if status.active]

_ENTRIES = cast("Table", QueueRow.__table__)
# Made once, and without the session's bookkeeping: one stands before all that a training stores, the other is asked
# some times a second.
_HOLD = (
    update(_ENTRIES)
    .where(_ENTRIES.c.id == bindparam("entry"), _ENTRIES.c.fence == bindparam("held"), _ENTRIES.c.owner != "")
    .values(fence=_ENTRIES.c.fence)
)
_REQUESTED = select(_ENTRIES.c.request).where(
    _ENTRIES.c.id == bindparam("entry"), _ENTRIES.c.fence == bindparam("held")
)


class Claims:
    """The part of the run store that claims entries. Who has lost a claim gets a LostClaimError."""

    _storage: Storage

    def claim(self, worker: Worker, entry_id: str | None = None) -> Claim | None:
        """Take the next entry that waits, or whose lease has run out, or one of that id; None if there is none.

        What asks for a kind of device that the worker has not is passed over.

        Deleted runs are not trained; an entry without any other leaves the queue.
        """
        with self._storage.writing() as session:
            now = database_now(session)
            waits = QueueRow.status == str(QueueStatus.WAITING)
            over = expired(session, now)
            condition = or_(waits, over)
            if entry_id is not None:
                condition = (QueueRow.id == entry_id) & (NOT_ENDED) & ((QueueRow.owner == "") | over)
            if worker.kinds:
                condition &= QueueRow.needs.is_(None) | QueueRow.needs.in_(worker.kinds)
            query = select(QueueRow).where(condition).order_by(QueueRow.position, QueueRow.key).limit(1)
            # One row at a time: a lock on all that wait would hide them from everybody else who claims.
            while (row := session.scalars(query.with_for_update(skip_locked=True)).first()) is not None:
                ids = run_ids_of(row)
                kept = set(session.scalars(select(RunRow.id).where(RunRow.id.in_(ids), RunRow.deleted_at.is_(None))))
                if not kept:
                    session.delete(row)
                    session.flush()
                    continue
                if row.owner:
                    self._interrupt(session, ids)
                return take(row, worker, now, [run_id for run_id in ids if run_id in kept])
        return None

    def renew(self, claim: Claim, speed: float | None = None) -> None:
        """Prolong the lease, and say how many iterations a second are trained.

        Raises:
            LostClaimError: If somebody else has the entry.
        """
        with self._storage.writing() as session:
            hold(session, claim)
            now = database_now(session)
            values = {"heard_at": now, "lease_until": now + timedelta(seconds=LEASE_SECONDS), "speed": speed}
            session.execute(update(QueueRow).where(QueueRow.id == claim.entry_id).values(values))
            owner = session.scalar(select(QueueRow.owner).where(QueueRow.id == claim.entry_id))
            workers.renew(session, owner or "", now)

    def requested(self, claim: Claim) -> QueueRequest:
        """What is asked of who trains the entry.

        Raises:
            LostClaimError: If somebody else has it.
        """
        with self._storage.reading() as session:
            found = session.connection().scalar(_REQUESTED, {"entry": claim.entry_id, "held": claim.fence})
        if found is None:
            raise lost()
        return request_of(found)

    def release(self, claim: Claim, status: QueueStatus, reason: str = "") -> None:
        """Give a claim back: the entry has ended, is held, or waits again, before everything else that waits.

        Raises:
            LostClaimError: If somebody else has the entry.
        """
        with self._storage.writing() as session:
            hold(session, claim)
            row = row_of(session, claim.entry_id)
            let_go(session, row, status, reason)
            row.ended_at = database_now(session) if status.ended else None
            if self._storage.shared:  # their end could not be stored, and nobody trains them from now on
                self._interrupt(session, run_ids_of(row))

    def release_expired(self) -> tuple[str, ...]:
        """Entries whose lease has run out by the database's clock wait again, before everything else.

        Returns:
            Ids of their runs that were being trained; they are interrupted.
        """
        with self._storage.writing() as session:
            query = select(QueueRow).where(expired(session, database_now(session))).order_by(QueueRow.position.desc())
            interrupted: list[str] = []
            for row in session.scalars(query.with_for_update(skip_locked=True)):
                interrupted += self._interrupt(session, run_ids_of(row))
                row.fence += 1
                let_go(session, row, QueueStatus.WAITING, _UNHEARD)
            return tuple(interrupted)

    def _interrupt(self, session: Session, run_ids: Sequence[str]) -> list[str]:
        """Runs that nobody trains any more although they are written down as active; returns their ids."""
        query = select(RunRow).where(RunRow.id.in_(run_ids), RunRow.status.in_(_ACTIVE)).order_by(RunRow.key)
        rows = session.scalars(locked(session, query, RunRow)).all()
        for row in rows:
            row.status, row.reason, row.updated_at = RunStatus.INTERRUPTED, _UNHEARD, runs.now()
        return [row.id for row in rows]

    def _release_dead(self) -> None:
        """Entries that are claimed although nobody can be training wait again; for the one that may write alone."""
        with self._storage.writing() as session:
            session.execute(delete(WorkerRow))
            for row in session.scalars(select(QueueRow).where(QueueRow.owner != "").order_by(QueueRow.position.desc())):
                row.fence += 1
                let_go(session, row, QueueStatus.WAITING, _INTERRUPTED)


def expired(session: Session, now: datetime) -> Any:
    """The condition that an entry is claimed, and its lease has run out.

    While the server was gone nobody could renew one: once it is back all of them hold for as long as a lease does.
    """
    if now < answering_since(session) + timedelta(seconds=LEASE_SECONDS):
        return false()
    return (QueueRow.owner != "") & (QueueRow.lease_until < now)


def take(row: QueueRow, worker: Worker, now: datetime, run_ids: Sequence[str]) -> Claim:
    row.status, row.request, row.reason = str(QueueStatus.RUNNING), "", ""
    row.owner, row.host, row.device = worker.name[:200], worker.host[:255], worker.device[:100]
    row.fence += 1
    row.started_at = row.started_at or now
    row.heard_at, row.lease_until, row.speed = now, now + timedelta(seconds=LEASE_SECONDS), None
    return Claim(row.id, row.fence, tuple(run_ids))


def let_go(session: Session, row: QueueRow, status: QueueStatus, reason: str) -> None:
    if not status.ended:
        row.position = first_position(session)
    row.status, row.reason, row.request = str(status), reason, ""
    row.owner, row.lease_until, row.speed = "", None, None
    session.flush()


def hold(session: Session, claim: Claim) -> None:
    """Lock the entry's row for the rest of the transaction; LostClaimError if the fence is another.

    A fence that is only read would not do: between the look and the commit somebody else may take the entry over.
    """
    locked = session.connection().execute(_HOLD, {"entry": claim.entry_id, "held": claim.fence})
    if locked.rowcount != 1:
        raise lost()


def lost() -> LostClaimError:
    return LostClaimError(_("Another program has taken this over meanwhile; nothing more of it is stored from here."))
