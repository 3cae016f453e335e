"""Train in a process that may not have enough memory: what is said, what is let go, and that it trains afterwards.

    python tests/benchmarks/too_little_memory.py --megabytes 1000

The process may have so many megabytes more of address space than it has after a first training (Linux: RLIMIT_AS). A
batch that needs more must end in the sentence that names a batch size that fits, every tensor must be let go, and the
same process must then train with the batch size that was named. The last line is JSON; the exit code is 1 if not.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import sys
import tempfile
import warnings
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.specs import CohortSpec, NetworkSpec, RecipeSpec, RunSpec
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.runner import run_cohort

WANTED = 1024


def cohort(batch_size: int) -> CohortSpec:
    recipe = RecipeSpec(
        iterations=2, test_every=2, milestones=(), precision="float32", device="cpu", batch_size=batch_size
    )  # fmt: skip
    return CohortSpec(runs=(RunSpec(network=NetworkSpec(depth=20, width=32), recipe=recipe),))


def tensors() -> int:
    """Megabytes of tensors that are within reach."""
    gc.collect()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # looking at every object wakes some that are deprecated
        found = [each for each in gc.get_objects() if isinstance(each, torch.Tensor)]
    return sum(each.numel() * each.element_size() for each in found) // 2**20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1000)
    megabytes = parser.parse_args().megabytes
    with tempfile.TemporaryDirectory() as folder, RunStore.open(Home(Path(folder))) as store:
        run_cohort.run(cohort(8), store, lambda event: None)  # what is loaded and drawn once is there now
        there = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (there + megabytes * 2**20, resource.RLIM_INFINITY))
        try:
            run_cohort.run(cohort(WANTED), store, lambda event: None)
            sentence = ""
        except UserError as error:
            sentence = str(error)
        held = tensors()
        fits = int(sentence.rpartition("batches of ")[2].split()[0]) if sentence.count("batches of") == 2 else 0
        ended = run_cohort.run(cohort(fits), store, lambda event: None)[0].status if fits else "not tried"
    told = {
        "megabytes": megabytes,
        "sentence": sentence,
        "tensor_megabytes_held": held,
        "fits": fits,
        "then": str(ended),
    }
    print(json.dumps(told))
    return 0 if fits and held == 0 and ended == "finished" else 1


if __name__ == "__main__":
    raise SystemExit(main())
