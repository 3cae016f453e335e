"""What imported weights expect of images, and the names of their classes: given, carried by the file, or usual."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from resnet_studio.data.datasets.registry import open_data
from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.data_sets import CIFAR10, DATA_SETS, Colour
from resnet_studio.domain.enums import Normalisation
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import Report, StopCheck, never_stop
from resnet_studio.domain.imported_weights import (
    IMAGENET,
    PRESETS,
    ImportOptions,
    colour_text,
    is_weights_name,
)
from resnet_studio.domain.specs import DataSpec, NetworkSpec
from resnet_studio.domain.text_numbers import counted
from resnet_studio.networks.foreign.files import read
from resnet_studio.platform.home import Home
from resnet_studio.platform.outside_files import read_regular
from resnet_studio.text import _
from resnet_studio.weights_io.normalisation import fault
from resnet_studio.weights_io.sidecar import Sidecar, names_ignored

_MAX_LIST = 1 << 24  # bytes of a class file
_MAX_IMAGE = 1 << 28  # bytes of a mean image; 1024 x 1024 x 3 numbers of 8 bytes have a tenth of that
_NPY = ".npy"
_USUAL_AT = {224: IMAGENET, CIFAR10.image_size: CIFAR10.key}  # pixels: key of a mean and standard deviation


@dataclass(frozen=True, slots=True)
class Usual:
    """What is assumed where nothing is known.

    Attributes:
        preset: Key of the mean and standard deviation, empty where there is no usual answer.
        classes: Their names, empty where there is no usual answer; ``title`` says whose they are.
    """

    preset: str
    classes: tuple[str, ...] = ()
    title: str = ""


def usual(spec: NetworkSpec) -> Usual:
    """By the number of classes and the image size.

    Both must be those of a data set for its class names: ten classes of photos may be anybody's. Mean and deviation are
    its own, else those that are usual for the image size, else those of a set with so many classes.
    """
    if spec.classes == 1000:
        from torchvision.models import ResNet18_Weights  # a list of names; nothing is fetched

        names = tuple(str(name) for name in ResNet18_Weights.DEFAULT.meta["categories"])
        return Usual(IMAGENET, names if len(set(names)) == 1000 else (), "ImageNet")
    alike = [r for r in DATA_SETS if r.downloads and r.channels == 3 and len(r.class_names) == spec.classes]
    preset = _USUAL_AT.get(spec.image_size) or next((row.key for row in alike if row.key in PRESETS), "")
    for row in alike:  # the first that fits: CIFAR-10 before SVHN
        if row.image_size == spec.image_size:
            return Usual(row.key if row.key in PRESETS else preset, row.class_names, row.title)
    return Usual(preset)


def numbered(classes: int) -> tuple[str, ...]:
    return tuple(_("class {number}", number=number) for number in range(classes))


def preprocessing(
    options: ImportOptions,
    spec: NetworkSpec,
    sidecar: Sidecar,
    home: Home,
    report: Report,
    should_stop: StopCheck = never_stop,
) -> tuple[Preprocessing, tuple[str, ...]]:
    """The preprocessing, and sentences where it is assumed: what, and why not what came with the file.

    Raises:
        UserError: If mean and std are half given, no usable numbers, or not given where none are usual, or the mean
            image does not fit.
        Stopped: Within a second of ``should_stop`` saying so, while a data set is measured.
    """
    size = spec.image_size
    if sum(x is not None for x in (options.mean or options.std, options.pixel_mean, options.mean_of)) > 1:
        raise UserError(_("A mean image and a mean of each colour exclude each other; give one of them."))
    if options.mean_of is not None:
        return measured(options.mean_of, size, home, report, should_stop), ()
    if options.pixel_mean is not None:
        return Preprocessing(size, read_pixel_mean(options.pixel_mean, size), torch.ones(3, 1, 1)), ()
    if (options.mean is None) is not (options.std is None):
        raise UserError(_("Mean and standard deviation belong together; give both, or neither."))
    if options.mean is not None and options.std is not None:
        return _of_colours(size, options.mean, options.std), ()
    carried = sidecar.preprocessing
    if carried is not None:
        if carried.mean.shape[1] not in (1, size):
            raise UserError(
                _(
                    "The mean image that came with the file is for images of {shape} pixels, not {size}; "
                    "leave the image size out, or give another mean.",
                    shape=carried.mean.shape[1],
                    size=size,
                )
            )
        return Preprocessing(size, carried.mean, carried.std), ()
    if not (key := usual(spec).preset):
        raise UserError(
            _(
                "Which mean and standard deviation these weights expect of images is not known: none are usual for "
                "{classes} at {size} pixels; give --mean and --std, --pixel-mean or --mean-of.",
                classes=counted(spec.classes, "class", "classes"),
                size=size,
            )
        )
    preset = PRESETS[key]
    text = _(
        "Images are normalised with mean {mean} and std {std} ({title}); else say "
        "so with --mean and --std, or --pixel-mean.",
        mean=colour_text(preset.mean),
        std=colour_text(preset.std),
        title=preset.title,
    )
    return _of_colours(size, preset.mean, preset.std), tuple(filter(None, (sidecar.images_ignored, text)))


def measured(data: DataSpec, size: int, home: Home, report: Report, should_stop: StopCheck) -> Preprocessing:
    """The mean image over the training images of ``data``, as the paper subtracts it."""
    bundle = open_data(data, size, home, report, should_stop)
    return Preprocessing.measure(bundle.train.images, Normalisation.PIXEL_MEAN)


def _of_colours(size: int, mean: Colour, std: Colour) -> Preprocessing:
    means, stds = torch.tensor(mean).view(3, 1, 1), torch.tensor(std).view(3, 1, 1)
    if fault(means, stds):
        raise UserError(
            _(
                "Mean {mean} and std {std} are no numbers for colours in 0..1; divide them by 255 if they "
                "are for colours in 0..255.",
                mean=colour_text(mean),
                std=colour_text(std),
            )
        )
    return Preprocessing(size, means, stds)


def read_pixel_mean(path: Path, size: int) -> Tensor:
    """A mean image as float32 (3, size, size) in 0..1, from .npy, .safetensors, .pth, .pt or .th.

    (size, size, 3) is turned round, and values up to 255 are divided by 255.

    Raises:
        UserError: If the file cannot be read or holds no such image.
    """
    if path.suffix.lower() == _NPY:
        content = read_regular(path, _MAX_IMAGE)
        try:
            mean = torch.from_numpy(np.load(io.BytesIO(content), allow_pickle=False).astype(np.float32))
        except (OSError, ValueError, TypeError, EOFError, AttributeError) as error:
            raise UserError(
                _(
                    "The mean image {path} cannot be read ({error}); give a .npy file of numbers.",
                    path=path,
                    error=error,
                )
            ) from None
    elif is_weights_name(path.name):
        images = [tensor for tensor in read(path).tensors.values() if tensor.dim() == 3 and tensor.numel() > 3]
        if len(images) != 1:
            raise UserError(
                _(
                    "{name} holds {images} images where one mean image is wanted; give it alone.",
                    name=path.name,
                    images=len(images),
                )
            )
        mean = images[0].float()
    else:
        raise UserError(_("{name} is no mean image; give a .npy, .safetensors, .pth, .pt or .th file.", name=path.name))
    if tuple(mean.shape) == (size, size, 3):
        mean = mean.permute(2, 0, 1).contiguous()  # (3, size, size)
    if tuple(mean.shape) != (3, size, size):
        raise UserError(
            _(
                "The mean image {name} has shape {shape} where (3, {size}, {size}) is wanted; give "
                "that of the images these weights were trained on, or set the image size.",
                name=path.name,
                shape=tuple(mean.shape),
                size=size,
            )
        )
    if not bool(torch.isfinite(mean).all()) or float(mean.abs().max()) > 255:
        raise UserError(
            _(
                "The mean image {name} holds values outside 0..255; give the mean of the training images.",
                name=path.name,
            )
        )
    return mean / 255 if float(mean.max()) > 1.5 else mean


def class_names(options: ImportOptions, spec: NetworkSpec, sidecar: Sidecar) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names in the order of the outputs, and sentences where they are assumed.

    Raises:
        UserError: If the file cannot be read or has another number of names.
    """
    if options.classes is not None:
        return read_classes(options.classes, spec.classes), ()
    carried, ignored = sidecar.class_names, sidecar.classes_ignored
    if len(carried) == spec.classes:
        return carried, ()
    if carried:
        ignored = names_ignored(
            _("there are {names} of them for {classes} outputs", names=len(carried), classes=spec.classes)
        )
    known = usual(spec)
    text = (
        _(
            "The {classes} classes are {title}'s, in their usual order; else say so with --classes.",
            classes=spec.classes,
            title=known.title,
        )
        if known.classes
        else _("The classes have no names, so they are numbered; name them with --classes.")
    )
    return known.classes or numbered(spec.classes), tuple(filter(None, (ignored, text)))


def read_classes(path: Path, count: int) -> tuple[str, ...]:
    """Class names from a text file, one a line, or a JSON list.

    Raises:
        UserError: If it cannot be read, or does not hold ``count`` different names.
    """
    try:
        text = read_regular(path, _MAX_LIST).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(_("The class file {path} is not UTF-8 text; give one class name a line.", path=path)) from None
    names: list[str]
    if text.lstrip().startswith("["):
        try:
            values = json.loads(text)
        except ValueError as error:
            raise UserError(
                _("The class file {path} is not valid JSON ({error}); give a list of names.", path=path, error=error)
            ) from None
        names = [value.strip() for value in values if isinstance(value, str)]
    else:
        names = [line.strip() for line in text.splitlines() if line.strip()]
    if len(names) != count:
        raise UserError(
            _(
                "{name} names {names}, but the network has {count}; give one name a line.",
                name=path.name,
                names=counted(len(names), "class", "classes"),
                count=count,
            )
        )
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < count else []
    if twice:
        raise UserError(
            _("{name} names {twice} twice; give each class a name of its own.", name=path.name, twice=twice[0])
        )
    return tuple(names)
