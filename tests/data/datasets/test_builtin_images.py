"""The built-in images: the same bits everywhere, ten balanced classes, quick, and neither trivial nor hopeless."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from resnet_studio.data.datasets.builtin import make_builtin
from resnet_studio.data.datasets.builtin_images import DIFFICULTY, GRAIN, draw
from resnet_studio.data.datasets.builtin_shapes import SHAPES
from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.data_sets import BUILTIN
from resnet_studio.domain.enums import Normalisation
from resnet_studio.domain.errors import Stopped

from ...waiting import processor_time

CLEAR = replace(
    DIFFICULTY, radius=(0.7, 0.7), offset=0.0, stretch=(1.0, 1.0), shear=0.0, contrast=(0.5, 0.5), shading=0.0,
    background=0.0, distractors=0, occluder_share=0.0, noise=(0.0, 0.0), ambiguous_share=0.0,
)  # fmt: skip

# Change them only together with paths.BUILTIN_VERSION: stored runs name the checksum of the images they saw.
GOLDEN_CHECKSUM = "c9b9b369ab03018391bcaf5a08b476e4705f7253274a638c49549a695577cae7"
GOLDEN_CLEAR = "4d7bda970e2fde50"


def digest(images: np.ndarray) -> str:
    return hashlib.sha256(images.tobytes()).hexdigest()[:16]


@pytest.fixture(scope="module")
def made():
    started = time.process_time()
    bundle = make_builtin(BUILTIN, 0)
    return bundle, time.process_time() - started


def test_golden_checksum(made):
    assert made[0].checksum == GOLDEN_CHECKSUM


def test_shapes_are_golden_whatever_the_difficulty():
    assert digest(draw(0, 0, 0, 40, 48, CLEAR)) == GOLDEN_CLEAR


def test_it_is_made_in_time(made):
    assert made[1] < 10  # seconds of all cores together: about 4, whatever else the machine does


def test_sizes_and_balance(made):
    bundle = made[0]
    assert bundle.class_names == BUILTIN.class_names == tuple(shape.__name__ for shape in SHAPES)
    assert len(SHAPES) == 10
    assert tuple(bundle.train.images.shape) == (12_000, 3, 32, 32)
    assert tuple(bundle.test.images.shape) == (2_400, 3, 32, 32)
    assert torch.bincount(bundle.train.labels).tolist() == [1200] * 10
    assert torch.bincount(bundle.test.labels).tolist() == [240] * 10


def test_no_image_comes_twice(made):
    bundle = made[0]
    images = torch.cat([bundle.train.images, bundle.test.images]).numpy()
    assert len({image.tobytes() for image in images}) == len(images)


def test_neither_too_dark_nor_too_bright(made):
    pixels = made[0].train.images.float()
    assert 110 < pixels.mean() < 145
    assert ((pixels == 0) | (pixels == 255)).float().mean() < 0.1


def test_splits_seeds_and_blocks_share_nothing():
    keys = [(0, 0, 0), (0, 1, 0), (0, 2, 0), (0, 0, 1), (1, 0, 0)]  # seed, split, block
    images = [image.tobytes() for key in keys for image in draw(*key, 20, GRAIN)]
    assert len(set(images)) == len(images)


def test_the_number_of_threads_does_not_matter(monkeypatch):
    row = replace(BUILTIN, training_images=1000, test_images=200)
    checksums = set()
    for threads in (1, 2, 5):
        monkeypatch.setattr("resnet_studio.data.datasets.builtin._MAX_THREADS", threads)
        monkeypatch.setattr("os.cpu_count", lambda: 8)
        checksums.add(make_builtin(row, 3).checksum)
    assert len(checksums) == 1


def test_a_stop_is_at_once():
    reports = []
    with processor_time() as spent, pytest.raises(Stopped):
        make_builtin(BUILTIN, 0, lambda text, fraction: reports.append(fraction), lambda: len(reports) >= 2)
    assert spent.seconds < 2
    assert len(reports) == 2


@pytest.mark.parametrize("size", [8, 32, 33, 200])
def test_any_size_can_be_drawn(size: int):
    images = draw(4, 0, 0, 13, size)
    assert images.shape == (13, 3, size, size)
    assert images.dtype == np.uint8


def test_size_does_not_change_the_picture():
    """A large image scaled down looks like the small one."""
    small = torch.from_numpy(draw(4, 0, 0, 40, 32)).float()
    large = torch.from_numpy(draw(4, 0, 0, 40, 128)).float()
    shrunk = torch.nn.functional.interpolate(large, size=(32, 32), mode="area")
    assert (small - shrunk).abs().mean() < 12
    flat = small.flatten(1) - small.flatten(1).mean(1, keepdim=True)
    flat_shrunk = shrunk.flatten(1) - shrunk.flatten(1).mean(1, keepdim=True)
    assert torch.cosine_similarity(flat, flat_shrunk).mean() > 0.9


@pytest.mark.parametrize("label", range(10))
def test_every_shape_lies_inside_its_radius_and_is_visible(label: int):
    line = np.linspace(-2, 2, 401, dtype=np.float32)
    u, v = np.meshgrid(line, line)
    distance = SHAPES[label](u, v)
    inside = distance < 0
    assert 0.2 < inside.sum() * 0.01**2 < 3.3
    assert np.hypot(u, v)[inside].max() < 1.45
    slope = np.abs(np.diff(distance, axis=0)) / 0.01
    assert np.quantile(slope, 0.99) < 1.3  # a distance: it changes by at most one a unit, so edges are one pixel wide


def test_shapes_differ():
    images = torch.from_numpy(draw(0, 0, 0, 10, 64, CLEAR)).float()
    grey = images.mean(1)
    inside = (grey - grey[:, :1, :1]).abs() > 30
    areas = inside.flatten(1).float().mean(1)
    assert (areas > 0.05).all()
    for a in range(10):
        for b in range(a):
            assert (inside[a] != inside[b]).float().mean() > 0.02


def test_float32_throughout():
    line = np.linspace(-1, 1, 9, dtype=np.float32)
    for shape in SHAPES:
        assert shape(line, line).dtype == np.float32, shape.__name__


def test_the_row_knows_mean_and_deviation(made):
    measured = Preprocessing.measure(made[0].train.images, Normalisation.CHANNEL)
    assert torch.allclose(measured.mean.flatten(), torch.tensor(BUILTIN.mean), atol=1e-4)
    assert torch.allclose(measured.std.flatten(), torch.tensor(BUILTIN.std), atol=1e-4)
