"""What a data set is, without opening it: names and counts for forms and checks. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from resnet_studio.data.datasets import paths
from resnet_studio.data.datasets.folder_layout import ImageFile, Layout, hold_out, refuse_lost_classes, scan
from resnet_studio.data.datasets.layouts import has_files, layout_of
from resnet_studio.data.datasets.photos import photo_layout
from resnet_studio.data.datasets.splits import shares
from resnet_studio.data.images import read_image
from resnet_studio.domain.data_sets import DataSetRow
from resnet_studio.domain.enums import TestOn
from resnet_studio.domain.errors import DataError
from resnet_studio.domain.specs import DataSpec
from resnet_studio.platform.home import Home
from resnet_studio.platform.outside_files import regular_file
from resnet_studio.text import _

UNKNOWN = _("What data these weights were trained on is not known; choose data to use with them.")
_PROBE_PIXELS = 8  # a large JPEG need not be decoded whole to know that it can be read


@dataclass(frozen=True, slots=True)
class DataFacts:
    """Counts are of files: some may turn out unreadable.

    Attributes:
        ready: Opening takes a second or two.
        note: A sentence for people, or empty.
        missing: It has to be downloaded first.
        obstacle: Why it cannot be opened as it is, missing or not; the same sentence as ``note``, or empty.
    """

    class_names: tuple[str, ...]
    training_images: int
    test_images: int
    ready: bool
    note: str
    missing: bool = False
    obstacle: str = ""


def describe(spec: DataSpec, home: Home) -> DataFacts:
    """Facts of a data set, fast: a folder's names are listed, its images stay closed.

    Raises:
        DataError: One sentence, if the folder is missing or cannot serve as a data set, or the data are not known.
    """
    if spec.folder is not None:
        return _describe_files(scan(spec), spec, home)
    if spec.row is None:
        raise DataError(UNKNOWN)
    obstacle = paths.obstacle(home, spec.row)
    if spec.row.photos and not obstacle:
        try:
            layout = photo_layout(spec.row, home)
        except DataError as error:
            obstacle = error.sentence
        else:
            return _describe_files(hold_out(layout, spec), spec, home)
    return _describe_row(spec.row, spec, home, obstacle)


def _describe_row(row: DataSetRow, spec: DataSpec, home: Home, obstacle: str) -> DataFacts:
    note = obstacle
    if not row.downloads and not is_cached(paths.builtin_cache(home, spec.seed), paths.builtin_key(row, spec.seed)):
        note = _("Drawn when first used, in a few seconds.")
    names, total = row.class_names, row.training_images
    if spec.held_out:
        # As if the classes were of one size: which images are held out is known once the labels are.
        shares(
            [total // len(names) + (label < total % len(names)) for label in range(len(names))], spec.held_out, names
        )
    tests = spec.held_out if spec.test_on is TestOn.HELD_OUT else row.test_images
    missing = bool(row.downloads) and paths.is_missing(home, row)
    return DataFacts(names, total - spec.held_out, tests, not note, note, missing, obstacle)


def _describe_files(layout: Layout, spec: DataSpec, home: Home) -> DataFacts:
    key = layout.digest
    ready = any(is_cached(path, key) for path in paths.folder_caches(home, layout, spec))
    ready = ready or bool(paths.scan_caches(home, key))
    return DataFacts(layout.class_names, len(layout.train), len(layout.test), ready, layout.note)


def is_cached(path: Path, key: str) -> bool:
    """A cache file is there and says that it holds ``key``. Its contents are not checked."""
    try:
        with safe_open(regular_file(path), framework="numpy") as file:
            return bool((file.metadata() or {}).get(paths.KEY) == key)
    except (OSError, SafetensorError):
        return False


def refuse_unreadable(spec: DataSpec, home: Home) -> None:
    """Look for one readable training image of each class and one readable test image of files not opened before.

    Arrays, files that were read before and what is not downloaded yet cost nothing.

    Raises:
        DataError: One sentence, if there is none; as opening the data would say it.
    """
    if not has_files(spec) or (facts := describe(spec, home)).ready or facts.missing:
        return
    layout = layout_of(spec, home)
    assert layout is not None
    readable: dict[int, int] = {}
    for file in layout.train:
        if file.label not in readable and _can_read(layout, file):
            readable[file.label] = 1
    refuse_lost_classes(layout, readable, any(_can_read(layout, file) for file in layout.test))


def _can_read(layout: Layout, file: ImageFile) -> bool:
    try:
        read_image(layout.root / file.name, _PROBE_PIXELS)
    except DataError:
        return False
    return True
