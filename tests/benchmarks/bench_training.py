"""How fast training is here: engine x network, beside the usual script, after a proof that the engines agree.

    python tests/benchmarks/bench_training.py [CIFAR10_FOLDER] [--seconds 10] [--rounds 2] [--only PART ...]

Parts, in this order: ``equality`` (50 steps of each engine against eager ones from the same start), ``script`` (the
program's own runner with everything it does, alone and as a twin, and ``usual_script.py``, in turn), ``table``
(engine x network on random images), ``exact`` (what repeatable bits cost on CUDA). Without a folder the first two take
the program's drawn shapes. Compilation comes before the measured time and is stated. About 8 minutes on two CPU cores.
Exit code 1 if the engines do not agree.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # for exact mode; must be there before torch loads
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch
from rich.console import Console
from rich.table import Table

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import Engine, Phase, Precision
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import CurvesGrew, Event, PhaseChanged, ProgressMade
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, DataSpec, NetworkSpec, RecipeSpec, RunSpec, replace, twin
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.platform.training_speed import LONG_ENOUGH
from resnet_studio.runner import run_cohort
from resnet_studio.training import setup
from resnet_studio.training.engines import choose
from resnet_studio.training.engines.choose import EnginePlan
from resnet_studio.training.member import Member
from resnet_studio.training.speed import measure

HERE = Path(__file__).resolve()
PARTS = ("equality", "script", "table", "exact")
SWITCH_AT = 20  # iterations; in a benchmark the compiled steps begin at once
STEPS = 50
CUDA = torch.cuda.is_available()
DEVICE = torch.device("cuda" if CUDA else "cpu")

# Largest difference of a loss, in percent of it, over the first 10 and over all 50 steps from the same start. The
# engines sum in another order: float32 differs in the last of 24 bits an operation, bfloat16 in the last of 8. A ReLU
# whose input is nearly zero makes of that a gradient that is there or not, and each update carries it on. Deep networks
# carry it further: as far as eager steps are from eager float32 ones taken again (which are not the same bits on CUDA)
# another engine may be too.
AGREE = {Precision.FLOAT32: (0.05, 2.0), Precision.BFLOAT16: (0.5, 4.0)}
console = Console(width=110)


@dataclass
class Findings:
    """What is printed and what goes to the JSON file."""

    values: dict[str, Any] = field(default_factory=dict)
    agrees: bool = True


def cifar(depth: int) -> NetworkSpec:
    return NetworkSpec(depth=depth, block="basic")


def imagenet(depth: int) -> NetworkSpec:
    return NetworkSpec(family="imagenet", depth=depth)


def recipe(batch_size: int, precision: str, engine: str, *, exact: bool = False, **more: Any) -> RecipeSpec:
    return RecipeSpec(batch_size=batch_size, precision=precision, engine=engine, exact=exact, **more)


class Drawn:
    """Batches drawn once: standard normal images (N, 3, 32, 32), and labels."""

    def __init__(self, count: int, batch_size: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self._size = batch_size
        self._images = torch.randn(count * batch_size, 3, 32, 32, generator=generator).to(DEVICE)
        self._labels = torch.randint(0, 10, (count * batch_size,), generator=generator).to(DEVICE)

    def batch(self, iteration: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.gather(*self.samples(iteration))

    def samples(self, iteration: int, count: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
        first = (iteration - 1) * self._size
        positions = torch.arange(first, first + count * self._size, device=DEVICE)
        return positions % len(self._images), positions // len(self._images)

    def gather(self, indices: torch.Tensor, _epochs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self._images.index_select(0, indices), self._labels.index_select(0, indices)


def plans(switch_at: int) -> tuple[EnginePlan, ...]:
    """Every engine that this machine has, those of long runs last."""
    if not CUDA:
        return EnginePlan(Engine.EAGER), EnginePlan(Engine.COMPILED, switch_at)
    return (
        EnginePlan(Engine.EAGER), EnginePlan(Engine.COMPILED, switch_at), EnginePlan(Engine.GRAPHED),
        EnginePlan(Engine.GRAPHED, switch_at),
    )  # fmt: skip


def losses(network: NetworkSpec, wanted: RecipeSpec, plan: EnginePlan, batches: Drawn, cache: Path) -> list[float]:
    """Of 50 steps from the same weights."""
    there = dataclasses.replace(setup.Machine.choose(wanted, cache), plan=plan)
    told: list[str] = []
    engine = there.engine(wanted, cache, lambda: False, lambda: None, told.append)
    member = Member("equality", RunSpec(network=network, recipe=wanted), there.device, there.layout)
    engine.adopt(member)
    try:
        while member.iteration < STEPS:
            engine.advance([member], batches, STEPS)
    finally:
        engine.close()
    if told:
        raise UserError(" ".join(told))
    return next(chunk.values.tolist() for chunk in member.take_curves() if chunk.series is Series.TRAINING_LOSS)


def apart(losses: list[float], others: list[float]) -> tuple[float, float]:
    """Largest difference in percent, over the first 10 steps and over all."""
    found = [abs(one - other) / abs(other) * 100 for one, other in zip(losses, others, strict=True)]
    return max(found[:10]), max(found)


def equality(findings: Findings, cache: Path) -> None:
    """Each engine against eager steps, and against itself."""
    table = Table(
        "network", "precision", "engine", "in 10 steps", "in 50 steps", "eager itself", "the same twice",
        title="Equality",
    )  # fmt: skip
    batches = Drawn(STEPS, 128)
    for depth, precision in itertools.product((20, 56) if CUDA else (20,), AGREE):
        short = {"iterations": 10_000, "milestones": (), "learning_rate": 0.02, "test_every": 10_000}
        plain, *others = plans(1)
        eager = losses(cifar(depth), recipe(128, precision, plain.engine, **short), plain, batches, cache)
        other = recipe(128, Precision.FLOAT32, plain.engine, **short)
        itself = apart(losses(cifar(depth), other, plain, batches, cache), eager)
        for plan in others:
            asked = recipe(128, precision, plan.engine, **short)
            try:
                first, second = (losses(cifar(depth), asked, plan, batches, cache) for _ in range(2))
            except UserError as error:
                findings.agrees = False
                table.add_row(f"ResNet-{depth}", precision, plan.name, str(error))
                continue
            early, all_of_them = apart(first, eager)
            soon, late = (max(pair) for pair in zip(AGREE[precision], itself, strict=True))
            findings.agrees &= early <= soon and all_of_them <= late
            again = "yes" if first == second else "no"
            own = f"{itself[0]:.4f}, {itself[1]:.3f} %"
            figures = (f"{early:.4f} of {soon:.4g} %", f"{all_of_them:.3f} of {late:.4g} %", own)
            table.add_row(f"ResNet-{depth}", precision, plan.name, *figures, again)
            findings.values.setdefault("equality", []).append(
                {"depth": depth, "precision": precision, "engine": plan.name, "first_10_percent": early,
                 "percent": all_of_them, "eager_itself_percent": itself, "same_twice": again}
            )  # fmt: skip
    console.print(table)


@dataclass(frozen=True)
class Trained:
    """Seconds an iteration of the whole cohort with everything the runner does, test images a second, and the seconds
    before compiled steps began."""

    step: float
    tested: float
    before: float


def by_runner(folder: Path | None, home: Home, *, as_twin: bool, seconds: float) -> Trained:
    """A real training: data, curves and checkpoints stored, a test at its end."""
    choose.SWITCH_AT = SWITCH_AT
    guess = 2_000 if CUDA else 5  # iterations a second, at least
    iterations = SWITCH_AT + 20 + int(seconds * guess * (1 if CUDA else 2))
    if CUDA:
        iterations = max(iterations, LONG_ENOUGH)
    fast = ("bfloat16", Engine.AUTO) if CUDA else ("auto", Engine.COMPILED)  # on CUDA auto is graphed, then compiled
    wanted = recipe(128, *fast, iterations=iterations, milestones=(), test_every=iterations)
    source = f"folder:{folder.resolve()}" if folder else "builtin"
    run = RunSpec(network=cifar(20), recipe=wanted, data=DataSpec(source=source))
    cohort = twin(run) if as_twin else CohortSpec(runs=(run,))
    started, told, tests = time.perf_counter(), [], []

    def note(event: Event) -> None:
        now = time.perf_counter()
        if isinstance(event, ProgressMade):
            told.append((event.iteration, now))
        elif isinstance(event, PhaseChanged) and event.phase is Phase.TESTING and not event.fraction:
            tests.append([now, now])
        elif isinstance(event, CurvesGrew) and any(chunk.series is Series.TEST_ERROR for chunk in event.chunks):
            tests[-1][1] = now

    with RunStore.open(home) as store:
        ended = run_cohort.run(cohort, store, note, checkpoint_seconds=seconds / 2)
        images = int(store.get(ended[0].id).environment["test_images"])
    measured = [point for point in told if point[0] >= SWITCH_AT + 10]
    (first, began), (last, finished) = measured[0], max(point for point in measured if point[1] <= tests[-1][0])
    return Trained(
        (finished - began) / (last - first), len(cohort.runs) * images / (tests[-1][1] - tests[-1][0]), began - started
    )


def in_a_process(*words: str) -> dict[str, Any]:
    """Each measurement begins in a fresh process; its last line is JSON."""
    ended = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    if ended.returncode:
        raise UserError(f"{' '.join(words)} ended with {ended.returncode}: {ended.stderr.strip()[-300:]}")
    return dict(json.loads(ended.stdout.splitlines()[-1]))


def script(
    findings: Findings, folder: Path | None, seconds: float, rounds: int, workers: list[int], home: Path
) -> None:
    """The runner and the usual script in turn."""
    where = [str(folder)] if folder else []
    usual = [str(HERE.with_name("usual_script.py")), *where, "--json", "--test", "--seconds", str(seconds)]
    own = [str(HERE), *where, "--seconds", str(seconds), "--home", str(home), "--trained"]
    in_a_process(*own, "one")  # decodes and keeps the images, probes, compiles
    table = Table("round", "usual script by workers", "runner, alone", "ratio", "an epoch and its test", "runner, twin",
                  "twin / alone", title="ResNet-20, batch 128, images/s with everything included")  # fmt: skip
    kept: dict[str, list[float]] = {"ratio": [], "epoch_ratio": [], "twin": []}
    for number in range(rounds):
        theirs = in_a_process(*usual, "--workers", *map(str, workers))
        one, two = in_a_process(*own, "one"), in_a_process(*own, "twin")
        best, ours = max(theirs["images_per_second"].values()), 128 / one["step"]
        epochs = [50_000 / best + 10_000 / theirs["tested_per_second"], 50_000 / ours + 10_000 / one["tested"]]
        kept["ratio"].append(ours / best)
        kept["epoch_ratio"].append(epochs[0] / epochs[1])
        kept["twin"].append(two["step"] / one["step"])
        told = ", ".join(f"{count}: {speed:.0f}" for count, speed in theirs["images_per_second"].items())
        table.add_row(
            str(number + 1), told, f"{ours:.0f}", f"{ours / best:.2f}", f"{epochs[0]:.0f} s : {epochs[1]:.0f} s "
            f"= {epochs[0] / epochs[1]:.2f}", f"{128 / two['step']:.0f}", f"{two['step'] / one['step']:.2f}",
        )  # fmt: skip
        findings.values.setdefault("script", []).append({"usual": theirs, "one": one, "twin": two})
    console.print(table)
    medians = {name: round(statistics.median(values), 3) for name, values in kept.items()}
    findings.values["script_medians"] = medians
    console.print(
        f"Medians: {medians['ratio']} times the usual script's best, an epoch with its test {medians['epoch_ratio']} "
        f"times as fast, a twin {medians['twin']} times one run. Before compiled steps began: {one['before']:.0f} s, "
        "of which nothing is in these figures."
    )


def peak_products(precision: Precision) -> float:
    """Multiply-adds a second of one large matrix product: what the arithmetic could do at most."""
    size = 8192 if CUDA else 2048
    kind = torch.bfloat16 if precision is Precision.BFLOAT16 else torch.float32
    a, b = (torch.randn(size, size, device=DEVICE).to(kind) for _ in range(2))
    if CUDA:
        torch.backends.cuda.matmul.allow_tf32 = precision is Precision.TF32
    best = float("inf")
    for _ in range(6):
        start = time.perf_counter()
        a @ b
        if CUDA:
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return float(size**3 / best)


def rows() -> Iterator[tuple[NetworkSpec, int, Precision, EnginePlan]]:
    """Network, batch size, precision, engine."""
    precisions = (Precision.FLOAT32, Precision.TF32, Precision.BFLOAT16) if CUDA else tuple(AGREE)
    for depth, precision, plan in itertools.product((20, 56, 110) if CUDA else (20, 56), precisions, plans(SWITCH_AT)):
        if not (CUDA and precision is Precision.TF32 and plan.switch_at):
            yield cifar(depth), 128, precision, plan
    for depth, batch in ((18, 256), (50, 256)) if CUDA else ((18, 16),):
        for plan in plans(SWITCH_AT):
            yield imagenet(depth), batch, Precision.BFLOAT16, plan


def timed(findings: Findings, cache: Path, seconds: float) -> None:
    """Engine x network, on random images."""
    table = Table("network", "batch", "precision", "engine", "images/s", "ms/step", "of the products' peak",
                  "before, s", title="Engine x network")  # fmt: skip
    peaks: dict[Precision, float] = {}
    for network, batch, precision, plan in rows():
        if precision not in peaks:
            peaks[precision] = peak_products(precision)
        spec = RunSpec(network=network, recipe=recipe(batch, precision, plan.engine))
        try:
            speed = measure([spec], cache, seconds=seconds, plan=plan)
        except UserError as error:
            table.add_row(network.label, str(batch), precision, plan.name, str(error))
            continue
        done = 3 * blueprint(network).multiply_adds * speed.images_per_second  # backward costs two forward passes
        share = 100 * done / peaks[precision]
        table.add_row(
            network.label, str(batch), speed.precision, plan.name + ("*" if speed.failure else ""),
            f"{speed.images_per_second:.0f}", f"{speed.seconds * 1000:.2f}", f"{share:.1f} %", f"{speed.preparing:.0f}",
        )  # fmt: skip
        findings.values.setdefault("table", []).append(
            {"network": network.label, "batch": batch, "precision": speed.precision, "engine": plan.name,
             "images_per_second": round(speed.images_per_second, 1), "ms": round(speed.seconds * 1000, 3),
             "share_of_peak": round(share, 2), "failure": speed.failure}
        )  # fmt: skip
    console.print(table)


def exact(findings: Findings, cache: Path, seconds: float) -> None:
    """The price of repeatable bits; on the CPU they always are."""
    if not CUDA:
        console.print("Exact mode: on the CPU every engine repeats its bits, so it costs nothing here.")
        return
    table = Table("network", "auto, images/s", "exact, images/s", "price", title="Exact mode")
    for depth in (20, 56):
        usual = measure([RunSpec(network=cifar(depth), recipe=recipe(128, "auto", "auto"))], cache, seconds=seconds)
        wanted = RunSpec(network=cifar(depth), recipe=recipe(128, "float32", "auto", exact=True))
        repeatable = measure([wanted], cache, seconds=seconds)
        price = usual.images_per_second / repeatable.images_per_second
        figures = (f"{usual.images_per_second:.0f}", f"{repeatable.images_per_second:.0f}", f"{price:.2f} x")
        table.add_row(f"ResNet-{depth}", *figures)
        findings.values.setdefault("exact", {})[str(depth)] = price
    console.print(table)
    alone, together = (
        measure(list(cohort.runs), cache, seconds=seconds).seconds
        for cohort in (lambda run: (CohortSpec(runs=(run,)), twin(run)))(
            replace(RunSpec(network=cifar(56)), recipe=recipe(128, "auto", "auto"))
        )
    )
    console.print(f"A ResNet-56 twin takes {together / alone:.2f} times one run.")
    findings.values["twin_56"] = together / alone


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="CIFAR-10 as train/CLASS/*.png and test/CLASS/*.png")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each measurement of a whole training")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2, 4], help="of the usual script")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--home", type=Path, help="keep caches here; a temporary folder otherwise")
    parser.add_argument("--trained", choices=("one", "twin"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.trained:
        as_twin = chosen.trained == "twin"
        found = by_runner(chosen.folder, Home(chosen.home), as_twin=as_twin, seconds=chosen.seconds)
        print(json.dumps({"step": found.step, "tested": found.tested, "before": found.before}))
        return 0
    findings = Findings({"torch": torch.__version__, "device": str(DEVICE), "cores": len(os.sched_getaffinity(0))})
    began = time.perf_counter()
    name = torch.cuda.get_device_name() if CUDA else setup.device_name(DEVICE)
    console.print(f"{name}, {findings.values['cores']} cores, torch {torch.__version__}")
    if not CUDA:
        console.print("There is no CUDA device here: the CPU part is measured, nothing is said about GPUs.")
    with tempfile.TemporaryDirectory() as temporary:
        home = Home(chosen.home or Path(temporary)).prepare()
        parts: dict[str, Callable[[], None]] = {
            "equality": lambda: equality(findings, home.cache),
            "script": lambda: script(findings, chosen.folder, chosen.seconds, chosen.rounds, chosen.workers, home.root),
            "table": lambda: timed(findings, home.cache, min(chosen.seconds, 3.0)),
            "exact": lambda: exact(findings, home.cache, min(chosen.seconds, 3.0)),
        }
        for part in PARTS:
            if part in chosen.only and findings.agrees:
                parts[part]()
    if not findings.agrees:
        console.print("The engines do not agree; nothing else was measured.")
    console.print(f"{time.perf_counter() - began:.0f} s in all.")
    if chosen.json:
        chosen.json.write_text(json.dumps(findings.values, indent=1, default=str), encoding="utf-8")
    return 0 if findings.agrees else 1


if __name__ == "__main__":
    sys.exit(main())
