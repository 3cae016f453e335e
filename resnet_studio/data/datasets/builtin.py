"""The built-in data set: drawn in blocks, on all cores, the same bits whatever their number."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from resnet_studio.data.datasets import cache, paths
from resnet_studio.data.datasets.builtin_images import GRAIN, draw
from resnet_studio.data.datasets.builtin_shapes import SHAPES
from resnet_studio.data.image_set import DataBundle, ImageSet
from resnet_studio.domain.data_sets import DataSetRow
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import Report, StopCheck, never_stop, no_report
from resnet_studio.platform.home import Home
from resnet_studio.text import _

_BLOCK = 400  # images drawn as a whole: large enough for vector arithmetic, small enough for a processor's cache
_MAX_THREADS = 8


def open_builtin(
    row: DataSetRow, seed: int, home: Home, report: Report = no_report, should_stop: StopCheck = never_stop
) -> DataBundle:
    """The built-in images of ``seed``, 32 x 32, from the cache or drawn and cached. Raises Stopped."""
    path, key = paths.builtin_cache(home, seed), paths.builtin_key(row, seed)
    bundle = cache.load(path, key, should_stop)
    if bundle is None:
        bundle = make_builtin(row, seed, report, should_stop)
        cache.save(path, key, bundle)
    return bundle


def make_builtin(
    row: DataSetRow, seed: int, report: Report = no_report, should_stop: StopCheck = never_stop
) -> DataBundle:  # fmt: skip
    """Draw both splits: each class equally often, image i of class i % 10. Raises Stopped, within 0.1 s or so."""
    counts = (row.training_images, row.test_images)  # splits 0 and 1; 2 is for the sample images
    pixels = [np.empty((count, 3, GRAIN, GRAIN), np.uint8) for count in counts]
    jobs = [(split, first) for split, count in enumerate(counts) for first in range(0, count, _BLOCK)]
    stop = threading.Event()

    def fill(job: tuple[int, int]) -> None:
        split, first = job
        if not stop.is_set():
            block = pixels[split][first : first + _BLOCK]
            block[:] = draw(seed, split, first // _BLOCK, len(block), GRAIN)

    with ThreadPoolExecutor(min(os.cpu_count() or 1, _MAX_THREADS), "drawing") as pool:
        try:
            for done, _unused in enumerate(_watched(pool.map(fill, jobs), should_stop), start=1):
                report(_("drawing images"), done / len(jobs))
        finally:
            stop.set()
    train, test = (ImageSet(torch.from_numpy(images), torch.arange(len(images)) % len(SHAPES)) for images in pixels)
    return DataBundle(train, test, row.class_names, cache.checksum(train, test, row.class_names, should_stop))


def _watched(results: Iterator[None], should_stop: StopCheck) -> Iterator[None]:
    for result in results:
        yield result
        if should_stop():
            raise Stopped
