"""Test images that are training images too: of those the test error says nothing about new images."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from resnet_studio.data.image_set import ImageSet

Digests = npt.NDArray[np.uint64]

_SAMPLED_SIDE = 8  # rows and columns by which images are told apart before all of their pixels are looked at


def repeated_images(train: ImageSet, test: ImageSet) -> int:
    """How many images of ``test`` are, pixel for pixel, in ``train`` as well. Both have one size."""
    step = max(1, train.image_size // _SAMPLED_SIDE)
    seen, tested = (_digests(part.images.numpy()[:, :, ::step, ::step]) for part in (train, test))
    among, alike = train.images.numpy()[np.isin(seen, tested)], test.images.numpy()[np.isin(tested, seen)]
    return repeated_digests(_digests(among), _digests(alike))


def repeated_digests(train: Digests, test: Digests) -> int:
    """How many of ``test`` are in ``train``, by the digest of each image."""
    return int(np.isin(test, train).sum())


def short_digest(sha256: str) -> int:
    """The first 64 bits of a sha256 in hexadecimal digits; among a million images no two share them by chance."""
    return int(sha256[:16], 16)


def _digests(images: npt.NDArray[np.uint8]) -> Digests:
    found = (short_digest(hashlib.sha256(image.tobytes()).hexdigest()) for image in images)
    return np.fromiter(found, np.uint64, len(images))
