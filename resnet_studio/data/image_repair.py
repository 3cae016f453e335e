"""Image files with a fault where no pixel is: the same picture without what is at fault.

A decoder gives up on a text that is too long, a colour profile that makes no sense, a wrong checksum or a missing end
mark. Where all pixels are there, another file with these pixels alone can be decoded in its place. Whether an end that
is missing held pixels is found by completing it in several ways: what was missing would look different each time.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from resnet_studio.text import _

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_RAW = (b"BM", b"II*\0", b"MM\0*", b"P5", b"P6")
_PADDING = 1 << 10
_FILLINGS = (b"", b"\xaa" * 64, b"\x55" * 64, b"\xfe" * 64, bytes(range(1, 128)))  # no 0xFF, which begins a marker
_KEPT_CHUNKS = frozenset((b"IHDR", b"PLTE", b"tRNS", b"eXIf"))
_DEPTHS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # samples of a pixel by PNG's colour type
_READ = 1 << 20

REPAIRED = _("A part of the file without pixels could not be read and was left out.")
ENDED = _("The end of the file is missing; no pixel was in it.")


@dataclass(frozen=True, slots=True)
class Repair:
    """Files that must decode to one and the same picture, and what to say of it."""

    versions: tuple[bytes, ...]
    note: str


def repairs(data: bytes) -> Iterator[Repair]:
    """What to try in place of ``data``, which a decoder refused."""
    if data.startswith(PNG):
        if (pixels := _png(data)) is not None:
            yield Repair((pixels,), REPAIRED)
    elif data.startswith(JPEG):
        for keep_exif in (True, False):
            if (pixels := _jpeg(data, keep_exif=keep_exif)) is not None:
                yield Repair((pixels,), REPAIRED)
        body = (_jpeg(data, keep_exif=True) or data).rstrip(b"\xff")
        if _all_scans(body):
            yield Repair(tuple(body + filling + b"\xff\xd9" for filling in _FILLINGS), ENDED)
    elif data.startswith(_RAW):
        yield Repair((data + bytes(_PADDING), data + b"\xff" * _PADDING), ENDED)


def jpeg_scans(file: BinaryIO) -> int:
    """How often a JPEG goes over its pixels: scans of a progressive one; the file is read once, in pieces."""
    count, last = 0, b""
    while part := file.read(_READ):
        count += (last + part).count(b"\xff\xda")
        last = part[-1:]
    return count


# PNG


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content; checksums are not looked at. A chunk that is cut off comes with what there is of it."""
    place = len(PNG)
    while place + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        yield kind, data[place + 8 : place + 8 + size]
        place += size + 12


def _png(data: bytes) -> bytes | None:
    """Header, palette, transparency and pixels, with sound checksums; None if pixels are missing."""
    kept, packed = b"", []
    header = b""
    for kind, content in _chunks(data):
        if kind == b"IDAT":
            packed.append(content)
        elif kind in _KEPT_CHUNKS and not (kind == b"IHDR" and header):
            kept += _chunk(kind, content)
            header = content if kind == b"IHDR" else header
    if len(header) != 13 or not packed:
        return None
    wanted = _png_bytes(header)
    if not 0 < wanted <= 1 << 30:
        return None
    try:
        raw = zlib.decompressobj().decompress(b"".join(packed), wanted)
    except zlib.error:
        return None
    if len(raw) < wanted:
        return None
    return PNG + kept + _chunk(b"IDAT", zlib.compress(raw, 1)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png_bytes(header: bytes) -> int:
    """Of all rows before compression, each with its filter's byte; 0 for a header that makes no sense."""
    width, height, bits, colour, _unused, _unused_2, interlaced = struct.unpack(">IIBBBBB", header)
    samples = _DEPTHS.get(colour, 0)
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    total = 0
    for left, top, across, down in passes if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * samples * bits // 8))
    return total


# JPEG


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, begin and end of each segment up to the first scan's pixels; a scan's header is the last."""
    place = len(JPEG)
    while place + 4 <= len(data):
        if data[place] != 0xFF:
            return
        marker = data[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            place += 2
            continue
        size = int.from_bytes(data[place + 2 : place + 4], "big")
        yield marker, place, place + 2 + size
        if marker == 0xDA or size < 2:
            return
        place += 2 + size


def _jpeg(data: bytes, *, keep_exif: bool) -> bytes | None:
    """Without comments and other programs' segments; None if the pixels are not reached."""
    kept = JPEG
    for marker, begin, end in _segments(data):
        if marker == 0xDA:
            return kept + data[begin:]
        exif = marker == 0xE1 and keep_exif and data[begin + 4 : begin + 8] == b"Exif"
        if marker == 0xEE or exif or not (0xE0 <= marker <= 0xEF or marker == 0xFE):  # 0xEE: Adobe's, on colours
            kept += data[begin:end]
    return None


def _all_scans(data: bytes) -> bool:
    """Whether every coefficient of every colour was sent to its last bit: a progressive JPEG sends them bit by bit."""
    if not any(marker == 0xC2 for marker, _unused, _unused_2 in _segments(data)):
        return any(marker == 0xDA for marker, _unused, _unused_2 in _segments(data))
    exact: dict[int, set[int]] = {}
    place = data.find(b"\xff\xda")
    while place >= 0 and place + 5 <= len(data):
        count = data[place + 4]
        header = data[place + 5 : place + 5 + 2 * count + 3]
        if len(header) == 2 * count + 3 and count:
            first, last, bits = header[-3:]
            for component in header[: 2 * count : 2]:
                own = exact.setdefault(component, set())
                if bits & 15 == 0:
                    own.update(range(first, min(last, 63) + 1))
        place = data.find(b"\xff\xda", place + 2)
    return bool(exact) and all(len(own) == 64 for own in exact.values())
