"""What is done to every image before a network sees it; measured on the training set and kept with each run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from resnet_studio.data.channel_statistics import Moments
from resnet_studio.domain.enums import Colour, Normalisation
from resnet_studio.domain.errors import CheckpointError
from resnet_studio.platform.files import replacing
from resnet_studio.platform.outside_files import regular_file
from resnet_studio.text import _

_PARTS = ("mean", "std", "colour_values", "colour_vectors")


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """``(image / 255 - mean) / std``, and the colours that colour augmentation mixes.

    Attributes:
        image_size: S, height and width in pixels.
        mean: float32, (3, S, S) for the paper's per-pixel mean or (3, 1, 1) for one mean per colour, in 0..1.
        std: float32 (3, 1, 1); ones with the per-pixel mean.
        colour_values: float32 (3,), variances of the training set's RGB values in 0..1 along their principal
            components, largest first; None where colours are not augmented.
        colour_vectors: float32 (3, 3), those components as columns; None likewise.
    """

    image_size: int
    mean: Tensor
    std: Tensor
    colour_values: Tensor | None = None
    colour_vectors: Tensor | None = None

    def __post_init__(self) -> None:
        size = self.image_size
        if tuple(self.mean.shape) not in ((3, size, size), (3, 1, 1)) or tuple(self.std.shape) != (3, 1, 1):
            raise ValueError(
                f"mean must be (3, {size}, {size}) or (3, 1, 1) and std (3, 1, 1), "
                f"got {tuple(self.mean.shape)} and {tuple(self.std.shape)}"
            )
        if self.mean.dtype != torch.float32 or self.std.dtype != torch.float32:
            raise ValueError(f"mean and std must be float32, got {self.mean.dtype} and {self.std.dtype}")
        colours = [None if part is None else tuple(part.shape) for part in (self.colour_values, self.colour_vectors)]
        if colours not in ([None, None], [(3,), (3, 3)]):
            raise ValueError(f"colours must have 3 values and 3 x 3 vectors, or none of them, got {colours}")

    def apply(self, images: Tensor) -> Tensor:
        """uint8 (N, 3, S, S) to normalised float32 (N, 3, S, S), on the device where mean and std are."""
        wanted = (3, self.image_size, self.image_size)
        if images.dtype != torch.uint8 or tuple(images.shape[1:]) != wanted:
            raise ValueError(f"images must be uint8 (N, {wanted}), got {images.dtype} {tuple(images.shape)}")
        return self.normalise_(images.to(device=self.mean.device, dtype=torch.float32))

    def normalise_(self, x: Tensor) -> Tensor:
        """The same for float32 (N, 3, S, S) in 0..255, in place."""
        return x.div_(255.0).sub_(self.mean).div_(self.std)

    def colour_shifts(self, factors: Tensor) -> Tensor:
        """What colour augmentation adds to normalised images (Krizhevsky et al. 2012, section 4.1).

        Args:
            factors: float32 (N, 3), how far to go along each component, in its variance (of values in 0..1).

        Returns:
            float32 (N, 3, 1, 1).
        """
        if self.colour_values is None or self.colour_vectors is None:
            raise ValueError("this preprocessing was made without principal components")
        shifts = ((factors * self.colour_values)[:, None, :] * self.colour_vectors).sum(2)  # (N, 3)
        return shifts[:, :, None, None] / self.std

    def to(self, device: torch.device | str) -> Preprocessing:
        colours = [None if part is None else part.to(device) for part in (self.colour_values, self.colour_vectors)]
        return Preprocessing(self.image_size, self.mean.to(device), self.std.to(device), *colours)

    def save(self, path: Path) -> None:
        """Write ``path`` (safetensors) whole or not at all. Raises OSError, for example when the disk is full."""
        parts = {name: getattr(self, name) for name in _PARTS}
        tensors = {name: part.cpu().contiguous() for name, part in parts.items() if part is not None}
        with replacing(path) as part:
            part.write_bytes(save(tensors, metadata={"image_size": str(self.image_size)}))  # its own errors hide why

    @classmethod
    def load(cls, path: Path) -> Preprocessing:
        """Read what :meth:`save` wrote, on the CPU.

        Raises:
            CheckpointError: If the file is missing or damaged.
        """
        try:
            with safe_open(regular_file(path), framework="pt") as file:
                size = int(file.metadata()["image_size"])
                there = set(file.keys())
                if not there <= set(_PARTS):
                    raise ValueError(f"it holds {', '.join(sorted(there - set(_PARTS)))}")
                return cls(size, **{name: file.get_tensor(name) for name in there})
        except FileNotFoundError:
            raise CheckpointError(
                _("{path} is missing, so images cannot be prepared; train the run again.", path=path)
            ) from None
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                _(
                    "{path} is damaged ({error}), so images cannot be prepared; train the run again.",
                    path=path,
                    error=error,
                )
            ) from None

    @classmethod
    def measure(cls, images: Tensor, normalisation: Normalisation, colour: Colour = Colour.NONE) -> Preprocessing:
        """Measure a training set, uint8 (N, 3, S, S), N >= 1."""
        exact = normalisation is Normalisation.CHANNEL or colour is Colour.PCA
        return cls.of(Moments.measure(images, products=exact), normalisation, colour)

    @classmethod
    def of(cls, moments: Moments, normalisation: Normalisation, colour: Colour = Colour.NONE) -> Preprocessing:
        """From a training set's exact sums. A colour that never changes gets the standard deviation 1."""
        size = moments.sums.shape[-1]
        values, vectors = moments.principal_components() if colour is Colour.PCA else (None, None)
        if normalisation is Normalisation.PIXEL_MEAN:
            mean = (moments.sums.double() / (255.0 * moments.images)).float()
            return cls(size, mean, torch.ones(3, 1, 1), values, vectors)
        covariance, means = moments.covariance(), moments.means()
        stds = [covariance[colour][colour] ** 0.5 or 1.0 for colour in range(3)]
        return cls(size, _column(means), _column(stds), values, vectors)


def _column(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).float().view(3, 1, 1)
