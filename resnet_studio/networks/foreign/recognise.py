"""Which network a set of named tensors is: family, depth, block, shortcut, width and classes by shapes and order.

What shapes cannot decide stays open: a net without projections may be plain or have option A with its zeros at the end
or on both sides, and a bottleneck may halve the image in its first or its second layer.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from torch import Tensor

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.documents import sentences
from resnet_studio.domain.enums import Block, Branch, Family, Shortcut, Stem, StridePlace, ZeroPadding
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.imported_weights import StructureHints
from resnet_studio.domain.network_spec import stages_of
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.networks.foreign.extras import Normalisation, take_normalisation, without_extras
from resnet_studio.networks.foreign.find_structure import (
    FoundNetwork,
    Order,
    as_filed,
    by_name,
    find_network,
)
from resnet_studio.networks.foreign.layers import Leaf, leaves_of, without_wrappers
from resnet_studio.networks.foreign.rename import OWN_HEAD, Taken, renamed
from resnet_studio.networks.foreign.vgg import is_vgg, vgg_spec
from resnet_studio.networks.foreign.wrapped_layers import as_linear, multiplied, pruned, unwrapped
from resnet_studio.text import _, _n

NO_HINTS = StructureHints()
_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Recognised:
    """A network that the tensors fit.

    Attributes:
        tensors: Under our names, complete: as a built network's ``state_dict``.
        alternatives: Every network that has exactly these shapes and was not excluded by hints; the first is the
            usual one.
        naming: Whose names the file had, in words.
        changes: Sentences on what had to be added, folded or passed over, for whoever wants to know.
        normalisation: Of the images, where the file holds it.
        biases: Its convolutions had some, which batch norm's means took over.
    """

    tensors: dict[str, Tensor]
    alternatives: tuple[NetworkSpec, ...]
    naming: str
    changes: tuple[str, ...] = ()
    normalisation: Normalisation | None = None
    biases: bool = False

    @property
    def spec(self) -> NetworkSpec:
        return self.alternatives[0]


def recognise(tensors: Mapping[str, Tensor], hints: StructureHints = NO_HINTS) -> Recognised:
    """Find the network.

    Raises:
        UserError: If it is none that can be built, naming what differs; as MismatchError, layer by layer.
    """
    named, normalisation = take_normalisation(tensors)
    named, passed = without_extras(named)
    plain = [as_linear(multiplied(pruned(leaf))) for leaf in leaves_of(without_wrappers(named))]
    orders: tuple[Order, ...] = (by_name, as_filed)
    problem: UserError | None = None
    for leaves, order in itertools.product(dict.fromkeys((unwrapped(plain), tuple(plain))), orders):
        try:
            found = _recognise(order(leaves), order, hints)
        except UserError as error:
            problem = problem or error
            continue
        changes = (*found.changes, *_passed_over(passed))
        return dataclasses.replace(found, changes=changes, normalisation=normalisation)
    raise problem or UserError(_("It holds no layers; choose another file."))


def _passed_over(names: Sequence[str]) -> Iterator[str]:
    if names:
        shown = ", ".join(names[:_SHOWN]) + (
            _(" and {names} more", names=len(names) - _SHOWN) if len(names) > _SHOWN else ""
        )
        yield _("Passed over, as no part of the network: {shown}.", shown=shown)


def fits(tensors: Mapping[str, Tensor], spec: NetworkSpec) -> Recognised:
    """Weights under our own names that are said to be those of ``spec``; raises MismatchError if they are not."""
    taken = Taken(blueprint(spec), {leaf.path: leaf for leaf in leaves_of(tensors)})
    return Recognised(taken.tensors, (spec,), "ResNet Studio")


def _recognise(leaves: Sequence[Leaf], order: Order, hints: StructureHints) -> Recognised:
    if is_vgg(leaves):
        spec, layers = vgg_spec(leaves)
        if hints.image_size not in (None, spec.image_size):
            raise UserError(
                _(
                    "These weights fit images of {image_size} pixels alone; leave the image size out, or set it to "
                    "{image_size}.",
                    image_size=spec.image_size,
                )
            )
        naming = "ResNet Studio" if _ours(leaves) else "torchvision"
        taken = Taken(blueprint(spec), layers)
        return Recognised(taken.tensors, (spec,), naming, tuple(taken.changes))
    found = find_network(leaves, order)
    alternatives = _alternatives(_network_spec(found, hints), found, hints)
    plan = blueprint(alternatives[0])
    taken = Taken(plan, renamed(plan, found))
    return Recognised(
        taken.tensors, tuple(alternatives), _naming(found, leaves), tuple(taken.changes), biases=taken.folded
    )


def _ours(leaves: Sequence[Leaf]) -> bool:
    return {OWN_HEAD, "stage1.block1.conv1"} <= {leaf.path for leaf in leaves}


def _naming(found: FoundNetwork, leaves: Sequence[Leaf]) -> str:
    if _ours(leaves):
        return "ResNet Studio"
    usual = found.head.path == "fc" and found.stem[0].path == "conv1" and len(found.stages) == 4
    return _("torchvision or timm") if usual and found.blocks[0].path == "layer1.0" else _("a training script")


# From the tree to a specification


def _network_spec(found: FoundNetwork, hints: StructureHints) -> dict[str, object]:
    """The values that shapes decide."""
    branches = {block.branch for block in found.blocks}
    if len(branches) != 1:
        raise UserError(
            _(
                "Its blocks are of different kinds ({branches}); it cannot be built.",
                branches=", ".join(sorted(branches)),
            )
        )
    branch = branches.pop()
    if found.head.channels < 2:
        raise UserError(
            _n(
                "Its last layer {path} has {count} output, where a classifier has one for each of at least 2 classes; "
                "choose the file of a classifier.",
                "Its last layer {path} has {count} outputs, where a classifier has one for each of at least 2 classes; "
                "choose the file of a classifier.",
                found.head.channels,
                path=found.head.path,
            )
        )
    kernel = found.stem[0].kernel
    stems = {(3, 3): Stem.SMALL, (7, 7): Stem.LARGE}
    if kernel not in stems or found.stem[0].shape[1] != 3:
        raise UserError(
            _(
                "Its first layer {path} has the shape {shape}; 3x3 and 7x7 layers on three colours can be built.",
                path=found.stem[0].path,
                shape=found.stem[0].shape,
            )
        )
    stem = stems[kernel]
    family = Family.CIFAR if stem is Stem.SMALL and len(found.stages) == 3 else Family.IMAGENET
    counts = tuple(len(stage) for stage in found.stages)
    widths = tuple(stage[0].convolutions[0].channels for stage in found.stages)
    for stage, width in zip(found.stages, widths, strict=True):
        if stage[0].outputs != width * branch.expansion:
            raise UserError(
                _(
                    "Block {path} gives {outputs} channels where {width} are wanted: "
                    "a bottleneck of the paper gives four times its width; wide and other variants cannot be built.",
                    path=stage[0].path,
                    outputs=stage[0].outputs,
                    width=width * branch.expansion,
                )
            )
    values: dict[str, object] = {
        "family": family,
        "branch": branch,
        "stem": stem,
        "classes": found.head.channels,
        "image_size": hints.image_size or (224 if stem is Stem.LARGE else 32),
        "width": widths[0],
    }
    if widths != tuple(widths[0] * 2**s for s in range(len(widths))):
        values["widths"] = widths
    depth = branch.layers * sum(counts) + 2
    values |= {"depth": depth} if stages_of(family, branch, depth) == counts else {"stages": counts}
    return values


def _alternatives(values: dict[str, object], found: FoundNetwork, hints: StructureHints) -> list[NetworkSpec]:
    """Every network of these shapes that fits the hints, the usual one first."""
    branch = Branch(str(values["branch"]))
    shortcuts = _shortcuts(found)
    if hints.stride_place is not None and branch is not Branch.BOTTLENECK:
        raise UserError(_("These weights have no bottlenecks, whose place of the stride could be said; leave it out."))
    if hints.zero_padding is not None and hints.block is not Block.PLAIN and Shortcut.A in shortcuts:
        shortcuts = [Shortcut.A]  # a plain net has no zeros
    places = [StridePlace.MIDDLE, StridePlace.FIRST] if branch is Branch.BOTTLENECK else [StridePlace.FIRST]
    made: list[NetworkSpec] = []
    for shortcut, padding, place in itertools.product(shortcuts, ZeroPadding, places):
        if padding is not ZeroPadding.END and (shortcut is not Shortcut.A or not _grows(found)):
            continue
        block = Block.PLAIN if shortcut is Shortcut.NONE else Block(branch.value)
        choices = (
            (hints.block, block), (hints.shortcut, shortcut),
            (hints.zero_padding if shortcut is Shortcut.A and _grows(found) else None, padding),
            (hints.stride_place if branch is Branch.BOTTLENECK else None, place),
        )  # fmt: skip
        if all(hint in (None, value) for hint, value in choices):
            own = {"block": block, "shortcut": shortcut, "stride_place": place, "zero_padding": padding}
            made.append(_checked({**values, **own}))
    if not made:
        raise UserError(_no_fit_sentence(hints, shortcuts))
    return made


def _no_fit_sentence(hints: StructureHints, shortcuts: Sequence[Shortcut]) -> str:
    given = [str(hint) for hint in (hints.block, hints.shortcut) if hint is not None]
    fit = _(" or ").join(
        _("none (a plain net)") if each is Shortcut.NONE else _("option {each}", each=each) for each in shortcuts
    )
    named = _(" with shortcut ").join(given)
    return _(
        "The weights do not fit {named}: their shortcut is {fit}; leave block and shortcut out.", named=named, fit=fit
    )


def _checked(values: Mapping[str, object]) -> NetworkSpec:
    try:
        return NetworkSpec.model_validate(dict(values))
    except ValidationError as error:
        raise UserError(_("It cannot be built: {values}.", values="; ".join(sentences(error).values()))) from None


def _grows(found: FoundNetwork) -> bool:
    """Whether option A has channels to add anywhere."""
    return any(block.outputs > block.inputs for block in found.blocks)


def _shortcuts(found: FoundNetwork) -> list[Shortcut]:
    """The options that the projections, or their absence, allow."""
    firsts = {id(stage[0]) for stage in found.stages[1:]}
    with_projection = [block for block in found.blocks if block.projection]
    if not with_projection:
        return [Shortcut.A, Shortcut.NONE]
    changing = [block for block in found.blocks if block.inputs != block.outputs or id(block) in firsts]
    if len(with_projection) == len(found.blocks):
        # Where every block changes dimensions, B and C are one network; the paper's name for it is B.
        return [Shortcut.B if len(changing) == len(found.blocks) else Shortcut.C]
    if [id(block) for block in with_projection] == [id(block) for block in changing]:
        return [Shortcut.B]
    odd = next(b for b in found.blocks if bool(b.projection) is not any(b is other for other in changing))
    raise UserError(
        _(
            "Block {path} {projection} a projection, unlike options A, B and C of the "
            "paper: none, where dimensions change, or everywhere; it cannot be built.",
            path=odd.path,
            projection=_("has") if odd.projection else _("lacks"),
        )
    )
