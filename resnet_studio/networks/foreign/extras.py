"""What lies beside a network's layers in a state_dict: the normalisation of its images, losses, metrics, counters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from resnet_studio.networks.foreign.layers import OF_LAYERS

# The parts of a name that a training script gives to what judges a network, whatever the network.
_JUDGES = re.compile(
    r"^(val|valid|train|test|eval)?_?(criteri(on|a|ons)|loss(es)?|loss_?(fn|func|function|fun)|metrics?|acc(uracy)?\d*|"
    r"top_?\d+|auroc|auc|f1(_?score)?|precision|recall|conf(usion)?_?mat(rix)?|confmat|mean_?(loss|acc)|"
    r"best_?acc|\w+_(loss|metrics?|acc|accuracy|criterion|auroc|f1|precision|recall|confmat))$",
    re.IGNORECASE,
)
_MEANS = re.compile(r"^(images?_|pixel_|input_|data_|norm(alize|alise)?_)?(mean|mu)$", re.IGNORECASE)
_STDS = re.compile(r"^(images?_|pixel_|input_|data_|norm(alize|alise)?_)?(std|sigma|stdev|std_dev)$", re.IGNORECASE)
_FULL_SCALE = 255.0


@dataclass(frozen=True, eq=False)
class Normalisation:
    """Mean and standard deviation of colours in 0..1: float32 (3, 1, 1), or a mean image (3, S, S).

    Attributes:
        names: Under which the file had them.
        divided: The file had them for colours in 0..255.
    """

    mean: Tensor
    std: Tensor
    names: tuple[str, str]
    divided: bool = False


def without_extras(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The tensors without those of losses, metrics and counters, and the names of those."""
    passed = tuple(name for name, tensor in tensors.items() if _judges(name) or _counts(name, tensor))
    beside = set(passed)
    return {name: tensor for name, tensor in tensors.items() if name not in beside}, passed


def _judges(name: str) -> bool:
    """By the first two parts of the name: deeper in a network's tree anything may be called anything."""
    return any(_JUDGES.match(part) for part in name.split(".")[:2])


def _counts(name: str, tensor: Tensor) -> bool:
    """Whole numbers that are no layer's: every layer's counter is ``num_batches_tracked``."""
    last = name.rpartition(".")[2]
    return not tensor.is_floating_point() and tensor.dim() <= 1 and last not in OF_LAYERS


def take_normalisation(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], Normalisation | None]:
    """The tensors without a mean and a standard deviation of three colours that lie beside one another, and those."""
    pairs = [
        (mean, std)
        for mean in tensors
        if _MEANS.match(mean.rpartition(".")[2])
        for std in tensors
        if _STDS.match(std.rpartition(".")[2]) and std.rpartition(".")[0] == mean.rpartition(".")[0]
    ]
    pairs = [pair for pair in pairs if _is_mean(tensors[pair[0]]) and tensors[pair[1]].numel() == 3]
    if len(pairs) != 1:
        return dict(tensors), None
    names = pairs[0]
    mean, std = (tensors[name].float() for name in names)
    mean = mean.reshape(mean.shape[-3:]) if mean.numel() > 3 else mean.reshape(3, 1, 1)
    std = std.reshape(3, 1, 1)
    divided = float(mean.abs().max()) > 10 or float(std.max()) > 10
    if divided:
        mean, std = mean / _FULL_SCALE, std / _FULL_SCALE
    left = {name: tensor for name, tensor in tensors.items() if name not in names}
    return left, Normalisation(mean.contiguous(), std.contiguous(), names, divided)


def _is_mean(tensor: Tensor) -> bool:
    shape = tuple(tensor.shape)
    image = len(shape) in (3, 4) and shape[-3] == 3 and shape[-1] == shape[-2] and all(n == 1 for n in shape[:-3])
    return tensor.is_floating_point() and (tensor.numel() == 3 or image)
