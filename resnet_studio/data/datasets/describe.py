"""What a data set is, without opening it: names and counts for forms and checks. Free of torch, decodes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from resnet_studio.data.datasets import paths
from resnet_studio.data.datasets.builtin_shapes import SHAPE_NAMES
from resnet_studio.data.datasets.folder_layout import scan
from resnet_studio.data.datasets.splits import shares
from resnet_studio.domain.enums import TestOn
from resnet_studio.domain.errors import DataError
from resnet_studio.domain.specs import DataSpec
from resnet_studio.platform.home import Home

UNKNOWN = "Nobody knows what data these weights were trained on; choose data to use with them."


@dataclass(frozen=True, slots=True)
class DataFacts:
    """Counts are of files: some may turn out unreadable. ``ready`` means that opening takes a second or two; for
    cifar10, that it is on this machine at all. ``note`` is a sentence for people, or empty."""

    class_names: tuple[str, ...]
    training_images: int
    test_images: int
    ready: bool
    note: str


def describe(spec: DataSpec, home: Home) -> DataFacts:
    """Facts of a data set, fast: a folder's names are listed, its images stay closed.

    Raises:
        DataError: One sentence, if the folder is missing or cannot serve as a data set, or nobody knows the data.
    """
    names: tuple[str, ...]
    if not spec.known:
        raise DataError(UNKNOWN)
    if spec.folder is not None:
        return _describe_folder(spec, home)
    if spec.source == "cifar10":
        present = paths.cifar10_present(home)
        note = "" if present else "Not on this machine yet; get it with: resnet-studio data download cifar10"
        names, train, test = paths.CIFAR10_NAMES, paths.CIFAR10_TRAIN, paths.CIFAR10_TEST
    else:
        present = cached(paths.builtin_cache(home, spec.seed), paths.builtin_key(spec.seed))
        note = "" if present else "Drawn when first used, in a few seconds."
        names, train, test = SHAPE_NAMES, paths.BUILTIN_TRAIN, paths.BUILTIN_TEST
    if spec.held_out:
        shares([train // len(names)] * len(names), spec.held_out, names)
    tests = spec.held_out if spec.test_on is TestOn.HELD_OUT else test
    return DataFacts(names, train - spec.held_out, tests, present, note)


def cached(path: Path, key: str) -> bool:
    """A cache file is there and says that it holds ``key``. Its contents are not checked."""
    try:
        with safe_open(path, framework="numpy") as file:
            return bool((file.metadata() or {}).get(paths.KEY) == key)
    except (OSError, SafetensorError):
        return False


def _describe_folder(spec: DataSpec, home: Home) -> DataFacts:
    layout = scan(spec)
    key = layout.digest
    ready = any(cached(path, key) for path in paths.folder_caches(home, layout, spec))
    ready = ready or bool(paths.survey_caches(home, key))
    return DataFacts(layout.class_names, len(layout.train), len(layout.test), ready, layout.note)
