"""Signal check and shattered gradients at the start and after training, over seeds: plain and residual, 20 and 56 deep.

    python tests/benchmarks/inside_training.py DATA --home DIR [--seeds 5] [--iterations 300] [--batch-size 64]
        [--depths 20 56] [--precision auto]

DATA as for ``train``, such as ``cifar10`` or ``folder:PATH``. The four nets of a seed are one cohort: one stream of
batches, equal initial weights where shapes agree, a constant rate of 0.1. The cohorts go through the queue of the
history in DIR; ended at any time, a second call goes on from the last checkpoint and measures what it has not measured.
Both analyses look at 128 test images drawn by seed 0, 4 lines; what is found of trained nets is stored with the runs.
Prints mean and standard deviation over the seeds that have finished, as a table and as one line of JSON. Exit code 1
if a run did not finish.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from resnet_studio.data.drawn_images import Part
from resnet_studio.domain.analyses.result import AnalysisResult
from resnet_studio.domain.analyses.rows import find_analysis
from resnet_studio.domain.analyses.shattered import Shattered
from resnet_studio.domain.analyses.signal import SignalCheck
from resnet_studio.domain.enums import Device, RunStatus
from resnet_studio.domain.events import EventSink, StopCheck
from resnet_studio.domain.network_names import network_named
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import CohortSpec, DataSpec, RecipeSpec, RunSpec, replace
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.runner import run_cohort
from resnet_studio.runner.inside import Checkpoint, Design, Question, look_inside
from resnet_studio.runner.queue_work import EntryWork, this_worker

ANALYSES = ("signal", "shattered")
CHECKPOINT_SECONDS = 120.0
Found = dict[tuple[str, str], dict[str, list[float]]]  # by when and network: by figure, one value a seed


def cohort(seed: int, chosen: argparse.Namespace) -> CohortSpec:
    """The four nets of a seed."""
    recipe = RecipeSpec(
        iterations=chosen.iterations, batch_size=chosen.batch_size, milestones=(), test_every=chosen.iterations,
        init_seed=seed, data_seed=seed, precision=chosen.precision,
    )  # fmt: skip
    data = DataSpec(source=chosen.data)
    runs = [
        RunSpec(name=f"{kind}-{depth}, seed {seed}", network=network_named(f"{kind}-{depth}"), recipe=recipe, data=data)
        for depth in chosen.depths
        for kind in ("plain", "resnet")
    ]
    return CohortSpec(name=f"seed {seed}, {chosen.iterations} iterations", runs=tuple(runs))


def queued(store: RunStore, wanted: CohortSpec) -> tuple[str, ...]:
    """The cohort's runs: those that the history has, or new ones that wait in its queue."""
    known = {record.spec: record.id for record in store.list_runs()}
    if all(spec in known for spec in wanted.runs):
        return tuple(known[spec] for spec in wanted.runs)
    return store.enqueue(wanted).run_ids


def train_all(store: RunStore) -> None:
    """Until nothing waits in the queue."""
    while (claim := store.claim(this_worker())) is not None:
        EntryWork(claim, store, _training).run(lambda _event: None)


def _training(
    run_ids: Sequence[str], store: RunStore, emit: EventSink, should_stop: StopCheck, should_pause: StopCheck
) -> object:
    return run_cohort.resume(
        run_ids, store, emit, should_stop, should_pause=should_pause, checkpoint_seconds=CHECKPOINT_SECONDS
    )


def measure(store: RunStore, runs: Sequence[RunRecord], key: str, found: Found) -> None:
    """Of the runs as trained, stored once, and of their initial weights."""
    row = find_analysis(key)
    settings, data = row.settings(), runs[0].spec.data
    before = {summary.run_ids: summary.id for summary in store.analyses(analysis=key)}
    for run in runs:
        if (run.id,) in before:
            result = store.analysis(before[run.id,]).result
        else:
            asked = Question(row, settings, (Checkpoint(run),), data, Part.TEST, Device.CPU)
            (record,) = look_inside(asked, store, store.home)
            result = store.add_analysis(record).result
        _take(found["trained", run.spec.network.label], result)
        seeded = replace(settings, seed=run.spec.recipe.init_seed)
        asked = Question(row, seeded, (Design(run.spec.network),), data, Part.TEST, Device.CPU)
        (record,) = look_inside(asked, store, store.home)
        _take(found["start", run.spec.network.label], record.result)


def _take(values: dict[str, list[float]], result: AnalysisResult) -> None:
    if isinstance(result, SignalCheck):
        values["growth"].append(result.growth)
        values["least gain"].append(float(result.gains[1:].min()))
        values["most gain"].append(float(result.gains[1:].max()))
    elif isinstance(result, Shattered):
        for lag, cosine in result.cosine.items():
            values[f"cosine {lag}"].append(cosine)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=300)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--depths", type=int, nargs="+", default=[20, 56])
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--measure-only", action="store_true", help="train nothing: of what has finished")
    chosen = parser.parse_args()
    found: Found = defaultdict(lambda: defaultdict(list))
    done = 0
    with RunStore.open(Home(chosen.home)) as store:
        for seed in range(chosen.seeds):
            run_ids = () if chosen.measure_only else queued(store, cohort(seed, chosen))
            if not chosen.measure_only:
                train_all(store)
            else:
                known = {record.spec: record.id for record in store.list_runs()}
                run_ids = tuple(known[spec] for spec in cohort(seed, chosen).runs if spec in known)
            runs = [store.get(run_id) for run_id in run_ids]
            if not runs or any(run.status is not RunStatus.FINISHED for run in runs):
                print(f"seed {seed}: not finished", *(f"{run.name} {run.status} {run.reason}" for run in runs))
                continue
            for run in runs:
                print(f"{run.name}: test error {run.test_error:.2f} %, {run.seconds:.0f} s", flush=True)
            for key in ANALYSES:
                measure(store, runs, key, found)
            done += 1
            show(found, done)
    return 0 if done == chosen.seeds else 1


def show(found: Found, seeds: int) -> None:
    """Mean and standard deviation over the seeds so far."""
    print(f"{seeds} seeds, mean ± standard deviation")
    lines = {}
    for (when, network), values in sorted(found.items()):
        cells = {
            name: (statistics.fmean(each), statistics.stdev(each) if seeds > 1 else 0.0)
            for name, each in values.items()
        }
        lines[f"{when} {network}"] = {name: [float(f"{value:.4g}") for value in cell] for name, cell in cells.items()}
        text = ", ".join(f"{name} {mean:.4g} ± {sd:.2g}" for name, (mean, sd) in cells.items())
        print(f"  {when:8} {network:10} {text}")
    print(json.dumps({"seeds": seeds, "found": lines}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
