"""Decoding what people bring: every pixel format to RGB, every bad file to one sentence."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, TiffImagePlugin

from resnet_studio.data import images
from resnet_studio.data.images import IMAGE_SUFFIXES, find_images, note, read_image, to_square
from resnet_studio.domain.errors import DataError

from ..waiting import processor_time
from .conftest import picture


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def sentence(source: Path | bytes) -> str:
    with pytest.raises(DataError) as caught:
        read_image(source)
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    assert ";" in text  # what and why; what to do
    return text


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_lossless_formats_come_out_bit_for_bit(tmp_path: Path, kind: str):
    image = picture(1)
    path = tmp_path / "picture"
    path.write_bytes(encoded(image, kind, **({"lossless": True} if kind == "WEBP" else {})))
    found = read_image(path)
    assert found.mode == "RGB"
    assert np.array_equal(np.asarray(found), np.asarray(image))
    assert np.array_equal(np.asarray(read_image(path.read_bytes())), np.asarray(image))


def test_jpeg():
    flat = Image.new("RGB", (16, 16), (200, 40, 90))
    found = np.asarray(read_image(encoded(flat, "JPEG", quality=95))).astype(int)
    assert np.abs(found - (200, 40, 90)).max() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_honoured(orientation: int):
    upright = Image.new("RGB", (24, 16), (10, 10, 10))
    upright.paste((240, 0, 0), (0, 0, 12, 8))  # red at the upper left
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind in ("PNG", "JPEG"):
        found = read_image(encoded(stored, kind, exif=exif))
        assert found.size == (24, 16)
        red, *others = (found.getpixel(at) for at in ((6, 4), (18, 4), (6, 12), (18, 12)))
        assert red[0] > 200
        assert all(pixel[0] < 60 for pixel in others)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_is_no_reason_to_refuse():
    data = encoded(picture(1, (8, 8)), "JPEG", exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff garbage")
    assert read_image(data).size == (8, 8)


def test_sixteen_bit_grey_is_scaled_not_cut():
    deep = np.array([[0, 257, 32768, 65535]], dtype=np.uint16)
    for kind in ("PNG", "TIFF"):
        found = np.asarray(read_image(encoded(Image.fromarray(deep), kind)))
        assert found.shape == (1, 4, 3)
        assert found[0, :, 0].tolist() == [0, 1, 128, 255]


def test_sixteen_bit_colour():
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    row = b"\x00" + struct.pack(">6H", 65535, 0, 32896, 0, 65535, 257)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0))
    data += chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")
    found = np.asarray(read_image(data))
    assert found.tolist() == [[[255, 0, 128], [0, 255, 1]]]


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([[0.0, 0.5, 1.0]], [0, 128, 255]),
        ([[0.0, 100.0, 400.0]], [0, 64, 255]),
        ([[float("nan"), 0.0, 1.0]], [0, 0, 255]),
        ([[0.0, 0.0, 0.0]], [0, 0, 0]),
        ([[-4.0, -1.0, -2.0]], [0, 0, 0]),
    ],
)
def test_floating_point_grey(values: list[list[float]], wanted: list[int]):
    found = read_image(encoded(Image.fromarray(np.array(values, dtype=np.float32)), "TIFF"))
    assert np.asarray(found)[0, :, 0].tolist() == wanted


def test_thirty_two_bit_grey():
    found = read_image(encoded(Image.fromarray(np.array([[0, 65535, 131070]], dtype=np.int32)), "TIFF"))
    assert np.asarray(found)[0, :, 0].tolist() == [0, 128, 255]


def test_cmyk_palette_black_and_white_and_grey():
    red = Image.new("CMYK", (4, 4), (0, 255, 255, 0))
    pixel = read_image(encoded(red, "JPEG", quality=95)).getpixel((1, 1))
    assert pixel[0] > 240
    assert max(pixel[1:]) < 15
    assert read_image(encoded(red, "TIFF")).getpixel((1, 1)) == (255, 0, 0)
    palette = Image.new("RGB", (4, 4), (0, 128, 255)).quantize(4)
    assert read_image(encoded(palette)).getpixel((0, 0)) == (0, 128, 255)
    assert read_image(encoded(Image.new("1", (4, 4), 1))).getpixel((0, 0)) == (255, 255, 255)
    assert read_image(encoded(Image.new("L", (4, 4), 77))).getpixel((0, 0)) == (77, 77, 77)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_show_white(mode: str):
    image = Image.new("RGBA", (4, 2), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (2, 0, 4, 2))
    if mode == "P":
        image = Image.new("P", (4, 2), 0)
        image.putpalette([9, 9, 9, 0, 0, 0])
        image.paste(1, (2, 0, 4, 2))
        data = encoded(image, transparency=0)
    else:
        data = encoded(image.convert(mode))
    found = read_image(data)
    assert found.getpixel((0, 0)) == (255, 255, 255)
    assert found.getpixel((3, 1)) == (0, 0, 0)


def test_half_transparent():
    image = Image.new("RGBA", (2, 2), (0, 0, 0, 127))
    assert read_image(encoded(image)).getpixel((0, 0)) == (128, 128, 128)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation(kind: str):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    found = read_image(data)
    assert found.getpixel((4, 4)) == (255, 0, 0)
    assert note(found) == "It holds several pictures, of which the first is taken."
    assert note(read_image(encoded(frames[0], kind, **options))) == ""


def test_the_first_of_several_pages():
    pages = [Image.new("RGB", (8, 8), colour) for colour in ((255, 0, 0), (0, 255, 0))]
    found = read_image(encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    assert found.getpixel((4, 4)) == (255, 0, 0)
    assert note(found).startswith("It holds several pictures")
    assert note(read_image(encoded(pages[0], "TIFF"))) == ""


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF", "PPM"])
def test_truncated_files_are_refused(tmp_path: Path, kind: str):
    path = tmp_path / f"cut.{kind.lower()}"
    data = encoded(picture(3, (64, 64)), kind)
    for share in (0.9, 0.5, 0.1):
        path.write_bytes(data[: int(len(data) * share)])
        assert path.name in sentence(path)


def test_other_files_are_refused(tmp_path: Path):
    path = tmp_path / "notes.png"
    for content in (b"", b"hello", b"%PDF-1.7\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>", os.urandom(2000)):
        path.write_bytes(content)
        assert "notes.png is not an image" in sentence(path)


def test_formats_not_listed_are_not_tried():
    assert "is not an image" in sentence(encoded(picture(1), "ICO"))
    assert "is not an image" in sentence(encoded(picture(1), "PDF"))


# Faults and odd contents where no pixel is


def halves(size: tuple[int, int] = (64, 64)) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, (30, 30, 200))
    image.paste((200, 30, 30), (0, 0, size[0] // 2, size[1]))
    return image


def is_halves(image: Image.Image) -> bool:
    width, height = image.size
    left, right = image.getpixel((1, height // 2)), image.getpixel((width - 2, height // 2))
    return left[0] > 150 > 80 > left[2] and right[2] > 150 > 80 > right[0]


def png_chunk(kind: bytes, body: bytes, *, fault: int = 0) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body) ^ fault)


def with_chunk(kind: bytes, body: bytes, *, fault: int = 0) -> bytes:
    data = encoded(halves())
    return data[:33] + png_chunk(kind, body, fault=fault) + data[33:]


def wrong_checksum(kind: bytes) -> bytes:
    data = bytearray(encoded(halves()))
    place = data.index(kind)
    size = int.from_bytes(data[place - 4 : place], "big")
    data[place + 4 + size] ^= 0xFF
    return bytes(data)


def packed(*, cut: int) -> bytes:
    """A PNG whose compressed pixels lack their last bytes: the checksum of zlib has four."""
    whole = encoded(halves())
    header, pixels = (
        whole[16:29],
        b"".join(b"\0" + halves().tobytes()[row * 192 : (row + 1) * 192] for row in range(64)),
    )
    parts = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(pixels)[:-cut]) + png_chunk(b"IEND", b"")
    return whole[:8] + parts


def jpeg_with(marker: int, body: bytes) -> bytes:
    data = encoded(halves(), "JPEG")
    return data[:2] + bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body + data[2:]


NO_PIXEL: dict[str, bytes] = {
    "long text": with_chunk(b"zTXt", b"c\0\0" + zlib.compress(b"x" * (2 << 20))),
    "long international text": with_chunk(b"iTXt", b"c\0\1\0\0\0" + zlib.compress(b"x" * (2 << 20))),
    "long profile": with_chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(3 << 20))),
    "text of another method": with_chunk(b"zTXt", b"c\0\7abc"),
    "short physical size": with_chunk(b"pHYs", b"ab"),
    "checksum of a text": with_chunk(b"tEXt", b"a\0b", fault=1),
    "checksum of a profile": with_chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(9)), fault=1),
    "checksum of the header": wrong_checksum(b"IHDR"),
    "checksum of the pixels": wrong_checksum(b"IDAT"),
    "no checksum in zlib": packed(cut=4),
    "no end": encoded(halves())[:-12],
    "photoshop": jpeg_with(0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x04\xff\xff\xff\xff\xff\xff"),
    "jfif": jpeg_with(0xE0, b"JFIF\0\1"),
    "several pictures": jpeg_with(0xE2, b"MPF\0MM\0*\0\0\0\x08\xff\xff"),
    "profile in parts": jpeg_with(0xE2, b"ICC_PROFILE\0\1\3abc"),
    "two bytes short": encoded(halves(), "JPEG")[:-2],
    "one byte short": encoded(halves(), "JPEG")[:-1],
    "progressive, two bytes short": encoded(halves(), "JPEG", progressive=True)[:-2],
    "padding of a bitmap": encoded(halves((63, 64)), "BMP")[:-3],
    "bytes behind the end": encoded(halves(), "JPEG") + b"rest" * 99,
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("case", NO_PIXEL)
def test_a_fault_where_no_pixel_is_costs_no_picture(case: str):
    found = read_image(NO_PIXEL[case])
    assert is_halves(found)
    if "long" in case:
        assert "could not be read" in note(found)
    elif "short" in case and "size" not in case:
        assert "end of the file is missing" in note(found)


def test_images_without_a_fault_have_no_note():
    for kind in ("PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF", "PPM"):
        image = read_image(encoded(halves(), kind))
        assert is_halves(image)
        assert note(image) == ""


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_lacks_pixels_is_never_completed(progressive: bool):
    data = encoded(picture(3, (64, 64)), "JPEG", progressive=progressive)
    for cut in [*range(4, 60), *range(60, len(data) - 20, 61)]:
        with pytest.raises(DataError):
            read_image(data[:-cut])


@pytest.mark.parametrize("cut", [5, 50, 500])
def test_a_png_that_lacks_pixels_is_never_completed(cut: int):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    data = encoded(noise)
    with pytest.raises(DataError):
        read_image(data[: -12 - 4 - cut])


def bitmap(alpha: int) -> bytes:
    pixels = np.dstack([np.asarray(halves())[::-1, :, ::-1], np.full((64, 64, 1), alpha, np.uint8)]).tobytes()
    head = struct.pack("<IiiHHIIiiII", 108, 64, 64, 1, 32, 3, len(pixels), 2835, 2835, 0, 0)
    head += struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs" + bytes(48)
    return b"BM" + struct.pack("<IHHI", 122 + len(pixels), 0, 0, 122) + head + pixels


def test_alpha_that_is_zero_everywhere_hides_no_picture():
    for alpha in (0, 255):
        found = read_image(bitmap(alpha))
        assert (found.getpixel((1, 32)), found.getpixel((62, 32))) == ((200, 30, 30), (30, 30, 200))
    image = halves()
    image.putalpha(0)
    for kind in ("PNG", "TIFF", "WEBP"):
        found = read_image(encoded(image, kind, **({"lossless": True, "exact": True} if kind == "WEBP" else {})))
        assert is_halves(found)
    image.putpixel((5, 5), (1, 2, 3, 1))
    assert read_image(encoded(image)).getpixel((40, 40)) == (255, 255, 255)
    empty = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert read_image(encoded(empty)).getpixel((4, 4)) == (255, 255, 255)


def tiff(pixels: np.ndarray, photometric: int, sample_format: int = 1, bits: int = 0) -> bytes:
    """One strip of grey, little-endian."""
    bits = bits or pixels.dtype.itemsize * 8
    height, width = pixels.shape
    data = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    tags = [(256, 3, width), (257, 3, height), (258, 3, bits), (259, 3, 1), (262, 3, photometric), (273, 4, 0),
            (277, 3, 1), (278, 3, height), (279, 4, len(data)), (339, 3, sample_format)]  # fmt: skip
    begin = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(
        struct.pack("<HHI", tag, kind, 1) + struct.pack("<HH" if kind == 3 else "<I", *((value, 0) if kind == 3 else (
            begin if tag == 273 else value,)))
        for tag, kind, value in tags
    )  # fmt: skip
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + data


GREYS: dict[str, tuple[bytes, list[int]]] = {
    "16 bits": (tiff(np.array([[0, 32896, 65535]], np.uint16), 1), [0, 128, 255]),
    "16 bits, white is zero": (tiff(np.array([[0, 32896, 65535]], np.uint16), 0), [255, 127, 0]),
    "8 bits, white is zero": (tiff(np.array([[0, 128, 255]], np.uint8), 0), [255, 127, 0]),
    "32 bits of 8": (tiff(np.array([[0, 128, 255]], np.uint32), 1), [0, 128, 255]),
    "32 bits of 8, signed": (tiff(np.array([[0, 128, 255]], np.int32), 1, 2), [0, 128, 255]),
    "32 bits of 16": (tiff(np.array([[0, 32896, 65535]], np.uint32), 1), [0, 128, 255]),
    "32 bits in full": (tiff(np.array([[0, 2**31, 2**32 - 1]], np.uint32), 1), [0, 128, 255]),
    "dark 16 bits": (tiff(np.array([[0, 128, 255]], np.uint16), 1), [0, 0, 1]),
    "floats of 8 bits": (tiff(np.array([[0, 100, 200]], np.float32), 1, 3), [0, 100, 200]),
    "floats of 1": (tiff(np.array([[0, 0.5, 1]], np.float32), 1, 3), [0, 128, 255]),
}


@pytest.mark.parametrize("case", GREYS)
def test_deep_greys_have_the_polarity_and_the_range_of_eight_bits(case: str):
    data, wanted = GREYS[case]
    found = np.asarray(read_image(data))[0, :, 0].astype(int)
    assert np.abs(found - wanted).max() <= 1


def scans(count: int, size: tuple[int, int]) -> bytes:
    """A progressive JPEG whose last scan is sent again and again."""
    data = encoded(picture(3, size), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * count + b"\xff\xd9"


def test_a_progressive_jpeg_may_not_go_over_its_pixels_for_ever(monkeypatch):
    assert read_image(scans(5, (64, 64))).size == (64, 64)
    data = scans(3000, (1200, 1000))
    with processor_time() as spent:
        assert "takes too long" in sentence(data)
    assert spent.seconds < 5
    monkeypatch.setattr(images, "MAX_WORK", 1)
    assert read_image(encoded(picture(1), "JPEG", progressive=True)).mode == "RGB"  # as many scans as are usual


@pytest.mark.skipif(not hasattr(os, "fork"), reason="measures a process of its own")
@pytest.mark.parametrize("mode", ["RGBA", "I;16"])
def test_a_large_image_takes_little_more_memory_than_its_pixels(mode: str, tmp_path: Path):
    """Beside the pixels as stored and as RGB, in bytes a pixel; 20 megapixels, so that stripes are what counts."""
    side, script = 4472, tmp_path / "measure.py"
    pixels = np.full((side, side), 40_000, np.uint16) if mode == "I;16" else None
    image = Image.fromarray(pixels) if pixels is not None else Image.new("RGBA", (side, side), (9, 9, 9, 128))
    image.save(tmp_path / "large.tif")
    script.write_text(
        "import resource, sys\nfrom pathlib import Path\nfrom resnet_studio.data.images import read_image\n"
        "read_image(Path(sys.argv[2]))\nbefore = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "read_image(Path(sys.argv[1]))\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n",
        encoding="utf-8",
    )
    small = tmp_path / "small.tif"
    image.crop((0, 0, 64, 64)).save(small)
    done = subprocess.run([sys.executable, script, tmp_path / "large.tif", small], capture_output=True, check=True)
    stored = 2 if mode == "I;16" else 4
    assert int(done.stdout) * 1024 / side**2 < stored + 3 + 6


def test_missing_folder_and_pipe(tmp_path: Path):
    assert "does not exist" in sentence(tmp_path / "none.png")
    assert "is not a file" in sentence(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.png")
        assert "is not a file" in sentence(tmp_path / "pipe.png")


def test_a_bomb_is_refused_before_it_is_decoded(monkeypatch):
    data = encoded(Image.new("L", (100, 100)))
    monkeypatch.setattr(images, "MAX_PIXELS", 9_999)
    assert "megapixels" in sentence(data)
    monkeypatch.setattr(images, "MAX_PIXELS", 10_000)
    assert read_image(data).size == (100, 100)


@pytest.mark.parametrize("side", [10_000, 30_000])
def test_a_real_bomb(side: int):
    """100 megapixels make Pillow warn, 900 make it raise; black PNG of that size takes some kilobytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    data += chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    assert "more than 89 megapixels" in sentence(data)


def test_bit_flips_end_in_an_image_or_a_sentence():
    random = np.random.default_rng(0)
    for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"):
        whole = np.frombuffer(encoded(picture(5, (24, 24)), kind), np.uint8)
        for _ in range(60):
            data = whole.copy()
            places = random.integers(0, len(data), 3)
            data[places] = random.integers(0, 256, 3)
            # Anything but a DataError fails the test.
            with contextlib.suppress(DataError):
                assert read_image(data.tobytes()).mode == "RGB"


def test_a_square_of_the_right_size_is_untouched():
    image = picture(7, (32, 32))
    found = to_square(image, 32)
    assert found.dtype == torch.uint8
    assert torch.equal(found, torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1))


@pytest.mark.parametrize("size", [(64, 32), (32, 64), (640, 480), (33, 1000), (5, 3), (1, 1)])
def test_to_square_keeps_the_centre(size: tuple[int, int]):
    width, height = size
    image = Image.new("RGB", size, (255, 0, 0))
    side = min(size)
    left, top = (width - side) // 2, (height - side) // 2
    image.paste((0, 0, 255), (left, top, left + side, top + side))
    found = to_square(image, 32)
    assert tuple(found.shape) == (3, 32, 32)
    assert found[2, 8:-8, 8:-8].min() == 255
    assert found[0, 8:-8, 8:-8].max() == 0
    assert found[2].float().mean() > 230  # at the edges an enlarged image may mix in what lies beyond


def test_to_square_has_antialiasing():
    fine = np.zeros((256, 256, 3), np.uint8)
    fine[:, ::2] = 255
    found = to_square(Image.fromarray(fine), 32)
    assert (found.int() - 127).abs().max() < 20


def test_find_images(tmp_path: Path):
    folder = tmp_path / "pictures"
    (folder / "inner" / "deep").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    (tmp_path / "empty").mkdir()
    for name in ("b.png", "a.JPG", "inner/c.webp", "inner/deep/d.gif", ".e.png", ".hidden/f.png", "read.me"):
        (folder / name).write_bytes(b"x")
    single = tmp_path / "ü café.Png"
    single.write_bytes(b"x")
    (tmp_path / "song.mp3").write_bytes(b"x")
    found, refused = find_images(
        [single, folder, single, tmp_path / "song.mp3", tmp_path / "none.png", tmp_path / "empty", folder / "b.png"]
    )
    inside = [folder / "a.JPG", folder / "b.png", folder / "inner/c.webp", folder / "inner/deep/d.gif"]
    assert found == [single, *inside]
    assert dict(refused) == {
        folder
        / "read.me": "is not an image that can be read here, by its name; use PNG, JPEG, BMP, WebP, GIF, TIFF or PPM",
        tmp_path
        / "song.mp3": "is not an image that can be read here, by its name; use PNG, JPEG, BMP, WebP, GIF, TIFF or PPM",
        tmp_path / "none.png": "does not exist",
        tmp_path / "empty": "is a folder without images",
    }


@pytest.mark.skipif(os.name == "nt", reason="needs links")
def test_find_images_survives_loops(tmp_path: Path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "self.png").symlink_to(tmp_path / "a" / "self.png")
    (tmp_path / "a" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "a" / "b" / "x.png").write_bytes(b"x")
    found, refused = find_images([tmp_path])
    assert found == [tmp_path / "a" / "b" / "x.png"]
    assert {path.name for path, _ in refused} == {"self.png", "gone.png"}


def test_find_images_passes_over_a_folder_that_cannot_be_opened(tmp_path: Path, monkeypatch):
    for name in ("a/1.png", "b/2.png", "c/3.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"x")
    real = os.scandir

    def scandir(path: str):
        if path == str(tmp_path / "b"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(images.os, "scandir", scandir)
    found, refused = find_images([tmp_path])
    assert found == [tmp_path / "a" / "1.png", tmp_path / "c" / "3.png"]
    assert refused == [(tmp_path / "b", "cannot be opened (Permission denied)")]


def test_suffixes_are_lower_case_and_readable():
    assert {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif"} <= IMAGE_SUFFIXES
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in IMAGE_SUFFIXES)
    known = {suffix for suffix, kind in Image.registered_extensions().items() if kind in images.FORMATS}
    assert known >= IMAGE_SUFFIXES


@pytest.mark.parametrize(("photometric", "said"), [(0, "inverted"), (1, "scaled")])
def test_a_note_says_what_became_of_deep_grey(tmp_path: Path, photometric: int, said: str):
    grey = Image.fromarray(np.linspace(0, 65535, 64).reshape(8, 8).astype(np.uint16))
    grey.save(tmp_path / "grey.tif", tiffinfo={262: photometric})
    assert said in images.note(images.read_image(tmp_path / "grey.tif"))
    grey.convert("L").save(tmp_path / "usual.png")
    assert images.note(images.read_image(tmp_path / "usual.png")) == ""


def test_a_note_says_that_transparency_was_left_out(tmp_path: Path):
    pixels = np.random.default_rng(0).integers(1, 255, (8, 8, 4), np.uint8)
    pixels[..., 3] = 0
    Image.fromarray(pixels).save(tmp_path / "x.png")
    assert "transparency" in images.note(images.read_image(tmp_path / "x.png"))


def test_a_tiffs_thumbnail_gives_way_to_its_picture(tmp_path: Path) -> None:
    """Cameras write a smaller copy first; the tag of its page says so."""
    small, whole = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (32, 24), "blue")
    for kinds, size in (((1, 0), (32, 24)), ((0, 1), (8, 8)), ((1, 1), (8, 8)), ((2, 2), (8, 8))):
        file = tmp_path / f"{kinds}.tif"
        with TiffImagePlugin.AppendingTiffWriter(str(file), True) as writer:
            for picture, kind in zip((small, whole), kinds, strict=True):
                picture.save(writer, "TIFF", tiffinfo={254: kind})
                writer.newFrame()
        assert read_image(file).size == size, kinds


def test_what_git_lfs_left_is_named(tmp_path: Path) -> None:
    file = tmp_path / "cat.png"
    file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 12\n")
    with pytest.raises(DataError, match=r"cat\.png is a pointer that Git LFS left.*git lfs pull"):
        read_image(file)
