"""One painter's work in every format: the right size, on white, and whole or not there."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QColor, QPainter

from resnet_studio.domain.errors import UserError
from resnet_studio.ui.figures import FORMATS, write_figure

SIZE = QSize(200, 100)


def paint(painter: QPainter) -> None:
    painter.fillRect(QRectF(0, 0, 100, 100), QColor("red"))
    painter.drawText(QRectF(100, 0, 100, 100), "words")


def test_a_png_has_pixels_for_the_scale_and_a_size_in_print(qapp, tmp_path: Path):
    with Image.open(write_figure(tmp_path / "a.PNG", paint, SIZE, scale=3, description="unseen")) as image:
        assert image.size == (600, 300)
        assert image.info["dpi"] == pytest.approx((216, 216), abs=0.1)
        assert image.info["Description"] == "unseen"
        assert image.getpixel((150, 150))[:3] == (255, 0, 0)
        assert image.getpixel((599, 299))[:3] == (255, 255, 255)


def test_an_svg_has_a_title_a_description_and_text(qapp, tmp_path: Path):
    root = ElementTree.parse(write_figure(tmp_path / "a.svg", paint, SIZE, title="T", description="D")).getroot()
    assert root.get("viewBox") == "0 0 200 100"
    assert {"T", "D", "words"} <= {text.strip() for text in root.itertext()}


def test_a_pdf_is_one_page_of_the_figures_size(qapp, tmp_path: Path):
    data = write_figure(tmp_path / "a.pdf", paint, SIZE).read_bytes()
    assert data.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", data)) == 1
    box = re.search(rb"/MediaBox\s*\[([^\]]*)\]", data)
    assert box is not None
    assert [float(number) for number in box[1].split()] == pytest.approx([0, 0, 200, 100], abs=0.1)
    long = write_figure(tmp_path / "long.pdf", paint, QSize(200, 50_000)).read_bytes()
    box = re.search(rb"/MediaBox\s*\[([^\]]*)\]", long)
    assert box is not None
    assert float(box[1].split()[3]) <= 14_400


@pytest.mark.parametrize("ending", FORMATS)
def test_a_figure_that_fails_leaves_the_file_that_was_there(qapp, tmp_path: Path, ending: str):
    file = tmp_path / f"a{ending}"
    file.write_text("before")

    def fail(painter: QPainter) -> None:
        paint(painter)
        raise RuntimeError("half-way")

    with pytest.raises(RuntimeError, match="half-way"):
        write_figure(file, fail, SIZE)
    assert [each.name for each in tmp_path.iterdir()] == [file.name]
    assert file.read_text() == "before"
    assert write_figure(file, paint, SIZE).stat().st_size > 100


def test_what_cannot_be_written_is_one_sentence(qapp, tmp_path: Path):
    with pytest.raises(UserError, match=r"a\.gif has no ending of a figure; let it end in \.png, \.svg or \.pdf\."):
        write_figure(tmp_path / "a.gif", paint, SIZE)
    with pytest.raises(UserError, match="40000 x 20000 pixels, which is too many"):
        write_figure(tmp_path / "a.png", paint, SIZE * 100)
    with pytest.raises(UserError, match="cannot be written"):
        write_figure(tmp_path / "missing" / "a.svg", paint, SIZE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="links are for administrators there")
def test_a_link_goes_on_pointing_at_the_file(qapp, tmp_path: Path):
    file, link = tmp_path / "file.svg", tmp_path / "link.svg"
    file.write_text("before")
    link.symlink_to(file)
    write_figure(link, paint, SIZE)
    assert link.is_symlink()
    assert file.read_text().startswith("<?xml")
