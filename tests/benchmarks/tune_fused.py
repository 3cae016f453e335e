"""Which tiles make the kernels for whole networks fastest on this CUDA device.

    python tests/benchmarks/tune_fused.py [--seconds 300] [--batch 128]

Times both passes of ResNet-20 as a graph (median of some replays) while one table after another of
``networks/fused/tiles.py`` is varied, width by width, and keeps what is faster by more than noise. Prints each step
forward, and at the end the tables as they should stand there.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch

if not torch.cuda.is_available():
    sys.exit("There is no CUDA device that torch can use here, so there is nothing to tune.")

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.networks.fused import tiles
from resnet_studio.networks.fused.network import FusedNetwork
from resnet_studio.networks.fused.plan import CHANNELS
from resnet_studio.networks.residual import PlannedNetwork, build
from resnet_studio.training.engines.captures import CudaGraphs

TOGETHER = 16  # both passes in a graph
REPLAYS = 9
NOISE = 0.01
TUNED = ("INPUT_GRADIENT", "FORWARD", "WEIGHT_GRADIENT")
SIZES = ((64, 4), (128, 4), (64, 8), (128, 8))  # block of pixels and warps
PLAN = blueprint(NetworkSpec(depth=20, block="basic"))


def milliseconds(batch: int) -> float:
    """Of both passes, but for head and loss."""
    device = torch.device("cuda")
    network = FusedNetwork(_network(), PLAN)
    images, g = (
        torch.randn(batch, *PLAN.input, device=device),
        torch.randn(batch, PLAN.head[0].output[0], device=device),
    )

    def both() -> None:
        for _ in range(TOGETHER):
            _, results = network.forward(images)
            network.backward(g, images, results)

    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side.wait_stream(torch.cuda.current_stream())
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


@cache
def _network() -> PlannedNetwork:
    return build(PLAN, 0).to("cuda", memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


Trial = tuple[str, Callable[[Any], Any]]  # a table, and what its entry becomes


def trials(name: str, channels: int) -> Iterator[Trial]:
    """Changes of the best tile by then; what changes most comes first."""
    if name == "FORWARD":
        yield "SPAN", lambda span: 4 - span
    if name == "WEIGHT_GRADIENT" and channels == 64:
        yield "SOME_OUTPUTS", lambda outputs: 96 - outputs
    yield name, lambda tile: tile._replace(stages=3)
    many = (22, 44, 88, 132) if name == "WEIGHT_GRADIENT" else (132, 264, 396, 528, 660)
    for (block, warps), programs in itertools.product(SIZES, many):
        yield name, partial(_changed, block=block, warps=warps, programs=programs)


def _changed(tile: tiles.Tile, **values: int) -> tiles.Tile:
    return tile._replace(**values)


def tune(batch: int, seconds: float) -> None:
    best = milliseconds(batch)
    print(f"{best:.4f} ms with the tables as they are", flush=True)
    share = seconds / (len(TUNED) * len(CHANNELS))
    for name, channels in itertools.product(TUNED, CHANNELS):
        end, left = time.monotonic() + share, 0
        for where, change in trials(name, channels):
            if time.monotonic() > end:
                left += 1
                continue
            table = getattr(tiles, where)
            before, table[channels] = table[channels], change(table[channels])
            try:
                found = milliseconds(batch)
            except Exception as error:  # too large for the device, say
                print(f"{where} {channels} {table[channels]}: {type(error).__name__} {error}"[:150])
                found = float("inf")
            if found < best * (1 - NOISE):
                best = found
                print(f"{where} {channels} {table[channels]}: {found:.4f} ms", flush=True)
            else:
                table[channels] = before
        if left:
            print(f"{name} {channels}: no time for {left} more")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--batch", type=int, default=128)
    chosen = parser.parse_args()
    tune(chosen.batch, chosen.seconds)
    for name in (*TUNED, "SPAN", "SOME_OUTPUTS"):
        print(name, "=", getattr(tiles, name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
