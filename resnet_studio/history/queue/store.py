"""The queue's part of the run store: entries in and out, and what people change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.queue import (
    Claim,
    QueueCommand,
    QueueEntry,
    QueueRequest,
    QueueStatus,
    QueueVerb,
    Worker,
    WorkerRecord,
)
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history import runs
from resnet_studio.history.clock import database_now
from resnet_studio.history.evaluations import remove_of_runs
from resnet_studio.history.queue import workers
from resnet_studio.history.queue.additions import add, joined
from resnet_studio.history.queue.claims import Claims, take
from resnet_studio.history.queue.entries import (
    ENDED,
    NOT_ENDED,
    ORDER,
    entries_of,
    in_order,
    one,
    row_of,
    run_ids_of,
    status_of,
    unknown,
)
from resnet_studio.history.queue.fenced_storage import FencedStorage
from resnet_studio.history.run_folders import remove_run_folders
from resnet_studio.history.schema import CohortRow, QueueRow, RunRow
from resnet_studio.history.sessions import locked
from resnet_studio.history.storage import Storage
from resnet_studio.platform.home import Home
from resnet_studio.text import _

_NAMED_AT_MOST = 5

_HELD = {
    QueueRequest.GO_ON: QueueStatus.WAITING,
    QueueRequest.PAUSE: QueueStatus.PAUSED,
    QueueRequest.STOP: QueueStatus.STOPPED,
}


class QueueStore(Claims):
    """The part of the run store that keeps the queue. An entry that nobody knows is a UserError."""

    home: Home
    _storage: Storage

    # Entries in

    def enqueue(
        self, cohort: CohortSpec, environment: Mapping[str, str] | None = None, *, first: bool = False,
        join: bool = False,
    ) -> QueueEntry:  # fmt: skip
        """Store the cohort's runs as queued, and an entry for them, last or before everything that waits.

        With ``join``, put them into the first entry that waits, was not begun, and may share its batches with them; the
        entry is of all of them then. Only where there is none they get one of their own.
        """
        rows = runs.new_rows(cohort)
        for row in rows:
            row.environment = dict(environment or {})
        with self._storage.writing() as session:
            if join and (entry := joined(session, cohort, rows)) is not None:
                return one(session, entry.id)
            session.add_all(rows)
            session.flush()
            entry = add(session, rows[0].cohort_key, [row.id for row in rows], first=first)
            return one(session, entry.id)

    def enqueue_runs(self, run_ids: Sequence[str], *, first: bool = False) -> tuple[QueueEntry, ...]:
        """Put stored runs into the queue, those of one cohort together, as its order is.

        Those that a stopped or paused entry holds leave it.

        Raises:
            UserError: If one of them has ended, or is on its way already.
        """
        with self._storage.writing() as session:
            rows = self._resumable(session, run_ids)
            self._leave_held(session, rows)
            cohorts: dict[int, list[RunRow]] = {}
            for row in rows.values():
                cohorts.setdefault(row.cohort_key, []).append(row)
            added = []
            for key, members in reversed(cohorts.items()) if first else cohorts.items():
                ids = [row.id for row in sorted(members, key=lambda row: row.position)]
                added.append(add(session, key, ids, first=first).id)
            return tuple(one(session, entry_id) for entry_id in (reversed(added) if first else added))

    def _resumable(self, session: Session, run_ids: Sequence[str]) -> dict[str, RunRow]:
        rows = runs.rows_by_id(session, run_ids)
        for row in rows.values():
            if not row.status.resumable:
                raise UserError(
                    _(
                        "{name} is {status}: nothing is left to resume; train it anew instead.",
                        name=row.name,
                        status=row.status,
                    )
                )
        return rows

    def _leave_held(self, session: Session, rows: Mapping[str, RunRow]) -> None:
        for entry in session.scalars(select(QueueRow).where(NOT_ENDED)):
            ids = run_ids_of(entry)
            mine = [run_id for run_id in ids if run_id in rows]
            if not mine:
                continue
            if status_of(entry) in (QueueStatus.RUNNING, QueueStatus.WAITING) or entry.owner:
                raise UserError(
                    _("{name} is already training or waiting; stop it before you resume it.", name=rows[mine[0]].name)
                )
            if len(mine) == len(ids):
                session.delete(entry)
            else:
                entry.run_ids = json.dumps([run_id for run_id in ids if run_id not in rows])
        session.flush()

    # Entries out

    def queue(self, ended: int = 0) -> list[QueueEntry]:
        """Up to ``ended`` entries that have ended, the last one last; then who is trained, then who waits, in order.

        An entry whose runs were all deleted is left out, unless it is being trained.
        """
        with self._storage.reading() as session:
            latest = select(QueueRow).where(QueueRow.status.in_(ENDED)).order_by(QueueRow.ended_at.desc().nulls_last())
            before = entries_of(session, latest.limit(ended)) if ended else []
            return [entry for entry in before[::-1] if entry.runs] + in_order(session)

    def claimed_entries(self) -> tuple[list[QueueEntry], datetime]:
        """What somebody trains or holds, in the queue's order, and the database's time now."""
        with self._storage.reading() as session:
            return [entry for entry in in_order(session) if entry.claimed], database_now(session)

    def workers(self) -> list[WorkerRecord]:
        """Who trains, in the queue's order, then the workers that wait for work; one that is gone for a while too."""
        with self._storage.reading() as session:
            now = database_now(session)
            claimed = [entry for entry in in_order(session) if entry.claimed]
            rows = workers.listed(session, now)

            def ago(heard_at: datetime | None) -> float:
                return max((now - heard_at).total_seconds(), 0.0) if heard_at else 0.0

            known = {row.name: row.device for row in rows}
            training = [
                WorkerRecord(
                    entry.owner, entry.host, entry.device or known.get(entry.owner, ""), ago(entry.heard_at), entry
                )
                for entry in claimed
            ]
            busy = {entry.owner for entry in claimed}
            idle = [
                WorkerRecord(row.name, row.host, row.device, ago(row.heard_at)) for row in rows if row.name not in busy
            ]
            return training + idle

    def report_worker(self, worker: Worker) -> None:
        """Note that a worker is there.

        While it waits it does so at least every :data:`~resnet_studio.domain.queue.RENEW_SECONDS`.
        """
        with self._storage.writing() as session:
            workers.report(session, worker)

    def forget_worker(self, worker: Worker) -> None:
        with self._storage.writing() as session:
            workers.forget(session, worker.name)

    def entry(self, entry_id: str) -> QueueEntry:
        """Of a whole id, ended or not."""
        with self._storage.reading() as session:
            return one(session, entry_id)

    def find_entry(self, text: str) -> QueueEntry:
        """The entry that a person means: a place, or the beginning of the id of the entry or of its cohort.

        Raises:
            UserError: If none fits, or several do, which are named.
        """
        text = text.strip().lower()
        entries = self.queue(ended=1000)
        if text.isdecimal() and len(text) < 6:
            found = [entry for entry in entries if entry.place == int(text) and entry.place]
        else:
            found = [entry for entry in entries if text and (entry.id.startswith(text) or entry.cohort_id == text)]
            found = found or [entry for entry in entries if text and entry.cohort_id.startswith(text)]
            waiting = [entry for entry in found if not entry.status.ended]
            found = waiting or found[-1:]
        if len(found) == 1:
            return found[0]
        if found:
            named = ", ".join(f"{entry.id[:8]} ({entry.title})" for entry in found[:_NAMED_AT_MOST])
            raise UserError(_("{text!r} could be any of {named}; give more of the id.", text=text, named=named))
        raise unknown(text)

    # Changes by a person

    def move(self, entry_id: str, place: int, *, step: int = 0) -> None:
        """Give an entry that nobody trains another place, from 1 on; what trains keeps the first ones.

        With ``step`` it is so many places down from where it stands instead.

        Raises:
            UserError: If it is being trained, or has ended.
        """
        with self._storage.writing() as session:
            mine = row_of(session, entry_id)
            if status_of(mine).ended:
                raise UserError(_("This has ended; repeat it to train it again."))
            if mine.owner:
                raise UserError(_("This is being trained, so it comes first; only what waits can be moved."))
            query = select(QueueRow).where(NOT_ENDED).order_by(*ORDER)
            rows = list(session.scalars(locked(session, query, QueueRow)))
            place = rows.index(mine) + 1 + step if step else place
            others = [row for row in rows if row is not mine]
            claimed = sum(bool(row.owner) for row in others)
            others.insert(min(max(place - 1, claimed), len(others)), mine)
            for position, row in enumerate(others, 1):
                row.position = position

    def remove(self, entry_id: str) -> None:
        """Take an entry out of the queue. Runs that never began vanish without a trace, others stay in the history.

        Raises:
            UserError: If it is being trained.
        """
        with self._storage.writing() as session:
            row = row_of(session, entry_id)
            if row.owner:
                raise UserError(_("This is being trained; stop it before you remove it."))
            status, run_ids = status_of(row), run_ids_of(row)
            session.delete(row)
            session.flush()
            if status.ended:
                return
            members = session.scalars(select(RunRow).where(RunRow.id.in_(run_ids))).all()
            for member in members:
                if member.status is RunStatus.QUEUED and member.iteration:
                    member.status, member.reason = RunStatus.STOPPED, _("Taken out of the queue.")
                    member.updated_at = runs.now()
            session.flush()
            self._purge_never_begun(session, run_ids)

    def _purge_never_begun(self, session: Session, run_ids: Sequence[str]) -> None:
        gone = RunRow.id.in_(run_ids) & (RunRow.iteration == 0) & (RunRow.status == RunStatus.QUEUED)
        ids = session.scalars(select(RunRow.id).where(gone)).all()
        remove_run_folders(self.home, ids)
        remove_of_runs(session, gone)
        session.execute(delete(RunRow).where(gone))
        session.execute(delete(CohortRow).where(CohortRow.key.not_in(select(RunRow.cohort_key))))

    def repeat(self, entry_id: str) -> QueueEntry:
        """Put the same runs, to be trained anew, at the end of the queue."""
        entry = self.entry(entry_id)
        if not entry.runs:
            raise UserError(_("The runs of this entry were deleted; there is nothing to repeat."))
        cohort = CohortSpec(name=entry.name, study=entry.study, runs=tuple(run.spec for run in entry.runs))
        return self.enqueue(cohort)

    def clear_ended(self) -> None:
        """Forget the entries that have ended; their runs stay in the history."""
        with self._storage.writing() as session:
            session.execute(delete(QueueRow).where(QueueRow.status.in_(ENDED)))

    def ask(self, entry_id: str, request: QueueRequest) -> None:
        """Pause, stop or go on with an entry.

        Who trains it reads that; one that nobody trains takes no turn until it is to go on.

        Raises:
            UserError: If it has ended.
        """
        with self._storage.writing() as session:
            row = row_of(session, entry_id)
            if status_of(row).ended:
                raise UserError(_("This has ended; repeat it to train it again."))
            row.request = str(request) if row.owner else ""
            if not row.owner:
                row.status, row.reason = str(_HELD[request]), ""

    def apply(self, command: QueueCommand) -> str:
        """Do what a command says; returns the id of the entry that it is about, or has made."""
        match command.verb:
            case QueueVerb.ADD if command.cohort is not None:
                return self.enqueue(
                    command.cohort, command.environment, first=command.first, join=command.join and not command.first
                ).id
            case QueueVerb.RESUME if command.run_ids:
                return self.enqueue_runs(command.run_ids, first=command.first)[0].id
            case QueueVerb.REPEAT:
                return self.repeat(command.entry).id
            case QueueVerb.MOVE:
                self.move(command.entry, command.place, step=command.step)
            case QueueVerb.REMOVE:
                self.remove(command.entry)
            case QueueVerb.STEER:
                self.ask(command.entry, command.request)
            case _:
                raise UserError(_("The queue was asked for something incomplete ({verb}).", verb=command.verb))
        return command.entry

    # Claims of runs, and what is written under a claim

    def claim_runs(self, worker: Worker, run_ids: Sequence[str]) -> Claim:
        """Put stored runs into the queue as one entry and claim it, in one transaction.

        Raises:
            UserError: If one of them has ended, or is on its way already.
        """
        with self._storage.writing() as session:
            rows = self._resumable(session, run_ids)
            self._leave_held(session, rows)
            first = next(iter(rows.values()))
            row = add(session, first.cohort_key, list(rows), first=True)
            return take(row, worker, database_now(session), list(rows))

    def fenced(self, claim: Claim) -> FencedStorage:
        """This history's storage, for who writes under ``claim``."""
        return FencedStorage(self._storage, claim)
