"""The network against sections 3.2 to 3.4, 4.2 and Table 1."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_studio.domain.enums import Activation, Branch, Family, Shortcut, Stem, StridePlace
from resnet_studio.domain.paper import CIFAR_10, IMAGENET
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.studies.conformity.checks import Check, Part, Point, Subject
from resnet_studio.text import _

CIFAR_RESIDUAL = tuple(row.depth for row in CIFAR_10)
CIFAR_PLAIN = (20, 32, 44, 56, 110)  # section 4.2; Figure 6, left
IMAGENET_PLAIN = (18, 34)  # Table 2
CIFAR_WIDTHS = (16, 32, 64)
IMAGENET_WIDTHS = (64, 128, 256, 512)
_STAGES = {row.depth: row.blocks_per_stage for row in IMAGENET}
_LAYERS = {
    Branch.BASIC: _("two 3x3 convolutions"),
    Branch.BOTTLENECK: _("1x1, 3x3 and 1x1 convolutions"),
    Branch.SINGLE: _("one 3x3 convolution, an experiment"),
}
_STEMS = {
    Stem.SMALL: _("one 3x3 convolution"),
    Stem.LARGE: _("a 7x7 convolution of stride 2, then a 3x3 max pool of stride 2"),
    Stem.NONE: "none",
}
_USUAL = {18: (Shortcut.A,), 34: (Shortcut.A, Shortcut.B, Shortcut.C)}  # Tables 2 and 3; deeper ones: B


def _point(key: str, topic: str, paper: str, where: str) -> Point:
    return Point(key, Part.NETWORK, topic, paper, where)


def usual_shortcuts(depth: int) -> tuple[Shortcut, ...]:
    """With which the paper has a residual net of ``depth`` layers on ImageNet."""
    return _USUAL.get(depth, (Shortcut.B,))


def network_checks(subject: Subject) -> Iterator[Check]:
    """Every point of the network, in the order from input to output."""
    network = subject.network
    yield _depth(subject)
    yield _block(subject)
    yield _widths(subject)
    yield _stem(subject)
    yield _head(subject)
    yield _input(subject)
    yield _classes(subject)
    yield _shortcut(subject)
    yield _zeros(network)
    yield _stride(network)
    yield _batch_norm(network)
    yield _dropout(network)


def _depth(subject: Subject) -> Check:
    network = subject.network
    if subject.cifar:
        point = _point(
            "depth",
            _("Depth"),
            _(
                "6n + 2 layers in three stages of n blocks; trained with {depths} layers, plain nets with {depths_2}",
                depths=_depths(CIFAR_RESIDUAL),
                depths_2=_depths(CIFAR_PLAIN),
            ),
            _("section 4.2, Table 6"),
        )
        blocks = network.stage_blocks
        right = network.family is Family.CIFAR and len(blocks) == 3 and len(set(blocks)) == 1
        trained = CIFAR_RESIDUAL if network.residual else CIFAR_PLAIN
        if right and network.branch is Branch.BASIC and network.depth not in trained:
            return point.not_said(_("{stages}: of the paper's form, but none that it trained", stages=_stages(network)))
        return point.compare(right and network.branch is Branch.BASIC, _stages(network))
    point = _point(
        "depth",
        _("Depth"),
        _("18, 34, 50, 101 or 152 layers; plain nets of 18 and 34; VGG-16 and VGG-19 as references"),
        _("Tables 1 and 3, Figure 3"),
    )
    if network.family is Family.VGG:
        return point.compare(
            not network.stages, _("{stages}: a reference, not a net of the paper's own", stages=_stages(network))
        )
    own = network.family is Family.IMAGENET and _STAGES.get(network.depth) == network.stage_blocks
    if own and not network.residual and network.depth not in IMAGENET_PLAIN:
        return point.not_said(_("{stages}: the paper has no plain net of this depth", stages=_stages(network)))
    return point.compare(own, _stages(network))


def _depths(depths: tuple[int, ...]) -> str:
    return ", ".join(map(str, depths))


def _stages(network: NetworkSpec) -> str:
    return _(
        "{label}: {stage_blocks} blocks", label=network.label, stage_blocks="-".join(map(str, network.stage_blocks))
    )


def _block(subject: Subject) -> Check:
    network = subject.network
    wanted = Branch.BASIC if subject.cifar or network.depth < 50 else Branch.BOTTLENECK
    paper = (
        _("Two 3x3 convolutions between additions; a single one showed no advantage")
        if subject.cifar
        else _("Two 3x3 convolutions up to 34 layers; from 50 on 1x1, 3x3, 1x1; a single one showed no advantage")
    )
    point = _point(
        "block", _("Layers of a block"), paper, _("sections 3.2 and 4.2") if subject.cifar else "sections 3.2, 4.1"
    )
    if network.family is Family.VGG:
        return point.not_applicable(_("VGG is not made of blocks"))
    return point.compare(network.branch is wanted, _LAYERS[network.branch])


def _widths(subject: Subject) -> Check:
    network = subject.network
    wanted: tuple[int, ...] = CIFAR_WIDTHS if subject.cifar else IMAGENET_WIDTHS
    bottleneck = "" if subject.cifar else _("; a bottleneck block ends with four times as many")
    point = _point(
        "widths",
        _("Filters"),
        _("{wanted} from stage to stage{bottleneck}", wanted=", ".join(map(str, wanted)), bottleneck=bottleneck),
        _("section 4.2") if subject.cifar else _("Table 1"),
    )
    if network.family is Family.VGG:
        wanted = (64, 128, 256, 512, 512)
    return point.compare(network.stage_widths == wanted, ", ".join(map(str, network.stage_widths)))


def _stem(subject: Subject) -> Check:
    network = subject.network
    wanted = Stem.SMALL if subject.cifar else Stem.LARGE
    text = _STEMS[wanted]
    point = _point("stem", _("Stem"), text[:1].upper() + text[1:], _("section 4.2") if subject.cifar else _("Table 1"))
    if network.family is Family.VGG:
        return point.not_applicable(_("VGG has none"))
    return point.compare(network.stem is wanted, _STEMS[network.stem])


def _head(subject: Subject) -> Check:
    where = _("section 4.2") if subject.cifar else _("section 3.3")
    point = _point("head", _("Head"), _("Global average pooling and one fully connected layer"), where)
    if subject.network.family is Family.VGG:
        return point.not_applicable(_("VGG has three fully connected layers of its own"))
    return point.compare(True, _("global average pooling and one fully connected layer"))


def _input(subject: Subject) -> Check:
    size = 32 if subject.cifar else 224
    where = _("section 4.2") if subject.cifar else _("section 3.4")
    has = subject.network.image_size
    return _point("image_size", _("Input"), _("{size} x {size} pixels", size=size), where).compare(
        has == size, _("{has} x {has} pixels", has=has)
    )


def _classes(subject: Subject) -> Check:
    classes = 10 if subject.cifar else 1000
    where = _("section 4.2") if subject.cifar else _("section 3.3")
    has = subject.network.classes
    return _point("classes", _("Classes"), str(classes), where).compare(has == classes, str(has))


def _shortcut(subject: Subject) -> Check:
    network = subject.network
    if subject.cifar:
        point = _point("shortcut", _("Shortcuts"), _("Option A in every residual net"), _("section 4.2"))
        usual: tuple[Shortcut, ...] = (Shortcut.A,)
    else:
        point = _point(
            "shortcut", _("Shortcuts"), _("ResNet-18 with option A, ResNet-34 with A, B and C, deeper ones with B"),
            _("Tables 2 and 3"),
        )  # fmt: skip
        usual = usual_shortcuts(network.depth)
    if not network.residual:
        return point.not_applicable(_("a plain net has none"))
    return point.compare(network.shortcut in usual, _("option {shortcut}", shortcut=network.shortcut))


def _zeros(network: NetworkSpec) -> Check:
    point = _point(
        "zero_padding",
        _("Zeros of option A"),
        _("Zeros fill the new channels; on which side of the old ones is not said"),
        _("section 3.3"),
    )
    if network.shortcut is not Shortcut.A:
        return point.not_applicable(_("no shortcut pads with zeros"))
    return point.not_said(
        {"end": _("all after the old channels"), "both": _("half before, half after the old channels")}[
            network.zero_padding
        ]
    )


def _stride(network: NetworkSpec) -> Check:
    point = _point("stride_place", _("Stride of a bottleneck"), _("In its first 1x1 convolution"), _("Table 1"))
    if network.branch is not Branch.BOTTLENECK:
        return point.not_applicable(_("no bottlenecks"))
    first = network.stride_place is StridePlace.FIRST
    return point.compare(
        first, _("in the first 1x1") if first else _("in the 3x3, as torchvision has it: more multiply-adds")
    )


def _batch_norm(network: NetworkSpec) -> Check:
    point = _point(
        "activation", _("Batch norm and ReLU"),
        _("Batch norm after each convolution and before the activation; the last ReLU of a block after the addition"),
        _("sections 3.2 and 3.4"),
    )  # fmt: skip
    if network.family is Family.VGG:
        return point.not_applicable(_("VGG was published without batch norm"))
    if network.activation is Activation.PRE:
        return point.compare(False, _("batch norm and ReLU before each convolution: pre-activation, arXiv:1603.05027"))
    return point.compare(True, _("batch norm after each convolution, ReLU after it or after the addition"))


def _dropout(network: NetworkSpec) -> Check:
    if network.family is Family.VGG:
        point = _point("dropout", _("Dropout"), _("None in its own nets; the VGG it refers to was trained with it"),
                       _("section 3.4"))  # fmt: skip
        return point.compare(False, _("none: VGG's dropout between the fully connected layers is left out here"))
    return _point("dropout", _("Dropout"), _("None"), _("sections 3.4 and 4.2")).compare(True, "none")
