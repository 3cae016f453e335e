"""Whether the first batch norm's statistics contradict a mean and a standard deviation of the images.

The first convolution sees normalised images, and the batch norm behind it stored the mean and the variance of what it
made of them in training. Photographs are much alike: neighbouring pixels and the three colours vary together. So the
convolution's weights tell which variance photographs of deviation 1 would give it; the root of the stored variance over
that is the deviation of what the network saw, and the stored mean tells its mean. Undoing the normalisation gives the
mean and deviation that its training images had in 0..1, where photographs have about 0.5 and 0.25.

Measured with the right mean and std: deviations of 0.20 to 0.32 in 3x3 stems trained on CIFAR-10 for 200 to 64 000
iterations, 0.17 to 0.26 with the built-in images. A network of images whose mean was subtracted alone has 0.05 to 0.08
if it is taken for one with CIFAR-10's std, and one of 0..255 has 18 and more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from resnet_studio.domain.data_sets import Colour
from resnet_studio.domain.imported_weights import Preset, colour_text
from resnet_studio.networks.foreign.batch_norm_check import without_initial_values
from resnet_studio.text import _

# Correlations of red, green and blue. Of 5 000 images of CIFAR-10: 0.91, 0.90 and, red with blue, 0.72.
_COLOURS = ((1.0, 0.93, 0.84), (0.93, 1.0, 0.93), (0.84, 0.93, 1.0))
# Of neighbouring pixels, by the stem's kernel. Of the same images: 0.95 along a row, 0.92 along a column; in the larger
# images that a 7x7 stem is for it is taken to be higher.
_NEIGHBOURS = {3: 0.95, 7: 0.97}
_USUAL_MEAN, _USUAL_DEVIATION = 0.46, 0.25  # of photographs in 0..1
_LEAST, _MOST = 0.11, 0.6  # deviations of images in 0..1 that are not doubted
_TIMES = 2.0  # by which the deviation may be overestimated
_FULL_SCALE = 255.0
_CONVOLUTION, _NORM = "stem.conv.weight", "stem.bn"


@dataclass(frozen=True, slots=True)
class Seen:
    """Mean and deviation of values, over all pixels and colours."""

    mean: float
    deviation: float

    def before(self, mean: float, std: float) -> Seen:
        """What these normalised values were before they were normalised."""
        return Seen(self.mean * std + mean, self.deviation * std)

    @property
    def possible(self) -> bool:
        """Whether images in 0..1 have them: of mean m they deviate by no more than the root of m (1 - m)."""
        most: float = _TIMES * max(0.0, self.mean * (1 - self.mean)) ** 0.5
        return _LEAST <= self.deviation <= min(_MOST, most)

    @property
    def strangeness(self) -> float:
        """How far from those of photographs."""
        ratio = torch.tensor(max(self.deviation, 1e-30) / _USUAL_DEVIATION).log().abs()
        return float(ratio) + 2 * abs(self.mean - _USUAL_MEAN)


def doubt(tensors: Mapping[str, Tensor], mean: Tensor, std: Tensor, usual: Preset) -> str:
    """A sentence where mean and std contradict the statistics; empty where they do not, or those say nothing.

    Args:
        tensors: The weights under our names.
        mean: Of the images in 0..1, (3, 1, 1) or (3, S, S).
        std: The same, (3, 1, 1).
        usual: What is usual for such a network, proposed where it fits.
    """
    seen = first_layer_saw(tensors)
    if seen is None:
        return ""
    images = seen.before(float(mean.mean()), float(std.mean()))
    if images.possible:
        return ""
    text = _(
        "Doubtful: by its first batch norm, mean and std do not fit: the images would have had mean {mean:.2g} and "
        "deviation {deviation:.2g} in 0..1, where photographs have about 0.5 and 0.25",
        mean=images.mean,
        deviation=images.deviation,
    )
    fitting = min(
        _choices(usual), key=lambda choice: seen.before(_average(choice.mean), _average(choice.std)).strangeness
    )
    if not seen.before(_average(fitting.mean), _average(fitting.std)).possible:
        return _("{text}; test it on images whose error you know.", text=text)
    return _(
        "{text}; mean {fitting_mean} and std {fitting_std} would fit ({title}).",
        text=text,
        fitting_mean=colour_text(fitting.mean),
        fitting_std=colour_text(fitting.std),
        title=fitting.title,
    )


def first_layer_saw(tensors: Mapping[str, Tensor]) -> Seen | None:
    """Of the normalised images; None where the statistics say nothing: none are stored, or of a few batches alone."""
    weight = tensors.get(_CONVOLUTION)
    freed, few = without_initial_values({name: t for name, t in tensors.items() if name.startswith(f"{_NORM}.")})
    means, variances = freed.get(f"{_NORM}.running_mean"), freed.get(f"{_NORM}.running_var")
    if weight is None or means is None or variances is None or few or not bool(means.any()):
        return None
    filters = weight.double().flatten(2)  # (O, 3, K)
    unit = torch.einsum(
        "oip,pq,ojq,ij->o", filters, _pixels(weight.shape[-1]), filters, torch.tensor(_COLOURS).double()
    )
    deviation = (variances.double().sum() / unit.sum()).sqrt()
    spread = (variances.double() + 1e-12).sqrt()  # (O,)
    sums, stored = filters.sum((1, 2)) / spread, means.double() / spread
    mean = (sums * stored).sum() / sums.square().sum().clamp_min(1e-30)  # least squares
    return Seen(float(mean), float(deviation))


def _pixels(size: int) -> Tensor:
    """Correlations of the pixels under a filter, (size^2, size^2), falling with their distance."""
    places = torch.cartesian_prod(*[torch.arange(size).double()] * 2)
    correlations: Tensor = _NEIGHBOURS.get(size, 0.95) ** torch.cdist(places, places)
    return correlations


def _choices(usual: Preset) -> tuple[Preset, ...]:
    """What training scripts do to images."""
    nothing, whole, byte = (0.0,) * 3, (1.0,) * 3, (1 / _FULL_SCALE,) * 3
    return (
        usual,
        Preset(_("the mean subtracted, not divided"), usual.mean, whole),
        Preset(_("values in 0..1 as they are"), nothing, whole),
        Preset(_("values in 0..255 as they are"), nothing, byte),
        Preset(_("values in 0..255, the mean subtracted"), usual.mean, byte),
        Preset(_("values in -1..1"), (0.5,) * 3, (0.5,) * 3),
    )


def _average(colour: Colour) -> float:
    return sum(colour) / len(colour)
