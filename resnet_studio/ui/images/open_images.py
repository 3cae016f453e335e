"""How images come in by hand: dropped, pasted, or chosen in a dialog."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote_to_bytes

from PySide6.QtCore import QBuffer, QIODevice, QMimeData, QUrl
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QWidget

from resnet_studio.domain.imported_weights import WEIGHTS_SUFFIXES
from resnet_studio.domain.records import NamedImage
from resnet_studio.text import _
from resnet_studio.ui.preferences import IMAGES, Preferences

_IMAGES = "*.png *.jpg *.jpeg *.bmp *.webp *.gif *.tif *.tiff *.ppm"
_WEIGHTS = " ".join(f"*{suffix}" for suffix in WEIGHTS_SUFFIXES)
FILTER = _("Images ({images});;Weights ({weights});;All files (*)", images=_IMAGES, weights=_WEIGHTS)
_MOST_INLINE = 64 << 20  # characters of an address that holds a picture
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
    return tuple(Path(path) for url in mime.urls() if (path := _local(url))) if mime.hasUrls() else ()


def _local(url: QUrl) -> str:
    """The path that an address names on this machine, empty if it lies elsewhere; ``file://localhost/`` is here."""
    if url.isLocalFile() and url.host().lower() == "localhost":
        url = QUrl(url)
        url.setHost("")
    return url.toLocalFile() if url.isLocalFile() else ""


def _inline(url: QUrl) -> bytes:
    """The picture in a ``data:`` address (RFC 2397), whatever it says that it is; empty if there is none."""
    if url.scheme().lower() != "data":
        return b""
    head, comma, body = url.toString(QUrl.ComponentFormattingOption.FullyEncoded).partition(",")
    if not comma or len(body) > _MOST_INLINE:
        return b""
    content = unquote_to_bytes(body)
    if head.lower().endswith(";base64"):
        try:
            content = base64.b64decode(content)
        except ValueError:
            return b""
    return _png(QImage.fromData(content))


def dropped_images(mime: QMimeData, name: str = "Dropped") -> DroppedImages:
    """Files win over pixels: a file manager offers both. ``name`` is given to pixels, with the time of day."""
    if paths := local_paths(mime):
        return DroppedImages(paths=paths)
    if mime.hasImage() and (content := _png(mime.imageData())):
        return DroppedImages(images=(NamedImage(f"{name} {datetime.now():%H:%M:%S}", content),))
    if mime.hasUrls() and (inline := [content for url in mime.urls() if (content := _inline(url))]):
        time = f"{name} {datetime.now():%H:%M:%S}"
        names = [time] if len(inline) == 1 else [f"{time} ({number})" for number in range(1, len(inline) + 1)]
        return DroppedImages(images=tuple(map(NamedImage, names, inline)), remote=len(mime.urls()) - len(inline))
    return DroppedImages(remote=len(mime.urls()) if mime.hasUrls() else 0)


def pasted_images() -> DroppedImages:
    """What is on the clipboard."""
    mime = QGuiApplication.clipboard().mimeData()
    return dropped_images(mime, _("Pasted")) if isinstance(mime, QMimeData) else DroppedImages()


def choose_images(parent: QWidget, preferences: Preferences) -> tuple[Path, ...]:
    chosen, _unused = QFileDialog.getOpenFileNames(parent, _("Choose images"), preferences.folder(IMAGES), FILTER)
    if chosen:
        preferences.set_folder(IMAGES, str(Path(chosen[0]).parent))
    return tuple(map(Path, chosen))


def choose_folder(parent: QWidget, preferences: Preferences) -> tuple[Path, ...]:
    """One folder, or none."""
    chosen = QFileDialog.getExistingDirectory(parent, _("Choose a folder of images"), preferences.folder(IMAGES))
    if chosen:
        preferences.set_folder(IMAGES, chosen)
    return (Path(chosen),) if chosen else ()


def _png(image: object) -> bytes:
    """Empty for something that is no image."""
    if not isinstance(image, QImage) or image.isNull():
        return b""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(buffer.data().data())
