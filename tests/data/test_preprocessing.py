"""Normalisation: exact measurement, application, and a file that survives everything or says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.enums import Colour, Normalisation
from resnet_studio.domain.errors import CheckpointError

from .conftest import random_set


def test_pixel_mean_is_the_mean_image():
    images = random_set(97).images
    measured = Preprocessing.measure(images, Normalisation.PIXEL_MEAN)
    wanted = images.numpy().astype(np.float64).mean(0) / 255
    assert measured.mean.shape == (3, 8, 8)
    assert np.abs(measured.mean.numpy() - wanted).max() < 1e-7
    assert torch.equal(measured.std, torch.ones(3, 1, 1))


def test_channel_mean_and_deviation():
    images = random_set(97).images
    measured = Preprocessing.measure(images, Normalisation.CHANNEL)
    values = images.numpy().astype(np.float64) / 255
    assert np.abs(measured.mean.flatten().numpy() - values.mean((0, 2, 3))).max() < 1e-7
    assert np.abs(measured.std.flatten().numpy() - values.std((0, 2, 3))).max() < 1e-7


@pytest.mark.parametrize("normalisation", list(Normalisation))
def test_measurement_depends_neither_on_order_nor_on_parts(normalisation, monkeypatch):
    images = random_set(200).images
    whole = Preprocessing.measure(images, normalisation)
    monkeypatch.setattr("resnet_studio.data.channel_statistics._CHUNK_BYTES", 1)  # one image at a time
    parts = Preprocessing.measure(images.flip(0), normalisation)
    assert torch.equal(whole.mean, parts.mean)
    assert torch.equal(whole.std, parts.std)


@pytest.mark.parametrize("normalisation", list(Normalisation))
def test_applied_to_what_was_measured_the_mean_is_zero(normalisation):
    images = random_set(50).images
    x = Preprocessing.measure(images, normalisation).apply(images)
    assert x.dtype == torch.float32
    assert x.mean().abs() < 1e-6
    if normalisation is Normalisation.CHANNEL:
        assert (x.std((0, 2, 3), correction=0) - 1).abs().max() < 1e-5


def test_apply_is_the_formula():
    images = random_set(20).images
    measured = Preprocessing.measure(images, Normalisation.CHANNEL)
    wanted = (images.float() / 255 - measured.mean) / measured.std
    assert torch.equal(measured.apply(images), wanted)


def test_a_colour_that_never_changes_is_not_divided_by_zero():
    images = torch.full((4, 3, 8, 8), 255, dtype=torch.uint8)
    measured = Preprocessing.measure(images, Normalisation.CHANNEL)
    assert torch.equal(measured.std, torch.ones(3, 1, 1))
    assert not measured.apply(images).any()


@pytest.mark.parametrize("normalisation", list(Normalisation))
def test_round_trip(tmp_path: Path, normalisation):
    path = tmp_path / "run" / "preprocessing.safetensors"
    before = Preprocessing.measure(random_set(31).images, normalisation)
    before.save(path)
    after = Preprocessing.load(path)
    assert after.image_size == 8
    assert torch.equal(before.mean, after.mean)
    assert torch.equal(before.std, after.std)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_principal_colours_are_those_of_numpy_and_are_kept(tmp_path: Path):
    images = random_set(31).images
    images[:, 2] = images[:, 0] // 3 + images[:, 1] // 5
    measured = Preprocessing.measure(images, Normalisation.PIXEL_MEAN, Colour.PCA)
    pixels = images.numpy().transpose(1, 0, 2, 3).reshape(3, -1) / 255.0
    values, vectors = np.linalg.eigh(np.cov(pixels, ddof=0))
    assert np.abs(measured.colour_values.numpy() - values[::-1]).max() < 1e-7
    assert np.abs(np.abs(measured.colour_vectors.numpy()) - np.abs(vectors[:, ::-1])).max() < 1e-5
    for vector in measured.colour_vectors.T:
        assert vector[vector.abs().argmax()] > 0
    path = tmp_path / "preprocessing.safetensors"
    measured.save(path)
    after = Preprocessing.load(path)
    assert torch.equal(after.colour_values, measured.colour_values)
    assert torch.equal(after.colour_vectors, measured.colour_vectors)
    assert torch.equal(after.apply(images), measured.apply(images))
    with pytest.raises(ValueError, match="or none of them"):
        Preprocessing(8, measured.mean, measured.std, measured.colour_values)
    with pytest.raises(ValueError, match="without principal components"):
        Preprocessing.measure(images, Normalisation.PIXEL_MEAN).colour_shifts(torch.zeros(2, 3))


def test_a_file_with_parts_that_nobody_reads_is_refused(tmp_path: Path):
    path = tmp_path / "preprocessing.safetensors"
    parts = {"mean": torch.zeros(3, 1, 1), "std": torch.ones(3, 1, 1)}
    save_file(parts, path, metadata={"image_size": "8"})  # as the first version wrote it
    assert Preprocessing.load(path).colour_values is None
    save_file({**parts, "contrast": torch.ones(1)}, path, metadata={"image_size": "8"})
    with pytest.raises(CheckpointError, match="contrast"):
        Preprocessing.load(path)


def test_a_missing_or_damaged_file_is_one_sentence(tmp_path: Path):
    path = tmp_path / "preprocessing.safetensors"
    with pytest.raises(CheckpointError, match="is missing"):
        Preprocessing.load(path)
    Preprocessing.measure(random_set(3).images, Normalisation.CHANNEL).save(path)
    whole = path.read_bytes()
    for damaged in (b"", b"not a file of tensors", whole[:40], whole[:-8]):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="is damaged"):
            Preprocessing.load(path)


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch):
    path = tmp_path / "preprocessing.safetensors"
    measured = Preprocessing.measure(random_set(3).images, Normalisation.CHANNEL)
    measured.save(path)
    before = path.read_bytes()

    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="No space") as caught:
        measured.save(path)
    assert caught.value.errno == 28  # training waits for free space by this number
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_wrong_images_are_refused():
    measured = Preprocessing.measure(random_set(3).images, Normalisation.PIXEL_MEAN)
    with pytest.raises(ValueError, match="uint8"):
        measured.apply(torch.zeros(2, 3, 8, 8))
    with pytest.raises(ValueError, match="uint8"):
        measured.apply(torch.zeros(2, 3, 9, 9, dtype=torch.uint8))
    with pytest.raises(ValueError, match="N >= 1"):
        Preprocessing.measure(torch.zeros(0, 3, 8, 8, dtype=torch.uint8), Normalisation.CHANNEL)
    with pytest.raises(ValueError, match="float32"):
        Preprocessing(8, torch.zeros(3, 1, 1, dtype=torch.float64), torch.ones(3, 1, 1))
    with pytest.raises(ValueError, match="must be"):
        Preprocessing(8, torch.zeros(3, 9, 9), torch.ones(3, 1, 1))


def test_sums_do_not_overflow():
    images = torch.full((40_000, 3, 2, 2), 255, dtype=torch.uint8)
    images[:20_000] = 253
    measured = Preprocessing.measure(images, Normalisation.CHANNEL)
    assert torch.allclose(measured.mean, torch.full((3, 1, 1), 254 / 255))
    assert torch.allclose(measured.std, torch.full((3, 1, 1), 1 / 255))
