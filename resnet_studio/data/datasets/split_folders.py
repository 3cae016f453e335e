"""Which folders of a data set are its training set and its test set, and which only look like classes.

Told from names and from what lies directly in each folder; no file is opened.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from pathlib import Path
from typing import NamedTuple

from resnet_studio.data.images import hidden, is_folder, is_image_name
from resnet_studio.domain.errors import DataError
from resnet_studio.text import _


class Part(Enum):
    """What a folder's name says it is; in the order in which test sets are preferred."""

    TRAIN = auto()
    TEST = auto()
    VALIDATION = auto()


_WORDS = {
    **dict.fromkeys(("train", "training", "trainval", "trn"), Part.TRAIN),
    **dict.fromkeys(("test", "tests", "testing", "tst"), Part.TEST),
    **dict.fromkeys(("val", "vali", "valid", "validate", "validation"), Part.VALIDATION),
    **dict.fromkeys(("dev", "devel", "development", "eval", "evaluation", "holdout", "heldout"), Part.VALIDATION),
}
_FILLERS = ("dataset", "data", "set", "images", "image", "imgs", "img", "split", "samples", "folder", "seg")
_PIECES = ("fold", "folds", "split", "part", "partition", "set", "subset", "batch", "client")
_PIXEL_LABELS = frozenset(
    ("annotation", "annotations", "bboxes", "groundtruth", "gt", "label", "labels", "mask", "masks", "trimaps")
)
_PICTURES = frozenset(("images", "image", "imgs", "img", "pictures", "photos", "jpegimages", "inputs"))
_FEW = 5  # folders that hold the same folders: as many may be the parts of one data set


class Contents(NamedTuple):
    """``folders`` by name; ``images``: an image lies there itself, and then ``folders`` may be incomplete."""

    folders: dict[str, Path]
    images: bool


class Split(NamedTuple):
    """Class folders lie in ``train`` and in ``test``; ``unused`` names further test sets."""

    train: Path
    test: Path
    unused: tuple[str, ...]


def folders_in(folder: Path) -> dict[str, Path]:
    """By name, hidden ones left out; raises OSError."""
    with os.scandir(folder) as entries:
        return {entry.name: Path(entry.path) for entry in entries if not hidden(entry.name) and is_folder(entry)}


def contents(folder: Path) -> Contents:
    """Ends at the first image."""
    folders: dict[str, Path] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if hidden(entry.name):
                continue
            if is_folder(entry):
                folders[entry.name] = Path(entry.path)
            elif is_image_name(entry.name):
                return Contents(folders, True)
    return Contents(folders, False)


def part_of(name: str) -> tuple[Part | None, tuple[str, ...]]:
    """What a name says, and its other words: ``Pets_TRAIN-set`` is a training set of pets."""
    found: set[Part] = set()
    others = []
    for word in _words(name):
        part = _WORDS.get(word) or _WORDS.get(_without_fillers(word))
        if part is not None:
            found.add(part)
        elif _without_fillers(word):
            others.append(word)
    return (found.pop() if len(found) == 1 else None), tuple(others)


def find_split(root: Path, top: Mapping[str, Path]) -> Split | None:
    """The training and the test set among the folders of ``root``; None if they are classes.

    Raises:
        DataError: One sentence, if they are neither.
        OSError: If one of them cannot be read.
    """
    groups: dict[tuple[str, ...], dict[Part, list[str]]] = {}
    for name in sorted(top):
        part, others = part_of(name)
        if part is not None:
            groups.setdefault(others, {}).setdefault(part, []).append(name)
    for others in sorted(groups, key=len):
        if (split := _split_of(root, top, groups[others])) is not None:
            return split
    plain = [name for names in groups.get((), {}).values() for name in names]
    parts = [name for group in groups.values() for names in group.values() for name in names]
    _refuse_half_a_split(root, top, parts if len(parts) == len(top) else plain)
    _refuse_no_classes(root, top)
    return None


def data_set_within(folder: Path) -> Path | None:
    """``folder`` or one below it with several folders, and no images beside them; None if there is none."""
    for _unused in range(3):
        inner = contents(folder)
        if inner.images or not inner.folders:
            return None
        if len(inner.folders) > 1:
            return folder
        (folder,) = inner.folders.values()
    return None


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", unicodedata.normalize("NFKC", name).casefold())


def _without_fillers(word: str) -> str:
    for filler in _FILLERS:
        word = word.removesuffix(filler).removeprefix(filler)
    return word


def _split_of(root: Path, top: Mapping[str, Path], group: Mapping[Part, list[str]]) -> Split | None:
    filled = {part: [name for name in names if folders_in(top[name])] for part, names in group.items()}
    tests = filled.get(Part.TEST) or filled.get(Part.VALIDATION)
    trains = filled.get(Part.TRAIN)
    if not trains or not tests:
        return None
    for names in (trains, tests):
        if len(names) > 1:
            raise DataError(
                _(
                    "{root} has {first} and {second}, which could both be meant; leave one of them there.",
                    root=root,
                    first=names[0],
                    second=names[1],
                )
            )
    train, test = _unwrapped(top[trains[0]]), _unwrapped(top[tests[0]])
    if train.samefile(test):
        raise DataError(
            _(
                "{train} and {test} are the same folder, so the network would be tested on what it was trained on; "
                "give each its own images.",
                train=train,
                test=test,
            )
        )
    unused = filled.get(Part.VALIDATION, []) if filled.get(Part.TEST) else []
    return Split(train, test, tuple(unused))


def _unwrapped(folder: Path) -> Path:
    """``train/train`` where archives nest a part in a folder of its own name."""
    while True:
        inner = folders_in(folder)
        part, _unused = part_of(folder.name)
        if len(inner) != 1 or part_of(next(iter(inner)))[0] is not part:
            return folder
        (within,) = inner.values()
        if not folders_in(within):
            return folder
        folder = within


def _refuse_half_a_split(root: Path, top: Mapping[str, Path], parts: Sequence[str]) -> None:
    """``train`` without ``test`` and the like; a folder with images of its own, or with one folder, may be a class."""
    looks = {name: contents(top[name]) for name in parts}
    full = [name for name, look in looks.items() if look.folders and not look.images]
    if len(parts) < len(top):
        full = [name for name in full if len(looks[name].folders) > 1]
    train = next((name for name in full or parts if part_of(name)[0] is Part.TRAIN), None)
    if full and train is None:
        raise DataError(
            _("{root} has a test set but no class folders in train; add train with a folder for each class.", root=root)
        )
    if full:
        raise DataError(
            _(
                "{root} has {train} but no class folders in test or val; add them, or name {root_2} itself "
                "to have a fifth of it held out.",
                root=root,
                train=train,
                root_2=root / str(train),
            )
        )
    tests = [name for name in parts if part_of(name)[0] is not Part.TRAIN]
    if train is not None and tests:
        raise DataError(
            _(
                "{train} and {test} in {root} hold no class folders; sort the images of each into a folder for each "
                "class, like {example}.",
                train=train,
                test=tests[0],
                root=root,
                example=root / train / "cat" / "1.png",
            )
        )


def refuse_label_files(root: Path, top: Iterable[str]) -> None:
    """Raises DataError if the folders ``top`` of ``root`` are images, and files that label them: masks, boxes."""
    words = {name: "".join(_words(name)) for name in top}
    pixel_labels = [name for name in words if words[name] in _PIXEL_LABELS]
    if pixel_labels and all(word in _PIXEL_LABELS | _PICTURES for word in words.values()):
        raise DataError(
            _(
                "{root} holds {names}, the parts of a data set whose labels are files; "
                "sort its images into a folder for each class.",
                root=root,
                names=_listed(words),
            )
        )


def _refuse_no_classes(root: Path, top: Mapping[str, Path]) -> None:
    refuse_label_files(root, top)
    if len(top) < 2:
        return
    inner: dict[str, set[str]] = {}
    for name, path in top.items():
        look = contents(path)
        if look.images:
            continue
        inner[name] = set(look.folders)
        found = {part_of(own)[0] for own in look.folders}
        if Part.TRAIN in found and found & {Part.TEST, Part.VALIDATION}:
            raise DataError(
                _(
                    "{path} has a training and a test set of its own: name it if it is a data set; "
                    "if it is a class, put train and test outermost, with the classes in them.",
                    path=path,
                )
            )
    pieces = all("".join(_words(name)) in _PIECES for name in top)
    if len(inner) < len(top) or (len(top) > _FEW and not pieces):
        return
    shared = set.intersection(*inner.values())
    if len(shared) >= 2 and 2 * len(shared) >= max(map(len, inner.values())):
        raise DataError(
            _(
                "{names} in {root} all hold the folders {shared}, so they look like parts of one data set: name them "
                "train and test; if they are the classes, put their images into them directly.",
                names=_listed(top),
                root=root,
                shared=_listed(shared),
            )
        )


def _listed(names: Iterable[str], most: int = 3) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:most]) + (", ..." if len(ordered) > most else "")
