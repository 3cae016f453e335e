"""What was dropped or pasted, as paths and images."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QMimeData
from PySide6.QtGui import QImage

from resnet_studio.domain.records import NamedImage


@dataclass(frozen=True, slots=True)
class Brought:
    """Files and folders of this machine, images that are no files, and how many addresses lie elsewhere."""

    paths: tuple[Path, ...] = ()
    images: tuple[NamedImage, ...] = ()
    remote: int = 0

    def __bool__(self) -> bool:
        return bool(self.paths or self.images or self.remote)


def holds_images(mime: QMimeData) -> bool:
    """Cheap enough for every mouse move of a drag."""
    return mime.hasUrls() or mime.hasImage()


def brought_paths(mime: QMimeData) -> tuple[Path, ...]:
    """Files and folders of this machine."""
    return tuple(Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()) if mime.hasUrls() else ()


def brought(mime: QMimeData, name: str) -> Brought:
    """Files win over pixels: a file manager offers both. ``name`` is given to pixels, with the time of day."""
    if paths := brought_paths(mime):
        return Brought(paths=paths)
    if mime.hasImage():
        content = _png(mime.imageData())
        if content:
            return Brought(images=(NamedImage(f"{name} {datetime.now():%H:%M:%S}", content),))
    return Brought(remote=len(mime.urls()) if mime.hasUrls() else 0)


def _png(image: object) -> bytes:
    """Empty for something that is no image."""
    if not isinstance(image, QImage) or image.isNull():
        return b""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(buffer.data().data())
