"""Pictures made by background jobs: those in sight first, some at once, the latest ones kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QImage, QPixmap

from resnet_studio.ui.threads.jobs import Job, Jobs, Work

_WAIT_MS = 25  # requests of one repaint go into one job

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Picture(Generic[K]):
    """What a job emits: ``pixels`` are RGB rows of 3 x width bytes; empty where the image cannot be read."""

    key: K
    pixels: bytes = b""
    width: int = 0
    height: int = 0

    def pixmap(self) -> QPixmap:
        """A copy; null where there are no pixels."""
        if not self.pixels:
            return QPixmap()
        image = QImage(self.pixels, self.width, self.height, 3 * self.width, QImage.Format.Format_RGB888)
        return QPixmap.fromImage(image.copy())


class PictureQueue(QObject, Generic[K, R]):
    """Requests ``R`` by key ``K``, drawn in one job after another.

    Args:
        jobs: Where jobs run.
        draw: The job for some requests; it emits a :class:`Picture` for each.
        changed: Called when more pictures are there, or fewer.
        kept: How many pictures stay.
        at_once: How many requests a job takes. Requests that are overtaken by many others are dropped.
    """

    def __init__(
        self,
        jobs: Jobs,
        draw: Callable[[Sequence[tuple[K, R]]], Work],
        changed: Callable[[], None],
        kept: int,
        at_once: int,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._jobs, self._draw, self._changed = jobs, draw, changed
        self._most, self._at_once = kept, at_once
        self._job: Job | None = None
        self._kept: OrderedDict[K, QPixmap] = OrderedDict()
        self._waiting: OrderedDict[K, R] = OrderedDict()
        self._timer = QTimer(self, interval=_WAIT_MS, singleShot=True)
        self._timer.timeout.connect(self._start)

    def __len__(self) -> int:
        """How many pictures are kept."""
        return len(self._kept)

    @property
    def waiting(self) -> int:
        """How many requests no job has taken yet."""
        return len(self._waiting)

    def kept(self, key: K) -> QPixmap | None:
        """The picture, null if there is none to draw; None if it has not been drawn."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def request(self, key: K, request: R) -> None:
        """Before all earlier requests: what was asked for last is in sight now."""
        self._waiting[key] = request
        self._waiting.move_to_end(key)
        while len(self._waiting) > 8 * self._at_once:
            self._waiting.popitem(last=False)
        if self._job is None and not self._timer.isActive():
            self._timer.start()

    def cancel(self) -> None:
        """Drop what waits and stop the job; pictures stay."""
        self._waiting.clear()
        if self._job is not None:
            self._job.stop()

    def clear(self) -> None:
        self._kept.clear()
        self.cancel()

    def _start(self) -> None:
        if self._job is not None or not self._waiting:
            return
        batch = [self._waiting.popitem() for _ in range(min(self._at_once, len(self._waiting)))]
        self._job = self._jobs.start(self._draw(batch), on_item=self._on_picture, on_end=self._on_end)

    def _on_picture(self, picture: Picture[K]) -> None:
        self._kept[picture.key] = picture.pixmap()
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        self._changed()

    def _on_end(self) -> None:
        self._job = None
        self._start()
