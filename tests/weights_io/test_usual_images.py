"""What is assumed of images where weights say nothing of them."""

from __future__ import annotations

import pytest

from resnet_studio.domain import data_sets
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.weights_io import preprocessing
from resnet_studio.weights_io.preprocessing import usual

from ..data.datasets import small_photos
from ..data.datasets.small_photos import BOATS


@pytest.mark.parametrize(
    ("classes", "size", "preset"),
    [
        (1000, 224, "imagenet"),
        (1000, 64, "imagenet"),
        (101, 224, "imagenet"),
        (43, 32, "cifar10"),
        (100, 32, "cifar100"),
        (10, 96, "stl10"),
        (10, 16, "cifar10"),
        (100, 64, "cifar100"),
        (101, 96, ""),
        (200, 64, ""),
        (3, 8, ""),
    ],
)
def test_a_preset_fits_by_the_number_of_classes_or_by_the_size(classes: int, size: int, preset: str) -> None:
    found = usual(NetworkSpec(family="imagenet", depth=18, classes=classes, image_size=size))
    assert found.preset == preset
    assert bool(found.classes) == ((classes, size) in {(100, 32), (10, 96)} or classes == 1000)


@pytest.mark.parametrize(("size", "preset"), [(224, "imagenet"), (96, "")])
def test_classes_of_photos_of_many_sizes_may_be_anybodys(
    monkeypatch: pytest.MonkeyPatch, size: int, preset: str
) -> None:
    small_photos.install(BOATS.key, monkeypatch)
    monkeypatch.setattr(preprocessing, "DATA_SETS", data_sets.DATA_SETS)
    found = usual(NetworkSpec(family="imagenet", depth=18, classes=3, image_size=size))
    assert (found.classes, found.title, found.preset) == ((), "", preset)
