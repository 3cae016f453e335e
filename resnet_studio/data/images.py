"""Image files of any origin: found, opened with care, made square.

Decoders meet files from anywhere, so only the formats named here are tried, sizes are checked before pixels are
decoded, and whatever a decoder raises becomes one sentence. Loads torch only in :func:`to_square`.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from resnet_studio.data.image_repair import jpeg_scans, repairs
from resnet_studio.data.pixel_formats import change_note, to_rgb
from resnet_studio.domain.errors import DataError, UserError
from resnet_studio.domain.word_lists import any_of
from resnet_studio.platform.outside_files import read_regular
from resnet_studio.text import _

if TYPE_CHECKING:
    from torch import Tensor

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF", "PPM")
IMAGE_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
)
MAX_PIXELS = 1024 * 1024 * 1024 // 4 // 3  # 89 megapixels: Pillow's own threshold for its bomb warning
MAX_WORK = 1_000_000_000  # pixels that a decoder goes over, scan by scan: a progressive JPEG of full size has 10 scans
_MAX_BYTES = 1 << 29  # of a file that is looked at again after its decoder refused it
_USUAL_SCANS = 16
# Storage boxes' thumbnails and snapshots (@eaDir, @Recycle, #recycle, #snapshot), Windows' bins, what macOS packs.
_HIDDEN_BEGINNINGS = (".", "@eadir", "@__thumb", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "@tmp")
_HIDDEN_NAMES = frozenset(
    ("__macosx", "$recycle.bin", "recycler", "system volume information", "lost+found", "__pycache__", "~snapshot")
)
_NEW_SUBFILE_TYPE, _MOST_PAGES = 254, 8  # TIFF 6.0, section 8: bit 0 marks a smaller copy of another page
_LFS = b"version https://git-lfs"
_NOTE = "note"  # in Pillow's own dictionary of what came with an image

# Pillow warns of a bomb between this size and twice it. Here it is refused, with or without the warning (below).
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
# Its other warnings (odd EXIF data, odd palettes) are of no use here.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def read_image(source: Path | bytes, enough: int = 0, name: str = "") -> Image.Image:
    """Decode one image: RGB, 8 bits, upright.

    EXIF rotation is applied; 16-bit and floating-point grey is scaled to 8 bits; CMYK and palettes are converted;
    transparent parts show white; of an animation the first frame is taken. A fault in a part without pixels, such as a
    text, a profile or a missing end mark, is passed over; :func:`note` then says so.

    Args:
        source: A file, or the bytes of one.
        enough: Pixels of the shorter side that will do: a larger JPEG is decoded at a half, a quarter or an eighth of
            its size as long as so many remain, which is much faster. 0 for the whole image.
        name: What to call the image in sentences; the file's own name if empty.

    Raises:
        DataError: One sentence that names the file, whatever is wrong with it.
    """
    name = name or (source.name if isinstance(source, Path) else _("The image"))
    try:
        if isinstance(source, Path) and not stat.S_ISREG(source.stat().st_mode):
            raise DataError(_("{name} is not a file; choose an image.", name=name))
        return _decoded(source, enough, name)
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(_too_large(name)) from None
    except UnidentifiedImageError:
        if (mended := _mended(source, enough, name)) is not None:
            return mended
        if _begins(source, _LFS):
            raise DataError(
                _("{name} is a pointer that Git LFS left in place of an image; get it with git lfs pull.", name=name)
            ) from None
        raise DataError(
            _("{name} is not an image that can be read here; use {listed}.", name=name, listed=listed_formats())
        ) from None
    except FileNotFoundError:
        raise DataError(_("{name} does not exist; check its path.", name=name)) from None
    except PermissionError:
        raise DataError(_("{name} may not be read; check its permissions.", name=name)) from None
    except MemoryError:
        raise DataError(_("{name} does not fit into memory; make it smaller.", name=name)) from None
    except Exception as error:  # a decoder on damaged input can raise anything: SyntaxError, struct.error, OSError...
        if (mended := _mended(source, enough, name)) is not None:
            return mended
        raise DataError(
            _("{name} is damaged or cut off ({first_line}); replace it.", name=name, first_line=_first_line(error))
        ) from None


def listed_formats() -> str:
    """Of the images that can be read, for sentences."""
    return any_of({"WEBP": "WebP"}.get(name, name) for name in FORMATS)


def note(image: Image.Image) -> str:
    """What there is to say of an image that :func:`read_image` returned, as a sentence; empty if nothing."""
    return str(image.info.get(_NOTE, ""))


def _decoded(source: Path | bytes, enough: int, name: str) -> Image.Image:
    with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS) as image:
        _leave_thumbnail(image)
        _check_size(name, image)
        if image.format in ("JPEG", "MPO"):
            _check_scans(name, source, image)
        if enough:
            image.draft(None, (enough, enough))  # None: the mode stays
        several = _has_several(image)
        image.load()
        _turn_upright(image)
        said, made = change_note(image), to_rgb(image)
        if several:
            first = _("It holds several pictures, of which the first is taken.")
            said = f"{first} {said}".strip()
    made.info.pop(_NOTE, None)  # a comment of the file's own
    if said:
        made.info[_NOTE] = said
    return made


def _leave_thumbnail(image: Image.Image) -> None:
    """Of a TIFF whose first page is a smaller copy of another one, as cameras write them, take the other one."""
    if image.format != "TIFF":
        return
    for page in range(1, min(getattr(image, "n_frames", 1), _MOST_PAGES)):
        if not _is_smaller_copy(image):
            return
        image.seek(page)
    if _is_smaller_copy(image):
        image.seek(0)


def _has_several(image: Image.Image) -> bool:
    """An animation, or pages that are no smaller copies. What phones add to a JPEG, such as depth, is neither."""
    if image.format == "MPO" or not getattr(image, "is_animated", False):
        return False
    if image.format != "TIFF":
        return True
    first = image.tell()
    pages = []
    for page in range(min(getattr(image, "n_frames", 1), _MOST_PAGES)):
        image.seek(page)
        pages.append(_is_smaller_copy(image))
    image.seek(first)
    return pages.count(False) > 1


def _is_smaller_copy(image: Image.Image) -> bool:
    kind = getattr(image, "tag_v2", {}).get(_NEW_SUBFILE_TYPE, 0)
    return isinstance(kind, int) and bool(kind & 1)


def _begins(source: Path | bytes, mark: bytes) -> bool:
    try:
        return (source if isinstance(source, bytes) else read_regular(source, _MAX_BYTES)).startswith(mark)
    except UserError:
        return False


def _mended(source: Path | bytes, enough: int, name: str) -> Image.Image | None:
    """The picture of a file that is damaged where no pixel is, with a note; None if there is no saving it."""
    try:
        data = source if isinstance(source, bytes) else read_regular(source, _MAX_BYTES)
    except UserError:
        return None
    for repair in repairs(data):
        made: list[Image.Image] = []
        with contextlib.suppress(Exception):
            for version in repair.versions:
                made.append(_decoded(version, enough, name))
                if made[0].tobytes() != made[-1].tobytes():
                    break
            else:
                made[0].info[_NOTE] = f"{note(made[0])} {repair.note}".strip()
                return made[0]
    return None


def square_pixels(image: Image.Image, size: int) -> npt.NDArray[np.uint8]:
    """The central square of an RGB image, resized: uint8 (3, size, size). See :func:`to_square`."""
    width, height = image.size
    if (width, height) != (size, size):
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        box = (left, top, left + side, top + side)
        image = image.resize((size, size), Image.Resampling.BILINEAR, box=box)
    return np.asarray(image).transpose(2, 0, 1)


def to_square(image: Image.Image, size: int) -> Tensor:
    """Shorter side resized to ``size`` with antialiasing, centre cropped.

    Args:
        image: RGB, as :func:`read_image` returns it.
        size: Pixels, at least 1. An image that is ``size`` by ``size`` stays as it is, bit for bit.

    Returns:
        uint8 (3, size, size).
    """
    import torch

    return torch.from_numpy(np.ascontiguousarray(square_pixels(image, size)))


def find_images(paths: Iterable[Path]) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Image files among ``paths`` and in the folders among them, at any depth.

    Recognised by their suffix; nothing is opened. Hidden files inside folders are passed over, loops of links end, and
    each file is listed once.

    Returns:
        Images in the order of ``paths``, those of a folder sorted by name, and the refused ones, each with the reason.
    """
    found: dict[Path, None] = {}
    refused: dict[Path, str] = {}
    for path in paths:
        if path.is_dir():
            before = len(found) + len(refused)
            for file in walk(path, lambda folder, why: refused.update({Path(folder): why})):
                _sort_out(Path(file), found, refused)
            if before == len(found) + len(refused):
                refused[path] = _("is a folder without images")
        else:
            _sort_out(path, found, refused)
    return list(found), list(refused.items())


def walk(folder: str | Path, on_refused: Callable[[str, str], None] | None = None) -> Iterator[str]:
    """Paths of all that is no folder in ``folder``, at any depth, sorted by name; hidden entries are passed over.

    Links to folders are followed, but no folder is entered twice. A folder that cannot be opened is passed to
    ``on_refused`` with the reason, and skipped; without ``on_refused`` it raises OSError.
    """
    seen: set[tuple[int, int]] = set()
    waiting = [os.fspath(folder)]
    while waiting:
        here = waiting.pop()
        try:
            status = os.stat(here)  # noqa: PTH116 - strings: a data set has a hundred thousand of them
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(here) as entries:
                listed = sorted((entry for entry in entries if not hidden(entry.name)), key=lambda entry: entry.name)
        except OSError as error:
            if on_refused is None:
                raise
            on_refused(here, _("cannot be opened ({strerror})", strerror=error.strerror or error))
            continue
        inner = []
        for entry in listed:
            if is_folder(entry):
                inner.append(entry.path)
            else:
                yield entry.path
        waiting.extend(reversed(inner))


def hidden(name: str) -> bool:
    """Names that are never data: dot files, and what systems, storage boxes and tools put beside the real files."""
    name = name.casefold()
    return name.startswith(_HIDDEN_BEGINNINGS) or name in _HIDDEN_NAMES


def is_folder(entry: os.DirEntry[str]) -> bool:
    """A folder or a link to one; a link that leads nowhere or in a circle is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def is_image_name(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122 - called for every file of a data set


def _sort_out(path: Path, found: dict[Path, None], refused: dict[Path, str]) -> None:
    if not is_image_name(path.name):
        unknown = _("is not an image that can be read here, by its name; use {formats}", formats=listed_formats())
        refused[path] = unknown if path.exists() else _("does not exist")
    elif path.is_file():
        found[path] = None
    else:
        refused[path] = _("is not a file") if path.exists() else _("does not exist")


def _check_scans(name: str, source: Path | bytes, image: Image.Image) -> None:
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        scans = jpeg_scans(file)
    if scans * image.width * image.height > MAX_WORK and scans > _USUAL_SCANS:
        raise DataError(
            _("{name} goes over its pixels {scans} times, which takes too long; save it again.", name=name, scans=scans)
        )


def _check_size(name: str, image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise DataError(_too_large(name))


def _too_large(name: str) -> str:
    return _(
        "{name} has more than {max_pixels} megapixels; make it smaller.", name=name, max_pixels=MAX_PIXELS // 1_000_000
    )


def _turn_upright(image: Image.Image) -> None:
    # Damaged EXIF data is no reason to refuse: the pixels are good all the same.
    with contextlib.suppress(Exception):
        ImageOps.exif_transpose(image, in_place=True)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
