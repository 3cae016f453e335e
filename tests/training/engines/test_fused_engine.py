"""Graphed steps by the kernels for whole networks: who takes them, what is recorded, and what if they fail."""

from __future__ import annotations

import importlib.util

import pytest
import torch

from resnet_studio.domain.enums import Engine, MemoryLayout, Precision
from resnet_studio.domain.events import EnvironmentChanged
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import NetworkSpec, replace
from resnet_studio.networks.weights import digest
from resnet_studio.platform.home import Home
from resnet_studio.runner import train as train_module
from resnet_studio.training import memory_format, precision, setup
from resnet_studio.training.engines import choose, fused, graphed
from resnet_studio.training.engines.choose import EnginePlan
from resnet_studio.training.engines.eager import EagerEngine
from resnet_studio.training.engines.fused import FUSED, VARIABLE, fused_networks
from resnet_studio.training.engines.graphed import GraphedEngine
from resnet_studio.training.engines.regions import NotProvedError
from resnet_studio.training.member import Member
from resnet_studio.training.precision import set_products
from resnet_studio.training.setup import Machine

from .test_graphed import again, batches_for

CUDA, LAST = torch.device("cuda"), MemoryLayout.CHANNELS_LAST
BASIC, PROJECTED = NetworkSpec(depth=20, block="basic"), NetworkSpec(depth=20, block="basic", shortcut="B")

pytestmark = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="there is no Triton for this system")


@pytest.fixture
def wanted(monkeypatch):
    monkeypatch.setenv(VARIABLE, "1")


@pytest.fixture
def on_cuda(monkeypatch):
    """A device that multiplies bfloat16, as far as choosing goes."""
    for module in (setup, choose, precision, memory_format):
        monkeypatch.setattr(module, "device_name", lambda _device: "a device")
    monkeypatch.setattr(setup, "choose_device", lambda _wanted: CUDA)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: (9, 0))
    yield
    set_products(Precision.FLOAT32, exact=False)


def test_none_is_taken_unless_asked_for():
    assert fused_networks(CUDA, Precision.BFLOAT16, LAST, [BASIC]) == set()


@pytest.mark.usefixtures("wanted")
def test_networks_of_basic_blocks_are_on_cuda_in_bfloat16():
    assert fused_networks(CUDA, Precision.BFLOAT16, LAST, [BASIC, PROJECTED]) == {BASIC}
    assert fused_networks(CUDA, Precision.FLOAT32, LAST, [BASIC]) == set()
    assert fused_networks(CUDA, Precision.BFLOAT16, MemoryLayout.CHANNELS_FIRST, [BASIC]) == set()
    assert fused_networks(torch.device("cpu"), Precision.BFLOAT16, LAST, [BASIC]) == set()


@pytest.mark.usefixtures("wanted", "on_cuda")
def test_a_run_goes_on_as_it_began(tiny_run, tmp_path, monkeypatch):
    recipe = replace(tiny_run.recipe, precision="bfloat16", layout="channels-last", device="auto", iterations=64_000)
    both = Machine.choose(recipe, tmp_path, [BASIC, PROJECTED])
    assert both.fused == {BASIC}
    assert both.another_engine(BASIC) == FUSED
    assert both.another_engine(PROJECTED) == ""
    assert both.plan.switch_at  # the other one is compiled
    alone = Machine.choose(recipe, tmp_path, [BASIC])
    assert alone.plan == EnginePlan.recorded(FUSED)
    monkeypatch.delenv(VARIABLE)
    environments = [both.environment() | {"engine": FUSED}, both.environment()]
    again_both = Machine.choose(recipe, tmp_path, [BASIC, PROJECTED], environments)
    assert (again_both.plan, again_both.fused) == (both.plan, both.fused)
    assert again_both.slow == frozenset()
    before = Machine.choose(recipe, tmp_path, [BASIC], [alone.environment()])
    assert before.fused == set()  # it began with the layers' own kernels


def trained(spec, engine, iterations=12):
    member = Member("0", spec, torch.device(spec.recipe.device))
    batches = batches_for(spec, spec.recipe.device)
    engine.adopt(member)
    while member.iteration < iterations:
        engine.advance([member], batches, min(iterations, member.undecided_after()))
    losses = next(c.values for c in member.take_curves() if c.series is Series.TRAINING_LOSS)
    engine.close()
    return member, losses


def engine_for(spec, told, capture=again, number=Precision.FLOAT32):
    eager = EagerEngine(number, lambda: False)
    return GraphedEngine(
        number, eager, told.append, capture, fused={spec.network},
        on_members_left_eager=lambda run_ids, reason: told.append((*run_ids, reason)),
    )  # fmt: skip


def test_every_step_goes_through_it(tiny_run, monkeypatch):
    calls = []

    def stand_in(member, _should_stop):
        def network(images):
            calls.append(len(images))
            return member.network(images)

        return network

    monkeypatch.setattr(graphed, "fused_network", stand_in)
    told = []
    member, _ = trained(tiny_run, engine_for(tiny_run, told))
    usual, _ = trained(
        tiny_run, GraphedEngine(Precision.FLOAT32, EagerEngine(Precision.FLOAT32, bool), told.append, again)
    )
    assert not told
    assert len(calls) >= 12
    assert digest(member.snapshot().weights) == digest(usual.snapshot().weights)


def test_where_they_are_too_far_off_the_layers_go_on(tiny_run, monkeypatch):
    def refuse(_member, _should_stop):
        raise NotProvedError("a result is 0.5 away from the exact one, 0.02 is allowed")

    monkeypatch.setattr(graphed, "fused_network", refuse)
    told = []
    member, _ = trained(tiny_run, engine_for(tiny_run, told))
    assert member.iteration == 12
    ((run_id, sentence),) = told
    assert run_id == "0"
    assert (
        sentence == "Without the kernels for whole networks: a result is 0.5 away from the exact one, 0.02 is allowed."
    )


def test_where_compiling_fails_the_fused_go_on_fused(tiny_run, tmp_path, monkeypatch):
    """And are recorded so: a resumed run takes the same kernels."""
    monkeypatch.setattr(graphed, "fused_network", lambda member, _should_stop: member.network)
    other = replace(tiny_run, network=replace(tiny_run.network, depth=14))
    machine = Machine(
        torch.device("cpu"), Precision.FLOAT32, 1, EnginePlan(Engine.GRAPHED, 1000), fused={tiny_run.network}
    )
    emitted = []
    engine = train_module._engine(
        machine, tiny_run.recipe, Home(tmp_path).prepare(), ("0", "1"), emitted.append, lambda: False, None
    )
    for run_id, spec in (("0", tiny_run), ("1", other)):
        engine.adopt(Member(run_id, spec, torch.device("cpu")))
    assert set(engine.fused_members) == {"0"}
    engine.name = "graphed"  # as after networks that could not be compiled
    engine._on_slower("Training goes on without compiling: there was an error.")
    changed = [event for event in emitted if isinstance(event, EnvironmentChanged)]
    assert [event.run_ids for event in changed] == [("1",)]
    engine.failure = "no graph"  # the layers' eager steps from now on
    engine._on_slower("Training goes on without CUDA graphs.")
    assert emitted[-1].run_ids == ("0", "1")
    engine.close()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
class TestOnCuda:
    @pytest.fixture
    def spec(self, tiny_run):
        set_products(Precision.BFLOAT16, exact=False)
        recipe = replace(
            tiny_run.recipe, device="cuda", precision="bfloat16", iterations=60, milestones=(40,), test_every=30
        )
        return replace(tiny_run, network=replace(BASIC, depth=8, image_size=16), recipe=recipe)

    def test_fifty_steps_agree_with_eager_ones_and_repeat_their_bits(self, spec):
        told = []
        runs = [trained(spec, engine_for(spec, told, None, Precision.BFLOAT16), 50) for _ in range(2)]
        _, theirs = trained(spec, EagerEngine(Precision.BFLOAT16, lambda: False), 50)
        assert not told
        assert runs[0][1] == pytest.approx(theirs, rel=0.1)
        assert digest(runs[0][0].snapshot().weights) == digest(runs[1][0].snapshot().weights)

    def test_what_is_wrong_is_found(self, spec, monkeypatch):
        from resnet_studio.networks.fused import network

        class Wrong(network.FusedNetwork):
            def __call__(self, images):
                return super().__call__(images) * 1.2

        monkeypatch.setattr(network, "FusedNetwork", Wrong)
        fused._failure.cache_clear()
        try:
            with pytest.raises(RuntimeError, match="away from the exact one"):
                fused.fused_network(Member("0", spec, CUDA))
        finally:
            fused._failure.cache_clear()
