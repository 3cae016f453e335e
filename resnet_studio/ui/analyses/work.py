"""What looking inside does in background threads. torch enters here, inside the functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from resnet_studio.domain.analyses.lesion import Altered
from resnet_studio.domain.analyses.records import AnalysisRecord
from resnet_studio.domain.analyses.result import AnalysisResult, Net
from resnet_studio.domain.analyses.rows import AnalysisRow
from resnet_studio.domain.errors import StoreError, UserError
from resnet_studio.domain.events import Report, StopCheck
from resnet_studio.domain.specs import DataSpec
from resnet_studio.text import _
from resnet_studio.ui.analyses.subjects import Chosen
from resnet_studio.ui.threads.jobs import Emit, Work
from resnet_studio.ui.threads.reports import throttled

if TYPE_CHECKING:
    from resnet_studio.domain.events import Report
    from resnet_studio.history.store import RunStore
    from resnet_studio.runner.inside import Question
    from resnet_studio.runner.lesion_bench import LesionBench


@dataclass(frozen=True, slots=True)
class Step:
    """What is being done; ``fraction`` of it, 0..1, is done where that is known."""

    text: str
    fraction: float | None


@dataclass(frozen=True, slots=True)
class Partial:
    """Results so far."""

    results: tuple[AnalysisResult, ...]


@dataclass(frozen=True, slots=True)
class BlockTaken:
    """One more answer of a lesion, on the images seen so far."""

    net: Net
    altered: Altered


@dataclass(frozen=True, slots=True)
class Answered:
    """The records of one change to the networks, on all images."""

    records: tuple[AnalysisRecord, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence on what could not be stored."""

    sentence: str


@dataclass(frozen=True)
class Inquiry:
    """An analysis of some networks with its settings.

    ``gentle``: something trains at the same time, so that it keeps to one thread of the CPU.
    """

    row: AnalysisRow
    settings: Any
    chosen: Chosen
    gentle: bool = False

    @property
    def data(self) -> DataSpec:
        return self.chosen.source


def looking(inquiry: Inquiry, store: RunStore, bench: Callable[[], LesionBench]) -> Work:
    """A job that measures and stores; emits Step, Partial, BlockTaken, Answered and Notice, returns the records."""

    def work(emit: Emit, should_stop: StopCheck) -> object:
        from resnet_studio.runner.inside import look_inside

        question, report = _prepared(inquiry, store), _reporter(emit)
        if inquiry.row.key == "lesion":
            lesions = bench()
            lesions.open(question, store, store.home, report, should_stop)
            found = lesions.measure(question, report, should_stop, *_lesion_sinks(inquiry.row, store, emit))
        else:
            found = look_inside(question, store, store.home, report, should_stop, _early(emit))
        if inquiry.row.builds:
            try:
                found = _keep_built(question, found, store, report, should_stop)
            except StoreError as error:
                emit(Notice(_("The deeper net is not stored: {error}", error=error)))
                return found
        return _stored(inquiry.row, found, store, emit)

    return work


def taking_out(inquiry: Inquiry, store: RunStore, bench: Callable[[], LesionBench]) -> Work:
    """A job that makes the changes that were asked for of ``bench`` and stores what they do.

    Emits Step, BlockTaken, Answered and Notice.
    """

    def work(emit: Emit, should_stop: StopCheck) -> object:
        lesions = bench()
        lesions.open(_prepared(inquiry, store), store, store.home, _reporter(emit), should_stop)
        title = _(inquiry.row.title)
        emit(Step(title, 0.0))
        sinks = _lesion_sinks(inquiry.row, store, emit)
        lesions.answer(should_stop, *sinks, lambda done, of: emit(Step(title, done / of)))
        return ()

    return work


def preparing(inquiry: Inquiry, store: RunStore, bench: Callable[[], LesionBench]) -> Work:
    """A job that loads networks and images of a lesion, for the jobs that come; emits Step."""

    def work(emit: Emit, should_stop: StopCheck) -> object:
        bench().open(_prepared(inquiry, store), store, store.home, _reporter(emit), should_stop)
        return ()

    return work


def _lesion_sinks(
    row: AnalysisRow, store: RunStore, emit: Emit
) -> tuple[Callable[[Net, Altered], None], Callable[[tuple[AnalysisRecord, ...]], None]]:
    """For each answer on the images so far, and for the records of each change that is done, which are stored."""

    def on_answered(records: tuple[AnalysisRecord, ...]) -> None:
        emit(Answered(_stored(row, records, store, emit)))

    return lambda net, altered: emit(BlockTaken(net, altered)), on_answered


def _prepared(inquiry: Inquiry, store: RunStore) -> Question:
    import torch

    from resnet_studio.data.datasets.paths import obstacle
    from resnet_studio.data.drawn_images import Part
    from resnet_studio.domain.enums import Device
    from resnet_studio.runner.inside import Checkpoint, Design, Question, checkpoints_of
    from resnet_studio.training.devices import lower_priority

    if inquiry.gentle:
        torch.set_num_threads(1)  # acts on this thread alone
    lower_priority()
    row = inquiry.data.row
    if row is not None and row.downloads and (sentence := obstacle(store.home, row)):
        raise UserError(sentence)
    chosen = inquiry.chosen
    runs = chosen.runs
    if inquiry.row.builds:  # nothing is built of a residual net; the plain one beside it is meant
        runs = tuple(run for run in runs if not run.residual) or runs
    subjects: tuple[Checkpoint | Design, ...] = (
        *checkpoints_of(runs, chosen.checkpoints, store),
        *(Design(network, name) for name, network in chosen.designs),
    )
    part = Part.TRAINING if inquiry.row.builds or chosen.training else Part.TEST
    device = Device.CPU if inquiry.gentle else Device.AUTO
    return Question(inquiry.row, inquiry.settings, subjects, inquiry.data, part, device)


def _early(emit: Emit) -> Callable[[Sequence[AnalysisResult]], None]:
    def on_partial(results: Sequence[AnalysisResult]) -> None:
        emit(Partial(tuple(results)))

    return on_partial


def _keep_built(
    question: Question,
    found: tuple[AnalysisRecord, ...],
    store: RunStore,
    report: Report,
    should_stop: StopCheck,
) -> tuple[AnalysisRecord, ...]:
    from resnet_studio.runner.keep_constructed import keep_constructed, naming_runs

    return naming_runs(found, keep_constructed(question, store, report, should_stop))


def _stored(
    row: AnalysisRow, found: tuple[AnalysisRecord, ...], store: RunStore, emit: Emit
) -> tuple[AnalysisRecord, ...]:
    try:
        for record in found:
            if row.stored and record.run_ids:
                store.add_analysis(record)
    except StoreError as error:
        emit(Notice(str(error)))
    return found


def _reporter(emit: Emit) -> Report:
    return throttled(lambda text, fraction: emit(Step(text, fraction)))
