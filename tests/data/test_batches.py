"""Batches: random access, each image once an epoch, and augmentation as a slow and obvious program does it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from resnet_studio.data import batches
from resnet_studio.data.augmentation import PAD
from resnet_studio.data.batches import ResidentBatches
from resnet_studio.data.image_set import ImageSet
from resnet_studio.data.order import BatchShare, SampleOrder
from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.data.random import colour_draws, crop_draws, epoch_order
from resnet_studio.domain.enums import Augmentation, Colour, Normalisation, PadWith
from resnet_studio.domain.specs import RecipeSpec

from .conftest import random_set


def resident(
    data: ImageSet,
    batch_size: int,
    *,
    augment: bool = False,
    seed: int = 0,
    pixel_mean: bool = True,
    device="cpu",
    **more,
):
    normalisation = Normalisation.PIXEL_MEAN if pixel_mean else Normalisation.CHANNEL
    recipe = RecipeSpec(
        batch_size=batch_size,
        augmentation=Augmentation.PAD_CROP_FLIP if augment else Augmentation.NONE,
        data_seed=seed,
        normalisation=normalisation,
        **more,
    )
    preprocessing = Preprocessing.measure(data.images, normalisation, recipe.colour)
    return ResidentBatches(data, preprocessing, recipe, device=device)


def numbered(count: int) -> ImageSet:
    """Image i is known by its label i."""
    return ImageSet(random_set(count).images, torch.arange(count))


@pytest.mark.parametrize(("count", "batch_size"), [(100, 25), (100, 32), (100, 64), (10, 64), (7, 3), (1, 4)])
def test_each_image_comes_once_an_epoch(count: int, batch_size: int):
    source = resident(numbered(count), batch_size)
    epochs = 5
    steps = -(-count * epochs // batch_size)
    stream = torch.cat([source.batch(iteration)[1] for iteration in range(1, steps + 1)])
    assert len(stream) == steps * batch_size
    for epoch in range(epochs):
        seen = stream[epoch * count : (epoch + 1) * count]
        assert torch.equal(seen, epoch_order(0, epoch, count, "cpu"))
        assert torch.equal(seen.sort().values, torch.arange(count))


def test_batches_per_epoch_is_exact():
    assert resident(numbered(100), 64).batches_per_epoch == 100 / 64


@pytest.mark.parametrize("augment", [False, True])
def test_random_access_equals_the_sequence(augment: bool):
    data = numbered(50)
    sequence = resident(data, 16, augment=augment, seed=3)
    wanted = {iteration: sequence.batch(iteration) for iteration in range(1, 41)}
    for iteration in (40, 1, 17, 17, 3, 39):
        for source in (sequence, resident(data, 16, augment=augment, seed=3)):  # the second as after a resume
            x, y = source.batch(iteration)
            assert torch.equal(x, wanted[iteration][0])
            assert torch.equal(y, wanted[iteration][1])


def test_augmentation_does_not_depend_on_the_batch_size():
    data = numbered(60)
    small, large = resident(data, 4, augment=True), resident(data, 30, augment=True)
    together = torch.cat([small.batch(iteration)[0] for iteration in range(1, 16)])
    assert torch.equal(together, torch.cat([large.batch(1)[0], large.batch(2)[0]]))


def test_seeds_differ():
    data = numbered(60)
    assert not torch.equal(resident(data, 16, seed=0).batch(1)[1], resident(data, 16, seed=1).batch(1)[1])


def test_nothing_but_the_own_batch_moves_the_stream():
    """Two cohorts read one data set: neither changes what the other gets."""
    data = numbered(60)
    alone = [resident(data, 16, augment=True).batch(iteration)[0] for iteration in range(1, 6)]
    one, other = resident(data, 16, augment=True), resident(data, 7, augment=True, seed=9)
    for iteration in range(1, 6):
        other.batch(3 * iteration)
        torch.rand(5)
        assert torch.equal(one.batch(iteration)[0], alone[iteration - 1])


@pytest.mark.parametrize("pixel_mean", [True, False])
@pytest.mark.parametrize("size", [8, 11, 32])
def test_one_gather_equals_pad_crop_flip(pixel_mean: bool, size: int):
    data = ImageSet(random_set(40, size).images, torch.arange(40))
    source = resident(data, 24, augment=True, seed=11, pixel_mean=pixel_mean)
    normalisation = Normalisation.PIXEL_MEAN if pixel_mean else Normalisation.CHANNEL
    preprocessing = Preprocessing.measure(data.images, normalisation)
    for iteration in range(1, 8):
        x, labels = source.batch(iteration)
        for row in range(24):
            position = (iteration - 1) * 24 + row
            index = epoch_order(11, position // 40, 40, "cpu")[position % 40]
            assert labels[row] == index
            dy, dx, flip = crop_draws(11, torch.tensor([position // 40]), index.view(1), PAD)
            normal = preprocessing.apply(data.images[index : index + 1])[0]
            padded = torch.zeros(3, size + 2 * PAD, size + 2 * PAD)
            padded[:, PAD : PAD + size, PAD : PAD + size] = normal
            top, left = int(dy), int(dx)
            wanted = padded[:, top : top + size, left : left + size]
            if bool(flip):
                wanted = torch.flip(wanted, [2])
            assert torch.equal(x[row], wanted)


@pytest.mark.parametrize("recipe", [{"augment": True, "colour": Colour.PCA}, {"augment": False},
                                    {"augment": True, "pad_with": PadWith.BLACK}])  # fmt: skip
def test_some_batches_in_a_row_made_at_once_are_those_made_one_by_one(recipe: dict[str, object]):
    source = resident(numbered(40), 24, seed=11, **recipe)
    indices, epochs = source.samples(3, 7)  # of batches that straddle epochs, and of more epochs than are kept
    x, labels = source.gather(indices, epochs)
    wanted = [source.batch(iteration) for iteration in range(3, 10)]
    assert torch.equal(x, torch.cat([images for images, _ in wanted]))
    assert torch.equal(labels, torch.cat([answers for _, answers in wanted]))


@pytest.mark.parametrize("of", [2, 4])
def test_shares_of_a_batch_are_its_slices(of: int):
    data, recipe = numbered(50), RecipeSpec(batch_size=8)
    preprocessing = Preprocessing.measure(data.images, Normalisation.PIXEL_MEAN)
    whole = ResidentBatches(data, preprocessing, recipe, device="cpu")
    shares = [ResidentBatches(data, preprocessing, recipe, device="cpu", share=BatchShare(n, of)) for n in range(of)]
    for iteration in (1, 7, 100):  # the seventh straddles two epochs
        images, labels = whole.batch(iteration)
        found = [share.batch(iteration) for share in shares]
        assert torch.equal(torch.cat([each for each, _unused in found]), images)
        assert torch.equal(torch.cat([each for _unused, each in found]), labels)
    for n, share in enumerate(shares):
        indices, epochs = share.samples(6, 3)
        wanted = [whole.samples(iteration) for iteration in (6, 7, 8)]
        assert torch.equal(indices, torch.cat([each.chunk(of)[n] for each, _unused in wanted]))
        assert torch.equal(epochs, torch.cat([each.chunk(of)[n] for _unused, each in wanted]))


def test_a_batch_without_such_a_share_is_refused():
    for share in (BatchShare(0, 3), BatchShare(2, 2), BatchShare(-1, 2)):
        with pytest.raises(ValueError, match="has no share"):
            SampleOrder(50, 8, 0, share=share)


@pytest.mark.parametrize("pixel_mean", [True, False])
def test_padding_is_zero_after_normalisation(pixel_mean: bool):
    data = ImageSet(random_set(64).images // 2 + 100, torch.arange(64))  # no pixel at the mean of its place
    source = resident(data, 64, augment=True, pixel_mean=pixel_mean)
    x, labels = source.batch(1)
    dy, dx, flip = crop_draws(0, torch.zeros(64, dtype=torch.int64), labels, PAD)
    for row in range(64):
        top = max(PAD - int(dy[row]), 0)
        bottom = max(int(dy[row]) - PAD, 0)
        assert not x[row, :, :top].any()
        assert not x[row, :, 8 - bottom :].any()
        left = max(PAD - int(dx[row]), 0)
        image = x[row].flip(-1) if bool(flip[row]) else x[row]
        assert not image[:, :, :left].any()
        assert (x[row] != 0).double().mean() > 0.2


def test_without_augmentation_images_only_pass_the_preprocessing():
    data = numbered(30)
    x, labels = resident(data, 30).batch(1)
    assert torch.equal(x, Preprocessing.measure(data.images, Normalisation.PIXEL_MEAN).apply(data.images[labels]))


def test_test_batches_come_in_order_and_whole():
    data = numbered(50)
    preprocessing = Preprocessing.measure(data.images, Normalisation.CHANNEL)
    found = list(batches.test_batches(data, preprocessing, batch_size=16, device="cpu"))
    assert [len(labels) for _, labels in found] == [16, 16, 16, 2]
    assert torch.equal(torch.cat([labels for _, labels in found]), torch.arange(50))
    assert torch.equal(torch.cat([x for x, _ in found]), preprocessing.apply(data.images))


def test_padded_with_black_the_raw_image_is_cropped_before_the_mean_is_subtracted():
    data = ImageSet(random_set(40).images, torch.arange(40))
    source = resident(data, 24, augment=True, seed=5, pad_with=PadWith.BLACK)
    mean = Preprocessing.measure(data.images, Normalisation.PIXEL_MEAN).mean
    for iteration in (1, 2, 5):
        x, labels = source.batch(iteration)
        for row in range(24):
            epoch = torch.tensor([((iteration - 1) * 24 + row) // 40])
            dy, dx, flip = crop_draws(5, epoch, labels[row].view(1), PAD)
            padded = torch.nn.functional.pad(data.images[labels[row]], (PAD, PAD, PAD, PAD))
            raw = padded[:, int(dy) : int(dy) + 8, int(dx) : int(dx) + 8].float() / 255
            assert torch.equal(x[row], (raw.flip(-1) if bool(flip) else raw) - mean)


@pytest.mark.parametrize("pixel_mean", [True, False])
def test_colours_are_shifted_along_the_principal_components(pixel_mean: bool):
    data = ImageSet(random_set(64).images, torch.arange(64))
    data.images[:, 1] = data.images[:, 0] // 2 + data.images[:, 1] // 4  # red and green go together
    plain = resident(data, 16, augment=True, pixel_mean=pixel_mean)
    coloured = resident(data, 16, augment=True, pixel_mean=pixel_mean, colour=Colour.PCA, colour_std=0.3)
    normalisation = Normalisation.PIXEL_MEAN if pixel_mean else Normalisation.CHANNEL
    std = Preprocessing.measure(data.images, normalisation).std
    values, vectors = np.linalg.eigh(np.cov(data.images.numpy().transpose(1, 0, 2, 3).reshape(3, -1) / 255.0, ddof=0))
    found = []
    for iteration in range(1, 9):
        (a, labels), (b, _) = plain.batch(iteration), coloured.batch(iteration)
        shifts = (b - a) * std
        assert (shifts - shifts.mean((2, 3), keepdim=True)).abs().max() < 1e-6  # one colour for a whole image
        epochs = torch.full((16,), (iteration - 1) // 4)
        factors = colour_draws(0, epochs, labels).numpy() * 0.3  # (16, 3), for the largest component first
        along = shifts.mean((2, 3)).numpy() @ vectors[:, ::-1] / values[::-1]  # (16, 3), up to each vector's sign
        assert np.abs(np.abs(along) - np.abs(factors)).max() < 1e-4
        found.append(along)
    assert 0.2 < np.concatenate(found).std() < 0.4


def test_impossible_batches_are_refused():
    with pytest.raises(ValueError, match="count from 1"):
        resident(numbered(5), 2).batch(0)
    recipe = RecipeSpec(batch_size=2)
    empty = ImageSet(torch.zeros(0, 3, 8, 8, dtype=torch.uint8), torch.zeros(0, dtype=torch.int64))
    preprocessing = Preprocessing.measure(random_set(3).images, Normalisation.CHANNEL)
    with pytest.raises(ValueError, match="at least 1"):
        ResidentBatches(empty, preprocessing, recipe, device="cpu")
    with pytest.raises(ValueError, match="pixels wide"):
        ResidentBatches(random_set(3, 16), preprocessing, recipe, device="cpu")
    scaled = RecipeSpec(batch_size=2, augmentation=Augmentation.SCALE_CROP_FLIP)
    with pytest.raises(ValueError, match="streamed"):
        ResidentBatches(random_set(3), preprocessing, scaled, device="cpu")
    with pytest.raises(ValueError, match="principal components"):
        ResidentBatches(random_set(3), preprocessing, RecipeSpec(colour=Colour.PCA), device="cpu").batch(1)


def test_image_sets_check_their_tensors():
    with pytest.raises(ValueError, match="uint8"):
        ImageSet(torch.zeros(2, 3, 4, 4), torch.zeros(2, dtype=torch.int64))
    with pytest.raises(ValueError, match="int64"):
        ImageSet(torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_batches_show_the_same_crops_and_colours():
    data = numbered(100)
    here, there = (
        resident(data, 64, augment=True, seed=1, colour=Colour.PCA, device=device) for device in ("cpu", "cuda")
    )
    for iteration in (1, 2, 9):
        a, b = here.batch(iteration), there.batch(iteration)
        assert torch.equal(a[1], b[1].cpu())
        assert (a[0] - b[0].cpu()).abs().max() < 1e-6  # CUDA divides by 255 with one rounding more
