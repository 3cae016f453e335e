"""Similarity of layers: linear CKA of all layers of one or two networks with all others.

Centred kernel alignment, Kornblith et al. 2019 (arXiv:1905.00414), with the linear kernel: how alike two layers order
the same images, whatever the basis of their features; 1 where one is a rotated and scaled copy of the other. Estimated
over batches as by Nguyen, Raghu and Kornblith 2021 (arXiv:2010.15327), section 2, equations 2 to 4: of each batch of n
images, with K the images' products of one layer and L those of the other, both with a diagonal of zeros, the unbiased
``HSIC = (tr KL + (1'K1)(1'L1)/((n-1)(n-2)) - 2 (1'KL1)/(n-2)) / (n(n-3))`` (Song et al. 2012); the sums of HSIC(K, L)
over the batches, divided by the square root of the product of those of HSIC(K, K) and HSIC(L, L).

The inner product of two U-centred matrices (Székely and Rizzo 2014, arXiv:1310.2926, section 3) is that HSIC, so that
one matrix product gives all pairs of layers. Unbiased: the value does not rise with fewer images, but may then lie a
little below 0. A layer that gives all images the same, or values too large for float32, is similar to nothing: 0, never
NaN, and marked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from resnet_studio.analysis.layers import layer_names, passed_on
from resnet_studio.analysis.network_state import measurable
from resnet_studio.analysis.subjects import OnPartial, Progress, Subject, no_progress
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.domain.analyses.similarity import FEWEST, Similarity, SimilaritySettings
from resnet_studio.domain.blueprint import Blueprint
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.networks.residual import PlannedNetwork
from resnet_studio.text import _

Matrix = npt.NDArray[np.float64]

_ROUNDING = 1e-6  # of a value's size: smaller differences of float32 values are not differences


@dataclass(frozen=True, eq=False)
class Alignment:
    """CKA between the layers of networks.

    Attributes:
        layers: Names of each network's layers, in the order of the forward pass.
        values: CKA, (M, M), all layers of all networks one after another; symmetric, the diagonal 1 where defined.
        defined: (M,), False for layers that are similar to nothing because they are constant or not finite.
        images: How many it was estimated from.
    """

    layers: tuple[tuple[str, ...], ...]
    values: Matrix
    defined: npt.NDArray[np.bool_]
    images: int

    def rows(self, network: int) -> slice:
        """Where the layers of one network are."""
        ends = np.cumsum([0, *map(len, self.layers)])
        return slice(int(ends[network]), int(ends[network + 1]))

    def between(self, first: int, second: int) -> Matrix:
        """The layers of one network (rows) with those of one (columns)."""
        return self.values[self.rows(first), self.rows(second)]


OnAlignment = Callable[[Alignment], None]


def measure(
    subjects: Sequence[Subject],
    images: DrawnImages,
    settings: SimilaritySettings,
    progress: Progress = no_progress,
    should_stop: StopCheck = never_stop,
    on_partial: OnPartial | None = None,
) -> tuple[Similarity, ...]:
    """Linear CKA of all layers, as this module defines it: of each network with itself, and of each pair.

    Layers are the weighted ones of the main path, each seen as what the next one receives. Images that do not fill a
    last batch of at least four are left out. An untrained design goes by each batch's statistics.

    ``on_partial`` is called after each batch but the last with the results so far.

    Raises:
        UserError: If there are fewer than four images.
        Stopped: When ``should_stop`` says so.
    """
    if len(images) < FEWEST:
        raise UserError(
            _("Similarity needs at least {fewest} images, the data have {images}.", fewest=FEWEST, images=len(images))
        )
    starts = [start for start in range(0, len(images), settings.batch) if len(images) - start >= FEWEST]
    batches = [
        [subject.inputs(images, slice(start, start + settings.batch)) for subject in subjects] for start in starts
    ]

    def hand_on(found: Alignment) -> None:
        if on_partial is not None:
            on_partial(_results(subjects, found))

    found = alignment(
        [(subject.network, subject.blueprint) for subject in subjects],
        batches,
        trained=[subject.net.trained for subject in subjects],
        on_refined=hand_on,
        progress=progress,
        should_stop=should_stop,
    )
    return _results(subjects, found)


def _results(subjects: Sequence[Subject], found: Alignment) -> tuple[Similarity, ...]:
    """Each network with itself, then the pairs."""
    places = range(len(subjects))
    constant = [
        tuple(name for name, known in zip(found.layers[n], found.defined[found.rows(n)], strict=True) if not known)
        for n in places
    ]
    pairs = [(n, n) for n in places] + [(first, second) for first in places for second in places if first < second]
    return tuple(
        Similarity(
            subjects[first].net, subjects[second].net, found.layers[first], found.layers[second],
            found.between(first, second).copy(), constant[first], constant[second], found.images,
        )
        for first, second in pairs
    )  # fmt: skip


def alignment(
    networks: Sequence[tuple[PlannedNetwork, Blueprint]],
    batches: Sequence[Sequence[Tensor]],
    *,
    trained: Sequence[bool] = (),
    on_refined: OnAlignment | None = None,
    progress: Progress = no_progress,
    should_stop: StopCheck = never_stop,
) -> Alignment:
    """CKA of all layers of ``networks``.

    Args:
        networks: Each with its blueprint, M layers in all.
        batches: The images in batches of at least four; of each batch one tensor for each network, normalised
            float32 (N, 3, H, W): the same images, prepared as that network wants them.
        trained: Of each network, see :func:`~resnet_studio.analysis.network_state.measurable`; all are, without it.
        on_refined: Called after each batch but the last with the estimate so far.
        progress: Gets the pieces of work that are done, and of how many.
        should_stop: Ends the work with Stopped where it returns True.

    Raises:
        Stopped: Within a layer, when ``should_stop`` says so.
        ValueError: For no batches, or one of fewer than four images.
    """
    if not batches or any(len(images) < FEWEST for batch in batches for images in batch):
        raise ValueError(f"CKA needs batches of at least {FEWEST} images")
    names = tuple(layer_names(plan) for _network, plan in networks)
    layers = sum(map(len, names))
    products, infinite, images = np.zeros((layers, layers)), np.zeros(layers, bool), 0
    modes = list(trained) or [True] * len(networks)
    done, total = 0, len(batches) * len(networks)
    progress(done, total)
    for number, batch in enumerate(batches, start=1):
        parts = []
        for (network, plan), x, mode in zip(networks, batch, modes, strict=True):
            with measurable(network, should_stop, trained=mode):
                parts.append(_centred_products(network, plan, x))
            done += 1
            progress(done, total)
        centred = np.concatenate(parts)
        bad = ~np.isfinite(centred).all(1)
        infinite |= bad
        centred[bad] = 0.0
        size = len(batch[0])
        products += centred @ centred.T / (size * (size - 3))
        images += size
        if on_refined is not None and number < len(batches):
            on_refined(Alignment(names, *_normalised(products, infinite), images))
    return Alignment(names, *_normalised(products, infinite), images)


@torch.no_grad()
def _centred_products(network: PlannedNetwork, plan: Blueprint, images: Tensor) -> Matrix:
    """Of each layer, the U-centred products of all pairs of images as one row: (layers, N * N)."""
    rows = np.zeros((len(layer_names(plan)), len(images) ** 2))

    def keep(layer: int, values: Tensor) -> None:
        rows[layer] = u_centred(gram(values)).ravel()

    with passed_on(network, plan, keep):
        network(images)
    return rows


def gram(values: Tensor) -> Matrix:
    """Products of all pairs of images, features centred over the batch: (N, ...) to (N, N).

    HSIC does not change by the centring, but float32 then has digits left for what differs between images. All zeros
    where nothing but rounding differs, all NaN where a value is not finite.
    """
    x = values.detach().flatten(1).float()
    centred = x - x.mean(0)
    products: Matrix = (centred @ centred.T).cpu().double().numpy()
    if not np.isfinite(products).all():
        return np.full(products.shape, np.nan)
    if products.trace() <= _ROUNDING**2 * float(x.cpu().double().square().sum()):
        return np.zeros(products.shape)
    return products


def u_centred(kernel: Matrix) -> Matrix:
    """Székely and Rizzo 2014, section 3: (N, N) without its row and column effects, the diagonal zero."""
    n = len(kernel)
    kernel = kernel.copy()
    np.fill_diagonal(kernel, 0.0)
    rows = kernel.sum(0) / (n - 2)
    centred: Matrix = kernel - rows[None, :] - rows[:, None] + rows.sum() / (n - 1)
    np.fill_diagonal(centred, 0.0)
    return centred


def _normalised(products: Matrix, infinite: npt.NDArray[np.bool_]) -> tuple[Matrix, npt.NDArray[np.bool_]]:
    """CKA from the sums of HSIC, and which layers it is defined for."""
    own = products.diagonal().copy()
    defined = (own > 0) & ~infinite
    lengths = np.sqrt(np.where(defined, own, 1.0))
    values = products / lengths[:, None] / lengths[None, :]
    values[~defined] = 0.0
    values[:, ~defined] = 0.0
    return values, defined
