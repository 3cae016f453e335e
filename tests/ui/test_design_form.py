"""The form: made from the specifications, and saying what is wrong as it is typed."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit
from pytestqt.qtbot import QtBot

from resnet_studio.domain.presets import PRESETS
from resnet_studio.domain.specs import CohortSpec, DataSpec, NetworkSpec, RecipeSpec, RunSpec, replace
from resnet_studio.domain.terms import Augmentation, Block, Family, PadWith, Shortcut, TestOn, ZeroPadding
from resnet_studio.ui.design.fields import form_fields, nested, typed, values
from resnet_studio.ui.design.form import DesignForm
from resnet_studio.ui.design.sections import SECTIONS
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
    hidden = {path for path, row in form.rows.items() if not row.isVisible()}
    assert hidden == set(UNREAD)
    again = DesignForm(services)
    qtbot.addWidget(again)
    assert again._all.isChecked()


UNREAD = (  # beside the defaults
    "network.branch", "network.stride_place", "data.test_on", "recipe.plateau_patience", "recipe.plateau_margin",
    "recipe.warmup_error", "recipe.scale_min", "recipe.scale_max", "recipe.colour_std",
)  # fmt: skip


def line(form: DesignForm, path: str) -> str:
    return form.rows[path].text


def test_every_field_of_the_sections_exists(form: DesignForm) -> None:
    named = {f"{group}.{name}".lstrip(".") for group, _, names in SECTIONS for name in names}
    assert named <= {field.path for field in form_fields()}
    assert set(form.rows) >= named - {"data.source"}
    assert list(form.rows)[:4] == ["name", "start_from", "network.family", "network.block"]


def test_a_family_brings_its_own_and_keeps_the_number_of_classes(qtbot: QtBot, form: DesignForm) -> None:
    choose(form, "network.family", "imagenet")
    assert form.spec is not None
    assert form.spec.network == NetworkSpec(family=Family.IMAGENET, classes=10)
    assert [line(form, f"network.{name}") for name in ("depth", "width", "image_size", "stem")] == [
        "18", "64", "224", "7x7",
    ]  # fmt: skip
    choose(form, "network.family", "vgg")
    assert form.spec.network == NetworkSpec(family=Family.VGG, classes=10)
    assert not form.rows["network.stem"].isVisible()
    box = form.findChild(QComboBox, "field_network.block")
    assert box is not None
    assert not box.isEnabled()
    choose(form, "network.family", "cifar")
    assert form.spec.network == NetworkSpec()


def test_depths_go_with_family_and_block(qtbot: QtBot, form: DesignForm) -> None:
    choose(form, "network.family", "imagenet")
    type_into(qtbot, form, "network.depth", "50")
    assert form.spec is not None
    assert (form.spec.network.block, form.spec.network.shortcut) == (Block.BOTTLENECK, Shortcut.B)
    choose(form, "network.shortcut", "C")
    type_into(qtbot, form, "network.depth", "101")
    assert form.spec.network.shortcut is Shortcut.C
    choose(form, "network.block", "basic")
    assert form.spec.network.depth == 34
    editor = form.findChild(QLineEdit, "field_network.depth")
    assert editor is not None
    around = editor.parentWidget()
    assert isinstance(around, QComboBox)
    assert [around.itemText(i) for i in range(around.count())] == ["18", "34"]
    qtbot.keyClick(editor, Qt.Key.Key_Down)
    assert form.spec.network.depth == 18
    choose(form, "network.family", "cifar")
    choose(form, "network.block", "bottleneck")
    type_into(qtbot, form, "network.depth", "30")
    assert form.rows["network.depth"].sentence == "Depth 30 is not 9n + 2; choose 29 or 38."


def test_stages_and_widths_are_lists_and_make_the_depth(qtbot: QtBot, form: DesignForm) -> None:
    form._all.setChecked(True)
    type_into(qtbot, form, "network.stages", "3, 4, 6, 4, 3")
    assert form.spec is not None
    assert form.spec.network.stage_blocks == (3, 4, 6, 4, 3)
    assert line(form, "network.depth") == "42"
    editor = form.findChild(QLineEdit, "field_network.depth")
    assert editor is not None
    assert not editor.isEnabled()
    type_into(qtbot, form, "network.widths", "8 16 24 32 40")
    assert form.spec.network.stage_widths == (8, 16, 24, 32, 40)
    assert line(form, "network.width") == "8"
    type_into(qtbot, form, "network.widths", "8, 16")
    assert "5 stages but 2 widths" in form.rows["network.widths"].sentence
    type_into(qtbot, form, "network.widths", "8, x")
    assert "whole number" in form.rows["network.widths"].sentence


def test_what_nobody_reads_is_hidden_and_reset(qtbot: QtBot, form: DesignForm) -> None:
    form._all.setChecked(True)
    choose(form, "recipe.schedule", "plateau")
    assert form.spec is not None
    assert form.spec.recipe.milestones == ()
    assert not form.rows["recipe.milestones"].isVisible()
    type_into(qtbot, form, "recipe.plateau_patience", "3")
    choose(form, "recipe.schedule", "milestones")
    assert form.spec.recipe.milestones == (32_000, 48_000)
    assert line(form, "recipe.plateau_patience") == "5"
    choose(form, "recipe.pad_with", "black")
    choose(form, "recipe.augmentation", "scale-crop-flip")
    assert form.spec.recipe.pad_with is PadWith.MEAN
    assert form.rows["recipe.scale_min"].isVisible()
    type_into(qtbot, form, "recipe.scale_min", "500")
    assert "is above “Shorter side to” 480" in form.rows["recipe.scale_min"].sentence
    choose(form, "recipe.augmentation", "none")
    assert form.spec.recipe.augmentation is Augmentation.NONE
    choose(form, "network.zero_padding", "both")
    choose(form, "network.shortcut", "B")
    assert form.spec.network.zero_padding is ZeroPadding.END
    choose(form, "recipe.zero_last_gamma", "yes")
    assert form.spec.recipe.zero_last_gamma
    choose(form, "network.block", "plain")
    assert not form.spec.recipe.zero_last_gamma
    type_into(qtbot, form, "data.held_out", "100")
    choose(form, "data.test_on", "held-out")
    assert form.spec.data.test_on is TestOn.HELD_OUT
    type_into(qtbot, form, "data.held_out", "0")
    assert form.spec.data.test_on is TestOn.TEST


def test_a_wrong_value_stays_while_others_follow(qtbot: QtBot, form: DesignForm) -> None:
    form._all.setChecked(True)
    type_into(qtbot, form, "network.image_size", "7")
    choose(form, "network.block", "plain")
    assert form.spec is None
    assert line(form, "network.image_size") == "7"
    assert "at least 8" in form.rows["network.image_size"].sentence
    assert line(form, "network.shortcut") == "none"


@pytest.mark.parametrize("text", ["", "-3", "1e9", "2 0", "९", "20.5", "0x20", "  32  ", "∞", "9" * 40])
def test_rubbish_in_numbers_is_told_or_understood(qtbot: QtBot, form: DesignForm, text: str) -> None:
    form._all.setChecked(True)
    for path in ("network.depth", "network.stages", "recipe.plateau_margin", "recipe.learning_rate", "data.held_out"):
        row = form.rows[path]
        editor = form.findChild(QLineEdit, f"field_{path}")
        assert editor is not None
        editor.setText(text)
        form._on_edited(path)
        assert form.spec is not None or form.errors
        assert len(row.sentence) < 150


def test_the_recipes_of_the_paper_fill_the_form(qtbot: QtBot, form: DesignForm) -> None:
    box = form.findChild(QComboBox, "field_recipe")
    assert box is not None
    for index, preset in enumerate(PRESETS):
        box.setCurrentIndex(index)
        box.activated.emit(index)
        assert form.spec is not None
        assert form.recipe.key == preset.key
        assert form.spec.network.family in preset.families
        assert form.spec.network.classes == 10
    assert form.spec is not None
    assert form.spec.recipe.batch_size == 256
    type_into(qtbot, form, "recipe.batch_size", "64")
    assert form.recipe.key == "custom"
    assert box.currentText() == "your own"
    assert "Section 3.4" in form.findChild(QLineEdit, "field_recipe.batch_size").toolTip()  # type: ignore[union-attr]


def test_training_may_begin_with_a_run_of_the_same_network(form: DesignForm, services: Services) -> None:
    cohort = CohortSpec(runs=(RunSpec(), RunSpec(network=NetworkSpec(depth=32))))
    same, other = (dataclasses.replace(run, iteration=10) for run in services.store.create_cohort(cohort))
    form.show_runs([same, other, dataclasses.replace(same, id="untrained", iteration=0)])
    box = form.findChild(QComboBox, "field_start_from")
    assert box is not None
    assert [box.itemData(i) for i in range(box.count())] == ["", same.id]
    choose(form, "start_from", box.itemText(1))
    assert form.spec is not None
    assert form.spec.start_from == same.id
    form.show_spec(RunSpec())
    assert form.spec.start_from == ""


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
