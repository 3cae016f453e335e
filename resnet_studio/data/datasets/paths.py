"""Where data sets lie in the home folder and what tells one cached version from another. Free of torch."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from resnet_studio.data.datasets.builtin_images import DIFFICULTY
from resnet_studio.data.datasets.folder_layout import Layout
from resnet_studio.domain.specs import DataSpec
from resnet_studio.platform.home import Home

# Raise it whenever the same seed would draw other images; the constants of Difficulty count by themselves.
BUILTIN_VERSION = 1
BUILTIN_TRAIN, BUILTIN_TEST = 12_000, 2_400

CIFAR10_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR10_TRAIN, CIFAR10_TEST = 50_000, 10_000
_CIFAR10_FILES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta")

KEY, NAMES, CHECKSUM, SKIPPED = "key", "class_names", "checksum", "skipped"  # metadata of a cache file


def builtin_cache(home: Home, seed: int) -> Path:
    return home.data / f"builtin-{seed}.safetensors"


def builtin_key(seed: int) -> str:
    """Changes with the drawing code's version and with every constant of the difficulty."""
    return f"builtin {BUILTIN_VERSION} {seed} {BUILTIN_TRAIN} {BUILTIN_TEST} {DIFFICULTY!r}"


def folder_cache(home: Home, layout: Layout, spec: DataSpec, image_size: int) -> Path:
    """Decoded images: one file for each folder, draw, split and size; a changed folder overwrites its own."""
    return home.data / f"{_folder_stem(layout, spec)}-{image_size}.safetensors"


def folder_caches(home: Home, layout: Layout, spec: DataSpec) -> list[Path]:
    """The same for every image size that is there."""
    return sorted(home.data.glob(f"{_folder_stem(layout, spec)}-*.safetensors"))


def survey_cache(home: Home, digest: str, view: str) -> Path:
    """What was measured of a streamed set, by the digest of its files and the view that was measured."""
    return home.cache / "data" / f"{digest[:32]}-{view}.safetensors"


def survey_caches(home: Home, digest: str) -> list[Path]:
    """The same for every view that is there."""
    return sorted((home.cache / "data").glob(f"{digest[:32]}-*.safetensors"))


def _folder_stem(layout: Layout, spec: DataSpec) -> str:
    held_out = f"-{spec.held_out}-{spec.test_on}" if spec.held_out else ""
    return f"folder-{hashlib.sha256(os.fsencode(layout.root)).hexdigest()[:16]}-{spec.seed}{held_out}"


def cifar10_root(home: Home) -> Path:
    """What torchvision calls root: its folder ``cifar-10-batches-py`` lies inside."""
    return home.data / "cifar10"


def cifar10_present(home: Home) -> bool:
    """All of its files are there; whether they are whole is checked when they are opened."""
    folder = cifar10_root(home) / "cifar-10-batches-py"
    return all((folder / name).is_file() for name in _CIFAR10_FILES)
