"""Shattered gradients: how alike the gradients at neighbouring inputs are."""

from __future__ import annotations

import contextlib

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from resnet_studio.analysis.subjects import Progress, Subject, no_progress
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.domain.analyses.shattered import LAGS, POINTS, Shattered, ShatteredSettings
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.networks.module_state import fixed_statistics, running_statistics, stoppable
from resnet_studio.text import _


def measure(
    subject: Subject,
    images: DrawnImages,
    settings: ShatteredSettings,
    progress: Progress = no_progress,
    should_stop: StopCheck = never_stop,
) -> Shattered:
    """Cosine of input gradients along straight lines between two images, after Balduzzi et al. 2017.

    A line runs from image a to image b, both preprocessed: x_i = a + i / 47 (b - a), i = 0..47. g_i is the gradient at
    x_i of the output (before softmax) that belongs to the class of a. The cosine of lag l is the mean of
    cos(g_i, g_(i+l)) over i, then over the lines; two gradients of which one is 0 count as 0. The trace is
    g_i . (b - a) / |b - a|, what the paper's Figure 1 draws of a network with one input. Lines take the images two by
    two, in their order.

    The paper ("The Shattered Gradients Problem", arXiv:1702.08591, sections 1 and 2, Figures 1 and 2) measures
    autocorrelation on a grid of inputs; white noise has 0 at each lag.

    Batch norm does not look at the points: a stored run uses its running statistics, an untrained design, which has
    none, those of all ``images`` as one batch. So each gradient is of its own point alone.

    Raises:
        UserError: If there are fewer images than the lines need, or the network does not know their classes.
        Stopped: When ``should_stop`` says so.
    """
    if len(images) < 2 * settings.lines:
        raise UserError(
            _(
                "{lines} lines need {needed} images, there are {images}; choose fewer lines or more images.",
                lines=settings.lines,
                needed=2 * settings.lines,
                images=len(images),
            )
        )
    network, targets = subject.network, subject.targets(images, slice(0, 2 * settings.lines, 2)).tolist()
    cosines, traces = [], []
    with contextlib.ExitStack() as held:
        held.enter_context(stoppable(network, should_stop))
        if subject.net.trained:
            held.enter_context(running_statistics(network))
        else:
            held.enter_context(fixed_statistics(network, subject.inputs(images)))
        for line, target in enumerate(targets):
            if should_stop():
                raise Stopped
            ends = subject.inputs(images, slice(2 * line, 2 * line + 2))
            gradients = _gradients(subject, ends, target)  # (48, 3 * S * S)
            cosines.append([_cosine(gradients, lag) for lag in LAGS])
            way = (ends[1] - ends[0]).flatten().double()
            traces.append((gradients @ (way / way.norm().clamp_min(torch.finfo(way.dtype).tiny))).cpu().numpy())
            progress(line + 1, len(targets))
    each = np.array(cosines)
    means = dict(zip(LAGS, each.mean(axis=0).tolist(), strict=True))
    return Shattered(subject.net, means, each, np.array(traces))


def _gradients(subject: Subject, ends: Tensor, target: int) -> Tensor:
    """At the points from ``ends[0]`` to ``ends[1]``: float64 (48, 3 * S * S)."""
    share = torch.linspace(0.0, 1.0, POINTS, device=ends.device)[:, None, None, None]
    with torch.enable_grad():
        points = torch.lerp(ends[:1], ends[1:], share).requires_grad_()  # (48, 3, S, S)
        (gradients,) = torch.autograd.grad(subject.network(points)[:, target].sum(), points)
    return gradients.flatten(1).double()


def _cosine(gradients: Tensor, lag: int) -> float:
    return float(F.cosine_similarity(gradients[:-lag], gradients[lag:], dim=1).mean())
