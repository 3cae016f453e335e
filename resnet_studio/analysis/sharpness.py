"""Sharpness: the largest eigenvalue of the loss's Hessian, by the Lanczos method.

The Hessian is that of the mean cross-entropy over the images (nats) with respect to every parameter, at the network's
weights; its largest eigenvalue is the curvature of the steepest direction (Cohen et al. 2021, arXiv:2103.00065,
section 2: gradient descent with a learning rate above 2 / sharpness diverges on a quadratic). Products with the Hessian
are exact, by differentiating the gradient (Pearlmutter 1994); the Lanczos method (Golub and Van Loan, *Matrix
Computations*, section 10.1) needs some tens of them. Its largest Ritz value rises from step to step; an eigenvalue lies
within its residual bound, and the method ends where that is below the tolerance. Lanczos vectors are not kept: rounding
then repeats eigenvalues that have converged, which leaves the largest and the smallest as they are.

A caution that belongs beside every such number: weights before batch norm have no scale, and the same function with
weights of half the size has four times the curvature in them (Dinh et al. 2017, arXiv:1703.04933). The *relative*
Hessian ``D H D`` of the weights alone, D the norm of the filter that a weight belongs to, does not depend on it: the
curvature in the units of the loss surface's directions, batch norm and biases not moved.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from resnet_studio.analysis.network_state import copied, measurable
from resnet_studio.analysis.subjects import OnPartial, Progress, Subject, no_progress
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.domain.analyses.sharpness import LanczosStep, Sharpness, SharpnessSettings
from resnet_studio.domain.blueprint import Blueprint
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.networks.initialisation import standard_normal
from resnet_studio.networks.residual import PlannedNetwork

Vector = npt.NDArray[np.float64]

TOLERANCE = 0.01
_MOST_STEPS = 100
_BATCH = 32  # images whose gradient is differentiated at once, for memory; they are also normalised together


@dataclass(frozen=True, slots=True)
class Eigenvalue:
    """The largest eigenvalue, and how it was found.

    Attributes as of :class:`~resnet_studio.domain.analyses.sharpness.Sharpness`.
    """

    eigenvalue: float
    bound: float
    lowest: float
    converged: bool
    steps: tuple[LanczosStep, ...]


OnStep = Callable[[LanczosStep], None]


def measure(
    subjects: Sequence[Subject],
    images: DrawnImages,
    settings: SharpnessSettings,
    progress: Progress = no_progress,
    should_stop: StopCheck = never_stop,
    on_partial: OnPartial | None = None,
) -> tuple[Sharpness, ...]:
    """The largest Hessian eigenvalue of each network, as this module defines it.

    An untrained design goes by the statistics of each 32 images.

    ``on_partial`` is called after each product with the Hessian with the results so far, those of networks that are not
    finished by their last estimate.

    Raises:
        UserError: If a network does not know the images' classes.
        Stopped: When ``should_stop`` says so.
    """
    found: list[Sharpness] = []
    for place, subject in enumerate(subjects):
        steps: list[LanczosStep] = []

        def hand_on(step: LanczosStep, subject: Subject = subject, steps: list[LanczosStep] = steps) -> None:
            steps.append(step)
            if on_partial is not None:
                partial = Eigenvalue(step.highest, step.bound, step.lowest, False, tuple(steps))
                on_partial((*found, _result(subject, settings, partial)))

        def report(done: int, total: int, place: int = place) -> None:
            progress(place * total + done, len(subjects) * total)

        eigenvalue = largest_eigenvalue(
            subject.network, subject.blueprint, subject.inputs(images), subject.targets(images),
            relative=settings.relative, tolerance=settings.tolerance, seed=settings.seed, trained=subject.net.trained,
            on_refined=hand_on, progress=report, should_stop=should_stop,
        )  # fmt: skip
        found.append(_result(subject, settings, eigenvalue))
    return tuple(found)


def _result(subject: Subject, settings: SharpnessSettings, found: Eigenvalue) -> Sharpness:
    return Sharpness(
        subject.net, settings.relative, found.eigenvalue, found.bound, found.lowest, found.converged, found.steps
    )


def largest_eigenvalue(
    network: PlannedNetwork,
    plan: Blueprint,
    images: Tensor,
    labels: Tensor,
    *,
    relative: bool = False,
    tolerance: float = TOLERANCE,
    most_steps: int = _MOST_STEPS,
    seed: int = 0,
    trained: bool = True,
    on_refined: OnStep | None = None,
    progress: Progress = no_progress,
    should_stop: StopCheck = never_stop,
) -> Eigenvalue:
    """The largest eigenvalue of the Hessian, or of the relative one.

    Args:
        network: In any mode, which it keeps; weights and statistics stay as they are.
        plan: The blueprint of ``network``.
        images: Normalised float32 (N, 3, H, W) on the network's device.
        labels: int64 (N,), on the same device.
        relative: Of the relative Hessian.
        tolerance: Of the eigenvalue's size.
        most_steps: Products with the Hessian at most.
        seed: Of the vector to start from; a function of (seed, parameter's name), so that a twin's start alike.
        trained: Else batch norm goes by the statistics of each 32 images.
        on_refined: Called after each product with the Hessian.
        progress: Of the most products; faster where the bound nears the tolerance, all of them once and last.
        should_stop: Ends the work with Stopped where it returns True.

    Raises:
        Stopped: Within a layer, when ``should_stop`` says so.
    """
    copy = copied(network, plan)
    hessian = _Hessian(copy, images, labels, relative)
    v, before = hessian.start(seed), np.zeros(hessian.size)
    diagonal: list[float] = []
    beside: list[float] = []
    steps: list[LanczosStep] = []
    done = 0
    progress(done, most_steps)
    with measurable(copy, should_stop, trained=trained):
        while len(steps) < most_steps:
            product = hessian.times(v)
            if not np.isfinite(product).all():
                steps.append(LanczosStep(math.inf, math.inf, -math.inf))
                break
            diagonal.append(float(product @ v))
            product -= diagonal[-1] * v + (beside[-1] if beside else 0.0) * before
            beside.append(float(np.linalg.norm(product)))
            steps.append(_ritz(diagonal, beside))
            if on_refined is not None:
                on_refined(steps[-1])
            if steps[-1].bound <= tolerance * abs(steps[-1].highest):
                break
            before, v = v, product / beside[-1]
            done = max(done, len(steps), int(most_steps * _nearness(steps[-1], tolerance)))
            progress(min(done, most_steps - 1), most_steps)
    progress(most_steps, most_steps)
    last = steps[-1]
    converged = math.isfinite(last.highest) and last.bound <= tolerance * abs(last.highest)
    return Eigenvalue(last.highest, last.bound, last.lowest, converged, tuple(steps))


def _nearness(step: LanczosStep, tolerance: float) -> float:
    """0..1: how much of the way to the tolerance the residual bound has gone, by its logarithm."""
    share = step.bound / abs(step.highest) if step.highest else 1.0
    return math.log(min(share, 1.0)) / math.log(tolerance) if 0 < tolerance < 1 and share > 0 else 0.0


def _ritz(diagonal: list[float], beside: list[float]) -> LanczosStep:
    """Of the tridiagonal matrix; ``beside`` ends with the norm of what is left."""
    matrix = np.diag(diagonal) + np.diag(beside[:-1], 1) + np.diag(beside[:-1], -1)
    values, vectors = np.linalg.eigh(matrix)
    return LanczosStep(float(values[-1]), float(beside[-1] * abs(vectors[-1, -1])), float(values[0]))


class _Hessian:
    """Products with the Hessian of the mean loss; vectors are float64, all parameters one after another."""

    def __init__(self, network: nn.Module, images: Tensor, labels: Tensor, relative: bool) -> None:
        self._network, self._images, self._labels = network, images, labels
        named = {name: p for name, p in network.named_parameters() if p.ndim > 1 or not relative}
        self._names, self._parameters = tuple(named), [p.requires_grad_() for p in named.values()]
        self.size = sum(p.numel() for p in self._parameters)
        self._norms = self._flat([_filter_norms(p.detach()) for p in self._parameters]) if relative else None

    def start(self, seed: int) -> Vector:
        shapes = zip(self._names, self._parameters, strict=True)
        drawn = self._flat([standard_normal(seed, f"sharpness/{name}", tuple(p.shape)) for name, p in shapes])
        return drawn / np.linalg.norm(drawn)

    def times(self, vector: Vector) -> Vector:
        if self._norms is not None:
            vector = self._norms * vector
        total = np.zeros(self.size)
        parts = self._parts(vector)
        for x, y in zip(self._images.split(_BATCH), self._labels.split(_BATCH), strict=True):
            loss = F.cross_entropy(self._network(x).float(), y, reduction="sum") / len(self._labels)
            gradients = torch.autograd.grad(loss, self._parameters, create_graph=True)
            total += self._flat(torch.autograd.grad(gradients, self._parameters, parts, materialize_grads=True))
        return total if self._norms is None else self._norms * total

    def _parts(self, vector: Vector) -> list[Tensor]:
        """One tensor a parameter, of its shape and on its device."""
        ends = np.cumsum([p.numel() for p in self._parameters])[:-1]
        return [
            torch.from_numpy(part).float().view(p.shape).to(p.device)
            for part, p in zip(np.split(vector, ends), self._parameters, strict=True)
        ]

    def _flat(self, tensors: Sequence[Tensor]) -> Vector:
        return np.concatenate([tensor.detach().cpu().double().numpy().ravel() for tensor in tensors])


def _filter_norms(weight: Tensor) -> Tensor:
    """At each weight, the norm of its filter."""
    norms: Tensor = weight.flatten(1).norm(dim=1).view(-1, *[1] * (weight.ndim - 1))
    return norms.expand(weight.shape)
