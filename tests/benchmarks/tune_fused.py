"""Which tiles make the kernels for whole networks fastest on this CUDA device.

    python tests/benchmarks/tune_fused.py [--seconds 300] [--batch 128]

Times both passes of ResNet-20 as a graph (median of some replays) while one table after another of
``networks/fused/network.py`` is varied, width by width, and keeps what is faster by more than noise. Prints each step
forward, and at the end the tables as they should stand there.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.networks.fused import network as fused
from resnet_studio.networks.residual import build
from resnet_studio.training.engines.captures import CudaGraphs

TOGETHER = 4  # both passes in a graph
REPLAYS = 11
NOISE = 0.003


def milliseconds(batch: int) -> float:
    """Of both passes, but for head and loss."""
    device = torch.device("cuda")
    plan = blueprint(NetworkSpec(depth=20, block="basic"))
    network = fused.FusedNetwork(build(plan, 0).to(device, memory_format=torch.channels_last), plan)  # type: ignore[call-overload]
    images, g = (
        torch.randn(batch, *plan.input, device=device),
        torch.randn(batch, plan.head[0].output[0], device=device),
    )

    def both() -> None:
        for _ in range(TOGETHER):
            _, results = network.forward(images)
            network.backward(g, images, results)

    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    with torch.cuda.stream(side):
        both()
    torch.cuda.synchronize()
    replay = CudaGraphs()(both)
    times = []
    for _ in range(REPLAYS + 1):
        torch.cuda.synchronize()
        start = time.perf_counter()
        replay()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:]) / TOGETHER * 1000


def tiles(_channels: int) -> Iterator[fused.Tile]:
    for (block, warps), programs in itertools.product(
        ((32, 2), (64, 2), (64, 4), (128, 4), (128, 8), (256, 8)), (132, 264, 1056)
    ):
        yield fused.Tile(block, warps, programs)


def pieces(channels: int) -> Iterator[fused.Piece]:
    sizes = ((64, 4), (128, 4), (128, 8), (256, 8))
    for (block, warps), parts, some in itertools.product(sizes, (22, 44, 88, 176), {min(channels, 32), channels}):
        yield fused.Piece(block, warps, parts, some)


TABLES: dict[str, Callable[[int], Iterator[Any]]] = {
    "INPUT_GRADIENT": tiles,
    "FORWARD": tiles,
    "WEIGHT_GRADIENT": pieces,
}


def tune(batch: int, seconds: float) -> None:
    end, best = time.monotonic() + seconds, milliseconds(batch)
    print(f"{best:.4f} ms with the tables as they are", flush=True)
    for name, options in TABLES.items():
        table = getattr(fused, name)
        for channels in fused.CHANNELS:
            for option in options(channels):
                if time.monotonic() > end:
                    print("The time was too short to try them all.")
                    return
                before, table[channels] = table[channels], option
                try:
                    found = milliseconds(batch)
                except Exception as error:  # too large for the device, say
                    print(f"{name} {channels} {tuple(option)}: {type(error).__name__} {error}"[:150])
                    found = float("inf")
                if found < best * (1 - NOISE):
                    best = found
                    print(f"{name} {channels} {tuple(option)}: {found:.4f} ms", flush=True)
                else:
                    table[channels] = before


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--batch", type=int, default=128)
    chosen = parser.parse_args()
    if not torch.cuda.is_available():
        print("There is no CUDA device that torch can use here, so there is nothing to tune.")
        return 2
    tune(chosen.batch, chosen.seconds)
    for name in TABLES:
        print(name, "=", getattr(fused, name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
