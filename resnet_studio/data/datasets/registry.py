"""Every data set by its :class:`DataSpec`: decoded images, with the split that the specification asks for."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from resnet_studio.data.datasets import cache
from resnet_studio.data.datasets.builtin import open_builtin
from resnet_studio.data.datasets.describe import UNKNOWN
from resnet_studio.data.datasets.downloaded import open_downloaded
from resnet_studio.data.datasets.image_folder import open_files
from resnet_studio.data.datasets.layouts import has_files, layout_of
from resnet_studio.data.datasets.splits import shares
from resnet_studio.data.image_set import DataBundle, ImageSet
from resnet_studio.data.random import Stream, hash_counters
from resnet_studio.domain.enums import TestOn
from resnet_studio.domain.errors import DataError, Stopped
from resnet_studio.domain.events import Report, StopCheck, never_stop, no_report
from resnet_studio.domain.specs import DataSpec
from resnet_studio.platform.home import Home
from resnet_studio.text import _

_RESIZED_AT_ONCE = 1024


def open_data(
    spec: DataSpec, image_size: int, home: Home, report: Report = no_report, should_stop: StopCheck = never_stop
) -> DataBundle:
    """Decode a data set, or read it from the cache.

    Args:
        spec: Which.
        image_size: S, height and width of the result; images of other sizes are resized with antialiasing.
        home: Where made, downloaded and decoded data is kept.
        report: Called with what is being done, from the calling thread.
        should_stop: Called several times a second.

    Raises:
        DataError: One sentence, if the data is not there or cannot be used. Nothing is ever downloaded from here.
        Stopped: When ``should_stop`` says so; whatever was cached before is intact.
    """
    if not spec.known:
        raise DataError(UNKNOWN)
    if (layout := layout_of(spec, home, report, should_stop)) is not None:
        return open_files(layout, spec, image_size, home, report, should_stop)
    return _resized(open_arrays(spec, home, report, should_stop), image_size, report, should_stop)


def open_arrays(
    spec: DataSpec, home: Home, report: Report = no_report, should_stop: StopCheck = never_stop
) -> DataBundle:
    """A data set of arrays, at its own size; its checksum is that of the whole set, nothing held out."""
    row = spec.row
    if row is None or has_files(spec):
        raise ValueError(f"{spec.source} is no data set of arrays")
    if row.downloads:
        bundle = open_downloaded(row, home, report, should_stop)
    else:
        bundle = open_builtin(row, spec.seed, home, report, should_stop)
    return _hold_out(bundle, spec) if spec.held_out else bundle


def _hold_out(bundle: DataBundle, spec: DataSpec) -> DataBundle:
    labels = bundle.train.labels
    counts = labels.bincount(minlength=len(bundle.class_names)).tolist()
    keys = hash_counters(spec.seed, Stream.HELD_OUT, torch.arange(len(labels)))
    held = torch.zeros(len(labels), dtype=torch.bool)
    for label, out in enumerate(shares(counts, spec.held_out, bundle.class_names)):
        own = (labels == label).nonzero()[:, 0]
        held[own[torch.argsort(keys[own], stable=True)[:out]]] = True
    train = ImageSet(bundle.train.images[~held], labels[~held])
    test = ImageSet(bundle.train.images[held], labels[held]) if spec.test_on is TestOn.HELD_OUT else bundle.test
    return DataBundle(train, test, bundle.class_names, bundle.checksum, bundle.skipped)


def _resized(bundle: DataBundle, size: int, report: Report, should_stop: StopCheck) -> DataBundle:
    if bundle.train.image_size == size:
        return bundle
    report(_("resizing images"), None)
    train = ImageSet(_resize(bundle.train.images, size, should_stop), bundle.train.labels)
    test = ImageSet(_resize(bundle.test.images, size, should_stop), bundle.test.labels)
    names = bundle.class_names
    return DataBundle(train, test, names, cache.checksum(train, test, names, should_stop), bundle.skipped)


def _resize(images: Tensor, size: int, should_stop: StopCheck) -> Tensor:
    result = torch.empty(len(images), 3, size, size, dtype=torch.uint8)
    for part, into in zip(images.split(_RESIZED_AT_ONCE), result.split(_RESIZED_AT_ONCE), strict=True):
        if should_stop():
            raise Stopped
        into.copy_(functional.interpolate(part, size=(size, size), mode="bilinear", antialias=True))
    return result
