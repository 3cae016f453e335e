"""A batch in shares against one network per share, as on devices of their own, and what is averaged written out."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from resnet_studio.domain.enums import BatchNormStatistics, Precision
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, RunSpec, replace
from resnet_studio.history.store import RunStore
from resnet_studio.networks.weights import digest
from resnet_studio.runner import run_cohort
from resnet_studio.training import loop
from resnet_studio.training.batch_norm import batch_norms, recompute
from resnet_studio.training.engines.choose import compiler
from resnet_studio.training.engines.compiled import CompiledEngine
from resnet_studio.training.engines.eager import EagerEngine
from resnet_studio.training.engines.graphed import GraphedEngine
from resnet_studio.training.member import Member
from resnet_studio.training.precision import arithmetic

CPU = torch.device("cpu")


def in_shares(spec: RunSpec, images: int) -> RunSpec:
    return replace(spec, recipe=replace(spec.recipe, bn_images=images))


class Batches:
    """Random ones, the same for the same iteration."""

    def __init__(self, size=16):
        self._size = size

    def batch(self, iteration):
        generator = torch.Generator().manual_seed(iteration)
        images = torch.randn(self._size, 3, 8, 8, generator=generator) * 2 + 1
        return images, torch.randint(0, 10, (self._size,), generator=generator)


def trained(spec, iterations=12, engine=None):
    engine = engine or EagerEngine(Precision.FLOAT32, lambda: False)
    member = Member("run", spec, CPU)
    engine.adopt(member)
    batches = Batches(spec.recipe.batch_size)
    while member.iteration < iterations:
        engine.advance([member], batches, iterations)
    engine.close()
    return member


def losses(member):
    (chunk,) = (chunk for chunk in member.take_curves() if chunk.series is Series.TRAINING_LOSS)
    return chunk.values


def state(network):
    return [*network.parameters(), *network.buffers()]


@pytest.mark.parametrize("shares", [2, 4])
def test_every_bit_is_that_of_one_network_a_share(tiny_run, shares):
    """Each device has the whole network and a share of the batch; gradients and statistics are averaged."""
    spec = in_shares(tiny_run, 16 // shares)
    ours, reference = Member("ours", spec, CPU), Member("reference", tiny_run, CPU)
    engine = EagerEngine(Precision.FLOAT32, lambda: False)
    engine.adopt(ours)
    for iteration in range(1, 13):
        images, labels = Batches().batch(iteration)
        engine.step(ours, images, labels)
        devices = [copy.deepcopy(reference.network) for _unused in range(shares)]
        found = []
        for device, x, y in zip(devices, images.split(16 // shares), labels.split(16 // shares), strict=True):
            device.zero_grad()
            loss = F.cross_entropy(device(x), y)
            loss.backward()
            found.append(float(loss.detach()))
        for parameters in zip(reference.network.parameters(), *(d.parameters() for d in devices), strict=True):
            parameters[0].grad = sum(p.grad / shares for p in parameters[1:])
        reference.descent.step(ours.rates.rate(iteration))
        with torch.no_grad():
            for buffer, *others in zip(reference.network.buffers(), *(d.buffers() for d in devices), strict=True):
                buffer.copy_(sum(others) / shares if buffer.is_floating_point() else others[0])
        assert losses(ours)[-1] == pytest.approx(sum(found) / shares, rel=1e-6)
    assert all(torch.equal(a, b) for a, b in zip(state(ours.network), state(reference.network), strict=True))
    assert int(ours.network.stem.bn.num_batches_tracked) == 12, "a batch counts once"


def test_running_statistics_are_those_of_every_image(tiny_run):
    member = trained(in_shares(tiny_run, 4), iterations=1)
    images, _unused = Batches().batch(1)
    with torch.no_grad():
        y = Member("before", tiny_run, CPU).network.stem.conv(images)
    norm = member.network.stem.bn
    variances = torch.stack([share.var((0, 2, 3), unbiased=True) for share in y.split(4)])
    assert torch.allclose(norm.running_mean, 0.1 * y.mean((0, 2, 3)), atol=1e-6)
    assert torch.allclose(norm.running_var, 0.9 + 0.1 * variances.mean(0), atol=1e-6)


def test_a_share_is_not_normalised_with_the_rest_of_its_batch(tiny_run):
    whole, shared = (trained(spec, iterations=1) for spec in (tiny_run, in_shares(tiny_run, 8)))
    assert abs(losses(whole)[0] - losses(shared)[0]) > 1e-4
    same = trained(in_shares(tiny_run, 16), iterations=1)
    assert digest(same.snapshot().weights) == digest(trained(tiny_run, iterations=1).snapshot().weights)


def test_an_abandoned_step_leaves_the_statistics_alone(tiny_run):
    asked = {"left": 10**9}

    def should_stop():
        asked["left"] -= 1
        return asked["left"] < 0

    spec = in_shares(tiny_run, 8)
    engine = EagerEngine(Precision.FLOAT32, should_stop, patience=0.0)
    member = Member("run", spec, CPU)
    engine.adopt(member)
    engine.step(member, *Batches().batch(1))
    before, abandoned = digest(member.snapshot().weights), 0
    for patience in range(40):
        asked["left"] = patience
        try:
            engine.step(member, *Batches().batch(2))
        except Exception:
            abandoned += 1
            assert digest(member.snapshot().weights) == before
        else:
            break
    assert abandoned == 12, "three blocks, forwards and backwards, of two shares"
    assert digest(member.snapshot().weights) == digest(trained(spec, iterations=2).snapshot().weights)


def test_a_resumed_run_has_the_bits_of_one_that_never_stopped(tiny_run):
    spec = in_shares(tiny_run, 4)
    half = trained(spec, iterations=5).snapshot()
    resumed = Member("run", spec, CPU)
    resumed.restore(half)
    engine = EagerEngine(Precision.FLOAT32, lambda: False)
    engine.adopt(resumed)
    while resumed.iteration < 12:
        engine.advance([resumed], Batches(), 12)
    assert digest(resumed.snapshot().weights) == digest(trained(spec).snapshot().weights)


def again(work):
    """A replay on devices without graphs: the program is run anew."""
    work()
    return work


def test_programs_of_whole_steps_take_the_same_shares(tiny_run):
    spec = in_shares(tiny_run, 8)
    eager = EagerEngine(Precision.FLOAT32, lambda: False)
    failures = []
    replayed = trained(spec, engine=GraphedEngine(Precision.FLOAT32, eager, failures.append, again))
    usual = trained(spec)
    assert not failures
    assert losses(replayed) == pytest.approx(losses(usual), rel=1e-4)
    assert int(replayed.network.stem.bn.num_batches_tracked) == 12
    for ours, theirs in zip(state(replayed.network), state(usual.network), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-4)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.slow
@pytest.mark.skipif(compiler() is None, reason="needs a C++ compiler")
def test_compiled_steps_take_the_same_shares(compiled_run):
    """A share has as many images as other tests' batches, whose regions are compiled by now."""
    size = compiled_run.recipe.batch_size
    two = replace(compiled_run, recipe=replace(compiled_run.recipe, batch_size=2 * size))
    spec, told = in_shares(two, size), []
    engine = CompiledEngine(
        Precision.FLOAT32, lambda: False, switch_at=2, threads=2, waiting=lambda: None, failed=told.append
    )
    compiled, usual = trained(spec, engine=engine), trained(spec)
    assert not told
    assert losses(compiled) == pytest.approx(losses(usual), rel=1e-3)
    assert int(compiled.network.stem.bn.num_batches_tracked) == 12
    for ours, theirs in zip(batch_norms(compiled.network), batch_norms(usual.network), strict=True):
        assert torch.allclose(ours.running_mean, theirs.running_mean, atol=1e-3)


def test_recomputed_statistics_are_those_of_shares(tiny_run):
    network = Member("run", tiny_run, CPU).network
    images, labels = Batches().batch(1)
    never = lambda: False  # noqa: E731
    recompute(network, [(images, labels)], should_stop=never, precision=arithmetic(CPU, Precision.FLOAT32), pass_size=4)
    with torch.no_grad():
        variances = [share.var((0, 2, 3), unbiased=True) for share in network.stem.conv(images).split(4)]
    assert torch.allclose(network.stem.bn.running_var, torch.stack(variances).mean(0), rtol=1e-5)


def test_recomputation_asks_for_the_recipes_shares(tiny_run, monkeypatch, home_with_images):
    asked = []
    monkeypatch.setattr(loop, "recompute", lambda *_args, pass_size, **_options: asked.append(pass_size))
    recipe = replace(tiny_run.recipe, bn_images=4, bn_statistics=BatchNormStatistics.RECOMPUTED, iterations=2)
    with RunStore.open(home_with_images) as store:
        run_cohort.run(CohortSpec(runs=(replace(tiny_run, recipe=recipe),)), store, lambda _event: None)
    assert asked == [4]
