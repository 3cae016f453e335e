"""Half an hour on a CUDA device: whether graphed steps are right there, and what takes their time.

    python tests/benchmarks/gpu_half_hour.py OUTPUT [--folder CIFAR10_FOLDER] [--only PART ...] [--cases CASE ...]

Parts, in this order: ``first`` (one graph, in which any hidden wait for the device raises), ``tests`` (those marked
gpu), ``equality`` (of all engines with eager steps, by ``bench_training.py``), ``auto`` (what the program chooses by
itself, and its speed), ``cases`` (milliseconds, kernels and memory of a step), ``compiled`` (the same with compiled
regions), ``fused`` (with the kernels for whole networks), ``exact`` (twice the same run, bit for bit) and ``recipe``
(the paper's whole training of ResNet-20, only with a folder). Each runs in processes of its own and leaves what it
printed in OUTPUT/PART.txt, figures in OUTPUT/PART.json, tables of kernels in OUTPUT/kernels-CASE.txt. Nothing else is
tried when the first graph fails.

A CASE is a network and key=value pairs: ``20,precision=tf32,steps=32``. Networks: 20, 56, 110 (CIFAR), rn18, rn50
(ImageNet). Keys: precision, layout, batch, members, steps (a replay), block (basic or plain), compiled (0 or 1),
options (of torch's compiler, name:value joined by +), fused (0 or 1), kernels (1 for the table). Exit code 1 if
something failed.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # for exact mode; must be there before torch loads
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch
from torch.profiler import ProfilerActivity, profile

from resnet_studio.data.batches import ResidentBatches
from resnet_studio.data.image_set import ImageSet
from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import MemoryLayout, Normalisation, Precision
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import CohortSpec, DataSpec, NetworkSpec, RecipeSpec, RunSpec
from resnet_studio.history.store import RunStore
from resnet_studio.networks.cuda import captures_are_over, free_cached_memory
from resnet_studio.networks.residual import build
from resnet_studio.networks.weights import digest
from resnet_studio.platform.home import Home
from resnet_studio.runner.run_cohort import run
from resnet_studio.training import checkpoints
from resnet_studio.training.engines import regions
from resnet_studio.training.engines.captures import CudaGraphs
from resnet_studio.training.engines.graph_step import Network, StepProgram
from resnet_studio.training.member import Member
from resnet_studio.training.memory_format import memory_format
from resnet_studio.training.precision import set_products
from resnet_studio.training.speed import measure

HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]
PARTS = ("first", "tests", "equality", "auto", "cases", "compiled", "fused", "exact", "recipe")
CASES = (
    "20,steps=32,kernels=1", "20,layout=channels-first", "20,precision=tf32", "20,precision=float32", "20,batch=256",
    "20,batch=1024", "56", "110", "20,members=2", "20,members=4", "20,members=8", "56,members=2",
    "rn18,batch=256,steps=1", "rn50,batch=256,steps=1",
)  # fmt: skip
COMPILED = (
    "20,compiled=1,kernels=1", "20,compiled=1,steps=32", "56,compiled=1", "110,compiled=1", "20,compiled=1,members=2",
    "20,compiled=1,options=combo_kernels:1", "20,compiled=1,options=triton.cooperative_reductions:1",
    "20,compiled=1,options=coordinate_descent_tuning:1", "rn50,batch=256,steps=1,compiled=1",
)  # fmt: skip
FUSED = (
    "20,fused=1,kernels=1", "20,fused=1,steps=32", "56,fused=1", "110,fused=1", "20,fused=1,members=2",
    "20,fused=1,members=5", "20,block=plain,fused=1", "20,fused=1,batch=1024",
)  # fmt: skip
INI = """[pytest]
addopts = -ra --import-mode=importlib
timeout = 240
markers =
    slow: takes more than about five seconds
    gpu: needs a CUDA device
    real_cifar10: needs the real CIFAR-10
"""
OF_PARTS = {"first": CASES[:1], "cases": CASES[1:], "compiled": COMPILED, "fused": FUSED}
ROUNDS = 12  # of two replays each; the median counts
IMAGE_BYTES = 2**28  # of random images at most
EXACT_ITERATIONS = 1500
PAPERS_ERROR = 8.75  # percent, He et al. 2015 (arXiv:1512.03385), table 6: ResNet-20

_OWN_OPTIONS = regions.compile_options


@dataclass(frozen=True)
class Case:
    """What is measured; see the top of this file."""

    network: str
    precision: str = "bfloat16"
    layout: str = "channels-last"
    batch: int = 128
    members: int = 1
    steps: int = 8
    block: str = "basic"
    compiled: int = 0
    options: str = ""
    fused: int = 0
    kernels: int = 0

    @classmethod
    def read(cls, text: str) -> Case:
        """Raises ValueError for what cannot be understood."""
        network, *pairs = text.split(",")
        kinds = {field.name: field.type for field in fields(cls)}
        values = dict(pair.split("=", 1) for pair in pairs)
        if unknown := set(values) - (set(kinds) - {"network"}):
            raise ValueError(f"{text}: there is no {', '.join(sorted(unknown))}")
        if "fused" in values and {"compiled", "options", "precision", "layout"} & set(values):
            raise ValueError(f"{text}: fused kernels are for bfloat16, channels last, and nothing is compiled")
        return cls(network, **{name: int(one) if kinds[name] == "int" else one for name, one in values.items()})  # type: ignore[arg-type]

    @property
    def spec(self) -> NetworkSpec:
        if self.network.startswith("rn"):
            return NetworkSpec(family="imagenet", depth=int(self.network[2:]))
        return NetworkSpec(depth=int(self.network), block=self.block)

    @property
    def compiler_options(self) -> dict[str, Any]:
        pairs = (pair.split(":", 1) for pair in self.options.split("+") if pair)
        return {name: {"1": True, "0": False}.get(value, value) for name, value in pairs}


def program_of(case: Case, device: torch.device) -> tuple[StepProgram, float]:
    """The steps of a case on random images, and the seconds that its regions took to compile."""
    spec, precision, layout = case.spec, Precision(case.precision), MemoryLayout(case.layout)
    run = RunSpec(network=spec, recipe=RecipeSpec(batch_size=case.batch, precision=precision))
    size = spec.image_size
    count = max(2 * case.batch, min(50_000, IMAGE_BYTES // (3 * size * size)))
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, 3, size, size), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, spec.classes, (count,), generator=generator)
    preprocessing = Preprocessing.measure(pixels[:1000], Normalisation.PIXEL_MEAN).to(device)
    batches = ResidentBatches(ImageSet(pixels, labels), preprocessing, run.recipe, device=device)
    members = [Member(str(number), run, device, layout) for number in range(case.members)]
    networks: dict[str, Network] = {}
    began = time.perf_counter()
    if case.fused:
        from resnet_studio.networks.fused.network import FusedNetwork  # Triton, which is not everywhere

        networks = {member.run_id: FusedNetwork(member.network, blueprint(spec)) for member in members}
    elif case.compiled:
        extra = case.compiler_options
        regions.compile_options = lambda device: {**(_OWN_OPTIONS(device) or {}), **extra} or None
        plan, library = blueprint(spec), regions.RegionLibrary(precision, case.batch, device, layout)
        copy = build(plan, 0).train().to(device, memory_format=memory_format(layout))  # type: ignore[call-overload]
        library.prepare(regions.parts_of(copy, plan), threading.Event())
        for member in members:
            parts = regions.parts_of(member.network, plan)
            networks[member.run_id] = regions.CompiledNetwork(spec, parts, library, lambda: None)
    compiled = time.perf_counter() - began
    program = StepProgram(members, batches, case.steps, precision, 1, networks)
    program.fill(1, {member.run_id: [0.01] * case.steps for member in members})
    return program, compiled


def warm_up(program: StepProgram, device: torch.device) -> None:
    """Twice on another stream; in the second run a wait for the device raises."""
    side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    torch.cuda.synchronize(device)
    with torch.cuda.stream(side):
        program()
        torch.cuda.set_sync_debug_mode("error")
        try:
            program()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    torch.cuda.synchronize(device)


def measured(case: Case, text: str, output: Path) -> dict[str, Any]:
    """Of one case: milliseconds and kernels a step, images a second, memory, and the last loss."""
    device = torch.device("cuda")
    set_products(Precision(case.precision), exact=False)
    torch.cuda.reset_peak_memory_stats(device)
    program, compiled = program_of(case, device)
    warm_up(program, device)
    replay = CudaGraphs()(program)
    torch.cuda.synchronize(device)
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        replay()
        replay()
        torch.cuda.synchronize(device)
        times.append((time.perf_counter() - start) / 2 / case.steps)
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        replay()
        torch.cuda.synchronize(device)
    kernels = [event for event in seen.events() if event.device_type == torch.autograd.DeviceType.CUDA]
    if case.kernels:
        table = seen.key_averages().table(sort_by="cuda_time_total", row_limit=40, max_name_column_width=80)
        (output / f"kernels-{text.replace(',', '-').replace('=', '').replace(':', '')}.txt").write_text(table)
    step = statistics.median(times)
    return {
        "case": text,
        "ms": round(step * 1000, 4),
        "images_per_second": round(case.members * case.batch / step),
        "kernels": round(len(kernels) / case.steps),
        "busy_ms": round(sum(event.time_range.elapsed_us() for event in kernels) / case.steps / 1000, 4),
        "reserved_gib": round(torch.cuda.max_memory_reserved(device) / 2**30, 2),
        "compiled_in": round(compiled, 1),
        "loss": round(float(program.measured["0"][-1, 0]), 4),
    }


def measure_cases(cases: Sequence[str], output: Path) -> None:
    """A line of JSON each; ends early where a failed capture lets no other be tried."""
    for text in cases:
        try:
            found = measured(Case.read(text), text, output)
        except Exception as error:
            found = {"case": text, "failure": f"{type(error).__name__}: {error}"[:500]}
        print(json.dumps(found), flush=True)
        gc.collect()
        free_cached_memory(torch.device("cuda"))
        if captures_are_over() or "failure" in found:
            return


def trained(recipe: RecipeSpec, source: str, home: Path) -> tuple[RunRecord, str]:
    """A ResNet-20 of that recipe, and the digest of its weights."""
    spec = RunSpec(network=NetworkSpec(depth=20, block="basic"), recipe=recipe, data=DataSpec(source=source))
    with RunStore.open(Home(home).prepare()) as store:
        (ended,) = run(CohortSpec(runs=(spec,)), store, lambda _event: None)
        folder = store.home.runs / store.checkpoints(ended.id)[0].folder
        return ended, digest(checkpoints.load(folder).weights)


def train(part: str, source: str, output: Path) -> None:
    """A line of JSON: of the paper's whole recipe, or of two exact runs."""
    settings: dict[str, Any] = {}
    if part == "exact":
        settings = {"iterations": EXACT_ITERATIONS, "milestones": (), "exact": True, "engine": "graphed"}
    began, recipe = time.perf_counter(), RecipeSpec(device="cuda", **settings)
    homes = [output / f"{part}-home-{number}" for number in range(2 if part == "exact" else 1)]
    runs = [trained(recipe, source, home) for home in homes]
    ended = runs[-1][0]
    found: dict[str, Any] = {
        "engine": ended.environment["engine"],
        "precision": ended.environment["precision"],
        "went_on_more_slowly": ended.environment.get("engine_reason", ""),
        "test_error": ended.test_error,
        "seconds_of_steps": round(ended.seconds, 1),
        "seconds": round(time.perf_counter() - began, 1),
        "digests": [weights for _, weights in runs],
    }
    if len(set(found["digests"])) > 1:
        found["failure"] = "two exact runs differ"
    if part == "recipe" and abs(ended.test_error - PAPERS_ERROR) > 0.5:
        found["failure"] = f"the test error is not within half a point of the paper's {PAPERS_ERROR} %"
    print(json.dumps(found), flush=True)


def choose(output: Path) -> None:
    """A line of JSON: what auto turns out to be for a long run of ResNet-20, and how fast."""
    speed = measure([RunSpec(network=NetworkSpec(depth=20, block="basic"))], Home(output / "home").prepare().cache)
    found = {
        "engine": speed.engine, "precision": speed.precision, "ms": round(speed.seconds * 1000, 4),
        "images_per_second": round(speed.images_per_second), "preparing": round(speed.preparing, 1),
    }  # fmt: skip
    print(json.dumps(found | ({"failure": speed.failure} if speed.failure else {})), flush=True)


class Parts:
    """Runs the parts in processes of their own and keeps what they print."""

    def __init__(self, output: Path, folder: Path | None, cases: Sequence[str]) -> None:
        self._output, self._folder, self._cases = output, folder, cases
        self.failures: list[str] = []

    def run(self, part: str) -> None:
        start = time.perf_counter()
        print(f"== {part}", flush=True)
        before = len(self.failures)
        if part == "tests":
            self._tests()
        elif part == "equality":
            bench = str(HERE.with_name("bench_training.py"))
            if self._process(part, bench, "--only", "equality", "--json", str(self._output / "equality.json"))[0]:
                self.failures.append("equality: the engines do not agree")
        elif part in OF_PARTS:
            chosen = (self._cases if part == "cases" else ()) or OF_PARTS[part]
            self._keep(part, list(self._measure(part, chosen)))
        else:
            source = f"folder:{self._folder.resolve()}" if self._folder else "builtin"
            self._keep(part, self._lines(part, "--child", part, "--source", source))
        worse = self.failures[before:]
        print("\n".join(worse) or "good", f"({time.perf_counter() - start:.0f} s)", flush=True)

    def _tests(self) -> None:
        ini, found = self._output / "pytest.ini", self._output / "tests.xml"
        ini.write_text(INI, encoding="utf-8")
        found.unlink(missing_ok=True)
        code, _ = self._process(
            "tests", "-m", "pytest", "-c", str(ini), f"--rootdir={ROOT}", "-p", "no:cacheprovider", "-m", "gpu",
            f"--junitxml={found}", "tests/networks", "tests/training", "tests/data",
        )  # fmt: skip
        suites = list(ET.parse(found).getroot().iter("testsuite")) if found.exists() else []
        counts = {
            name: sum(int(one.get(name, 0)) for one in suites) for name in ("tests", "failures", "errors", "skipped")
        }
        self._keep("tests", [counts], quiet=True)
        if code or not counts["tests"] or counts["skipped"]:
            self.failures.append(f"tests: {counts}, exit code {code}")

    def _measure(self, part: str, cases: Sequence[str]) -> Iterator[dict[str, Any]]:
        """A new process for what a failed case left undone."""
        left = list(cases)
        while left:
            found = self._lines(part, "--child", "cases", "--cases", *left)
            yield from found or [{"case": left[0], "failure": "its process ended without a word"}]
            del left[: max(1, len(found))]

    def _lines(self, part: str, *words: str) -> list[dict[str, Any]]:
        code, printed = self._process(part, str(HERE), str(self._output), *words)
        found = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
        if code and not found:
            found = [{"part": part, "failure": f"exit code {code}: {printed.strip()[-300:]}"}]
        return found

    def _process(self, part: str, *words: str) -> tuple[int, str]:
        environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(self._output / "compiled-cache")}
        printed = []
        with (
            (self._output / f"{part}.txt").open("a", encoding="utf-8") as kept,
            subprocess.Popen(
                [sys.executable, *words], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True,
            ) as process,
        ):  # fmt: skip
            assert process.stdout is not None
            for line in process.stdout:
                kept.write(line)
                kept.flush()
                print(line, end="", flush=True)
                printed.append(line)
        return process.returncode, "".join(printed)

    def _keep(self, part: str, found: list[dict[str, Any]], *, quiet: bool = False) -> None:
        (self._output / f"{part}.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
        if not quiet:
            self.failures += [f"{part}: {one.get('case', '')} {one['failure']}" for one in found if "failure" in one]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="a folder for tables and figures")
    parser.add_argument("--folder", type=Path, help="CIFAR-10 as train/CLASS/*.png and test/CLASS/*.png")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--cases", nargs="+", default=(), metavar="CASE", help="in place of those of the part cases")
    parser.add_argument("--child", choices=("cases", "auto", "exact", "recipe"), help=argparse.SUPPRESS)
    parser.add_argument("--source", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if not torch.cuda.is_available():
        print("There is no CUDA device that torch can use here, so there is nothing to measure.")
        return 2
    try:
        for case in chosen.cases:
            _ = Case.read(case).spec
    except ValueError as error:
        parser.error(str(error))
    output = chosen.output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    if chosen.child == "cases":
        measure_cases(chosen.cases, output)
    elif chosen.child == "auto":
        choose(output)
    elif chosen.child:
        train(chosen.child, chosen.source, output)
    if chosen.child:
        return 0
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, Python {sys.version.split()[0]}")
    parts = Parts(output, chosen.folder, chosen.cases)
    for part in PARTS:
        if part not in chosen.only or (part == "recipe" and chosen.folder is None):
            continue
        parts.run(part)
        if part == "first" and parts.failures:
            print("The first graph failed, so nothing else was tried.")
            break
    return 1 if parts.failures else 0


if __name__ == "__main__":
    sys.exit(main())
