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
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.networks.fused import network as fused
from resnet_studio.networks.residual import PlannedNetwork, build
from resnet_studio.training.engines.captures import CudaGraphs

TOGETHER = 16  # both passes in a graph
REPLAYS = 9
NOISE = 0.01
SIZES = ((64, 4), (128, 4), (64, 8), (128, 8))  # block of pixels and warps
PLAN = blueprint(NetworkSpec(depth=20, block="basic"))


def milliseconds(batch: int) -> float:
    """Of both passes, but for head and loss."""
    device = torch.device("cuda")
    network = fused.FusedNetwork(_network(), PLAN)
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


def tiles(name: str, channels: int) -> Iterator[dict[str, int]]:
    """What is changed of the best tile by then; what changes most comes first."""
    spans = (1, 3) if name == "FORWARD" and channels < 64 else (1,)
    for stages, span in itertools.product((1, 3), spans):
        yield {"stages": stages, "span": span}
    for (block, warps), programs in itertools.product(SIZES, (132, 264, 396, 528, 660)):
        yield {"block": block, "warps": warps, "programs": programs}


def pieces(_name: str, channels: int) -> Iterator[dict[str, int]]:
    yield {"stages": 3}
    for outputs, (block, warps), parts in itertools.product({min(channels, 32), channels}, SIZES, (22, 44, 88, 132)):
        yield {"outputs": outputs, "block": block, "warps": warps, "parts": parts}


TABLES: dict[str, Callable[[str, int], Iterator[dict[str, int]]]] = {
    "INPUT_GRADIENT": tiles, "FORWARD": tiles, "WEIGHT_GRADIENT": pieces,
}  # fmt: skip


def tune(batch: int, seconds: float) -> None:
    best = milliseconds(batch)
    print(f"{best:.4f} ms with the tables as they are", flush=True)
    share = seconds / (len(TABLES) * len(fused.CHANNELS))
    for name, options in TABLES.items():
        table = getattr(fused, name)
        for channels in fused.CHANNELS:
            end, left = time.monotonic() + share, 0
            for given in list(options(name, channels)):
                if time.monotonic() > end:
                    left += 1
                    continue
                before = table[channels]
                option = table[channels] = before._replace(**given)
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
            if left:
                print(f"{name} {channels}: no time for {left} more")


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
