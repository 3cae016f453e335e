"""Small image sets and class folders for the data tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from resnet_studio.data.image_set import ImageSet

FolderMaker = Callable[..., Path]


def picture(number: int, size: tuple[int, int] = (12, 10)) -> Image.Image:
    """An RGB image whose pixels are a function of ``number``; ``size`` is width, height."""
    width, height = size
    pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def random_set(count: int, size: int = 8, seed: int = 0) -> ImageSet:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator)
    return ImageSet(images, torch.arange(count) % 10)


@pytest.fixture
def class_folders(tmp_path: Path) -> FolderMaker:
    """``make({"cat": 3, "dog": 2}, "train")``: that many PNG files for each class in tmp_path/set/train."""

    def make(classes: dict[str, int], inside: str = "") -> Path:
        root = tmp_path / "set"
        number = 0
        for name, count in classes.items():
            folder = root / inside / name
            folder.mkdir(parents=True)
            for position in range(count):
                number += 1
                picture(number).save(folder / f"{position:03}.png")
        return root

    return make
