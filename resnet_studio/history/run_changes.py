"""What a person changes of stored runs: names, tags, notes and colours, what is put away and what is deleted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from resnet_studio.domain.errors import StoreError, UserError
from resnet_studio.history import runs
from resnet_studio.history.analyses import remove_analyses_of_runs
from resnet_studio.history.evaluations import remove_of_runs
from resnet_studio.history.run_folders import remove_run_folders
from resnet_studio.history.schema import ArchivedRunRow, CohortRow, RunRow
from resnet_studio.history.sessions import locked
from resnet_studio.history.storage import Storage
from resnet_studio.platform.home import Home
from resnet_studio.text import _


class RunChanges:
    """The part of the run store that changes runs and removes them."""

    home: Home
    _storage: Storage

    def rename(self, run_id: str, name: str) -> None:
        """Raises UserError for an empty or a very long name."""
        name = runs.checked_name(name)
        with runs.changing(self._storage, run_id) as (_session, row):
            row.name = name

    def set_tags(self, run_id: str, tags: Sequence[str]) -> None:
        """Replace the run's tags; white space around them, empty ones and repetitions are dropped."""
        kept = runs.checked_tags(tags)
        with self._storage.writing() as session:
            query = locked(session, runs.whole_runs().where(RunRow.id == run_id), RunRow)
            row = session.scalars(query).one_or_none()
            if row is None:
                raise runs.unknown(run_id)
            row.tags.clear()
            session.flush()
            row.tags = runs.tag_rows(kept)
            row.updated_at = runs.now()

    def set_note(self, run_id: str, note: str) -> None:
        with runs.changing(self._storage, run_id) as (_session, row):
            row.note = note

    def set_colour(self, run_id: str, colour: str) -> None:
        """``#rrggbb``; UserError for anything else."""
        colour = runs.checked_colour(colour)
        with runs.changing(self._storage, run_id) as (_session, row):
            row.colour = colour

    def archive(self, run_ids: Sequence[str]) -> None:
        """Leave runs out of the lists; they stay whole. UserError, and nothing done, if one of them is active."""
        with self._storage.writing() as session:
            rows = runs.rows_by_id(session, run_ids).values()
            active = [row.name for row in rows if row.status.active]
            if active:
                raise UserError(
                    _("{active}: a run in training cannot be archived; stop it first.", active=", ".join(active))
                )
            for row in rows:
                session.merge(ArchivedRunRow(run_key=row.key, archived_at=runs.now()))

    def unarchive(self, run_ids: Sequence[str]) -> None:
        """Undo :meth:`archive`."""
        with self._storage.writing() as session:
            keys = [row.key for row in runs.rows_by_id(session, run_ids).values()]
            session.execute(delete(ArchivedRunRow).where(ArchivedRunRow.run_key.in_(keys)))

    def delete(self, run_ids: Sequence[str]) -> None:
        """Hide runs until they are restored or purged; UserError, and nothing done, if one of them is active."""
        with self._storage.writing() as session:
            rows = runs.rows_by_id(session, run_ids).values()
            active = [row.name for row in rows if runs.active(row)]
            if active:
                raise UserError(
                    _("{active}: a run in training cannot be deleted; stop it first.", active=", ".join(active))
                )
            for row in rows:
                row.deleted_at = row.deleted_at if isinstance(row.deleted_at, datetime) else runs.now()

    def restore(self, run_ids: Sequence[str]) -> None:
        """Undo :meth:`delete`."""
        with self._storage.writing() as session:
            for row in runs.rows_by_id(session, run_ids).values():
                row.deleted_at = None

    def purge_deleted(self, older_than: timedelta = timedelta(0)) -> int:
        """Remove for good the runs that were deleted at least ``older_than`` ago.

        Their folders, evaluations and analyses go with them.

        Returns:
            How many were removed.

        Raises:
            StoreError: If a folder cannot be removed; its run stays deleted, the others are gone.
        """
        with self._storage.writing() as session:
            deleted = select(RunRow).where(RunRow.deleted_at.is_not(None)).order_by(RunRow.key)
            for row in session.scalars(locked(session, deleted, RunRow)):
                if not isinstance(row.deleted_at, datetime):
                    row.deleted_at = runs.now()
            session.flush()
            ended = RunRow.status.not_in(runs.ACTIVE) | RunRow.status.is_(None)
            due = (RunRow.deleted_at <= runs.now() - older_than) & ended
            run_ids = session.scalars(select(RunRow.id).where(due)).all()
            stuck = remove_run_folders(self.home, run_ids)
            gone = due & RunRow.id.not_in(list(stuck))
            remove_of_runs(session, gone)
            remove_analyses_of_runs(session, gone)
            session.execute(delete(RunRow).where(gone))
            session.execute(delete(CohortRow).where(CohortRow.key.not_in(select(RunRow.cohort_key))))
        if stuck:
            folder, why = next(iter(stuck.values()))
            raise StoreError(
                _(
                    "The folder {folder} cannot be removed ({why}); close what uses it and delete again.",
                    folder=folder,
                    why=why,
                )
            )
        return len(run_ids)
