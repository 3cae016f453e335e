"""A residual network's tree found in named layers: stem, stages of blocks, head; by shapes and order, not by names.

Names differ from library to library; what is common is that a block is a numbered part of the tree and holds one, two
or three convolutions in a row and at most one 1x1 convolution beside them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from resnet_studio.domain.enums import Branch
from resnet_studio.domain.errors import UserError
from resnet_studio.networks.foreign.faults import missing_statistics
from resnet_studio.networks.foreign.layers import OF_LAYERS, Leaf, LeafKind, natural, of_kind
from resnet_studio.text import _, _n

KERNELS: dict[tuple[tuple[int, int], ...], Branch] = {
    ((3, 3),): Branch.SINGLE,
    ((3, 3), (3, 3)): Branch.BASIC,
    ((1, 1), (3, 3), (1, 1)): Branch.BOTTLENECK,
}
_COUNTED = re.compile(r"(?P<parent>.*?)(?P<number>\d+)")
_BESIDE = re.compile(r"down|short|proj|skip|ident|match", re.IGNORECASE)

Order = Callable[[Sequence[Leaf]], list[Leaf]]


@dataclass(frozen=True, eq=False)
class FoundBlock:
    """One block: ``path`` names it; ``norms`` are one for each convolution, in their order."""

    path: str
    convolutions: list[Leaf]
    norms: list[Leaf]
    projection: list[Leaf]

    @property
    def branch(self) -> Branch:
        return KERNELS[tuple(leaf.kernel for leaf in self.convolutions)]

    @property
    def inputs(self) -> int:
        return self.convolutions[0].shape[1]

    @property
    def outputs(self) -> int:
        return self.convolutions[-1].channels


@dataclass(frozen=True, eq=False)
class FoundNetwork:
    """``stem`` and ``head``: a convolution and the batch norm after it, a fully connected layer."""

    stem: tuple[Leaf, Leaf]
    stages: list[list[FoundBlock]]
    head: Leaf

    @property
    def blocks(self) -> list[FoundBlock]:
        return [block for stage in self.stages for block in stage]


def by_name(leaves: Sequence[Leaf]) -> list[Leaf]:
    return sorted(leaves, key=lambda leaf: natural(leaf.path))


def as_filed(leaves: Sequence[Leaf]) -> list[Leaf]:
    """In the order of the file: where torch.save wrote it, the order in which the layers were made."""
    return list(leaves)


def find_network(leaves: Sequence[Leaf], order: Order) -> FoundNetwork:
    """The tree of a residual (or plain) network.

    Raises:
        UserError: Naming what the networks of the paper do not have.
    """
    _refuse_strangers(leaves)
    convolutions, norms = of_kind(leaves, LeafKind.CONV), of_kind(leaves, LeafKind.BATCH_NORM)
    if convolutions and not norms:
        raise UserError(_("It has no batch norm, which every network of the paper but VGG has; choose another file."))
    heads = of_kind(leaves, LeafKind.LINEAR)
    if len(heads) != 1:
        raise UserError(_heads_sentence(heads))
    blocks = _blocks(convolutions, norms, order)
    _refuse_gaps(blocks)
    inside = {id(leaf) for block in blocks for leaf in (*block.convolutions, *block.norms, *block.projection)}
    outer_convolutions = [leaf for leaf in convolutions if id(leaf) not in inside]
    outer_norms = [leaf for leaf in norms if id(leaf) not in inside]
    if len(outer_convolutions) != 1 or len(outer_norms) != 1:
        found = [leaf.path for leaf in by_name([*outer_convolutions, *outer_norms])]
        raise UserError(
            _(
                "The paper's networks begin with one convolution and its batch norm, but this one has "
                "{found} outside its blocks; it has another stem or head, which cannot be built.",
                found=", ".join(found[:8]) or _("none"),
            )
        )
    return FoundNetwork((outer_convolutions[0], outer_norms[0]), _stages(blocks), heads[0])


def _refuse_gaps(blocks: Sequence[FoundBlock]) -> None:
    """Blocks of one width are counted in even steps; a longer step between two of them is a block that was lost.

    Where the width changes something without weights may have a number of its own, and a lost block would not fit.
    """
    steps: dict[tuple[str, int, int], bool] = {}
    for before, after in itertools.pairwise(blocks):
        first, second = _COUNTED.fullmatch(before.path), _COUNTED.fullmatch(after.path)
        if first and second and first["parent"] == second["parent"]:
            of_one_width = before.outputs == after.inputs == after.outputs
            steps[first["parent"], int(first["number"]), int(second["number"])] = of_one_width
    usual = min((high - low for _unused, low, high in steps), default=1)
    for (parent, low, high), of_one_width in steps.items():
        if of_one_width and high - low > usual:
            raise UserError(
                _(
                    "{missing} is missing, though {last} is there: the file is damaged; get it again.",
                    missing=", ".join(f"{parent}{number}" for number in range(low + usual, high, usual)),
                    last=f"{parent}{high}",
                )
            )


def _refuse_strangers(leaves: Sequence[Leaf]) -> None:
    if missing := missing_statistics(leaves):
        raise UserError(missing)
    strange = [name for leaf in leaves if leaf.kind is LeafKind.OTHER for name in _strange_names(leaf)]
    if strange:
        raise UserError(
            _(
                "It has {strange} that no network of the paper has: {names}{more}; it cannot be built.",
                strange=_n("{count} tensor", "{count} tensors", len(strange)),
                names=", ".join(strange[:5]),
                more=_(" and more") if len(strange) > 5 else "",
            )
        )


def _strange_names(leaf: Leaf) -> list[str]:
    """The tensors of a layer of another kind that make it one, a weight with its shape."""
    strange = [last for last in leaf.tensors if last not in OF_LAYERS]
    if strange or "weight" not in leaf.tensors:
        return [f"{leaf.path}.{last}".strip(".") or _("one without a name") for last in strange or leaf.tensors]
    return [_("{path}.weight of shape {shape}", path=leaf.path, shape=leaf.shape)]


def _heads_sentence(heads: Sequence[Leaf]) -> str:
    if not heads:
        return _("It has no fully connected layer, so it names no classes; choose a file of a whole classifier.")
    names = ", ".join(leaf.path for leaf in heads[:5])
    return _(
        "It has {heads} fully connected layers ({names}) where a residual network has one; networks with "
        "squeeze-and-excitation or several heads cannot be built.",
        heads=len(heads),
        names=names,
    )


def block_path(path: str) -> str:
    """The block a layer belongs to: its path up to the last part that is a number, or else ends in one; ``""`` if none.

    ``layer1.0.downsample.1`` belongs to ``layer1.0``, ``stage1.block2.conv1`` to ``stage1.block2``.
    """
    parts = path.split(".")[:-1]
    numbers = [i for i, part in enumerate(parts) if part.isdigit()]
    if not numbers:
        numbers = [i for i, part in enumerate(parts) if part[-1:].isdigit()]
    return ".".join(parts[: numbers[-1] + 1]) if numbers else ""


def _blocks(convolutions: Sequence[Leaf], norms: Sequence[Leaf], order: Order) -> list[FoundBlock]:
    groups: dict[str, tuple[list[Leaf], list[Leaf]]] = {}
    for place, leaves in enumerate((convolutions, norms)):
        for leaf in leaves:
            path = block_path(leaf.path)
            if path:
                groups.setdefault(path, ([], []))[place].append(leaf)
    # A stem made of a Sequential looks like a block of one: it is the one that sees the image.
    # So does a norm that lies inside its convolution, with a number in the name of that.
    groups = {path: pair for path, pair in groups.items() if pair[0] and not (_sees_image(pair[0]) and not pair[0][1:])}
    if not groups:
        raise UserError(
            _("It has no numbered blocks, so no residual network was recognised in it; choose another file.")
        )
    return [_block(path, order(groups[path][0]), order(groups[path][1])) for path in sorted(groups, key=natural)]


def _sees_image(convolutions: Sequence[Leaf]) -> bool:
    return any(leaf.shape[1] == 3 for leaf in convolutions)


def _block(path: str, convolutions: list[Leaf], norms: list[Leaf]) -> FoundBlock:
    if _sees_image(convolutions):
        raise UserError(
            _(
                "Its stem {path} has {convolutions} convolutions where the paper's networks have one; a deep stem "
                "cannot be built.",
                path=path,
                convolutions=len(convolutions),
            )
        )
    beside = _beside(path, convolutions)
    main = [leaf for leaf in convolutions if leaf is not beside]
    if tuple(leaf.kernel for leaf in main) not in KERNELS:
        kernels = ", ".join(f"{leaf.path[len(path) + 1 :]} {leaf.kernel[0]}x{leaf.kernel[1]}" for leaf in convolutions)
        gates = "squeeze-and-excitation: " if any("se" in leaf.path.split(".") for leaf in convolutions) else ""
        raise UserError(
            _(
                "Its block {path} has {gates}the convolutions {kernels}, where a block of the paper has "
                "one 3x3, "
                "two 3x3, or 1x1, 3x3, 1x1, and at most one 1x1 beside them; it cannot be built.",
                path=path,
                gates=gates,
                kernels=kernels,
            )
        )
    for before, leaf in itertools.pairwise(main):
        if leaf.shape[1] != before.channels:
            grouped = before.channels % leaf.shape[1] == 0 and before.channels > leaf.shape[1]
            raise UserError(
                _(
                    "Layer {path} takes {shape} channels but {before_path} gives {channels}",
                    path=leaf.path,
                    shape=leaf.shape[1],
                    before_path=before.path,
                    channels=before.channels,
                )
                + (
                    _(": grouped convolutions, as ResNeXt has, cannot be built.")
                    if grouped
                    else _("; it cannot be built.")
                )
            )
    return _with_norms(path, main, beside, norms)


def _beside(path: str, convolutions: Sequence[Leaf]) -> Leaf | None:
    """The convolution on the shortcut: by its name where it says so, else the last 1x1 that is one too many."""
    narrow = [leaf for leaf in convolutions if leaf.kernel == (1, 1)]
    for leaf in narrow:
        if _BESIDE.search(leaf.path[len(path) :]):
            return leaf
    if tuple(leaf.kernel for leaf in convolutions) in KERNELS:
        return None
    for leaf in reversed(narrow):
        if tuple(other.kernel for other in convolutions if other is not leaf) in KERNELS:
            return leaf
    return None


def _named(leaves: Sequence[Leaf]) -> str:
    return ", ".join(f"{leaf.path} {leaf.shape}" for leaf in leaves)


def _with_norms(path: str, main: list[Leaf], beside: Leaf | None, norms: list[Leaf]) -> FoundBlock:
    projection: list[Leaf] = []
    if beside is not None:
        projection = [beside]
        if len(norms) == len(main) + 1:
            container = beside.path.rpartition(".")[0]
            near = [leaf for leaf in norms if container != path and leaf.path.rpartition(".")[0] == container]
            named = [leaf for leaf in norms if _BESIDE.search(leaf.path[len(path) :])]
            projection.append((near or named or norms)[-1])
    rest = [leaf for leaf in norms if leaf not in projection]
    if len(rest) != len(main) or (beside is not None and len(projection) != 2):
        raise UserError(
            _(
                "Its block {path} has {norms} batch norms for {main} convolutions; in the "
                "paper's networks one follows each, so it cannot be built: wanted are as many of both; there are "
                "{named} and {named_2}.",
                path=path,
                norms=len(norms),
                main=len(main) + len(projection[:1]),
                named=_named([*main, *projection[:1]]),
                named_2=_named(norms),
            )
        )
    if any(norm.channels != leaf.channels for norm, leaf in zip(rest, main, strict=True)):
        before = all(norm.channels == leaf.shape[1] for norm, leaf in zip(rest, main, strict=True))
        if before:
            raise UserError(
                _(
                    "In its block {path} batch norm comes before each convolution (pre-activation), in an arrangement "
                    "that cannot be told from weights alone; only files that ResNet Studio wrote are read.",
                    path=path,
                )
            )
    return FoundBlock(path, main, rest, projection)


def _stages(blocks: Sequence[FoundBlock]) -> list[list[FoundBlock]]:
    """A stage for each part of the tree that holds blocks; where all lie in one part, for each number of filters."""
    parents = {block.path.rpartition(".")[0] for block in blocks}
    stages: list[list[FoundBlock]] = []
    last: object = None
    for block in blocks:
        mark: object = block.path.rpartition(".")[0] if len(parents) > 1 else block.outputs
        if mark != last:
            stages.append([])
        stages[-1].append(block)
        last = mark
    return stages
