"""Programs of whole steps: the same losses as eager steps to rounding, whatever is replayed."""

from __future__ import annotations

import pytest
import torch

from resnet_studio.data.batches import ResidentBatches
from resnet_studio.data.image_set import ImageSet
from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.enums import MomentumForm, Normalisation, Precision
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import replace, twin
from resnet_studio.networks.weights import digest
from resnet_studio.training.engines import regions
from resnet_studio.training.engines.background_compiler import BackgroundCompiler
from resnet_studio.training.engines.eager import EagerEngine
from resnet_studio.training.engines.graphed import GraphedEngine, cuda_graph
from resnet_studio.training.member import Member

# Over 50 steps from the same start: a fused update sums in another order than an eager one, which changes the last
# bits of float32 (1e-7 of a weight), and training multiplies such differences.
LOSSES_AGREE = 1e-3


def again(work):
    """A replay on devices without graphs: the program is run anew."""
    work()
    return work


def images(count=100, size=8, device="cpu"):
    generator = torch.Generator().manual_seed(3)
    pixels = torch.randint(0, 256, (count, 3, size, size), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, 10, (count,), generator=generator)
    return ImageSet(pixels.to(device), labels.to(device))


def batches_for(spec, device="cpu"):
    data = images(size=spec.network.image_size)
    preprocessing = Preprocessing.measure(data.images, Normalisation.PIXEL_MEAN)
    return ResidentBatches(data, preprocessing, spec.recipe, device=device)


def trained(specs, engine, iterations, device="cpu"):
    """Members after ``iterations`` updates, and the training losses of each."""
    members = [Member(str(number), spec, torch.device(device)) for number, spec in enumerate(specs)]
    batches = batches_for(specs[0], device)
    for member in members:
        engine.adopt(member)
    while members[0].iteration < iterations:
        engine.advance(members, batches, min(iterations, *(m.undecided_after() for m in members)))
    losses = [next(c.values for c in member.take_curves() if c.series is Series.TRAINING_LOSS) for member in members]
    engine.close()
    return members, losses


def eager(precision=Precision.FLOAT32):
    return EagerEngine(precision, lambda: False)


def graphed(told, capture=again, precision=Precision.FLOAT32):
    return GraphedEngine(precision, eager(precision), told.append, capture)


@pytest.fixture
def specs(tiny_run):
    run = replace(tiny_run, recipe=replace(tiny_run.recipe, iterations=60, milestones=(20,), test_every=30))
    return list(twin(run).runs)


@pytest.mark.parametrize("form", MomentumForm)
def test_fifty_steps_agree_with_eager_ones(specs, form):
    specs = [replace(spec, recipe=replace(spec.recipe, momentum_form=form)) for spec in specs]
    told = []
    engine = graphed(told)
    engine._step_seconds = 0.006  # some steps a replay, and single ones where a test or the end is near
    members, ours = trained(specs, engine, 50)
    reference, theirs = trained(specs, eager(), 50)
    assert not told
    for mine, wanted in zip(ours, theirs, strict=True):
        assert len(mine) == 50
        assert mine == pytest.approx(wanted, rel=LOSSES_AGREE)
    for member, other in zip(members, reference, strict=True):
        for a, b in zip(member.state_tensors(), other.state_tensors(), strict=True):
            assert torch.allclose(a.float(), b.float(), atol=2e-3)


def test_how_many_steps_a_replay_holds_changes_no_bit(specs):
    """Nor does the company of others."""
    found = set()
    for seconds in (0.05, 0.01, 0.004):
        engine = graphed([])
        engine._step_seconds = seconds
        members, _ = trained(specs, engine, 37)
        found.add(digest(members[1].snapshot().weights))
    engine = graphed([])
    engine._step_seconds = 0.01
    (alone,), _ = trained(specs[1:], engine, 37)
    assert found == {digest(alone.snapshot().weights)}


def test_warming_up_and_capturing_leave_no_trace(specs):
    """Batch-norm statistics, weights and momentum are those of the updates that were asked for."""
    captured = []

    def capture(work):
        work()
        captured.append(1)
        return again(lambda: None) if not captured else work

    members, _ = trained(specs, graphed([], capture), 3)
    reference, _ = trained(specs, eager(), 3)
    assert captured
    for member, other in zip(members, reference, strict=True):
        assert int(member.network.stem.bn.num_batches_tracked) == 3
        assert torch.allclose(member.network.stem.bn.running_mean, other.network.stem.bn.running_mean, atol=1e-6)


def test_what_cannot_be_captured_is_trained_eagerly_and_told(specs):
    def refuse(_work):
        raise RuntimeError("operation not permitted when stream is capturing")

    told = []
    engine = graphed(told, refuse)
    members, _ = trained(specs, engine, 12)
    reference, _ = trained(specs, eager(), 12)
    assert len(told) == 1
    assert "operation not permitted" in told[0]
    assert [digest(m.snapshot().weights) for m in members] == [digest(m.snapshot().weights) for m in reference]


def test_the_rate_may_fall_between_two_updates_of_one_replay(specs):
    """The milestone after iteration 20 lies within a replay."""
    engine = graphed([])
    engine._step_seconds = 0.005
    members, _ = trained(specs, engine, 29)
    assert members[0]._used == []  # taken with the curves
    rates = [member.rates.rate(21) for member in members]
    assert rates == pytest.approx([specs[0].recipe.learning_rate * 0.1] * 2)


def with_compiler(told, switch_at, capture=again, faster=None, stop=lambda: False):
    compiler = BackgroundCompiler(
        Precision.FLOAT32, stop, switch_at=switch_at, threads=torch.get_num_threads(), waiting=lambda: None
    )
    return GraphedEngine(Precision.FLOAT32, eager(), told.append, capture, compiler, faster)


def test_compiled_networks_are_in_replays_after_their_iteration(specs, monkeypatch):
    calls = []

    def count(call, **_options):
        def run(tensors, x):
            calls.append(len(x))
            return call(tensors, x)

        return run

    monkeypatch.setattr(regions.torch, "compile", count)
    told = []
    engine = with_compiler(told, 20)
    engine._step_seconds = 0.006
    assert engine.name == "graphed, compiled after 20"
    trained(specs, engine, 20)
    proofs = len(calls)
    compiled, ours = trained(specs, with_compiler(told, 20), 37)
    reference, _ = trained(specs, graphed([]), 37)
    assert not told
    assert len(calls) > 2 * proofs
    assert [digest(m.snapshot().weights) for m in compiled] == [digest(m.snapshot().weights) for m in reference]
    assert len(ours[0]) == 37


def test_what_cannot_be_captured_when_compiled_stays_as_it_was(specs, monkeypatch):
    monkeypatch.setattr(regions.torch, "compile", lambda call, **_options: call)

    def capture(work):
        if work._networks:
            raise RuntimeError("operation not permitted when stream is capturing")
        return again(work)

    told = []
    engine = with_compiler(told, 5, capture)
    members, _ = trained(specs, engine, 12)
    reference, _ = trained(specs, graphed([]), 12)
    assert "without compiling" in told[0]
    assert len(told) == 1
    assert engine.name == "graphed"
    assert digest(members[0].snapshot().weights) == digest(reference[0].snapshot().weights)


def test_compiled_networks_that_are_no_faster_in_a_replay_are_not_taken(specs, monkeypatch):
    monkeypatch.setattr(regions.torch, "compile", lambda call, **_options: call)
    told, gains = [], []
    engine = with_compiler(told, 3, faster=lambda network, gain: gains.append(gain()))
    trained(specs, engine, 6)
    assert len(gains) == 2  # each network of the twin is judged alone
    assert min(gains) > 0
    assert engine.name == "graphed"


def test_a_network_that_is_slow_when_compiled_stays_as_it_was_beside_one_that_is_not(specs, monkeypatch):
    monkeypatch.setattr(regions.torch, "compile", lambda call, **_options: call)
    apart, told = [], []
    engine = with_compiler(told, 3, faster=lambda network, gain: network == specs[0].network)
    engine._apart = lambda run_ids, sentence: apart.append((run_ids, sentence))
    trained(specs, engine, 6)
    assert not told
    ((run_ids, sentence),) = apart
    assert run_ids == ["1"]
    assert specs[1].network.label in sentence
    assert set(engine._networks) == {"0"}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
class TestOnCuda:
    def test_graphs_agree_with_eager_steps(self, specs):
        told = []
        engine = graphed(told, cuda_graph)
        _, ours = trained(specs, engine, 50, "cuda")
        _, theirs = trained(specs, eager(), 50, "cuda")
        assert not told
        assert engine.failure == ""
        for mine, wanted in zip(ours, theirs, strict=True):
            assert mine == pytest.approx(wanted, rel=0.02)

    def test_a_resumed_run_replays_the_same_bits(self, specs):
        from resnet_studio.training.precision import set_products

        set_products(Precision.FLOAT32, exact=True)
        try:
            whole, _ = trained(specs, graphed([], cuda_graph), 30, "cuda")
            again_whole, _ = trained(specs, graphed([], cuda_graph), 30, "cuda")
        finally:
            set_products(Precision.FLOAT32, exact=False)
        assert [digest(m.snapshot().weights) for m in whole] == [digest(m.snapshot().weights) for m in again_whole]

    def test_bfloat16_weights_are_cast_anew_in_each_replay(self, specs):
        _, ours = trained(specs, graphed([], cuda_graph, Precision.BFLOAT16), 50, "cuda")
        _, theirs = trained(specs, eager(Precision.BFLOAT16), 50, "cuda")
        for mine, wanted in zip(ours, theirs, strict=True):
            assert mine == pytest.approx(wanted, rel=0.1)

    def test_compiled_networks_inside_graphs_agree_with_eager_steps(self, specs):
        told = []
        _, ours = trained(specs, with_compiler(told, 10, cuda_graph), 50, "cuda")
        _, theirs = trained(specs, eager(), 50, "cuda")
        assert not told
        for mine, wanted in zip(ours, theirs, strict=True):
            assert mine == pytest.approx(wanted, rel=0.02)
