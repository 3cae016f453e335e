"""Whether the fast engine learns what float32, one operation at a time, learns: test errors over seeds on CIFAR-10.

    python tests/benchmarks/same_science.py CIFAR10_FOLDER [--seeds 3] [--iterations 1500] [--depth 20] [--home DIR]

Each seed is trained twice through the program's own runner, with every step recorded: float32 and eager, and as this
machine trains fastest, bfloat16 where the probe says so and compiled from iteration 100 on (a long run would switch at
1 000), graphed on CUDA. Seeds decide initial weights and the order and cuts of the images. The rate is divided by 10
at a half and at three quarters. With ``--home`` a second call goes on where the first was ended. The exit code is 1 if
the difference of the mean test errors is larger than the standard deviation over the seeds of the float32 runs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import CohortSpec, DataSpec, NetworkSpec, RecipeSpec, RunSpec
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.runner import run_cohort
from resnet_studio.training.engines import choose

SWITCH_AT = 100


def spec(folder: Path, depth: int, iterations: int, seed: int, *, fast: bool) -> RunSpec:
    kinds = ("auto", "graphed" if torch.cuda.is_available() else "compiled") if fast else ("float32", "eager")
    recipe = RecipeSpec(
        iterations=iterations, milestones=(iterations // 2, iterations * 3 // 4), test_every=iterations,
        init_seed=seed, data_seed=seed, precision=kinds[0], engine=kinds[1],
    )  # fmt: skip
    return RunSpec(
        name=f"{'fast' if fast else 'float32 eager'}, seed {seed}",
        network=NetworkSpec(depth=depth, block="basic"),
        recipe=recipe,
        data=DataSpec(source=f"folder:{folder.resolve()}"),
    )


def trained(wanted: RunSpec, store: RunStore) -> RunRecord:
    """The run of that specification as it ended, from the history if it is there."""
    found = next((record for record in store.list_runs() if record.spec == wanted), None)
    if found is not None and found.status is RunStatus.FINISHED:
        return found
    if found is not None:
        (ended,) = run_cohort.resume([found.id], store, lambda event: None)
    else:
        (ended,) = run_cohort.run(CohortSpec(runs=(wanted,)), store, lambda event: None)
    return ended


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="CIFAR-10 as train/CLASS/*.png and test/CLASS/*.png")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=1500)
    parser.add_argument("--depth", type=int, default=20)
    parser.add_argument("--home", type=Path, help="keep the runs here; a temporary folder otherwise")
    chosen = parser.parse_args()
    choose.SWITCH_AT = SWITCH_AT
    errors: dict[bool, list[float]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as temporary, RunStore.open(Home(chosen.home or Path(temporary))) as store:
        for seed in range(chosen.seeds):
            for fast in (False, True):
                start = time.perf_counter()
                ended = trained(spec(chosen.folder, chosen.depth, chosen.iterations, seed, fast=fast), store)
                if ended.status is not RunStatus.FINISHED:
                    print(f"{ended.name}: {ended.status} {ended.reason}")
                    return 2
                errors[fast].append(ended.test_error)
                machine = ended.environment
                print(
                    f"{ended.name}: test error {ended.test_error:.2f} %, training error {ended.training_error:.2f} % "
                    f"({machine['precision']}, {machine['engine']}, {ended.seconds:.0f} s of training, "
                    f"{time.perf_counter() - start:.0f} s in all)",
                    flush=True,
                )
    plain, quick = errors[False], errors[True]
    deviation = statistics.stdev(plain)
    difference = statistics.fmean(quick) - statistics.fmean(plain)
    found = {
        "float32_eager": {"mean": round(statistics.fmean(plain), 3), "std": round(deviation, 3)},
        "fast": {"mean": round(statistics.fmean(quick), 3), "std": round(statistics.stdev(quick), 3)},
        "difference": round(difference, 3),
        "within_one_standard_deviation": abs(difference) <= deviation,
    }
    print(json.dumps(found))
    return 0 if found["within_one_standard_deviation"] else 1


if __name__ == "__main__":
    sys.exit(main())
