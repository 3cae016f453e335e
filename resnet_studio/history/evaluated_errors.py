"""What runs got when they were evaluated, for lists: light columns alone, one query for any number of runs."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from resnet_studio.domain.documents import from_json
from resnet_studio.domain.errors import SpecError
from resnet_studio.domain.protocols import Protocol
from resnet_studio.domain.records import EvaluatedError
from resnet_studio.history.odd_values import column_fits
from resnet_studio.history.schema import EvaluationMemberRow, EvaluationRow, RunRow

log = logging.getLogger(__name__)

_NONSENSE = (ValueError, LookupError, TypeError)  # what a damaged value becomes on its way to Python

_READ = {
    "own_error": EvaluationMemberRow.top1_error, "protocol": EvaluationRow.protocol, "data": EvaluationRow.data,
    "images": EvaluationRow.images, "top1_error": EvaluationRow.top1_error, "top5_error": EvaluationRow.top5_error,
}  # fmt: skip


def errors_by_run(session: Session, condition: Any) -> Mapping[str, tuple[EvaluatedError, ...]]:
    """By run id, newest first, of the runs that meet ``condition``; runs without any are absent.

    A member of an ensemble has its own top-1 error in it. What cannot be read is left out: a list goes on without it.
    """
    members = (
        select(EvaluationMemberRow.evaluation_key, func.count().label("members"))
        .group_by(EvaluationMemberRow.evaluation_key)
        .subquery()
    )
    query = (
        select(
            RunRow.id,
            RunRow.weights_sha256.label("now"),
            EvaluationMemberRow.weights_sha256.label("then"),
            EvaluationMemberRow.top1_error.label("own_error"),
            members.c.members,
            EvaluationRow.protocol,
            EvaluationRow.data,
            EvaluationRow.images,
            EvaluationRow.top1_error,
            EvaluationRow.top5_error,
        )
        .join(EvaluationMemberRow, EvaluationMemberRow.run_key == RunRow.key)
        .join(EvaluationRow, EvaluationRow.key == EvaluationMemberRow.evaluation_key)
        .join(members, members.c.evaluation_key == EvaluationRow.key)
        .where(condition)
        .order_by(EvaluationRow.key.desc())
    )
    found: dict[str, list[EvaluatedError]] = defaultdict(list)
    rows = session.execute(query).all()
    sound = all(column_fits(column, [getattr(row, name) for row in rows]) for name, column in _READ.items())
    for row in rows:
        alone = row.members == 1
        top1 = row.top1_error if alone else row.own_error
        if top1 is None:
            continue
        try:
            if not sound and not all(column_fits(column, [getattr(row, name)]) for name, column in _READ.items()):
                raise ValueError("it holds what its columns cannot")
            protocol = _protocol(row.protocol)
        except (SpecError, *_NONSENSE) as error:
            log.warning("an evaluation of run %s is left out: %s", row.id[:8], error)
            continue
        found[row.id].append(
            EvaluatedError(
                protocol, row.data, row.images, top1, row.top5_error if alone else None, outdated=row.now != row.then
            )
        )
    return {run_id: tuple(errors) for run_id, errors in found.items()}


@lru_cache(maxsize=256)
def _protocol(text: str) -> Protocol:
    return from_json(Protocol, text)
