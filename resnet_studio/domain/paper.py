"""The paper's tables as data: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", arXiv:1512.03385v1.

Errors in percent. Parameters and multiply-adds marked "recount" were computed from first principles (convolutions,
batch norm, fully connected) and are exact; the paper prints rounded figures.
"""

from __future__ import annotations

from dataclasses import dataclass

from resnet_studio.domain.enums import Block, Branch, Family, Shortcut
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.domain.text_numbers import percent
from resnet_studio.text import _


@dataclass(frozen=True, slots=True)
class CifarRow:
    """A residual network of Table 6 (CIFAR-10, option A): test error, the paper's parameters, and the recount."""

    depth: int
    n: int
    error: float
    error_text: str  # with its unit, for sentences
    paper_parameters: str
    parameters_a: int
    parameters_b: int
    parameters_c: int
    multiply_adds_a: float


CIFAR_10 = (
    CifarRow(20, 3, 8.75, "8.75 %", "0.27M", 269_722, 272_474, 283_962, 40.55e6),
    CifarRow(32, 5, 7.51, "7.51 %", "0.46M", 464_154, 466_906, 489_594, 68.86e6),
    CifarRow(44, 7, 7.17, "7.17 %", "0.66M", 658_586, 661_338, 695_226, 97.17e6),
    CifarRow(56, 9, 6.97, "6.97 %", "0.85M", 853_018, 855_770, 900_858, 125.5e6),
    CifarRow(110, 18, 6.43, "6.43 % best of 5 (6.61 ± 0.16 %)", "1.7M", 1_727_962, 1_730_714, 1_826_202, 252.9e6),
    CifarRow(1202, 200, 7.93, "7.93 % (training error < 0.1 %)", "19.4M", 19_421_274, 19_424_026, 20_538_714, 2_829e6),
)


@dataclass(frozen=True, slots=True)
class OtherRow:
    """A network of Table 6 that is not a residual net."""

    name: str
    error: float
    error_text: str
    parameters: str = ""


CIFAR_10_OTHERS = (
    OtherRow("Maxout", 9.38, "9.38"),
    OtherRow("NIN", 8.81, "8.81"),
    OtherRow("DSN", 8.22, "8.22"),
    OtherRow("FitNet-19", 8.39, "8.39", "2.5M"),
    OtherRow("Highway-19", 7.54, "7.54 (7.72 ± 0.16)", "2.3M"),
    OtherRow("Highway-32", 8.80, "8.80", "1.25M"),
)


@dataclass(frozen=True, slots=True)
class ImageNetRow:
    """A column of Table 1, with the recounted parameters of shortcut options A, B and C (a plain net counts as A)."""

    depth: int
    block: str
    blocks_per_stage: tuple[int, int, int, int]
    paper_multiply_adds: float
    parameters_a: int
    parameters_b: int
    parameters_c: int


IMAGENET = (
    ImageNetRow(18, "basic", (2, 2, 2, 2), 1.8e9, 11_515_688, 11_689_512, 12_043_816),
    ImageNetRow(34, "basic", (3, 4, 6, 3), 3.6e9, 21_623_848, 21_797_672, 22_716_840),
    ImageNetRow(50, "bottleneck", (3, 4, 6, 3), 3.8e9, 22_780_456, 25_557_032, 40_128_552),
    ImageNetRow(101, "bottleneck", (3, 4, 23, 3), 7.6e9, 41_772_584, 44_549_160, 76_981_288),
    ImageNetRow(152, "bottleneck", (3, 8, 36, 3), 11.3e9, 57_416_232, 60_192_808, 107_335_720),
)


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """Top-1 and top-5 error; None where the paper gives none."""

    name: str
    top1: float | None
    top5: float | None


TABLE_2 = (  # ImageNet validation, top-1, 10-crop; residual nets with option A
    ErrorRow("plain-18", 27.94, None),
    ErrorRow("ResNet-18", 27.88, None),
    ErrorRow("plain-34", 28.54, None),
    ErrorRow("ResNet-34", 25.03, None),
)
TABLE_3 = (  # ImageNet validation, 10-crop
    ErrorRow("VGG-16", 28.07, 9.33),
    ErrorRow("GoogLeNet", None, 9.15),
    ErrorRow("PReLU-net", 24.27, 7.38),
    ErrorRow("plain-34", 28.54, 10.02),
    ErrorRow("ResNet-34 A", 25.03, 7.76),
    ErrorRow("ResNet-34 B", 24.52, 7.46),
    ErrorRow("ResNet-34 C", 24.19, 7.40),
    ErrorRow("ResNet-50", 22.85, 6.71),
    ErrorRow("ResNet-101", 21.75, 6.05),
    ErrorRow("ResNet-152", 21.43, 5.71),
)
TABLE_4 = (  # ImageNet validation, single model, multi-scale
    ErrorRow("VGG (ILSVRC'14, test set)", None, 8.43),
    ErrorRow("GoogLeNet (ILSVRC'14)", None, 7.89),
    ErrorRow("VGG v5", 24.4, 7.1),
    ErrorRow("PReLU-net", 21.59, 5.71),
    ErrorRow("BN-inception", 21.99, 5.81),
    ErrorRow("ResNet-34 B", 21.84, 5.71),
    ErrorRow("ResNet-34 C", 21.53, 5.60),
    ErrorRow("ResNet-50", 20.74, 5.25),
    ErrorRow("ResNet-101", 19.87, 4.60),
    ErrorRow("ResNet-152", 19.38, 4.49),
)
TABLE_5 = (  # ImageNet test set, ensembles
    ErrorRow("VGG (ILSVRC'14)", None, 7.32),
    ErrorRow("GoogLeNet (ILSVRC'14)", None, 6.66),
    ErrorRow("VGG v5", None, 6.8),
    ErrorRow("PReLU-net", None, 4.94),
    ErrorRow("BN-inception", None, 4.82),
    ErrorRow("ResNet (ILSVRC'15)", None, 3.57),
)


VGG_MULTIPLY_ADDS = {16: 15.3e9, 19: 19.6e9}  # as the paper prints them


def cifar_row(network: NetworkSpec) -> CifarRow | None:
    """Table 6's row for a network of section 4.2, whatever its shortcuts; plain nets included for their parameters."""
    block = network.block
    if block not in (Block.PLAIN, Block.BASIC) or not _as_usual(network, NetworkSpec(depth=20, block=block)):
        return None
    return next((row for row in CIFAR_10 if row.depth == network.depth), None)


def imagenet_row(network: NetworkSpec) -> ImageNetRow | None:
    """Table 1's column for a network, whatever its shortcuts and wherever its stride is; plain nets included."""
    if network.branch is Branch.SINGLE:
        return None
    depth = 50 if network.branch is Branch.BOTTLENECK else 18
    if not _as_usual(network, NetworkSpec(family=Family.IMAGENET, depth=depth, block=network.block)):
        return None
    return next((row for row in IMAGENET if row.depth == network.depth), None)


def _as_usual(network: NetworkSpec, usual: NetworkSpec) -> bool:
    """Whether nothing but depth, shortcut, the place of zeros and that of the stride differs."""
    free = {"depth", "shortcut", "zero_padding", "stride_place"}
    return network.model_dump(exclude=free) == usual.model_dump(exclude=free)


def paper_sentence(network: NetworkSpec) -> str:
    """What the paper says of this network, as one or two sentences for people; empty where it says nothing."""
    if network.family is Family.CIFAR:
        return _cifar_sentence(network)
    return _vgg_sentence(network) if network.family is Family.VGG else _imagenet_sentence(network)


def _cifar_sentence(network: NetworkSpec) -> str:
    row = cifar_row(network)
    if row is None:
        return ""
    if network.shortcut in (Shortcut.B, Shortcut.C):
        return _(
            "Table 6 has ResNet-{depth} with option A: error {error_text}.", depth=row.depth, error_text=row.error_text
        )
    if network.residual:
        return _(
            "Table 6: error {error_text}, {paper_parameters} parameters.",
            error_text=row.error_text,
            paper_parameters=row.paper_parameters,
        )
    if network.depth == 110:
        return _("Section 4.2: plain-110 has more than 60 % error and is not drawn.")
    if network.depth in (20, 32, 44, 56):
        return _("Figure 6, left: deeper plain nets have higher training and test error; no table.")
    return ""


def _imagenet_sentence(network: NetworkSpec) -> str:
    row = imagenet_row(network)
    if row is None:
        return ""
    if not network.residual and network.branch is Branch.BOTTLENECK:
        return _(
            "Table 1 has this depth with shortcuts only: {billions} multiply-adds.",
            billions=_billions(row.paper_multiply_adds),
        )
    parts = [_("Table 1: {billions} multiply-adds", billions=_billions(row.paper_multiply_adds))]
    name = network.label.removesuffix(" v1.5")
    for words, table in (
        (_("Table 2 (10-crop)"), TABLE_2 if network.shortcut in (Shortcut.A, Shortcut.NONE) else ()),
        (_("Table 3 (10-crop)"), TABLE_3),
        (_("Table 4 (multi-scale)"), TABLE_4),
    ):
        wanted = name.split(" ")[0] if table is TABLE_2 else name
        found = next((entry for entry in table if entry.name == wanted), None)
        if found is not None and not (table is TABLE_2 and network.depth == 34):  # Table 3 has those and top-5 too
            parts.append(f"{words}: {_errors(found)}")
    return "; ".join(parts) + "."


def _vgg_sentence(network: NetworkSpec) -> str:
    usual = NetworkSpec(family=Family.VGG, depth=network.depth) if not network.stages else None
    if network != usual:
        return ""
    words = _("Figure 3's reference: {billions} multiply-adds", billions=_billions(VGG_MULTIPLY_ADDS[network.depth]))
    found = next((row for row in TABLE_3 if row.name == network.label), None)
    return words + (_("; Table 3 (10-crop): {errors}.", errors=_errors(found)) if found else ".")


def _billions(count: float) -> str:
    return f"{count / 1e9:.1f}e9"


def _errors(row: ErrorRow) -> str:
    words = [
        f"{name} {percent(value)}" for name, value in (("top-1", row.top1), ("top-5", row.top5)) if value is not None
    ]
    return ", ".join(words)
