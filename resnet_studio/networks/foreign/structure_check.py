"""Whether batch norm's statistics contradict the network that shapes tell: layers without weights change it too.

Pooling, blur, strides, dilation and activations leave no tensors, so two networks that differ there have the same
weights and other outputs. What batch norm stored in training tells them apart, as in :mod:`.batch_norm_check`: the
network as it will be built is shown smooth noise, and where its statistics are far from those stored, each of several
usual variations is tried. Means tell of pooling, activations and the size of images; variances tell of blur, since
noise is smoother than photographs and so never varies more than they do.

Measured on networks trained on CIFAR-10: the right one's means are at most 0.012 away in any layer, a missing pool
makes that 0.14 and more; where blur or average pooling was left out, variances are 1.2 to 1.3 times those stored, and
at most 1.0 times in the right network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import Family, Stem
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.domain.specs import NetworkSpec, replace
from resnet_studio.networks.foreign.batch_norm_check import smooth_noise, without_initial_values
from resnet_studio.networks.layers import relu
from resnet_studio.networks.residual import PlannedBlock, PlannedNetwork
from resnet_studio.text import _

_FAR = 0.05  # squared difference of means in units of the variance, in the layer where it is largest
_STRANGE = 0.1  # the same, averaged over layers: no network that was tried fits
_MARGIN = 4.0  # a variation must be so many times nearer to be named
_ROUGH = 0.15  # logarithm of a variance over the stored one, where blur is missing
_GAIN = 0.12  # by which a variation must lower it
_SIZES = {Stem.SMALL: (32, 64, 96), Stem.LARGE: (32, 64, 96, 128, 160, 224, 288)}
_EPSILON = 1e-5

Variation = Callable[[PlannedNetwork], None]


@dataclass(frozen=True, slots=True)
class Distance:
    """A batch norm's statistics in a batch beside those stored, averaged over channels.

    Attributes:
        far: Squared difference of means, in units of the stored variance.
        rough: Logarithm of the variance over the stored one.
    """

    far: float
    rough: float


def doubt(
    tensors: Mapping[str, Tensor], spec: NetworkSpec, *, size_said: bool = False, should_stop: StopCheck = never_stop
) -> str:
    """A sentence where the statistics contradict the network; empty where they do not, or say nothing.

    Args:
        tensors: The weights under our names.
        spec: The network that they are taken for.
        size_said: The image size was given, so no other is tried.
        should_stop: Ends the work with Stopped where it returns True.

    Raises:
        Stopped: Within a second of ``should_stop`` saying so.
    """
    stored = [tensor for name, tensor in tensors.items() if name.endswith(".running_mean")]
    if spec.family is Family.VGG or not any(bool(mean.any()) for mean in stored):
        return ""
    freed, few = without_initial_values(tensors)
    if few:  # so few images were seen that chance alone moves the means
        return ""
    measure = partial(_measure, freed, should_stop=should_stop)
    found = measure(spec)
    if not found:
        return ""
    far, worst = _mean(found), max(found, key=lambda name: found[name].far)
    if found[worst].far > _FAR:
        tried = [(name, _mean(measure(spec, change))) for name, change in _variations(spec)]
        if not size_said and min(distance for _unused, distance in tried) * _MARGIN >= far:
            sizes = [size for size in _SIZES[spec.stem] if size != spec.image_size]
            tried += [
                (_("images of {size} pixels a side", size=size), _mean(measure(replace(spec, image_size=size))))
                for size in sizes
            ]
        name, nearest = min(tried, key=lambda pair: pair[1])
        if nearest * _MARGIN < far:
            advice = _("give that size") if name.startswith("images") else _("a network that is not built here")
            return _(
                "Doubtful: batch norm's stored means are {far:.2g} away from this network's and {nearest:.2g} with "
                "{name}, {advice}; test it on images whose error you know.",
                far=far,
                nearest=nearest,
                name=name,
                advice=advice,
            )
        if far > _STRANGE:
            return _(
                "Doubtful: batch norm's stored means are {far:.2g} away from this network's, where those of the right "
                "network are below 0.02: a layer without weights may differ; test it on images whose error you know.",
                far=far,
            )
    return _missing_blur(found, measure, spec)


def _missing_blur(found: Mapping[str, Distance], measure: Callable[..., dict[str, Distance]], spec: NetworkSpec) -> str:
    rough = [name for name, distance in found.items() if distance.rough > _ROUGH and name.startswith("stage")]
    if not rough:
        return ""
    for variation, change in _SMOOTHINGS:
        smoothed = measure(spec, change)
        better = [name for name in rough if found[name].rough - smoothed[name].rough > _GAIN]
        if better and len(better) == len(rough):
            times = max(2.718281828 ** found[name].rough for name in rough)
            return _(
                "Doubtful: what leaves {rough} of its convolutions varies up to {times:.2g} times as much as "
                "batch norm stored, as if {variation} were missing; test it on images whose error you know.",
                rough=len(rough),
                times=times,
                variation=variation,
            )
    return ""


def _mean(found: Mapping[str, Distance]) -> float:
    return sum(distance.far for distance in found.values()) / max(1, len(found))


@torch.no_grad()
def _measure(
    tensors: Mapping[str, Tensor],
    spec: NetworkSpec,
    change: Variation | None = None,
    *,
    should_stop: StopCheck = never_stop,
) -> dict[str, Distance]:
    """By the name of each batch norm behind the stem's."""
    with torch.device("cpu"):
        network = PlannedNetwork(blueprint(spec))
    network.load_state_dict(dict(tensors))
    network.train()
    if change is not None:
        change(network)
    found: dict[str, Distance] = {}

    def compare(name: str) -> Callable[[nn.Module, tuple[Tensor]], None]:
        mean, variance = tensors[f"{name}.running_mean"], tensors[f"{name}.running_var"] + _EPSILON  # (C,)

        def hook(_module: nn.Module, inputs: tuple[Tensor]) -> None:
            if should_stop():
                raise Stopped
            inner, own = torch.var_mean(inputs[0], (0, 2, 3))  # (C,)
            far = (own - mean).square() / variance
            found[name] = Distance(float(far.mean()), float((inner / variance).clamp_min(1e-6).log().mean()))

        return hook

    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d) and not name.startswith("stem."):
            module.register_forward_pre_hook(compare(name))
    try:
        network(smooth_noise(spec.image_size))
    except ValueError:  # one value a channel: images too small for this network
        return {}
    return found


# What may differ


def _variations(spec: NetworkSpec) -> list[tuple[str, Variation]]:
    """Usual ones that have the same weights, with their names."""
    stem: list[tuple[str, Variation]] = [
        (
            _("a 3x3 max pool of stride 2 behind the stem"),
            _then(partial(F.max_pool2d, kernel_size=3, stride=2, padding=1)),
        ),
        (_("a 2x2 max pool behind the stem"), _then(partial(F.max_pool2d, kernel_size=2))),
        (_("a 2x2 average pool behind the stem"), _then(partial(F.avg_pool2d, kernel_size=2))),
        (_("a stem of stride 2"), _stem_stride(2)),
    ]
    if spec.stem is Stem.LARGE:
        stem = [
            (_("no max pool behind the stem"), _without_pool),
            (_("a stem of stride 1"), _stem_stride(1)),
            (_("a stem of stride 1 and no max pool"), _full_size),
        ]
    return [
        *stem,
        (_("SiLU in place of ReLU"), _activation(F.silu)),
        (_("GELU in place of ReLU"), _activation(F.gelu)),
        (_("ELU in place of ReLU"), _activation(F.elu)),
        (_("leaky ReLU in place of ReLU"), _activation(partial(F.leaky_relu, negative_slope=0.1))),
        (_("no ReLU after the addition"), _without_last_relu),
    ]


def _then(step: Callable[[Tensor], Tensor]) -> Variation:
    return lambda network: network.stem.steps.append(step)


def _without_pool(network: PlannedNetwork) -> None:
    network.stem.steps.pop()


def _stem_stride(stride: int) -> Variation:
    def change(network: PlannedNetwork) -> None:
        network.stem.get_submodule("conv").stride = (stride, stride)  # type: ignore[assignment]

    return change


def _full_size(network: PlannedNetwork) -> None:
    _without_pool(network)
    _stem_stride(1)(network)


def _activation(function: Callable[[Tensor], Tensor]) -> Variation:
    def change(network: PlannedNetwork) -> None:
        for block in network.blocks:
            for steps in (block.before, block.branch, block.after):
                steps[:] = [function if step is relu else step for step in steps]

    return change


def _without_last_relu(network: PlannedNetwork) -> None:
    for block in network.blocks:
        block.after[:] = [step for step in block.after if step is not relu]


def _narrowing(network: PlannedNetwork) -> list[PlannedBlock]:
    halving = (2, 2)
    return [
        block
        for block in network.blocks
        if any(isinstance(step, nn.Conv2d) and step.stride == halving for step in block.branch)
    ]


def _blurred(network: PlannedNetwork) -> None:
    """The image is halved by a blur behind the convolution in place of the convolution's stride."""
    for block in _narrowing(network):
        (place,) = [i for i, s in enumerate(block.branch) if isinstance(s, nn.Conv2d) and s.stride == (2, 2)] or (-1,)
        if place < 0:
            continue
        block.branch[place].stride = (1, 1)  # type: ignore[attr-defined]
        following = next((i for i in range(place + 1, len(block.branch)) if block.branch[i] is relu), place)
        block.branch.insert(following + 1, _blur)


def _blur(x: Tensor) -> Tensor:
    """A 3x3 binomial filter of stride 2."""
    row = torch.tensor([0.25, 0.5, 0.25])
    kernel = (row[:, None] * row).expand(x.shape[1], 1, 3, 3)  # (C, 1, 3, 3)
    return F.conv2d(F.pad(x, (1, 1, 1, 1), "reflect"), kernel, stride=2, groups=x.shape[1])


def _smooth_shortcut(pool: Callable[[Tensor], Tensor]) -> Variation:
    """A pool before the projection in place of its stride."""

    def change(network: PlannedNetwork) -> None:
        for block in _narrowing(network):
            if (chain := getattr(block, "projection", None)) is not None:
                chain.get_submodule("conv").stride = (1, 1)
                chain.steps.insert(0, pool)

    return change


def _blurred_on_both(network: PlannedNetwork) -> None:
    """The branch and the projection; the projection first, since a narrowing block is known by its stride."""
    _smooth_shortcut(_blur)(network)
    _blurred(network)


_SMOOTHINGS: tuple[tuple[str, Variation], ...] = (
    (_("a blur where it halves the image"), _blurred),
    (
        _("an average pool before the projections"),
        _smooth_shortcut(partial(F.avg_pool2d, kernel_size=2, ceil_mode=True)),
    ),
    (_("a blur where it halves the image, on both paths"), _blurred_on_both),
)
