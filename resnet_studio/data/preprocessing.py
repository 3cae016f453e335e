"""What is done to every image before a network sees it; measured on the training set and kept with each run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from resnet_studio.data.files import replacing
from resnet_studio.domain.errors import CheckpointError
from resnet_studio.domain.terms import Normalisation

_CHUNK_BYTES = 1 << 25
_CHUNK_IMAGES = 1 << 14  # so many squares of 255 fit into 32 bits, which sum much faster than 64


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """``(image / 255 - mean) / std``.

    Attributes:
        image_size: S, height and width in pixels.
        mean: float32, (3, S, S) for the paper's per-pixel mean or (3, 1, 1) for one mean per colour, in 0..1.
        std: float32 (3, 1, 1); ones with the per-pixel mean.
    """

    image_size: int
    mean: Tensor
    std: Tensor

    def __post_init__(self) -> None:
        size = self.image_size
        if tuple(self.mean.shape) not in ((3, size, size), (3, 1, 1)) or tuple(self.std.shape) != (3, 1, 1):
            raise ValueError(
                f"mean must be (3, {size}, {size}) or (3, 1, 1) and std (3, 1, 1), "
                f"got {tuple(self.mean.shape)} and {tuple(self.std.shape)}"
            )
        if self.mean.dtype != torch.float32 or self.std.dtype != torch.float32:
            raise ValueError(f"mean and std must be float32, got {self.mean.dtype} and {self.std.dtype}")

    def apply(self, images: Tensor) -> Tensor:
        """uint8 (N, 3, S, S) to normalised float32 (N, 3, S, S), on the device where mean and std are."""
        wanted = (3, self.image_size, self.image_size)
        if images.dtype != torch.uint8 or tuple(images.shape[1:]) != wanted:
            raise ValueError(f"images must be uint8 (N, {wanted}), got {images.dtype} {tuple(images.shape)}")
        x = images.to(device=self.mean.device, dtype=torch.float32)
        return x.div_(255.0).sub_(self.mean).div_(self.std)

    def to(self, device: torch.device | str) -> Preprocessing:
        return Preprocessing(self.image_size, self.mean.to(device), self.std.to(device))

    def save(self, path: Path) -> None:
        """Write ``path`` (safetensors) whole or not at all. Raises OSError, for example when the disk is full."""
        tensors = {"mean": self.mean.cpu().contiguous(), "std": self.std.cpu().contiguous()}
        with replacing(path) as part:
            try:
                save_file(tensors, part, metadata={"image_size": str(self.image_size)})
            except SafetensorError as error:
                raise OSError(f"{path} cannot be written ({error})") from None

    @classmethod
    def load(cls, path: Path) -> Preprocessing:
        """Read what :meth:`save` wrote, on the CPU.

        Raises:
            CheckpointError: If the file is missing or damaged.
        """
        try:
            with safe_open(path, framework="pt") as file:
                size = int(file.metadata()["image_size"])
                return cls(size, file.get_tensor("mean"), file.get_tensor("std"))
        except FileNotFoundError:
            raise CheckpointError(f"{path} is missing, so images cannot be prepared; train the run again.") from None
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"{path} is damaged ({error}), so images cannot be prepared; train the run again."
            ) from None

    @classmethod
    def measure(cls, images: Tensor, normalisation: Normalisation) -> Preprocessing:
        """Measure a training set, uint8 (N, 3, S, S), N >= 1.

        Sums are exact integers, taken a part at a time, so the result depends neither on the order nor on the device.
        A colour that never changes gets the standard deviation 1.
        """
        if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1] != 3 or not len(images):
            raise ValueError(f"images must be uint8 (N, 3, S, S), N >= 1, got {images.dtype} {tuple(images.shape)}")
        count, _, size, _ = images.shape
        sums = torch.zeros(images.shape[1:], dtype=torch.int64, device=images.device)
        squares = torch.zeros_like(sums)
        for part in images.split(min(_CHUNK_IMAGES, max(1, _CHUNK_BYTES // (4 * 3 * size * size)))):
            wide = part.to(torch.int32)  # (n, 3, S, S)
            sums += wide.sum(0, dtype=torch.int32)
            if normalisation is Normalisation.CHANNEL:
                squares += wide.square_().sum(0, dtype=torch.int32)
        if normalisation is Normalisation.PIXEL_MEAN:
            mean = (sums.cpu().double() / (255.0 * count)).float()
            return cls(size, mean, torch.ones(3, 1, 1))
        pixels = count * size * size
        means, stds = [], []
        for total, square in zip(sums.sum((1, 2)).tolist(), squares.sum((1, 2)).tolist(), strict=True):
            means.append(total / (255 * pixels))
            variance = (pixels * square - total * total) / (255 * pixels) ** 2
            stds.append(variance**0.5 if variance > 0 else 1.0)
        return cls(size, _column(means), _column(stds))


def _column(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).float().view(3, 1, 1)
