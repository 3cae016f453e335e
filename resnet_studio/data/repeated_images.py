"""Images that a set holds twice where it should not: in training and in test, or in two classes.

Of test images that are training images too the test error says nothing about new ones; a training image with two
labels teaches both.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from resnet_studio.data.image_set import ImageSet

Digests = npt.NDArray[np.uint64]

_SAMPLED_SIDE = 8  # rows and columns by which images are compared before all of their pixels are looked at


class Repeated(NamedTuple):
    """How many images are there more than once.

    Attributes:
        tested: Test images that are training images too.
        two_labels: Training images that are there with another label too; each copy counts.
    """

    tested: int = 0
    two_labels: int = 0


def repeated_images(train: ImageSet, test: ImageSet) -> Repeated:
    """Pixel for pixel the same. Both sets have one size."""
    step = max(1, train.image_size // _SAMPLED_SIDE)
    pixels, labels = train.images.numpy(), train.labels.numpy()
    seen, tested = (_digests(part.images.numpy()[:, :, ::step, ::step]) for part in (train, test))
    _values, place, counts = np.unique(seen, return_inverse=True, return_counts=True)
    alike = np.isin(seen, tested) | (counts[place] > 1)
    return repeated_digests(
        _digests(pixels[alike]), labels[alike], _digests(test.images.numpy()[np.isin(tested, seen)])
    )


def repeated_digests(train: Digests, labels: npt.NDArray[np.int64], test: Digests) -> Repeated:
    """By the digest of each image; ``labels`` are those of ``train``."""
    values, place = np.unique(train, return_inverse=True)
    least, most = np.full(len(values), np.iinfo(np.int64).max), np.full(len(values), -1, np.int64)
    np.minimum.at(least, place, labels)
    np.maximum.at(most, place, labels)
    return Repeated(int(np.isin(test, train).sum()), int((least != most)[place].sum()))


def short_digest(sha256: str) -> int:
    """The first 64 bits of a sha256 in hexadecimal digits; among a million images no two share them by chance."""
    return int(sha256[:16], 16)


def _digests(images: npt.NDArray[np.uint8]) -> Digests:
    found = (short_digest(hashlib.sha256(image.tobytes()).hexdigest()) for image in images)
    return np.fromiter(found, np.uint64, len(images))
