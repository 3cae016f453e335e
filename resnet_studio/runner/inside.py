"""From stored runs and designs to what is found inside them: records, ready to be stored."""

from __future__ import annotations

import dataclasses
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from resnet_studio.analysis.registry import MEASURES
from resnet_studio.analysis.subjects import OnPartial, Subject, measured_preprocessing, untrained
from resnet_studio.data.datasets.layouts import layout_of
from resnet_studio.data.drawn_images import DrawnImages, Part, draw_images
from resnet_studio.domain.analyses.records import AnalysisRecord
from resnet_studio.domain.analyses.result import AnalysisResult, Net
from resnet_studio.domain.analyses.rows import AnalysisRow
from resnet_studio.domain.analyses.settings import EVERY, NEWEST, AnalysisSettings
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.colours import paler
from resnet_studio.domain.enums import Device
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import Report, StopCheck, never_stop, no_report
from resnet_studio.domain.network_spec import NetworkSpec
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.spec import replace
from resnet_studio.domain.specs import DataSpec
from resnet_studio.inference.models import RunSource, load
from resnet_studio.networks.devices import choose_device
from resnet_studio.platform.home import Home
from resnet_studio.text import _
from resnet_studio.training.malloc import freed_memory_kept

_MEASURED_IMAGES, _LEAST_IMAGES = 2000, 100  # training images whose per-pixel mean untrained designs get

_PALEST = 0.65  # of the way to white


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A stored run at its newest whole checkpoint, or at ``iteration``."""

    run: RunRecord
    iteration: int | None = None


@dataclass(frozen=True, slots=True)
class Design:
    """A network that was never trained, under the name that people gave it."""

    network: NetworkSpec
    name: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be looked at, and in what.

    Attributes:
        subjects: In the order of the answer.
        data: Where images come from, and an untrained design's number of classes; None for an analysis without images.
    """

    row: AnalysisRow
    settings: AnalysisSettings
    subjects: tuple[Checkpoint | Design, ...]
    data: DataSpec | None
    part: Part = Part.TEST
    device: Device = Device.AUTO


def checkpoints_of(runs: Sequence[RunRecord], wanted: str, store: RunSource) -> tuple[Checkpoint, ...]:
    """Of each run those checkpoints that are ``wanted``.

    :data:`NEWEST`, :data:`EVERY` one that is kept, oldest first, or the one at that iteration.
    """
    if wanted == NEWEST:
        return tuple(Checkpoint(run) for run in runs)
    if wanted == EVERY:
        return tuple(Checkpoint(run, kept.iteration) for run in runs for kept in reversed(store.checkpoints(run.id)))
    return tuple(Checkpoint(run, int(wanted)) for run in runs)


def look_inside(
    question: Question,
    store: RunSource | None,
    home: Home,
    report: Report = no_report,
    should_stop: StopCheck = never_stop,
    on_partial: OnPartial | None = None,
) -> tuple[AnalysisRecord, ...]:
    """Measure and make a record of each result; nothing is stored.

    Args:
        question: The analysis, its settings, its networks and the images.
        store: Where the runs are; None will do where there are designs alone.
        home: Where the program keeps its files.
        report: Gets what is being done, and how far where that is known.
        should_stop: Ends the work with Stopped where it returns True.
        on_partial: Gets the results so far: of the networks that are done, of analyses that come step by step more.

    Raises:
        UserError: If a network or the data cannot be opened, or the analysis needs what they have not.
        Stopped: Within a second of ``should_stop`` saying so.
    """
    refuse(question)
    subjects, images = open_subjects(question, store, home, report, should_stop)
    started, row = time.monotonic(), question.row

    def progress(done: int, total: int) -> None:
        report(_(row.title), done / total)

    with freed_memory_kept():
        results = MEASURES[row.key](subjects, images, question.settings, progress, should_stop, on_partial)
    return records_of(question, results, images, time.monotonic() - started)


def records_of(
    question: Question, results: Sequence[AnalysisResult], images: DrawnImages | None, seconds: float
) -> tuple[AnalysisRecord, ...]:
    """One record a result, with how it was measured; ``seconds`` are those of all together."""
    row, seconds = question.row, seconds / max(len(results), 1)
    return tuple(
        AnalysisRecord(
            id=uuid4().hex,
            analysis=row.key,
            run_ids=tuple(net.run_id for net in _stored(result.nets)),
            definition=row.definition,
            settings={**question.settings.model_dump(mode="json"), "part": str(question.part)},
            data=question.data.source if images is not None and question.data is not None else "",
            data_seed=question.data.seed if images is not None and question.data is not None else 0,
            data_sha256=images.sha256 if images is not None else "",
            images=len(images) if images is not None else 0,
            seed=question.settings.seed,
            weights=tuple(net.weights_sha256 for net in _stored(result.nets)),
            iterations=tuple(net.iteration for net in _stored(result.nets)),
            created_at=datetime.now(UTC),
            seconds=seconds,
            result=result,
        )
        for result in results
    )


def refuse(question: Question) -> None:
    """Raises UserError for a question that has no answer, whatever is stored."""
    if not question.subjects:
        raise UserError(_("Nothing to look into; name a run or a design."))
    designs = [each for each in question.subjects if isinstance(each, Design)]
    if designs and question.row.trained:
        raise UserError(
            _(
                "{title} needs trained weights, which the design {name} does not have; choose runs.",
                title=_(question.row.title),
                name=designs[0].name or designs[0].network.label,
            )
        )
    if question.row.images and question.data is None:
        raise UserError(_("{title} looks at images; choose data.", title=_(question.row.title)))


def _stored(nets: Sequence[Net]) -> list[Net]:
    return [net for net in nets if net.run_id]


def open_subjects(
    question: Question, store: RunSource | None, home: Home, report: Report, should_stop: StopCheck
) -> tuple[tuple[Subject, ...], DrawnImages | None]:
    """The networks with their weights, and the images at every size that they need."""
    runs: dict[int, Subject] = {}
    for place, each in enumerate(question.subjects):
        if isinstance(each, Checkpoint):
            if store is None:
                raise ValueError("runs need a store")
            runs[place] = _of_run(each, store, question.device)
    designs = {place: each for place, each in enumerate(question.subjects) if isinstance(each, Design)}
    sizes = {subject.preprocessing.image_size for subject in runs.values()}
    sizes |= {design.network.image_size for design in designs.values()}
    images, seed, data = None, question.settings.seed, question.data
    layout = None if data is None else layout_of(data, home, report, should_stop)
    if question.row.images and data is not None:
        images = draw_images(
            data, question.settings.images, seed, sizes, home, question.part, report, should_stop, layout
        )
    if designs:
        data = data or DataSpec()
        needed = {design.network.image_size for design in designs.values()}
        count = _measured_images(max(needed))
        training = draw_images(data, count, seed, needed, home, Part.TRAINING, report, should_stop, layout)
        device = choose_device(question.device)
        for place, design in designs.items():
            spec = replace(design.network, classes=len(training.class_names))
            preprocessing = measured_preprocessing(training, spec.image_size).to(device)
            report(_("drawing initial weights"), None)
            runs[place] = untrained(spec, seed, preprocessing, design.name)
    return _told_apart([runs[place] for place in range(len(question.subjects))]), images


def _told_apart(subjects: Sequence[Subject]) -> tuple[Subject, ...]:
    """Of several checkpoints of one run the earlier ones are paler."""
    kept: dict[str, list[int]] = defaultdict(list)
    for subject in subjects:
        if subject.net.trained:
            kept[subject.net.run_id].append(subject.net.iteration)
    found = []
    for subject in subjects:
        own = sorted(kept[subject.net.run_id]) if subject.net.trained else []
        if len(own) > 1:
            paleness = _PALEST * (1 - own.index(subject.net.iteration) / (len(own) - 1))
            net = dataclasses.replace(subject.net, colour=paler(subject.net.ink, paleness))
            subject = dataclasses.replace(subject, net=net)
        found.append(subject)
    return tuple(found)


def _measured_images(size: int) -> int:
    """As many training images as a mean needs: 2 000 of CIFAR's 32 pixels, fewer of larger ones, at least 100."""
    return max(_LEAST_IMAGES, min(_MEASURED_IMAGES, _MEASURED_IMAGES * 32**2 // size**2))


def _of_run(checkpoint: Checkpoint, store: RunSource, device: Device) -> Subject:
    found = load(store, checkpoint.run, device, checkpoint.iteration)
    plan = blueprint(found.run.spec.network)
    net = Net(
        found.run.name, plan.depth, found.run.residual, found.run.id, found.iteration, found.weights_sha256,
        colour=found.run.colour,
    )  # fmt: skip
    return Subject(
        net, found.module, plan, found.preprocessing, found.class_names, lambda: found.trained_arithmetic
    )  # fmt: skip
