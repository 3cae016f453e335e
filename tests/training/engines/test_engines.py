import contextlib

import pytest
import torch

from resnet_studio.domain.enums import Precision
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import replace
from resnet_studio.networks.weights import digest
from resnet_studio.training.engines.eager import EagerEngine
from resnet_studio.training.measurements import Measured
from resnet_studio.training.member import Member

CPU = torch.device("cpu")


def batch(seed=0, count=16, size=8):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 3, size, size, generator=generator), torch.randint(0, 10, (count,), generator=generator)


def member_of(spec, engine):
    member = Member("run", spec, CPU)
    engine.adopt(member)
    return member


def test_a_step_is_torchs_sgd(tiny_run):
    """Against the same network trained with torch's optimizer and nothing of ours."""
    engine = EagerEngine(Precision.FLOAT32, lambda: False)
    member, reference = member_of(tiny_run, engine), Member("ref", tiny_run, CPU)
    recipe = tiny_run.recipe
    sgd = torch.optim.SGD(
        reference.network.parameters(), lr=1, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )
    for step in range(1, 13):
        x, y = batch(step)
        engine.step(member, x, y)
        sgd.param_groups[0]["lr"] = 0.05 if step <= 8 else 0.005  # milestone: after iteration 8
        sgd.zero_grad()
        torch.nn.functional.cross_entropy(reference.network(x), y).backward()
        sgd.step()
    for ours, theirs in zip(member.network.parameters(), reference.network.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)
    rates = next(c for c in member.take_curves() if c.series is Series.LEARNING_RATE)
    assert rates.values.tolist() == pytest.approx([0.05] * 8 + [0.005] * 4)
    assert rates.first_iteration == 1


def test_a_stop_anywhere_in_a_step_leaves_the_member_untouched(tiny_run):
    """The stop is asked before and after each block, forwards and backwards: abandon the step at each of them."""
    asked = {"left": 10**9}

    def should_stop():
        asked["left"] -= 1
        return asked["left"] < 0

    engine = EagerEngine(Precision.FLOAT32, should_stop, patience=0.0)
    member = member_of(tiny_run, engine)
    engine.step(member, *batch(1))
    before, times = digest(member.snapshot().weights), 0
    for patience in range(20):
        asked["left"] = patience
        try:
            engine.step(member, *batch(2))
        except Stopped:
            times += 1
            assert digest(member.snapshot().weights) == before
            assert member.iteration == 1
        else:
            break
    assert times == 6, "three blocks, forwards and backwards"
    undisturbed = member_of(tiny_run, EagerEngine(Precision.FLOAT32, lambda: False))
    for step in (1, 2):
        engine.step(undisturbed, *batch(step))
    assert digest(undisturbed.snapshot().weights) == digest(member.snapshot().weights)


def test_a_short_step_is_finished_although_a_stop_waits(tiny_run):
    engine = EagerEngine(Precision.FLOAT32, lambda: True)
    member = member_of(tiny_run, engine)
    engine.step(member, *batch(1))
    assert member.iteration == 1


class Same:
    def batch(self, iteration):
        return batch(iteration)


@pytest.mark.parametrize("looks", range(1, 26))
def test_one_stop_ends_all_members_at_one_iteration(tiny_run, looks):
    """Even where a step is so slow that it may be abandoned: then the first member's is, or none."""
    asked = []

    def should_stop():
        asked.append(None)
        return len(asked) > looks

    engine = EagerEngine(Precision.FLOAT32, should_stop, patience=0.0)
    members = [member_of(tiny_run, engine) for _ in range(4)]
    with contextlib.suppress(Stopped):
        while len(asked) <= looks:
            engine.advance(members, Same(), 9)
    assert len({member.iteration for member in members}) == 1


def test_snapshot_and_restore_are_exact(tiny_run):
    engine = EagerEngine(Precision.FLOAT32, lambda: False)
    member = member_of(tiny_run, engine)
    for step in range(3):
        engine.step(member, *batch(step))
    snapshot = member.snapshot()
    other = member_of(tiny_run, engine)
    other.restore(snapshot)
    for step in range(3, 6):
        engine.step(member, *batch(step))
        engine.step(other, *batch(step))
    assert digest(member.snapshot().weights) == digest(other.snapshot().weights)
    assert other.iteration == 6


def test_a_snapshot_does_not_follow_the_training(tiny_run):
    engine = EagerEngine(Precision.FLOAT32, lambda: False)
    member = member_of(tiny_run, engine)
    snapshot = member.snapshot()
    before = digest(snapshot.weights), digest(snapshot.momentum)
    engine.step(member, *batch())
    assert (digest(snapshot.weights), digest(snapshot.momentum)) == before


def test_curves_are_fetched_once_and_end_at_the_first_bad_loss(tiny_run):
    member = Member("run", tiny_run, CPU)
    for loss in (2.0, 1.0, float("nan"), 3.0):
        member.note(Measured(torch.tensor([[loss, 50.0]])), [0.1], 0.5)
    chunks = {chunk.series: chunk for chunk in member.take_curves()}
    assert chunks[Series.TRAINING_LOSS].values.tolist()[:2] == [2.0, 1.0]
    assert all(chunk.count == 3 and chunk.first_iteration == 1 for chunk in chunks.values())
    assert chunks[Series.SECONDS].values.tolist() == [0.5, 1.0, 1.5]
    assert member.take_curves() == ()


def test_weights_that_are_not_finite_are_noticed(tiny_run):
    member = Member("run", tiny_run, CPU)
    assert member.finite()
    member.network.head.fc.bias.data[3] = float("inf")
    assert not member.finite()
    member.network.head.fc.bias.data[3] = 0.0
    assert member.finite()
    member.network.stem.bn.running_var[0] = float("inf")
    assert not member.finite()


def test_bfloat16_keeps_float32_weights(tiny_run):
    engine = EagerEngine(Precision.BFLOAT16, lambda: False)
    member = member_of(tiny_run, engine)
    engine.step(member, *batch())
    assert all(value.dtype in (torch.float32, torch.int64) for value in member.snapshot().weights.values())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_learns_what_the_cpu_learns(tiny_run):
    spec = replace(tiny_run, recipe=replace(tiny_run.recipe, device="cuda"))
    engine = EagerEngine(Precision.FLOAT32, lambda: False)
    ours, theirs = Member("gpu", spec, torch.device("cuda")), Member("cpu", tiny_run, CPU)
    for step in range(10):
        x, y = batch(step)
        engine.step(ours, x.cuda(), y.cuda())
        engine.step(theirs, x, y)
    losses = [next(c.values for c in m.take_curves() if c.series is Series.TRAINING_LOSS) for m in (ours, theirs)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-2)
