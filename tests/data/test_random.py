"""Counter-based draws: uniform, independent, the same for any split and on any device."""

from __future__ import annotations

import pytest
import torch

from resnet_studio.data.random import Stream, colour_draws, crop_draws, epoch_order, hash_counters, scale_draws

PAD = 4
OFFSETS = 2 * PAD + 1


def chi_square(counts: torch.Tensor) -> float:
    expected = counts.sum().double() / counts.numel()
    return float(((counts - expected) ** 2 / expected).sum())


def draws(images: int = 2000, epochs: int = 150, seed: int = 5) -> tuple[torch.Tensor, ...]:
    """dy, dx, flip as (epochs, images)."""
    epoch = torch.arange(epochs).repeat_interleave(images)
    index = torch.arange(images).repeat(epochs)
    return tuple(draw.view(epochs, images) for draw in crop_draws(seed, epoch, index, PAD))


def test_every_offset_is_equally_likely():
    dy, dx, flip = draws()
    for offset in (dy, dx):
        counts = torch.bincount(offset.flatten(), minlength=OFFSETS)
        assert counts.numel() == OFFSETS
        assert chi_square(counts) < 26.1  # 8 degrees of freedom, p = 0.001
    assert chi_square(torch.bincount(flip.flatten().long(), minlength=2)) < 10.8  # 1 degree, p = 0.001


def test_every_image_gets_every_offset_equally_often_over_the_epochs():
    dy, dx, _ = draws(images=300, epochs=1000)
    for offset in (dy, dx):
        counts = torch.stack([(offset == value).sum(0) for value in range(OFFSETS)])  # (9, images)
        expected = 1000 / OFFSETS
        per_image = ((counts - expected) ** 2 / expected).sum(0)  # (images,), each with 8 degrees of freedom
        assert abs(float(per_image.mean()) - 8) < 1  # the mean of 300 such values spreads by 0.23
        assert float(per_image.max()) < 35  # p = 0.00003 for one image


def test_dy_dx_and_flip_are_independent():
    dy, dx, flip = (draw.flatten().long() for draw in draws())
    for a, b, many in ((dy, dx, OFFSETS), (dy, flip, 2), (dx, flip, 2)):
        table = torch.bincount(a * many + b, minlength=OFFSETS * many)
        freedom = OFFSETS * many - 1
        assert chi_square(table) < freedom + 3.5 * (2 * freedom) ** 0.5


def test_neighbours_in_epoch_and_index_are_independent():
    dy, _, _ = draws()
    for a, b in ((dy[:-1], dy[1:]), (dy[:, :-1], dy[:, 1:])):
        table = torch.bincount((a * OFFSETS + b).flatten(), minlength=OFFSETS**2)
        assert chi_square(table) < 80 + 3.5 * 160**0.5


def test_an_offset_belongs_to_an_image_not_to_a_batch():
    dy, _, _ = draws(images=128, epochs=20)
    assert (dy.double().std(dim=1) > 1.5).all()


@pytest.mark.parametrize("batch", [1, 7, 64, 1000])
def test_draws_are_equal_for_any_batch_split(batch: int):
    epochs, indices = torch.arange(1000) // 300, torch.randperm(1000, generator=torch.Generator().manual_seed(1))
    whole = crop_draws(9, epochs, indices, PAD)
    parts = [crop_draws(9, e, i, PAD) for e, i in zip(epochs.split(batch), indices.split(batch), strict=True)]
    for number in range(3):
        assert torch.equal(whole[number], torch.cat([part[number] for part in parts]))


def test_draws_differ_by_seed_and_by_epoch():
    index, epoch = torch.arange(1000), torch.zeros(1000, dtype=torch.int64)
    first = torch.stack(crop_draws(0, epoch, index, PAD))
    for other in (crop_draws(1, epoch, index, PAD), crop_draws(0, epoch + 1, index, PAD)):
        same = (first == torch.stack(other)).all(0).double().mean()
        assert same < 0.02  # by chance one in 162


def test_pad_zero_leaves_nothing_to_draw():
    dy, dx, _ = crop_draws(3, torch.zeros(50, dtype=torch.int64), torch.arange(50), 0)
    assert not dy.any()
    assert not dx.any()


@pytest.mark.parametrize("count", [1, 2, 1000, 50_000])
def test_epoch_order_is_a_permutation(count: int):
    order = epoch_order(7, 3, count, "cpu")
    assert torch.equal(order.sort().values, torch.arange(count))


def test_epoch_order_differs_by_epoch_and_seed():
    orders = [epoch_order(seed, epoch, 1000, "cpu") for seed in range(3) for epoch in range(3)]
    for number, order in enumerate(orders):
        for other in orders[number + 1 :]:
            assert (order == other).double().mean() < 0.01


def test_epoch_order_is_unbiased():
    firsts = torch.stack([epoch_order(0, epoch, 10, "cpu")[0] for epoch in range(5000)])
    assert chi_square(torch.bincount(firsts, minlength=10)) < 27.9  # 9 degrees of freedom, p = 0.001


def test_hash_agrees_with_splitmix64_in_plain_integers():
    mask, golden = (1 << 64) - 1, 0x9E3779B97F4A7C15

    def mix(x: int) -> int:
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
        return x ^ (x >> 31)

    assert mix(golden) == 0xE220A8397B1DCDAF  # the first output of SplitMix64 from state 0, as published
    for seed, stream in ((0, 1), (2**31 - 1, 2), (-5, 2**63)):
        key = mix((mix(seed & mask) + stream * golden) & mask)
        counters = [0, 1, 2, 1_000_003, 2**62, -1]
        wanted = [mix((counter * golden + key) & mask) for counter in counters]
        found = [value & mask for value in hash_counters(seed, stream, torch.tensor(counters)).tolist()]
        assert found == wanted


def test_hash_bits_are_balanced():
    bits = hash_counters(1, Stream.ORDER, torch.arange(100_000))
    for place in range(64):
        share = float(((bits >> place) & 1).double().mean())
        assert abs(share - 0.5) < 0.007


def test_scales_and_places_are_uniform():
    epochs, indices = torch.arange(100).repeat_interleave(900), torch.arange(900).repeat(100)
    scale, y, x, flip = scale_draws(7, epochs, indices, 256, 480)
    assert (int(scale.min()), int(scale.max())) == (256, 480)
    assert chi_square(torch.bincount(scale - 256, minlength=225)) < 310  # 224 degrees of freedom, p about 1e-4
    for place in (y, x):
        assert int(place.min()) >= 0
        assert int(place.max()) < 2**24
        assert chi_square(torch.bincount(place >> 18, minlength=64)) < 110  # 63 degrees of freedom
    assert abs(float(flip.double().mean()) - 0.5) < 0.007
    together = torch.stack((scale.double(), y.double(), x.double(), flip.double()))
    assert (torch.corrcoef(together) - torch.eye(4)).abs().max() < 0.015
    assert set(scale_draws(7, epochs, indices, 300, 300)[0].tolist()) == {300}


def test_colours_are_standard_normal_and_independent():
    epochs, indices = torch.arange(100).repeat_interleave(900), torch.arange(900).repeat(100)
    drawn = colour_draws(7, epochs, indices)  # (90000, 3)
    assert drawn.dtype == torch.float64
    assert drawn.mean(0).abs().max() < 0.015
    assert (torch.cov(drawn.T) - torch.eye(3)).abs().max() < 0.025
    assert ((drawn**4).mean(0) - 3).abs().max() < 0.15
    assert torch.equal(colour_draws(7, epochs[5:9], indices[5:9]), drawn[5:9])
    assert not torch.equal(colour_draws(8, epochs[5:9], indices[5:9]), drawn[5:9])


def test_golden_draws():
    """These numbers are part of every stored run: if they change, no old run can be repeated."""
    assert epoch_order(0, 0, 10, "cpu").tolist() == GOLDEN_ORDER
    dy, dx, flip = crop_draws(0, torch.tensor([0, 0, 1, 2]), torch.tensor([0, 1, 0, 49_999]), PAD)
    assert (dy.tolist(), dx.tolist(), flip.long().tolist()) == GOLDEN_DRAWS
    scaled = scale_draws(0, torch.tensor([0, 0, 1]), torch.tensor([0, 1, 0]), 256, 480)
    assert [draw.long().tolist() for draw in scaled] == GOLDEN_SCALES
    colours = colour_draws(0, torch.tensor([0, 1]), torch.tensor([0, 49_999]))
    assert torch.allclose(colours, torch.tensor(GOLDEN_COLOURS, dtype=torch.float64), atol=1e-9)


GOLDEN_ORDER = [1, 4, 2, 7, 5, 6, 8, 0, 9, 3]
GOLDEN_SCALES = [[281, 386, 457], [13429306, 263757, 1804483], [13188879, 464181, 15998279], [0, 0, 1]]
GOLDEN_COLOURS = [[0.373671774498, 1.772492552788, -1.342697907459], [-0.978091783438, 0.5909838975, -0.859199893394]]
GOLDEN_DRAWS = ([3, 4, 7, 2], [4, 6, 6, 7], [0, 1, 1, 1])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_draws_the_same():
    counters = torch.arange(-5000, 50_000)
    assert torch.equal(hash_counters(3, 4, counters), hash_counters(3, 4, counters.cuda()).cpu())
    assert torch.equal(epoch_order(3, 4, 50_000, "cpu"), epoch_order(3, 4, 50_000, "cuda").cpu())
    epochs, indices = torch.arange(5000) // 700, torch.arange(5000)
    here = crop_draws(1, epochs, indices, PAD)
    there = crop_draws(1, epochs.cuda(), indices.cuda(), PAD)
    assert all(torch.equal(a, b.cpu()) for a, b in zip(here, there, strict=True))
    here = scale_draws(1, epochs, indices, 256, 480)
    there = scale_draws(1, epochs.cuda(), indices.cuda(), 256, 480)
    assert all(torch.equal(a, b.cpu()) for a, b in zip(here, there, strict=True))
    colours = colour_draws(1, epochs, indices), colour_draws(1, epochs.cuda(), indices.cuda()).cpu()
    assert torch.allclose(*colours, rtol=0, atol=1e-12)
