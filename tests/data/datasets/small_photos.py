"""Downloaded sets of photos with a few random images of many sizes: those of the rows, and one that is made up."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from resnet_studio.data.datasets import photos
from resnet_studio.data.datasets.paths import data_set_folder
from resnet_studio.data.datasets.photos import Part
from resnet_studio.domain import data_sets
from resnet_studio.domain.data_sets import DATA_SETS, IMAGENETTE, DataSetRow, Download
from resnet_studio.platform.home import Home

from ..conftest import picture
from .small_sets import archive, md5

TRAIN, TEST = 4, 2  # photos of each class
Photos = Mapping[str, Sequence[tuple[str, bytes]]]  # of train and test: a class and an image, in an order of their own

BOATS = DataSetRow(
    key="boats-3",
    title="Boats",
    summary="photographs of boats",
    class_names=("canoe", "ferry", "yacht"),
    image_size=None,
    channels=3,
    training_images=3 * TRAIN,
    test_images=3 * TEST,
    fixed_test_set=True,
    downloads=(
        Download("http://boats.invalid/boats.tar.gz", "0" * 32),
        Download("http://boats.invalid/split.json", ""),
    ),
)


def read_boats(root: Path) -> tuple[Part, Part]:
    split = json.loads((root / "split.json").read_text("utf-8"))
    train, test = (
        [(f"boats/{name}", BOATS.class_names.index(kind)) for kind, name in split[part]] for part in ("train", "test")
    )
    return train, test


def _boats(made: Photos) -> dict[str, bytes]:
    """All photos in one folder, so that no name says a class; a list of the split lies beside the archive."""
    files, split = {"boats/readme.txt": b"not needed"}, {}
    for part, pictures in made.items():
        split[part] = [(kind, f"{part[:2]}{number:02}.jpg") for number, (kind, _body) in enumerate(pictures)]
        files |= {f"boats/{name}": body for (_kind, name), (_same, body) in zip(split[part], pictures, strict=True)}
    return {**files, "split.json": json.dumps(split).encode()}


def _imagenette(made: Photos) -> dict[str, bytes]:
    """A folder for each class, by WordNet's name of it, beside a table and what a Mac leaves."""
    files = {"imagenette2-320/noisy_imagenette.csv": b"path", "imagenette2-320/train/.DS_Store": b"x"}
    classes, folders = IMAGENETTE.class_names, photos._IMAGENETTE_FOLDERS
    for part, folder in (("train", "train"), ("test", "val")):
        for number, (kind, body) in enumerate(made[part]):
            where = folders[classes.index(kind)]
            files[f"imagenette2-320/{folder}/{where}/{where}_{number}.JPEG"] = body
    return files


_WRITERS: dict[str, Callable[[Photos], dict[str, bytes]]] = {
    BOATS.key: _boats,
    IMAGENETTE.key: _imagenette,
}
KEYS = [BOATS.key, *(row.key for row in DATA_SETS if row.photos)]


@dataclass(frozen=True)
class SmallPhotos:
    """
    Attributes:
        row: With the checksums of these files.
        served: The files to download, by name.
        photos: What is in them.
    """

    row: DataSetRow
    served: Mapping[str, bytes]
    photos: Photos


def install(key: str, monkeypatch: pytest.MonkeyPatch, base_url: str = "http://127.0.0.1:9") -> SmallPhotos:
    """The row speaks of these files from now on. Photos are of PNG bytes, which lose nothing, whatever their names."""
    old = next(row for row in (BOATS, *DATA_SETS) if row.key == key)
    if old is BOATS:
        monkeypatch.setattr(photos, "PHOTO_READERS", {**photos.PHOTO_READERS, key: read_boats})
    made: dict[str, list[tuple[str, bytes]]] = {"train": [], "test": []}
    number = 0
    for part, count in (("train", TRAIN), ("test", TEST)):
        for _round in range(count):  # the classes take turns: the files' order is not that of the labels
            for name in reversed(old.class_names):
                number += 1
                made[part].append((name, _png(number)))
    files = _WRITERS[key](made)
    plain = {file.name: files.pop(file.name) for file in old.downloads if not file.packed}
    served = {**{file.name: archive(files) for file in old.downloads if file.packed}, **plain}
    downloads = tuple(Download(f"{base_url}/{name}", md5(body), len(body)) for name, body in served.items())
    row = dataclasses.replace(
        old, downloads=downloads, training_images=len(made["train"]), test_images=len(made["test"])
    )
    others = tuple(one for one in DATA_SETS if one.key != key)
    monkeypatch.setattr(data_sets, "DATA_SETS", (*others, row))
    return SmallPhotos(row, served, made)


def place(small: SmallPhotos, home: Home) -> None:
    """Put the files where a download would put them, so that there is nothing to fetch."""
    folder = data_set_folder(home, small.row)
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in small.served.items():
        (folder / name).write_bytes(body)


def _png(number: int) -> bytes:
    buffer = io.BytesIO()
    picture(number, (12 + number % 7, 10 + number % 5)).save(buffer, "png")
    return buffer.getvalue()
