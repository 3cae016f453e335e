"""From stored runs to the value that training begins from; reads the history and the runs' files, changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.errors import CheckpointError, UserError
from resnet_studio.domain.records import Curve, RunRecord
from resnet_studio.domain.series import Series
from resnet_studio.history.store import RunStore
from resnet_studio.inference.models import load
from resnet_studio.networks.weights import state_of
from resnet_studio.runner.start import CohortStart, MemberStart, StartWeights, StoredCheckpoint
from resnet_studio.text import _
from resnet_studio.training import checkpoints
from resnet_studio.training.checkpoints import Snapshot

log = logging.getLogger(__name__)


def prepare(cohort: Sequence[RunRecord], store: RunStore) -> CohortStart:
    """Everything that training ``cohort`` needs of the history.

    Raises:
        UserError: If a run to start from is gone or has no weights or preprocessing.
    """
    parents: dict[str, StartWeights] = {}
    members = tuple(_member(record, store, parents) for record in cohort)
    return CohortStart(store.home, members, _preprocessing(cohort[0], store))


def _member(record: RunRecord, store: RunStore, parents: dict[str, StartWeights]) -> MemberStart:
    snapshot, found = _checkpoints(record, store)
    weights = None
    if snapshot is None and (parent := record.spec.start_from):
        weights = parents.get(parent) or _start_weights(parent, store)
        parents[parent] = weights
    curve = store.curve(record.id, Series.TEST_ERROR)
    before = curve.iterations <= (snapshot.iteration if snapshot else 0)
    tests = Curve(record.id, Series.TEST_ERROR, curve.iterations[before], np.asarray(curve.values[before]))
    return MemberStart(
        record.id, record.name, record.spec, dict(record.environment), snapshot, found, tests, weights
    )  # fmt: skip


def _checkpoints(record: RunRecord, store: RunStore) -> tuple[Snapshot | None, tuple[StoredCheckpoint, ...]]:
    """The newest whole one, and all that are on record, each looked at."""
    newest: Snapshot | None = None
    found = []
    files = store.home.run(record.id)
    for row in store.checkpoints(record.id):
        problem = ""
        try:
            snapshot = checkpoints.load(files.checkpoint(row.folder))
            newest = newest or snapshot
        except CheckpointError as error:
            log.warning("%s", error)
            problem = str(error)
        found.append(StoredCheckpoint(row.iteration, row.folder, problem))
    return newest, tuple(found)


def _start_weights(run_id: str, store: RunStore) -> StartWeights:
    parent = load(store, store.get(run_id))
    where = "" if parent.run.imported else _(" at iteration {iteration}", iteration=parent.iteration)
    return StartWeights(parent.run.name, where, parent.run.residual, state_of(parent.module))


def _preprocessing(first: RunRecord, store: RunStore) -> Preprocessing | None:
    """What these runs do to their images if that is not measured: as the run they start from did.

    Raises:
        UserError: If the preprocessing of the run they start from is gone and they have none of their own yet.
    """
    if not first.spec.start_from:
        return None
    problem: CheckpointError | None = None
    for run_id in (first.id, first.spec.start_from):
        try:
            return Preprocessing.load(store.home.run(run_id).preprocessing)
        except CheckpointError as error:
            problem = error
    raise problem or UserError(_("The run to start from has no preprocessing; choose another."))
