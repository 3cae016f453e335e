"""Where data sets lie in the home folder, and the keys of their cached versions. Free of torch."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from pathlib import Path

from resnet_studio.data.datasets.builtin_images import DIFFICULTY
from resnet_studio.data.datasets.downloaded_files import is_unpacked
from resnet_studio.data.datasets.folder_layout import Layout
from resnet_studio.domain.data_sets import DataSetRow, missing_package_text, missing_text
from resnet_studio.domain.specs import DataSpec
from resnet_studio.platform.home import Home

# Raise it whenever the same seed would draw other images; the constants of Difficulty count by themselves.
BUILTIN_VERSION = 1

KEY, NAMES, CHECKSUM, SKIPPED = "key", "class_names", "checksum", "skipped"  # metadata of a cache file


def builtin_cache(home: Home, seed: int) -> Path:
    return home.data / f"builtin-{seed}.safetensors"


def builtin_key(row: DataSetRow, seed: int) -> str:
    """Changes with the drawing code's version, the counts and every constant of the difficulty."""
    return f"builtin {BUILTIN_VERSION} {seed} {row.training_images} {row.test_images} {DIFFICULTY!r}"


def folder_cache(home: Home, layout: Layout, spec: DataSpec, image_size: int) -> Path:
    """Decoded images: one file for each folder, draw, split and size; a changed folder overwrites its own."""
    return home.data / f"{_folder_stem(layout, spec)}-{image_size}.safetensors"


def folder_caches(home: Home, layout: Layout, spec: DataSpec) -> list[Path]:
    """The same for every image size that is there."""
    return sorted(home.data.glob(f"{_folder_stem(layout, spec)}-*.safetensors"))


def scan_cache(home: Home, digest: str, view: str) -> Path:
    """What was measured of a streamed set, by the digest of its files and the view in which it was measured."""
    return home.cache / "data" / f"{digest[:32]}-{view}.safetensors"


def scan_caches(home: Home, digest: str) -> list[Path]:
    """The same for every view that is there."""
    return sorted((home.cache / "data").glob(f"{digest[:32]}-*.safetensors"))


def _folder_stem(layout: Layout, spec: DataSpec) -> str:
    held_out = f"-{spec.held_out}-{spec.test_on}" if spec.held_out else ""
    return f"folder-{hashlib.sha256(os.fsencode(layout.root)).hexdigest()[:16]}-{spec.seed}{held_out}"


def data_set_folder(home: Home, row: DataSetRow) -> Path:
    """Of a set that is downloaded: what torchvision calls its root."""
    return home.data / row.key


def is_missing(home: Home, row: DataSetRow) -> bool:
    """It has to be downloaded first. Whether files that are there are whole is checked when they are opened."""
    folder = data_set_folder(home, row)
    if row.photos:
        return not is_unpacked(row, folder)
    return not all((folder / name).is_file() for name in row.files)


def obstacle(home: Home, row: DataSetRow) -> str:
    """Why a set cannot be opened, as a sentence; empty where it can."""
    if is_missing(home, row):
        return missing_text(row)
    if row.package and importlib.util.find_spec(row.package) is None:
        return missing_package_text(row)
    return ""
