"""One pass over every image of a set that will be streamed, before the first iteration; kept for the next time.

It finds the files that cannot be read, sums the training images for mean and colours (all of them, each once, in the
view that is measured), and hashes the contents of all files for the run's record. It costs about as much as one epoch
of decoding. The second time, names, sizes and times of the files say that nothing has changed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from resnet_studio.data.channel_statistics import Moments
from resnet_studio.data.datasets import paths
from resnet_studio.data.repeated_images import Repeated, repeated_digests, short_digest
from resnet_studio.data.streaming.crops import SQUARE, CropSpec
from resnet_studio.data.streaming.pool import TASK_IMAGES, DecodingPool, PendingReply
from resnet_studio.data.streaming.sources import Images, Source
from resnet_studio.data.streaming.worker import Reply
from resnet_studio.domain.events import Report, StopCheck
from resnet_studio.domain.text_numbers import counted
from resnet_studio.platform.files import replacing
from resnet_studio.platform.home import Home
from resnet_studio.platform.outside_files import regular_file
from resnet_studio.text import _

log = logging.getLogger(__name__)

_REPORT_SECONDS = 0.1  # between two reports of progress
_WAITING = 4  # tasks for each process: enough to keep it busy
_FACTS, _SUMS = "facts", ("sums", "products")


@dataclass(frozen=True, eq=False)
class ScanResult:
    """What was found.

    Attributes:
        moments: Sums over the readable training images.
        checksum: sha256 over class names and, of each readable file, name, label and contents.
        train, test: Why an image cannot be read, by its position in the training or test set.
        repeated: What is there more than once, by the files' contents.
    """

    moments: Moments
    checksum: str
    train: Mapping[int, str]
    test: Mapping[int, str]
    repeated: Repeated


def scan_images(
    source: Source, size: int, crop: CropSpec, workers: int, home: Home, report: Report, should_stop: StopCheck
) -> ScanResult:
    """Read every image, or the result that is kept.

    Args:
        source: The images to read.
        size: S of the view.
        crop: The view of which the mean is taken.
        workers: Decoding processes.
        home: Where results are kept.
        report: Gets what is being done, and how far where that is known.
        should_stop: Ends the work with Stopped where it returns True.

    Raises:
        DataError: If a decoding process dies.
        Stopped: When ``should_stop`` says so; the next scan begins anew.
    """
    path = paths.scan_cache(home, source.digest, f"{size}-{crop.scale}")
    known = _load(path, source.digest)
    if known is None:
        with DecodingPool(source.root, size, workers) as pool:
            known = _look(source, crop, pool, size, report, should_stop)
        _save(path, source.digest, known)
    return known


def _look(
    source: Source, crop: CropSpec, pool: DecodingPool, size: int, report: Report, should_stop: StopCheck
) -> ScanResult:
    sums, products = np.zeros((3, size, size), np.int64), np.zeros((3, 3), np.int64)
    digest = hashlib.sha256(json.dumps(source.class_names).encode())
    contents: tuple[list[int], list[int]] = ([], [])
    labels: tuple[list[int], list[int]] = ([], [])
    refused: tuple[dict[int, str], dict[int, str]] = ({}, {})
    parts = ((source.train, crop),) if source.checksum else ((source.train, crop), (source.test, SQUARE))
    total, done, reported = sum(len(images) for images, _unused in parts), 0, 0.0
    for number, (images, view) in enumerate(parts):
        for first, reply in _replies(images, view, pool, should_stop):
            refused[number].update({first + row: reason for row, reason in reply.errors.items()})
            for row, sha256 in enumerate(reply.hashes):
                if row not in reply.errors:
                    label = int(images.labels[first + row])
                    digest.update(ascii((images.name(first + row), label, sha256)).encode())
                    if sha256:
                        contents[number].append(short_digest(sha256))
                        labels[number].append(label)
            if number == 0 and reply.sums is not None and reply.products is not None:
                sums += reply.sums
                products += reply.products
            done += len(reply.hashes)
            if done == total or time.monotonic() - reported > _REPORT_SECONDS:
                reported = time.monotonic()
                report(
                    _("looking at {total} for the first time", total=counted(total, "image", "images")), done / total
                )
        digest.update(b"/")
    moments = Moments(len(source.train) - len(refused[0]), torch.from_numpy(sums), torch.from_numpy(products))
    train, test = (np.array(digests, np.uint64) for digests in contents)
    repeated = source.repeated  # known where the images are arrays, of which no contents were read here
    if repeated is None:
        repeated = repeated_digests(train, np.array(labels[0], np.int64), test)
    return ScanResult(moments, source.checksum or digest.hexdigest(), *refused, repeated)


def _replies(images: Images, crop: CropSpec, pool: DecodingPool, should_stop: StopCheck) -> Iterator[tuple[int, Reply]]:
    """Each task's first position and its reply, in order; few are under way at a time."""
    waiting: deque[tuple[int, PendingReply]] = deque()
    most = _WAITING * max(pool.workers, 1)
    for first in range(0, len(images), TASK_IMAGES):
        rows = range(first, min(first + TASK_IMAGES, len(images)))
        waiting.append((first, pool.submit(images.task(rows, [crop] * len(rows), scan=True))))
        if len(waiting) >= most:
            start, reply = waiting.popleft()
            yield start, reply.wait(should_stop)
    while waiting:
        start, reply = waiting.popleft()
        yield start, reply.wait(should_stop)


def _save(path: Path, digest: str, found: ScanResult) -> None:
    """A full disk costs only another scan next time: it is logged, not raised."""
    sums = {"sums": found.moments.sums, "products": found.moments.products}
    tensors = {name: tensor.contiguous() for name, tensor in sums.items() if tensor is not None}
    facts = {
        "digest": digest,
        "images": found.moments.images,
        "checksum": found.checksum,
        "train": list(found.train.items()),
        "test": list(found.test.items()),
        "repeated": list(found.repeated),
    }
    text = json.dumps(facts)
    seal = _seal(text, tensors)
    try:
        with replacing(path) as part:
            save_file(tensors, part, metadata={_FACTS: text, "seal": seal})
    except (OSError, SafetensorError) as error:
        log.warning("%s could not be written (%s); the images will be looked at again next time", path, error)


def _load(path: Path, digest: str) -> ScanResult | None:
    """None if there is no such file, or it is damaged or belongs to another set."""
    try:
        with safe_open(regular_file(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name).clone() for name in _SUMS}
        facts = json.loads(metadata[_FACTS])
        if metadata["seal"] != _seal(metadata[_FACTS], tensors):
            raise ValueError("its contents are not what was written")
        if facts["digest"] != digest or "repeated" not in facts:  # which earlier versions did not count
            return None
        moments = Moments(facts["images"], tensors["sums"], tensors["products"])
        return ScanResult(
            moments, facts["checksum"], dict(facts["train"]), dict(facts["test"]), Repeated(*facts["repeated"])
        )
    except FileNotFoundError:
        return None
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s is damaged (%s); the images will be looked at again", path, error)
        return None


def _seal(facts: str, tensors: Mapping[str, torch.Tensor]) -> str:
    digest = hashlib.sha256(facts.encode())
    for name in sorted(tensors):
        digest.update(tensors[name].numpy().tobytes())
    return digest.hexdigest()
