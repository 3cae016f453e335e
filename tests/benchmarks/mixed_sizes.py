"""Makes a folder of JPEG and PNG files of mixed sizes from class folders of small images (such as CIFAR-10's).

``python tests/benchmarks/mixed_sizes.py SOURCE TARGET --train 2000 --test 400`` writes TARGET/train/CLASS and
TARGET/test/CLASS; SOURCE has train/CLASS and test/CLASS.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from PIL import Image

SIDES = (40, 400)  # pixels of the shorter side
LONGER = (1.0, 1.6)  # times the shorter side


def make(source: Path, target: Path, split: str, count: int) -> None:
    """``count`` files, the same share of each class; every other file is a PNG. Small images are used again."""
    classes = sorted(folder for folder in (source / split).iterdir() if folder.is_dir())
    for label, folder in enumerate(classes):
        files = sorted(folder.iterdir())
        into = target / split / folder.name
        into.mkdir(parents=True, exist_ok=True)
        for number in range(label, count, len(classes)):
            draw = random.Random(f"{split} {number}")
            short = draw.randint(*SIDES)
            size = [short, round(short * draw.uniform(*LONGER))]
            draw.shuffle(size)
            position = number // len(classes)
            with Image.open(files[position % len(files)]) as image:
                enlarged = image.convert("RGB").resize((size[0], size[1]), Image.Resampling.BICUBIC)
            if position % 2:
                enlarged.save(into / f"{position:06}.png", compress_level=1)
            else:
                enlarged.save(into / f"{position:06}.jpg", quality=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--train", type=int, default=2000)
    parser.add_argument("--test", type=int, default=400)
    chosen = parser.parse_args()
    make(chosen.source, chosen.target, "train", chosen.train)
    make(chosen.source, chosen.target, "test", chosen.test)


if __name__ == "__main__":
    main()
