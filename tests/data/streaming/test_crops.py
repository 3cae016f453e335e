"""Cuts: the part that is kept, and only that, has the pixels of the whole image resized and then cropped."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import v2

from resnet_studio.data.images import read_image, square_pixels
from resnet_studio.data.streaming.crops import DRAW_BITS, SQUARE, CropSpec, crop_pixels, mean_crop, resized

from ..conftest import picture

LAST = (1 << DRAW_BITS) - 1


def smooth(number: int, size: tuple[int, int]) -> Image.Image:
    """Like a photograph: neighbours resemble each other."""
    return picture(number, (9, 7)).resize(size, Image.Resampling.BICUBIC)


def difference(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.abs(a.astype(int) - b).max())


@pytest.mark.parametrize("size", [(60, 40), (40, 60), (33, 33), (300, 217), (17, 90)])
@pytest.mark.parametrize("scale", [16, 25, 40])
def test_a_cut_is_a_crop_of_the_resized_image(size: tuple[int, int], scale: int):
    image = picture(1, size)
    width, height = resized(size, scale)
    whole = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    for y, x, flip in ((0, 0, False), (LAST, LAST, False), (LAST // 2, LAST // 3, True)):
        top, left = ((height - 15) * y) >> DRAW_BITS, ((width - 15) * x) >> DRAW_BITS
        wanted = whole[:, top : top + 16, left : left + 16]
        found = crop_pixels(image, CropSpec(scale, y, x, flip), 16)
        assert difference(found, wanted[:, :, ::-1] if flip else wanted) <= 1
    assert crop_pixels(image, CropSpec(scale, LAST, LAST), 16).shape == (3, 16, 16)


@pytest.mark.parametrize("size", [(64, 40), (41, 63), (300, 217)])
def test_a_central_cut_is_what_torchvision_makes(size: tuple[int, int]):
    image = picture(2, size)
    made = v2.Compose([v2.Resize(18, antialias=True), v2.CenterCrop(16)])(image)
    assert mean_crop(16) == CropSpec(18)
    assert difference(crop_pixels(image, mean_crop(16), 16), np.asarray(made).transpose(2, 0, 1)) <= 1


def test_the_square_is_that_of_resident_images():
    image = picture(3, (50, 31))
    assert np.array_equal(crop_pixels(image, SQUARE, 16), square_pixels(image, 16))


def test_every_offset_is_as_likely_as_any_other():
    image = Image.fromarray(np.arange(20, dtype=np.uint8)[None, :, None].repeat(16, 0).repeat(3, 2))  # column number
    draws = np.linspace(0, LAST, 5_000).astype(int)
    lefts = [int(crop_pixels(image, CropSpec(16, 0, int(draw)), 16)[0, 0, 0]) for draw in draws]
    assert np.bincount(lefts).tolist() == [1000] * 5


def test_a_large_jpeg_is_decoded_smaller_and_looks_the_same(tmp_path: Path):
    path = tmp_path / "large.jpg"
    smooth(4, (1600, 1200)).save(path, quality=95)
    crop = CropSpec(100, LAST // 3, LAST // 2)
    small = read_image(path, crop.enough)
    assert small.size == (400, 300)  # the largest reduction that leaves twice what is wanted
    exact, quick = crop_pixels(read_image(path), crop, 64), crop_pixels(small, crop, 64)
    assert np.abs(exact.astype(int) - quick).mean() < 1.5
    assert np.array_equal(quick, crop_pixels(read_image(path, crop.enough), crop, 64))
    assert read_image(path, 601).size == (1600, 1200)


def test_a_turned_jpeg_is_reduced_and_turned():
    data = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    smooth(5, (800, 400)).save(data, "JPEG", exif=exif)
    assert read_image(data.getvalue(), 100).size == (100, 200)
