"""Where each network looks: pictures of images under their class activation maps, made in background jobs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage, QPixmap

from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.records import RunRecord
from resnet_studio.ui.images.image_row import ImageRow, Source
from resnet_studio.ui.services import Services
from resnet_studio.ui.threads.jobs import Emit, Job, Work

if TYPE_CHECKING:
    from resnet_studio.history.store import RunStore
    from resnet_studio.inference.models import TrainedNetwork

SIDE = 176  # pixels, enough for a screen of double density
_KEPT = 600  # pictures: about 75 MB
_AT_ONCE = 16
_WAIT_MS = 25

Key = tuple[str, str]  # run id, image key


@dataclass(frozen=True, slots=True)
class Wanted:
    """One network's map of one image."""

    run: RunRecord
    key: str
    source: Source


@dataclass(frozen=True, slots=True)
class Mapped:
    """A picture of SIDE x SIDE pixels, RGB; None where the image or the network cannot be read."""

    key: Key
    pixels: bytes | None


class ClassMaps(QObject):
    """``picture`` answers at once, with what is there; ``ready`` once more is there. Off until :meth:`set_on`.

    Maps have networks of their own, so that those that classify stay with one job.
    """

    ready = Signal()

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self.on = False
        self._job: Job | None = None
        self._networks: dict[str, TrainedNetwork] = {}
        self._kept: OrderedDict[Key, QPixmap] = OrderedDict()
        self._waiting: OrderedDict[Key, Wanted] = OrderedDict()
        self._timer = QTimer(self, interval=_WAIT_MS, singleShot=True)
        self._timer.timeout.connect(self._start)

    def set_on(self, on: bool) -> None:
        self.on = on
        if not on:
            self._waiting.clear()
            if self._job is not None:
                self._job.stop()
        self.ready.emit()

    def picture(self, run: RunRecord, image: ImageRow) -> QPixmap | None:
        """The image under the map, null if there is none; None while it is on its way, or while maps are off."""
        key = (run.id, image.key)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        if self.on:
            self._waiting[key] = Wanted(run, image.key, image.source)
            self._waiting.move_to_end(key)  # what was asked for last is in sight now
            while len(self._waiting) > 8 * _AT_ONCE:
                self._waiting.popitem(last=False)
            if self._job is None and not self._timer.isActive():
                self._timer.start()
        return None

    def forget(self) -> None:
        """Of all networks and images: their weights may be others."""
        self._kept.clear()
        self._waiting.clear()
        self._networks = {}  # a job under way keeps its own
        if self._job is not None:
            self._job.stop()
        self.ready.emit()

    def _start(self) -> None:
        if self._job is not None or not self._waiting:
            return
        batch = [self._waiting.popitem()[1] for _ in range(min(_AT_ONCE, len(self._waiting)))]
        work = draw_maps(
            self._services.store, batch, self._networks, single_threaded=self._services.controller.training
        )
        self._job = self._services.jobs.start(work, on_item=self._on_item, on_end=self._on_end)

    def _on_item(self, item: object) -> None:
        if not isinstance(item, Mapped):
            return
        if item.pixels is None:
            self._kept[item.key] = QPixmap()
        else:
            image = QImage(item.pixels, SIDE, SIDE, 3 * SIDE, QImage.Format.Format_RGB888)
            self._kept[item.key] = QPixmap.fromImage(image.copy())
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        self.ready.emit()

    def _on_end(self) -> None:
        self._job = None
        self._start()


def draw_maps(
    store: RunStore, wanted: Sequence[Wanted], networks: dict[str, TrainedNetwork], *, single_threaded: bool
) -> Work:
    """A job that emits a Mapped for each of ``wanted``; ``networks`` by run id stay loaded for the next job."""

    def work(emit: Emit, should_stop: StopCheck) -> None:
        import torch

        from resnet_studio.inference.models import load
        from resnet_studio.training.devices import lower_priority

        if single_threaded:
            torch.set_num_threads(1)  # acts on this thread alone
        lower_priority()
        for each in wanted:
            if should_stop():
                raise Stopped
            try:
                if each.run.id not in networks:
                    networks[each.run.id] = load(store, each.run)
                pixels = _drawn(networks[each.run.id], each.source, should_stop)
            except UserError:  # the answer beside it says what is wrong
                pixels = None
            emit(Mapped((each.run.id, each.key), pixels))

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
