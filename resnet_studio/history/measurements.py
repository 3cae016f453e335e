"""Curves and checkpoints of the run store: what training measures and keeps."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select

from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.records import CheckpointRecord, Curve
from resnet_studio.domain.series import Series
from resnet_studio.history import curves as chunked
from resnet_studio.history import runs
from resnet_studio.history.schema import CheckpointRow, RunRow
from resnet_studio.history.storage import Storage


class MeasurementStore:
    """The part of the run store that keeps curves, and says where checkpoints lie."""

    _storage: Storage

    def append_chunks(self, chunks: Sequence[CurveChunk]) -> None:
        """Store the chunks of a whole cohort in one transaction; iteration, errors and seconds of the runs follow.

        Raises:
            ValueError: If a chunk does not lie wholly after what is stored of its series; nothing is stored then.
        """
        if not chunks:
            return
        with self._storage.writing() as session:
            rows = runs.rows_by_id(session, (chunk.run_id for chunk in chunks))
            chunked.append(session, rows, chunks)
            for row in rows.values():
                row.updated_at = runs.now()

    def truncate_curves(self, run_id: str, after_iteration: int) -> None:
        """Drop every point of an iteration beyond ``after_iteration``; the list columns are those of what is left."""
        with runs.changing(self._storage, run_id) as (session, row):
            chunked.truncate(session, row, after_iteration)

    def curve(self, run_id: str, series: Series) -> Curve:
        """The whole series, empty if nothing was measured."""
        return self.curves([run_id], [series])[run_id, Series(series)]

    def curves(self, run_ids: Sequence[str], series: Sequence[Series]) -> dict[tuple[str, Series], Curve]:
        """Every combination, from one consistent view: the curves of twins are of one moment."""
        kinds = [Series(each) for each in series]
        with self._storage.reading() as session:
            keys = {run_id: row.key for run_id, row in runs.rows_by_id(session, run_ids).items()}
            found = chunked.read(session, list(keys.values()), kinds)
        return {
            (run_id, kind): Curve(run_id, kind, *found.get((key, kind), chunked.nothing(kind)))
            for run_id, key in keys.items()
            for kind in kinds
        }

    def odd_pieces(self) -> dict[str, int]:
        """By run id, how many pieces of its curves make no sense; they are left out of :meth:`curves`."""
        with self._storage.reading() as session:
            counts = chunked.odd_chunks(session)
            names = session.execute(select(RunRow.id, RunRow.key).where(RunRow.key.in_(counts)))
            return {str(run_id): counts[key] for run_id, key in names}

    def add_checkpoint(self, run_id: str, iteration: int, folder: str, weights_sha256: str, seconds: float) -> None:
        """Write down a whole checkpoint that lies in ``folder`` (relative to the runs folder).

        One of the same iteration is replaced. The digest becomes the run's as well, in the same transaction.
        """
        with runs.changing(self._storage, run_id) as (session, run):
            session.merge(runs.checkpoint_row(run, iteration, folder, weights_sha256, seconds))
            run.weights_sha256 = weights_sha256

    def checkpoints(self, run_id: str) -> list[CheckpointRecord]:
        """Newest first."""
        with self._storage.reading() as session:
            key = runs.rows_by_id(session, [run_id])[run_id].key
            return runs.checkpoint_records(session, run_id, key)

    def drop_checkpoint(self, run_id: str, iteration: int) -> None:
        """Forget a checkpoint, if there is one; its files are the caller's."""
        with self._storage.writing() as session:
            key = runs.rows_by_id(session, [run_id])[run_id].key
            mine = (CheckpointRow.run_key == key) & (CheckpointRow.iteration == iteration)
            session.execute(delete(CheckpointRow).where(mine))
