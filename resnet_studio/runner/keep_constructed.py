"""A constructed network stored as a run of its own, so that training can begin with its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from torch import Tensor

from resnet_studio.analysis.construct import construct, deeper_spec
from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.analyses.construct import ConstructSettings
from resnet_studio.domain.analyses.records import AnalysisRecord
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.errors import StoreError
from resnet_studio.domain.events import Report, StopCheck, never_stop, no_report
from resnet_studio.domain.network_spec import NetworkSpec
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import RunSpec
from resnet_studio.history.store import RunStore
from resnet_studio.networks.weights import state_of
from resnet_studio.runner.inside import Question, open_subjects
from resnet_studio.text import _
from resnet_studio.training import checkpoints
from resnet_studio.training.checkpoints import Snapshot


def keep_constructed(
    question: Question,
    store: RunStore,
    report: Report = no_report,
    should_stop: StopCheck = never_stop,
) -> tuple[RunRecord, ...]:
    """Build the deeper net of each run of ``question`` once more, by the same images, and store it.

    A run that holds the very same construction (run, checkpoint, depth, images and seed) is there already: it is
    returned instead.

    Its weights, preprocessing, class names and precision are those of the run; it has no training of its own, so it
    stands among the runs whose weights came from elsewhere, and its environment says of which run it was built.

    Raises:
        UserError: As :func:`resnet_studio.runner.inside.look_inside`.
        StoreError: If the history cannot be written, or the disk is full.
        Stopped: When ``should_stop`` says so; what was stored before stays.
    """
    if not store.writable:
        raise StoreError(store.why_read_only)
    settings = question.settings
    if not isinstance(settings, ConstructSettings):
        raise ValueError("these are not the settings of a construction")
    subjects, images = open_subjects(question, store, store.home, report, should_stop)
    if images is None:
        raise ValueError("a construction needs images")
    found = []
    for subject in subjects:
        parent = store.get(subject.net.run_id)
        network = deeper_spec(subject.blueprint.spec, settings.depth)
        origin = {
            "constructed_from": f"{parent.id} at iteration {subject.net.iteration}",
            "constructed_from_weights": subject.net.weights_sha256,
            "constructed_images": f"{len(images)}, seed {settings.seed}, sha256 {images.sha256}",
        }
        if (same := _the_same(store, network, origin)) is not None:
            found.append(same)
            continue
        made = construct(
            subject.network, subject.blueprint, blueprint(network), subject.inputs(images), should_stop=should_stop
        )
        name = _("{parent} as {deeper}", parent=parent.name, deeper=network.label)
        spec = RunSpec(name=name[:200], network=network, recipe=parent.spec.recipe, data=parent.spec.data)
        kept = {key: parent.environment[key] for key in ("precision", "layout") if key in parent.environment}
        environment = kept | origin
        write = partial(_write, store, state_of(made), subject.preprocessing.to("cpu"))
        found.append(store.add_imported(spec, subject.class_names, environment, write))
    return tuple(found)


def _the_same(store: RunStore, network: NetworkSpec, origin: dict[str, str]) -> RunRecord | None:
    """The run, not deleted, with that network of that origin."""
    for run in store.list_runs():
        if run.weights_sha256 and run.spec.network == network and origin.items() <= run.environment.items():
            return run
    return None


def naming_runs(found: Sequence[AnalysisRecord], runs: Sequence[RunRecord]) -> tuple[AnalysisRecord, ...]:
    """The records of constructions, each with the run that holds what was built."""
    return tuple(
        replace(record, result=replace(record.result, new_run=run.id))  # type: ignore[type-var]
        for record, run in zip(found, runs, strict=True)
    )


def _write(store: RunStore, weights: dict[str, Tensor], prepared: Preprocessing, run_id: str) -> tuple[str, str]:
    """The run's files; returns the checkpoint's folder, relative to all runs, and the digest of the weights."""
    folder = store.home.run(run_id)
    prepared.save(folder.preprocessing)
    checkpoint, sha256 = checkpoints.save(folder.checkpoints, Snapshot(0, 0.0, weights, {}))
    return folder.stored_name(checkpoint), sha256
