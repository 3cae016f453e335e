"""Small pictures of the images in sight, decoded in a background thread and kept for a while."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QPixmap

from resnet_studio.domain.errors import DataError, Stopped
from resnet_studio.domain.events import StopCheck
from resnet_studio.ui.images.image_row import ImageRow, Source
from resnet_studio.ui.images.picture_queue import Picture, PictureQueue
from resnet_studio.ui.threads.jobs import Emit, Jobs, Work

SIDE = 192  # pixels, enough for a screen of double density
_KEPT = 600  # pictures: about 65 MB
_AT_ONCE = 32


class Thumbnails(QObject):
    """``picture`` answers at once, with what is there; ``ready`` once more is there."""

    ready = Signal()

    def __init__(self, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pictures = PictureQueue[str, Source](jobs, draw_small, self.ready.emit, _KEPT, _AT_ONCE, self)

    def picture(self, image: ImageRow) -> QPixmap | None:
        """The small picture, null if the image cannot be read; None while it is on its way."""
        kept = self._pictures.kept(image.key)
        if kept is None:
            self._pictures.request(image.key, image.source)
        return kept

    def clear(self) -> None:
        self._pictures.clear()

    def __len__(self) -> int:
        """How many pictures are kept."""
        return len(self._pictures)


def draw_small(sources: Sequence[tuple[str, Source]]) -> Work:
    """A job that emits a Picture of at most SIDE x SIDE pixels for each key and source."""

    def work(emit: Emit, should_stop: StopCheck) -> None:
        from resnet_studio.data.images import read_image

        for key, source in sources:
            if should_stop():
                raise Stopped
            try:
                image = read_image(source if isinstance(source, Path) else source.content)
            except DataError:
                emit(Picture(key))
                continue
            image.thumbnail((SIDE, SIDE))
            emit(Picture(key, image.tobytes(), image.width, image.height))

    return work
