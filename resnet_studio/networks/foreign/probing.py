"""Which of several networks with the same weights was trained: told by the statistics that batch norm kept.

Every batch norm stores the mean and the variance of its input in training. Shown a batch in training mode, the right
network gives nearly the same numbers again, whatever the images, because each layer's input is normalised anew; a
network whose shortcuts carry other channels, or none, does not. Smooth noise stands in for the images. Only batch norms
whose input differs from network to network are looked at: the others say nothing, and would hide what these say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import StopCheck, never
from resnet_studio.domain.planning import blueprint
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.networks.build import PlannedNetwork

_PIXELS = 1 << 16  # in a batch: 64 images of 32 x 32, and at least 4
_MARGIN = 3.0  # the next best must be so many times worse
_GOOD = 0.05  # squared difference of means in units of the variance; the right network is far below
_TELLING = 2.0  # a batch norm tells networks apart if they are so differently far from what it stored


@dataclass(frozen=True, slots=True)
class Verdict:
    """Distances from the statistics stored in the layers that tell the networks apart, the nearest network first.

    ``sure``: the first is near, and the next one far.
    """

    ranking: tuple[tuple[NetworkSpec, float], ...]
    sure: bool

    @property
    def best(self) -> NetworkSpec:
        return self.ranking[0][0]


def probe(
    tensors: Mapping[str, Tensor], candidates: Sequence[NetworkSpec], should_stop: StopCheck = never
) -> Verdict | None:
    """Compare the candidates; None if batch norm kept nothing, as in a network that was never trained.

    Args:
        tensors: The weights under our names; they fit every candidate.

    Raises:
        Stopped: Within a second of ``should_stop`` saying so.
    """
    stored = [tensor for name, tensor in tensors.items() if name.endswith(".running_mean")]
    if not any(bool(mean.any()) for mean in stored):
        return None
    images = smooth_noise(candidates[0].image_size)
    each = [distances(tensors, spec, images, should_stop) for spec in candidates]
    layers = range(len(each[0]))
    telling = [i for i in layers if max(far[i] for far in each) > _TELLING * min(far[i] for far in each)]
    means = [sum(far[i] for i in telling or layers) / max(1, len(telling or layers)) for far in each]
    found = sorted(zip(candidates, means, strict=True), key=lambda pair: pair[1])
    sure = found[0][1] < _GOOD and (len(found) == 1 or found[1][1] > _MARGIN * found[0][1])
    return Verdict(tuple(found), sure)


def smooth_noise(size: int) -> Tensor:
    """Normalised images (N, 3, size, size) that vary slowly, a little grain on them; the same at every call."""
    generator = torch.Generator().manual_seed(0)
    count = min(64, max(4, _PIXELS // size**2))
    coarse = torch.randn(count, 3, 6, 6, generator=generator)
    smooth = F.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=False)
    grain = torch.randn(count, 3, size, size, generator=generator)
    tint = torch.randn(count, 3, 1, 1, generator=generator)
    return smooth / smooth.std() + 0.2 * grain + 0.4 * tint


@torch.no_grad()
def distances(
    tensors: Mapping[str, Tensor], spec: NetworkSpec, images: Tensor, should_stop: StopCheck = never
) -> list[float]:
    """For each batch norm behind the stem's: mean over channels of (batch mean - stored mean)^2 / stored variance."""
    with torch.device("cpu"):
        network = PlannedNetwork(blueprint(spec))
    network.load_state_dict(dict(tensors))
    network.train()
    far: list[float] = []

    def compare(stored_mean: Tensor, stored_variance: Tensor) -> object:
        def hook(_module: nn.Module, inputs: tuple[Tensor]) -> None:
            if should_stop():
                raise Stopped
            difference = inputs[0].mean((0, 2, 3)) - stored_mean  # (C,)
            far.append(float((difference.square() / (stored_variance + 1e-5)).mean()))

        return hook

    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d) and not name.startswith("stem."):
            hook = compare(tensors[f"{name}.running_mean"], tensors[f"{name}.running_var"])
            module.register_forward_pre_hook(hook)  # type: ignore[arg-type]
    network(images)
    return far
