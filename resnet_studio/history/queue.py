"""The queue in and out: entries in their order, and claims that somebody trains under.

A claim is a lease with a fence. The lease ends by the database's clock unless it is renewed; the fence rises with each
claim and whenever one is taken away. What is written under a claim goes through :class:`FencedStorage`, whose
transactions begin by locking the entry's row with that fence: who has lost a claim cannot change anything any more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any, cast
from uuid import uuid4

from sqlalchemy import CursorResult, Select, delete, false, func, or_, select, update
from sqlalchemy.orm import Session

from resnet_studio.domain.enums import Device, RunStatus
from resnet_studio.domain.errors import StoreError, UserError
from resnet_studio.domain.queue import (
    LEASE_SECONDS,
    MOST_RUNS,
    Claim,
    LostClaimError,
    QueueCommand,
    QueueEntry,
    QueueRequest,
    QueueStatus,
    QueueVerb,
    Worker,
    WorkerRecord,
    needed_kind,
)
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history import runs, workers
from resnet_studio.history.clock import answering_since, database_now
from resnet_studio.history.evaluations import remove_of_runs
from resnet_studio.history.run_folders import remove_run_folders
from resnet_studio.history.schema import NAME_LENGTH, CohortRow, QueueRow, RunRow, WorkerRow
from resnet_studio.history.sessions import locked
from resnet_studio.history.storage import Inspection, KeptCopies, Storage
from resnet_studio.platform.home import Home
from resnet_studio.platform.run_folder import is_run_id
from resnet_studio.text import _

_INTERRUPTED = _("The program ended without warning while this was training.")
_UNHEARD = _("Nothing was heard of who trained this until its claim ran out; it goes on from its last checkpoint.")
_ACTIVE = [status for status in RunStatus if status.active]
_ENDED = [str(status) for status in QueueStatus if status.ended]
_ORDER = (QueueRow.owner == "", QueueRow.position, QueueRow.key)  # who is trained first
_NOT_ENDED = QueueRow.status.not_in(_ENDED)  # also what a newer or damaged history says
_NAMED_AT_MOST = 5


class QueueStore:
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
            if join and (entry := _join(session, cohort, rows)) is not None:
                return _one(session, entry.id)
            session.add_all(rows)
            session.flush()
            entry = _add(session, rows[0].cohort_key, [row.id for row in rows], first=first)
            return _one(session, entry.id)

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
                added.append(_add(session, key, ids, first=first).id)
            return tuple(_one(session, entry_id) for entry_id in (reversed(added) if first else added))

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
        for entry in session.scalars(select(QueueRow).where(_NOT_ENDED)):
            ids = _run_ids(entry)
            mine = [run_id for run_id in ids if run_id in rows]
            if not mine:
                continue
            if _status(entry) in (QueueStatus.RUNNING, QueueStatus.WAITING) or entry.owner:
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
            latest = select(QueueRow).where(QueueRow.status.in_(_ENDED)).order_by(QueueRow.ended_at.desc().nulls_last())
            before = _entries(session, latest.limit(ended)) if ended else []
            return [entry for entry in before[::-1] if entry.runs] + _in_order(session)

    def claimed_entries(self) -> tuple[list[QueueEntry], datetime]:
        """What somebody trains or holds, in the queue's order, and the database's time now."""
        with self._storage.reading() as session:
            return [entry for entry in _in_order(session) if entry.claimed], database_now(session)

    def workers(self) -> list[WorkerRecord]:
        """Who trains, in the queue's order, then the workers that wait for work; one that is gone for a while too."""
        with self._storage.reading() as session:
            now = database_now(session)
            claimed = [entry for entry in _in_order(session) if entry.claimed]
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
            return _one(session, entry_id)

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
        raise _unknown(text)

    # Changes by a person

    def move(self, entry_id: str, place: int) -> None:
        """Give an entry that nobody trains another place, from 1 on; what trains keeps the first ones.

        Raises:
            UserError: If it is being trained, or has ended.
        """
        with self._storage.writing() as session:
            mine = _row(session, entry_id)
            if _status(mine).ended:
                raise UserError(_("This has ended; repeat it to train it again."))
            if mine.owner:
                raise UserError(_("This is being trained, so it comes first; only what waits can be moved."))
            query = select(QueueRow).where(_NOT_ENDED).order_by(*_ORDER)
            rows = list(session.scalars(locked(session, query, QueueRow)))
            others = [row for row in rows if row is not mine]
            claimed = sum(bool(row.owner) for row in others)
            others.insert(max(place - 1, claimed), mine)
            for position, row in enumerate(others, 1):
                row.position = position

    def remove(self, entry_id: str) -> None:
        """Take an entry out of the queue. Runs that never began vanish without a trace, others stay in the history.

        Raises:
            UserError: If it is being trained.
        """
        with self._storage.writing() as session:
            row = _row(session, entry_id)
            if row.owner:
                raise UserError(_("This is being trained; stop it before you remove it."))
            status, run_ids = _status(row), _run_ids(row)
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
            session.execute(delete(QueueRow).where(QueueRow.status.in_(_ENDED)))

    def ask(self, entry_id: str, request: QueueRequest) -> None:
        """Pause, stop or go on with an entry.

        Who trains it reads that; one that nobody trains takes no turn until it is to go on.

        Raises:
            UserError: If it has ended.
        """
        with self._storage.writing() as session:
            row = _row(session, entry_id)
            if _status(row).ended:
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
                self.move(command.entry, command.place)
            case QueueVerb.REMOVE:
                self.remove(command.entry)
            case QueueVerb.STEER:
                self.ask(command.entry, command.request)
            case _:
                raise UserError(_("The queue was asked for something incomplete ({verb}).", verb=command.verb))
        return command.entry

    # Claims

    def claim(self, worker: Worker, entry_id: str | None = None) -> Claim | None:
        """Take the next entry that waits, or whose lease has run out, or one of that id; None if there is none.

        What asks for a kind of device that the worker has not is passed over.

        Deleted runs are not trained; an entry without any other leaves the queue.
        """
        with self._storage.writing() as session:
            now = database_now(session)
            waits = QueueRow.status == str(QueueStatus.WAITING)
            expired = _expired(session, now)
            condition = or_(waits, expired)
            if entry_id is not None:
                condition = (QueueRow.id == entry_id) & (_NOT_ENDED) & ((QueueRow.owner == "") | expired)
            if worker.kinds:
                condition &= QueueRow.needs.is_(None) | QueueRow.needs.in_(worker.kinds)
            query = select(QueueRow).where(condition).order_by(QueueRow.position, QueueRow.key).limit(1)
            # One row at a time: a lock on all that wait would hide them from everybody else who claims.
            while (row := session.scalars(query.with_for_update(skip_locked=True)).first()) is not None:
                ids = _run_ids(row)
                kept = set(session.scalars(select(RunRow.id).where(RunRow.id.in_(ids), RunRow.deleted_at.is_(None))))
                if not kept:
                    session.delete(row)
                    session.flush()
                    continue
                if row.owner:
                    self._interrupt(session, ids)
                return _claim(row, worker, now, [run_id for run_id in ids if run_id in kept])
        return None

    def claim_runs(self, worker: Worker, run_ids: Sequence[str]) -> Claim:
        """Put stored runs into the queue as one entry and claim it, in one transaction.

        Raises:
            UserError: If one of them has ended, or is on its way already.
        """
        with self._storage.writing() as session:
            rows = self._resumable(session, run_ids)
            self._leave_held(session, rows)
            first = next(iter(rows.values()))
            row = _add(session, first.cohort_key, list(rows), first=True)
            return _claim(row, worker, database_now(session), list(rows))

    def renew(self, claim: Claim, speed: float | None = None) -> None:
        """Prolong the lease, and say how many iterations a second are trained.

        Raises:
            LostClaimError: If somebody else has the entry.
        """
        with self._storage.writing() as session:
            _hold(session, claim)
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
            mine = (QueueRow.id == claim.entry_id) & (QueueRow.fence == claim.fence)
            found = session.scalar(select(QueueRow.request).where(mine))
        if found is None:
            raise _lost()
        return _request(found)

    def release(self, claim: Claim, status: QueueStatus, reason: str = "") -> None:
        """Give a claim back: the entry has ended, is held, or waits again, before everything else that waits.

        Raises:
            LostClaimError: If somebody else has the entry.
        """
        with self._storage.writing() as session:
            _hold(session, claim)
            row = _row(session, claim.entry_id)
            _let_go(session, row, status, reason)
            row.ended_at = database_now(session) if status.ended else None
            if self._storage.shared:  # their end could not be stored, and nobody trains them from now on
                self._interrupt(session, _run_ids(row))

    def fenced(self, claim: Claim) -> FencedStorage:
        """This history's storage, for who writes under ``claim``."""
        return FencedStorage(self._storage, claim)

    def release_expired(self) -> tuple[str, ...]:
        """Entries whose lease has run out by the database's clock wait again, before everything else.

        Returns:
            Ids of their runs that were being trained; they are interrupted.
        """
        with self._storage.writing() as session:
            query = select(QueueRow).where(_expired(session, database_now(session))).order_by(QueueRow.position.desc())
            interrupted: list[str] = []
            for row in session.scalars(query.with_for_update(skip_locked=True)):
                interrupted += self._interrupt(session, _run_ids(row))
                row.fence += 1
                _let_go(session, row, QueueStatus.WAITING, _UNHEARD)
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
                _let_go(session, row, QueueStatus.WAITING, _INTERRUPTED)


_HELD = {
    QueueRequest.GO_ON: QueueStatus.WAITING,
    QueueRequest.PAUSE: QueueStatus.PAUSED,
    QueueRequest.STOP: QueueStatus.STOPPED,
}


class FencedStorage:
    """A storage whose every transaction begins with the fence of a claim, locked.

    See :class:`resnet_studio.history.storage.Storage`.
    """

    def __init__(self, storage: Storage, claim: Claim) -> None:
        self._storage, self._claim = storage, claim
        self.shared = storage.shared
        self.restored, self.backup, self.requests = storage.restored, storage.backup, storage.requests

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Raises LostClaimError, and nothing is stored, if somebody else has the entry."""
        with self._storage.writing() as session:
            _hold(session, self._claim)
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with self._storage.reading() as session:
            yield session

    @property
    def where(self) -> str:
        return self._storage.where

    @property
    def writable(self) -> bool:
        return self._storage.writable

    @property
    def why_read_only(self) -> str:
        return self._storage.why_read_only

    def missing(self) -> str:
        return self._storage.missing()

    def open_for_writing(self, wait_seconds: float = 0.0) -> bool:
        return self._storage.open_for_writing(wait_seconds)

    def give_up_writing(self) -> None:
        self._storage.give_up_writing()

    def open_for_reading(self) -> None:
        self._storage.open_for_reading()

    def note_keys(self, session: Session) -> None:
        self._storage.note_keys(session)

    def inspect(self) -> Inspection:
        return self._storage.inspect()

    def kept(self) -> KeptCopies:
        return self._storage.kept()

    def close(self) -> None:
        """Does nothing: the storage is another store's."""


def _expired(session: Session, now: datetime) -> Any:
    """The condition that an entry is claimed, and its lease has run out.

    While the server was gone nobody could renew one: once it is back all of them hold for as long as a lease does.
    """
    if now < answering_since(session) + timedelta(seconds=LEASE_SECONDS):
        return false()
    return (QueueRow.owner != "") & (QueueRow.lease_until < now)


def _claim(row: QueueRow, worker: Worker, now: datetime, run_ids: Sequence[str]) -> Claim:
    row.status, row.request, row.reason = str(QueueStatus.RUNNING), "", ""
    row.owner, row.host, row.device = worker.name[:200], worker.host[:255], worker.device[:100]
    row.fence += 1
    row.started_at = row.started_at or now
    row.heard_at, row.lease_until, row.speed = now, now + timedelta(seconds=LEASE_SECONDS), None
    return Claim(row.id, row.fence, tuple(run_ids))


def _add(session: Session, cohort_key: int, run_ids: Sequence[str], *, first: bool) -> QueueRow:
    row = QueueRow(
        id=uuid4().hex,
        cohort_key=cohort_key,
        run_ids=json.dumps(list(run_ids)),
        position=_first_position(session) if first else _last_position(session),
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


def _join(session: Session, cohort: CohortSpec, rows: Sequence[RunRow]) -> QueueRow | None:
    """The entry that the new runs are part of now; None where none may share its batches with them.

    Only runs of one study, in one environment, that have not begun train together; what training comes to is no matter
    of who trains beside whom.
    """
    waits = (QueueRow.status == str(QueueStatus.WAITING)) & (QueueRow.owner == "")
    for entry in session.scalars(select(QueueRow).where(waits).order_by(*_ORDER).with_for_update()):
        ids = _run_ids(entry)
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


def _first_position(session: Session) -> int:
    least = session.scalar(select(func.min(QueueRow.position)).where(_NOT_ENDED))
    return 0 if least is None else least - 1


def _last_position(session: Session) -> int:
    return (session.scalar(select(func.max(QueueRow.position)).where(_NOT_ENDED)) or 0) + 1


def _let_go(session: Session, row: QueueRow, status: QueueStatus, reason: str) -> None:
    if not status.ended:
        row.position = _first_position(session)
    row.status, row.reason, row.request = str(status), reason, ""
    row.owner, row.lease_until, row.speed = "", None, None
    session.flush()


def _hold(session: Session, claim: Claim) -> None:
    """Lock the entry's row for the rest of the transaction; LostClaimError if the fence is another.

    A fence that is only read would not do: between the look and the commit somebody else may take the entry over.
    """
    mine = (QueueRow.id == claim.entry_id) & (QueueRow.fence == claim.fence) & (QueueRow.owner != "")
    locked = session.execute(update(QueueRow).where(mine).values(fence=QueueRow.fence))
    if cast("CursorResult[Any]", locked).rowcount != 1:
        raise _lost()


def _lost() -> LostClaimError:
    return LostClaimError(_("Another program has taken this over meanwhile; nothing more of it is stored from here."))


def _unknown(text: str) -> UserError:
    return UserError(_("There is no entry {text!r} in the queue; list the queue to see what is.", text=text))


def _row(session: Session, entry_id: str) -> QueueRow:
    row = session.scalars(select(QueueRow).where(QueueRow.id == entry_id).with_for_update()).one_or_none()
    if row is None:
        raise _unknown(entry_id)
    return row


def _run_ids(row: QueueRow) -> list[str]:
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


def _status(row: QueueRow) -> QueueStatus:
    """A word of a newer or damaged history counts as stopped: nothing is trained by it."""
    try:
        return QueueStatus(row.status)
    except ValueError:
        return QueueStatus.STOPPED


def _request(word: str) -> QueueRequest:
    try:
        return QueueRequest(word)
    except ValueError:
        return QueueRequest.GO_ON


def _in_order(session: Session) -> list[QueueEntry]:
    """What has not ended, numbered."""
    entries = _entries(session, select(QueueRow).where(_NOT_ENDED).order_by(*_ORDER))
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


def _entries(session: Session, query: Select[Any]) -> list[QueueEntry]:
    rows = list(session.scalars(query))
    ids = [_run_ids(row) for row in rows]
    wanted = RunRow.id.in_([run_id for some in ids for run_id in some]) & RunRow.deleted_at.is_(None)
    records = {run.id: run for run in runs.records(session, wanted)[0]} if rows else {}
    query_cohorts = select(CohortRow).where(CohortRow.key.in_([row.cohort_key for row in rows]))
    cohorts = {cohort.key: cohort for cohort in session.scalars(query_cohorts)}
    return [
        _record(row, cohorts[row.cohort_key], [records[run_id] for run_id in some if run_id in records])
        for row, some in zip(rows, ids, strict=True)
        if row.cohort_key in cohorts
    ]


def _one(session: Session, entry_id: str) -> QueueEntry:
    """One entry, without reading all that wait beside it."""
    found = _entries(session, select(QueueRow).where(QueueRow.id == entry_id))
    if not found:
        raise _unknown(entry_id)
    (entry,) = found
    if entry.status.ended or not (entry.runs or entry.claimed):
        return entry
    there = workers.offered(session) if entry.needs else None
    return replace(entry, place=_place(session, entry_id), lacking=_lacking(entry, there))


def _place(session: Session, entry_id: str) -> int:
    """As :func:`_in_order` counts, of an entry that it lists."""
    columns = select(QueueRow.id, QueueRow.run_ids, QueueRow.owner).where(_NOT_ENDED).order_by(*_ORDER)
    before = list(takewhile(lambda row: row.id != entry_id, session.execute(columns)))
    ids = [_ids_in(row.run_ids) for row in before]
    named = [run_id for some in ids for run_id in some]
    kept = set(session.scalars(select(RunRow.id).where(RunRow.id.in_(named), RunRow.deleted_at.is_(None))))
    return 1 + sum(bool(row.owner) or not kept.isdisjoint(some) for row, some in zip(before, ids, strict=True))


def _record(row: QueueRow, cohort: CohortRow, members: Sequence[RunRecord]) -> QueueEntry:
    status, request = _status(row), _request(row.request)
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
