"""How quick a long history stays: list, filter, groups, scatter, eight runs overlaid, recording, and another reader.

Fills a home with runs of real curves through the run store, then measures what a person waits for. The same eight runs
are also written as TensorBoard event files and read by TensorBoard's own reader, in turn with ours; that part needs
the package ``tensorboard`` and is left out, and said so, where it is missing.

    python tests/benchmarks/bench_history.py [--runs 1000] [--points 10000] [--home DIR]
    python tests/benchmarks/bench_history.py --runs 10000 --points 100

Each row has milliseconds of the clock, median and worst, and of this process's CPU, which other programs change less.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("PYQTGRAPH_QT_LIB", "PySide6")

import numpy as np
from PySide6.QtWidgets import QApplication

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.events import CurveChunk, CurvesGrew
from resnet_studio.domain.grouping import ALL_BUT_SEEDS, group_runs
from resnet_studio.domain.run_fields import run_fields
from resnet_studio.domain.run_filter import parse_filter
from resnet_studio.domain.scatter import scatter
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, NetworkSpec, RecipeSpec, RunSpec
from resnet_studio.history import curves, runs
from resnet_studio.history.recorder import Recorder
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.ui.models.runs_table import RunsProxy, RunsTableModel
from resnet_studio.ui.plots.curve_data import CurveBook
from resnet_studio.ui.plots.curve_plot import CurvePlot
from resnet_studio.ui.plots.panels import PlottedRun
from resnet_studio.ui.theme import Theme

SERIES = (Series.TRAINING_ERROR, Series.TRAINING_LOSS, Series.LEARNING_RATE, Series.SECONDS)
DEPTHS = (20, 32, 44, 56, 110)
ROUNDS = 9
OVERLAID = 8


def values_of(seed: int, points: int) -> dict[Series, np.ndarray]:
    """Noisy, falling curves: they do not compress, like real ones."""
    rng = np.random.default_rng(seed)
    falling = np.exp(-np.arange(points) / (points / 4))
    error = np.clip(80 * falling + 10 + rng.normal(0, 3, points), 0, 100)
    return {
        Series.TRAINING_ERROR: error.astype(np.float32),
        Series.TRAINING_LOSS: (error / 30 + rng.normal(0, 0.02, points)).astype(np.float32),
        Series.LEARNING_RATE: np.full(points, 0.1, np.float32),
        Series.SECONDS: np.cumsum(rng.uniform(0.05, 0.06, points)).astype(np.float32),
    }


def fill(home: Home, count: int, points: int, others: int | None = None) -> None:
    """Runs that are not there yet, many in each transaction; those that are overlaid have ``points`` points each.

    The others have ``others``, as many as well where that is None.
    """
    step = max(1, count // OVERLAID)
    with RunStore.open(home) as store:
        there = len(store.list_runs())
        for begin in range(there, count, 500):
            with store._storage.writing() as session:
                for number in range(begin, min(begin + 500, count)):
                    network = NetworkSpec(depth=DEPTHS[number % len(DEPTHS)], block="plain" if number % 2 else "basic")
                    recipe = RecipeSpec(iterations=points, milestones=(), init_seed=number)
                    (row,) = runs.new_rows(CohortSpec(runs=(RunSpec(network=network, recipe=recipe),)))
                    row.status, row.iteration = RunStatus.FINISHED, points
                    row.training_error, row.test_error = 5.0 + number % 7, 8.0 + number % 11 / 10
                    session.add(row)
                    session.flush()
                    overlaid = others is None or (count - 1 - number) % step == 0
                    values = values_of(number, points if overlaid else others or 0)
                    curves.append(session, {row.id: row}, [CurveChunk(row.id, s, 1, values[s]) for s in SERIES])


Times = tuple[float, float, float]


def median_ms(work: Callable[[], object], rounds: int = ROUNDS) -> Times:
    """Median and worst wall-clock milliseconds, and the median of this process's CPU time."""
    found, spent = [], []
    for _ in range(rounds):
        begin, used = time.perf_counter(), time.process_time()
        work()
        found.append(1000 * (time.perf_counter() - begin))
        spent.append(1000 * (time.process_time() - used))
    return statistics.median(found), max(found), statistics.median(spent)


def show(name: str, found: Times, limit: float) -> None:
    verdict = "within" if found[0] <= limit else "ABOVE" if found[2] > limit else "within, of CPU,"
    print(f"{name:44} {found[0]:9.1f} {found[1]:9.1f} {found[2]:9.1f}   {verdict} {limit:g} ms")


def people(store: RunStore, count: int, points: int) -> None:
    """What a person waits for on Runs and Compare."""
    app = QApplication.instance() or QApplication([])
    print(f"{'':44} {'median':>9} {'worst':>9} {'CPU':>9}   milliseconds")
    show(f"list of {count} runs, read for the first time", median_ms(store.list_runs, 1), 1000)
    show("read again", median_ms(store.list_runs), 150)
    model = RunsTableModel()
    proxy = RunsProxy(model)
    show("read again and put into the table", median_ms(lambda: model.set_records(store.list_runs())), 150)
    listed = store.list_runs()
    show("groups, all but the seed", median_ms(lambda: group_runs(listed, ALL_BUT_SEEDS)), 150)
    show("groups by depth and block", median_ms(lambda: group_runs(listed, ("depth", "block"))), 150)
    depth, error = run_fields()["depth"], run_fields()["test_error"]
    show("scatter of error against depth", median_ms(lambda: scatter(listed, depth, error)), 150)
    proxy.prepare()
    typed = "depth:56 plain seed"
    per_key = [
        median_ms(lambda text=typed[:end]: proxy.set_filter(parse_filter(text)), 3) for end in range(1, len(typed) + 1)
    ]
    keys = (
        statistics.median(k[0] for k in per_key), max(k[1] for k in per_key), statistics.median(k[2] for k in per_key)
    )  # fmt: skip
    show("filter, each key", keys, 30)
    records = store.list_runs()
    step = max(1, len(records) // OVERLAID)
    chosen = records[::step][:OVERLAID]
    plot = CurvePlot(Theme(), CurveBook())
    plot.resize(1200, 640)
    plot.show()
    app.processEvents()

    def overlay() -> None:
        plot.book.keep_only([])
        found = store.curves([run.id for run in chosen], list(Series))
        plot.book.load(curve for curve in found.values() if len(curve))
        plot.set_runs([PlottedRun(r.id, r.name, r.colour, r.residual, r.spec.network.depth, points) for r in chosen])
        plot.draw()
        plot.grab()

    show(f"{len(chosen)} runs x {points} points overlaid, painted", median_ms(overlay), 150)


def recording(store: RunStore, members: int = 8, iterations: int = 30) -> None:
    """One second of training of eight runs, stored."""
    specs = tuple(
        RunSpec(network=NetworkSpec(depth=8), recipe=RecipeSpec(init_seed=seed, milestones=()))
        for seed in range(members)
    )
    records = store.create_cohort(CohortSpec(runs=specs))
    recorder = Recorder(store)
    values = np.ones(iterations, np.float32)
    at = 1

    def second() -> None:
        nonlocal at
        recorder.record(CurvesGrew(tuple(CurveChunk(r.id, s, at, values) for r in records for s in SERIES)))
        at += iterations

    found = median_ms(second, 40)
    show(f"recording a second of {members} runs", found, 10)
    print(f"{'share of training time':44} {found[0] / 10:8.2f} %")
    store.delete([record.id for record in records])
    store.purge_deleted()


def against_tensorboard(store: RunStore, folder: Path, points: int) -> None:
    """The same values, written once in both forms, read in turn."""
    if importlib.util.find_spec("tensorboard") is None:
        print("TensorBoard is not installed, so its reader was not measured")
        return
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    chosen = store.list_runs()[:OVERLAID]
    ids = [run.id for run in chosen]
    stored = store.curves(ids, SERIES)
    for run_id in ids:
        writer = EventFileWriter(str(folder / run_id), max_queue_size=10_000)
        for series in SERIES:
            curve = stored[run_id, series]
            for step, value in zip(curve.iterations.tolist(), curve.values.tolist(), strict=True):
                summary = Summary(value=[Summary.Value(tag=str(series), simple_value=value)])
                writer.add_event(Event(wall_time=0.0, step=step, summary=summary))
        writer.close()

    def theirs() -> Sequence[object]:
        found = []
        for run_id in ids:
            reader = EventAccumulator(str(folder / run_id), size_guidance={"scalars": 0})
            reader.Reload()
            found += [reader.Scalars(str(series)) for series in SERIES]
        return found

    ours_ms, theirs_ms = [], []
    for _ in range(3):
        begin = time.perf_counter()
        read = store.curves(ids, SERIES)
        ours_ms.append(1000 * (time.perf_counter() - begin))
        begin = time.perf_counter()
        scalars = theirs()
        theirs_ms.append(1000 * (time.perf_counter() - begin))
    assert sum(map(len, read.values())) == sum(map(len, scalars)) == OVERLAID * len(SERIES) * points
    ours, other = statistics.median(ours_ms), statistics.median(theirs_ms)
    print(f"{'8 runs, 4 series, read: ours':44} {ours:9.1f}")
    print(f"{'the same values, TensorBoard reader':44} {other:9.1f}   {other / ours:.0f} times as long")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--home", type=Path, help="keep the history here and use it again")
    asked = parser.parse_args()
    root = asked.home or Path(tempfile.mkdtemp(prefix="history-"))
    try:
        home = Home(root).prepare()
        begin = time.perf_counter()
        fill(home, asked.runs, asked.points)
        print(f"{asked.runs} runs x {asked.points} points x {len(SERIES)} series; filled in "
              f"{time.perf_counter() - begin:.0f} s")  # fmt: skip
        size = sum(file.stat().st_size for file in root.iterdir() if file.is_file())
        print(f"{'files of the history':44} {size / 1e6:9.1f} MB")
        with RunStore.open(home) as store:
            people(store, asked.runs, asked.points)
            recording(store)
            with tempfile.TemporaryDirectory() as events:
                against_tensorboard(store, Path(events), asked.points)
    finally:
        if asked.home is None:
            shutil.rmtree(root, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
