"""Show images to trained networks: each network sees them through its own preprocessing and names its own classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from PIL.Image import Image
from torch import Tensor

from resnet_studio.data.images import note as image_note
from resnet_studio.data.images import read_image, square_pixels
from resnet_studio.domain.errors import DataError, Stopped, UserError
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.domain.protocols import SINGLE, Protocol, ProtocolKind
from resnet_studio.domain.records import Classification, NamedImage, Prediction
from resnet_studio.inference.forward import Cuts, logits_of
from resnet_studio.inference.models import TrainedNetwork
from resnet_studio.inference.refusals import refusal
from resnet_studio.inference.views import Cut, Pixels, Square, View, views_of, whole
from resnet_studio.text import _

__all__ = ["BATCH", "NamedImage", "classify", "image_key"]

BATCH = 16  # images decoded and shown together: results come steadily and memory stays small

Emit = Callable[[Classification], None]
Source = Path | NamedImage
_Shown = tuple[str, Cuts, str]  # an image's key, its cuts, its note


def image_key(image: Source) -> str:
    """How a :class:`Classification` names its image."""
    return image.name if isinstance(image, NamedImage) else str(image)


def classify(
    images: Sequence[Source],
    networks: Sequence[TrainedNetwork],
    emit: Emit,
    should_stop: StopCheck = never_stop,
    top: int = 5,
    protocol: Protocol | Sequence[Protocol] = SINGLE,
) -> None:
    """Emit what each network sees in each image, image batch by image batch.

    ``protocol`` is the same for all, or one for each network, all of one kind and with as many views: scales in
    proportion to each network's image size.

    Under the single view that is one classification per image and network. Under another protocol the single view of
    every image comes first (``views`` 0), then the mean over the protocol's views anew after each of them, until
    ``views`` equals ``of``. Probabilities are a softmax in float32. A network with fewer than ``top`` classes gives all
    of them. An image that cannot be read, or not be seen under ``protocol``, gives one classification with an empty
    ``run_id`` and the sentence in ``error``.

    Raises:
        Stopped: As soon as ``should_stop`` says so; what was emitted stays true.
        UserError: If a network cannot be tested under ``protocol``.
        ValueError: If ``top`` is less than 1, or the protocols do not fit each other or the networks.
    """
    if top < 1:
        raise ValueError(f"top must be at least 1, got {top}")
    protocols = (protocol,) * len(networks) if isinstance(protocol, Protocol) else tuple(protocol)
    if len(protocols) != len(networks) or len({(one.kind, one.views) for one in protocols}) > 1:
        raise ValueError(f"a protocol of one kind is needed for each of {len(networks)} networks, got {protocols}")
    for network, protocol in zip(networks, protocols, strict=True):
        if sentence := refusal(network.run.spec.network, protocol, network.run.name):
            raise UserError(sentence)
    single = all(one.kind is ProtocolKind.SINGLE for one in protocols)
    readable = []
    for batch in _batches(
        images, {Square(network.preprocessing.image_size) for network in networks}, emit, should_stop
    ):
        readable += [image for image, _unused, _unused_2 in batch]
        shown = [(image_key(image), cuts, note) for image, cuts, note in batch]
        for network, own in zip(networks, protocols, strict=True):
            (view,) = views_of(SINGLE, network.preprocessing.image_size)
            probabilities = _softmax(network, shown, view, should_stop)
            done, of = (1, 1) if single else (0, own.views)
            _tell(network, shown, probabilities, top, done, of, emit)
    if not single:
        _refine(readable, networks, protocols, emit, should_stop, top)


def _refine(
    images: Sequence[Source],
    networks: Sequence[TrainedNetwork],
    protocols: Sequence[Protocol],
    emit: Emit,
    should_stop: StopCheck,
    top: int,
) -> None:
    """View after view, every network in turn, so that twins are always equally far."""
    views = [
        views_of(protocol, network.preprocessing.image_size)
        for network, protocol in zip(networks, protocols, strict=True)
    ]
    of = max(map(len, views), default=0)
    cuts = {view.cut for own in views for view in own}
    for batch in _batches(images, cuts, emit, should_stop):
        shown = [(image_key(image), made, note) for image, made, note in batch]
        totals: dict[int, Tensor] = {}
        for number in range(of):
            for index, network in enumerate(networks):
                found = _softmax(network, shown, views[index][number], should_stop)
                totals[index] = totals[index] + found if index in totals else found
                mean = totals[index] / (number + 1)
                _tell(network, shown, mean, top, number + 1, of, emit)


def _batches(
    images: Sequence[Source], cuts: set[Cut], emit: Emit, should_stop: StopCheck
) -> Iterator[list[tuple[Source, Cuts, str]]]:
    """Decoded and cut images, at most :data:`BATCH` at a time; those that cannot be are told at once."""
    for start in range(0, len(images), BATCH):
        batch: list[tuple[Source, Cuts, str]] = []
        for image in images[start : start + BATCH]:
            if should_stop():
                raise Stopped
            try:
                decoded = _read(image)
                batch.append((image, {cut: _cut(decoded, cut, image) for cut in cuts}, image_note(decoded)))
            except DataError as error:
                emit(Classification(image_key(image), "", error=str(error)))
        if batch:
            yield batch


def _cut(image: Image, cut: Cut, source: Source) -> Pixels:
    return square_pixels(image, cut.size) if isinstance(cut, Square) else whole(image, cut.size, source.name)


def _read(image: Source) -> Image:
    if isinstance(image, Path):
        return read_image(image)
    try:
        return read_image(image.content)
    except DataError as error:
        raise DataError(str(error).replace(_("The image"), image.name, 1)) from None


def _softmax(network: TrainedNetwork, shown: Sequence[_Shown], view: View, should_stop: StopCheck) -> Tensor:
    """Float32 (N, classes)."""
    return logits_of(network, [cuts for _unused, cuts, _unused_2 in shown], view, should_stop).softmax(1)


def _tell(
    network: TrainedNetwork,
    shown: Sequence[_Shown],
    probabilities: Tensor,
    top: int,
    views: int,
    of: int,
    emit: Emit,
) -> None:
    best = probabilities.topk(min(top, probabilities.shape[1]), dim=1)  # (N, k) each, falling
    for (key, _unused, note), values, classes in zip(shown, best.values.tolist(), best.indices.tolist(), strict=True):
        predictions = tuple(
            Prediction(network.class_names[index], value) for value, index in zip(values, classes, strict=True)
        )
        emit(Classification(key, network.run.id, predictions, views=views, of=of, note=note))
