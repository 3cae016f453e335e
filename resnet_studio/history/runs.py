"""Queries on runs, and the way from rows to records."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Select, exists, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session, joinedload, selectinload

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.colours import colour_for_depth
from resnet_studio.domain.documents import to_json
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import SpecError, StoreError, UserError
from resnet_studio.domain.records import CheckpointRecord, EvaluatedError, RunRecord
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.evaluated_errors import errors_by_run
from resnet_studio.history.odd_values import OddValueError, refuse_odd, shown
from resnet_studio.history.run_list import RunList
from resnet_studio.history.schema import (
    NAME_LENGTH,
    TAG_LENGTH,
    ArchivedRunRow,
    CheckpointRow,
    CohortRow,
    RunRow,
    TagRow,
)
from resnet_studio.history.sessions import locked
from resnet_studio.history.storage import Storage
from resnet_studio.history.stored_specs import stored_spec, what_helps
from resnet_studio.platform.run_folder import is_run_id
from resnet_studio.text import _

log = logging.getLogger(__name__)

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_NAMED_AT_MOST = 5
ACTIVE = [status for status in RunStatus if status.active]


def now() -> datetime:
    return datetime.now(UTC)


def whole_runs() -> Select[Any]:
    """Runs with all that a record needs, newest cohort first, in cohort order within. Touches no table with blobs."""
    return (
        select(RunRow)
        .options(joinedload(RunRow.cohort), selectinload(RunRow.tags))
        .order_by(RunRow.cohort_key.desc(), RunRow.position)
    )


def new_rows(cohort: CohortSpec) -> list[RunRow]:
    """The queued runs of ``cohort``, not yet in a session."""
    created = now()
    parent = CohortRow(id=uuid4().hex, name=cohort.label[:NAME_LENGTH], study=cohort.study, created_at=created)
    rows = []
    for position, spec in enumerate(cohort.runs):
        plan = blueprint(spec.network)
        rows.append(
            RunRow(
                id=uuid4().hex,
                cohort=parent,
                position=position,
                name=spec.label,
                status=RunStatus.QUEUED,
                reason="",
                spec=to_json(spec),
                iteration=0,
                parameters=plan.parameters,
                multiply_adds=plan.multiply_adds,
                created_at=created,
                updated_at=created,
                seconds=0.0,
                colour=colour_for_depth(spec.network.depth),
                note="",
                class_names=[],
                environment={},
                tags=[],
            )
        )
    return rows


_UNTIL = "until_iteration_"


def environment_from_here(before: Mapping[str, str], now: Mapping[str, str], iteration: int) -> dict[str, str]:
    """``now``, and under ``until_iteration_N`` what was different in the iterations that were trained before."""
    kept = {key: value for key, value in before.items() if key.startswith(_UNTIL)}
    changed = [f"{key} {before[key]}" for key in sorted(before) if key not in kept and before[key] != now.get(key)]
    if iteration and changed:
        kept[f"{_UNTIL}{iteration}"] = "; ".join(changed)
    return {**now, **kept}


def to_record(row: RunRow, evaluated: tuple[EvaluatedError, ...] = (), *, archived: bool = False) -> RunRecord:
    """Detached and frozen; ``row`` must come from :func:`whole_runs` or :func:`new_rows`.

    Raises:
        StoreError: If one of its values makes no sense.
    """
    if not is_run_id(row.id):
        raise StoreError(
            _(
                "Run {name} has the id {id}, which no run can have; it is left out.",
                name=_shown_name(row.name),
                id=shown(row.id),
            )
        )
    try:
        _refuse_odd(row)
    except OddValueError as error:
        raise StoreError(
            _(
                "Run {name} ({run_id}) cannot be read ({error}); it is left out, and its folder is as it was.",
                name=_shown_name(row.name),
                run_id=row.id[:8],
                error=error,
            )
        ) from None
    try:
        spec = stored_spec(row.spec)
    except SpecError as error:
        raise StoreError(
            _(
                "The specification of run {id} ({name}) cannot be read ({error}); {advice}.",
                advice=what_helps(error),
                id=row.id[:8],
                name=row.name,
                error=error,
            )
        ) from error
    return RunRecord(
        id=row.id,
        cohort_id=row.cohort.id,
        name=row.name,
        status=row.status,
        reason=row.reason,
        spec=spec,
        iteration=row.iteration,
        training_error=row.training_error,
        test_error=row.test_error,
        best_test_error=row.best_test_error,
        parameters=row.parameters,
        multiply_adds=row.multiply_adds,
        weights_sha256=row.weights_sha256,
        created_at=row.created_at,
        updated_at=row.updated_at,
        seconds=row.seconds,
        colour=row.colour,
        note=row.note,
        study=row.cohort.study,
        tags=tuple(tag.tag for tag in row.tags),
        class_names=tuple(row.class_names),
        environment=dict(row.environment),
        deleted=row.deleted_at is not None,
        archived=archived,
        evaluated=evaluated,
        ended_at=row.ended_at,
    )


def _errors_or_none(session: Session, condition: Any) -> Mapping[str, tuple[EvaluatedError, ...]]:
    """Runs are listed also where evaluations are damaged."""
    try:
        return errors_by_run(session, condition)
    except DatabaseError as error:
        log.warning("evaluations cannot be read: %s", error)
        return {}


def record(session: Session, row: RunRow) -> RunRecord:
    """As :func:`to_record`, with what the run got in evaluations."""
    errors = _errors_or_none(session, RunRow.id == row.id).get(row.id, ())
    return to_record(row, errors, archived=bool(session.scalar(select(exists().where(_in_archive(row.key))))))


def _in_archive(key: int) -> Any:
    return ArchivedRunRow.run_key == key


def is_archived() -> Any:
    """The condition that a run lies in the archive."""
    return RunRow.key.in_(select(ArchivedRunRow.run_key))


_CHECKED = (
    RunRow.name, RunRow.status, RunRow.reason, RunRow.spec, RunRow.iteration, RunRow.training_error, RunRow.test_error,
    RunRow.best_test_error, RunRow.parameters, RunRow.multiply_adds, RunRow.weights_sha256, RunRow.created_at,
    RunRow.updated_at, RunRow.seconds, RunRow.colour, RunRow.note, RunRow.class_names, RunRow.environment,
    RunRow.ended_at,
)  # fmt: skip
_CHECKED_OF_COHORT = (CohortRow.id, CohortRow.study)
_CHECKED_OF_TAG = (TagRow.tag,)


def _refuse_odd(row: RunRow) -> None:
    """Of all that a record holds, but the id and what the specification says."""
    refuse_odd(row, _CHECKED)
    if row.cohort is None:
        raise OddValueError(_("it belongs to no cohort"))
    refuse_odd(row.cohort, _CHECKED_OF_COHORT)
    for tag in row.tags:
        refuse_odd(tag, _CHECKED_OF_TAG)
    if not _COLOUR.fullmatch(row.colour):
        raise OddValueError(_("its {column} is {stored}", column="colour", stored=shown(row.colour)))


def _shown_name(name: object) -> str:
    return name[:80] if isinstance(name, str) else shown(name)


def records(
    session: Session, condition: Any, listed: RunList | None = None
) -> tuple[list[RunRecord], dict[str, str]]:  # fmt: skip
    """The runs that meet ``condition``, an SQL expression, in the order of :func:`whole_runs`.

    ``listed`` keeps what it has read for the next time; worth it where they are many.

    Returns:
        Those that can be read, and of the others the ids, each with a sentence.
    """
    errors = _errors_or_none(session, condition)
    archived = set(session.scalars(select(ArchivedRunRow.run_key)))
    quick = None if listed is None else listed.read(session, condition, errors, archived)
    if quick is not None:
        return quick, {}
    found, unreadable = [], {}
    for row in session.scalars(whole_runs().where(condition)):
        try:
            found.append(to_record(row, errors.get(row.id, ()), archived=row.key in archived))
        except StoreError as error:
            log.info("a run cannot be read: %s", error)  # whoever asked for the list says so
            unreadable[str(row.id)] = error.sentence
    return found, unreadable


_CHECKED_OF_CHECKPOINT = (
    CheckpointRow.iteration, CheckpointRow.folder, CheckpointRow.weights_sha256, CheckpointRow.seconds,
    CheckpointRow.created_at,
)  # fmt: skip


def to_checkpoint_record(run_id: str, row: CheckpointRow) -> CheckpointRecord:
    """Raises OddValueError if one of its values makes no sense."""
    refuse_odd(row, _CHECKED_OF_CHECKPOINT)
    return CheckpointRecord(
        run_id=run_id,
        iteration=row.iteration,
        folder=row.folder,
        weights_sha256=row.weights_sha256,
        seconds=row.seconds,
        created_at=row.created_at,
    )


def checkpoint_records(session: Session, run_id: str, key: int) -> list[CheckpointRecord]:
    """Newest first; one that makes no sense is left out."""
    query = select(CheckpointRow).where(CheckpointRow.run_key == key).order_by(CheckpointRow.iteration.desc())
    found = []
    for row in session.scalars(query):
        try:
            found.append(to_checkpoint_record(run_id, row))
        except OddValueError as error:
            log.warning("a checkpoint of run %s is left out: %s", run_id, error)
    return found


def active(row: RunRow) -> bool:
    return isinstance(row.status, RunStatus) and row.status.active


@contextmanager
def changing(storage: Storage, run_id: str) -> Iterator[tuple[Session, RunRow]]:
    """The row of one run, which is changed in the block and stored with the time after it; UserError if unknown."""
    with storage.writing() as session:
        row = rows_by_id(session, [run_id])[run_id]
        yield session, row
        row.updated_at = now()


def checkpoint_row(run: RunRow, iteration: int, folder: str, weights_sha256: str, seconds: float) -> CheckpointRow:
    """Of a checkpoint that lies in ``folder``, made now."""
    return CheckpointRow(
        run_key=run.key,
        iteration=iteration,
        folder=folder,
        weights_sha256=weights_sha256,
        seconds=seconds,
        created_at=now(),
    )


def rows_by_id(session: Session, run_ids: Iterable[str]) -> dict[str, RunRow]:
    """The rows of ``run_ids``, in that order; in a transaction that writes nobody else changes them until its end.

    Raises:
        UserError: If one is unknown.
    """
    wanted = list(dict.fromkeys(run_ids))
    query = locked(session, select(RunRow).where(RunRow.id.in_(wanted)).order_by(RunRow.key), RunRow)
    found = {row.id: row for row in session.scalars(query)}
    for run_id in wanted:
        if run_id not in found:
            raise unknown(run_id)
    return {run_id: found[run_id] for run_id in wanted}


def unknown(text: str) -> UserError:
    return UserError(_("There is no run {text!r}; list the runs to see their ids and names.", text=text))


def find(session: Session, text: str, *, deleted: bool = False) -> RunRow:
    """The one run that ``text`` means: an id, a unique prefix of one, or an exact name.

    With ``deleted``, it is looked for among the deleted runs instead of the others.

    Raises:
        UserError: If none or several fit; several are named.
    """
    text = text.strip()
    if not text:
        raise UserError(_("Which run? Give an id, the beginning of one, or an exact name."))
    if not text.isascii() and text != text.encode("utf-8", "replace").decode():  # no database holds bytes as text
        raise unknown(text)
    meant = RunRow.id.startswith(text.lower(), autoescape=True) | (RunRow.name == text) | (RunRow.id == text)
    hidden = RunRow.deleted_at.is_not(None) if deleted else RunRow.deleted_at.is_(None)
    rows: Sequence[RunRow] = session.scalars(whole_runs().where(meant, hidden).limit(_NAMED_AT_MOST + 1)).all()
    whole = [row for row in rows if row.id in (text, text.lower())]
    rows = whole or rows
    if len(rows) == 1:
        return rows[0]
    if rows:
        named = ", ".join(f"{row.id[:8]} ({row.name})" for row in rows[:_NAMED_AT_MOST])
        more = _(" and more") if len(rows) > _NAMED_AT_MOST else ""
        raise UserError(
            _("{text!r} could be any of {named}{more}; give more of the id.", text=text, named=named, more=more)
        )
    if deleted:
        raise UserError(
            _("No deleted run is called {text!r}; `resnet-studio runs list --deleted` lists them.", text=text)
        )
    if session.scalar(select(RunRow.id).where(RunRow.id == text.lower())):
        raise UserError(_("Run {text!r} was deleted; restore it first.", text=text))
    raise unknown(text)


def checked_name(name: str) -> str:
    """``name`` with every run of white space as one space.

    Raises:
        UserError: If nothing is left or it is too long.
    """
    name = " ".join(name.split())
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise UserError(_("A name holds no control characters; choose one of letters, digits and signs."))
    if not name:
        raise UserError(_("A run needs a name; enter at least one character."))
    if len(name) > NAME_LENGTH:
        raise UserError(
            _(
                "This name has {name} characters; choose one of at most {name_length}.",
                name=len(name),
                name_length=NAME_LENGTH,
            )
        )
    return name


def checked_tags(tags: Sequence[str]) -> list[str]:
    """Trimmed, in order, without empty ones and repetitions; raises UserError for one that is too long."""
    kept = list(dict.fromkeys(tag for tag in (" ".join(tag.split()) for tag in tags) if tag))
    for tag in kept:
        if len(tag) > TAG_LENGTH:
            raise UserError(
                _(
                    "The tag {tag!r}... has {tag_2} characters; choose one of at most {tag_length}.",
                    tag=tag[:20],
                    tag_2=len(tag),
                    tag_length=TAG_LENGTH,
                )
            )
    return kept


def tag_rows(tags: Sequence[str]) -> list[TagRow]:
    return [TagRow(tag=tag, position=position) for position, tag in enumerate(tags)]


def checked_colour(colour: str) -> str:
    if not _COLOUR.fullmatch(colour):
        raise UserError(_("{colour!r} is not a colour; write it as #rrggbb, like #0072B2.", colour=colour))
    return colour
