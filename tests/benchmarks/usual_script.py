"""The usual PyTorch script for ResNet-20 on CIFAR-10, written the way tutorials do it, to measure against.

``python tests/benchmarks/usual_script.py [CIFAR10_FOLDER] [--workers 0 2 4] [--seconds 10] [--json]``: a data set of
PIL images, transforms of one image at a time, a DataLoader, float32, SGD, the loss read after each step. Without a
folder (``train/CLASS/*.png``) it trains on random images of the same form. Nothing here is used by the program.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

BATCH, RANDOM_IMAGES = 128, 10_000
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


class BasicBlock(nn.Module):
    def __init__(self, entering: int, planes: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(entering, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.stride, self.more = stride, planes - entering

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.stride != 1 or self.more:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))
        return F.relu(out + x)


class ResNet(nn.Module):
    """6n + 2 layers, shortcuts without weights."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        blocks, entering = [], 16
        for stage, planes in enumerate((16, 32, 64)):
            for number in range(n):
                blocks.append(BasicBlock(entering, planes, 2 if stage and not number else 1))
                entering = planes
        self.layers = nn.Sequential(*blocks)
        self.linear = nn.Linear(64, 10)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.layers(F.relu(self.bn1(self.conv1(x))))
        return self.linear(F.adaptive_avg_pool2d(out, 1).flatten(1))


class Pictures(Dataset[tuple[torch.Tensor, int]]):
    """Decoded once and kept as an array, handed out as PIL images: what torchvision's CIFAR10 does."""

    def __init__(self, data: np.ndarray, targets: list[int], transform: transforms.Compose) -> None:
        self.data, self.targets, self.transform = data, targets, transform

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.data[index])), self.targets[index]


def load(folder: Path | None, part: str, count: int) -> tuple[np.ndarray, list[int]]:
    """uint8 (N, 32, 32, 3) and labels."""
    if folder is None:
        rng = np.random.default_rng(0)
        return rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8), rng.integers(0, 10, count).tolist()
    files = [
        (file, label) for label, name in enumerate(sorted((folder / part).iterdir())) for file in sorted(name.iterdir())
    ]
    return np.stack([np.asarray(Image.open(file).convert("RGB")) for file, _ in files]), [label for _, label in files]


def endless(loader: DataLoader[Any]) -> Any:
    while True:
        yield from loader


def train(data: tuple[np.ndarray, list[int]], workers: int, seconds: float, device: str, depth: int) -> float:
    """Mean seconds a step, the DataLoader included, after a warm-up of five steps.

    Not the median: with worker processes batches come in bursts.
    """
    augment = transforms.Compose(
        [
            transforms.RandomCrop(32, padding=4),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    loader = DataLoader(
        Pictures(*data, augment), BATCH, shuffle=True, num_workers=workers, pin_memory=device != "cpu", drop_last=True
    )
    net = ResNet((depth - 2) // 6).to(device).train()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    batches = endless(loader)
    times: list[float] = []
    until = None
    while until is None or time.perf_counter() < until:
        start = time.perf_counter()
        inputs, targets = next(batches)
        inputs, targets = inputs.to(device), targets.to(device)
        optimizer.zero_grad()
        loss = criterion(net(inputs), targets)
        loss.backward()
        optimizer.step()
        loss.item()
        times.append(time.perf_counter() - start)
        if until is None and len(times) == 5:
            times.clear()
            until = time.perf_counter() + seconds
    return statistics.fmean(times)


@torch.no_grad()
def test(data: tuple[np.ndarray, list[int]], device: str, depth: int) -> float:
    """Images a second in a pass over a test set."""
    plain = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    loader = DataLoader(Pictures(*data, plain), 100)
    net = ResNet((depth - 2) // 6).to(device).eval()
    start, right = time.perf_counter(), 0
    for inputs, targets in loader:
        right += int((net(inputs.to(device)).argmax(1) == targets.to(device)).sum())
    return len(data[0]) / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description="The usual script's speed.")
    parser.add_argument("folder", nargs="?", type=Path, help="CIFAR-10 as class folders; random images without it")
    parser.add_argument("--workers", nargs="+", type=int, default=[0, 2, 4])
    parser.add_argument("--seconds", type=float, default=10.0, help="for each number of workers")
    parser.add_argument("--depth", type=int, default=20)
    parser.add_argument("--test", action="store_true", help="measure a test of 2 000 images too")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    data = load(chosen.folder, "train", RANDOM_IMAGES)
    found: dict[str, float] = {}
    for workers in chosen.workers:
        found[str(workers)] = BATCH / train(data, workers, chosen.seconds, device, chosen.depth)
        if not chosen.json:
            speed = found[str(workers)]
            print(f"usual script, ResNet-{chosen.depth}, {workers} workers: {speed:.0f} images/s", flush=True)
    tested = test(load(None, "test", 2_000), device, chosen.depth) if chosen.test else None
    if chosen.json:
        print(json.dumps({"images_per_second": found, "tested_per_second": tested, "device": device}))


if __name__ == "__main__":
    main()
