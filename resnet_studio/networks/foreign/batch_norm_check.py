"""Which of several networks with the same weights was trained: by the statistics that batch norm kept.

Every batch norm stores the mean and the variance of its input in training. Shown a batch in training mode, the right
network gives nearly the same numbers again, whatever the images, because each layer's input is normalised anew; a
network whose shortcuts carry other channels, or none, does not. Smooth noise stands in for the images. Only batch norms
whose input differs from network to network are looked at: the others do not differ, and would hide what these show.

What is stored begins as mean 0 and variance 1, and each batch takes away a tenth of that: after n batches 0.9^n of it
is left. As long as it is, everything looks like a network without shortcuts, so it is taken out first. Whoever trained
with another share than torch's tenth leaves more of it; it then shrinks every mean alike. A network that would fit best
if only the means were scaled is therefore a reason not to be sure of another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.networks.residual import PlannedNetwork

_PIXELS = 1 << 16  # in a batch: 64 images of 32 x 32, and at least 4
_MARGIN = 3.0  # the next best must be so many times worse
_GOOD = 0.05  # squared difference of means in units of the variance; the right network is far below
_SHARE = 0.1  # of a batch in what is stored: torch's default
_LEFT = 0.01  # of the initial values; less changes nothing
_DISTINCT = 2.0  # a batch norm distinguishes networks if they are so differently far from what it stored


@dataclass(frozen=True, slots=True)
class Means:
    """A batch norm's means m in a batch and s as stored, in units of the stored deviation; each averaged over channels.

    Attributes:
        found: m^2.
        both: m s.
        stored: s^2.
    """

    found: float
    both: float
    stored: float

    @property
    def far(self) -> float:
        """(m - s)^2."""
        return self.found - 2 * self.both + self.stored


@dataclass(frozen=True, slots=True)
class Verdict:
    """Distances from the statistics stored in the layers that distinguish the networks, the nearest network first.

    ``sure``: the first is near, and the next one far. ``few_batches``: how many batches were counted where so few were
    that the initial values had to be taken out; 0 where they no longer mattered or nothing was counted.
    """

    ranking: tuple[tuple[NetworkSpec, float], ...]
    sure: bool
    few_batches: int = 0

    @property
    def best(self) -> NetworkSpec:
        return self.ranking[0][0]


def probe(
    tensors: Mapping[str, Tensor], candidates: Sequence[NetworkSpec], should_stop: StopCheck = never_stop
) -> Verdict | None:
    """Compare the candidates; None if batch norm kept nothing, as in a network that was never trained.

    Args:
        tensors: The weights under our names; they fit every candidate.
        candidates: Networks that the weights could be of.
        should_stop: Ends the work with Stopped where it returns True.

    Raises:
        Stopped: Within a second of ``should_stop`` saying so.
    """
    stored = [tensor for name, tensor in tensors.items() if name.endswith(".running_mean")]
    if not any(bool(mean.any()) for mean in stored):
        return None
    freed, few = without_initial_values(tensors)
    images = smooth_noise(candidates[0].image_size)
    each = [means(freed, spec, images, should_stop) for spec in candidates]
    layers = range(len(each[0]))
    telling = [
        i for i in layers if max(found[i].far for found in each) > _DISTINCT * min(found[i].far for found in each)
    ]
    looked_at = [[found[i] for i in telling or layers] for found in each]
    far = [sum(layer.far for layer in found) / max(1, len(found)) for found in looked_at]
    scaled = [_far_if_scaled(found) for found in looked_at]
    ranking = sorted(zip(candidates, far, strict=True), key=lambda pair: pair[1])
    near = ranking[0][1] < _GOOD and (len(ranking) == 1 or ranking[1][1] > _MARGIN * ranking[0][1])
    same = far.index(min(far)) == scaled.index(min(scaled))
    return Verdict(tuple(ranking), near and same, few)


def without_initial_values(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], int]:
    """Statistics as they would be had they begun with the first batch; and after how many batches, 0 if it is no few.

    Batch norms that counted nothing, as in old files, keep what they have.
    """
    freed, few = dict(tensors), 0
    for name, counter in tensors.items():
        layer, _, last = name.rpartition(".")
        batches = int(counter) if last == "num_batches_tracked" else 0
        left = (1 - _SHARE) ** batches
        if batches <= 0 or left <= _LEFT:
            continue
        few = max(few, batches)
        mean, variance = f"{layer}.running_mean", f"{layer}.running_var"
        freed[mean] = tensors[mean] / (1 - left)
        freed[variance] = ((tensors[variance] - left) / (1 - left)).clamp_min(0)
    return freed, few


def _far_if_scaled(layers: Sequence[Means]) -> float:
    """The distance that is left when one factor brings all means in a batch as near as can be to those stored."""
    found, both, stored = (sum(getattr(layer, name) for layer in layers) for name in ("found", "both", "stored"))
    gap: float = stored - (both**2 / found if both > 0 else 0.0)
    return gap


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
def means(
    tensors: Mapping[str, Tensor], spec: NetworkSpec, images: Tensor, should_stop: StopCheck = never_stop
) -> list[Means]:
    """What each batch norm behind the stem's found in ``images``, beside what it stored."""
    with torch.device("cpu"):
        network = PlannedNetwork(blueprint(spec))
    network.load_state_dict(dict(tensors))
    network.train()
    compared: list[Means] = []

    def compare(stored_mean: Tensor, stored_variance: Tensor) -> object:
        def hook(_module: nn.Module, inputs: tuple[Tensor]) -> None:
            if should_stop():
                raise Stopped
            unit = (stored_variance + 1e-5).sqrt()  # (C,)
            found, stored = inputs[0].mean((0, 2, 3)) / unit, stored_mean / unit
            compared.append(
                Means(float(found.square().mean()), float((found * stored).mean()), float(stored.square().mean()))
            )

        return hook

    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d) and not name.startswith("stem."):
            hook = compare(tensors[f"{name}.running_mean"], tensors[f"{name}.running_var"])
            module.register_forward_pre_hook(hook)  # type: ignore[arg-type]
    network(images)
    return compared
