"""The sample images and the icon that are delivered."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from resnet_studio.data.datasets.samples import SIZE, sample_images, write_samples
from resnet_studio.data.images import read_image
from resnet_studio.domain.data_sets import BUILTIN
from resnet_studio.platform.resources import resources


def test_the_delivered_samples_are_what_the_program_draws(tmp_path: Path):
    write_samples(tmp_path)
    for name, image in sample_images().items():
        for folder in (tmp_path, resources() / "samples"):
            assert np.array_equal(np.asarray(read_image(folder / name)), np.asarray(image)), name


def test_there_is_one_of_each_class():
    assert sorted(path.stem for path in (resources() / "samples").iterdir()) == sorted(BUILTIN.class_names)


def test_they_are_large_enough_to_look_at():
    assert 160 <= SIZE <= 256


@pytest.mark.parametrize("name", ["icon.svg", "icon.png"])
def test_icon(name: str):
    path = resources() / name
    if name.endswith(".svg"):
        assert ElementTree.parse(path).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    else:
        with Image.open(path) as icon:
            assert icon.size == (256, 256)
            assert icon.getpixel((0, 0))[3] == 0  # round corners
