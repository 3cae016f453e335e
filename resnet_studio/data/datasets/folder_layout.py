"""How a folder of images is laid out: classes, training and test files. Names and sizes only; nothing is decoded.

Two layouts are known: ``train/CLASS/*.png`` beside ``test/CLASS/*.png`` (or ``val/``, and their other spellings, see
:mod:`split_folders`), and one folder of classes, of which a fifth of each class is held out for testing. Free of torch,
so that the window can ask.
"""

from __future__ import annotations

import hashlib
import os
import stat
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from resnet_studio.data.datasets.split_folders import (
    Split,
    data_set_within,
    find_split,
    folders_in,
    refuse_label_files,
)
from resnet_studio.data.datasets.splits import TEST_SHARE, drawn_names, shares
from resnet_studio.data.images import hidden, is_image_name, walk
from resnet_studio.domain.enums import TestOn
from resnet_studio.domain.errors import DataError, Stopped
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.domain.specs import DataSpec
from resnet_studio.domain.text_numbers import counted
from resnet_studio.text import _, _n

MAX_CLASSES = 10_000  # what a NetworkSpec allows


class ImageFile(NamedTuple):
    """``name`` is relative to the data set's folder, with slashes; ``bytes`` and ``changed_ns`` are the disk's."""

    name: str
    label: int
    bytes: int
    changed_ns: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A folder of images, sorted out.

    Attributes:
        class_names: Sorted; a label is a position in it.
        train, test: Sorted by class and name; what is held out for nothing is in neither.
        test_folder: The test set's own folder, such as ``test``, relative; empty where the test set was held out.
        unusable: Files with an image's name that cannot be opened: name and reason.
        note: What a person might not expect, as a sentence, or empty.
    """

    root: Path
    class_names: tuple[str, ...]
    train: tuple[ImageFile, ...]
    test: tuple[ImageFile, ...]
    test_folder: str
    unusable: tuple[tuple[str, str], ...]
    note: str

    @property
    def digest(self) -> str:
        """sha256 that changes with any file's name, size, time or role."""
        digest = hashlib.sha256(ascii((self.class_names, self.test_folder, self.unusable)).encode())
        for files in (self.train, self.test):
            digest.update(b"".join(ascii(tuple(file)).encode() for file in files))
            digest.update(b"/")
        return digest.hexdigest()


def scan(spec: DataSpec, should_stop: StopCheck = never_stop) -> Layout:
    """Sort out the folder of ``folder:PATH``; ``~`` is understood.

    The data draw says which fifth is held out for testing, and which training images are held out besides; it must
    be 0 where the folder has its own test set and no training images are held out. With ``test_on`` held-out, those
    are the test set; else they are not used.

    Raises:
        DataError: One sentence, if no data set can be made of it.
        Stopped: When ``should_stop`` says so.
    """
    layout = _scan(Path(spec.folder or "").expanduser().absolute(), spec, should_stop)
    return hold_out(layout, spec)


def _scan(root: Path, spec: DataSpec, should_stop: StopCheck) -> Layout:
    try:
        top = folders_in(root)
        split = find_split(root, top)
        if split is None:
            return _scan_classes(root, top, spec.seed, should_stop)
        if spec.seed and not spec.held_out:
            raise DataError(
                _(
                    "{root} has its own test set in {test_folder}, so a data draw of {seed} would change nothing; "
                    "leave it at 0.",
                    root=root,
                    test_folder=_within(root, split.test),
                    seed=spec.seed,
                )
            )
        return _scan_split(root, top, split, should_stop)
    except FileNotFoundError as error:
        raise DataError(
            _("The folder {filename} does not exist; check the path after folder:.", filename=error.filename or root)
        ) from None
    except NotADirectoryError:
        raise DataError(
            _("{root} is a file, not a folder; name the folder that holds the class folders.", root=root)
        ) from None
    except OSError as error:
        where = error.filename or root
        raise DataError(
            _(
                "{where} cannot be read ({strerror}); check its permissions.",
                where=where,
                strerror=error.strerror or error,
            )
        ) from None


def hold_out(layout: Layout, spec: DataSpec) -> Layout:
    """Without the training images that ``spec`` holds out; with ``test_on`` held-out they are the test set.

    Raises:
        DataError: If a class would have no training image left.
    """
    if not spec.held_out:
        return layout
    by_class: list[list[ImageFile]] = [[] for _unused in layout.class_names]
    for file in layout.train:
        by_class[file.label].append(file)
    held: set[str] = set()
    counts = shares([len(own) for own in by_class], spec.held_out, layout.class_names)
    for own, count in zip(by_class, counts, strict=True):
        held |= drawn_names((file.name for file in own), count, spec.seed, _("held out"))
    inside = tuple(file for file in layout.train if file.name in held)
    tested = spec.test_on is TestOn.HELD_OUT
    use = _("tested on") if tested else _("neither trained nor tested on")
    note = _(
        "{held} training images are held out, drawn with data draw {seed}, and {use}.",
        held=len(held),
        seed=spec.seed,
        use=use,
    )
    return replace(
        layout,
        train=tuple(file for file in layout.train if file.name not in held),
        test=inside if tested else layout.test,
        note=f"{layout.note} {note}".strip(),
    )


def _within(root: Path, folder: Path) -> str:
    return folder.relative_to(root).as_posix()


def _holds(folder: Path, split: Split) -> bool:
    return any(part == folder or folder in part.parents for part in (split.train, split.test))


def _loose_images(folder: Path) -> str:
    """A note on images that lie beside class folders; empty if there are none."""
    with os.scandir(folder) as entries:
        loose = sum(is_image_name(entry.name) and not hidden(entry.name) and entry.is_file() for entry in entries)
    if not loose:
        return ""
    return _n(
        "{images} lies beside the class folders of {folder} and is not used.",
        "{images} lie beside the class folders of {folder} and are not used.",
        loose,
        images=counted(loose, "image", "images"),
        folder=folder.name,
    )


def _scan_split(root: Path, top: Mapping[str, Path], split: Split, should_stop: StopCheck) -> Layout:
    train_folder, test_folder = _within(root, split.train), _within(root, split.test)
    refuse_label_files(split.train, folders_in(split.train))
    names, folders = _classes(split.train, folders_in(split.train))
    train, unusable = _files(root, folders, should_stop)
    test_names, test_folders = _classes(split.test, folders_in(split.test), at_least=1)
    for name in test_names:
        if name not in names:
            raise DataError(
                _(
                    "{root} has a class that {train} lacks, {quoted}; rename or remove its folder.",
                    root=split.test,
                    train=train_folder,
                    quoted=_quoted(name),
                )
            )
    by_name = dict(zip(test_names, test_folders, strict=True))
    test, unusable_test = _files(root, [by_name.get(name) for name in names], should_stop)
    _refuse_empty(split.train, names, train)
    tested = {file.label for file in test}
    if not tested:
        raise DataError(_("{root} holds no image; add images to its class folders.", root=split.test))
    untested = [name for label, name in enumerate(names) if label not in tested]
    notes = []
    if untested:
        missing = counted(len(untested), "class", "classes")
        notes.append(
            _(
                "{test_folder} has no images of {missing}, such as {quoted}.",
                test_folder=test_folder,
                missing=missing,
                quoted=_quoted(untested[0]),
            )
        )
    if split.unused:
        unused = ", ".join(split.unused)
        notes.append(_("Tested on {test_folder}; {unused} is not used.", test_folder=test_folder, unused=unused))
    if beside := [name for name, path in sorted(top.items()) if not _holds(path, split) and name not in split.unused]:
        notes.append(
            _(
                "{folders} beside {train} and {test} {is_not} used.",
                folders=", ".join(beside[:3]) + (", ..." if len(beside) > 3 else ""),
                train=train_folder,
                test=test_folder,
                is_not=_n("is not", "are not", len(beside)),
            )
        )
    notes += [note for folder in (split.train, split.test) if (note := _loose_images(folder))]
    unusable = [*unusable, *unusable_test]
    return Layout(root, names, tuple(train), tuple(test), test_folder, tuple(unusable), " ".join(notes))


def _scan_classes(root: Path, top: dict[str, Path], seed: int, should_stop: StopCheck) -> Layout:
    names, folders = _classes(root, top)
    files, unusable = _files(root, folders, should_stop)
    _refuse_empty(root, names, files)
    by_class: list[list[ImageFile]] = [[] for _unused in names]
    for file in files:
        by_class[file.label].append(file)
    train: list[ImageFile] = []
    test: list[ImageFile] = []
    for name, own in zip(names, by_class, strict=True):
        if len(own) < 2:
            raise DataError(
                _(
                    "The class {quoted} in {root} has a single image; add another, so that one can be held out.",
                    quoted=_quoted(name),
                    root=root,
                )
            )
        held_out = drawn_names((file.name for file in own), max(1, round(TEST_SHARE * len(own))), seed)
        train.extend(file for file in own if file.name not in held_out)
        test.extend(file for file in own if file.name in held_out)
    note = _(
        "No test set of its own: {test} of {files} images are held out, drawn with data draw {seed}.",
        test=len(test),
        files=len(files),
        seed=seed,
    )
    return Layout(root, names, tuple(train), tuple(test), "", tuple(unusable), f"{note} {_loose_images(root)}".strip())


def _classes(where: Path, folders: dict[str, Path], at_least: int = 2) -> tuple[tuple[str, ...], list[Path]]:
    """Class names, sorted, and their folders."""
    if not folders:
        raise DataError(
            _(
                "{where} holds no class folders; give each class a folder of its own with its images, like {where_2}.",
                where=where,
                where_2=where / "cat" / "1.png",
            )
        )
    named = sorted((unicodedata.normalize("NFC", name), path) for name, path in folders.items())
    if len(named) < at_least:
        only = _quoted(named[0][0])
        if (within := data_set_within(named[0][1])) is not None:
            raise DataError(
                _(
                    "{where} holds a single folder, {only}; name {within}, which holds several.",
                    where=where,
                    only=only,
                    within=within,
                )
            )
        raise DataError(
            _("{where} has a single class, {only}; a network needs two or more to tell apart.", where=where, only=only)
        )
    if len(named) > MAX_CLASSES:
        raise DataError(
            _(
                "{where} has {named} classes; at most {max_classes} are possible.",
                where=where,
                named=len(named),
                max_classes=MAX_CLASSES,
            )
        )
    for name, _unused in named:
        if not name.isprintable():  # bytes that are no text, or control characters
            raise DataError(
                _(
                    "{where} has a class folder named {name!a}, which cannot be shown; rename it.",
                    where=where,
                    name=name,
                )
            )
    _refuse_links(where, [path for _unused, path in named])
    alike: dict[str, str] = {}
    for name, path in named:
        other = alike.setdefault(name.casefold(), path.name)
        if other != path.name:
            raise DataError(
                _(
                    "{where} has the classes {quoted} and {quoted_2}, which many disks cannot tell "
                    "apart; rename one of them.",
                    where=where,
                    quoted=_quoted(other),
                    quoted_2=_quoted(path.name),
                )
            )
    return tuple(name for name, _unused in named), [path for _unused, path in named]


def _refuse_links(where: Path, folders: Sequence[Path]) -> None:
    """Raises DataError if a class folder is a link to another class, or to what holds them all."""
    places: dict[str, str] = {}
    for path in sorted(folders, key=Path.is_symlink):
        place = os.path.realpath(path)
        other = places.setdefault(place, path.name)
        around = os.path.realpath(where)
        if place == around or around.startswith(place.rstrip(os.sep) + os.sep):
            raise DataError(
                _(
                    "{link} in {where} is a link to a folder that holds the class folders themselves; remove it.",
                    link=_quoted(path.name),
                    where=where,
                )
            )
        if other != path.name:
            raise DataError(
                _(
                    "{link} in {where} is a link to the class {other}, so its images would have two classes; "
                    "remove it.",
                    link=_quoted(path.name),
                    where=where,
                    other=_quoted(other),
                )
            )


def _files(
    root: Path, folders: Sequence[Path | None], should_stop: StopCheck
) -> tuple[list[ImageFile], list[tuple[str, str]]]:
    """Image files by class and name, and those that are listed but cannot be opened. A class may lack a folder."""
    files: list[ImageFile] = []
    unusable: list[tuple[str, str]] = []
    start = len(os.fspath(root)) + (0 if os.fspath(root).endswith(os.sep) else 1)
    for label, folder in enumerate(folders):
        if folder is None:
            continue
        for path in walk(folder):
            if should_stop():
                raise Stopped
            if not is_image_name(path):
                continue
            name = path[start:].replace(os.sep, "/")
            try:
                status = os.stat(path)  # noqa: PTH116 - a string, for speed
            except OSError as error:
                unusable.append((name, _("cannot be opened ({strerror})", strerror=error.strerror or error)))
                continue
            if stat.S_ISREG(status.st_mode):
                files.append(ImageFile(name, label, status.st_size, status.st_mtime_ns))
            else:
                unusable.append((name, _("is not a file")))
    return files, unusable


def _refuse_empty(where: Path, names: tuple[str, ...], files: list[ImageFile]) -> None:
    filled = {file.label for file in files}
    empty = [name for label, name in enumerate(names) if label not in filled]
    if empty:
        others = _(" (and {empty} more)", empty=len(empty) - 1) if len(empty) > 1 else ""
        raise DataError(
            _(
                "The class {quoted}{others} in {where} holds no image; add images or remove the folder.",
                quoted=_quoted(empty[0]),
                others=others,
                where=where,
            )
        )


def refuse_lost_classes(layout: Layout, left: Mapping[int, int], tests: int) -> None:
    """Raises DataError unless each class has a readable training image, and the set a readable test image.

    Args:
        layout: Names the classes and the folder.
        left: Readable training images by label.
        tests: Readable test images.
    """
    for label, name in enumerate(layout.class_names):
        if not left.get(label):
            raise DataError(
                _(
                    "None of the training images of the class “{name}” in {root} can be read; replace them.",
                    name=name,
                    root=layout.root,
                )
            )
    if not tests:
        raise DataError(_("None of the test images in {root} can be read; replace them.", root=layout.root))


def _quoted(name: str) -> str:
    return f"“{name}”"
