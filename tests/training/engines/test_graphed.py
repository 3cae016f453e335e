"""Programs of whole steps: the same losses as eager steps to rounding, whatever is replayed."""

from __future__ import annotations

import itertools
import sys
import threading
import weakref
from collections import Counter

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from resnet_studio.data.batches import ResidentBatches
from resnet_studio.data.image_set import ImageSet
from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import MomentumForm, Normalisation, Precision
from resnet_studio.domain.errors import DataError, Stopped
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import replace, twin
from resnet_studio.networks import cuda
from resnet_studio.networks.residual import build
from resnet_studio.networks.weights import digest
from resnet_studio.training.batch_norm import batch_norms
from resnet_studio.training.engines import captures, graph_step, regions
from resnet_studio.training.engines import graphed as graphed_module
from resnet_studio.training.engines.background_compiler import BackgroundCompiler
from resnet_studio.training.engines.captures import CudaGraphs
from resnet_studio.training.engines.choose import compiler
from resnet_studio.training.engines.eager import EagerEngine
from resnet_studio.training.engines.graph_step import StepProgram
from resnet_studio.training.engines.graphed import GraphedEngine, steps_within
from resnet_studio.training.engines.regions import CompiledNetwork, RegionLibrary, parts_of
from resnet_studio.training.member import Member
from resnet_studio.training.precision import set_products

# Over 50 steps from the same start: a fused update sums in another order than an eager one, which changes the last
# bits of float32 (1e-7 of a weight), and training multiplies such differences.
LOSSES_AGREE = 1e-3


@pytest.fixture(autouse=True)
def no_earlier_failure(request, monkeypatch):
    """A capture that a test lets fail forbids no other test to capture, except where the device is real."""
    if request.node.get_closest_marker("gpu") is None:
        monkeypatch.setattr(cuda, "_spoiled", threading.Event())


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
    run = replace(
        tiny_run, recipe=replace(tiny_run.recipe, iterations=60, milestones=(20,), test_every=30, layers_every=60)
    )
    return list(twin(run).runs)


@pytest.mark.usefixtures("two_threads")
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


def failing(times, calls=None):
    """Fails so many times, then works."""
    calls = [] if calls is None else calls

    def capture(work):
        calls.append(work.steps)
        if len(calls) <= times:
            raise RuntimeError("operation failed due to a previous error during capture")
        return again(work)

    return capture


@pytest.fixture
def spoilt(monkeypatch):
    """A torch that does not survive a failed capture, in a process of its own."""
    for module in (cuda, captures):
        monkeypatch.setattr(module, "survives_failed_captures", lambda: False)


@pytest.mark.usefixtures("spoilt")
def test_a_failed_capture_is_the_last_one_where_torch_does_not_survive_it(specs):
    calls, told = [], []
    trained(specs, graphed(told, failing(1, calls)), 3)
    assert calls == [1]
    trained(specs, graphed(told, failing(0, calls)), 3)  # another run of the same program
    assert calls == [1]
    assert "needs a new start of the program" in told[1]


def test_a_failed_capture_is_tried_once_more_where_torch_survives_it(specs, monkeypatch):
    for module in (cuda, captures):
        monkeypatch.setattr(module, "survives_failed_captures", lambda: True)
    calls, told = [], []
    trained(specs, graphed(told, failing(1, calls)), 3)
    assert (calls, told) == ([1, 1], [])
    del calls[:]
    engine = with_compiler(told, 20, failing(9, calls))
    trained(specs, engine, 3)
    assert (calls, len(told)) == ([1, 1], 1)
    assert not engine.compiling, "nor will it"


class Copied:
    """Batches that the host prepares and copies: the first ones of others."""

    def __init__(self, batches, error=None, at=1):
        self._batches, self._error, self._at, self.in_order = batches, error, at, False

    def batch(self, iteration):
        if self._error is not None and iteration >= self._at:
            raise self._error
        return self._batches.batch(iteration)

    def copy_in_order(self):
        self.in_order = True


def one_by_one(engine, specs, batches, iterations):
    members = [Member(str(number), spec, torch.device("cpu")) for number, spec in enumerate(specs)]
    for member in members:
        engine.adopt(member)
    while members[0].iteration < iterations:
        engine.advance(members, batches, iterations)
    engine.close()
    return members


@pytest.mark.usefixtures("spoilt")
def test_copies_share_no_memory_with_steps_after_a_failed_capture(specs):
    batches = Copied(batches_for(specs[0]))
    one_by_one(graphed([], again), specs, batches, 2)
    assert not batches.in_order
    one_by_one(graphed([], failing(1)), specs, batches, 2)
    assert batches.in_order


@pytest.mark.parametrize("error", [Stopped(), DataError("cat.png can no longer be read"), OSError("the disk is gone")])
def test_a_batch_that_cannot_be_made_is_no_failure_of_a_capture(specs, error):
    told, calls = [], []
    engine = graphed(told, failing(0, calls))
    with pytest.raises(type(error)):
        one_by_one(engine, specs, Copied(batches_for(specs[0]), error), 3)
    assert (told, engine.failure, engine.name, calls) == ([], "", "graphed", [])


@pytest.mark.parametrize("error", [Stopped(), DataError("cat.png can no longer be read")])
def test_a_stop_while_something_is_captured_is_a_stop(specs, error):
    calls, told = [], []

    def capture(work):
        calls.append(work)
        raise error

    engine = graphed(told, capture)
    with pytest.raises(type(error)):
        trained(specs, engine, 1)
    assert (told, engine.failure, len(calls)) == ([], "", 1)


def test_nothing_of_a_failed_capture_is_left_when_training_goes_on(specs):
    """Memory may have been short."""
    seen = []

    def capture(work):
        seen.append(weakref.ref(work))
        raise torch.OutOfMemoryError("CUDA out of memory")

    class Watching(EagerEngine):
        def advance(self, members, batches, until):
            seen.append((sys.exc_info()[0], seen[0]()))
            super().advance(members, batches, until)

    trained(
        specs, GraphedEngine(Precision.FLOAT32, Watching(Precision.FLOAT32, lambda: False), seen.append, capture), 1
    )
    assert len(seen) == 3, "one try, what is told, and the eager step"
    assert seen[2] == (None, None)


class Clock:
    """Goes on by a millisecond a look."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        self.now += 0.001
        return self.now


def test_pauses_and_tests_are_no_time_of_steps(specs, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(graphed_module, "time", clock)
    engine, batches = graphed([]), batches_for(specs[0])
    members = [Member(str(number), spec, torch.device("cpu")) for number, spec in enumerate(specs)]
    for _ in range(6):
        engine.advance(members, batches, 60)
        clock.now += 1.5
    assert members[0].iteration == 3 + 30 + 2, "single ones, a long replay, and what is left of the 60"
    assert 0 < sum(member.seconds for member in members) < 0.1


def test_replays_count_while_the_queue_fills_and_the_host_sleeps_while_it_is_full(specs, monkeypatch):
    clock, events = Clock(), []

    class Event:
        def __init__(self, *, blocking):
            assert blocking
            self.done = False
            events.append(self)

        def record(self):
            pass

        def query(self):
            return self.done

        def synchronize(self):
            clock.now += 0.04
            self.done = True

    monkeypatch.setattr(graphed_module, "time", clock)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    engine = graphed([])
    engine._step_seconds = 0.005
    seconds = [engine._take_time(clock.now, 10, torch.device("cuda")) for _ in range(4)]
    for event in events:
        event.done = True  # as after curves were fetched
    seconds += [engine._take_time(clock.now, 10, torch.device("cuda")) for _ in range(3)]
    assert seconds == pytest.approx([0.05, 0.05, 0.041, 0.041, 0.05, 0.05, 0.041])


def test_a_slow_first_replay_makes_the_others_no_shorter(specs, monkeypatch):
    """It waits for what came before and uploads its graph."""
    clock, replays = Clock(), []
    monkeypatch.setattr(graphed_module, "time", clock)

    def capture(work):
        def replay():
            clock.now += 0.001 if replays else 0.1
            replays.append(work.steps)
            work()

        return replay

    trained(specs, graphed([], capture), 33)
    assert replays[:3] == [1, 1, 1]
    assert max(replays) == 15, "of 50 milliseconds, one and two looks at the clock each step, a divisor of 30"


@pytest.mark.parametrize(
    ("interval", "most", "steps"), [(500, 32, 25), (400, 32, 25), (499, 32, 32), (10, 32, 10), (500, 7, 5), (1, 32, 1)]
)
def test_steps_of_a_replay_divide_what_is_between_two_tests(interval, most, steps):
    assert steps_within(interval, most) == steps


def test_single_steps_are_few(specs):
    calls = []

    def capture(work):
        def replay():
            calls.append(work.steps)
            work()

        return replay

    engine = graphed([], capture)
    engine._step_seconds = 0.006  # eight fit
    trained(specs, engine, 60)
    assert calls == [6] * 10


def test_programs_of_members_that_no_longer_train_together_are_dropped(specs):
    programs = []

    def capture(work):
        programs.append(weakref.ref(work))
        return again(work)

    engine, batches = graphed([], capture), batches_for(specs[0])
    members = [Member(str(number), spec, torch.device("cpu")) for number, spec in enumerate(specs)]
    for _ in range(2):
        engine.advance(members[:1], batches, 2)
    for _ in range(2):
        engine.advance(members[1:], batches, 2)
    engine.advance(members, batches, 3)
    assert [program() is None for program in programs] == [True, True, False]


class NamedStream(str):
    device = torch.device("cpu")


class FakeCuda:
    """What :class:`CudaGraphs` calls of torch.cuda; ``fail`` makes the end of a capture fail."""

    def __init__(self, monkeypatch):
        self.pools, self.stream, self.fail, self.handles = [], NamedStream("training"), False, 0
        fake = self

        class Graph:
            def replay(self):
                pass

        class Context:
            def __init__(self, graph, pool, stream, capture_error_mode):
                assert capture_error_mode == "thread_local"
                assert stream == "first in line"
                fake.pools.append(pool)

            def __enter__(self):
                fake.stream = NamedStream("capturing")

            def __exit__(self, *_error):
                if fake.fail:
                    raise RuntimeError("operation failed due to a previous error during capture")
                fake.stream = NamedStream("training")

        def handle():
            self.handles += 1
            return (0, self.handles)

        monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
        monkeypatch.setattr(torch.cuda, "graph", Context)
        monkeypatch.setattr(torch.cuda, "graph_pool_handle", handle)
        monkeypatch.setattr(captures, "first_in_line", lambda _device: "first in line")
        monkeypatch.setattr(torch.cuda, "current_stream", lambda: self.stream)
        monkeypatch.setattr(torch.cuda, "set_stream", lambda stream: setattr(self, "stream", stream))


def test_graphs_share_one_pool_while_there_are_any(monkeypatch):
    fake, graphs = FakeCuda(monkeypatch), CudaGraphs()
    kept = [graphs(lambda: None) for _ in range(3)]
    assert fake.pools == [(0, 1)] * 3
    kept.clear()  # the pool ends with them
    graphs(lambda: None)
    assert fake.pools[3] == (0, 2)


def test_a_capture_that_fails_leaves_the_stream_and_the_pool_of_others(monkeypatch):
    fake, graphs = FakeCuda(monkeypatch), CudaGraphs()
    kept = graphs(lambda: None)
    fake.fail = True
    with pytest.raises(RuntimeError, match="previous error"):
        graphs(lambda: None)
    assert fake.stream == "training"
    fake.fail = False
    graphs(lambda: None)
    assert fake.pools == [(0, 1), (0, 1), (0, 2)]
    assert kept is not None


def test_members_are_joined_whatever_happens(monkeypatch):
    joined = []

    class Stream:
        def __init__(self, name):
            self.name = name

        def wait_stream(self, other):
            joined.append((self.name, other.name))

    monkeypatch.setattr(torch.cuda, "current_stream", lambda: Stream("here"))
    with pytest.raises(KeyError), graph_step._forked([Stream("a"), Stream("b")]):
        raise KeyError
    assert joined == [("a", "here"), ("b", "here"), ("here", "a"), ("here", "b")]


class Counted(TorchDispatchMode):
    """Counts operations by name."""

    def __init__(self):
        super().__init__()
        self.calls = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.calls[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


def test_a_replay_makes_its_batches_and_measures_once(specs):
    members = [Member(str(number), spec, torch.device("cpu")) for number, spec in enumerate(specs)]
    rates = {member.run_id: [0.05] * 6 for member in members}
    program = StepProgram(members, batches_for(specs[0]), 6, Precision.FLOAT32, 1)
    single = StepProgram(members, batches_for(specs[0]), 1, Precision.FLOAT32, 1)
    with Counted() as counted:
        program()
    assert counted.calls["index_select"] == 2  # images and labels
    assert counted.calls["argmax"] == 2  # a member each
    assert counted.calls["_foreach_add_"] == 6 * 2  # a step and member each, of all layers' counters
    norms = len(batch_norms(members[0].network))
    with Counted() as before:
        members[0].network(torch.zeros(2, 3, 8, 8))
    assert before.calls["add_"] == norms > 5
    assert counted.calls["add_"] < norms, "no counter alone"
    with Counted() as filling:
        program.fill(1, rates)
    with Counted() as less:
        single.fill(1, {run_id: [0.05] for run_id in rates})
    assert filling.calls.total() <= less.calls.total() + 2, "a batch that straddles an epoch is two slices"


def test_large_batches_are_made_in_parts_with_the_same_bits(specs, monkeypatch):
    found = set()
    for most in (graph_step._GATHERED, 2 * 16 * 3 * 8 * 8 * 4, 1):
        monkeypatch.setattr(graph_step, "_GATHERED", most)
        members = [Member(str(number), spec, torch.device("cpu")) for number, spec in enumerate(specs)]
        program = StepProgram(members, batches_for(specs[0]), 5, Precision.FLOAT32, 1)
        program.fill(1, {member.run_id: [0.05] * 5 for member in members})
        with Counted() as counted:
            program()
        found.add((digest(members[1].snapshot().weights), digest({"measured": program.measured["0"]})))
        assert counted.calls["index_select"] == {5: 2, 2: 6, 1: 10}[program._together]
    assert len(found) == 1


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
    lengths = []

    def capture(work):
        def replay():
            lengths.append(work.steps)
            work()
            rates.append(work._rates[0].tolist())

        return replay

    rates = []
    engine = graphed([], capture)
    engine._step_seconds = 0.0033
    trained(specs, engine, 30)
    assert lengths == [15, 15]
    rate = specs[0].recipe.learning_rate
    assert list(itertools.chain(*rates)) == pytest.approx([rate] * 20 + [rate * 0.1] * 10)


def with_compiler(told, switch_at, capture=again, faster=None, stop=lambda: False, precision=Precision.FLOAT32):
    compiler = BackgroundCompiler(
        precision, stop, switch_at=switch_at, threads=torch.get_num_threads(), waiting=lambda: None
    )
    return GraphedEngine(precision, eager(precision), told.append, capture, compiler, faster)


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


def test_nothing_is_compiled_while_something_is_captured(specs, monkeypatch):
    """Compiling waits for the whole device, which a capture does not survive."""

    captured = threading.Event()
    before = set(threading.enumerate())  # a compilation of another test may go on in this process

    def slowly(call, **_options):
        captured.wait(0.02)  # a capture would have its chance
        return call

    monkeypatch.setattr(regions.torch, "compile", slowly)
    beside, told = [], []

    def capture(work):
        beside.append(any(thread.name == "compiler" for thread in set(threading.enumerate()) - before))
        return again(work)

    engine = with_compiler(told, 20, capture)
    trained(specs, engine, 19)
    assert engine._compiler._compilation is not None, "begun before it is waited for"
    engine._compiler._compilation.join(20)
    trained(specs, with_compiler(told, 20, capture), 25)
    assert not told
    assert not any(beside)


def test_compiling_and_capturing_take_turns(specs, monkeypatch):
    """Where a capture comes late, as for members that go on alone."""
    monkeypatch.setattr(cuda, "_SHARED", ("cpu",))
    seen = []

    def compiled(call, **_options):
        def run(tensors, x):
            if threading.current_thread().name == "compiler":
                seen.append(("compiling", cuda._device._is_owned()))
            return call(tensors, x)

        return run

    def capture(work):
        seen.append(("capturing", cuda._device._is_owned()))
        return again(work)

    monkeypatch.setattr(regions.torch, "compile", compiled)
    trained(specs, with_compiler([], 5, capture), 8)
    assert {what for what, _ in seen} == {"compiling", "capturing"}
    assert all(alone for _, alone in seen)


def test_who_waits_for_the_device_hears_a_stop():
    device, inside, leave = torch.device("cuda"), threading.Event(), threading.Event()

    def hold():
        with cuda.alone_on(device):
            inside.set()
            leave.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(20)
    with pytest.raises(Stopped), cuda.alone_on(device, lambda: True):
        pass
    leave.set()
    with cuda.alone_on(device), cuda.alone_on(torch.device("cpu")):
        thread.join(20)


@pytest.mark.usefixtures("spoilt")
def test_after_a_failure_at_the_switch_only_what_was_captured_is_replayed(specs, monkeypatch):
    monkeypatch.setattr(regions.torch, "compile", lambda call, **_options: call)
    calls = []

    def capture(work):
        assert (1, True) not in calls, "the process cannot capture any more"
        calls.append((work.steps, bool(work._networks)))
        if work._networks:
            raise RuntimeError("operation not permitted when stream is capturing")
        return again(work)

    told = []
    engine = with_compiler(told, 5, capture)
    engine._step_seconds = 0.05  # one step a replay
    trained(specs, engine, 12)
    assert len(told) == 1
    assert "without compiling" in told[0]
    assert engine.failure == ""
    calls.clear()
    cuda._spoiled.clear()
    engine = with_compiler(told, 5, capture)
    engine._step_seconds = 0.006  # six steps, after the switch
    trained(specs, engine, 12)
    assert "needs a new start" in told[2]
    assert not engine.compiling
    assert calls == [(1, False), (1, False), (1, True)]


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
    engine._on_members_left_eager = lambda run_ids, sentence: apart.append((run_ids, sentence))
    trained(specs, engine, 6)
    assert not told
    ((run_ids, sentence),) = apart
    assert run_ids == ["1"]
    assert specs[1].network.label in sentence
    assert set(engine._networks) == {"0"}


@pytest.mark.usefixtures("two_threads")
@pytest.mark.slow
@pytest.mark.skipif(compiler() is None, reason="needs a C++ compiler")
def test_programs_call_compiled_regions_as_they_were_proven(specs, compiled_run):
    """Else each would be compiled a second time, by the thread that trains."""
    spec = replace(specs[1], network=replace(specs[1].network, stages=compiled_run.network.stages))
    plan = blueprint(spec.network)
    library = RegionLibrary(Precision.BFLOAT16, spec.recipe.batch_size, torch.device("cpu"))
    library.prepare(parts_of(build(plan, 0).train().to(memory_format=torch.channels_last), plan), threading.Event())
    member = Member("0", spec, torch.device("cpu"))
    network = CompiledNetwork(spec.network, parts_of(member.network, plan), library, lambda: None)
    program = StepProgram([member], batches_for(spec), 2, Precision.BFLOAT16, 1, {"0": network})
    program.fill(1, {"0": [0.05, 0.05]})
    with torch.compiler.set_stance("fail_on_recompile"):
        program()
    assert program.measured["0"][:, 0].min() > 0


@pytest.fixture
def float32_proper():
    """Convolutions use tf32 unless told otherwise."""
    set_products(Precision.FLOAT32, exact=False)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.usefixtures("float32_proper")
class TestOnCuda:
    def test_graphs_agree_with_eager_steps(self, specs):
        told = []
        engine = graphed(told, CudaGraphs())
        _, ours = trained(specs, engine, 50, "cuda")
        _, theirs = trained(specs, eager(), 50, "cuda")
        assert not told
        assert engine.failure == ""
        for mine, wanted in zip(ours, theirs, strict=True):
            assert mine == pytest.approx(wanted, rel=0.02)

    def test_a_resumed_run_replays_the_same_bits(self, specs):
        told = []
        set_products(Precision.FLOAT32, exact=True)
        try:
            whole, _ = trained(specs, graphed(told, CudaGraphs()), 30, "cuda")
            again_whole, _ = trained(specs, graphed(told, CudaGraphs()), 30, "cuda")
        finally:
            set_products(Precision.FLOAT32, exact=False)
        assert not told
        assert [digest(m.snapshot().weights) for m in whole] == [digest(m.snapshot().weights) for m in again_whole]

    def test_bfloat16_weights_are_cast_anew_in_each_replay(self, specs):
        told = []
        _, ours = trained(specs, graphed(told, CudaGraphs(), Precision.BFLOAT16), 50, "cuda")
        _, theirs = trained(specs, eager(Precision.BFLOAT16), 50, "cuda")
        assert not told
        for mine, wanted in zip(ours, theirs, strict=True):
            assert mine == pytest.approx(wanted, rel=0.1)

    @pytest.mark.parametrize(("precision", "apart"), [(Precision.FLOAT32, 0.02), (Precision.BFLOAT16, 0.1)])
    def test_compiled_networks_inside_graphs_agree_with_eager_steps(self, specs, precision, apart):
        told = []
        engine = with_compiler(told, 10, CudaGraphs(), precision=precision)
        _, ours = trained(specs, engine, 50, "cuda")
        _, theirs = trained(specs, eager(precision), 50, "cuda")
        assert not told
        assert set(engine._networks) == {"0", "1"}
        for mine, wanted in zip(ours, theirs, strict=True):
            assert mine == pytest.approx(wanted, rel=apart)

    def test_nothing_in_a_program_waits_for_the_device(self, specs):
        members = [Member(str(number), spec, torch.device("cuda")) for number, spec in enumerate(specs)]
        program = StepProgram(members, batches_for(specs[0], "cuda"), 2, Precision.BFLOAT16, 1)
        program()
        torch.cuda.set_sync_debug_mode("error")
        try:
            program()
        finally:
            torch.cuda.set_sync_debug_mode("default")
        assert torch.isfinite(program.measured["0"]).all()

    def test_graphs_share_their_memory(self, specs):
        members = [Member(str(number), spec, torch.device("cuda")) for number, spec in enumerate(specs)]
        batches, graphs = batches_for(specs[0], "cuda"), CudaGraphs()
        reserved, kept = [], []
        for steps in (4, 4, 2):
            program = StepProgram(members, batches, steps, Precision.FLOAT32, 1)
            program()
            torch.cuda.synchronize()
            kept.append(graphs(program))
            torch.cuda.empty_cache()
            reserved.append(torch.cuda.memory_reserved())
        assert reserved[2] - reserved[0] < reserved[0] / 2, reserved
        assert len(kept) == 3
