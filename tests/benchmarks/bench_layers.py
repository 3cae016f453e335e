"""What it costs to measure gradients and updates by layer: training with and without, in turn, and the history.

    python tests/benchmarks/bench_layers.py [--depth 20] [--batch-size 128] [--steps 50] [--rounds 6] [--every 25]
        [--layers 1202]

A round is ``--steps`` updates of one network with layers measured and as many without, the order changing from round to
round; the cost is the median over rounds of the difference in time, in percent. On the CPU it is time that this process
computed. The history's part is the time and the size of storing one chunk of each series of layers, and of reading all
of 64 000 iterations. Figures are printed; nothing is asserted.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import Engine, Precision
from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.series import LAYERED
from resnet_studio.domain.specs import NetworkSpec, RecipeSpec, RunSpec, replace, twin
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.training import setup
from resnet_studio.training.engines.choose import EnginePlan
from resnet_studio.training.member import Member

CUDA = torch.cuda.is_available()
DEVICE = torch.device("cuda" if CUDA else "cpu")


class Batches:
    """The same standard normal images (N, 3, 32, 32) and labels each time, by number where steps are graphed."""

    def __init__(self, size: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self.images = torch.randn(size, 3, 32, 32, generator=generator).to(DEVICE)
        self.labels = torch.randint(0, 10, (size,), generator=generator).to(DEVICE)

    def batch(self, _iteration: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.images, self.labels

    def samples(self, _iteration: int, count: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
        positions = torch.arange(len(self.images), device=DEVICE).repeat(count)
        return positions, torch.zeros_like(positions)

    def gather(self, indices: torch.Tensor, _epochs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.images.index_select(0, indices), self.labels.index_select(0, indices)


class Trainer:
    """One network in training; :meth:`seconds` does so many updates more."""

    def __init__(self, spec: RunSpec, plan: EnginePlan, cache: Path) -> None:
        machine = setup.Machine.choose(spec.recipe, cache)
        self.member = Member("run", spec, DEVICE)
        there = dataclasses.replace(machine, plan=plan)
        self.engine = there.engine(spec.recipe, cache, lambda: False, lambda: None, print)
        self.engine.adopt(self.member)
        self.batches = Batches(spec.recipe.batch_size)

    def seconds(self, steps: int) -> float:
        clock = time.perf_counter if CUDA else time.process_time
        start, until = clock(), self.member.iteration + steps
        while self.member.iteration < until:
            self.engine.advance([self.member], self.batches, until)
        self.member.take_curves()
        if CUDA:
            torch.cuda.synchronize()
        return clock() - start


def cost(depth: int, batch_size: int, steps: int, rounds: int, every: int, engine: Engine, cache: Path) -> None:
    recipe = RecipeSpec(
        batch_size=batch_size, precision="bfloat16" if CUDA else Precision.FLOAT32, engine=engine, milestones=(),
        learning_rate=0.01, test_every=10_000_000, iterations=10_000_000, layers_every=every,
    )  # fmt: skip
    spec = RunSpec(network=NetworkSpec(depth=depth, block="basic"), recipe=recipe)
    bare = replace(spec, recipe=replace(recipe, layers_every=0))
    trainers = [Trainer(each, EnginePlan(engine), cache) for each in (spec, bare)]
    for trainer in trainers:
        trainer.seconds(steps)  # warms up, captures
    differences, best = [], [float("inf")] * 2
    for number in range(rounds):
        found = [0.0, 0.0]
        for place in (0, 1) if number % 2 else (1, 0):
            found[place] = trainers[place].seconds(steps)
            best[place] = min(best[place], found[place])
        differences.append(100.0 * (found[0] - found[1]) / found[1])
    print(
        f"{spec.network.label}, batch {batch_size}, {engine}, every {every}:"
        f" median {statistics.median(differences):+.2f} %"
        f" (rounds {' '.join(f'{each:+.1f}' for each in differences)}), best of rounds"
        f" {100.0 * (best[0] - best[1]) / best[1]:+.2f} %, {1000.0 * best[1] / steps:.2f} ms a step"
    )
    alone(trainers[0], 1000.0 * best[1] / steps, every)


def alone(trainer: Trainer, step_ms: float, every: int) -> None:
    """The measurement by itself, as the eager engine makes it."""
    member = trainer.member
    for parameter in member.network.parameters():
        parameter.grad = torch.ones_like(parameter)
    clock, times = time.perf_counter if CUDA else time.process_time, []
    for _unused in range(20):
        start = clock()
        member.meter.update(lambda: None, 0.1, layers=True)
        if CUDA:
            torch.cuda.synchronize()
        times.append(clock() - start)
    found = 1000.0 * statistics.median(times)
    print(f"  one measurement alone: {found:.2f} ms, {100.0 * found / every / step_ms:.3f} % of {every} steps")


def history(layers: int) -> None:
    """Chunks of a second of training, and the whole of a long run."""
    with tempfile.TemporaryDirectory() as folder, RunStore.open(Home(Path(folder))) as store:
        runs = store.create_cohort(twin(RunSpec(network=NetworkSpec(depth=layers, block="basic"))))
        values = np.random.default_rng(0).random((4, len(blueprint(runs[0].spec.network).weighted_layers)))
        times = []
        points = 64_000 // 25 // 4
        for number in range(points):
            chunks = [
                CurveChunk(run.id, series, 1 + 100 * number, values.astype(np.float32), 25)
                for run in runs
                for series in LAYERED
            ]
            start = time.perf_counter()
            store.append_chunks(chunks)
            times.append(time.perf_counter() - start)
        start = time.perf_counter()
        curves = store.curves([run.id for run in runs], LAYERED)
        read = time.perf_counter() - start
        size = sum(curve.values.nbytes for curve in curves.values()) / 2**20
        shape = next(iter(curves.values())).values.shape
        print(
            f"history, twins of {layers} layers, 64 000 iterations: {points} flushes of 4 measurements, 4 rows each;"
            f" {1000.0 * statistics.median(times):.1f} ms a flush (slowest {1000.0 * max(times):.0f}); {size:.0f} MB of"
            f" values, {shape} a series; all read in {read:.2f} s"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (
        ("depth", 20), ("batch-size", 128), ("steps", 50), ("rounds", 6), ("every", 25), ("layers", 1202)
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for engine in (Engine.EAGER, Engine.GRAPHED) if CUDA else (Engine.EAGER,):
            cost(given.depth, given.batch_size, given.steps, given.rounds, given.every, engine, Path(folder))
    history(given.layers)


if __name__ == "__main__":
    main()
