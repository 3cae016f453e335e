"""Decoding what people bring: every pixel format to RGB, every bad file to one sentence."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from resnet_studio.data import images
from resnet_studio.data.images import IMAGE_SUFFIXES, find_images, read_image, to_square
from resnet_studio.domain.errors import DataError

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
    assert read_image(data).getpixel((4, 4)) == (255, 0, 0)


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
        folder / "read.me": "is not an image, by its name",
        tmp_path / "song.mp3": "is not an image, by its name",
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
