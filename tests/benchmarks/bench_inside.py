"""How long each analysis takes until its first picture, and until all of it: a plain net and its residual twin.

    python tests/benchmarks/bench_inside.py [--depth 56] [--home DIR --run RUN ...] [--only ANALYSIS ...]
        [--threads 1] [--first] [--strips]

Without ``--home`` the twin is trained for one iteration on the built-in images, which is enough for times; with it the
named runs of that history are looked into. Every analysis is asked as the Inside page asks it, with its defaults, of
the runs, and where it takes designs of the untrained twin too. Opening the networks and the images is part of the
time, loading torch is not. Two clocks are printed: CPU seconds of this process, user and system, and seconds by the
wall; of a machine that does other work only the first says something, and of one thread alone, because threads that
wait for each other compute meanwhile. The bounds are seconds of two idle cores, 3 for a first picture and 20 for the
loss surface's, so at most twice as many CPU seconds.

``--first`` stops each at its first picture. ``--strips`` measures the lesion of every block of each run on 2 000 images
to its end, in the precision of the run and in float32, bound 30 seconds for all runs together. Exit code 1 if a first
picture takes more CPU seconds than twice its bound.
"""

from __future__ import annotations

import argparse
import dataclasses
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch

from resnet_studio.data.drawn_images import Part
from resnet_studio.domain.analyses.lesion import Change, LesionSettings
from resnet_studio.domain.analyses.rows import ANALYSES, AnalysisRow, find_analysis
from resnet_studio.domain.enums import Device
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import no_report
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import DataSpec, NetworkSpec, RecipeSpec, RunSpec, twin
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.runner import run_cohort
from resnet_studio.runner.inside import Checkpoint, Design, Question, look_inside
from resnet_studio.runner.lesion_bench import LesionBench

FIRST, SURFACE, STRIPS = 3.0, 20.0, 30.0  # seconds of idle cores
CORES = 2


@dataclasses.dataclass
class Clock:
    """CPU seconds and seconds by the wall since it was made, or at the first :meth:`stop`."""

    cpu: float = dataclasses.field(default_factory=lambda: _cpu_seconds())
    wall: float = dataclasses.field(default_factory=time.perf_counter)
    taken: tuple[float, float] | None = None

    def stop(self) -> tuple[float, float]:
        if self.taken is None:
            self.taken = _cpu_seconds() - self.cpu, time.perf_counter() - self.wall
        return self.taken


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def question(row: AnalysisRow, subjects: Sequence[RunRecord | NetworkSpec], data: DataSpec) -> Question:
    opened = tuple(Checkpoint(each) if isinstance(each, RunRecord) else Design(each) for each in subjects)
    part = Part.TRAINING if row.builds else Part.TEST
    return Question(row, row.settings(), opened, data, part, Device.CPU)


def pictures(asked: Question, store: RunStore, *, first_alone: bool) -> tuple[Clock, Clock | None]:
    """Until the first picture and until the end."""
    first, whole = Clock(), Clock()

    def should_stop() -> bool:
        return first_alone and first.taken is not None

    if asked.row.key == "lesion":
        bench = LesionBench()
        bench.open(asked, store, store.home, lambda *_step: None, lambda: False)
        bench.asked.append(Change(("stage2.block1",)))
        bench.answer(lambda: False, lambda _net, _altered: first.stop(), lambda _records: None)
    else:
        with suppress(Stopped):
            look_inside(asked, store, store.home, no_report, should_stop, lambda _results: first.stop())
    first.stop(), whole.stop()
    return first, None if first_alone else whole


def strips(runs: Sequence[RunRecord], data: DataSpec, store: RunStore, *, float32: bool) -> Clock:
    """Every block of each run on 2 000 images."""
    settings = LesionSettings()
    asked = dataclasses.replace(question(find_analysis("lesion"), runs, data), settings=settings)
    bench = LesionBench()
    bench.open(asked, store, store.home, lambda *_step: None, lambda: False)
    if float32:
        for outputs in bench._outputs:
            outputs.arithmetic = nullcontext
    clock = Clock()
    found = bench.measure(asked, lambda *_step: None, lambda: False, lambda *_taken: None, lambda _records: None)
    clock.stop()
    print("  ", *(f"{one.result.net.label} {one.result.error:.2f} %" for one in found))
    return clock


def line(name: str, first: Clock, whole: Clock | None, bound: float) -> bool:
    cpu, wall = first.stop()
    fine = cpu <= bound * CORES
    end = "{:>10.2f}{:>9.2f}".format(*whole.stop()) if whole is not None else ""
    print(f"{name:32}{cpu:>10.2f}{wall:>9.2f}{bound:>8.0f} {'' if fine else 'over':5}{end}", flush=True)
    return fine


def trained(depth: int, store: RunStore) -> tuple[RunRecord, ...]:
    recipe = RecipeSpec(iterations=1, batch_size=16, milestones=(), test_every=1)
    cohort = twin(RunSpec(network=NetworkSpec(depth=depth), recipe=recipe))
    return run_cohort.run(cohort, store, lambda _event: None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--depth", type=int, default=56)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--run", action="append", default=[])
    parser.add_argument("--only", nargs="*", default=[row.key for row in ANALYSES])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--first", action="store_true")
    parser.add_argument("--strips", action="store_true")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    fine = True
    with tempfile.TemporaryDirectory() as temporary, RunStore.open(Home(chosen.home or Path(temporary))) as store:
        runs = tuple(store.find(name) for name in chosen.run) or trained(chosen.depth, store)
        data = runs[0].spec.data
        networks = [run.spec.network for run in runs]
        torch.nn.functional.conv2d(
            torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 3, 3)
        )  # its libraries are loaded before the clock starts
        print(f"{' + '.join(run.name for run in runs)}, {data.source}, {chosen.threads} threads")
        print(f"{'first picture of':32}{'CPU s':>10}{'wall s':>9}{'bound':>8}{'whole: CPU s':>16}{'wall s':>9}")
        for row in (row for row in ANALYSES if row.key in chosen.only):
            subjects: list[tuple[str, Sequence[RunRecord | NetworkSpec]]] = [("runs", runs)]
            if not row.trained:
                subjects.append(("designs", networks))
            for what, each in subjects:
                asked = question(row, each[:1] if row.builds else each, data)
                first, whole = pictures(asked, store, first_alone=chosen.first)
                bound = SURFACE if row.key == "surface" else FIRST
                fine &= line(f"{row.key}, {what}", first, whole, bound)
        for float32 in (False, True) if chosen.strips else ():
            name = f"lesion strips, {'float32' if float32 else 'as trained'}"
            line(name, strips(runs, data, store, float32=float32), None, STRIPS)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
