"""The test images of a data set one at a time, at the sizes they came in, with names and labels.

Test protocols look at the originals; only what training sees is made square beforehand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from resnet_studio.data.datasets.describe import UNKNOWN
from resnet_studio.data.datasets.folder_layout import Layout
from resnet_studio.data.datasets.layouts import layout_of
from resnet_studio.data.datasets.registry import open_arrays, open_data
from resnet_studio.data.images import read_image, square_pixels
from resnet_studio.domain.enums import TestOn
from resnet_studio.domain.errors import DataError
from resnet_studio.domain.events import Report, StopCheck, never_stop, no_report
from resnet_studio.domain.specs import DataSpec
from resnet_studio.platform.home import Home
from resnet_studio.text import _

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class TestImage:
    """A decoded image, and the sha256 of what it was decoded from."""

    __test__ = False

    image: Image.Image
    sha256: bytes


class _Source(Protocol):
    def read(self, index: int) -> TestImage: ...

    def square(self, index: int, image: Image.Image, size: int) -> Pixels: ...


@dataclass(frozen=True, eq=False)
class TestSet:
    """Labelled test images, not yet decoded.

    Attributes:
        names: Relative to the data set, with slashes; ``test/00012`` where there are no files.
        labels: int32 (N,), each a position in ``class_names``.
        unusable: Images that cannot even be opened: name and reason.
    """

    __test__ = False

    class_names: tuple[str, ...]
    names: tuple[str, ...]
    labels: npt.NDArray[np.int32]
    unusable: tuple[tuple[str, str], ...]
    source: _Source
    _places: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> TestImage:
        """Decode one image; safe from any thread. Raises DataError for one that cannot be read."""
        return self.source.read(index)

    def square(self, index: int, image: Image.Image, size: int) -> Pixels:
        """The pixels that training tested on: uint8 (3, size, size); ``image`` is what :meth:`read` gave."""
        return self.source.square(index, image, size)

    def named(self, name: str) -> Image.Image:
        """The image of a name.

        Raises:
            DataError: If the data set has no such test image any more, or it cannot be read.
        """
        if not self._places:
            self._places.update({known: index for index, known in enumerate(self.names)})
        if name not in self._places:
            raise DataError(_("{name} is no longer among the test images of this data; evaluate again.", name=name))
        return self.read(self._places[name]).image


def open_test(
    spec: DataSpec,
    home: Home,
    report: Report = no_report,
    should_stop: StopCheck = never_stop,
    *,
    square_sizes: Sequence[int] = (),
) -> TestSet:
    """The images that runs on ``spec`` are tested on: its test set, or the training images held out.

    ``square_sizes`` are the sizes that :meth:`TestSet.square` will be called with. Only data without files is made
    ready for them here, so that its pixels are those of training.

    Raises:
        DataError: As :func:`resnet_studio.data.datasets.registry.open_data`.
        Stopped: When ``should_stop`` says so.
    """
    if not spec.known:
        raise DataError(UNKNOWN)
    layout = layout_of(spec, home, report, should_stop)
    if layout is None:
        return _from_arrays(spec, home, report, should_stop, square_sizes)
    own_folder = bool(layout.test_folder) and spec.test_on is TestOn.TEST
    return _from_files(layout, f"{layout.test_folder}/" if own_folder else "")


def _from_files(layout: Layout, part: str) -> TestSet:
    """``part`` is what the names of files that might be test images begin with."""
    return TestSet(
        layout.class_names,
        tuple(_text(file.name) for file in layout.test),
        np.array([file.label for file in layout.test], np.int32),
        tuple((_text(name), reason) for name, reason in layout.unusable if name.startswith(part)),
        _Files(layout.root, tuple(file.name for file in layout.test)),
    )


@dataclass(frozen=True)
class _Files:
    root: Path
    names: tuple[str, ...]

    def read(self, index: int) -> TestImage:
        path = self.root / self.names[index]
        try:
            content = path.read_bytes()
        except OSError:
            return TestImage(read_image(path), b"")  # says in a sentence what is wrong
        try:
            return TestImage(read_image(content), hashlib.sha256(content).digest())
        except DataError as error:
            raise DataError(str(error).replace(_("The image"), path.name, 1)) from None

    def square(self, _index: int, image: Image.Image, size: int) -> Pixels:
        return square_pixels(image, size)


def _from_arrays(
    spec: DataSpec, home: Home, report: Report, should_stop: StopCheck, square_sizes: Sequence[int]
) -> TestSet:
    bundle = open_arrays(spec, home, report, should_stop)
    own = bundle.test.image_size
    squares = {own: bundle.test.images.numpy()}
    for size in square_sizes:
        if size not in squares:
            squares[size] = open_data(spec, size, home, report, should_stop).test.images.numpy()
    part = "held-out" if spec.test_on is TestOn.HELD_OUT else "test"
    return TestSet(
        bundle.class_names,
        tuple(f"{part}/{index:05d}" for index in range(len(bundle.test))),
        bundle.test.labels.numpy().astype(np.int32),
        bundle.skipped,
        _Arrays(own, squares),
    )


@dataclass(frozen=True)
class _Arrays:
    """``squares`` holds uint8 (N, 3, S, S) by S; ``own`` is the size they came in."""

    own: int
    squares: dict[int, Pixels]

    def read(self, index: int) -> TestImage:
        pixels = np.ascontiguousarray(self.squares[self.own][index].transpose(1, 2, 0))  # (S, S, 3)
        return TestImage(Image.fromarray(pixels), hashlib.sha256(pixels.tobytes()).digest())

    def square(self, index: int, _image: Image.Image, size: int) -> Pixels:
        pixels: npt.NDArray[np.uint8] = self.squares[size][index]
        return pixels


def _text(name: str) -> str:
    """A file name that is valid text: bytes that were none become question marks."""
    return name.encode("utf-8", "replace").decode()
