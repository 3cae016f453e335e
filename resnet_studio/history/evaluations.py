"""Evaluations in and out: a light row for lists, compressed arrays for who opens one, weights of each member."""

from __future__ import annotations

import json
import logging
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Select, delete, exists, select
from sqlalchemy.orm import Session

from resnet_studio.domain.documents import from_json, to_json
from resnet_studio.domain.errors import SpecError, StoreError, UserError
from resnet_studio.domain.protocols import Protocol
from resnet_studio.domain.records import Evaluation, EvaluationSummary
from resnet_studio.history import runs
from resnet_studio.history.odd_values import OddValueError, refuse_odd, shown
from resnet_studio.history.schema import EvaluationMemberRow, EvaluationRow, RunRow
from resnet_studio.history.storage import Storage
from resnet_studio.history.stored_specs import what_helps
from resnet_studio.platform.run_folder import is_run_id
from resnet_studio.text import _

_COUNTS, _CLASSES, _SHARES = "<i8", "<i4", "<f4"  # as stored, whatever machine wrote them

log = logging.getLogger(__name__)

_LIGHT = (
    EvaluationRow.key,
    EvaluationRow.id,
    EvaluationRow.protocol,
    EvaluationRow.data,
    EvaluationRow.data_seed,
    EvaluationRow.data_sha256,
    EvaluationRow.images,
    EvaluationRow.classes,
    EvaluationRow.left_out,
    EvaluationRow.top1_error,
    EvaluationRow.top5_error,
    EvaluationRow.created_at,
    EvaluationRow.seconds,
)


_MEMBER = (
    EvaluationMemberRow.weights_sha256,
    EvaluationMemberRow.iteration,
    EvaluationMemberRow.top1_error,
)
_LONGEST = 1 << 28  # bytes of an evaluation's names
_MOST = 10**9  # images, or classes


class EvaluationStore:
    """The part of the run store that keeps evaluations. An id that nobody knows is a UserError.

    Attributes:
        unreadable_evaluations: What the latest look at all evaluations had to leave out, each with the reason.
    """

    _storage: Storage
    unreadable_evaluations: dict[str, str]

    def add_evaluation(self, evaluation: Evaluation) -> Evaluation:
        """Store a whole evaluation, beside all earlier ones, in one transaction; returns it.

        Raises:
            UserError: If one of its runs is not in this history, or one of that id is.
            StoreError: If this program may not write.
        """
        row = _row(evaluation)
        with self._storage.writing() as session:
            if session.scalar(select(exists().where(EvaluationRow.id == evaluation.id))):
                raise UserError(_("The evaluation {id} is stored already.", id=evaluation.id[:8]))
            keys = {run_id: run.key for run_id, run in runs.rows_by_id(session, evaluation.run_ids).items()}
            session.add(row)
            session.flush()
            own = evaluation.member_errors or (None,) * len(evaluation.run_ids)
            members = zip(evaluation.run_ids, evaluation.weights, evaluation.iterations, own, strict=True)
            session.add_all(
                EvaluationMemberRow(
                    evaluation_key=row.key,
                    position=position,
                    run_key=keys[run_id],
                    weights_sha256=weights,
                    iteration=iteration,
                    top1_error=error,
                )
                for position, (run_id, weights, iteration, error) in enumerate(members)
            )
        return evaluation

    def evaluations(self, run_id: str | None = None) -> tuple[EvaluationSummary, ...]:
        """Newest first, without a look at any image: all of ``run_id``, or of all runs that are not deleted.

        An ensemble is listed with each of its members. One that makes no sense is left out, and named in
        :attr:`unreadable_evaluations`.
        """
        with self._storage.reading() as session:
            query = select(*_LIGHT).order_by(EvaluationRow.key.desc())
            if run_id is None:
                query = query.where(EvaluationRow.key.not_in(_keys(RunRow.deleted_at.is_not(None))))
            else:
                key = runs.rows_by_id(session, [run_id])[run_id].key
                query = query.where(EvaluationRow.key.in_(_keys(RunRow.key == key)))
            rows = session.execute(query).all()
            members = _members(session, [row.key for row in rows])
        found, unreadable = [], {}
        for row in rows:
            try:
                found.append(_summary(row, members[row.key]))
            except StoreError as error:
                log.warning("the evaluation %s is left out: %s", row.id, error)
                unreadable[str(row.id)] = error.sentence
        if run_id is None:
            self.unreadable_evaluations = unreadable
        return tuple(found)

    def evaluation(self, evaluation_id: str) -> Evaluation:
        """One with all its images.

        Raises:
            UserError: If there is none.
            StoreError: If what is stored of it is damaged.
        """
        with self._storage.reading() as session:
            row = session.scalars(select(EvaluationRow).where(EvaluationRow.id == evaluation_id)).one_or_none()
            if row is None:
                raise _unknown(evaluation_id)
            return _whole(row, _members(session, [row.key])[row.key])

    def delete_evaluation(self, evaluation_id: str) -> None:
        """Remove one for good."""
        with self._storage.writing() as session:
            key = session.scalar(select(EvaluationRow.key).where(EvaluationRow.id == evaluation_id))
            if key is None:
                raise _unknown(evaluation_id)
            session.execute(delete(EvaluationRow).where(EvaluationRow.key == key))


def remove_of_runs(session: Session, condition: Any) -> None:
    """Remove every evaluation of the runs that meet ``condition``, ensembles included."""
    session.execute(delete(EvaluationRow).where(EvaluationRow.key.in_(_keys(condition))))


def _keys(condition: Any) -> Select[int]:
    """Keys of the evaluations with a member among the runs that meet ``condition``."""
    return select(EvaluationMemberRow.evaluation_key).join(RunRow).where(condition)


def _unknown(evaluation_id: str) -> UserError:
    return UserError(
        _(
            "There is no evaluation {evaluation_id!r} in this history; it may have been deleted.",
            evaluation_id=evaluation_id[:32],
        )
    )


def _members(session: Session, keys: Sequence[int]) -> dict[int, list[Any]]:
    """By evaluation, in order: rows with the run's ``id`` and the weights it has ``now`` beside the member's own."""
    found: dict[int, list[Any]] = defaultdict(list)
    columns = (
        EvaluationMemberRow.evaluation_key,
        EvaluationMemberRow.weights_sha256,
        EvaluationMemberRow.iteration,
        EvaluationMemberRow.top1_error,
        RunRow.id,
        RunRow.weights_sha256.label("now"),
    )
    query = select(*columns).join(RunRow).order_by(EvaluationMemberRow.evaluation_key, EvaluationMemberRow.position)
    for part in _parts(keys):
        for row in session.execute(query.where(EvaluationMemberRow.evaluation_key.in_(part))):
            found[row.evaluation_key].append(row)
    return found


def _parts(keys: Sequence[int], size: int = 500) -> Iterable[Sequence[int]]:
    """Databases limit the number of values in one statement."""
    return (keys[start : start + size] for start in range(0, len(keys), size))


def _errors(members: Sequence[Any]) -> tuple[float, ...]:
    return tuple(member.top1_error for member in members if member.top1_error is not None)


def _protocol(text: str) -> Protocol:
    try:
        return from_json(Protocol, text)
    except SpecError as error:
        raise StoreError(
            _(
                "A stored test protocol cannot be read ({error}); {advice}.",
                error=error,
                advice=what_helps(error),
            )
        ) from error


def _refuse_odd(row: Any, members: Sequence[Any], columns: Iterable[Any]) -> None:
    try:
        refuse_odd(row, columns)
        for member in members:
            refuse_odd(member, _MEMBER)
            if not is_run_id(member.id):
                raise OddValueError(_("its run has the id {id}", id=shown(member.id)))
        if not members:
            raise OddValueError(_("no run belongs to it"))
        if not all(0 <= count <= _MOST for count in (row.images, row.classes, row.left_out)):
            raise OddValueError(_("its counts cannot be"))
    except OddValueError as error:
        raise _damaged(row, error) from None


def _damaged(row: Any, error: Exception) -> StoreError:
    return StoreError(
        _(
            "The stored evaluation {id} is damaged ({error}); delete it and evaluate again.",
            id=str(row.id)[:8],
            error=error,
        )
    )


def _summary(row: Any, members: Sequence[Any]) -> EvaluationSummary:
    _refuse_odd(row, members, _LIGHT)
    return EvaluationSummary(
        id=row.id,
        run_ids=tuple(member.id for member in members),
        protocol=_protocol(row.protocol),
        data=row.data,
        data_seed=row.data_seed,
        data_sha256=row.data_sha256,
        images=row.images,
        classes=row.classes,
        top1_error=row.top1_error,
        top5_error=row.top5_error,
        member_errors=_errors(members),
        weights=tuple(member.weights_sha256 for member in members),
        iterations=tuple(member.iteration for member in members),
        outdated=tuple(member.now != member.weights_sha256 for member in members),
        created_at=row.created_at,
        seconds=row.seconds,
        skipped=row.left_out,
    )


def _row(evaluation: Evaluation) -> EvaluationRow:
    return EvaluationRow(
        id=evaluation.id,
        protocol_key=evaluation.protocol.key,
        protocol=to_json(evaluation.protocol),
        data=evaluation.data,
        data_seed=evaluation.data_seed,
        data_sha256=evaluation.data_sha256,
        images=evaluation.images,
        classes=len(evaluation.class_names),
        left_out=len(evaluation.skipped),
        top1_error=evaluation.top1_error,
        top5_error=evaluation.top5_error,
        created_at=evaluation.created_at,
        seconds=evaluation.seconds,
        class_names=_packed_words(evaluation.class_names),
        skipped=_packed_words((*evaluation.skipped, *evaluation.notes)),
        confusion=_packed(evaluation.confusion, _COUNTS),
        labels=_packed(evaluation.labels, _CLASSES),
        predicted=_packed(evaluation.predicted, _CLASSES),
        confidence=_packed(evaluation.confidence, _SHARES),
        names=_packed_words(evaluation.names),
    )


_ALL = tuple(getattr(EvaluationRow, column.key) for column in EvaluationRow.__table__.columns)


def _whole(row: EvaluationRow, members: Sequence[Any]) -> Evaluation:
    _refuse_odd(row, members, _ALL)
    try:
        classes = row.classes
        beside = _words(row.skipped)
        skipped, notes = beside[: row.left_out], beside[row.left_out :]
        if len(skipped) != row.left_out:
            raise ValueError(f"{row.left_out} names were stored")
        return Evaluation(
            id=row.id,
            run_ids=tuple(member.id for member in members),
            protocol=_protocol(row.protocol),
            data=row.data,
            data_seed=row.data_seed,
            data_sha256=row.data_sha256,
            images=row.images,
            top1_error=row.top1_error,
            top5_error=row.top5_error,
            class_names=_words(row.class_names, classes),
            confusion=_array(row.confusion, _COUNTS, classes * classes).astype(np.int64).reshape(classes, classes),
            labels=_array(row.labels, _CLASSES, row.images).astype(np.int32),
            predicted=_array(row.predicted, _CLASSES, row.images).astype(np.int32),
            confidence=_array(row.confidence, _SHARES, row.images).astype(np.float32),
            names=_words(row.names, row.images),
            member_errors=_errors(members),
            weights=tuple(member.weights_sha256 for member in members),
            iterations=tuple(member.iteration for member in members),
            created_at=row.created_at,
            seconds=row.seconds,
            skipped=skipped,
            notes=notes,
        )
    except (zlib.error, ValueError, RecursionError) as error:
        raise _damaged(row, error) from error


def _packed(values: npt.NDArray[Any], kind: str) -> bytes:
    return zlib.compress(np.ascontiguousarray(values, dtype=kind).tobytes())


def _array(blob: bytes, kind: str, count: int) -> npt.NDArray[Any]:
    values = np.frombuffer(_unpacked(blob, count * np.dtype(kind).itemsize), kind)
    if len(values) != count:
        raise ValueError(f"{count} numbers were stored, {len(values)} are there")
    return values


def _unpacked(blob: bytes, most: int) -> bytes:
    """At most ``most`` bytes; raises ValueError if more are in it."""
    unpacker = zlib.decompressobj()
    found = unpacker.decompress(blob, most + 1)
    if len(found) > most:
        raise ValueError(f"more than {most} bytes are there")
    return found + unpacker.flush()


def _packed_words(words: Sequence[str]) -> bytes:
    return zlib.compress(json.dumps(list(words)).encode("ascii"))


def _words(blob: bytes, count: int | None = None) -> tuple[str, ...]:
    """So many, or any number of them."""
    words = json.loads(_unpacked(blob, _LONGEST))
    if not isinstance(words, list) or count not in (None, len(words)):
        raise ValueError(f"{count} names were stored")
    return tuple(str(word) for word in words)
