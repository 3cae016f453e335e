"""How a downloaded set of photos is sorted out: such a set is its row in ``domain/data_sets.py`` and an entry here.

Its images stay files, as those of a folder do: decoded once at a network's size, or while they are needed. Free of
torch.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from resnet_studio.data.datasets import paths
from resnet_studio.data.datasets.downloaded_files import FileOnDisk, photo_files, photos_folder, reading
from resnet_studio.data.datasets.folder_layout import ImageFile, Layout
from resnet_studio.data.images import is_image_name
from resnet_studio.domain.data_sets import (
    IMAGENETTE,
    DataSetRow,
)
from resnet_studio.domain.errors import DataError
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.platform.home import Home
from resnet_studio.text import _

Part = Iterable[tuple[str, int]]  # each photo's path below the folder, with slashes, and its label

PhotoReader = Callable[[Path], tuple[Part, Part]]
"""From the folder in which the archives were unpacked to the training photos, then the test photos.

Names, counts and sizes of the files are as they were unpacked; their contents are not verified again, so a reader
unpickles nothing. It raises ValueError for lists that are not as they should be.
"""

_IMAGENETTE_FOLDERS = (
    "n01440764", "n02102040", "n02979186", "n03000684", "n03028079", "n03394916", "n03417042", "n03425413", "n03445777",
    "n03888257",
)  # fmt: skip
"""WordNet's names of the classes, in the order of the labels."""


def _imagenette(root: Path) -> tuple[Part, Part]:
    """A folder for each class in ``train`` and in ``val``."""
    train, test = (
        [
            (f"imagenette2-320/{part}/{folder}/{name}", label)
            for label, folder in enumerate(_IMAGENETTE_FOLDERS)
            for name in os.listdir(root / "imagenette2-320" / part / folder)  # noqa: PTH208 - names, for speed
            if is_image_name(name)
        ]
        for part in ("train", "val")
    )
    return train, test


PHOTO_READERS: Mapping[str, PhotoReader] = {
    # by the row's key
    IMAGENETTE.key: _imagenette,
}


def photo_layout(row: DataSetRow, home: Home, should_stop: StopCheck = never_stop) -> Layout:
    """All photos of a set, nothing held out. Every file is looked up, none is opened but lists.

    Raises:
        DataError: One sentence, if they are not on this machine, damaged, or need a package that is not installed.
        Stopped: When ``should_stop`` says so.
    """
    if obstacle := paths.obstacle(home, row):
        raise DataError(obstacle)
    folder = paths.data_set_folder(home, row)
    root = photos_folder(folder)
    with reading(row, folder):
        found = photo_files(row, folder, should_stop)
        train, test = (_sorted(part, found, row) for part in PHOTO_READERS[row.key](root))
    return Layout(root, row.class_names, train, test, "", (), "")


def _sorted(part: Part, found: Mapping[str, FileOnDisk], row: DataSetRow) -> tuple[ImageFile, ...]:
    files = []
    for name, label in part:
        if name not in found:
            raise ValueError(_("{name} is missing", name=name))
        if not 0 <= label < len(row.class_names):
            raise ValueError(_("{name} has a label outside of the classes", name=name))
        files.append(ImageFile(name, label, *found[name]))
    return tuple(sorted(files, key=lambda file: (file.label, file.name)))
