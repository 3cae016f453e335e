"""While a long run trains eagerly, its networks are compiled beside it, and both are told."""

import threading
import time

import pytest

from resnet_studio.cli.training_progress import Board, PlainProgress
from resnet_studio.domain.enums import Engine, Phase, RunStatus
from resnet_studio.domain.events import CurvesGrew, PhaseChanged, ProgressMade
from resnet_studio.domain.specs import CohortSpec, replace
from resnet_studio.history.store import RunStore
from resnet_studio.runner import run_cohort
from resnet_studio.training.engines import choose, regions
from resnet_studio.ui.pages.train.state import CohortState

pytestmark = pytest.mark.skipif(choose.compiler() is None, reason="training stays eager without a compiler")


class Compiler:
    """Stands where torch's does: takes until it is told to be ready, then hands back what it was given."""

    def __init__(self, monkeypatch):
        self.ready = threading.Event()
        monkeypatch.setattr(regions.torch, "compile", self)

    def __call__(self, call, **_options):
        assert self.ready.wait(60)
        return call


@pytest.fixture
def long_run(tiny_run):
    recipe = replace(tiny_run.recipe, iterations=choose.LONG_ENOUGH, test_every=5000, engine=Engine.COMPILED)
    return CohortSpec(runs=(replace(tiny_run, recipe=recipe),))


@pytest.fixture
def store(home_with_images):
    with RunStore.open(home_with_images) as store:
        yield store


def test_a_long_run_tells_that_it_compiles_and_its_curves_go_on(long_run, store, monkeypatch):
    compiler = Compiler(monkeypatch)
    told, headlines, lines = [], [], []
    shown: list[CohortState] = []
    boards: list[Board] = []

    def emit(event):
        told.append(event)
        if not shown:
            shown.append(CohortState.of(store.list_runs()))
            boards.append(Board(store.list_runs()))
        shown[0].apply(event)
        boards[0].see(event)
        if isinstance(event, ProgressMade):
            headlines.append(shown[0].headline)
            lines.append(boards[0].phase)
            compiler.ready.set()

    def enough():
        return compiler.ready.is_set() and any(
            isinstance(event, PhaseChanged) and event.phase is Phase.TRAINING for event in told
        )

    (ended,) = run_cohort.run(long_run, store, emit, enough)
    assert ended.status is RunStatus.STOPPED
    phases = [event.phase for event in told if isinstance(event, PhaseChanged)]
    assert phases.index(Phase.COMPILING) < phases.index(Phase.TRAINING)
    compiling = next(n for n, e in enumerate(told) if isinstance(e, PhaseChanged) and e.phase is Phase.COMPILING)
    compiled = next(n for n, e in enumerate(told) if isinstance(e, PhaseChanged) and e.phase is Phase.TRAINING)
    assert any(isinstance(event, CurvesGrew) for event in told[compiling:compiled])
    assert headlines[0] == "Training, compiling in the background"
    assert lines[0] == "training, compiling in the background"


def test_what_waits_for_the_compiler_says_so_and_then_trains(long_run, store, monkeypatch):
    compiler = Compiler(monkeypatch)
    monkeypatch.setattr(choose, "SWITCH_AT", 3)
    phases, rates, waited, clock = [], [], [0.0], time.perf_counter
    monkeypatch.setattr(time, "perf_counter", lambda: clock() + waited[0])

    def emit(event):
        if isinstance(event, ProgressMade):
            rates.append(event.iterations_per_second)
        if isinstance(event, PhaseChanged):
            phases.append(event.phase)
            if event.phase is Phase.AWAITING:
                waited[0] += 100_000.0  # seconds
                compiler.ready.set()

    (ended,) = run_cohort.run(long_run, store, emit, lambda: Phase.TRAINING in phases)
    assert ended.iteration >= 3
    assert rates[-1] > 0.01  # an iteration takes milliseconds; the wait is none
    assert [p for p in phases if p in (Phase.COMPILING, Phase.AWAITING, Phase.TRAINING)] == [
        Phase.COMPILING, Phase.AWAITING, Phase.TRAINING,
    ]  # fmt: skip
    phases.clear()
    compiler.ready.clear()
    (ended,) = run_cohort.resume([ended.id], store, emit, lambda: Phase.TRAINING in phases)
    assert ended.status is RunStatus.STOPPED
    assert [p for p in phases if p in (Phase.COMPILING, Phase.AWAITING, Phase.TRAINING)] == [
        Phase.COMPILING, Phase.AWAITING, Phase.TRAINING,
    ]  # fmt: skip


def test_lines_in_a_pipe_say_it_beside_the_errors(long_run, store, capsys):
    runs = store.create_cohort(long_run)
    ids = tuple(run.id for run in runs)
    shown = PlainProgress(runs, lambda: False)
    shown.emit(PhaseChanged(ids, Phase.COMPILING))
    shown.emit(ProgressMade(ids, 100, 5000, 20.0, 5.0, 980.0))
    assert capsys.readouterr().out.endswith("left  (compiling in the background)\n")
    shown.emit(PhaseChanged(ids, Phase.AWAITING))
    assert capsys.readouterr().out == "waiting for the compiler\n"
