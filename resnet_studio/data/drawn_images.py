"""A number of labelled images of a data set, drawn by a seed: the same on every machine and at every size.

Images are drawn without repetition, by hashing the seed with each image's place in the data set; more images of one
seed contain the fewer. Where images are files, the others stay closed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from resnet_studio.data.datasets.describe import UNKNOWN
from resnet_studio.data.datasets.folder_layout import ImageFile, Layout
from resnet_studio.data.datasets.layouts import layout_of
from resnet_studio.data.datasets.registry import open_data
from resnet_studio.data.images import read_image, square_pixels
from resnet_studio.data.memory import refuse_oversize
from resnet_studio.data.random import Stream, hash_counters
from resnet_studio.domain.errors import DataError, Stopped
from resnet_studio.domain.events import Report, StopCheck, never_stop, no_report
from resnet_studio.domain.specs import DataSpec
from resnet_studio.platform.home import Home
from resnet_studio.text import N_, _


class Part(StrEnum):
    """Which images of a data set."""

    TEST = N_("test")
    TRAINING = N_("training")


@dataclass(frozen=True, eq=False)
class DrawnImages:
    """Images in the order in which they were drawn.

    Attributes:
        pixels: By size S: uint8 (N, 3, S, S), RGB.
        labels: int64 (N,), each a position in ``class_names``.
        names: What the data set calls each image: a file's path in the folder, or ``test/00012``.
        sha256: Over class names, names, labels and the pixels at the smallest size.
    """

    pixels: Mapping[int, Tensor]
    labels: npt.NDArray[np.int64]
    names: tuple[str, ...]
    class_names: tuple[str, ...]
    sha256: str

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def of(
        cls, pixels: Mapping[int, Tensor], labels: Sequence[int], names: Sequence[str], class_names: Sequence[str]
    ) -> DrawnImages:
        digest = hashlib.sha256(repr((tuple(class_names), tuple(names))).encode("utf-8", "surrogatepass"))
        digest.update(np.asarray(labels, "<i8").tobytes())
        digest.update(pixels[min(pixels)].contiguous().numpy().tobytes())
        return cls(pixels, np.asarray(labels, np.int64), tuple(names), tuple(class_names), digest.hexdigest())


def draw_images(
    spec: DataSpec,
    count: int,
    seed: int,
    sizes: Collection[int],
    home: Home,
    part: Part = Part.TEST,
    report: Report = no_report,
    should_stop: StopCheck = never_stop,
    layout: Layout | None = None,
) -> DrawnImages:
    """``count`` images, or all there are if those are fewer; unreadable files are passed over for the next ones.

    Args:
        spec: The data that images are drawn from.
        count: At most so many.
        seed: Of the draw.
        sizes: Of the square pixels wanted, as training sees them.
        home: Where the program keeps its files.
        part: Test or training images.
        report: Gets what is being done, and how far where that is known.
        should_stop: Ends the work with Stopped where it returns True.
        layout: The files of ``spec`` sorted out, where that has been done already.

    Raises:
        DataError: One sentence, if the data cannot be opened or none of the images can be read.
        Stopped: When ``should_stop`` says so.
    """
    if not spec.known:
        raise DataError(UNKNOWN)
    layout = layout or layout_of(spec, home, report, should_stop)
    if layout is not None:
        return _from_files(layout, spec, count, seed, sizes, part, report, should_stop)
    bundles = {size: open_data(spec, size, home, report, should_stop) for size in sizes}
    sets = {size: bundle.test if part is Part.TEST else bundle.train for size, bundle in bundles.items()}
    first = sets[min(sets)]
    places = _order(seed, len(first))[:count]
    return DrawnImages.of(
        {size: images.images[places] for size, images in sets.items()},
        first.labels[places].tolist(),
        [f"{part}/{place:05d}" for place in places.tolist()],
        bundles[min(bundles)].class_names,
    )


def _order(seed: int, count: int) -> Tensor:
    """A permutation of 0..count-1, int64."""
    return torch.argsort(hash_counters(seed, Stream.INSPECTION, torch.arange(count)), stable=True)


def _from_files(
    layout: Layout,
    spec: DataSpec,
    count: int,
    seed: int,
    sizes: Collection[int],
    part: Part,
    report: Report,
    should_stop: StopCheck,
) -> DrawnImages:
    files = layout.test if part is Part.TEST else layout.train
    wanted = min(count, len(files))
    for size in sizes:
        refuse_oversize(wanted, size)
    pixels: dict[int, list[npt.NDArray[np.uint8]]] = {size: [] for size in sizes}
    kept: list[ImageFile] = []
    for file, squares in _readable(layout, files, seed, sizes, should_stop):
        kept.append(file)
        for size, square in squares.items():
            pixels[size].append(square)
        report(_("reading images"), len(kept) / wanted)
        if len(kept) == wanted:
            break
    if not kept:
        raise DataError(_("None of the images of {source} can be read; choose other data.", source=spec.source))
    return DrawnImages.of(
        {size: torch.from_numpy(np.stack(squares)) for size, squares in pixels.items()},
        [file.label for file in kept],
        [file.name for file in kept],
        layout.class_names,
    )


def _readable(
    layout: Layout, files: Sequence[ImageFile], seed: int, sizes: Collection[int], should_stop: StopCheck
) -> Iterator[tuple[ImageFile, dict[int, npt.NDArray[np.uint8]]]]:
    for place in _order(seed, len(files)).tolist():
        if should_stop():
            raise Stopped
        try:
            image = read_image(layout.root / files[place].name)
            squares = {size: square_pixels(image, size) for size in sizes}
        except DataError:
            continue
        yield files[place], squares
