"""A CIFAR-10 training script as people write them without this program: plain PyTorch, the usual class layout.

It imports nothing of the package and is no test: the tests train a little with it and import what it saved. By hand:
``python tests/exchange/usual_script.py FOLDER CHECKPOINT.th --padding both --iterations 300`` trains on the class
folders ``FOLDER/train`` and ``FOLDER/test`` and prints the wrongly classified test images.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)


class LambdaLayer(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class BasicBlock(nn.Module):
    def __init__(self, in_planes: int, planes: int, stride: int, padding: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut: nn.Module = nn.Sequential()
        extra = planes - in_planes
        if padding == "projection" and (stride != 1 or extra):
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_planes, planes, 1, stride=stride, bias=False), nn.BatchNorm2d(planes)
            )
        elif extra:
            front = extra // 2 if padding == "both" else 0
            self.shortcut = LambdaLayer(
                lambda x: F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, front, extra - front), "constant", 0)
            )
        self.without_shortcut = padding == "plain"

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if not self.without_shortcut:
            out = out + self.shortcut(x)
        return F.relu(out)


class ResNet(nn.Module):
    """``padding``: end, both, projection (option B), or plain for a net without shortcuts."""

    def __init__(self, blocks: int, padding: str, classes: int = 10, width: int = 16) -> None:
        super().__init__()
        self.planes = width
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = self._layer(width, blocks, 1, padding)
        self.layer2 = self._layer(2 * width, blocks, 2, padding)
        self.layer3 = self._layer(4 * width, blocks, 2, padding)
        self.linear = nn.Linear(4 * width, classes)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def _layer(self, planes: int, blocks: int, stride: int, padding: str) -> nn.Sequential:
        layers = []
        for step in [stride, *[1] * (blocks - 1)]:
            layers.append(BasicBlock(self.planes, planes, step, padding))
            self.planes = planes
        return nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.layer3(self.layer2(self.layer1(out)))
        out = F.avg_pool2d(out, out.size()[3])
        return self.linear(out.view(out.size(0), -1))


def loaders(folder: Path, size: int, batch: int, workers: int = 0) -> tuple[DataLoader, DataLoader]:
    normalise = [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    moved = [transforms.RandomHorizontalFlip(), transforms.RandomCrop(size, 4), *normalise]
    train = datasets.ImageFolder(str(folder / "train"), transforms.Compose(moved))
    test = datasets.ImageFolder(str(folder / "test"), transforms.Compose(normalise))
    return (
        DataLoader(train, batch, shuffle=True, num_workers=workers, drop_last=True),
        DataLoader(test, batch, num_workers=workers),
    )


def train(network: nn.Module, data: DataLoader, iterations: int, rate: float) -> None:
    optimizer = torch.optim.SGD(network.parameters(), rate, momentum=0.9, weight_decay=1e-4)
    network.train()
    done = 0
    while done < iterations:
        for images, labels in data:
            optimizer.zero_grad()
            F.cross_entropy(network(images), labels).backward()
            optimizer.step()
            done += 1
            if done == iterations:
                return


@torch.no_grad()
def wrong(network: nn.Module, data: DataLoader) -> tuple[int, int]:
    """Wrongly classified images, and images."""
    network.eval()
    errors = images = 0
    for x, labels in data:
        errors += int((network(x).argmax(1) != labels).sum())
        images += len(labels)
    return errors, images


def save(network: nn.Module, file: Path, iterations: int) -> None:
    """As many such scripts do: wrapped for several devices, beside other facts."""
    state = nn.DataParallel(network).state_dict()
    torch.save({"state_dict": state, "epoch": 1, "iterations": iterations, "best_prec1": 0.0}, file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--padding", default="both", choices=("end", "both", "projection", "plain"))
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=300)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    torch.manual_seed(asked.seed)
    network = ResNet(asked.blocks, asked.padding)
    training, testing = loaders(asked.folder, 32, asked.batch)
    train(network, training, asked.iterations, 0.05)
    save(network, asked.checkpoint, asked.iterations)
    errors, images = wrong(network, testing)
    print(json.dumps({"padding": asked.padding, "wrong": errors, "images": images, "error": 100 * errors / images}))


if __name__ == "__main__":
    main()
