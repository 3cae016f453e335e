"""The sample images in ``resources/samples``: one of each built-in class, large, from a split that nothing trains on.

``python -m resnet_studio.data.datasets.samples FOLDER`` writes them again.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

from resnet_studio.data.datasets.builtin_images import Difficulty, draw
from resnet_studio.domain.data_sets import BUILTIN

SIZE = 192  # pixels
SPLIT = 2  # 0 is for training, 1 for testing

# A fixed hand of middling images, whatever the data set's own difficulty becomes.
_DIFFICULTY = Difficulty(
    radius=(0.45, 0.62), offset=0.25, stretch=(0.8, 1.25), shear=0.2, contrast=(0.3, 0.45), shading=0.2,
    background=0.2, distractors=4, distractor_size=(0.08, 0.3), distractor_contrast=(0.05, 0.3),
    occluder_share=0.2, occluder_width=(0.06, 0.12), noise=(0.02, 0.06), ambiguous_share=0.0,
)  # fmt: skip


def sample_images() -> dict[str, Image.Image]:
    """RGB images by file name."""
    drawn = draw(0, SPLIT, 0, len(BUILTIN.class_names), SIZE, _DIFFICULTY)
    return {
        f"{name}.png": Image.fromarray(pixels.transpose(1, 2, 0))
        for name, pixels in zip(BUILTIN.class_names, drawn, strict=True)
    }


def write_samples(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, image in sample_images().items():
        image.save(folder / name, optimize=True)


if __name__ == "__main__":
    write_samples(Path(sys.argv[1]))
