"""The Data field: what is known of each set, and its download."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from resnet_studio.domain import data_sets
from resnet_studio.domain.specs import DataSpec
from resnet_studio.ui.services import Services
from resnet_studio.ui.widgets.data_field import DataField

from ..data.datasets import small_photos
from ..data.datasets.small_photos import BOATS

Shown = Callable[[str], DataField]


@pytest.fixture
def shown(qtbot: QtBot, services: Services) -> Shown:
    """A field that knows the facts of a source, or what is wrong with it."""

    def show(source: str) -> DataField:
        field = DataField(services)
        qtbot.addWidget(field)
        field.show()
        field.set_source(DataSpec(source=source))
        qtbot.waitUntil(lambda: field.facts is not None or bool(field.fault))
        return field

    return show


def test_photos_are_downloaded_and_then_usable(
    qtbot: QtBot, services: Services, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = small_photos.install(BOATS.key, monkeypatch)
    small_photos.place(small, services.home)
    field = shown(BOATS.key)
    assert field.missing == small.row
    assert "pixels" not in field._note.text()
    assert "3 classes, 12 training and 6 test images." in field._note.text()
    field._fetch.click()
    qtbot.waitUntil(lambda: field.facts is not None and not field.facts.missing)
    assert (field.fault, field._fetch.isVisible()) == ("", False)
    assert field.facts is not None
    assert not field.facts.ready  # nothing is decoded yet


def test_damaged_photos_are_a_fault(services: Services, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    from resnet_studio.data.datasets.downloaded import download

    small = small_photos.install(BOATS.key, monkeypatch)
    small_photos.place(small, services.home)
    download(small.row, services.home)
    Path(services.home.data, BOATS.key, "photos", "boats", "tr00.jpg").unlink()
    assert "is damaged" in shown(BOATS.key).fault


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        ((4_996_278_331, 2_000), "Download Boats (5.0 GB)"),
        ((None, 2_000), "Download Boats"),
    ],
)
def test_the_button_says_how_much_is_fetched_if_that_is_known(
    shown: Shown, monkeypatch: pytest.MonkeyPatch, sizes: tuple[int | None, int], text: str
) -> None:
    row = small_photos.install(BOATS.key, monkeypatch).row
    files = (dataclasses.replace(file, bytes=size) for file, size in zip(row.downloads, sizes, strict=True))
    row = dataclasses.replace(row, downloads=tuple(files))
    monkeypatch.setattr(data_sets, "DATA_SETS", (*data_sets.DATA_SETS[:-1], row))
    assert " ".join(shown(BOATS.key)._fetch.text().split()) == text


@pytest.mark.parametrize(("source", "more"), [("cifar100", True), ("cifar10", False)])
def test_the_tool_tip_says_where_more_classes_follow(shown: Shown, source: str, more: bool) -> None:
    field = shown(source)
    assert field.facts is not None
    tip = field._note.toolTip()
    assert ("…" in tip) == more
    assert (field.facts.class_names[-1] in tip) != more


def test_a_folder_that_was_put_right_is_looked_at_again(
    shown: Shown, tmp_path: Path, qtbot: QtBot, qapp: object
) -> None:
    bad = "\u202ecat"
    for part in ("train", "test"):
        for name in (bad, "dog"):
            place = tmp_path / part / name
            place.mkdir(parents=True)
            QImage(8, 8, QImage.Format.Format_RGB32).save(str(place / "1.png"))
    field = shown(f"folder:{tmp_path}")
    field.show_error("")
    assert "cannot be shown" in field.sentence
    for part in ("train", "test"):
        (tmp_path / part / bad).rename(tmp_path / part / "cat")
    line = field.findChild(QLineEdit, "data_folder_path")
    QTest.keyClick(line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: field.facts is not None)
    assert field.facts.class_names == ("cat", "dog")
    (tmp_path / "test").rename(tmp_path / "gone")
    (tmp_path / "train").rename(tmp_path / "away")
    QTest.keyClick(line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(field.fault))
    (tmp_path / "gone").rename(tmp_path / "test")
    (tmp_path / "away").rename(tmp_path / "train")
    qapp.applicationStateChanged.emit(Qt.ApplicationState.ApplicationActive)  # back from the file manager
    qtbot.waitUntil(lambda: field.facts is not None)


def test_a_mark_of_writing_direction_in_a_path_turns_no_sentence_round(shown: Shown, tmp_path: Path) -> None:
    folder = tmp_path / "\u202egnp"
    folder.mkdir()
    field = shown(f"folder:{folder}")
    field.show_error("")
    assert "\\u202egnp holds no class folders" in field.sentence
