"""Which network: family, depth, block, shortcut, and all that the paper leaves free or fixes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from resnet_studio.domain.enums import Activation, Block, Branch, Family, Shortcut, Stem, StridePlace, ZeroPadding
from resnet_studio.domain.glossary import choices
from resnet_studio.domain.spec import FOLLOWS, AllOf, ReadWhen, Spec, spec_field, unread_values
from resnet_studio.domain.text_numbers import counted
from resnet_studio.text import N_, _

MAX_DEPTH = 1202

Count = Annotated[int, Field(ge=1, le=600)]
Filters = Annotated[int, Field(ge=1, le=4096)]

# Table 1 of He et al. 2015: blocks in conv2_x to conv5_x
_IMAGENET: dict[Branch, dict[int, tuple[int, ...]]] = {
    Branch.BASIC: {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)},
    Branch.BOTTLENECK: {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)},
    Branch.SINGLE: {18: (4, 4, 4, 4), 34: (6, 8, 12, 6)},
}
# Convolutions of one size, Simonyan and Zisserman 2014 (arXiv:1409.1556), networks D and E
_VGG: dict[int, tuple[int, ...]] = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
_FAMILY_DEFAULTS: dict[Family, dict[str, Any]] = {
    Family.CIFAR: {"width": 16, "image_size": 32, "classes": 10, "stem": Stem.SMALL},
    Family.IMAGENET: {"width": 64, "image_size": 224, "classes": 1000, "stem": Stem.LARGE},
    Family.VGG: {"width": 64, "image_size": 224, "classes": 1000, "stem": Stem.NONE},
}
_NOT_VGG = ReadWhen("family", unless=(Family.VGG,))
_VGG_FAULT = _("a VGG net is plain, layer by layer; choose block plain, branch single, activation post")


def depth_rule(family: Family, branch: Branch) -> str:
    """How depths are made, in words: ``6n + 2``, ``18 or 34``."""
    if family is Family.CIFAR:
        return "9n + 2" if branch is Branch.BOTTLENECK else "6n + 2"
    return _(" or ").join(map(str, depths(family, branch)))


def depths(family: Family, branch: Branch) -> tuple[int, ...]:
    """Every depth of the family's rule, rising."""
    if family is Family.CIFAR:
        step = 9 if branch is Branch.BOTTLENECK else 6
        return tuple(range(step + 2, MAX_DEPTH + 1, step))
    return tuple(_VGG if family is Family.VGG else _IMAGENET[branch])


def next_depth(depth: int, family: Family, branch: Branch) -> int:
    """The least depth of the family's rule above ``depth``; ``depth`` itself where there is none."""
    return next((deeper for deeper in depths(family, branch) if deeper > depth), depth)


def nearest_depths(depth: int, family: Family = Family.CIFAR, branch: Branch = Branch.BASIC) -> tuple[int, ...]:
    """The one or two depths of the family's rule around ``depth``; ``depth`` and the next one if it is one of them."""
    known = depths(family, branch)
    below = [d for d in known if d <= depth][-1:]
    above = [d for d in known if d > depth][:1]
    return (*below, *above)


def stages_of(family: Family, branch: Branch, depth: int) -> tuple[int, ...]:
    """Blocks per stage of a depth that follows the rule; ``()`` for another depth."""
    if family is Family.VGG:
        return _VGG.get(depth, ())
    if family is Family.IMAGENET:
        return _IMAGENET[branch].get(depth, ())
    step = 9 if branch is Branch.BOTTLENECK else 6
    n, rest = divmod(depth - 2, step)
    return () if rest or n < 1 else (n * (2 if branch is Branch.SINGLE else 1),) * 3


def depth_of(family: Family, branch: Branch, stages: tuple[int, ...]) -> int:
    """Weighted layers: those of the blocks, and the stem's and the last one (VGG: three fully connected)."""
    return branch.layers * sum(stages) + (3 if family is Family.VGG else 2)


class NetworkSpec(Spec):
    """One network of He et al. 2015, or a variation on it.

    What is not given follows from what is: the family brings its stem, width, image size and classes; the depth its
    stages; the block its branch and its usual shortcut.
    """

    family: Family = spec_field(
        N_("Family"),
        N_(
            "cifar: the three stages of section 4.2. imagenet: the four of Table 1. vgg: VGG-16 and VGG-19, the "
            "reference "
            "of Figure 3."
        ),
        simple=True,
        default=Family.CIFAR,
    )
    block: Block = spec_field(
        N_("Block"),
        choices(plain="plain-net", basic="basic-block", bottleneck="bottleneck", single="single-block"),
        simple=True,
        default=Block.BASIC,
    )
    branch: Branch = spec_field(
        N_("Layers of a block"),
        N_("Follows the block; for a plain net, the residual net whose layers it has: basic, bottleneck or single."),
        default=Branch.BASIC,
        read_when=AllOf((ReadWhen("block", (Block.PLAIN,)), _NOT_VGG)),
        unread=FOLLOWS,
    )
    stages: tuple[Count, ...] = spec_field(
        N_("Blocks per stage"), N_("Empty: as the depth says. Else one number a stage."), default=(), max_length=8
    )
    depth: int = spec_field(
        N_("Depth"),
        N_(
            "Weighted layers. cifar: 6n + 2, so 8, 14, 20, 32, 44, 56, 110, ... 1202, or 9n + 2 of bottlenecks. "
            "imagenet: 18, 34 of basic blocks, 50, 101, 152 of bottlenecks. vgg: 16, 19."
        ),
        unit=N_("layers"),
        simple=True,
        default=20,
        ge=3,
        le=MAX_DEPTH,
    )
    shortcut: Shortcut = spec_field(
        N_("Shortcut"),
        _("{options} none: for plain nets.", options=choices(A="option-a", B="option-b", C="option-c")),
        simple=True,
        default=Shortcut.A,
    )
    classes: int = spec_field(N_("Classes"), N_("Outputs of the last layer."), default=10, ge=2, le=100_000)
    width: int = spec_field(
        N_("Width"),
        N_("Filters in the first stage, doubled in each later one; the paper has 16 on CIFAR-10 and 64 on ImageNet."),
        unit=N_("filters"),
        default=16,
        ge=1,
        le=4096,
    )
    widths: tuple[Filters, ...] = spec_field(
        N_("Widths"), N_("Empty: doubled from stage to stage. Else filters of each stage."), default=(), max_length=8
    )
    image_size: int = spec_field(
        N_("Image size"),
        N_("Height and width of the input; images of other sizes are resized or cropped."),
        unit=N_("pixels"),
        default=32,
        ge=8,
        le=1024,
    )
    stem: Stem = spec_field(
        N_("Stem"),
        N_(
            "3x3: one 3x3 convolution (CIFAR-10). 7x7: a 7x7 convolution and a 3x3 max pool, a quarter of the size "
            "(ImageNet). none: for VGG."
        ),
        default=Stem.SMALL,
        read_when=_NOT_VGG,
        unread=FOLLOWS,
    )
    stride_place: StridePlace = spec_field(
        N_("Stride of a bottleneck"),
        N_("first-1x1: the paper's. 3x3: torchvision's, with more multiply-adds."),
        default=StridePlace.FIRST,
        read_when=ReadWhen("branch", (Branch.BOTTLENECK,)),
        refusal=_("only bottlenecks have a choice of stride; set stride_place to {first}", first=StridePlace.FIRST),
    )
    zero_padding: ZeroPadding = spec_field(
        N_("Zeros of option A"),
        N_("end: all new channels come last. both: half of them before, half after."),
        default=ZeroPadding.END,
        read_when=ReadWhen("shortcut", (Shortcut.A,)),
        refusal=_("only option A pads with zeros; set zero_padding to {end}", end=ZeroPadding.END),
    )
    activation: Activation = spec_field(
        N_("Activation"),
        N_(
            "post: batch norm after each convolution, ReLU after the addition (2015). pre: batch norm and ReLU before "
            "each "
            "convolution (arXiv:1603.05027)."
        ),
        default=Activation.POST,
        read_when=_NOT_VGG,
        refusal=_VGG_FAULT,
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: Any) -> Any:
        return filled_in(values) if isinstance(values, Mapping) else values

    @field_validator("depth")
    @classmethod
    def _depth_fits(cls, depth: int, info: ValidationInfo) -> int:
        if not {"family", "branch", "stages"} <= info.data.keys():
            return depth  # one of them is at fault and says so
        family, branch, stages = (info.data[name] for name in ("family", "branch", "stages"))
        if stages:
            made = depth_of(family, branch, stages)
            if made != depth:
                raise ValueError(
                    _(
                        "{stages} blocks make {made} layers, not {depth}; leave one out",
                        stages="-".join(map(str, stages)),
                        made=made,
                        depth=depth,
                    )
                )
        elif not stages_of(family, branch, depth):
            choices = _(" or ").join(map(str, nearest_depths(depth, family, branch)))
            rule = depth_rule(family, branch)
            fault = (
                _("is not {rule}", rule=rule)
                if family is Family.CIFAR
                else _("is none of {family} with {branch} blocks", family=family, branch=branch)
            )
            raise ValueError(_("depth {depth} {fault}; choose {choices}", depth=depth, fault=fault, choices=choices))
        return depth

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        for fault in (_block_fault(self), _shape_fault(self)):
            if fault:
                raise ValueError(fault)
        return self

    @property
    def residual(self) -> bool:
        return self.block.residual

    @property
    def stage_blocks(self) -> tuple[int, ...]:
        """Blocks in each stage."""
        return self.stages or stages_of(self.family, self.branch, self.depth)

    @property
    def stage_widths(self) -> tuple[int, ...]:
        """w of each stage; a bottleneck block gives 4w filters. VGG stops doubling at eight times the first."""
        if self.widths:
            return self.widths
        most = 3 if self.family is Family.VGG else len(self.stage_blocks)
        return tuple(self.width * 2 ** min(s, most) for s in range(len(self.stage_blocks)))

    @property
    def label(self) -> str:
        """As the paper writes it: ``plain-20``, ``ResNet-20``, ``ResNet-34 A``; what is unusual is named."""
        if self.family is Family.VGG:
            return f"VGG-{self.depth}"
        words = [f"{'ResNet' if self.residual else 'plain'}-{self.depth}"]
        if self.activation is Activation.PRE:
            words[0] = f"pre-{words[0]}"
        usual = Branch.BASIC if self.family is Family.CIFAR else _usual_branch(self.depth)
        if self.branch is not usual:
            words.append(str(self.branch))
        usual_shortcut = (
            Shortcut.A if self.family is Family.CIFAR else Shortcut.B if self.branch is Branch.BOTTLENECK else None
        )
        if self.residual and self.shortcut is not usual_shortcut:
            words.append(str(self.shortcut))
        if self.stride_place is StridePlace.MIDDLE:
            words.append("v1.5")  # as the variant with the stride in the 3x3 is called
        if self.stages:
            words.append("-".join(map(str, self.stages)))
        return " ".join(words)


def _usual_branch(depth: int) -> Branch:
    """Table 1: bottlenecks from 50 layers on."""
    return Branch.BOTTLENECK if depth >= 50 else Branch.BASIC


def _whole(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def filled_in(given: Mapping[str, Any]) -> dict[str, Any]:
    """``given`` with the fields that follow from it; a value that makes no sense is left for validation to name."""
    values = dict(given)
    try:
        family = Family(values.setdefault("family", Family.CIFAR))
    except ValueError:
        return values
    for name, usual in _FAMILY_DEFAULTS[family].items():
        if name == "width" and values.get("widths"):
            usual = values["widths"][0] if isinstance(values["widths"], list | tuple) else usual
        values.setdefault(name, usual)
    depth = _whole(values.get("depth"))
    if family is Family.VGG:
        values.setdefault("block", Block.PLAIN)
        values.setdefault("branch", Branch.SINGLE)
    usual_branch = _usual_branch(depth or 0) if family is Family.IMAGENET else Branch.BASIC
    values.setdefault("block", Block(usual_branch))
    if values["block"] == Block.PLAIN:
        values.setdefault("branch", usual_branch)
    elif values["block"] in tuple(Branch):
        values.setdefault("branch", Branch(values["block"]))
    else:
        return values
    if "shortcut" not in values:
        bottlenecks = family is Family.IMAGENET and values["block"] == Block.BOTTLENECK
        plain = values["block"] == Block.PLAIN
        values["shortcut"] = Shortcut.NONE if plain else Shortcut.B if bottlenecks else Shortcut.A
    if "depth" not in values:
        values["depth"] = _usual_depth(family, values)
    stages, depth = values.get("stages"), _whole(values["depth"])
    if stages and isinstance(stages, list | tuple) and depth is not None and values["branch"] in tuple(Branch):
        usual = stages_of(family, Branch(values["branch"]), depth)
        if tuple(map(_whole, stages)) == usual:
            values["stages"] = ()  # what the depth says anyway
    return values


def _usual_depth(family: Family, values: Mapping[str, Any]) -> int:
    branch = Branch(values["branch"]) if values.get("branch") in tuple(Branch) else Branch.BASIC
    stages = values.get("stages")
    counts = [_whole(count) for count in stages] if isinstance(stages, list | tuple) else []
    known = tuple(count for count in counts if count is not None)
    if known:
        return depth_of(family, branch, known)
    return 20 if family is Family.CIFAR and branch is not Branch.BOTTLENECK else depths(family, branch)[0]


def _block_fault(spec: NetworkSpec) -> str:
    if spec.family is Family.VGG and (spec.block is not Block.PLAIN or spec.branch is not Branch.SINGLE):
        return _VGG_FAULT
    if spec.block is Block.PLAIN and spec.shortcut is not Shortcut.NONE:
        return _("a plain net has no shortcuts; choose shortcut none, or block basic")
    if spec.block.residual and spec.shortcut is Shortcut.NONE:
        return _("a net of {block} blocks needs a shortcut; choose A, B or C, or block plain", block=spec.block)
    if spec.block.residual and spec.branch.value != spec.block.value:
        return _(
            "a net of {block} blocks has {block} branches; leave branch out, or choose block plain", block=spec.block
        )
    if fault := spec.unread_fault():
        return fault
    if (spec.stem is Stem.NONE) is not (spec.family is Family.VGG):
        return _(
            "stem {stem} does not go with family {family}; choose {stem_2}",
            stem=spec.stem,
            family=spec.family,
            stem_2=_FAMILY_DEFAULTS[spec.family]["stem"],
        )
    return ""


def _shape_fault(spec: NetworkSpec) -> str:
    blocks, widths = spec.stage_blocks, spec.stage_widths
    if len(widths) != len(blocks):
        are = "is" if len(blocks) == 1 else "are"
        stages = counted(len(blocks), "stage", "stages")
        return _(
            "there {are} {stages} but {widths}; give one for each stage",
            are=are,
            stages=stages,
            widths=counted(len(widths), "width", "widths"),
        )
    if spec.width != widths[0]:
        return _(
            "width {width} is not the first of the widths, {widths}; leave one of them out",
            width=spec.width,
            widths=widths[0],
        )
    if spec.shortcut is Shortcut.A and any(after < before for before, after in itertools.pairwise(widths)):
        return _("option A cannot drop channels, so widths must not fall; choose B or C")
    first = spec.width * spec.branch.expansion
    if spec.shortcut is Shortcut.A and first < spec.width:
        return _(
            "option A cannot drop channels: the stem gives {width}, the first block {first}",
            width=spec.width,
            first=first,
        )
    if spec.family is Family.VGG and spec.image_size < 2 ** len(blocks):
        return _(
            "{blocks} max pools leave nothing of {image_size} pixels; image_size at least {blocks_2}",
            blocks=len(blocks),
            image_size=spec.image_size,
            blocks_2=2 ** len(blocks),
        )
    if any(width > 65_536 for width in widths):
        return _(
            "stage {widths} would have {widths_2} filters; choose a smaller width",
            widths=len(widths),
            widths_2=widths[-1],
        )
    return ""


def counterpart(network: NetworkSpec) -> NetworkSpec:
    """The other half of the twin: a residual net's plain counterpart, or a plain net's residual one.

    The residual one has option A, as in Table 2 and Figure 6; of bottlenecks on ImageNet option B, as in Table 1.

    Raises:
        ValueError: For VGG, which has none.
    """
    if network.family is Family.VGG:
        raise ValueError(_("{label} has no residual counterpart; choose family imagenet or cifar", label=network.label))
    values = network.model_dump()
    if network.residual:
        values |= {"block": Block.PLAIN, "shortcut": Shortcut.NONE}
        values |= unread_values(NetworkSpec, values)
    else:
        values["block"] = Block(network.branch.value)
        del values["shortcut"]
    return NetworkSpec(**values)
