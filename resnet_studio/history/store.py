"""The run store: everything the program remembers of its runs. Records leave it, rows never do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Numeric, cast, extract, func, select, update

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import DiskFullError, StoreError
from resnet_studio.domain.queue import Claim
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import CohortSpec, RunSpec
from resnet_studio.history import curves as chunked
from resnet_studio.history import runs
from resnet_studio.history.analyses import AnalysisStore
from resnet_studio.history.clock import database_now
from resnet_studio.history.evaluations import EvaluationStore
from resnet_studio.history.measurements import MeasurementStore
from resnet_studio.history.queue.fenced_storage import FencedStorage
from resnet_studio.history.queue.store import QueueStore
from resnet_studio.history.run_changes import RunChanges
from resnet_studio.history.run_folders import checkpoints_there, lost_history, remove_run_folders, unlisted_runs
from resnet_studio.history.run_list import RunList
from resnet_studio.history.schema import (
    AnalysisRow,
    ArchivedRunRow,
    CohortRow,
    EvaluationRow,
    RunRow,
    TagRow,
)
from resnet_studio.history.storage import Requests, Storage, default_url, storage_at
from resnet_studio.platform.home import Home
from resnet_studio.text import _

_INTERRUPTED = _("ResNet Studio ended without warning while this run was training; resume it to go on.")


class RunStore(RunChanges, MeasurementStore, EvaluationStore, AnalysisStore, QueueStore):
    """The history of one home folder. Every method may be called from any thread.

    In a file one process at a time writes; a store that came second reads (``writable`` is False) and raises StoreError
    with a sentence from each method that would change something. On a server (``shared``) everybody writes, and whoever
    trains does so under a claim of the queue. A run id that nobody knows is a UserError everywhere.

    Attributes:
        home: The folder this history lies in.
        interrupted_at_start: Ids of the runs that a process was training when it died, found when this store got the
            right to write; of a shared history those whose claim had run out.
        unreadable: Runs that the latest :meth:`list_runs` had to leave out, each with the sentence that says why.
        unreadable_deleted: The same of deleted runs.
    """

    def __init__(self, home: Home, storage: Storage) -> None:
        self.home = home
        self.interrupted_at_start: tuple[str, ...] = ()
        self.unreadable: dict[str, str] = {}
        self.unreadable_deleted: dict[str, str] = {}
        self.unreadable_evaluations: dict[str, str] = {}
        self._storage = storage
        self._listed = RunList()
        self._lost = ""

    @classmethod
    def open(cls, home: Home, *, writer: bool = True, wait_seconds: float = 0.0) -> RunStore:
        """The history of ``home`` at its usual place; see :func:`open_history`."""
        return cls.open_url(home, default_url(home), writer=writer, wait_seconds=wait_seconds)

    @classmethod
    def open_url(cls, home: Home, url: str, *, writer: bool, wait_seconds: float) -> RunStore:
        storage = storage_at(url)
        store = cls(home.prepare(), storage)
        store._lost = lost_history(home, storage)
        try:
            if not (writer and store._begin_writing(wait_seconds)):
                store._storage.open_for_reading()
                if store._storage.restored:
                    with cls.open_url(home, url, writer=True, wait_seconds=0.0) as other:
                        if other.writable:
                            other._look_into_folders()  # noqa: SLF001 - of the same class
                    store._lost = other._lost  # noqa: SLF001
        except BaseException:
            store.close()
            raise
        return store

    @property
    def where(self) -> str:
        """What people know the history by: a file, or a server and a name; never a password."""
        return self._storage.where

    @property
    def writable(self) -> bool:
        return self._storage.writable

    @property
    def shared(self) -> bool:
        """Other programs, on other machines too, write into it at the same time."""
        return self._storage.shared

    @property
    def claimed(self) -> bool:
        """This store is one of :meth:`under`."""
        return isinstance(self._storage, FencedStorage)

    @property
    def held_elsewhere(self) -> bool:
        """Another program writes; if it trains or has a window, :mod:`resnet_studio.history.steer` can ask it."""
        return self._storage.held_elsewhere

    @property
    def why_read_only(self) -> str:
        """The sentence that every refused change raises; empty when writable."""
        return self._storage.why_read_only

    @property
    def backup(self) -> Path | None:
        """The copy that was kept because this store migrated an older schema, else None."""
        return self._storage.backup

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences on what was wrong with the history when it was opened, empty if nothing was."""
        found = (self._storage.restored, self._lost, *self.unreadable.values())
        return tuple(sentence for sentence in found if sentence)

    @property
    def requests(self) -> Requests:
        """The way to the program that may write; see :mod:`resnet_studio.history.steer`."""
        return self._storage.requests

    def under(self, claim: Claim) -> RunStore:
        """This history for who trains under ``claim``: every change raises LostClaimError once it is lost."""
        return RunStore(self.home, self.fenced(claim))

    def become_writer(self) -> bool:
        """Try once to get the right to write; True when this store has it, now or before.

        Raises:
            StoreError: As :meth:`open`.
        """
        return self._begin_writing(0.0)

    def close(self) -> None:
        self._storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Runs in

    def create_cohort(self, cohort: CohortSpec, environment: Mapping[str, str] | None = None) -> tuple[RunRecord, ...]:
        """Store the runs of ``cohort`` as queued, in its order.

        ``environment`` has what training is to choose where the recipe leaves it open, as in the record of another run.
        """
        rows = runs.new_rows(cohort)
        for row in rows:
            row.environment = dict(environment or {})
        with self._storage.writing() as session:
            session.add_all(rows)
        return tuple(runs.to_record(row) for row in rows)

    def add_imported(
        self,
        spec: RunSpec,
        class_names: Sequence[str],
        environment: Mapping[str, str],
        write: Callable[[str], tuple[str, str]],
    ) -> RunRecord:
        """Store a run whose weights came from elsewhere, whole or not at all.

        Args:
            spec: The run's specification; the weights fit its network.
            class_names: One per output, in the order of the outputs.
            environment: What to store as the run's environment.
            write: Writes the files of the run whose id it is given, before the history knows of it; returns the
                checkpoint's folder (relative to the runs folder) and the digest of its weights.

        Raises:
            StoreError: If the disk is full or the files cannot be written; none of them stays behind.
        """
        row = runs.new_rows(CohortSpec(runs=(spec,)))[0]
        try:
            folder, sha256 = write(row.id)
            row.status, row.weights_sha256 = RunStatus.IMPORTED, sha256
            row.class_names, row.environment = list(class_names), dict(environment)
            with self._storage.writing() as session:
                session.add(row)
                session.flush()
                session.add(runs.checkpoint_row(row, 0, folder, sha256, seconds=0.0))
        except BaseException as error:
            remove_run_folders(self.home, [row.id])
            if isinstance(error, OSError):
                raise StoreError(
                    _(
                        "The weights cannot be written to {runs} ({strerror}); make room there.",
                        runs=self.home.runs,
                        strerror=error.strerror or error,
                    )
                ) from None
            raise
        return runs.to_record(row)

    def set_started(self, run_ids: Sequence[str], class_names: Sequence[str], environment: Mapping[str, str]) -> None:
        """Keep what the data turned out to be and what the bits depend on.

        Where a run goes on in another environment than it began in, what was different until then is kept as well.
        """
        with self._storage.writing() as session:
            for row in runs.rows_by_id(session, run_ids).values():
                row.class_names = list(class_names)
                row.environment = runs.environment_from_here(row.environment, environment, row.iteration)
                row.updated_at = runs.now()

    def change_environment(self, run_ids: Sequence[str], changes: Mapping[str, str]) -> None:
        """Some of what the bits depend on is no longer what :meth:`set_started` stored."""
        with self._storage.writing() as session:
            for row in runs.rows_by_id(session, run_ids).values():
                row.environment = {**row.environment, **changes}

    def set_status(self, run_id: str, status: RunStatus, reason: str = "", iteration: int | None = None) -> None:
        """``reason`` is a sentence or empty; ``iteration`` where it differs from what the curves say."""
        with runs.changing(self._storage, run_id) as (session, row):
            row.status, row.reason = RunStatus(status), reason
            if iteration is not None:
                row.iteration = iteration
            if not row.status.ended:
                row.ended_at = None
            elif row.ended_at is None:
                row.ended_at = database_now(session)
            if not (row.status.active or row.status is RunStatus.QUEUED):
                chunked.compact(session, row)

    def set_weights(self, run_id: str, sha256: str) -> None:
        """Digest of the weights the run has now."""
        with runs.changing(self._storage, run_id) as (_session, row):
            row.weights_sha256 = sha256

    def mark_interrupted(self) -> tuple[str, ...]:
        """Mark every run that is written down as active; only while nothing is training in this process.

        Returns:
            Their ids.
        """
        with self._storage.writing() as session:
            active = RunRow.status.in_(runs.ACTIVE)
            found = session.scalars(select(RunRow.id).where(active).order_by(RunRow.key)).all()
            marks = {"status": RunStatus.INTERRUPTED, "reason": _INTERRUPTED, "updated_at": runs.now()}
            session.execute(update(RunRow).where(active).values(marks))
            return tuple(found)

    # Runs out

    def get(self, run_id: str) -> RunRecord:
        """The run of a whole id, deleted or not; UserError if unknown."""
        with self._storage.reading() as session:
            row = session.scalars(runs.whole_runs().where(RunRow.id == run_id)).one_or_none()
            if row is None:
                raise runs.unknown(run_id)
            return runs.record(session, row)

    def find(self, text: str) -> RunRecord:
        """The run that a person means: an id, a unique prefix of one, or an exact name; deleted runs are left out.

        Raises:
            UserError: If none fits, or several do, which are named.
        """
        with self._storage.reading() as session:
            return runs.record(session, runs.find(session, text))

    def find_names(self, texts: Sequence[str], *, deleted: bool = False) -> dict[str, str]:
        """What runs are called, by id, as :meth:`find` finds them; also of those that cannot be read.

        With ``deleted``, they are looked for among the deleted runs instead of the others.
        """
        with self._storage.reading() as session:
            found = (runs.find(session, text, deleted=deleted) for text in texts)
            return {row.id: str(row.name) for row in found}

    def list_runs(self, *, deleted: bool = False, archived: bool = False) -> list[RunRecord]:
        """Every run that is neither deleted nor archived, or every one that is.

        The newest cohort comes first, its runs in cohort order.

        ``training_error`` is the mean of the last points, ``test_error`` the last point, ``best_test_error`` the
        smallest; None where not measured or not finite. No curve is read for it. A run whose row makes no sense (its
        specification is of a newer program, or was damaged) is left out and named in :attr:`unreadable`.
        """
        wanted = RunRow.deleted_at.is_not(None)
        if not deleted:
            put_away = runs.is_archived()
            wanted = RunRow.deleted_at.is_(None) & (put_away if archived else ~put_away)
        with self._storage.reading() as session:
            found, unreadable = runs.records(session, wanted, self._listed)
        if deleted:
            self.unreadable_deleted = unreadable
        elif not archived:
            self.unreadable = unreadable
        return found

    def fingerprint(self) -> object:
        """Another value whenever another program has changed what lists show, progress of training excepted.

        For a history that many share. Some milliseconds for ten thousand runs.
        """
        with self._storage.reading() as session:
            rest = RunRow.status.not_in(runs.ACTIVE)
            changes = func.sum(cast(extract("epoch", RunRow.updated_at), Numeric(24, 6)))
            ended = session.execute(select(func.count(), changes, func.count(RunRow.deleted_at)).where(rest)).one()
            shown = (RunRow.key, RunRow.status, RunRow.name, RunRow.note, RunRow.colour, RunRow.deleted_at)
            active = session.execute(select(*shown).where(~rest).order_by(RunRow.key)).all()
            tags = session.execute(
                select(TagRow.run_key, TagRow.tag, TagRow.position)
                .join(RunRow)
                .where(~rest)
                .order_by(TagRow.run_key, TagRow.position)
            ).all()
            others = [
                session.execute(select(func.count(), func.max(key))).one()
                for key in (ArchivedRunRow.run_key, EvaluationRow.key, AnalysisRow.key)
            ]
        return tuple(map(str, (ended, active, tags, others)))

    def cohort_runs(self, cohort_id: str) -> list[RunRecord]:
        """The runs of one cohort that :meth:`list_runs` lists, in the cohort's order; empty for an unknown cohort."""
        with self._storage.reading() as session:
            cohort = select(CohortRow.key).where(CohortRow.id == cohort_id)
            return runs.records(session, RunRow.cohort_key.in_(cohort) & RunRow.deleted_at.is_(None))[0]

    def _look_into_folders(self) -> None:
        """After damage: note checkpoints that are newer than the rows that could be had, and folders without a run."""
        for run in (*self.list_runs(), *self.list_runs(archived=True), *self.list_runs(deleted=True)):
            known = max((row.iteration for row in self.checkpoints(run.id)), default=-1)
            for found in reversed(checkpoints_there(self.home.run(run.id))):
                if found.iteration > known:
                    self.add_checkpoint(run.id, found.iteration, found.folder, found.weights_sha256, found.seconds)
        with self._storage.reading() as session:
            self._lost = unlisted_runs(self.home, session.scalars(select(RunRow.id)).all())

    def _begin_writing(self, wait_seconds: float) -> bool:
        before = self.writable
        if not self._storage.open_for_writing(wait_seconds):
            return False
        if not before:
            try:
                if self.shared:
                    self.interrupted_at_start = self.release_expired()
                else:
                    self.interrupted_at_start = self.mark_interrupted()
                    self._release_dead()
            except DiskFullError:
                self._storage.give_up_writing()
                return False
            if self._storage.restored:
                self._look_into_folders()
        return True


def open_history(
    where: Home | str, *, home: Home | None = None, writer: bool = True, wait_seconds: float = 0.0
) -> RunStore:
    """Open a history, whose home is prepared first; :attr:`RunStore.notices` tells what was found.

    A damaged history is replaced by what can be had of it unless another process writes; nothing is deleted.

    Args:
        where: A home, whose history lies in it or where it says, or a URL such as ``sqlite:///FILE``.
        home: Where the files of the runs lie, for a URL; the usual folder if left out.
        writer: Ask for the right to write; a missing or older history is then created or migrated (with a copy kept),
            and runs that a dead process left active become interrupted.
        wait_seconds: How long to wait for another process to give up that right before being content to read.

    Raises:
        StoreError: If the history was written by a newer program, or cannot be read.
        UserError: If the home folder cannot be made, or nothing is known of such a URL.
    """
    if isinstance(where, Home):
        return RunStore.open(where, writer=writer, wait_seconds=wait_seconds)
    return RunStore.open_url(home or Home.find(), where, writer=writer, wait_seconds=wait_seconds)
