"""Mean and standard deviation of images, beside what the first batch norm stored of them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from resnet_studio.domain.imported_weights import PRESETS
from resnet_studio.networks.foreign.image_scale import doubt

CIFAR = PRESETS["cifar10"]
SCRIPTS = {  # what a script subtracts from values in 0..1, and divides by
    "usual": (CIFAR.mean, CIFAR.std),
    "subtracted": (CIFAR.mean, (1.0,) * 3),
    "as they are": ((0.0,) * 3, (1.0,) * 3),
    "bytes": ((0.0,) * 3, (1 / 255,) * 3),
}
ADVICE = {
    "usual": "mean 0.4914,0.4822,0.4465 and std 0.247,0.2435,0.2616 would fit (CIFAR-10)",
    "subtracted": "std 1,1,1 would fit (the mean subtracted, not divided)",
    "as they are": "mean 0,0,0 and std 1,1,1 would fit (values in 0..1 as they are)",
    "bytes": "std 0.00392157,0.00392157,0.00392157 would fit (values in 0..255 as they are)",
}


def like_photographs(count: int, size: int) -> Tensor:
    """Colours in 0..1 that vary together, slowly and with some grain, about 0.46 and by nearly 0.25."""
    grey = F.interpolate(torch.randn(count, 1, size // 4, size // 4), size=size, mode="bicubic")
    tint = F.interpolate(torch.randn(count, 3, 4, 4), size=size, mode="bicubic")
    x = grey / grey.std() + 0.3 * tint / tint.std() + 0.1 * torch.randn(count, 3, size, size)
    return (0.46 + 0.25 * x / x.std()).clamp(0, 1)


def shown(way: str, kernel: int, batches: int = 50) -> dict[str, Tensor]:
    """A stem's weights and statistics after images that were prepared that way."""
    torch.manual_seed(0)
    stem = nn.Sequential(nn.Conv2d(3, 32, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(32))
    mean, std = colours(way)
    with torch.no_grad():
        for _ in range(batches):
            stem((like_photographs(8, 32) - mean) / std)
    names = {"0": "stem.conv", "1": "stem.bn"}
    return {names[name[0]] + name[1:]: tensor for name, tensor in stem.state_dict().items()}


def colours(way: str) -> tuple[Tensor, ...]:
    return tuple(torch.tensor(colour).view(3, 1, 1) for colour in SCRIPTS[way])


@pytest.mark.parametrize("kernel", [3, 7])
@pytest.mark.parametrize("way", SCRIPTS)
def test_what_contradicts_the_statistics_is_doubted_and_what_would_fit_is_named(way: str, kernel: int) -> None:
    stored = shown(way, kernel)
    for said in SCRIPTS:
        text = doubt(stored, *colours(said), CIFAR)
        if said == way or (way, said) == ("as they are", "subtracted"):  # bright images would look like that
            assert text == ""
        else:
            assert text.startswith("Doubtful")
            assert ADVICE[way] in text


def test_few_batches_and_no_statistics_say_nothing() -> None:
    for batches in (0, 5):
        assert doubt(shown("bytes", 3, batches), *colours("usual"), CIFAR) == ""
    assert doubt({"stage1.block1.conv1.weight": torch.zeros(8, 3, 3, 3)}, *colours("usual"), CIFAR) == ""
