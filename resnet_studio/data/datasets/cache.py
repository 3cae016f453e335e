"""Decoded data sets on disk, so that the second opening is quick. A damaged or outdated file counts as missing."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from resnet_studio.data.datasets.paths import CHECKSUM, KEY, NAMES, SKIPPED
from resnet_studio.data.image_set import DataBundle, ImageSet
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.platform.files import replacing
from resnet_studio.platform.outside_files import regular_file

log = logging.getLogger(__name__)

_PIECE = 1 << 26  # bytes hashed between two looks at the stop check


def checksum(train: ImageSet, test: ImageSet, class_names: tuple[str, ...], should_stop: StopCheck = never_stop) -> str:
    """sha256 over class names, shapes, pixels and labels. Raises Stopped."""
    digest = hashlib.sha256(json.dumps(class_names).encode())
    for tensor in (train.images, train.labels, test.images, test.labels):
        digest.update(json.dumps(list(tensor.shape)).encode())
        data = tensor.contiguous().numpy().reshape(-1).view(np.uint8)
        for start in range(0, len(data), _PIECE):
            if should_stop():
                raise Stopped
            digest.update(data[start : start + _PIECE].data)
    return digest.hexdigest()


def load(path: Path, key: str, should_stop: StopCheck = never_stop) -> DataBundle | None:
    """What :func:`save` wrote under ``key``, verified to the last pixel; None if there is no such thing.

    Raises:
        Stopped: When ``should_stop`` says so.
    """
    try:
        with safe_open(regular_file(path), framework="pt") as file:
            facts = file.metadata() or {}
            if facts.get(KEY) != key:
                return None
            # Copies, not views of the file: it may be replaced or cut short while the images are in use.
            train = ImageSet(_copy(file, "train.images"), _copy(file, "train.labels"))
            test = ImageSet(_copy(file, "test.images"), _copy(file, "test.labels"))
        names = tuple(json.loads(facts[NAMES]))
        skipped = tuple((name, reason) for name, reason in json.loads(facts[SKIPPED]))
        found = checksum(train, test, names, should_stop)
        if found != facts[CHECKSUM]:
            raise ValueError(f"sha256 is {found}, {facts[CHECKSUM]} was written")
    except FileNotFoundError:
        return None
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s is damaged (%s) and will be made again", path, error)
        return None
    return DataBundle(train, test, names, found, skipped)


def save(path: Path, key: str, bundle: DataBundle) -> None:
    """Keep ``bundle`` for the next time, whole or not at all. A full disk costs only that: it is logged, not raised."""
    tensors = {
        "train.images": bundle.train.images,
        "train.labels": bundle.train.labels,
        "test.images": bundle.test.images,
        "test.labels": bundle.test.labels,
    }
    facts = {
        KEY: key,
        NAMES: json.dumps(bundle.class_names),
        SKIPPED: json.dumps(bundle.skipped),
        CHECKSUM: bundle.checksum,
    }
    try:
        with replacing(path) as part:
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, part, metadata=facts)
    except (OSError, SafetensorError) as error:
        log.warning("%s could not be written (%s); the data set will be made again next time", path, error)


def _copy(file: safe_open, name: str) -> Tensor:
    tensor: Tensor = file.get_tensor(name)
    return tensor.clone()
