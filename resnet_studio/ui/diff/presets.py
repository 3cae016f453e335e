"""Comparisons that the paper suggests."""

from __future__ import annotations

from dataclasses import dataclass

from resnet_studio.text import _


@dataclass(frozen=True, slots=True)
class DiffPreset:
    """``names`` are understood by :func:`resnet_studio.domain.network_names.network_named`."""

    title: str
    names: tuple[str, ...]


DIFF_PRESETS = (
    DiffPreset(_("Figure 3: VGG-19, plain-34, ResNet-34"), ("vgg-19", "plain-34", "resnet-34-A")),
    DiffPreset(_("Plain, residual: 34 layers"), ("plain-34", "resnet-34-A")),
    DiffPreset(_("Plain, residual: 20 layers (CIFAR-10)"), ("plain-20", "resnet-20")),
    DiffPreset(_("Shortcuts A, B, C: 34 layers"), ("resnet-34-A", "resnet-34-B", "resnet-34-C")),
    DiffPreset(_("Basic, bottleneck blocks: 34, 50 layers"), ("resnet-34-B", "resnet-50")),
    DiffPreset(_("Stride in the first 1×1, in the 3×3"), ("resnet-50", "resnet-50-3x3")),
    DiffPreset(_("Table 1: 50, 101, 152 layers"), ("resnet-50", "resnet-101", "resnet-152")),
    DiffPreset(_("Zeros at the end, on both sides"), ("resnet-20", "resnet-20-both")),
    DiffPreset(_("Activation after, before (2016)"), ("resnet-20", "pre-resnet-20")),
)

# What the fields propose; anything else that is a name may be typed.
PROPOSED = (
    "plain-18", "resnet-18-A", "resnet-18-B", "plain-34", "resnet-34-A", "resnet-34-B", "resnet-34-C", "resnet-50",
    "resnet-50-3x3", "resnet-101", "resnet-152", "vgg-16", "vgg-19", "plain-20", "resnet-20", "plain-32", "resnet-32",
    "plain-44", "resnet-44", "plain-56", "resnet-56", "plain-110", "resnet-110", "resnet-1202",
    "cifar-resnet-110-bottleneck", "cifar-resnet-164-bottleneck-pre",
)  # fmt: skip
