"""Gradients and updates by layer: the values of plain autograd in every engine, and of a resumed run."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from resnet_studio.data.batches import ResidentBatches
from resnet_studio.data.image_set import ImageSet
from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import MomentumForm, Precision
from resnet_studio.domain.series import LAYERED, Series
from resnet_studio.domain.specs import NetworkSpec, RunSpec, replace, twin
from resnet_studio.networks.residual import build
from resnet_studio.networks.weights import digest
from resnet_studio.training.engines import background_compiler
from resnet_studio.training.engines.choose import compiler
from resnet_studio.training.engines.compiled import CompiledEngine
from resnet_studio.training.engines.eager import EagerEngine, StepEngine
from resnet_studio.training.engines.graphed import GraphedEngine
from resnet_studio.training.engines.regions import RegionLibrary
from resnet_studio.training.measurements import CAPACITY, COLUMNS, LiveTable, Measured
from resnet_studio.training.member import Member

CPU = torch.device("cpu")
ITERATIONS = 23
AGREE = 1e-3  # relative: float32 against float64


def eager() -> EagerEngine:
    return EagerEngine(Precision.FLOAT32, lambda: False)


def graphed(step_seconds: float | None = 0.01) -> GraphedEngine:
    """Programs of five steps that are run anew instead of replayed."""

    def run_anew(work):
        work()
        return work

    engine = GraphedEngine(Precision.FLOAT32, eager(), pytest.fail, run_anew)
    engine._step_seconds = step_seconds
    return engine


def compiled() -> CompiledEngine:
    torch.set_num_threads(2)  # until the test ends
    return CompiledEngine(
        Precision.FLOAT32, lambda: False, switch_at=7, threads=2, waiting=lambda: None, failed=pytest.fail
    )


library_once = functools.cache(RegionLibrary)
"""Whatever the recipe, the regions are the same."""


def batches_for(spec: RunSpec) -> ResidentBatches:
    generator = torch.Generator().manual_seed(3)
    size = spec.network.image_size
    pixels = torch.randint(0, 256, (100, 3, size, size), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, 10, (100,), generator=generator)
    preprocessing = Preprocessing.measure(pixels, spec.recipe.normalisation)
    return ResidentBatches(ImageSet(pixels, labels), preprocessing, spec.recipe, device=CPU)


def train(member: Member, engine: StepEngine, until: int, look=lambda _member, _batches: None) -> dict[Series, list]:
    """The chunks of each series up to iteration ``until``, fetched now and then; ``look`` comes before each step."""
    batches, found = batches_for(member.spec), {}
    engine.adopt(member)
    fetch_at = itertools.count(member.iteration + 9, 9)
    due = next(fetch_at)
    while member.iteration < until:
        look(member, batches)
        engine.advance([member], batches, min(until, member.undecided_after()))
        if member.iteration >= due or member.iteration >= until:
            due = next(fetch_at)
            for chunk in member.take_curves():
                found.setdefault(chunk.series, []).append(chunk)
    engine.close()
    return found


def joined(chunks: list) -> tuple[list[int], np.ndarray]:
    return [int(i) for c in chunks for i in c.iterations], np.concatenate([chunk.values for chunk in chunks])


@pytest.fixture
def spec(tiny_run: RunSpec) -> RunSpec:
    recipe = replace(tiny_run.recipe, iterations=60, milestones=(11,), test_every=30, layers_every=5)
    return replace(tiny_run, recipe=recipe)


def by_hand(member: Member, batches: ResidentBatches) -> np.ndarray:
    """([gradient norm, update ratio], layers) of the next update, in float64 by plain autograd and the formulas."""
    recipe, iteration = member.spec.recipe, member.iteration + 1
    plan, momentum = blueprint(member.spec.network), member.descent.momentum()
    network = build(plan, 0).double().train()
    network.load_state_dict(member.network.state_dict())
    rate = recipe.learning_rate / (10.0 if iteration > recipe.milestones[0] else 1.0)
    images, labels = batches.batch(iteration)
    F.cross_entropy(network(images.double()), labels, label_smoothing=recipe.label_smoothing).backward()
    found = []
    for layer in plan.weighted_layers:
        weight = network.get_parameter(f"{layer.name}.weight").detach()
        gradient = network.get_parameter(f"{layer.name}.weight").grad
        step = gradient + recipe.weight_decay * weight
        old = recipe.momentum * momentum[f"{layer.name}.weight"].double()
        authors = recipe.momentum_form is MomentumForm.AUTHORS
        after = weight - (old + rate * step if authors else rate * (old + step))
        found.append((float(gradient.norm()), float((after - weight).norm() / weight.norm())))
    return np.array(found).T


ENGINES = {
    "eager": eager,
    "graphed": graphed,
    "graphed, one by one": lambda: graphed(1.0),
    "compiled": pytest.param(
        compiled, marks=[pytest.mark.slow, pytest.mark.skipif(compiler() is None, reason="needs a C++ compiler")]
    ),
}


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # the compiler looks at every tensor it is given
@pytest.mark.parametrize("make", ENGINES.values(), ids=ENGINES)
@pytest.mark.parametrize("recipe", [{}, {"momentum_form": "authors"}, {"momentum": 0.0}, {"decay": "weights"}])
def test_every_engine_measures_what_autograd_and_the_formula_say(make, spec, recipe, compiled_run, monkeypatch):
    monkeypatch.setattr(background_compiler, "RegionLibrary", library_once)
    network = compiled_run.network if make is compiled else spec.network
    spec = replace(spec, network=network, recipe=replace(spec.recipe, **recipe))
    wanted: dict[int, np.ndarray] = {}

    def look(member: Member, batches: ResidentBatches) -> None:
        if member.iteration % 5 == 0:
            wanted[member.iteration + 1] = by_hand(member, batches)

    found = train(Member("run", spec, CPU), make(), ITERATIONS, look)
    assert list(wanted) == [1, 6, 11, 16, 21]
    for number, series in enumerate(LAYERED):
        iterations, values = joined(found[series])
        assert iterations == list(wanted)
        assert values.shape == (5, spec.network.depth)
        assert values.dtype == np.float32
        for place, each in enumerate(wanted.values()):
            assert values[place] == pytest.approx(each[number], rel=AGREE)
    assert [int(chunk.stride) for chunk in found[Series.GRADIENT_NORM]] == [5] * len(found[Series.GRADIENT_NORM])


@pytest.mark.parametrize("make", [eager, graphed])
def test_a_resumed_run_measures_the_same_bits(make, spec):
    """From checkpoints that lie between, at and before measured iterations."""
    whole = train(Member("run", spec, CPU), make(), ITERATIONS)
    for stop in (5, 6, 8):
        first = Member("run", spec, CPU)
        train(first, make(), stop)
        second = Member("run", spec, CPU)
        second.restore(first.snapshot())
        rest = train(second, make(), ITERATIONS)
        for series in (*LAYERED, Series.TRAINING_LOSS, Series.TRAINING_ERROR):
            iterations, values = joined(whole[series])
            later, again = joined(rest[series])
            assert later == [iteration for iteration in iterations if iteration > stop]
            assert again.tobytes() == values[-len(later) :].tobytes()


@pytest.mark.parametrize("make", [eager, graphed])
def test_measuring_changes_no_bit_of_training(make, spec):
    found = {}
    for every in (0, 1, 5, 7, 1000):
        member = Member("run", replace(spec, recipe=replace(spec.recipe, layers_every=every)), CPU)
        chunks = train(member, make(), ITERATIONS)
        assert (Series.GRADIENT_NORM in chunks) is bool(every)
        losses = joined(chunks[Series.TRAINING_LOSS])[1].tobytes()
        found[every] = digest(member.snapshot().weights), digest(member.snapshot().momentum), losses
        if every:
            assert joined(chunks[Series.UPDATE_RATIO])[0] == list(range(1, ITERATIONS + 1, every))
    assert len(set(found.values())) == 1


def test_members_of_a_cohort_measure_what_they_would_alone(spec):
    members = [Member(str(number), run, CPU) for number, run in enumerate(twin(spec).runs)]
    engine, batches = graphed(), batches_for(spec)
    for member in members:
        engine.adopt(member)
    while members[0].iteration < ITERATIONS:
        engine.advance(members, batches, ITERATIONS)
    for member in members:
        together = {chunk.series: chunk.values.tobytes() for chunk in member.take_curves()}
        alone = train(Member("alone", member.spec, CPU), graphed(), ITERATIONS)
        for series in LAYERED:
            assert together[series] == joined(alone[series])[1].tobytes()


def test_a_replay_ends_before_the_next_measured_iteration(spec):
    """Whatever the distance between tests, and from whatever iteration on."""
    replays = []

    def capture(work):
        work()

        def replay():
            replays.append(work.steps)
            work()

        return replay

    def steps(**recipe: int) -> list[int]:
        replays.clear()
        engine = GraphedEngine(Precision.FLOAT32, eager(), pytest.fail, capture)
        engine._step_seconds = 0.005  # ten fit
        member = Member("run", replace(spec, recipe=replace(spec.recipe, **recipe)), CPU)
        train(member, engine, 30)
        assert sum(replays) == 30
        return list(replays)

    assert steps(layers_every=0) == [10, 10, 10]
    assert steps(layers_every=10) == [10, 10, 10]
    assert steps(layers_every=6) == [6, 6, 6, 6, 6]
    assert steps(layers_every=15) == [5] * 6, "15 and 30 are both multiples of it"
    assert steps(layers_every=24) == [6] * 5, "a divisor of both that is more than half of ten"
    assert steps(layers_every=23) == [10, 10, 1, 1, 1, *[1] * 7], (
        "no such divisor: single ones up to 24, then 7 are left"
    )
    assert steps(layers_every=4, test_every=7)[:4] == [4, 1, 1, 1], "7 and 4: three single ones before each test"


def test_the_deepest_network_has_its_row(spec):
    """1202 layers: one value for each, in three operations on the device."""
    plan = blueprint(NetworkSpec(depth=1202, block="basic"))
    assert len(plan.weighted_layers) == 1202
    table = LiveTable((len(LAYERED), 1202), 25, CPU)
    for first in range(1, CAPACITY, 25):
        count = min(25, CAPACITY - len(table))
        table.keep(
            first, Measured(torch.ones(count, len(COLUMNS)), torch.full((2, 1202), first)), [0.1] * count, [0.0] * count
        )
    chunk = next(chunk for chunk in table.take("run", 1) if chunk.series is Series.GRADIENT_NORM)
    assert chunk.values.shape == (164, 1202)
    assert chunk.values[:, 7].tolist() == list(chunk.iterations) == list(range(1, CAPACITY + 1, 25))


def test_layers_after_the_first_bad_loss_are_no_measurement(spec):
    table = LiveTable((len(LAYERED), 3), 2, CPU)
    losses = [1.0, 2.0, float("nan"), 3.0, 4.0]
    for iteration, loss in enumerate(losses, 1):
        columns = torch.tensor([[loss, 50.0]])
        table.keep(iteration, Measured(columns, torch.full((2, 3), float(iteration))), [0.1], [1.0])
    found = {chunk.series: chunk for chunk in table.take("run", 1)}
    assert found[Series.TRAINING_LOSS].count == 3
    assert found[Series.GRADIENT_NORM].iterations.tolist() == [1, 3]
    assert found[Series.UPDATE_RATIO].values.tolist() == [[1.0] * 3, [3.0] * 3]
    assert len(table) == 0
    assert table.take("run", 6) == ()
