"""What a stored run does to its images, read from its files in words; no torch is needed for that."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from safetensors import SafetensorError, safe_open

from resnet_studio.platform.home import Home

log = logging.getLogger(__name__)

FILE = "preprocessing.safetensors"


@dataclass(frozen=True, slots=True)
class StoredPreprocessing:
    """``mean`` and ``std`` hold one number a colour (red, green, blue), of values in 0..1.

    ``per_pixel``: a mean image is subtracted, and ``mean`` is that image's own mean.
    """

    image_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    per_pixel: bool

    @property
    def size_text(self) -> str:
        return f"{self.image_size} x {self.image_size} pixels"

    @property
    def mean_text(self) -> str:
        """``0.4914, 0.4822, 0.4465``, or what the mean image's colours are."""
        return f"of each pixel, on average {_text(self.mean)}" if self.per_pixel else _text(self.mean)

    @property
    def std_text(self) -> str:
        """Of an image that is only shifted: none."""
        return "none: values are not scaled" if all(value == 1 for value in self.std) else _text(self.std)


def _text(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.4g}" for value in values)


def preprocessing_of(home: Home, run_id: str) -> StoredPreprocessing | None:
    """None where the run has stored none yet, or the file cannot be read."""
    file = home.run(run_id) / FILE
    if not file.is_file():
        return None
    try:
        with safe_open(file, framework="numpy") as tensors:
            size = int(tensors.metadata()["image_size"])
            mean, std = tensors.get_tensor("mean"), tensors.get_tensor("std")
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s cannot be read: %s", file, error)
        return None
    colours = tuple(float(value) for value in mean.reshape(3, -1).mean(axis=1, dtype="float64"))
    return StoredPreprocessing(size, colours, tuple(map(float, std.reshape(3))), bool(mean.shape[1] > 1))
