"""The data, and what is done to images, against section 4.2 (CIFAR-10) and section 3.4 (ImageNet)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from resnet_studio.domain.data_sets import CIFAR10
from resnet_studio.domain.enums import Augmentation, Colour, Normalisation, PadWith, TestOn
from resnet_studio.domain.text_numbers import counted, grouped
from resnet_studio.studies.conformity.checks import Check, Part, Point, Subject
from resnet_studio.studies.conformity.recipe import close, recipe_point, section

CIFAR_HELD_OUT = 5_000
IMAGENET_TRAIN = 1_280_000  # 600 000 iterations of 256 images are 120 epochs (section 3.4), to about one percent
_WORDNET = re.compile(r"n\d{8}")


def has_cifar_classes(class_names: tuple[str, ...]) -> bool:
    """Whether these are CIFAR-10's classes, by name; a folder's names may be numbered, as in ``0-airplane``."""
    bare = sorted(name.lower().lstrip("0123456789_- .") for name in class_names)
    return bare == sorted(CIFAR10.class_names)


def is_imagenet(class_names: tuple[str, ...]) -> bool:
    """Whether these are a thousand classes under WordNet's numbers, as ImageNet's folders are called."""
    return len(class_names) == 1000 and all(_WORDNET.fullmatch(name) for name in class_names)


def data_checks(subject: Subject) -> Iterator[Check]:
    yield _data_set(subject)
    yield subject.unless_imported(_training_images(subject))
    yield subject.unless_imported(_tested(subject))


def image_checks(subject: Subject) -> Iterator[Check]:
    """What is done to images; of imported weights the mean alone is known, because tests need it."""
    recipe = subject.recipe
    for check in (_crops(subject), _padding(subject), _scales(subject), _colour(subject)):
        yield subject.unless_imported(check)
    pixel = recipe.normalisation is Normalisation.PIXEL_MEAN
    has = "the mean image is subtracted" if pixel else "one mean and one standard deviation per colour"
    point = recipe_point("mean", "Mean", "The mean image of the training set is subtracted", section(subject))
    yield point.compare(pixel, f"{has}, as given or assumed at the import" if subject.imported else has)


def _colour(subject: Subject) -> Check:
    recipe = subject.recipe
    colour = "None" if subject.cifar else "Shifts along the principal components of RGB, standard deviation 0.1"
    point = recipe_point("colour", "Colour", colour, section(subject))
    if recipe.colour is Colour.NONE:
        return point.compare(subject.cifar, "none")
    same = not subject.cifar and close(recipe.colour_std, 0.1)
    return point.compare(same, f"shifts along the principal components, standard deviation {recipe.colour_std:g}")


def _data_set(subject: Subject) -> Check:
    name = "CIFAR-10" if subject.cifar else "ImageNet's 1000 classes"
    where = "section 4.2" if subject.cifar else "section 4.1"
    point = Point("data", Part.DATA, "Data set", name, where)
    row = subject.data.row
    if subject.imported and not subject.data.known:
        return point.not_known("imported weights: which images they saw is not known")
    if row is not None:
        return point.compare(
            subject.cifar and row.key == CIFAR10.key, row.title if row.downloads else "images that the program draws"
        )
    if not subject.class_names:
        return point.not_known(f"{subject.data.source}: not looked at yet")
    return _folder(point, subject)


def _folder(point: Point, subject: Subject) -> Check:
    total = None if subject.training_images is None else subject.training_images + subject.data.held_out
    images = "" if total is None else f", {counted(total, 'training image')}"
    if has_cifar_classes(subject.class_names):
        run = f"a folder of CIFAR-10's classes{images}"
        tests = (None, CIFAR10.test_images, CIFAR_HELD_OUT)
        whole = subject.cifar and total == CIFAR10.training_images and subject.test_images in tests
    elif is_imagenet(subject.class_names):
        run = f"a folder of ImageNet's class names{images}"
        whole = not subject.cifar and total is not None and abs(total / IMAGENET_TRAIN - 1) < 0.01
    else:
        classes = counted(len(subject.class_names), "other class", "other classes")
        return point.compare(False, f"a folder of {classes}{images}")
    left_out = subject.environment.get("files_left_out", "0")
    if left_out not in ("", "0"):
        return point.compare(False, f"{run}, {left_out} file{'' if left_out == '1' else 's'} left out")
    return point.compare(whole, run)


def _training_images(subject: Subject) -> Check:
    held_out = subject.data.held_out
    has = "all training images" if not held_out else f"all but {grouped(held_out)} held out"
    if subject.training_images is not None:
        has += f": {grouped(subject.training_images)}"
    if subject.cifar:
        paper = "50 000 images; the schedule was chosen on 45 000, and the text allows both"
        point = Point("training_images", Part.DATA, "Trained on", paper, "section 4.2")
        return point.compare(held_out in (0, CIFAR_HELD_OUT), has)
    return Point("training_images", Part.DATA, "Trained on", "The whole training set", "section 4.1").compare(
        not held_out, has
    )


def _tested(subject: Subject) -> Check:
    paper = "The test set" if subject.cifar else "The validation set"
    point = Point("test_images", Part.DATA, "Tested on", paper, "section 4.2" if subject.cifar else "section 4.1")
    held_out = subject.data.test_on is TestOn.HELD_OUT
    images = "" if subject.test_images is None or held_out else f": {grouped(subject.test_images)}"
    return point.compare(not held_out, "training images held out" if held_out else f"the data's test images{images}")


def _crops(subject: Subject) -> Check:
    if subject.cifar:
        point = recipe_point(
            "augmentation", "Crops and flips", "4 pixels on each side, a random 32 x 32 crop, a horizontal flip half "
            "the time", "section 4.2",
        )  # fmt: skip
        wanted = Augmentation.PAD_CROP_FLIP
    else:
        point = recipe_point(
            "augmentation", "Crops and flips", "A random 224 x 224 crop of the resized image, a horizontal flip half "
            "the time", "section 3.4",
        )  # fmt: skip
        wanted = Augmentation.SCALE_CROP_FLIP
    size = subject.network.image_size
    has = {
        Augmentation.NONE: "none",
        Augmentation.PAD_CROP_FLIP: f"4 pixels on each side, a random {size} x {size} crop, a flip half the time",
        Augmentation.SCALE_CROP_FLIP: f"resized at random, a random {size} x {size} crop, a flip half the time",
    }[subject.recipe.augmentation]
    return point.compare(subject.recipe.augmentation is wanted, has)


def _padding(subject: Subject) -> Check:
    point = recipe_point("padding", "Padding", "Whether before or after the mean is subtracted is not said",
                         "section 4.2" if subject.cifar else "section 3.4")  # fmt: skip
    if subject.recipe.augmentation is not Augmentation.PAD_CROP_FLIP:
        return point.not_applicable("images are not padded")
    after = subject.recipe.pad_with is PadWith.MEAN
    return point.not_said("after: zeros, which are the mean" if after else "before: black")


def _scales(subject: Subject) -> Check:
    recipe = subject.recipe
    scaled = recipe.augmentation is Augmentation.SCALE_CROP_FLIP
    if subject.cifar:
        point = recipe_point("scales", "Scales", "None: images keep their size", "section 4.2")
    else:
        point = recipe_point("scales", "Scales", "Shorter side at random from 256 to 480 pixels", "section 3.4")
    if not scaled:
        return point.compare(subject.cifar, "not resized at random")
    has = f"shorter side at random from {recipe.scale_min} to {recipe.scale_max} pixels"
    return point.compare(not subject.cifar and (recipe.scale_min, recipe.scale_max) == (256, 480), has)
