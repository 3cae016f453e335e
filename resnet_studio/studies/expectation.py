"""What can be said of a design before it is trained.

The paper's numbers, what was measured with this program's nets, and plainly where nothing is known.
"""

from __future__ import annotations

from dataclasses import dataclass

from resnet_studio.domain.data_sets import BUILTIN
from resnet_studio.domain.enums import Block, Family, Shortcut
from resnet_studio.domain.network_spec import NetworkSpec
from resnet_studio.domain.paper import CIFAR_10, TABLE_2, TABLE_3, cifar_row
from resnet_studio.domain.presets import WARM_UP_FROM
from resnet_studio.domain.specs import RunSpec, counterpart
from resnet_studio.domain.text_numbers import grouped, percent
from resnet_studio.studies.conformity import Check, Conformity, Part, State
from resnet_studio.text import _

_LONGEST = 34  # letters of what a point is, beside its topic
_NAMED = 3  # differences from the paper that are named at most
_LEAST_FOR_DEPTH = 2000  # iterations; fewer do not show depth pay off, whatever the blocks are


@dataclass(frozen=True, slots=True)
class Growth:
    """How many times the gradient grows from the last block to the first, before training.

    Least and most of three seeds; CIFAR-10 images in a batch of 32, He initialisation, batch norm in training mode.
    """

    low: int | float
    high: int | float

    def __str__(self) -> str:
        low, high = (grouped(end) if isinstance(end, int) else f"{end:g}" for end in (self.low, self.high))
        return _("{low} to {high} times", low=low, high=high)


# Measured with this program's nets of section 4.2; by depth, plain and residual (option A).
GROWTH: dict[int, tuple[Growth, Growth]] = {
    20: (Growth(14, 17), Growth(3.5, 5)),
    56: (Growth(2600, 6000), Growth(10, 20)),
}
# Cosine of input gradients at neighbouring points, 1 of 48 between two images; as GROWTH.
COSINE: dict[int, tuple[tuple[float, float], tuple[float, float]]] = {
    20: ((0.22, 0.25), (0.76, 0.80)),
    56: ((0.00, 0.01), (0.46, 0.57)),
}


@dataclass(frozen=True, slots=True)
class Expectation:
    """One statement: ``source`` says whose it is, in a word or two."""

    source: str
    text: str


PAPER, MEASURED, COUNTED, UNKNOWN = (
    _("The paper"), _("Measured here"), _("By design"), _("Not known"),
)  # fmt: skip


def expectations(spec: RunSpec, found: Conformity) -> tuple[Expectation, ...]:
    """Of a design and its counterpart; ``found`` is how the design stands to the paper."""
    chance = 100 - 100 / spec.network.classes
    said = [
        Expectation(
            COUNTED,
            _("Before it has learned anything a net of {classes} classes errs in {chance} of all images.",
              classes=spec.network.classes, chance=percent(chance, digits=1)),
        )
    ]  # fmt: skip
    paper = _paper(spec.network, warm_up=bool(spec.recipe.warmup_rate))
    said += [Expectation(PAPER, " ".join(filter(None, (paper, _differences(found) if paper else ""))))] if paper else []
    start = _start(spec.network)
    said += [Expectation(MEASURED, text) for text in (start, _begins(spec)) if text]
    unknown = _unknown(spec.network, known_to_paper=bool(paper), measured=bool(start))
    return (*said, *(Expectation(UNKNOWN, text) for text in unknown))


def _paper(network: NetworkSpec, *, warm_up: bool) -> str:
    """What the paper found of this network and its counterpart, where it has them."""
    if network.family is Family.VGG:
        return ""
    usual = 10 if network.family is Family.CIFAR else 1000
    network = network.model_copy(update={"classes": usual})
    if network.family is not Family.CIFAR:
        return _imagenet(network)
    late = network.residual and network.depth >= WARM_UP_FROM and not warm_up
    first = _("At a rate of 0.1 training starts badly: ResNet-110 begins with 0.01.") if late else ""
    return " ".join(filter(None, (_cifar(network), first)))


def _cifar(network: NetworkSpec) -> str:
    row, depth = cifar_row(network), network.depth
    if row is None:
        return ""
    parts = [_("ResNet-{depth} ends with a test error of {error} on CIFAR-10.", depth=depth, error=row.error_text)]
    if network.shortcut in (Shortcut.B, Shortcut.C):
        parts.append(_("That is with option A; with {option} it has no number.", option=network.shortcut))
    shallow = CIFAR_10[0]
    if depth == 110:
        parts.append(_("The error of plain-110 is above 60 %: it is not drawn."))
    elif shallow.depth < depth <= 56:
        parts.append(
            _("plain-{depth} ends above plain-{shallow}, on training images too; it prints no numbers of plain nets.",
              depth=depth, shallow=shallow.depth)
        )  # fmt: skip
    elif depth == shallow.depth:
        parts.append(_("It prints no numbers of plain nets: plain-20 is the best of those it drew."))
    else:
        parts.append(_("A plain net of this depth was not trained; ResNet-110 ends lower, at 6.43 %."))
    return " ".join(parts)


def _imagenet(network: NetworkSpec) -> str:
    """Top-1 errors of the ten-crop tables, of the network as it is or of the pair that it belongs to."""
    depth = network.depth
    usual = NetworkSpec(family=Family.IMAGENET, depth=depth, block=network.block, shortcut=network.shortcut)
    if network != usual:
        return ""
    pair = {row.name: row.top1 for row in TABLE_2}
    plain, residual = pair.get(f"plain-{depth}"), pair.get(f"ResNet-{depth}")
    own = next((row.top1 for row in TABLE_3 if row.name == network.label), None)
    parts = []
    if plain is not None and residual is not None:
        parts.append(
            _("Top-1 errors on ImageNet, ten crops: plain-{depth} {plain}, ResNet-{depth} with option A {residual}.",
              depth=depth, plain=percent(plain), residual=percent(residual))
        )  # fmt: skip
        parts.append(
            _("The plain net has the higher training error throughout.") if plain - residual > 1
            else _("Both are about as accurate; the residual net converges faster.")
        )  # fmt: skip
    elif own is not None:
        parts.append(_("{network} has a top-1 error of {error} on ImageNet, ten crops.",
                       network=network.label, error=percent(own)))  # fmt: skip
        parts.append(_("A plain net of this depth was not trained."))
    return " ".join(parts)


def _differences(found: Conformity) -> str:
    """In which points of data and recipe the design differs, so that the paper's numbers are not its own."""
    differing = [check for check in found.of(State.DIFFERS) if check.part in (Part.DATA, Part.RECIPE)]
    if not differing:
        return ""
    named = ", ".join(map(_point, differing[:_NAMED]))
    more = len(differing) - _NAMED
    rest = _(" and {count} more", count=more) if more > 0 else ""
    return _(
        "That is with the paper's recipe and images; this design differs in {named}{rest}.", named=named, rest=rest
    )


def _point(check: Check) -> str:
    """``batch (64 images)``; of what takes many words the topic alone."""
    topic = check.topic[:1].lower() + check.topic[1:]
    return f"{topic} ({check.run})" if len(check.run) <= _LONGEST else topic


def _measured(network: NetworkSpec) -> bool:
    """Whether it is one of the nets of section 4.2 that were measured here, with option A or plain."""
    if network.family is not Family.CIFAR or network.block not in (Block.PLAIN, Block.BASIC):
        return False
    return network.depth in GROWTH and network == NetworkSpec(depth=network.depth, block=network.block)


def _start(network: NetworkSpec) -> str:
    """The gradients before training, of the two depths that they were measured at."""
    if not _measured(network):
        return ""
    (plain, residual), (plain_cosine, residual_cosine) = GROWTH[network.depth], COSINE[network.depth]
    return _(
        "Before training the gradient grows from the last block to the first {plain} in plain-{depth}, {residual} in "
        "ResNet-{depth} (CIFAR-10 images, batch of 32, three seeds): it explodes towards the input, it does not "
        "vanish, and batch norm is what makes it. Input gradients at neighbouring images have a cosine of "
        "{plain_cosine} and {residual_cosine}. Look inside measures your own.",
        plain=plain,
        residual=residual,
        depth=network.depth,
        plain_cosine=_range(plain_cosine),
        residual_cosine=_range(residual_cosine),
    )  # fmt: skip


def _range(ends: tuple[float, float]) -> str:
    return _("{low:.2f} to {high:.2f}", low=ends[0], high=ends[1])


def _begins(spec: RunSpec) -> str:
    """What short runs of the demo's depths on the program's own images show, and what they do not."""
    if not _measured(spec.network):
        return ""
    if spec.recipe.iterations >= _LEAST_FOR_DEPTH or spec.data.source != BUILTIN.key:
        return ""
    return _(
        "{iterations} iterations on these images show how training begins. Whether ResNet-56 is below ResNet-20 by "
        "then differs from seed to seed.",
        iterations=grouped(spec.recipe.iterations),
    )


def _unknown(network: NetworkSpec, *, known_to_paper: bool, measured: bool) -> list[str]:
    said = [] if known_to_paper else [_unnamed(network)]
    if not measured and network.family is not Family.VGG:
        said.append(_("How the gradients of this net grow before training was not measured; “Look inside” does it."))
    return said


def _unnamed(network: NetworkSpec) -> str:
    if network.family is Family.VGG:
        return _("The paper did not train it: it quotes its authors' numbers.")
    twin = counterpart(network).label
    return _("Of {network} and {twin} the paper has no pair of errors to compare; training shows which is better.",
             network=network.label, twin=twin)  # fmt: skip
