"""How cost grows: with depth, batch, image size, members of a cohort, iterations, stored runs and images in a folder.

    python tests/benchmarks/growth.py [--figure FILE.svg] [--only depth ...] [--rounds 3] [--quick]

Prints a table for each, ready for ``docs/speed.md``, and draws them all into one figure. Each number is the median of
the processor time of this process on one thread, so that other programs on the machine change it little. The exponent
between two rows is the slope on two logarithmic axes: 1 where cost grows as fast as its input. ``--quick`` takes the
smaller half of the sizes.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch
from PIL import Image

from resnet_studio.data.training_batches import open_training
from resnet_studio.domain.analyses.charts import Figure, Line, LineChart
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import Precision, RunStatus
from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, DataSpec, NetworkSpec, RecipeSpec, RunSpec
from resnet_studio.history.store import RunStore
from resnet_studio.networks.residual import build
from resnet_studio.platform.home import Home
from resnet_studio.training.engines.eager import EagerEngine
from resnet_studio.training.member import Member
from resnet_studio.ui.charts.export import export_found

CPU = torch.device("cpu")
COLOURS = {"blue": "#0072b2", "red": "#d55e00"}
Costs = dict[str, float]  # seconds by what was measured


@dataclass(frozen=True)
class Subject:
    """Something that grows.

    Attributes:
        sizes: Of the input, rising.
        costs: Gives what each takes at a size: seconds of processor time by name.
        bends: What bends the line, for the table.
    """

    title: str
    unit: str
    sizes: tuple[int, ...]
    costs: Callable[[int, int], Costs]
    bends: str


def seconds(work: Callable[[], object], rounds: int, *, warm: bool = True) -> float:
    """Median processor time; ``warm`` does the work once before."""
    if warm:
        work()
    found = []
    for _ in range(rounds):
        begin = time.process_time()
        work()
        found.append(time.process_time() - begin)
    return statistics.median(found)


class Batches:
    def __init__(self, count: int, size: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self.images = torch.randn(count, 3, size, size, generator=generator)
        self.labels = torch.randint(0, 10, (count,), generator=generator)

    def batch(self, _iteration: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.images, self.labels


def steps(depth: int, batch: int, size: int, members: int, rounds: int) -> float:
    """One update of each of so many residual nets."""
    recipe = RecipeSpec(batch_size=batch, milestones=(), learning_rate=0.001, iterations=10**6, test_every=10**6)
    spec = RunSpec(network=NetworkSpec(depth=depth, image_size=size), recipe=recipe)
    engine, batches = EagerEngine(Precision.FLOAT32, lambda: False), Batches(batch, size)
    cohort = [Member(str(number), spec, CPU) for number in range(members)]
    for member in cohort:
        engine.adopt(member)
    return seconds(lambda: engine.advance(cohort, batches, 10**6), rounds)


def of_depth(depth: int, rounds: int) -> Costs:
    network = NetworkSpec(depth=depth)
    return {
        "a step of 8 images": steps(depth, 8, 32, 1, rounds),
        "initial weights": seconds(lambda: build(blueprint(network), 0), rounds),
    }


def of_iterations(iterations: int, rounds: int) -> Costs:
    """A run's curves, stored in pieces of 250 iterations and read for a plot."""
    with temporary() as folder, RunStore.open(Home(folder / "home").prepare()) as store:
        (run,) = store.create_cohort(CohortSpec(runs=(RunSpec(recipe=RecipeSpec(milestones=())),)))
        values = np.random.default_rng(0).normal(30, 3, iterations).astype(np.float32)

        def record() -> None:
            for first in range(0, iterations, 250):
                piece = values[first : first + 250]
                store.append_chunks([CurveChunk(run.id, Series.TRAINING_ERROR, first + 1, piece)])

        stored = seconds(record, 1, warm=False)
        return {"stored": stored, "read": seconds(lambda: store.curve(run.id, Series.TRAINING_ERROR), rounds)}


def of_runs(runs: int, rounds: int) -> Costs:
    with temporary() as folder:
        home = Home(folder / "home").prepare()
        with RunStore.open(home) as store:
            for number in range(runs):
                spec = RunSpec(recipe=RecipeSpec(milestones=(), init_seed=number))
                (record,) = store.create_cohort(CohortSpec(runs=(spec,)))
                store.set_status(record.id, RunStatus.FINISHED, "", 100)
        with RunStore.open(home) as store:
            return {
                "listed first": seconds(store.list_runs, 1, warm=False),
                "listed again": seconds(store.list_runs, rounds),
            }


def of_images(images: int, rounds: int) -> Costs:
    """A folder of PNG files of 32 x 32 pixels in ten classes."""
    with temporary() as folder:
        random = np.random.default_rng(0)
        for number in range(images):
            part = "test" if number // 10 % 5 == 0 else "train"
            path = folder / "set" / part / f"class {number % 10}" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(random.integers(0, 256, (32, 32, 3), np.uint8)).save(path, compress_level=1)
        home = Home(folder / "home").prepare()
        spec, recipe = DataSpec(source=f"folder:{folder / 'set'}"), RecipeSpec(batch_size=8)

        def opened() -> None:
            open_training(spec, recipe, 32, home).close()

        first = seconds(opened, 1, warm=False)
        return {"opened first": first, "opened again": seconds(opened, rounds)}


SUBJECTS = {
    "depth": Subject(
        "Depth", "weighted layers", (20, 56, 110, 302, 602, 1202), of_depth,
        "stem and head weigh less in deeper nets",
    ),
    "batch": Subject(
        "Batch", "images", (8, 16, 32, 64, 128, 256),
        lambda size, rounds: {"a step of ResNet-20": steps(20, size, 32, 1, rounds)},
        "the update of the weights is the same for every batch; large ones leave the cache",
    ),
    "side": Subject(
        "Image size", "pixels a side", (16, 32, 64, 128, 224),
        lambda size, rounds: {"a step of ResNet-20, 8 images": steps(20, 8, size, 1, rounds)},
        "pixels grow with the square",
    ),
    "members": Subject(
        "Members of a cohort", "networks", (1, 2, 4, 8),
        lambda size, rounds: {"a step of ResNet-20s, 16 images": steps(20, 16, 32, size, rounds)},
        "the batch is made once for all, a small part",
    ),
    "iterations": Subject(
        "Iterations", "iterations", (1000, 4000, 16_000, 64_000), of_iterations,
        "opening and closing of each transaction",
    ),
    "runs": Subject(
        "Stored runs", "runs", (100, 1000, 10_000), of_runs,
        "the fixed part of a query; a second list reads only what has changed since",
    ),
    "images": Subject(
        "Images in a folder", "images", (500, 2000, 8000, 32_000), of_images,
        "looking through the folder, which both do",
    ),
}  # fmt: skip


class temporary:  # noqa: N801, used as a function
    """A folder that is removed at the end."""

    def __enter__(self) -> Path:
        self._path = Path(tempfile.mkdtemp(prefix="growth-"))
        return self._path

    def __exit__(self, *_unused: object) -> None:
        shutil.rmtree(self._path, ignore_errors=True)


def exponents(sizes: Sequence[int], values: Sequence[float]) -> Iterator[float]:
    for row in range(1, len(sizes)):
        yield math.log(values[row] / values[row - 1]) / math.log(sizes[row] / sizes[row - 1])


def overall(sizes: Sequence[int], values: Sequence[float]) -> float:
    """Least squares on logarithmic axes."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def table(subject: Subject, sizes: Sequence[int], found: dict[str, list[float]]) -> str:
    heads = [f"{name}, s | exponent" for name in found]
    lines = [
        f"**{subject.title}**",
        "",
        f"| {subject.unit} | {' | '.join(heads)} |",
        "| --- " * (1 + 2 * len(found)) + "|",
    ]
    slopes = {name: [math.nan, *exponents(sizes, values)] for name, values in found.items()}
    for row, size in enumerate(sizes):
        cells = []
        for name, values in found.items():
            slope = slopes[name][row]
            cells.append(f"{values[row]:.3g} | {'' if math.isnan(slope) else f'{slope:.2f}'}")
        lines.append(f"| {size:,} | {' | '.join(cells)} |".replace(",", " "))
    whole = "; ".join(f"{name} {overall(sizes, values):.2f}" for name, values in found.items())
    return "\n".join([*lines, "", f"Over all: {whole}. What bends it: {subject.bends}."])


def panel(subject: Subject, sizes: Sequence[int], found: dict[str, list[float]]) -> LineChart:
    x = np.log2(np.array(sizes, float))
    lines = tuple(
        Line(x, np.array(values), colour=colour)
        for values, colour in zip(found.values(), COLOURS.values(), strict=False)
    )
    ticks = tuple((float(at), str(size)) for at, size in zip(x, sizes, strict=True))
    names = ", ".join(
        f"{name} ({colour})" if len(found) > 1 else name for name, colour in zip(found, COLOURS, strict=False)
    )
    return LineChart(f"{subject.title}: {names}", subject.unit, "seconds", lines, log=True, ticks=ticks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--only", nargs="+", choices=SUBJECTS, default=list(SUBJECTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    panels = []
    for key in asked.only:
        subject = SUBJECTS[key]
        sizes = subject.sizes[: (len(subject.sizes) + 1) // 2] if asked.quick else subject.sizes
        found: dict[str, list[float]] = {}
        for size in sizes:
            for name, cost in subject.costs(size, asked.rounds).items():
                found.setdefault(name, []).append(cost)
        print(table(subject, sizes, found), end="\n\n", flush=True)
        panels.append(panel(subject, sizes, found))
    if asked.figure:
        definition = "Processor time on one thread, both axes logarithmic: a straight line is a power of the input."
        export_found(Figure("How cost grows", tuple(panels), columns=2), asked.figure, definition)


if __name__ == "__main__":
    main()
