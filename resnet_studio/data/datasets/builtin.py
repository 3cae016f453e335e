"""The built-in data set: drawn in blocks, on all cores, the same bits whatever their number."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch

from resnet_studio.data.datasets import cache, paths
from resnet_studio.data.datasets.builtin_images import GRAIN, draw
from resnet_studio.data.datasets.builtin_shapes import SHAPE_NAMES
from resnet_studio.data.image_set import DataBundle, ImageSet, Report, silent
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.platform.home import Home

_BLOCK = 400  # images drawn as a whole: large enough for vector arithmetic, small enough for a processor's cache
_MAX_THREADS = 8


def open_builtin(seed: int, home: Home, report: Report = silent, should_stop: StopCheck = never_stop) -> DataBundle:
    """The built-in images of ``seed``, 32 x 32, from the cache or drawn and cached. Raises Stopped."""
    path, key = paths.builtin_cache(home, seed), paths.builtin_key(seed)
    bundle = cache.load(path, key, should_stop)
    if bundle is None:
        bundle = make_builtin(seed, report, should_stop)
        cache.save(path, key, bundle)
    return bundle


def make_builtin(seed: int, report: Report = silent, should_stop: StopCheck = never_stop) -> DataBundle:
    """Draw both splits: each class equally often, image i of class i % 10. Raises Stopped, within 0.1 s or so."""
    counts = (paths.BUILTIN_TRAIN, paths.BUILTIN_TEST)  # splits 0 and 1; 2 is for the sample images
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
            for done, _ in enumerate(_watched(pool.map(fill, jobs), should_stop), start=1):
                report("drawing images", done / len(jobs))
        finally:
            stop.set()
    train, test = (_labelled(images) for images in pixels)
    return DataBundle(train, test, SHAPE_NAMES, cache.checksum(train, test, SHAPE_NAMES, should_stop))


def _labelled(images: npt.NDArray[np.uint8]) -> ImageSet:
    return ImageSet(torch.from_numpy(images), torch.arange(len(images)) % len(SHAPE_NAMES))


def _watched(results: Iterator[None], should_stop: StopCheck) -> Iterator[None]:
    for result in results:
        yield result
        if should_stop():
            raise Stopped
