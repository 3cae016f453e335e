"""Show images to trained networks: each network sees them through its own preprocessing and names its own classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from PIL.Image import Image
from torch import Tensor

from resnet_studio.data.images import read_image, to_square
from resnet_studio.domain.errors import DataError, Stopped
from resnet_studio.domain.events import StopCheck, never
from resnet_studio.domain.records import Classification, NamedImage, Prediction
from resnet_studio.inference.models import TrainedNetwork

__all__ = ["BATCH", "NamedImage", "classify", "image_key"]

BATCH = 16  # images decoded and shown together: results come steadily and memory stays small


def image_key(image: Path | NamedImage) -> str:
    """How a :class:`Classification` names its image."""
    return image.name if isinstance(image, NamedImage) else str(image)


def classify(
    images: Sequence[Path | NamedImage],
    networks: Sequence[TrainedNetwork],
    emit: Callable[[Classification], None],
    should_stop: StopCheck = never,
    top: int = 5,
) -> None:
    """Emit one classification per image and network, image batch by image batch.

    Probabilities are a softmax in float32. A network with fewer than ``top`` classes gives all of them. An image that
    cannot be read gives one classification with an empty ``run_id`` and the sentence in ``error``.

    Raises:
        Stopped: As soon as ``should_stop`` says so; what was emitted stays true.
        ValueError: If ``top`` is less than 1.
    """
    if top < 1:
        raise ValueError(f"top must be at least 1, got {top}")
    for batch in _readable(images, emit, should_stop):
        squares: dict[int, Tensor] = {}
        for network in networks:
            size = network.preprocessing.image_size
            if size not in squares:
                squares[size] = torch.stack([to_square(image, size) for _, image in batch])  # (N, 3, S, S)
            values, indices = _look(network, squares[size], top, should_stop)
            for (key, _), probabilities, classes in zip(batch, values, indices, strict=True):
                predictions = tuple(
                    Prediction(network.class_names[index], probability)
                    for probability, index in zip(probabilities, classes, strict=True)
                )
                emit(Classification(key, network.run.id, predictions))


def _readable(
    images: Sequence[Path | NamedImage], emit: Callable[[Classification], None], should_stop: StopCheck
) -> Iterator[list[tuple[str, Image]]]:
    """Decoded images with their keys, at most :data:`BATCH` at a time; the others are told at once."""
    for start in range(0, len(images), BATCH):
        batch = []
        for image in images[start : start + BATCH]:
            if should_stop():
                raise Stopped
            try:
                batch.append((image_key(image), _read(image)))
            except DataError as error:
                emit(Classification(image_key(image), "", error=str(error)))
        if batch:
            yield batch


def _read(image: Path | NamedImage) -> Image:
    if isinstance(image, Path):
        return read_image(image)
    try:
        return read_image(image.content)
    except DataError as error:
        raise DataError(str(error).replace("The image", image.name, 1)) from None


@torch.inference_mode()
def _look(
    network: TrainedNetwork, images: Tensor, top: int, should_stop: StopCheck
) -> tuple[list[list[float]], list[list[int]]]:
    """Uint8 images (N, 3, S, S) to probabilities and class indices, (N, k) each, k at most ``top``, falling."""
    if should_stop():
        raise Stopped
    with network.stoppable(should_stop):
        logits = network.module(network.preprocessing.apply(images.to(network.device))).float()  # (N, classes)
    best = logits.softmax(1).topk(min(top, logits.shape[1]), dim=1)
    return best.values.tolist(), best.indices.tolist()
