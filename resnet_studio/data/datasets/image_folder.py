"""Images that are files, a folder's or downloaded photos, decoded by many threads and kept in the cache."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
import numpy.typing as npt
import torch

from resnet_studio.data.datasets import cache, paths
from resnet_studio.data.datasets.folder_layout import ImageFile, Layout, refuse_lost_classes
from resnet_studio.data.image_set import DataBundle, ImageSet
from resnet_studio.data.images import read_image, square_pixels
from resnet_studio.data.memory import refuse_oversize
from resnet_studio.domain.errors import DataError, Stopped
from resnet_studio.domain.events import Report, StopCheck, never_stop, no_report
from resnet_studio.domain.specs import DataSpec
from resnet_studio.domain.text_numbers import counted
from resnet_studio.platform.home import Home
from resnet_studio.text import _

_FILES_AT_ONCE = 16  # by one thread, which looks at the stop event between two of them
_MAX_THREADS = 16
_POLL_SECONDS = 0.2

Pixels = npt.NDArray[np.uint8]


def open_files(
    layout: Layout, spec: DataSpec, image_size: int, home: Home, report: Report = no_report,
    should_stop: StopCheck = never_stop,
) -> DataBundle:  # fmt: skip
    """The files of ``layout`` as :func:`resnet_studio.data.datasets.registry.open_data` returns them.

    The cache's key is made of the folder's path and every file's name, size and time of change. Files that cannot be
    read are left out and named in the result's ``skipped``. ``spec`` is what ``layout`` was made of.

    Raises:
        DataError: One sentence, if no data set can be made of the files.
        Stopped: When ``should_stop`` says so, within a fraction of a second.
    """
    path, key = paths.folder_cache(home, layout, spec, image_size), layout.digest
    report(_("reading decoded images"), None)
    bundle = cache.load(path, key, should_stop)
    if bundle is None:
        bundle = _decode(layout, image_size, report, should_stop)
        report(_("keeping decoded images"), None)
        cache.save(path, key, bundle)
    return bundle


def _decode(layout: Layout, size: int, report: Report, should_stop: StopCheck) -> DataBundle:
    files = (*layout.train, *layout.test)
    refuse_oversize(len(files), size)
    pixels = np.empty((len(files), 3, size, size), np.uint8)
    refused = _fill(pixels, layout, files, report, should_stop)
    kept = np.ones(len(files), bool)
    kept[list(refused)] = False
    labels = np.array([file.label for file in files], np.int64)
    border = len(layout.train)
    left = Counter(file.label for file, good in zip(layout.train, kept[:border], strict=True) if good)
    refuse_lost_classes(layout, left, int(kept[border:].sum()))
    train = _image_set(pixels[:border], labels[:border], kept[:border])
    test = _image_set(pixels[border:], labels[border:], kept[border:])
    skipped = (*layout.unusable, *((files[row].name, reason) for row, reason in sorted(refused.items())))
    names = layout.class_names
    return DataBundle(train, test, names, cache.checksum(train, test, names, should_stop), as_text(skipped))


def _fill(
    pixels: Pixels, layout: Layout, files: Sequence[ImageFile], report: Report, should_stop: StopCheck
) -> dict[int, str]:
    """Decode every file into its row of ``pixels``; rows that could not be, with the reason."""
    size, stop = pixels.shape[-1], threading.Event()

    def decode(rows: range) -> dict[int, str]:
        refused = {}
        for row in rows:
            if stop.is_set():
                break
            try:
                pixels[row] = square_pixels(read_image(layout.root / files[row].name), size)
            except DataError as error:
                refused[row] = str(error)
        return refused

    refused: dict[int, str] = {}
    total = len(files)
    pool = ThreadPoolExecutor(min(os.cpu_count() or 1, _MAX_THREADS), "decoding")
    try:
        parts = [range(first, min(first + _FILES_AT_ONCE, total)) for first in range(0, total, _FILES_AT_ONCE)]
        for part, future in zip(parts, [pool.submit(decode, part) for part in parts], strict=True):
            while True:
                if should_stop():
                    raise Stopped
                if wait([future], _POLL_SECONDS).done:
                    break
            refused.update(future.result())
            report(_("decoding {total}", total=counted(total, "image", "images")), part.stop / total)
    finally:
        stop.set()
        # Not waited for: each thread ends with the file it is at, and one huge file may take more than a second.
        pool.shutdown(wait=False, cancel_futures=True)
    return refused


def _image_set(pixels: Pixels, labels: npt.NDArray[np.int64], kept: npt.NDArray[np.bool_]) -> ImageSet:
    if not kept.all():
        pixels, labels = pixels[kept], labels[kept]
    return ImageSet(torch.from_numpy(pixels), torch.from_numpy(labels))


def as_text(skipped: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """File names and reasons as valid text: bytes that were none become question marks."""
    return tuple((_text(name), _text(reason)) for name, reason in skipped)


def _text(name: str) -> str:
    return name.encode("utf-8", "replace").decode()
