"""How images come in by hand: dropped, pasted, or chosen in a dialog."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QMimeData
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QWidget

from resnet_studio.domain.records import NamedImage
from resnet_studio.text import _

FILTER = _("Images (*.png *.jpg *.jpeg *.bmp *.webp *.gif *.tif *.tiff *.ppm);;All files (*)")
NO_IMAGE = _("There is no image on the clipboard.")
NOT_HERE = _("That picture lies on another machine, and nothing is fetched unasked; save it first.")


@dataclass(frozen=True, slots=True)
class DroppedImages:
    """Files and folders of this machine, images that are no files, and how many addresses lie elsewhere."""

    paths: tuple[Path, ...] = ()
    images: tuple[NamedImage, ...] = ()
    remote: int = 0

    def __bool__(self) -> bool:
        return bool(self.paths or self.images or self.remote)

    @property
    def only_remote(self) -> bool:
        return bool(self.remote) and not (self.paths or self.images)


def holds_images(mime: QMimeData) -> bool:
    """Cheap enough for every mouse move of a drag."""
    return mime.hasUrls() or mime.hasImage()


def local_paths(mime: QMimeData) -> tuple[Path, ...]:
    """Files and folders of this machine."""
    return tuple(Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()) if mime.hasUrls() else ()


def dropped_images(mime: QMimeData, name: str = "Dropped") -> DroppedImages:
    """Files win over pixels: a file manager offers both. ``name`` is given to pixels, with the time of day."""
    if paths := local_paths(mime):
        return DroppedImages(paths=paths)
    if mime.hasImage() and (content := _png(mime.imageData())):
        return DroppedImages(images=(NamedImage(f"{name} {datetime.now():%H:%M:%S}", content),))
    return DroppedImages(remote=len(mime.urls()) if mime.hasUrls() else 0)


def pasted_images() -> DroppedImages:
    """What is on the clipboard."""
    mime = QGuiApplication.clipboard().mimeData()
    return dropped_images(mime, _("Pasted")) if isinstance(mime, QMimeData) else DroppedImages()


def choose_images(parent: QWidget) -> tuple[Path, ...]:
    chosen, _unused = QFileDialog.getOpenFileNames(parent, _("Choose images"), "", FILTER)
    return tuple(map(Path, chosen))


def choose_folder(parent: QWidget) -> tuple[Path, ...]:
    """One folder, or none."""
    chosen = QFileDialog.getExistingDirectory(parent, _("Choose a folder of images"))
    return (Path(chosen),) if chosen else ()


def _png(image: object) -> bytes:
    """Empty for something that is no image."""
    if not isinstance(image, QImage) or image.isNull():
        return b""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(buffer.data().data())
