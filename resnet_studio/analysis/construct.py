"""The paper's construction: a deeper plain net that says what a trained shallower one says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from resnet_studio.analysis.block_passes import NamedBlock, block_plans, named_blocks
from resnet_studio.analysis.subjects import Progress, Subject, no_progress
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.domain.analyses.construct import AddedBlock, Construction, ConstructSettings
from resnet_studio.domain.blueprint import Blueprint
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import Activation, Branch
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.domain.network_spec import NetworkSpec, next_depth
from resnet_studio.domain.spec import replace
from resnet_studio.networks.residual import PlannedNetwork
from resnet_studio.text import _

BATCH = 250  # images that go through together
FIRST = 50  # images of the first comparison, which is shown soon
_STEPS = 64  # units in the last place of variance + eps by which a variance may be moved; 4 were needed at most


def measure(
    subject: Subject,
    images: DrawnImages,
    settings: ConstructSettings,
    progress: Progress = no_progress,
    should_stop: StopCheck = never_stop,
    on_partial: Callable[[Construction], None] | None = None,
) -> Construction:
    """Build the deeper net and compare both in test mode, in float32, on the images that gave it its statistics.

    He, Zhang, Ren, Sun 2015 (arXiv:1512.03385), section 1: copy a trained net's layers into a deeper one, make each
    further layer the identity, and both answer alike. So degradation is not about what a deeper net can express.
    The added layers come last in each stage, where the input is the output of a ReLU, never negative, so that
    theirs change nothing:

    - a convolution's kernel is Dirac's: 1 in the middle from each channel to itself, else 0;
    - its batch norm has the mean and variance of what flows there, measured in test mode, gamma = sqrt(variance +
      eps) and beta = mean: the identity in test mode, and in training mode as near to it as a batch's statistics
      are to those. Without batch norm (VGG) the bias is zero.

    In float32 the CPU's batch norm computes ``x * alpha + (beta - mean * alpha)`` with ``alpha = gamma /
    sqrt(variance + eps)``, both rounded. With ``alpha`` exactly 1 and ``beta`` equal to ``mean`` that is exactly
    ``x``; so variance and gamma are the nearest numbers to those above, some units in the last place away, whose
    ``alpha`` rounds to 1 (:func:`exact_scale`). A sum of zeros and one ``x`` is exact too. A library that subtracts
    the mean first (CUDA's) rounds there; :attr:`~resnet_studio.domain.analyses.construct.Construction.difference`
    is what was measured, not assumed.

    ``on_partial`` is called with the comparison on the images so far, batch by batch.

    Raises:
        UserError: If the network is no plain net of 3x3 layers with the activation last, or cannot have that depth.
        Stopped: Between two blocks, when ``should_stop`` says so.
    """
    deeper = blueprint(deeper_spec(subject.blueprint.spec, settings.depth))
    inputs = subject.inputs(images)

    def first_half(done: int, total: int) -> None:
        progress(done, 2 * total)

    def second_half(done: int, total: int) -> None:
        progress(total + done, 2 * total)

    def compared(found: Compared) -> None:
        if on_partial is not None and found.images < len(images):
            on_partial(result(found))

    def result(found: Compared) -> Construction:
        return Construction(
            subject.net, deeper.spec.label, found.difference, found.changed, found.images, found.added
        )  # fmt: skip

    made = construct(subject.network, subject.blueprint, deeper, inputs, first_half, should_stop)
    return result(compare(subject.network, subject.blueprint, made, deeper, inputs, second_half, should_stop, compared))


def deeper_spec(network: NetworkSpec, depth: int) -> NetworkSpec:
    """The plain net of ``depth`` layers whose first blocks in each stage are those of ``network``.

    A ``depth`` of 0 stands for the next one of the family's rule.

    Raises:
        UserError: If identity layers cannot be added to ``network``, or not so that it has ``depth`` layers.
    """
    if sentence := _refusal(network):
        raise UserError(sentence)
    depth = depth or next_depth(network.depth, network.family, network.branch)
    try:
        deeper = replace(network, depth=depth, stages=())
    except ValueError as error:
        raise UserError(_depth_sentence(network, depth)) from error
    pairs = tuple(zip(network.stage_blocks, deeper.stage_blocks, strict=True))
    if network.stage_blocks == deeper.stage_blocks or any(more < few for few, more in pairs):
        raise UserError(
            _(
                "{label} has {own} blocks in its stages and {deeper} has {theirs}; choose a greater depth.",
                label=network.label,
                own=_joined(network.stage_blocks),
                deeper=deeper.label,
                theirs=_joined(deeper.stage_blocks),
            )
        )
    return deeper


def _refusal(network: NetworkSpec) -> str:
    if network.residual:
        return _(
            "{label} is residual: a deeper one contains it whenever the added branches are zero, and there is nothing "
            "to construct; choose a plain net.",
            label=network.label,
        )
    if network.activation is Activation.PRE:
        return _(
            "The blocks of {label} begin with ReLU, which cuts what is negative, so no layer of theirs is the "
            "identity; choose a plain net whose activation comes last.",
            label=network.label,
        )
    if network.branch is Branch.BOTTLENECK:
        return _(
            "The first layer of a bottleneck has fewer filters than enter it, so none of {label}'s blocks is the "
            "identity; choose a plain net of 3x3 layers.",
            label=network.label,
        )
    return ""


def _depth_sentence(network: NetworkSpec, depth: int) -> str:
    return _(
        "{label} cannot be made {depth} layers deep by whole blocks in each stage; choose a greater depth of its "
        "family.",
        label=network.label,
        depth=depth,
    )


def _joined(stages: tuple[int, ...]) -> str:
    return "-".join(map(str, stages))


def construct(
    network: PlannedNetwork,
    plan: Blueprint,
    deeper: Blueprint,
    images: Tensor,
    progress: Progress = no_progress,
    should_stop: StopCheck = never_stop,
) -> PlannedNetwork:
    """The deeper net: the layers of ``network`` by their names, and identity layers behind them in each stage.

    Args:
        network: Trained, in evaluation mode, float32.
        plan: The blueprint of ``network``.
        deeper: The blueprint of :func:`deeper_spec`.
        images: Training images whose activations give the added batch norms their statistics: normalised, float32
            (N, 3, H, W) on the network's device.
        progress: Gets how many of the images are done.
        should_stop: Ends the work with Stopped where it returns True.

    Returns:
        In evaluation mode, on the same device in the same memory format.

    Raises:
        Stopped: Between two blocks, when ``should_stop`` says so.
    """
    made = PlannedNetwork(deeper)
    old, new = network.state_dict(), made.state_dict()
    new.update({name: tensor.cpu() for name, tensor in old.items()})
    made.load_state_dict(new)
    moments = _stage_moments(network, plan, images, progress, should_stop)
    known = {block.name for block in block_plans(plan)}
    with torch.no_grad():
        for block in named_blocks(made, deeper):
            if block.name not in known:
                _make_identity(block, *moments[block.name.partition(".")[0]])
    weight = next(iter(network.parameters()))
    made.eval().requires_grad_(False)
    last = weight.is_contiguous(memory_format=torch.channels_last)
    form = torch.channels_last if last else torch.contiguous_format
    return made.to(weight.device, memory_format=form)  # type: ignore[call-overload, no-any-return]


@dataclass(frozen=True, slots=True)
class Compared:
    """As :class:`~resnet_studio.domain.analyses.construct.Construction` has them."""

    difference: float
    changed: int
    added: tuple[AddedBlock, ...]
    images: int


def compare(
    network: PlannedNetwork,
    plan: Blueprint,
    made: PlannedNetwork,
    deeper: Blueprint,
    images: Tensor,
    progress: Progress = no_progress,
    should_stop: StopCheck = never_stop,
    on_batch: Callable[[Compared], None] | None = None,
) -> Compared:
    """How far ``made``, by :func:`construct` and perhaps trained since, is from ``network``; both in evaluation mode.

    Args:
        network: The shallower net.
        plan: The blueprint of ``network``.
        made: The deeper net.
        deeper: The blueprint of ``made``.
        images: Normalised, float32 (N, 3, H, W) on the networks' device, N at least 1.
        progress: Gets how many of the images are done.
        should_stop: Ends the work with Stopped where it returns True.
        on_batch: Gets what is found of them so far.

    Raises:
        Stopped: Between two blocks, when ``should_stop`` says so.
    """
    if network.training or made.training:
        raise ValueError("both networks must be in evaluation mode")
    known = {block.name for block in block_plans(plan)}
    squares = {block.name: [0.0, 0.0] for block in block_plans(deeper) if block.name not in known}
    difference, changed = 0.0, 0
    found = Compared(difference, changed, (), 0)
    for x in (part for part in (images[:FIRST], *images[FIRST:].split(BATCH)) if len(part)):
        ours = _logits(network, named_blocks(network, plan), x, {}, should_stop)
        theirs = _logits(made, named_blocks(made, deeper), x, squares, should_stop)
        gap = (ours - theirs).abs()
        difference = float("nan") if gap.isnan().any() else max(difference, float(gap.max()))
        changed += int((ours.argmax(1) != theirs.argmax(1)).sum())
        added = tuple(AddedBlock(name, (a / b) ** 0.5 if b else float("nan")) for name, (a, b) in squares.items())
        found = Compared(difference, changed, added, found.images + len(x))
        if on_batch is not None:
            on_batch(found)
        progress(found.images, len(images))
    return found


def _logits(
    network: PlannedNetwork,
    blocks: Sequence[NamedBlock],
    x: Tensor,
    squares: dict[str, list[float]],
    should_stop: StopCheck,
) -> Tensor:
    """Logits (n, classes); what the blocks in ``squares`` change, and what enters them, is added there."""
    with torch.inference_mode():
        y: Tensor = network.stem(x)
        for block in blocks:
            if should_stop():
                raise Stopped
            before, y = y, block.module(y)
            if block.name in squares:
                same = block.without_branch(before).double()
                squares[block.name][0] += (y.double() - same).square().sum().item()
                squares[block.name][1] += same.square().sum().item()
        logits: Tensor = network.head(y).float()
        return logits


def exact_scale(variance: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """A variance and a gamma with which batch norm's factor, gamma / sqrt(variance + eps), rounds to exactly 1.

    Args:
        variance: float32 (C,), at least 0.
        eps: Batch norm's own, added to the variance.

    Returns:
        The nearest such variance, from ``variance`` upwards, and gamma next to sqrt(variance + eps). Where none is
        found within some units in the last place of variance + eps, which was never seen, the rounded values.
    """
    found_variance, found_gamma = variance.clone(), (variance.double() + eps).sqrt().float()
    left = _factor(found_variance, found_gamma, eps) != 1.0  # (C,)
    total = variance + eps
    unit = torch.nextafter(total, torch.full_like(total, torch.inf)) - total
    for step in range(_STEPS):
        if not left.any():
            break
        moved = variance + step * unit
        middle = (moved.double() + eps).sqrt().float()
        for gamma in (middle, *(torch.nextafter(middle, torch.full_like(middle, end)) for end in (0.0, torch.inf))):
            hit = left & (_factor(moved, gamma, eps) == 1.0)
            found_variance, found_gamma = moved.where(hit, found_variance), gamma.where(hit, found_gamma)
            left = left & ~hit
    return found_variance, found_gamma


def _factor(variance: Tensor, gamma: Tensor, eps: float) -> Tensor:
    """(C,): what batch norm makes of a one, as the library itself computes it."""
    one = torch.ones(1, len(variance), 1, 1)
    zero = torch.zeros_like(variance)
    return F.batch_norm(one, zero, variance, gamma, zero, training=False, eps=eps)[0, :, 0, 0]


def _make_identity(block: NamedBlock, mean: Tensor, variance: Tensor) -> None:
    """Fill a plain block of 3x3 layers; ``mean`` and ``variance`` (C,) are of what enters it."""
    for module in block.module.children():
        if isinstance(module, nn.Conv2d):
            nn.init.dirac_(module.weight)
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, nn.BatchNorm2d):
            near, gamma = exact_scale(variance, module.eps)
            module.running_mean.copy_(mean)  # type: ignore[union-attr]
            module.running_var.copy_(near)  # type: ignore[union-attr]
            module.weight.copy_(gamma)
            module.bias.copy_(mean)


def _stage_moments(
    network: PlannedNetwork, plan: Blueprint, images: Tensor, progress: Progress, should_stop: StopCheck
) -> dict[str, tuple[Tensor, Tensor]]:
    """Mean and variance, each float32 (C,), of what leaves each stage, in test mode."""
    stages = {stage.name: stage.blocks[-1].name for stage in plan.stages}
    sums = {name: [torch.zeros(()), torch.zeros(())] for name in stages}
    counts = dict.fromkeys(stages, 0)
    for first in range(0, len(images), BATCH):
        with torch.inference_mode():
            y = network.stem(images[first : first + BATCH])
            for block in named_blocks(network, plan):
                if should_stop():
                    raise Stopped
                y = block.module(y)
                name = block.name.partition(".")[0]
                if block.name == stages[name]:
                    exact = y.double().cpu()
                    sums[name][0] = sums[name][0] + exact.sum((0, 2, 3))
                    sums[name][1] = sums[name][1] + exact.square().sum((0, 2, 3))
                    counts[name] += exact.numel() // exact.shape[1]
        progress(min(first + BATCH, len(images)), len(images))
    found = {}
    for name, (total, squares) in sums.items():
        mean = total / counts[name]
        variance = (squares / counts[name] - mean.square()).clamp_min(0.0)
        found[name] = (mean.float(), variance.float())
    return found
