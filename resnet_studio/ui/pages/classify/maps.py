"""Where each network looks: pictures of images under their class activation maps, made in background jobs.

With the randomised-weights check a second picture of each: the map of the same network with all weights drawn anew, and
how like the true one it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QPixmap

from resnet_studio.domain.analyses.cam import Likeness
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.records import RunRecord
from resnet_studio.ui.images.image_row import ImageRow, Source
from resnet_studio.ui.images.picture_queue import Picture, PictureQueue
from resnet_studio.ui.services import Services
from resnet_studio.ui.threads.jobs import Emit, Work

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import Tensor

    from resnet_studio.analysis.cam import RandomisedWeights
    from resnet_studio.history.store import RunStore
    from resnet_studio.inference.models import TrainedNetwork

SIDE = 176  # pixels, enough for a screen of double density
_KEPT = 600  # pictures: about 75 MB
_AT_ONCE = 16

Key = tuple[str, str, bool]  # run id, image key, whether with random weights
Wanted = tuple[RunRecord, Source]  # one network's map of one image


class MapNetworks:
    """Networks that stay loaded between two jobs, and what is known of their maps. One job at a time uses it."""

    def __init__(self) -> None:
        self._loaded: dict[str, TrainedNetwork] = {}
        self._randomised: dict[str, RandomisedWeights] = {}
        self.likeness: dict[Key, Likeness] = {}

    def load(self, store: RunStore, run: RunRecord) -> TrainedNetwork:
        """Raises UserError as inference's ``load``."""
        from resnet_studio.inference.models import load

        if run.id not in self._loaded:
            self._loaded[run.id] = load(store, run)
        return self._loaded[run.id]

    def randomised(self, store: RunStore, run: RunRecord) -> RandomisedWeights:
        """Raises UserError as :meth:`load`."""
        from resnet_studio.analysis.cam import RandomisedWeights
        from resnet_studio.domain.build_blueprint import blueprint

        if run.id not in self._randomised:
            network = self.load(store, run)
            self._randomised[run.id] = RandomisedWeights(network.module, blueprint(network.run.spec.network))
        return self._randomised[run.id]


class ClassMaps(QObject):
    """``picture`` answers at once, with what is there; ``ready`` once more is there. Off until :meth:`set_on`.

    ``switched``: more or fewer pictures a network. Maps have networks of their own, so that those that classify stay
    with one job.
    """

    ready = Signal()
    switched = Signal()

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self.on = False
        self.checking = False
        self._networks = MapNetworks()
        self._pictures = PictureQueue[Key, Wanted](services.jobs, self._draw, self.ready.emit, _KEPT, _AT_ONCE, self)

    def set_on(self, on: bool) -> None:
        self.on = on
        self._switch(on)

    def set_checking(self, on: bool) -> None:
        """Whether the maps of random weights are shown too, while maps are on."""
        self.checking = on
        self._switch(on)

    @property
    def pictures(self) -> int:
        """How many each network has of an image."""
        return int(self.on) + int(self.on and self.checking)

    def picture(self, run: RunRecord, image: ImageRow, *, random: bool = False) -> QPixmap | None:
        """The image under the map, null if there is none; None while it is on its way, or while it is not asked for.

        ``random``: made with random weights.
        """
        key = (run.id, image.key, random)
        kept = self._pictures.kept(key)
        if kept is None and self.on and (self.checking or not random):
            self._pictures.request(key, (run, image.source))
        return kept

    def likeness(self, run: RunRecord, image: ImageRow) -> Likeness | None:
        """Of the map to those of random weights; None where it is not known (yet)."""
        return self._networks.likeness.get((run.id, image.key, True))

    def forget(self) -> None:
        """Of all networks and images: their weights may be others."""
        self._networks = MapNetworks()  # a job under way keeps its own
        self._pictures.clear()
        self.ready.emit()

    @property
    def waiting(self) -> int:
        """How many maps no job has begun."""
        return self._pictures.waiting

    def _switch(self, on: bool) -> None:
        if not on:
            self._pictures.cancel()  # what is still wanted is asked for again when it is painted
        self.switched.emit()
        self.ready.emit()

    def _draw(self, wanted: Sequence[tuple[Key, Wanted]]) -> Work:
        return draw_maps(
            self._services.store, wanted, self._networks, single_threaded=self._services.controller.training
        )


def draw_maps(
    store: RunStore,
    wanted: Sequence[tuple[Key, Wanted]],
    networks: MapNetworks,
    *,
    single_threaded: bool,
) -> Work:
    """A job that emits a Picture for each of ``wanted``, empty where the image or the network cannot be read.

    ``networks`` stay loaded for the next job; the likeness of random weights' maps is put down there.
    """

    def work(emit: Emit, should_stop: StopCheck) -> None:
        import torch

        from resnet_studio.training.devices import lower_priority

        if single_threaded:
            torch.set_num_threads(1)  # acts on this thread alone
        lower_priority()
        for key, (run, source) in wanted:
            if should_stop():
                raise Stopped
            try:
                if key[-1]:
                    randomised = networks.randomised(store, run)
                    pixels, likeness = _drawn_at_random(networks.load(store, run), randomised, source, should_stop)
                    networks.likeness[key] = likeness
                else:
                    pixels = _drawn(networks.load(store, run), source, should_stop)
            except UserError:  # the answer beside it says what is wrong
                emit(Picture(key))
                continue
            emit(Picture(key, pixels, SIDE, SIDE))

    return work


def _drawn(network: TrainedNetwork, source: Source, should_stop: StopCheck) -> bytes:
    """The central square, which the network sees, under the map of its own answer: RGB, SIDE x SIDE.

    Raises:
        DataError: If the image cannot be read.
        Stopped: When ``should_stop`` says so.
    """
    from resnet_studio.analysis.cam import where_it_looks
    from resnet_studio.domain.analyses.overlay import blended, overlay
    from resnet_studio.domain.build_blueprint import blueprint

    x, picture = _read(network, source)
    look = where_it_looks(network.module, blueprint(network.run.spec.network), x, SIDE, SIDE, should_stop)
    return blended(picture, overlay(look.values)).tobytes()


def _drawn_at_random(
    network: TrainedNetwork, randomised: RandomisedWeights, source: Source, should_stop: StopCheck
) -> tuple[bytes, Likeness]:
    """Likewise under the map of random weights, and how like the true one that is."""
    from resnet_studio.domain.analyses.overlay import blended, from_its_lowest

    x, picture = _read(network, source)
    look = randomised.look(x, SIDE, SIDE, should_stop)
    return blended(picture, from_its_lowest(look.values)).tobytes(), look.likeness


def _read(network: TrainedNetwork, source: Source) -> tuple[Tensor, npt.NDArray[np.uint8]]:
    """What the network sees, (1, 3, S, S), and the same part of the image for people, (SIDE, SIDE, 3).

    Raises:
        DataError: If the image cannot be read.
    """
    import numpy as np
    import torch

    from resnet_studio.data.images import read_image, square_pixels

    image = read_image(source if isinstance(source, Path) else source.content)
    seen = np.ascontiguousarray(square_pixels(image, network.preprocessing.image_size))  # (3, S, S)
    return network.preprocessing.apply(torch.from_numpy(seen)[None]), square_pixels(image, SIDE).transpose(1, 2, 0)
