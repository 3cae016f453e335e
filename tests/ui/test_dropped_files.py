"""What is dropped or opened: weights by every suffix, files of this machine by any address, inline pictures."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from PySide6.QtCore import QBuffer, QIODevice, QMimeData, QUrl
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from resnet_studio.domain.imported_weights import WEIGHTS_SUFFIXES, is_weights_name
from resnet_studio.ui.drop_frame import DropFrame, drop_sentence
from resnet_studio.ui.images.image_row import ImageRow
from resnet_studio.ui.images.open_images import FILTER, dropped_images, local_paths
from resnet_studio.ui.pages.classify.work import find
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.weights.import_weights import _IMPORT, are_weights
from resnet_studio.ui.widgets.banner import Banner

SUFFIXES = (".safetensors", ".pt", ".pth", ".th", ".ckpt", ".bin", ".pth.tar")


def mime(*addresses: str) -> QMimeData:
    made = QMimeData()
    made.setUrls([QUrl(address) for address in addresses])
    return made


def picture() -> bytes:
    image = QImage(3, 2, QImage.Format.Format_RGB32)
    image.fill(0xFF336699)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(buffer.data().data())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_weights_are_known_by_every_suffix(suffix: str, qapp: object) -> None:
    assert are_weights(Path(f"resnet20{suffix}"))
    assert is_weights_name(f"RESNET{suffix.upper()}")
    assert drop_sentence(mime(f"file:///x/net{suffix}")) == f"Let go to import net{suffix}"
    for dialog in (FILTER, _IMPORT):
        assert f"*{suffix}" in dialog.replace(")", " ").replace("(", " ").split()


def test_nothing_else_is_taken_for_weights() -> None:
    assert set(SUFFIXES) == set(WEIGHTS_SUFFIXES)
    assert not any(map(is_weights_name, ("a.png", "images.tar", "pth", "a.pth.zip", "")))


def test_localhost_is_this_machine(qapp: object) -> None:
    assert local_paths(mime("file://localhost/x/a%20b.png", "file:///y.png", "https://example.org/z.png")) == (
        Path("/x/a b.png"),
        Path("/y.png"),
    )


@pytest.mark.parametrize("kind", ["data:image/png;base64,", "DATA:;BASE64,"])
def test_a_picture_in_an_address_is_opened(kind: str, qapp: object) -> None:
    dropped = dropped_images(mime(kind + base64.b64encode(picture()).decode()))
    (image,) = dropped.images
    assert (dropped.paths, dropped.remote) == ((), 0)
    assert QImage.fromData(image.content).pixelColor(2, 1).getRgb()[:3] == (0x33, 0x66, 0x99)


def test_an_address_with_anything_else_is_no_picture(qapp: object) -> None:
    for address in ("data:text/plain,hello", "data:image/png;base64,AAAA", "data:", "https://example.org/a.png"):
        dropped = dropped_images(mime(address))
        assert not dropped.images
        assert dropped.remote == 1


def test_a_file_name_turns_no_sentence_round_and_breaks_no_line(qtbot: QtBot, tmp_path: Path) -> None:
    odd = tmp_path / "a\n\u202egnp.png"
    try:
        odd.write_bytes(b"no image")
    except OSError:
        pytest.skip("this system has no such names")
    shown = "a\\n\\u202egnp.png"
    assert ImageRow.of(odd).name == shown
    text = odd.with_suffix(".txt")
    text.write_text("words")
    (sentence,) = find([text])(lambda _item: None, lambda: False).refused
    assert sentence.startswith("a\\n\\u202egnp.txt ")
    banner = Banner()
    qtbot.addWidget(banner)
    banner.show_notice("x", f"{odd.name} is no image.")
    assert banner._text.text() == "a\n\\u202egnp.png is no image."
    frame_of = QWidget()
    qtbot.addWidget(frame_of)
    frame = DropFrame(Theme(), frame_of)
    frame.show_sentence(f"Let go to import {odd.name}")
    assert frame.text == f"Let go to import {shown}"
