"""Where each network looks: pictures of images under their class activation maps, made in background jobs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QPixmap

from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.records import RunRecord
from resnet_studio.ui.images.image_row import ImageRow, Source
from resnet_studio.ui.images.picture_queue import Picture, PictureQueue
from resnet_studio.ui.services import Services
from resnet_studio.ui.threads.jobs import Emit, Work

if TYPE_CHECKING:
    from resnet_studio.history.store import RunStore
    from resnet_studio.inference.models import TrainedNetwork

SIDE = 176  # pixels, enough for a screen of double density
_KEPT = 600  # pictures: about 75 MB
_AT_ONCE = 16

Key = tuple[str, str]  # run id, image key
Wanted = tuple[RunRecord, Source]  # one network's map of one image


class ClassMaps(QObject):
    """``picture`` answers at once, with what is there; ``ready`` once more is there. Off until :meth:`set_on`.

    Maps have networks of their own, so that those that classify stay with one job.
    """

    ready = Signal()

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self.on = False
        self._networks: dict[str, TrainedNetwork] = {}
        self._pictures = PictureQueue[Key, Wanted](services.jobs, self._draw, self.ready.emit, _KEPT, _AT_ONCE, self)

    def set_on(self, on: bool) -> None:
        self.on = on
        if not on:
            self._pictures.cancel()
        self.ready.emit()

    def picture(self, run: RunRecord, image: ImageRow) -> QPixmap | None:
        """The image under the map, null if there is none; None while it is on its way, or while maps are off."""
        key = (run.id, image.key)
        kept = self._pictures.kept(key)
        if kept is None and self.on:
            self._pictures.request(key, (run, image.source))
        return kept

    def forget(self) -> None:
        """Of all networks and images: their weights may be others."""
        self._networks = {}  # a job under way keeps its own
        self._pictures.clear()
        self.ready.emit()

    @property
    def waiting(self) -> int:
        """How many maps no job has begun."""
        return self._pictures.waiting

    def _draw(self, wanted: Sequence[tuple[Key, Wanted]]) -> Work:
        return draw_maps(
            self._services.store, wanted, self._networks, single_threaded=self._services.controller.training
        )


def draw_maps(
    store: RunStore,
    wanted: Sequence[tuple[Key, Wanted]],
    networks: dict[str, TrainedNetwork],
    *,
    single_threaded: bool,
) -> Work:
    """A job that emits a Picture for each of ``wanted``, empty where the image or the network cannot be read.

    ``networks`` by run id stay loaded for the next job.
    """

    def work(emit: Emit, should_stop: StopCheck) -> None:
        import torch

        from resnet_studio.inference.models import load
        from resnet_studio.training.devices import lower_priority

        if single_threaded:
            torch.set_num_threads(1)  # acts on this thread alone
        lower_priority()
        for key, (run, source) in wanted:
            if should_stop():
                raise Stopped
            try:
                if run.id not in networks:
                    networks[run.id] = load(store, run)
                pixels = _drawn(networks[run.id], source, should_stop)
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
    import numpy as np
    import torch

    from resnet_studio.analysis.cam import where_it_looks
    from resnet_studio.data.images import read_image, square_pixels
    from resnet_studio.domain.analyses.overlay import blended, overlay
    from resnet_studio.domain.build_blueprint import blueprint

    image = read_image(source if isinstance(source, Path) else source.content)
    seen = np.ascontiguousarray(square_pixels(image, network.preprocessing.image_size))  # (3, S, S)
    x = network.preprocessing.apply(torch.from_numpy(seen)[None])
    look = where_it_looks(network.module, blueprint(network.run.spec.network), x, SIDE, SIDE, should_stop)
    picture = square_pixels(image, SIDE).transpose(1, 2, 0)  # (SIDE, SIDE, 3)
    return blended(picture, overlay(look.values)).tobytes()
