"""Small pictures of the images in sight, decoded in a background thread and kept for a while."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage, QPixmap

from resnet_studio.domain.errors import DataError, Stopped
from resnet_studio.domain.events import StopCheck
from resnet_studio.ui.images.image_row import ImageRow, Source
from resnet_studio.ui.threads.jobs import Emit, Job, Jobs, Work

SIDE = 192  # pixels, enough for a screen of double density
_KEPT = 600  # pictures: about 65 MB
_AT_ONCE = 32
_WAIT_MS = 25


class Thumbnails(QObject):
    """``picture`` answers at once, with what is there; ``ready`` once more is there."""

    ready = Signal()

    def __init__(self, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._job: Job | None = None
        self._kept: OrderedDict[str, QPixmap] = OrderedDict()
        self._waiting: OrderedDict[str, ImageRow] = OrderedDict()
        self._timer = QTimer(self, interval=_WAIT_MS, singleShot=True)
        self._timer.timeout.connect(self._start)

    def picture(self, image: ImageRow) -> QPixmap | None:
        """The small picture, null if the image cannot be read; None while it is on its way."""
        kept = self._kept.get(image.key)
        if kept is not None:
            self._kept.move_to_end(image.key)
            return kept
        self._waiting[image.key] = image
        self._waiting.move_to_end(image.key)  # what was asked for last is in sight now
        while len(self._waiting) > 4 * _AT_ONCE:
            self._waiting.popitem(last=False)
        if self._job is None and not self._timer.isActive():
            self._timer.start()
        return None

    def clear(self) -> None:
        self._kept.clear()
        self._waiting.clear()
        if self._job is not None:
            self._job.stop()

    def _start(self) -> None:
        if self._job is not None or not self._waiting:
            return
        batch = [self._waiting.popitem() for _ in range(min(_AT_ONCE, len(self._waiting)))]
        self._job = self._jobs.start(
            draw_small([(key, image.source) for key, image in batch], SIDE), on_item=self._on_item, on_end=self._on_end
        )

    def _on_item(self, item: object) -> None:
        key, picture = cast("tuple[str, tuple[bytes, int, int] | None]", item)
        if picture is None:
            self._kept[key] = QPixmap()
        else:
            content, width, height = picture
            image = QImage(content, width, height, 3 * width, QImage.Format.Format_RGB888)
            self._kept[key] = QPixmap.fromImage(image.copy())
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        self.ready.emit()

    def _on_end(self) -> None:
        self._job = None
        self._start()


def draw_small(sources: Sequence[tuple[str, Source]], side: int) -> Work:
    """A job that emits ``(key, small RGB picture as (bytes, width, height), or None if it cannot be read)``."""

    def work(emit: Emit, should_stop: StopCheck) -> None:
        from resnet_studio.data.images import read_image

        for key, source in sources:
            if should_stop():
                raise Stopped
            try:
                image = read_image(source if isinstance(source, Path) else source.content)
            except DataError:
                emit((key, None))
                continue
            image.thumbnail((side, side))
            emit((key, (image.tobytes(), image.width, image.height)))

    return work
