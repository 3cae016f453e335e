"""The data, and what is done to images, against section 4.2 (CIFAR-10) and section 3.4 (ImageNet)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from resnet_studio.domain.data_sets import CIFAR10
from resnet_studio.domain.enums import Augmentation, Colour, Normalisation, PadWith, TestOn
from resnet_studio.domain.text_numbers import counted, grouped
from resnet_studio.studies.conformity.checks import Check, Part, Point, Subject
from resnet_studio.studies.conformity.recipe import close, recipe_point, section
from resnet_studio.text import _

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
    has = _("the mean image is subtracted") if pixel else _("one mean and one standard deviation per colour")
    point = recipe_point("mean", _("Mean"), _("The mean image of the training set is subtracted"), section(subject))
    yield point.compare(pixel, _("{has}, as given or assumed at the import", has=has) if subject.imported else has)


def _colour(subject: Subject) -> Check:
    recipe = subject.recipe
    colour = _("None") if subject.cifar else _("Shifts along the principal components of RGB, standard deviation 0.1")
    point = recipe_point("colour", _("Colour"), colour, section(subject))
    if recipe.colour is Colour.NONE:
        return point.compare(subject.cifar, "none")
    same = not subject.cifar and close(recipe.colour_std, 0.1)
    return point.compare(
        same,
        _("shifts along the principal components, standard deviation {colour_std:g}", colour_std=recipe.colour_std),
    )


def _data_set(subject: Subject) -> Check:
    name = "CIFAR-10" if subject.cifar else _("ImageNet's 1000 classes")
    where = _("section 4.2") if subject.cifar else _("section 4.1")
    point = Point("data", Part.DATA, _("Data set"), name, where)
    row = subject.data.row
    if subject.imported and not subject.data.known:
        return point.not_known(_("imported weights: which images they saw is not known"))
    if row is not None:
        return point.compare(
            subject.cifar and row.key == CIFAR10.key, row.title if row.downloads else _("images that the program draws")
        )
    if not subject.class_names:
        return point.not_known(_("{source}: not looked at yet", source=subject.data.source))
    return _folder(point, subject)


def _folder(point: Point, subject: Subject) -> Check:
    total = None if subject.training_images is None else subject.training_images + subject.data.held_out
    images = "" if total is None else _(", {total}", total=counted(total, "training image", "training images"))
    if has_cifar_classes(subject.class_names):
        run = _("a folder of CIFAR-10's classes{images}", images=images)
        tests = (None, CIFAR10.test_images, CIFAR_HELD_OUT)
        whole = subject.cifar and total == CIFAR10.training_images and subject.test_images in tests
    elif is_imagenet(subject.class_names):
        run = _("a folder of ImageNet's class names{images}", images=images)
        whole = not subject.cifar and total is not None and abs(total / IMAGENET_TRAIN - 1) < 0.01
    else:
        classes = counted(len(subject.class_names), "other class", "other classes")
        return point.compare(False, _("a folder of {classes}{images}", classes=classes, images=images))
    left_out = subject.environment.get("files_left_out", "0")
    if left_out not in ("", "0"):
        return point.compare(
            False,
            _(
                "{run}, {left_out} file{left_out_2} left out",
                run=run,
                left_out=left_out,
                left_out_2="" if left_out == "1" else "s",
            ),
        )
    return point.compare(whole, run)


def _training_images(subject: Subject) -> Check:
    held_out = subject.data.held_out
    has = _("all training images") if not held_out else _("all but {held_out} held out", held_out=grouped(held_out))
    if subject.training_images is not None:
        has += f": {grouped(subject.training_images)}"
    if subject.cifar:
        paper = _("50 000 images; the schedule was chosen on 45 000, and the text allows both")
        point = Point("training_images", Part.DATA, _("Trained on"), paper, _("section 4.2"))
        return point.compare(held_out in (0, CIFAR_HELD_OUT), has)
    return Point("training_images", Part.DATA, _("Trained on"), _("The whole training set"), _("section 4.1")).compare(
        not held_out, has
    )


def _tested(subject: Subject) -> Check:
    paper = _("The test set") if subject.cifar else _("The validation set")
    point = Point(
        "test_images", Part.DATA, _("Tested on"), paper, _("section 4.2") if subject.cifar else _("section 4.1")
    )
    held_out = subject.data.test_on is TestOn.HELD_OUT
    images = "" if subject.test_images is None or held_out else f": {grouped(subject.test_images)}"
    return point.compare(
        not held_out, _("training images held out") if held_out else _("the data's test images{images}", images=images)
    )


def _crops(subject: Subject) -> Check:
    if subject.cifar:
        point = recipe_point(
            "augmentation",
            _("Crops and flips"),
            _("4 pixels on each side, a random 32 x 32 crop, a horizontal flip half the time"),
            _("section 4.2"),
        )
        wanted = Augmentation.PAD_CROP_FLIP
    else:
        point = recipe_point(
            "augmentation",
            _("Crops and flips"),
            _("A random 224 x 224 crop of the resized image, a horizontal flip half the time"),
            _("section 3.4"),
        )
        wanted = Augmentation.SCALE_CROP_FLIP
    size = subject.network.image_size
    has = {
        Augmentation.NONE: "none",
        Augmentation.PAD_CROP_FLIP: _(
            "4 pixels on each side, a random {size} x {size} crop, a flip half the time", size=size
        ),
        Augmentation.SCALE_CROP_FLIP: _(
            "resized at random, a random {size} x {size} crop, a flip half the time", size=size
        ),
    }[subject.recipe.augmentation]
    return point.compare(subject.recipe.augmentation is wanted, has)


def _padding(subject: Subject) -> Check:
    point = recipe_point("padding", _("Padding"), _("Whether before or after the mean is subtracted is not said"),
                         _("section 4.2") if subject.cifar else _("section 3.4"))  # fmt: skip
    if subject.recipe.augmentation is not Augmentation.PAD_CROP_FLIP:
        return point.not_applicable(_("images are not padded"))
    after = subject.recipe.pad_with is PadWith.MEAN
    return point.not_said(_("after: zeros, which are the mean") if after else _("before: black"))


def _scales(subject: Subject) -> Check:
    recipe = subject.recipe
    scaled = recipe.augmentation is Augmentation.SCALE_CROP_FLIP
    if subject.cifar:
        point = recipe_point("scales", _("Scales"), _("None: images keep their size"), _("section 4.2"))
    else:
        point = recipe_point(
            "scales", _("Scales"), _("Shorter side at random from 256 to 480 pixels"), _("section 3.4")
        )
    if not scaled:
        return point.compare(subject.cifar, _("not resized at random"))
    has = _(
        "shorter side at random from {scale_min} to {scale_max} pixels",
        scale_min=recipe.scale_min,
        scale_max=recipe.scale_max,
    )
    return point.compare(not subject.cifar and (recipe.scale_min, recipe.scale_max) == (256, 480), has)
