"""What batch norm over shares of a batch costs: a step with ``bn_images`` beside one of the whole batch.

    python tests/benchmarks/bench_shares.py [--depths 20 56] [--batch 128] [--images 64 32 16] [--seconds 2]

Random images, float32, the engine that ``--engine`` names. The processor's own time counts on the CPU (of all threads),
so that other programs do not; on CUDA the clock on the wall. Kinds are measured in turn, ``--rounds`` times, and the
best of each is taken. The first line says on what.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "20000")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch

from resnet_studio.domain.enums import Engine
from resnet_studio.domain.specs import RunSpec, replace
from resnet_studio.networks.devices import device_name
from resnet_studio.training.member import Member
from resnet_studio.training.setup import Machine


class Batch:
    """The same random images again and again."""

    def __init__(self, spec: RunSpec, device: torch.device) -> None:
        size, count = spec.network.image_size, spec.recipe.batch_size
        generator = torch.Generator().manual_seed(0)
        self._images = torch.randn(count, 3, size, size, generator=generator).to(device)
        self._labels = torch.randint(0, spec.network.classes, (count,), generator=generator).to(device)

    def batch(self, _iteration: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self._images, self._labels


class Trainer:
    """Takes steps of one network and their time."""

    def __init__(self, spec: RunSpec, cache: Path) -> None:
        self.machine = Machine.choose(spec.recipe, cache, [spec.network])
        self._engine = self.machine.engine(spec.recipe, cache, lambda: False, lambda: None, print)
        self._member = Member("run", spec, self.machine.device, self.machine.layout)
        self._engine.adopt(self._member)
        self._batch = Batch(spec, self.machine.device)
        self.seconds(0.0, 3)

    def seconds(self, at_least: float, steps: int = 1) -> float:
        """Of a step, on average."""
        clock = time.process_time if self.machine.device.type == "cpu" else time.perf_counter
        start, first = clock(), self._member.iteration
        while clock() - start < at_least or self._member.iteration < first + steps:
            self._engine.advance([self._member], self._batch, self._member.iteration + 1)
            if self._member.full:
                self._member.take_curves()
        self._member.take_curves()
        if self.machine.device.type == "cuda":
            torch.cuda.synchronize()
        return (clock() - start) / (self._member.iteration - first)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--depths", type=int, nargs="+", default=[20])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--images", type=int, nargs="+", default=[64, 32, 16])
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engine", choices=[str(e) for e in (Engine.EAGER, Engine.GRAPHED)], default="eager")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for depth in given.depths:
            spec = replace(RunSpec(), network=replace(RunSpec().network, depth=depth))
            trainers = {}
            for images in (0, *given.images):
                recipe = replace(
                    spec.recipe, batch_size=given.batch, bn_images=images, precision="float32", engine=given.engine
                )
                trainers[images] = Trainer(replace(spec, recipe=recipe), Path(folder))
            machine = trainers[0].machine
            best = dict.fromkeys(trainers, float("inf"))
            for _unused in range(given.rounds):
                for images, trainer in trainers.items():
                    best[images] = min(best[images], trainer.seconds(given.seconds))
            print(f"ResNet-{depth}, batch {given.batch}, {given.engine}, {machine.threads} threads")
            print(f"{device_name(machine.device)}, torch {torch.__version__}")
            for images, seconds in best.items():
                name = f"bn_images {images}" if images else "whole batch"
                print(f"  {name:14} {1000 * seconds:8.1f} ms  {seconds / best[0]:5.2f}")


if __name__ == "__main__":
    main()
