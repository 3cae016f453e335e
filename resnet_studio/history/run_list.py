"""The list of all runs, quick for thousands: plain rows of one query, and a record made anew only where one changed.

Rows are decoded and checked column by column; where a value is odd, :mod:`resnet_studio.history.runs` reads them one
by one and says which.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, type_coerce
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.types import NullType

from resnet_studio.domain.errors import SpecError
from resnet_studio.domain.records import EvaluatedError, RunRecord
from resnet_studio.history.odd_values import Lenient, column_fits
from resnet_studio.history.schema import CohortRow, RunRow, TagRow
from resnet_studio.history.stored_specs import stored_spec
from resnet_studio.platform.run_folder import is_run_id

# In the order of a record's fields, between the key and the dates of deletion and end.
_COLUMNS: tuple[InstrumentedAttribute[Any], ...] = (
    RunRow.key, RunRow.id, CohortRow.id, RunRow.name, RunRow.status, RunRow.reason, RunRow.spec, RunRow.iteration,
    RunRow.training_error, RunRow.test_error, RunRow.best_test_error, RunRow.parameters, RunRow.multiply_adds,
    RunRow.weights_sha256, RunRow.created_at, RunRow.updated_at, RunRow.seconds, RunRow.colour, RunRow.note,
    CohortRow.study, RunRow.class_names, RunRow.environment, RunRow.deleted_at, RunRow.ended_at,
)  # fmt: skip
_KEY, _ID, _SPEC, _COLOUR = (_COLUMNS.index(each) for each in (RunRow.key, RunRow.id, RunRow.spec, RunRow.colour))
_CLASSES = _COLUMNS.index(RunRow.class_names)
_ROWS = (
    select(*(type_coerce(column, NullType()).label(f"c{place}") for place, column in enumerate(_COLUMNS)))
    .join_from(RunRow, CohortRow, CohortRow.key == RunRow.cohort_key, isouter=True)
    .order_by(RunRow.cohort_key.desc(), RunRow.position)
)
_COLOURS = re.compile(r"#[0-9a-fA-F]{6}")

_Beside = tuple[tuple[str, ...], tuple[EvaluatedError, ...], bool]  # tags, evaluated errors, whether archived


@dataclass(frozen=True, slots=True)
class _Kept:
    """A record and all that it was made of."""

    row: tuple[Any, ...]
    beside: _Beside
    record: RunRecord


class RunList:
    """Reads runs, and keeps what it has read for the next time; safe from any thread."""

    def __init__(self) -> None:
        self._kept: dict[int, _Kept] = {}

    def read(
        self, session: Session, condition: Any, errors: Mapping[str, tuple[EvaluatedError, ...]], archived: set[int]
    ) -> list[RunRecord] | None:
        """The runs that meet ``condition``, the newest cohort first, in cohort order within; None if one is odd.

        Args:
            session: Open for reading.
            condition: An SQL expression over the runs' table.
            errors: By run id, what the runs got in evaluations.
            archived: Keys of the runs in the archive.
        """
        rows = [tuple(row) for row in session.execute(_ROWS.where(condition))]
        tags = _tags(session, condition)
        besides: list[_Beside] = [(tags.get(r[_KEY], ()), errors.get(r[_ID], ()), r[_KEY] in archived) for r in rows]
        new = []
        for row, beside in zip(rows, besides, strict=True):
            kept = self._kept.get(row[_KEY])
            if kept is None or kept.row != row or kept.beside != beside:
                new.append((row, beside))
        if new and not self._keep(new, session.get_bind().dialect):
            return None
        return [self._kept[row[_KEY]].record for row in rows]

    def _keep(self, new: Sequence[tuple[tuple[Any, ...], _Beside]], dialect: Dialect) -> bool:
        """Whether all of them could be read."""
        decoded = _decoded([row for row, _beside in new], dialect)
        words = [tag for _row, beside in new for tag in beside[0]]
        if decoded is None or not column_fits(TagRow.tag, words):
            return False
        for (row, beside), values in zip(new, decoded, strict=True):
            tags, errors, archived = beside
            classes, environment, deleted_at, ended_at = values[_CLASSES:]
            after = (tags, tuple(classes), dict(environment), deleted_at is not None, archived, errors, ended_at)
            fields: tuple[Any, ...] = (*values[_ID:_CLASSES], *after)
            record = RunRecord(*fields)
            self._kept[row[_KEY]] = _Kept(row, beside, record)
        return True


def _tags(session: Session, condition: Any) -> dict[int, tuple[str, ...]]:
    """By key of the run."""
    query = select(TagRow.run_key, TagRow.tag).join(RunRow, RunRow.key == TagRow.run_key).where(condition)
    found = defaultdict(list)
    for key, tag in session.execute(query.order_by(TagRow.position)):
        found[key].append(tag)
    return {key: tuple(tags) for key, tags in found.items()}


def _each_once(read: Callable[[Any], Any], stored: Sequence[Any]) -> list[Any]:
    """Equal values are read once, where the driver hands out such as can be compared quickly."""
    try:
        by_stored = {value: read(value) for value in set(stored)}
    except TypeError:  # lists and dictionaries
        return [read(value) for value in stored]
    return [by_stored[value] for value in stored]


def _decoded(rows: Sequence[tuple[Any, ...]], dialect: Dialect) -> list[tuple[Any, ...]] | None:
    """The values as their columns have them; None if one of them is odd."""
    columns = []
    for place, (column, stored) in enumerate(zip(_COLUMNS, zip(*rows, strict=True), strict=True)):
        values: Sequence[Any] = stored
        kind = column.type  # of other kinds drivers hand out what the column has
        read = kind.dialect_impl(dialect).result_processor(dialect, None) if isinstance(kind, Lenient) else None
        if read is not None:
            values = _each_once(read, stored)
        if not column_fits(column, values):
            return None
        if place == _SPEC:
            try:
                values = [stored_spec(text) for text in values]
            except SpecError:
                return None
        columns.append(values)
    if not all(map(is_run_id, columns[_ID])) or not all(map(_COLOURS.fullmatch, set(columns[_COLOUR]))):
        return None
    return list(zip(*columns, strict=True))
