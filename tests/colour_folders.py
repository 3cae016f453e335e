"""Small pictures in class folders, each class of one colour with noise: networks learn them in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

Colour = tuple[int, int, int]
COLOURS = {"blue": (20, 40, 220), "green": (30, 200, 60), "red": (220, 30, 30)}


def write_colour_folders(
    root: Path, *, train: int = 8, test: int = 5, noise: int = 120, side: int = 8, seed: int = 3,
    colours: Mapping[str, Colour] = COLOURS,
) -> Path:  # fmt: skip
    """``root/train/CLASS/00.png`` and ``root/test/CLASS/00.png`` and so on; ``train`` and ``test`` of each class."""
    rng = np.random.default_rng(seed)
    for part, count in (("train", train), ("test", test)):
        for name, colour in colours.items():
            folder = root / part / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = np.clip(np.array(colour) + rng.integers(-noise, noise + 1, (side, side, 3)), 0, 255)
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number:02d}.png")
    return root
