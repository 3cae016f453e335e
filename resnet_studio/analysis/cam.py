"""Class activation maps: where in an image a class is seen, by the last block exactly, by any block in Grad-CAM's way.

**Class activation map**, Zhou et al. 2016 (arXiv:1512.04150), section 2: ``M_c(x, y) = sum over k of w_ck f_k(x, y)``,
f the feature maps before global pooling, w_c the fully connected layer's weights of class c. Exact where pooling is
global and one fully connected layer follows: the map's mean over all positions plus the bias *is* the class's logit.
Its sign is kept: where it is negative, the image speaks against the class.

**Grad-CAM**, Selvaraju et al. 2017 (arXiv:1610.02391), equations 1 and 2, at the output A of any block:
``ReLU(sum over k of a_k A_k(x, y))``, a_k the mean over all positions of the logit's derivative with respect to A_k.
At the last block before global pooling it is the positive part of the class activation map, divided by the positions.

**Randomised-weights check**, Adebayo et al. 2018 (arXiv:1810.03292), section 3.1: weights are drawn anew from the fully
connected layer downwards, stage after stage, and the map is compared with the one of the true weights. A map that
stays the same shows edges of the image, not what the network has learned. Compared by Spearman's rank correlation of
all positions, 0 where a map is constant.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from resnet_studio.analysis.memory import gradient_bytes, refuse_oversize
from resnet_studio.analysis.network_state import block_named, block_names, copied, measurable
from resnet_studio.analysis.subjects import Progress, Subject, no_progress
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.domain.analyses.cam import Cam, CamSettings, ImageMaps, Likeness, MapOf, RandomisedPart
from resnet_studio.domain.analyses.overlay import upsampled
from resnet_studio.domain.blueprint import Blueprint, LayerKind
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.networks.initialisation import initialise
from resnet_studio.networks.layers import run_in_order
from resnet_studio.networks.residual import PlannedNetwork
from resnet_studio.text import _

Map = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ClassMap:
    """What one image's map says of one class.

    Attributes:
        target: Position of the class among the outputs.
        probability: Softmax, 0..1.
        logit: Of the class.
        values: (h, w) in logits, at the size of the last feature maps; empty (0, 0) where pooling is not global.
        blocks: Names, in the order of the forward pass.
        grad_cam: For each of them, (h, w), at least 0.
    """

    target: int
    probability: float
    logit: float
    values: Map
    blocks: tuple[str, ...]
    grad_cam: tuple[Map, ...]


@dataclass(frozen=True, eq=False)
class Look:
    """Where a network sees its answer.

    Attributes:
        values: (height, width) of the picture wanted: the class activation map in logits, or Grad-CAM.
        target: The output with the largest logit.
        probability: Of it, 0..1.
        exact: Whether it is the class activation map.
    """

    values: npt.NDArray[np.float64]
    target: int
    probability: float
    exact: bool


@dataclass(frozen=True, eq=False)
class RandomLook:
    """The map of a network with random weights.

    Attributes:
        values: (height, width) of the picture wanted, made with all weights drawn anew; its sign says nothing.
        target: The output that it is of: the one with the largest logit of the true weights.
        likeness: To the map of the true weights.
    """

    values: npt.NDArray[np.float64]
    target: int
    likeness: Likeness


def pools_globally(plan: Blueprint) -> bool:
    """Whether the class activation map is defined: global pooling, then one fully connected layer."""
    kinds = [layer.kind for layer in plan.head]
    return kinds[-2:] == [LayerKind.GLOBAL_POOL, LayerKind.LINEAR]


@torch.no_grad()
def class_activation_map(
    network: PlannedNetwork, plan: Blueprint, images: Tensor, targets: Sequence[int] | None = None
) -> tuple[Tensor, Tensor]:
    """The exact map of a class, at the size of the last feature maps.

    Args:
        network: In evaluation mode.
        plan: The blueprint of ``network``.
        images: Normalised, (N, 3, H, W), of any size.
        targets: One output each; without them the one of the largest logit.

    Returns:
        The maps (N, h, w), signed, and the logits (N, classes) that their means plus the biases are.

    Raises:
        UserError: For a network without global pooling.
    """
    if not pools_globally(plan):
        raise UserError(
            _(
                "{name} has no global pooling before its last layer, so it has no class activation map; look at "
                "Grad-CAM instead.",
                name=plan.spec.label,
            )
        )
    x = network.stem(images)
    for stage in plan.stages:
        x = network.get_submodule(stage.name)(x)
    features = run_in_order(network.head.steps[:-2], x)  # (N, C, h, w)
    logits: Tensor = run_in_order(network.head.steps[-2:], features)  # (N, classes)
    chosen = logits.argmax(1) if targets is None else torch.as_tensor(targets, device=logits.device)
    weight = network.get_submodule("head.fc").get_parameter("weight")  # (classes, C)
    return torch.einsum("nchw,nc->nhw", features, weight[chosen]), logits


def measure(
    subject: Subject,
    images: DrawnImages,
    settings: CamSettings,
    progress: Progress = no_progress,
    should_stop: StopCheck = never_stop,
) -> Cam:
    """Class activation map, Grad-CAM and the randomised-weights check, as this module defines them.

    The map is of the class with the largest logit, or of the image's own. The check is the mean over all images, with
    the weights of ``settings.seed``. An untrained design goes by the batch statistics of all images.

    Raises:
        UserError: If the network has no such block, does not know the images' classes, or has no memory for them.
        Stopped: When ``should_stop`` says so.
    """
    network, plan, trained = subject.network, subject.blueprint, subject.net.trained
    refuse_oversize(subject, len(images), gradient_bytes(plan))
    x = subject.inputs(images)
    targets = subject.targets(images).tolist() if settings.map_of is MapOf.LABEL else None
    blocks = [block_named(plan, settings.block)] if settings.block else [stage.blocks[-1].name for stage in plan.stages]
    total = 2 + len(list(_parts(plan)))
    found = class_maps(
        network, plan, x, targets, blocks=blocks, trained=trained,
        progress=lambda done, _all: progress(done, total), should_stop=should_stop,
    )  # fmt: skip
    check = randomised(
        network, plan, x, [each.target for each in found], seed=settings.seed, trained=trained,
        progress=lambda done, _all: progress(2 + done, total), should_stop=should_stop,
    )  # fmt: skip
    names = subject.class_names or images.class_names
    pixels = images.pixels[subject.preprocessing.image_size].permute(0, 2, 3, 1).contiguous().numpy()  # (N, S, S, 3)
    return Cam(
        subject.net,
        found[0].blocks,
        tuple(
            ImageMaps(
                images.names[n],
                images.class_names[int(images.labels[n])],
                names[each.target],
                each.probability,
                pixels[n],
                each.values.astype(np.float64),
                tuple(values.astype(np.float64) for values in each.grad_cam),
            )
            for n, each in enumerate(found)
        ),
        check,
    )


def class_maps(
    network: PlannedNetwork,
    plan: Blueprint,
    images: Tensor,
    targets: Sequence[int] | None = None,
    *,
    blocks: Sequence[str] | None = None,
    trained: bool = True,
    progress: Progress = no_progress,
    should_stop: StopCheck = never_stop,
) -> tuple[ClassMap, ...]:
    """Both maps of each image.

    Args:
        network: In any mode, which it keeps; weights and statistics stay as they are.
        plan: The blueprint of ``network``.
        images: Normalised float32 (N, 3, H, W) on the network's device.
        targets: One output each; without them the one of the largest logit.
        blocks: Where Grad-CAM is wanted, in the order of the forward pass; every block without them.
        trained: Else batch norm goes by each batch's own statistics.
        progress: Gets the pieces of work that are done, and of how many.
        should_stop: Ends the work with Stopped where it returns True.

    Raises:
        Stopped: Within a layer, when ``should_stop`` says so.
        ValueError: For a block that the network does not have.
    """
    names = block_names(plan)
    if blocks is not None:
        if unknown := set(blocks) - set(names):
            raise ValueError(f"{plan.spec.label} has no block {min(unknown)!r}")
        names = tuple(name for name in names if name in blocks)
    exact = None
    with measurable(network, should_stop, trained=trained):
        progress(0, 2)
        activations, gradients, logits, chosen = _gradients(network, names, images, targets)
        progress(1, 2)
        if pools_globally(plan):
            exact, _logits = class_activation_map(network, plan, images, chosen)
        progress(2, 2)
    grad_cams = [_grad_cam(a, g) for a, g in zip(activations, gradients, strict=True)]
    probabilities = logits.softmax(1)
    return tuple(
        ClassMap(
            target,
            float(probabilities[n, target]),
            float(logits[n, target]),
            np.zeros((0, 0), np.float32) if exact is None else _numpy(exact[n]),
            names,
            tuple(_numpy(values[n]) for values in grad_cams),
        )
        for n, target in enumerate(chosen)
    )


def randomised(
    network: PlannedNetwork,
    plan: Blueprint,
    images: Tensor,
    targets: Sequence[int] | None = None,
    *,
    seed: int = 0,
    trained: bool = True,
    progress: Progress = no_progress,
    should_stop: StopCheck = never_stop,
) -> tuple[RandomisedPart, ...]:
    """The randomised-weights check, means over the images: the fully connected layer first, the stem last.

    It looks at the class activation map, or at Grad-CAM of the last block where there is none. Random weights are He's,
    drawn by ``seed``; batch norm of a random part starts anew, with the statistics of its batch.

    Raises:
        Stopped: Within a layer, when ``should_stop`` says so.
    """
    parts = list(_parts(plan))
    copy, fresh = copied(network, plan), PlannedNetwork(plan)
    initialise(fresh, seed)
    progress(0, len(parts))
    with measurable(copy, should_stop, trained=trained):
        true, chosen = _signed_map(copy, plan, images, targets)
        found = []
        for number, part in enumerate(reversed(parts), start=1):
            module = copy.get_submodule(part)
            module.load_state_dict(fresh.get_submodule(part).state_dict())
            for norm in _norms(module):
                norm.training, norm.track_running_stats = True, False
            values, _same = _signed_map(copy, plan, images, chosen)
            found.append(RandomisedPart(part, _mean_rank(true, values)))
            progress(number, len(parts))
    return tuple(found)


def where_it_looks(
    network: PlannedNetwork,
    plan: Blueprint,
    image: Tensor,
    height: int,
    width: int,
    should_stop: StopCheck = never_stop,
) -> Look:
    """The map of a trained network's own answer to one image, at the size of a picture of it.

    For its colours see :func:`~resnet_studio.domain.analyses.overlay.overlay`.

    Args:
        network: Trained; in any mode, which it keeps.
        plan: The blueprint of ``network``.
        image: Normalised float32 (1, 3, H, W) on the network's device.
        height: Of the picture, in pixels.
        width: Likewise.
        should_stop: Ends the work with Stopped where it returns True.

    Raises:
        Stopped: Within a layer, when ``should_stop`` says so.
    """
    last = block_names(plan)[-1:]
    (found,) = class_maps(network, plan, image, blocks=last, should_stop=should_stop)
    exact = found.values.size > 0
    values = upsampled(found.values if exact else found.grad_cam[0], height, width)
    return Look(values, found.target, found.probability, exact)


class RandomisedWeights:
    """The randomised-weights check of a trained network for one image after the other.

    The same weights, maps and correlations as :func:`randomised` has of its first part and of its last one. One thread
    at a time uses it; the network's own weights are read and stay as they are.
    """

    def __init__(self, network: PlannedNetwork, plan: Blueprint, seed: int = 0) -> None:
        self._network, self._plan = network, plan
        fresh = PlannedNetwork(plan)
        initialise(fresh, seed)
        self._all = copied(network, plan)
        self._all.load_state_dict(fresh.state_dict())
        with torch.device("meta"):
            self._last = PlannedNetwork(plan)
        head = {name: tensor for name, tensor in self._all.state_dict().items() if name.startswith("head.")}
        self._last.load_state_dict({**network.state_dict(), **head}, assign=True)  # the rest is not copied
        self._last.eval().requires_grad_(False)
        for norm in (*_norms(self._all), *_norms(self._last.head)):
            norm.track_running_stats = False

    def look(self, image: Tensor, height: int, width: int, should_stop: StopCheck = never_stop) -> RandomLook:
        """The map of the network's own answer, made with random weights, at the size of a picture of the image.

        Args:
            image: Normalised float32 (1, 3, H, W) on the network's device.
            height: Of the picture, in pixels.
            width: Likewise.
            should_stop: Ends the work with Stopped where it returns True.

        Raises:
            Stopped: Within a layer, when ``should_stop`` says so.
        """
        with measurable(self._network, should_stop):
            true, target = _signed_map(self._network, self._plan, image, None)
        found = []
        for network in (self._last, self._all):
            with measurable(network, should_stop), _by_the_batch(network):
                found.append(_signed_map(network, self._plan, image, target)[0])
        last, everything = (_mean_rank(true, values) for values in found)
        return RandomLook(upsampled(_numpy(found[1][0]), height, width), target[0], Likeness(last, everything))


def _parts(plan: Blueprint) -> Iterator[str]:
    """What is randomised at once, in the order of the forward pass."""
    if plan.stem:
        yield "stem"
    yield from block_names(plan)
    yield "head"


def _norms(module: nn.Module) -> list[nn.BatchNorm2d]:
    return [each for each in module.modules() if isinstance(each, nn.BatchNorm2d)]


@contextlib.contextmanager
def _by_the_batch(network: PlannedNetwork) -> Iterator[None]:
    """Batch norm without statistics of its own goes by its batch."""
    norms = [norm for norm in _norms(network) if not norm.track_running_stats]
    for norm in norms:
        norm.training = True
    try:
        yield
    finally:
        for norm in norms:
            norm.training = False


def _signed_map(
    network: PlannedNetwork, plan: Blueprint, images: Tensor, targets: Sequence[int] | None
) -> tuple[Tensor, list[int]]:
    """Of each image (N, h, w), and the outputs that they are of."""
    if pools_globally(plan):
        values, logits = class_activation_map(network, plan, images, targets)
        return values, logits.argmax(1).tolist() if targets is None else list(targets)
    name = plan.stages[-1].blocks[-1].name
    activations, gradients, _logits, chosen = _gradients(network, [name], images, targets)
    return _grad_cam(activations[0], gradients[0]), chosen


def _gradients(
    network: PlannedNetwork, names: Sequence[str], images: Tensor, targets: Sequence[int] | None
) -> tuple[list[Tensor], list[Tensor], Tensor, list[int]]:
    """Outputs of the named modules, their gradients, the logits (N, classes), and the outputs chosen.

    The gradients are the derivatives of each image's logit with respect to what a module gives.
    """
    kept: list[Tensor] = []
    modules = [network.get_submodule(name) for name in names]
    handles = [module.register_forward_hook(lambda _m, _x, output: kept.append(output)) for module in modules]
    try:
        with torch.enable_grad():
            logits = network(images.detach().requires_grad_())  # (N, classes)
            chosen = logits.argmax(1) if targets is None else torch.as_tensor(targets, device=logits.device)
            gradients = torch.autograd.grad(logits.gather(1, chosen[:, None]).sum(), kept)
    finally:
        for handle in handles:
            handle.remove()
    return [output.detach() for output in kept], list(gradients), logits.detach().float(), chosen.tolist()


def _grad_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """(N, C, h, w) twice to (N, h, w)."""
    return torch.einsum("nchw,nc->nhw", activations, gradients.mean((2, 3))).relu()


def _mean_rank(first: Tensor, second: Tensor) -> float:
    """Spearman's rank correlation of (N, h, w) maps, mean over N."""
    pairs = zip(first.flatten(1).cpu().numpy(), second.flatten(1).cpu().numpy(), strict=True)
    return float(np.mean([rank_correlation(a, b) for a, b in pairs]))


def rank_correlation(first: npt.NDArray[np.floating], second: npt.NDArray[np.floating]) -> float:
    """Spearman's, ties with their mean rank; 0 where one of the two is constant."""
    a, b = _ranks(first), _ranks(second)
    a, b = a - a.mean(), b - b.mean()
    length = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / length if length > 0 else 0.0


def _ranks(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    _values, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: npt.NDArray[np.float64] = (last - (counts - 1) / 2.0)[place]
    return ranks


def _numpy(values: Tensor) -> Map:
    return values.detach().float().cpu().numpy()
