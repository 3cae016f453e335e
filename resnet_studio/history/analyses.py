"""Analyses in and out: a light row for lists, the compressed result for who opens one."""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, delete, exists, select
from sqlalchemy.orm import Session

from resnet_studio.domain.analyses.records import AnalysisRecord, AnalysisSummary
from resnet_studio.domain.analyses.rows import find_analysis
from resnet_studio.domain.errors import StoreError, UserError
from resnet_studio.history import runs
from resnet_studio.history.schema import AnalysisMemberRow, AnalysisRow, RunRow
from resnet_studio.history.storage import Storage
from resnet_studio.text import _

_LIGHT = tuple(column for column in AnalysisRow.__table__.columns if column.name != "result")


class AnalysisStore:
    """The part of the run store that keeps analyses. An id that nobody knows is a UserError."""

    _storage: Storage

    def add_analysis(self, record: AnalysisRecord) -> AnalysisRecord:
        """Store one, beside all earlier ones, in one transaction; returns it.

        Raises:
            UserError: If it is about no stored run, one of its runs is not in this history, or one of that id is.
            StoreError: If this program may not write.
        """
        if not record.run_ids:
            raise UserError(_("An analysis is stored with its runs; this one is of untrained designs alone."))
        row = _row(record)
        with self._storage.writing() as session:
            if session.scalar(select(exists().where(AnalysisRow.id == record.id))):
                raise UserError(_("The analysis {id} is stored already.", id=record.id[:8]))
            keys = {run_id: run.key for run_id, run in runs.rows_by_id(session, record.run_ids).items()}
            session.add(row)
            session.flush()
            members = zip(record.run_ids, record.weights, record.iterations, strict=True)
            session.add_all(
                AnalysisMemberRow(
                    analysis_key=row.key,
                    position=position,
                    run_key=keys[run_id],
                    weights_sha256=weights,
                    iteration=iteration,
                )
                for position, (run_id, weights, iteration) in enumerate(members)
            )
        return record

    def analyses(self, run_id: str | None = None, analysis: str | None = None) -> tuple[AnalysisSummary, ...]:
        """Newest first, without a look at any result: those of ``run_id``, or of all runs that are not deleted.

        ``analysis`` is the key of a row, for one kind alone; None: of all kinds.

        One about several runs is listed with each of them.
        """
        with self._storage.reading() as session:
            query = select(*_LIGHT).order_by(AnalysisRow.key.desc())
            if analysis is not None:
                query = query.where(AnalysisRow.analysis == analysis)
            if run_id is None:
                query = query.where(AnalysisRow.key.not_in(_keys(RunRow.deleted_at.is_not(None))))
            else:
                key = runs.rows_by_id(session, [run_id])[run_id].key
                query = query.where(AnalysisRow.key.in_(_keys(RunRow.key == key)))
            rows = session.execute(query).all()
            members = _members(session, [row.key for row in rows])
            return tuple(AnalysisSummary(**_light(row, members[row.key])) for row in rows)

    def analysis(self, analysis_id: str) -> AnalysisRecord:
        """One with its result.

        Raises:
            UserError: If there is none.
            StoreError: If what is stored of it is damaged, or is of an analysis that this program does not know.
        """
        with self._storage.reading() as session:
            row = session.scalars(select(AnalysisRow).where(AnalysisRow.id == analysis_id)).one_or_none()
            if row is None:
                raise _unknown(analysis_id)
            return _whole(row, _members(session, [row.key])[row.key])


def remove_analyses_of_runs(session: Session, condition: Any) -> None:
    """Remove every analysis of the runs that meet ``condition``, those about other runs too included."""
    session.execute(delete(AnalysisRow).where(AnalysisRow.key.in_(_keys(condition))))


def _keys(condition: Any) -> Select[int]:
    """Keys of the analyses with a member among the runs that meet ``condition``."""
    return select(AnalysisMemberRow.analysis_key).join(RunRow).where(condition)


def _unknown(analysis_id: str) -> UserError:
    return UserError(_("There is no analysis {id!r} in this history; it may have been deleted.", id=analysis_id[:32]))


def _members(session: Session, keys: Sequence[int]) -> dict[int, list[Any]]:
    """By analysis, in order: rows with the run's ``id`` and the weights it has ``now`` beside the member's own."""
    found: dict[int, list[Any]] = defaultdict(list)
    query = (
        select(
            AnalysisMemberRow.analysis_key,
            AnalysisMemberRow.weights_sha256,
            AnalysisMemberRow.iteration,
            RunRow.id,
            RunRow.weights_sha256.label("now"),
        )
        .join(RunRow)
        .order_by(AnalysisMemberRow.analysis_key, AnalysisMemberRow.position)
    )
    for start in range(0, len(keys), 500):  # databases limit the number of values in one statement
        part = AnalysisMemberRow.analysis_key.in_(keys[start : start + 500])
        for row in session.execute(query.where(part)):
            found[row.analysis_key].append(row)
    return found


def _light(row: Any, members: Sequence[Any]) -> dict[str, Any]:
    try:
        settings = json.loads(row.settings)
        if not isinstance(settings, dict):
            raise ValueError(settings)
    except ValueError as error:
        raise _damaged(row.id, error) from error
    return {
        "id": row.id,
        "analysis": row.analysis,
        "run_ids": tuple(member.id for member in members),
        "definition": row.definition,
        "settings": settings,
        "data": row.data,
        "data_seed": row.data_seed,
        "data_sha256": row.data_sha256,
        "images": row.images,
        "seed": row.seed,
        "weights": tuple(member.weights_sha256 for member in members),
        "iterations": tuple(member.iteration for member in members),
        "created_at": row.created_at,
        "seconds": row.seconds,
        "outdated": tuple(member.now != member.weights_sha256 for member in members),
    }


def _row(record: AnalysisRecord) -> AnalysisRow:
    return AnalysisRow(
        id=record.id,
        analysis=record.analysis,
        definition=record.definition,
        settings=json.dumps(record.settings),
        data=record.data,
        data_seed=record.data_seed,
        data_sha256=record.data_sha256,
        images=record.images,
        seed=record.seed,
        created_at=record.created_at,
        seconds=record.seconds,
        result=zlib.compress(json.dumps(record.result.to_json()).encode("ascii")),
    )


def _whole(row: AnalysisRow, members: Sequence[Any]) -> AnalysisRecord:
    try:
        values = json.loads(zlib.decompress(row.result))
    except (zlib.error, ValueError) as error:
        raise _damaged(row.id, error) from error
    try:
        kind = find_analysis(row.analysis).result
    except UserError as error:
        raise StoreError(
            _(
                "The stored analysis {id} is a {analysis!r}, which this ResNet Studio does not know; install the "
                "version that wrote it.",
                id=row.id[:8],
                analysis=row.analysis,
            )
        ) from error
    return AnalysisRecord(**_light(row, members), result=kind.from_json(values))


def _damaged(analysis_id: str, error: Exception) -> StoreError:
    return StoreError(
        _(
            "The stored analysis {id} is damaged ({error}); delete it and look into the networks again.",
            id=analysis_id[:8],
            error=error,
        )
    )
