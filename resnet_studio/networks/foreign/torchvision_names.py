"""From our names to torchvision's, for the networks that torchvision has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from resnet_studio.domain.enums import Activation, Branch, Family, Shortcut, Stem, StridePlace
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.network_spec import stages_of
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.text import _

_DEPTHS = (18, 34, 50, 101, 152)
_FEATURES_SIZE = 7  # torchvision's VGG pools its last map to 7 x 7


def model_name(spec: NetworkSpec) -> str:
    """The function of ``torchvision.models`` that makes this network, such as ``resnet50``.

    Raises:
        UserError: Naming the first thing that torchvision's networks have otherwise.
    """
    fault = _vgg_fault(spec) if spec.family is Family.VGG else _resnet_fault(spec)
    if fault:
        raise UserError(
            _(
                "torchvision has no such network: {fault}; export {label} as safetensors instead.",
                fault=fault,
                label=spec.label,
            )
        )
    return f"{'vgg' if spec.family is Family.VGG else 'resnet'}{spec.depth}"


def _resnet_fault(spec: NetworkSpec) -> str:
    if spec.family is not Family.IMAGENET or spec.depth not in _DEPTHS or spec.stages:
        return _("its residual networks are those of Table 1, of {depths} layers", depths=", ".join(map(str, _DEPTHS)))
    if not spec.residual or spec.shortcut is not Shortcut.B:
        return _("its shortcuts are option B")
    if spec.stage_blocks != stages_of(Family.IMAGENET, spec.branch, spec.depth) or spec.branch is Branch.SINGLE:
        return _("its blocks are those of Table 1")
    if spec.activation is not Activation.POST:
        return _("its activations come after the convolutions")
    if spec.stem is not Stem.LARGE or spec.stage_widths != (64, 128, 256, 512):
        return _("its stem is 7x7 and its stages have 64, 128, 256 and 512 filters")
    if spec.branch is Branch.BOTTLENECK and spec.stride_place is not StridePlace.MIDDLE:
        return _("its bottlenecks halve the image in the 3x3 convolution, so its outputs would differ")
    return ""


def _vgg_fault(spec: NetworkSpec) -> str:
    if spec.width != 64 or spec.widths or spec.stages or spec.image_size // 2**5 != _FEATURES_SIZE:
        return _("its VGG-16 and VGG-19 begin with 64 filters and see images of 224 pixels")
    return ""


def to_torchvision(spec: NetworkSpec, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``state`` under torchvision's names, in the order of its layers; raises UserError as :func:`model_name`."""
    model_name(spec)
    pairs = _vgg_pairs(spec) if spec.family is Family.VGG else _resnet_pairs(spec)
    named: dict[str, Tensor] = {}
    for ours, theirs in pairs:
        for last in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            if (tensor := state.get(f"{ours}.{last}")) is not None:
                named[f"{theirs}.{last}"] = tensor
    return named


def _resnet_pairs(spec: NetworkSpec) -> Iterator[tuple[str, str]]:
    yield from (("stem.conv", "conv1"), ("stem.bn", "bn1"))
    for stage, count in enumerate(spec.stage_blocks, start=1):
        for block in range(1, count + 1):
            ours, theirs = f"stage{stage}.block{block}", f"layer{stage}.{block - 1}"
            for layer in range(1, spec.branch.layers + 1):
                yield f"{ours}.conv{layer}", f"{theirs}.conv{layer}"
                yield f"{ours}.bn{layer}", f"{theirs}.bn{layer}"
            yield f"{ours}.projection.conv", f"{theirs}.downsample.0"
            yield f"{ours}.projection.bn", f"{theirs}.downsample.1"
    yield "head.fc", "fc"


def _vgg_pairs(spec: NetworkSpec) -> Iterator[tuple[str, str]]:
    place = 0
    for stage, count in enumerate(spec.stage_blocks, start=1):
        for block in range(1, count + 1):
            yield f"stage{stage}.block{block}.conv1", f"features.{place}"
            place += 2  # a ReLU follows
        place += 1  # a max pool follows
    yield from (("head.fc1", "classifier.0"), ("head.fc2", "classifier.3"), ("head.fc", "classifier.6"))
