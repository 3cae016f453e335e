"""Images drawn by a seed: the same each time, more of them contain the fewer, whatever the set is made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from resnet_studio.data.datasets.registry import open_data
from resnet_studio.data.drawn_images import Part, draw_images
from resnet_studio.domain.errors import DataError, Stopped
from resnet_studio.domain.specs import DataSpec
from resnet_studio.platform.home import Home


@pytest.fixture
def folder(tmp_path: Path) -> DataSpec:
    """Three classes, eight training and five test images each; the red of a pixel says which."""
    root = tmp_path / "images"
    for part, count in (("train", 8), ("test", 5)):
        for label, name in enumerate(("blue", "green", "red")):
            (root / part / name).mkdir(parents=True)
            for index in range(count):
                pixels = np.full((8, 8, 3), 40 * label + index, np.uint8)
                Image.fromarray(pixels).save(root / part / name / f"{index}.png")
    return DataSpec(source=f"folder:{root}")


def test_a_folder_is_drawn_from_reproducibly(folder: DataSpec, home: Home) -> None:
    told: list[float | None] = []
    ten = draw_images(folder, 10, 3, {8, 4}, home, report=lambda _text, share: told.append(share))
    assert len(set(ten.names)) == len(ten) == 10
    assert told[-1] == 1.0
    assert {tuple(pixels.shape) for pixels in ten.pixels.values()} == {(10, 3, 8, 8), (10, 3, 4, 4)}
    for name, label, pixels in zip(ten.names, ten.labels, ten.pixels[8], strict=True):
        assert name.split("/")[:2] == ["test", ten.class_names[label]]
        assert int(pixels[0, 0, 0]) == 40 * label + int(Path(name).stem)
    assert draw_images(folder, 10, 3, {8, 4}, home).sha256 == ten.sha256
    assert draw_images(folder, 4, 3, {8}, home).names == ten.names[:4]
    other = draw_images(folder, 10, 4, {8}, home)
    assert set(other.names) != set(ten.names)
    assert other.sha256 != ten.sha256
    assert len(draw_images(folder, 99, 3, {8}, home)) == 15
    training = draw_images(folder, 99, 3, {8}, home, Part.TRAINING)
    assert len(training) == 24
    assert all(name.startswith("train/") for name in training.names)
    assert not list(home.data.rglob("*.safetensors"))  # nothing else was decoded and kept


def test_unreadable_files_are_passed_over(folder: DataSpec, home: Home) -> None:
    whole = draw_images(folder, 6, 0, {8}, home)
    assert folder.folder is not None
    Path(folder.folder, whole.names[2]).write_bytes(b"no image")
    fewer = draw_images(folder, 5, 0, {8}, home)
    assert fewer.names == whole.names[:2] + whole.names[3:6]
    for file in Path(folder.folder, "test").rglob("*.png"):
        file.write_bytes(b"no image")
    with pytest.raises(DataError, match="None of the images"):
        draw_images(folder, 5, 0, {8}, home)


def test_a_set_without_files(home_with_images: Home) -> None:
    spec = DataSpec()
    drawn = draw_images(spec, 12, 1, {32}, home_with_images)
    bundle = open_data(spec, 32, home_with_images)
    for name, label, pixels in zip(drawn.names, drawn.labels, drawn.pixels[32], strict=True):
        place = int(name.removeprefix("test/"))
        assert torch.equal(pixels, bundle.test.images[place])
        assert label == int(bundle.test.labels[place])
    training = draw_images(spec, 2, 1, {32}, home_with_images, Part.TRAINING)
    assert torch.equal(training.pixels[32][0], bundle.train.images[int(training.names[0].removeprefix("training/"))])


def test_a_stop_is_heard(folder: DataSpec, home: Home) -> None:
    with pytest.raises(Stopped):
        draw_images(folder, 5, 0, {8}, home, should_stop=lambda: True)
