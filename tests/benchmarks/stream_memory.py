"""Memory and speed of streamed images.

``python tests/benchmarks/stream_memory.py FOLDER... [--batches 200] [--workers 0 1 2]`` streams batches of each folder
(train/CLASS, test/CLASS; :mod:`mixed_sizes` makes some) through scale-crop-flip as ImageNet training does, each number
of decoding processes in a program of its own, and prints images a second and the peak of resident memory: after the
imports, after opening, after 20 batches, after all, after a test, and of the largest decoding process. Linux only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIZE, BATCH = 224, 64


def peak_megabytes(process: int | str = "self") -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def measure(folder: str, batches: int, workers: int, home: str) -> dict[str, float]:
    import torch

    from resnet_studio.data.training_batches import open_training
    from resnet_studio.domain.specs import DataSpec, RecipeSpec
    from resnet_studio.platform.home import Home

    recipe = RecipeSpec(batch_size=BATCH, augmentation="scale-crop-flip", colour="pca")
    device = torch.device("cpu")
    imported = peak_megabytes()
    began = time.perf_counter()
    with open_training(
        DataSpec(source=f"folder:{folder}"), recipe, SIZE, Home(Path(home)).prepare(), workers=workers
    ) as data:
        opened = time.perf_counter() - began
        at_start = peak_megabytes()
        preprocessing = data.preprocessing()
        source = data.batches(preprocessing, device)
        source.batch(1)
        early = 0.0
        began = time.perf_counter()
        for number in range(2, batches + 1):
            source.batch(number)
            if number == 20:
                early = peak_megabytes()
        seconds = time.perf_counter() - began
        trained = peak_megabytes()
        children = [peak_megabytes(process) for process in getattr(data, "process_ids", ())]
        tested = sum(len(labels) for _, labels in data.test_batches(preprocessing, 250, device))
        return {
            "files": data.training_images + tested,
            "workers": workers,
            "open_seconds": opened,
            "images_per_second": (batches - 1) * BATCH / seconds,
            "imports_mb": imported,
            "opened_mb": at_start,
            "batch_20_mb": early,
            "trained_mb": trained,
            "tested_mb": peak_megabytes(),
            "child_mb": max(children, default=0.0),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--batches", type=int, default=200)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--one", nargs=2, metavar=("WORKERS", "HOME"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(measure(chosen.folders[0], chosen.batches, int(chosen.one[0]), chosen.one[1])))
        return
    with tempfile.TemporaryDirectory() as home:
        for folder in chosen.folders:
            for workers in chosen.workers:
                asked = [folder, "--batches", str(chosen.batches), "--one", str(workers), home]
                told = subprocess.run([sys.executable, __file__, *asked], check=True, capture_output=True, text=True)
                shown = json.loads(told.stdout)
                print("  ".join(f"{name} {value:.0f}" for name, value in shown.items()), flush=True)


if __name__ == "__main__":
    main()
