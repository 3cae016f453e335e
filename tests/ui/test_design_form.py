"""The form: made from the specifications, and saying what is wrong as it is typed."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit
from pytestqt.qtbot import QtBot

from resnet_studio.domain.specs import DataSpec, NetworkSpec, RecipeSpec, RunSpec, replace
from resnet_studio.domain.terms import Block, Shortcut
from resnet_studio.ui.design.fields import form_fields, nested, typed, values
from resnet_studio.ui.design.form import DesignForm
from resnet_studio.ui.services import Services

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform says so of any window


@pytest.fixture
def form(qtbot: QtBot, services: Services) -> DesignForm:
    made = DesignForm(services)
    qtbot.addWidget(made)
    made.resize(360, 700)
    made.show()
    qtbot.waitUntil(lambda: made.data.facts is not None, timeout=10_000)
    return made


def type_into(qtbot: QtBot, form: DesignForm, path: str, text: str) -> None:
    editor = form.findChild(QLineEdit, f"field_{path}")
    assert editor is not None
    editor.clear()
    qtbot.keyClicks(editor, text)


def choose(form: DesignForm, path: str, text: str) -> None:
    box = form.findChild(QComboBox, f"field_{path}")
    assert box is not None
    box.setCurrentText(text)
    box.textActivated.emit(text)


def test_every_field_of_the_specifications_is_asked(form: DesignForm) -> None:
    asked = {field.path for field in form_fields()}
    for key, kind in (("network", NetworkSpec), ("recipe", RecipeSpec), ("data", DataSpec)):
        assert {f"{key}.{name}" for name in kind.model_fields} - asked <= {"network.family"}
    assert set(form.rows) == asked - {"data.source"}
    assert all(field.title and field.help for field in form_fields())


def test_values_go_round(form: DesignForm) -> None:
    spec = replace(RunSpec(), recipe=replace(RecipeSpec(), milestones=(5, 70), weight_decay=0.0), name="mine")
    assert RunSpec.model_validate(nested(values(spec))) == spec
    form.show_spec(spec)
    assert form.spec == spec


def test_digits_may_be_grouped_and_lists_split() -> None:
    assert typed("recipe.iterations", "64 000") == "64000"
    assert typed("recipe.iterations", "64\u202f000") == "64000"
    assert typed("recipe.milestones", "32\u202f000, 48000") == ("32000", "48000")
    assert typed("recipe.milestones", "100 200;300") == ("100", "200", "300")
    assert typed("recipe.milestones", "") == ()


def test_an_error_stands_beside_its_field_while_typing(qtbot: QtBot, form: DesignForm) -> None:
    type_into(qtbot, form, "network.depth", "21")
    assert form.spec is None
    label = form.findChild(QLabel, "error_network.depth")
    assert label is not None
    assert label.isVisible()
    assert label.text() == "Depth 21 is not 6n + 2; choose 20 or 26."
    type_into(qtbot, form, "network.depth", "26")
    assert not label.isVisible()
    assert form.spec is not None
    assert form.spec.network.depth == 26


def test_several_errors_are_all_shown(qtbot: QtBot, form: DesignForm) -> None:
    type_into(qtbot, form, "recipe.learning_rate", "fast")
    type_into(qtbot, form, "recipe.batch_size", "1")
    assert "Must be a number" in form.rows["recipe.learning_rate"].sentence
    assert "at least 2" in form.rows["recipe.batch_size"].sentence


def test_a_hidden_field_at_fault_comes_out(qtbot: QtBot, form: DesignForm) -> None:
    row = form.rows["recipe.milestones"]
    assert not row.isVisible()
    form.show_spec(replace(RunSpec(), name="x"))
    form._all.setChecked(True)
    type_into(qtbot, form, "recipe.milestones", "50, 20")
    form._all.setChecked(False)
    assert row.isVisible()
    assert "must rise" in row.sentence


def test_all_fields_are_remembered(qtbot: QtBot, services: Services, form: DesignForm) -> None:
    form._all.setChecked(True)
    assert all(row.isVisible() for row in form.rows.values())
    again = DesignForm(services)
    qtbot.addWidget(again)
    assert again._all.isChecked()


def test_a_plain_net_loses_its_shortcuts_and_a_residual_one_gets_them(form: DesignForm) -> None:
    choose(form, "network.block", "plain")
    assert form.spec is not None
    assert form.spec.network.block is Block.PLAIN
    assert form.spec.network.shortcut is Shortcut.NONE
    box = form.findChild(QComboBox, "field_network.shortcut")
    assert box is not None
    assert not box.isEnabled()
    choose(form, "network.block", "basic")
    assert form.spec.network.shortcut is Shortcut.A
    assert [box.itemText(i) for i in range(box.count())] == ["A", "B", "C"]


def test_up_and_down_step_through_depths(qtbot: QtBot, form: DesignForm) -> None:
    editor = form.findChild(QLineEdit, "field_network.depth")
    assert editor is not None
    qtbot.keyClick(editor, Qt.Key.Key_Up)
    assert form.spec is not None
    assert form.spec.network.depth == 26
    qtbot.keyClick(editor, Qt.Key.Key_Down)
    qtbot.keyClick(editor, Qt.Key.Key_Down)
    assert form.spec.network.depth == 14


def test_the_built_in_data_are_described(form: DesignForm) -> None:
    note = form.findChild(QLabel, "data_note")
    assert note is not None
    assert "10 classes" in note.text()


def test_a_folder_gives_the_number_of_classes(qtbot: QtBot, form: DesignForm, tmp_path: Path) -> None:
    for name in ("ash", "birch", "cedar"):
        (tmp_path / "trees" / name).mkdir(parents=True)
        for number in range(3):
            image = QImage(8, 8, QImage.Format.Format_RGB32)
            image.fill(number)
            assert image.save(str(tmp_path / "trees" / name / f"{number}.png"))
    form.data.choose_folder(str(tmp_path / "trees"))
    qtbot.waitUntil(lambda: form.data.facts is not None, timeout=10_000)
    assert form.spec is not None
    assert form.spec.network.classes == 3
    assert form.spec.data.source == f"folder:{tmp_path / 'trees'}"
    assert form.ready
    box = form.findChild(QComboBox, "field_data.source")
    assert box is not None
    box.setCurrentIndex(0)
    box.activated.emit(0)
    assert form.spec.network.classes == 10


def test_a_folder_that_is_not_there_is_said_beside_the_field(qtbot: QtBot, form: DesignForm, tmp_path: Path) -> None:
    form.data.choose_folder(str(tmp_path / "nowhere"))
    qtbot.waitUntil(lambda: bool(form.data.problem), timeout=10_000)
    label = form.findChild(QLabel, "error_data.source")
    assert label is not None
    assert label.isVisible()
    assert "nowhere" in label.text()
    assert not form.ready


def test_cifar10_that_is_not_there_offers_its_download(qtbot: QtBot, form: DesignForm) -> None:
    form.show_spec(replace(RunSpec(), data=DataSpec(source="cifar10")))
    qtbot.waitUntil(lambda: form.data.facts is not None, timeout=10_000)
    assert form.data._fetch.isVisible()


@pytest.mark.qt_log_ignore("propagateSizeHints", "plugin does not support")
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_a_drop_down_shows_all_of_its_entries(
    qtbot: QtBot, services: Services, form: DesignForm, mode: Literal["light", "dark"]
) -> None:
    services.theme.set_mode(mode)
    box = form.findChild(QComboBox, "field_data.source")
    assert box is not None
    box.showPopup()
    view = box.view()
    qtbot.waitUntil(view.isVisible)
    last = view.visualRect(view.model().index(box.count() - 1, 0))
    assert last.bottom() < view.viewport().height()
    box.hidePopup()


def test_a_wrong_number_is_told_in_short_words(qtbot: QtBot, form: DesignForm) -> None:
    form.rows["network.depth"].set_text("")
    form._on_edited("network.depth")
    assert form.rows["network.depth"].sentence == "Enter a whole number."
    type_into(qtbot, form, "network.depth", "9x" * 60)
    assert len(form.rows["network.depth"].sentence) < 80


def test_a_late_milestone_gets_a_note(form: DesignForm) -> None:
    form.show_spec(RunSpec(recipe=RecipeSpec(iterations=50, milestones=(40, 60))))
    assert form.spec is not None
    assert form.findChild(QLabel, "hint_recipe.milestones").text()


def test_an_empty_folder_path_is_asked_for(form: DesignForm) -> None:
    form.data.choose_folder("  ")
    assert not form.ready
    assert form.data._job is None
    assert form.data.sentence.startswith("Choose a folder")
    assert form.data._error.isVisible()
