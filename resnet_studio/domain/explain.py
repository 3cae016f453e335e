"""A block or layer of a designed network in words and formulas: its own shapes, indices and prices."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from resnet_studio.domain.blueprint import BlockPlan, Blueprint, Join, Layer, LayerKind, Shape
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import Activation, Branch, Shortcut
from resnet_studio.domain.glossary import find_term
from resnet_studio.domain.spec import replace_and_reset
from resnet_studio.text import _

_OPTIONS = {Shortcut.A: "option-a", Shortcut.B: "option-b", Shortcut.C: "option-c"}
_BLOCKS = {Branch.BASIC: "basic-block", Branch.BOTTLENECK: "bottleneck", Branch.SINGLE: "single-block"}
_LAYERS = {
    LayerKind.CONV: "convolution", LayerKind.BATCH_NORM: "batch-norm", LayerKind.RELU: "activation",
    LayerKind.MAX_POOL: "stem", LayerKind.GLOBAL_POOL: "head", LayerKind.FLATTEN: "head", LayerKind.LINEAR: "head",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Price:
    """What a part costs: parameters, and multiply-adds for one image."""

    part: str
    parameters: int
    multiply_adds: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """One block or layer explained.

    Attributes:
        title: Which one of which network.
        kind: What it is, as a heading.
        text: Sentences.
        formulas: As the glossary writes them, with this one's own indices and shapes.
        prices: Of its parts, then of the whole.
        options: What its shortcut would cost with the other options; empty where there is no shortcut.
        terms: Keys of the glossary, the nearest one first.
        block: None for a layer of stem or head.
    """

    title: str
    kind: str
    text: str
    formulas: tuple[str, ...]
    prices: tuple[Price, ...]
    options: tuple[Price, ...] = ()
    terms: tuple[str, ...] = ()
    block: BlockPlan | None = None


def shape_text(shape: Shape) -> str:
    """``16 × 32 × 32``: channels, height, width; a vector is its length."""
    channels, height, width = shape
    return f"{channels}" if height == width == 1 else f"{channels} × {height} × {width}"


def formula_of(plan: Blueprint, block: BlockPlan) -> str:
    """What the block computes, with the indices of its own layers: ``a^{[7]} = g(z^{[7]} + a^{[5]})``.

    Layers are counted as in the network's depth: the stem's is the first.
    """
    last = last_layer(plan, block)
    first = last - _weighted(block)
    if plan.spec.activation is Activation.PRE:
        return {
            Join.NONE: f"x_{{{last}}} = F(x_{{{first}}})",
            Join.ZERO_PAD: f"x_{{{last}}} = pad(x_{{{first}}}) + F(x_{{{first}}})",
            Join.PROJECTION: f"x_{{{last}}} = W_{{s}} x_{{{first}}} + F(x_{{{first}}})",
        }.get(block.join, f"x_{{{last}}} = x_{{{first}}} + F(x_{{{first}}})")
    added = {
        Join.NONE: "",
        Join.ZERO_PAD: f" + pad(a^{{[{first}]}})",
        Join.PROJECTION: f" + W_{{s}} a^{{[{first}]}}",
    }.get(block.join, f" + a^{{[{first}]}}")
    return f"a^{{[{last}]}} = g(z^{{[{last}]}}{added})"


def mapping_of(block: BlockPlan) -> str:
    """``H(x) = F(x) + x``, as the block adds it."""
    added = {Join.NONE: "", Join.ZERO_PAD: " + pad(x)", Join.PROJECTION: " + W_{s} x"}.get(block.join, " + x")
    return f"H(x) = F(x){added}"


def last_layer(plan: Blueprint, block: BlockPlan) -> int:
    """The number of the block's last weighted layer, as depth counts them. Raises ValueError for another's block."""
    count = sum(layer.kind.weighted for layer in plan.stem)
    for stage in plan.stages:
        for each in stage.blocks:
            count += _weighted(each)
            if each.name == block.name:
                return count
    raise ValueError(f"{plan.spec.label} has no block {block.name}")


def explain_block(plan: Blueprint, block: BlockPlan) -> Explanation:
    """``block`` of ``plan``: formulas, what each part costs, and what the shortcut would cost with other options."""
    spec, residual = plan.spec, block.join is not Join.NONE
    branch = find_term(_BLOCKS[spec.branch])
    if residual:
        kind = _("{name}, option {option}", name=branch.name, option=spec.shortcut)
        keys: tuple[str, ...] = ("residual-block", branch.key, "main-path", "shortcut", _OPTIONS[spec.shortcut])
        keys += ("projection",) if block.join is Join.PROJECTION else ()
        keys += ("identity-mapping",) if block.join is Join.IDENTITY else ()
    else:
        kind = _("Layers of a plain net")
        keys = ("plain-net", "identity-mapping", "degradation")
    keys += ("activation",) if spec.activation is Activation.PRE else ("batch-norm", "activation")
    return Explanation(
        title=_("{block} of {network}", block=block.name, network=spec.label),
        kind=kind,
        text=" ".join(_sentences(plan, block)),
        formulas=(mapping_of(block), formula_of(plan, block)),
        prices=_prices(plan, block),
        options=_options(plan, block) if residual else (),
        terms=keys,
        block=block,
    )


def explain_layer(plan: Blueprint, layer: Layer) -> Explanation:
    """A layer of stem or head."""
    term = find_term(_LAYERS[layer.kind])
    formulas: tuple[str, ...] = ()
    if layer.kind is LayerKind.CONV:
        weights = f"{layer.kernel}^{{2}} · {layer.input[0]} · {layer.output[0]}"
        formulas = (f"k^{{2}} C_{{in}} C_{{out}} = {weights} = {layer.weights}",)
    elif layer.kind is LayerKind.LINEAR:
        formulas = (f"C_{{in}} C_{{out}} + C_{{out}} = {layer.input[0]} · {layer.output[0]} + {layer.output[0]}",)
    return Explanation(
        title=_("{layer} of {network}", layer=layer.name, network=plan.spec.label),
        kind=term.name,
        text=_("{text} Here {before} becomes {after}.", text=term.text, before=shape_text(layer.input),
               after=shape_text(layer.output)),
        formulas=formulas,
        prices=(Price(_("This layer"), layer.parameters, layer.multiply_adds),),
        terms=(term.key, "multiply-adds"),
    )  # fmt: skip


def _weighted(block: BlockPlan) -> int:
    return sum(layer.kind.weighted for layer in block.branch)


def _sentences(plan: Blueprint, block: BlockPlan) -> list[str]:
    shapes = {"before": shape_text(block.input), "after": shape_text(block.output)}
    channels, (more, height, width) = block.input[0], block.output
    said = [
        _("x is {before}, H(x) {after}.", **shapes)
        if block.changes_dimensions
        else _("x, F(x) and H(x) are {before} each.", **shapes)
        if block.join is not Join.NONE
        else _("x and H(x) are {before} each.", **shapes)
    ]
    if block.join is Join.IDENTITY:
        said.append(_("Where F(x) is 0, the block passes x on unchanged."))
    elif block.join is Join.ZERO_PAD:
        taken = shape_text((channels, height, width))
        said.append(
            _("pad(x) is every second row and column of x, {taken}, with {zeros} channels of zeros.",
              taken=taken, zeros=more - channels)
            if block.stride > 1
            else _("pad(x) is x with {zeros} channels of zeros.", zeros=more - channels)
        )  # fmt: skip
    elif block.join is Join.PROJECTION:
        conv = block.projection[0]
        said.append(
            _("W{index} is a 1×1 convolution from {inputs} to {outputs} channels with a stride of {stride}.",
              index="\N{LATIN SUBSCRIPT SMALL LETTER S}", inputs=conv.input[0], outputs=conv.output[0],
              stride=conv.stride)
        )  # fmt: skip
    elif not block.changes_dimensions:
        said.append(_("To pass x on unchanged these layers have to learn the identity with their weights."))
    if plan.spec.activation is Activation.POST and any(layer.kind is LayerKind.BATCH_NORM for layer in block.branch):
        said.append(_("z is the last convolution's output after batch norm, g is ReLU."))
    return said


def _prices(plan: Blueprint, block: BlockPlan) -> tuple[Price, ...]:
    main = (*block.before, *block.branch, *block.after)
    parts = [Price(_("Main path"), sum(each.parameters for each in main), sum(each.multiply_adds for each in main))]
    if block.join is not Join.NONE:
        parts.append(_shortcut_price(_("Shortcut, option {option}", option=plan.spec.shortcut), block))
        parts.append(Price(_("Together"), block.parameters, block.multiply_adds))
    return tuple(parts)


def _shortcut_price(part: str, block: BlockPlan) -> Price:
    layers = block.projection
    return Price(part, sum(each.parameters for each in layers), sum(each.multiply_adds for each in layers))


def _options(plan: Blueprint, block: BlockPlan) -> tuple[Price, ...]:
    """Of this very block, in networks that differ in the option alone; an option that cannot be is left out."""
    found = []
    for option in _OPTIONS:
        if option is plan.spec.shortcut:
            continue
        try:
            spec = replace_and_reset(plan.spec, shortcut=option)
        except ValidationError:
            continue
        blocks = (each for stage in blueprint(spec).stages for each in stage.blocks)
        same = next(each for each in blocks if each.name == block.name)
        found.append(_shortcut_price(_("The shortcut with option {option}", option=option), same))
    return tuple(found)
