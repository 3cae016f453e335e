"""The paper's construction over seeds: a deeper plain net out of each trained one, then both trained on.

    python tests/benchmarks/construct_training.py --home DIR RUN [RUN ...] [--depth 32] [--iterations 300]

RUN: trained plain nets in the history of DIR, one a seed, by name or id, as of ``inside_training.py``. Out of each the
net of ``--depth`` layers is built and stored; both are trained on with the same batches, at the recipe's first rate.
Ended at any time, a second call goes on. Prints for each seed the largest difference of two outputs in float32 before,
and the training errors (mean of the last iterations) after; then mean and standard deviation over the seeds. Exit code
1 if a run did not finish or an answer differed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from inside_training import train_all

from resnet_studio.data.drawn_images import Part
from resnet_studio.domain.analyses.construct import Construction
from resnet_studio.domain.analyses.rows import find_analysis
from resnet_studio.domain.enums import Device, RunStatus
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.spec import replace
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.runner.inside import Checkpoint, Question, look_inside
from resnet_studio.runner.keep_constructed import keep_constructed, naming_runs
from resnet_studio.studies.training_on import Pair, trained_on, training_on


def constructed(store: RunStore, run: RunRecord, depth: int) -> Construction:
    """The stored one of that run and depth, or a new one."""
    row = find_analysis("construct")
    for summary in store.analyses(analysis=row.key):
        found = store.analysis(summary.id).result
        if summary.run_ids != (run.id,) or not isinstance(found, Construction) or not found.new_run:
            continue
        if store.get(found.new_run).spec.network.depth == depth:
            return found
    settings = replace(row.settings(), depth=depth)
    asked = Question(row, settings, (Checkpoint(run),), run.spec.data, Part.TRAINING, Device.CPU)
    records = naming_runs(look_inside(asked, store, store.home), keep_constructed(asked, store))
    (result,) = (store.add_analysis(record).result for record in records)
    assert isinstance(result, Construction)
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--depth", type=int, default=32)
    parser.add_argument("--iterations", type=int, default=300)
    chosen = parser.parse_args()
    shallow, built, wrong = [], [], False
    with RunStore.open(Home(chosen.home)) as store:
        for name in chosen.runs:
            run = store.find(name)
            found = constructed(store, run, chosen.depth)
            pair = Pair.of(run, store.get(found.new_run))
            if trained_on(pair, store.list_runs()) is None:
                for cohort in training_on(pair, run.spec.recipe, run.spec.data, chosen.iterations):
                    store.enqueue(cohort)
                train_all(store)
            ended = trained_on(pair, store.list_runs())
            wrong = wrong or found.difference != 0 or found.changed != 0
            if ended is None or any(each.status is not RunStatus.FINISHED for each in ended):
                print(f"{run.name}: not finished")
                wrong = True
                continue
            errors = [float(each.training_error or "nan") for each in ended]
            shallow.append(errors[0])
            built.append(errors[1])
            print(
                f"{run.name}: training error {run.training_error:.2f} %; largest difference of an output "
                f"{found.difference:g}, answers that changed {found.changed} of {found.images}; after "
                f"{chosen.iterations} iterations more {errors[0]:.2f} %, as {found.deeper} {errors[1]:.2f} %",
                flush=True,
            )
    for label, errors in (("as deep as before", shallow), ("built", built)):
        if len(errors) > 1:
            print(f"{label}: {statistics.fmean(errors):.2f} ± {statistics.stdev(errors):.2f} %, {len(errors)} seeds")
    print(json.dumps({"iterations": chosen.iterations, "depth": chosen.depth, "shallow": shallow, "built": built}))
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
