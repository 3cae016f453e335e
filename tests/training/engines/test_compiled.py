"""Compiled regions: proven equal, switched to at a fixed iteration, and given up without harm."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import Engine, Precision
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.specs import NetworkSpec, replace
from resnet_studio.networks.residual import build
from resnet_studio.networks.weights import digest
from resnet_studio.platform.compile_cache import VARIABLE
from resnet_studio.training.engines import choose, regions
from resnet_studio.training.engines.choose import EnginePlan, choose_engine, compiler, gain_subject
from resnet_studio.training.engines.compiled import CompiledEngine
from resnet_studio.training.engines.eager import EagerEngine
from resnet_studio.training.engines.private_headers import keep_headers_private
from resnet_studio.training.member import Member
from resnet_studio.training.setup import Machine

from ...waiting import HANG_SECONDS

CPU = torch.device("cpu")


def make(switch_at, told, should_stop=lambda: False, **options):
    return CompiledEngine(
        Precision.FLOAT32, should_stop, switch_at=switch_at, threads=torch.get_num_threads(),
        waiting=lambda: told.append("waiting"), failed=told.append, **options,
    )  # fmt: skip


def advance(spec, engine, iterations, name="run"):
    member = Member(name, spec, CPU)
    engine.adopt(member)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(spec.recipe.batch_size, 3, spec.network.image_size, spec.network.image_size, generator=generator)
    y = torch.randint(0, 10, (len(x),), generator=generator)

    class Same:
        def batch(self, _iteration):
            return x, y

    while member.iteration < iterations:
        engine.advance([member], Same(), iterations)
    engine.close()
    return member


def test_deeper_networks_have_no_more_regions():
    counts = set()
    for depth in (20, 32, 110):
        plan = blueprint(NetworkSpec(depth=depth, width=2))
        parts = regions.parts_of(build(plan, 0), plan)
        assert len(parts) == 2 + sum(plan.spec.stage_blocks)
        counts.add(len({part.key for part in parts}))
    assert counts == {7}  # stem, head, the blocks that widen, and one block of each stage


@pytest.mark.parametrize(
    "spec",
    [
        NetworkSpec(depth=8, width=4, image_size=8, shortcut="B"),
        NetworkSpec(depth=11, block="bottleneck", width=4, image_size=8, activation="pre"),
        NetworkSpec(family="vgg", width=2, image_size=32),
    ],
    ids=lambda spec: spec.label,
)
def test_parts_one_after_another_are_the_network(spec):
    plan = blueprint(spec)
    network = build(plan, 0).train()
    x = torch.randn(4, *plan.input)
    wanted = network(x)
    for part in regions.parts_of(network, plan):
        assert tuple(x.shape[1:]) == part.input
        x = regions._eager(part)(part.tensors, x)
    assert torch.equal(x, wanted)


def test_a_compiler_that_fails_is_told_and_costs_nothing(tiny_run, monkeypatch):
    def refuse(*_args, **_options):
        raise RuntimeError("no compiler here")

    monkeypatch.setattr(regions.torch, "compile", refuse)
    told = []
    member = advance(tiny_run, make(3, told), 6)
    reference = advance(tiny_run, EagerEngine(Precision.FLOAT32, lambda: False), 6)
    assert digest(member.snapshot().weights) == digest(reference.snapshot().weights)
    assert "no compiler here" in told[-1]


def _in_double(tensors):
    return {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}


def _wrong_by(factor):
    return lambda call: lambda tensors, x: call(tensors, x) * factor


def _no_statistics(call):
    def run(tensors, x):
        return call({name: t if t.requires_grad else t.clone() for name, t in tensors.items()}, x)

    return run


@pytest.mark.parametrize("wrong", [_wrong_by(1.03), _wrong_by(float("nan")), _no_statistics])
def test_what_is_not_equal_is_not_used(tiny_run, monkeypatch, wrong):
    monkeypatch.setattr(regions.torch, "compile", lambda call, **_options: wrong(call))
    told = []
    advance(tiny_run, make(3, told), 5)
    assert "away from the exact one" in told[-1]


@pytest.mark.parametrize("precision", [Precision.FLOAT32, Precision.BFLOAT16])
def test_other_rounding_is_no_difference(monkeypatch, precision):
    """Among half a million activations some are so near to zero that rounding decides whether a ReLU lets them pass."""

    def rounded_once(call, **_options):
        def run(tensors, x):
            doubles = _in_double(tensors)
            with torch.autocast("cpu", enabled=False):
                y = call(doubles, x.double()).float()
            for name, tensor in tensors.items():
                if not tensor.requires_grad:
                    tensor.copy_(doubles[name])
            return y

        return run

    monkeypatch.setattr(regions.torch, "compile", rounded_once)
    plan = blueprint(NetworkSpec(depth=8))
    library = regions.RegionLibrary(precision, 32, CPU)
    library.prepare(regions.parts_of(build(plan, 0), plan), threading.Event())
    assert len(library) == 5


def test_a_gain_that_is_too_small_stays_eager(tiny_run, monkeypatch):
    monkeypatch.setattr(regions.torch, "compile", lambda call, **_options: call)
    told, gains = [], []

    def faster(network, gain):
        assert network == tiny_run.network
        gains.append(gain())
        return False

    advance(tiny_run, make(2, told, faster=faster), 4)
    assert len(gains) == 1, told
    assert "without compiling" in told[-1]


def test_training_waits_for_the_compiler_and_a_stop_is_heard_meanwhile(tiny_run, monkeypatch):
    hold = threading.Event()

    def slow(call, **_options):
        assert hold.wait(HANG_SECONDS)
        return call

    monkeypatch.setattr(regions.torch, "compile", slow)
    told = []
    engine = make(2, told, lambda: bool(told))
    try:
        with pytest.raises(Stopped):
            advance(tiny_run, engine, 5)
        assert told == ["waiting"]
    finally:
        hold.set()


@pytest.mark.usefixtures("two_threads")
@pytest.mark.slow
@pytest.mark.skipif(compiler() is None, reason="needs a C++ compiler")
def test_compiled_steps_agree_with_eager_ones_and_repeat_their_bits(compiled_run):
    spec = replace(compiled_run, recipe=replace(compiled_run.recipe, milestones=()))
    told = []
    first = advance(spec, make(3, told), 12)
    second = advance(spec, make(3, told, Nothing()), 12)
    reference = advance(spec, EagerEngine(Precision.FLOAT32, lambda: False), 12)
    assert all(word == "waiting" for word in told)
    assert digest(first.snapshot().weights) == digest(second.snapshot().weights)
    for ours, theirs in zip(first.state_tensors(), reference.state_tensors(), strict=True):
        assert torch.allclose(ours.float(), theirs.float(), atol=1e-4)


class Nothing:
    """A stop check that is another object: what is compiled must not depend on it."""

    def __call__(self):
        return False


@pytest.mark.slow
@pytest.mark.skipif(compiler() is None, reason="needs a C++ compiler")
def test_what_was_compiled_once_is_found_by_the_next_program(tmp_path):
    """In the folder of all tests, where headers and what the processor can do are known by now, and nowhere in the
    folder for temporary files, where anybody may write. No other test compiles so many classes. Two programs: pytest
    puts modules into another order, of which torch's keys depend."""
    program = """
import threading, torch
from torch._dynamo.utils import counters
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.domain.enums import Precision
from resnet_studio.networks.residual import build
from resnet_studio.training.engines import regions
torch.set_num_threads(1)
plan = blueprint(NetworkSpec(depth=8, width=4, classes=CLASSES))
library = regions.RegionLibrary(Precision.FLOAT32, 8, torch.device("cpu"))
library.prepare(regions.parts_of(build(plan, 0), plan)[-1:], threading.Event())
print(*(name for name in counters["inductor"] if name.startswith("fxgraph_cache")))
"""
    program = program.replace("CLASSES", str(100 + os.getpid() % 1000))
    for found in ("fxgraph_cache_miss", "fxgraph_cache_hit"):
        done = subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True, text=True
        )
        assert (done.returncode, done.stdout.split()) == (0, [found]), done.stderr
    assert not list(tmp_path.rglob("*.h*"))
    assert list(Path(os.environ[VARIABLE], "precompiled_headers").rglob("*.h*"))


def test_where_torch_keeps_headers_elsewhere_it_compiles_without_them(monkeypatch):
    from torch._inductor import codecache, config

    monkeypatch.setattr(config, "cpp_cache_precompile_headers", True)
    monkeypatch.delattr(codecache, "_HEADER_DIR")
    keep_headers_private()
    assert config.cpp_cache_precompile_headers is False


def test_the_plan_is_recorded_and_read_back():
    plans = [EnginePlan(engine) for engine in (Engine.EAGER, Engine.GRAPHED)]
    for plan in (*plans, EnginePlan(Engine.COMPILED, 1000), EnginePlan(Engine.GRAPHED, 1000)):
        assert EnginePlan.recorded(plan.name) == plan
    assert EnginePlan.recorded("something newer") == EnginePlan(Engine.EAGER)


def test_short_runs_stay_eager_and_long_ones_compile_where_it_gains(tiny_run, tmp_path, monkeypatch):
    monkeypatch.setattr(choose, "compiler", lambda: "/usr/bin/c++")
    short, long = tiny_run.recipe, replace(tiny_run.recipe, iterations=64_000)
    assert choose_engine(short, CPU, {}, tmp_path) == EnginePlan(Engine.EAGER)
    assert choose_engine(long, CPU, {}, tmp_path) == EnginePlan(Engine.COMPILED, choose.SWITCH_AT)
    subject = gain_subject(tiny_run.network, long.batch_size)
    choose.remember_gain(CPU, long.precision, tmp_path, subject, 1.01)
    assert choose.known_gain(CPU, long.precision, tmp_path, subject) == 1.01
    assert choose_engine(long, CPU, {}, tmp_path, [tiny_run.network]) == EnginePlan(Engine.EAGER)
    assert choose_engine(long, CPU, {"engine": "compiled after 7"}, tmp_path) == EnginePlan(Engine.COMPILED, 7)
    monkeypatch.setattr(choose, "compiler", lambda: None)
    assert choose_engine(replace(long, engine="eager"), CPU, {}, tmp_path) == EnginePlan(Engine.EAGER)
    with pytest.raises(choose.UserError, match="no C\\+\\+ compiler"):
        choose_engine(replace(long, engine="compiled"), CPU, {}, tmp_path)
    with pytest.raises(choose.UserError, match="needs CUDA"):
        choose_engine(replace(long, engine="graphed"), CPU, {}, tmp_path)


def test_each_network_is_judged_alone_and_trains_so_in_every_cohort(tiny_run, tmp_path, monkeypatch):
    monkeypatch.setattr(choose, "compiler", lambda: "/usr/bin/c++")
    compiled = EnginePlan(Engine.COMPILED, choose.SWITCH_AT)
    long = replace(tiny_run.recipe, iterations=64_000, precision="float32", device="cpu")
    small, large = tiny_run.network, replace(tiny_run.network, width=16)
    first = Machine.choose(long, tmp_path, [small])
    engine = first.engine(long, tmp_path, lambda: False, lambda: None, lambda sentence: None)
    assert not engine._faster(small, lambda: 0.66)  # as the engine asks after measuring
    assert not engine._faster(small, lambda: 1.5)  # once known it stays so
    assert Machine.choose(long, tmp_path, [small]).plan == EnginePlan(Engine.EAGER)
    assert Machine.choose(long, tmp_path, [large]).plan == compiled
    together = Machine.choose(long, tmp_path, [small, large])
    assert together.plan == compiled
    assert together.slow == {small}
    assert Machine.choose(replace(long, batch_size=128), tmp_path, [small]).plan == compiled


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="takes mps for a device that is not there")
def test_resumed_members_step_as_each_of_them_did(tiny_run, tmp_path):
    small, large = tiny_run.network, replace(tiny_run.network, width=16)
    environments = [{"engine": "eager", "device": "cpu"}, {"engine": "compiled after 7", "device": "cpu"}]
    machine = Machine.choose(tiny_run.recipe, tmp_path, [small, large], environments)
    assert machine.plan == EnginePlan(Engine.COMPILED, 7)
    assert machine.slow == {small}
    elsewhere = [{**one, "device": "mps", "engine": "eager"} for one in environments]
    anywhere = replace(tiny_run.recipe, device="auto")
    here = Machine.choose(anywhere, tmp_path, [small, large], elsewhere)
    assert not here.settled
    assert not here.slow


def test_a_slow_member_stays_eager_beside_a_compiled_one(tiny_run, monkeypatch):
    monkeypatch.setattr(regions.torch, "compile", lambda call, **_options: call)
    wide = replace(tiny_run, network=replace(tiny_run.network, width=8))
    told, apart = [], []
    engine = make(
        2,
        told,
        faster=lambda network, gain: network == wide.network,
        on_members_left_eager=lambda ids, reason: apart.append(ids),
    )
    members = [Member(name, spec, CPU) for name, spec in (("small", tiny_run), ("wide", wide))]
    for member in members:
        engine.adopt(member)
    x, y = torch.randn(8, 3, 8, 8), torch.randint(0, 10, (8,))

    class Same:
        def batch(self, _iteration):
            return x, y

    while members[0].iteration < 4:
        engine.advance(members, Same(), 4)
    engine.close()
    assert set(engine._networks) == {"wide"}
    assert apart == [["small"]]
    assert engine.failure == ""


def test_on_cuda_long_runs_are_graphed_and_compiled_besides(tiny_run, tmp_path, monkeypatch):
    cuda = torch.device("cuda")
    monkeypatch.setattr(choose, "can_compile", lambda device: True)
    monkeypatch.setattr(choose, "device_name", lambda device: "a device")
    short, long = tiny_run.recipe, replace(tiny_run.recipe, iterations=64_000)
    assert choose_engine(short, cuda, {}, tmp_path) == EnginePlan(Engine.GRAPHED)
    assert choose_engine(long, cuda, {}, tmp_path) == EnginePlan(Engine.GRAPHED, choose.SWITCH_AT)
    assert choose_engine(replace(long, exact=True), cuda, {}, tmp_path) == EnginePlan(Engine.GRAPHED)
    assert choose_engine(long, cuda, {"engine": "graphed", "device": "cuda"}, tmp_path) == EnginePlan(Engine.GRAPHED)
    choose.remember_gain(cuda, long.precision, tmp_path, gain_subject(tiny_run.network, long.batch_size), 0.9)
    assert choose_engine(long, cuda, {}, tmp_path, [tiny_run.network]) == EnginePlan(Engine.GRAPHED)


def test_a_run_that_began_compiled_is_not_measured_again(tiny_run, tmp_path):
    long = replace(tiny_run.recipe, iterations=64_000, precision="float32")
    before = {"engine": "compiled after 7", "device": "cpu"}
    machine = Machine.choose(long, tmp_path, [tiny_run.network], [before])
    assert machine.settled
    engine = machine.engine(long, tmp_path, lambda: False, lambda: None, lambda sentence: None)
    assert engine.name == "compiled after 7"
    assert engine._faster is None
