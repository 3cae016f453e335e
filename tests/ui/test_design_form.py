"""The form: made from the specifications, and saying what is wrong as it is typed."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Literal

import pytest
from PySide6.QtCore import QDir, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QPushButton, QStyle, QStyleOptionComboBox
from pytestqt.qtbot import QtBot

from resnet_studio.data.datasets.paths import data_set_folder
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.data_sets import DATA_SETS, STL10, DataSetRow
from resnet_studio.domain.enums import Augmentation, Block, Family, PadWith, Shortcut, TestOn, ZeroPadding
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import Report, StopCheck
from resnet_studio.domain.glossary import find_term
from resnet_studio.domain.presets import PRESETS, apply, find_preset
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import CohortSpec, DataSpec, NetworkSpec, RecipeSpec, RunSpec, replace
from resnet_studio.platform.home import Home
from resnet_studio.ui.pages.design.form import DesignForm
from resnet_studio.ui.pages.design.form_layout import SECTIONS
from resnet_studio.ui.services import Services
from resnet_studio.ui.widgets.spec_fields import form_fields, nested, typed, values

from ..waiting import wait_until

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


def test_a_family_brings_its_own(qtbot: QtBot, form: DesignForm) -> None:
    choose(form, "network.family", "imagenet")
    assert form.spec is not None
    assert form.spec.network == NetworkSpec(family=Family.IMAGENET)
    assert [line(form, f"network.{name}") for name in ("depth", "width", "image_size", "stem")] == [
        "18", "64", "224", "7x7",
    ]  # fmt: skip
    choose(form, "network.family", "vgg")
    assert form.spec.network == NetworkSpec(family=Family.VGG)
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


def test_what_batch_norm_sees_divides_the_batch_and_is_nothing_to_vgg(qtbot: QtBot, form: DesignForm) -> None:
    form._all.setChecked(True)
    type_into(qtbot, form, "recipe.bn_images", "48")
    assert form.spec is None
    assert "does not divide a batch of 128" in form.rows["recipe.bn_images"].sentence
    type_into(qtbot, form, "recipe.bn_images", "32")
    assert form.spec is not None
    assert form.spec.recipe.bn_images == 32
    choose(form, "network.family", "vgg")
    assert form.spec.recipe.bn_images == 0
    assert not form.rows["recipe.bn_images"].isVisible()


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
        assert form.spec.network.classes == (1000 if preset.key == "imagenet" else 10)
    assert form.spec is not None
    assert form.spec.recipe.batch_size == 256
    type_into(qtbot, form, "recipe.batch_size", "64")
    assert form.recipe.key == "custom"
    assert box.currentText() == "custom"
    assert "Section 3.4" in form.findChild(QLineEdit, "field_recipe.batch_size").toolTip()  # type: ignore[union-attr]


def test_training_may_begin_with_a_run_of_the_same_network(form: DesignForm, services: Services) -> None:
    cohort = CohortSpec(runs=(RunSpec(), RunSpec(network=NetworkSpec(depth=32))))
    same, other = (
        dataclasses.replace(run, iteration=10, weights_sha256="ab") for run in services.store.create_cohort(cohort)
    )
    form.show_runs([same, other, dataclasses.replace(same, id="untrained", iteration=0, weights_sha256=None)])
    box = form.findChild(QComboBox, "field_start_from")
    assert box is not None
    assert [box.itemData(i) for i in range(box.count())] == ["", same.id]
    choose(form, "start_from", box.itemText(1))
    assert form.spec is not None
    assert form.spec.start_from == same.id
    assert box.currentText() == "ResNet-20"
    form.show_spec(RunSpec())
    assert form.spec.start_from == ""


def stored_run(services: Services, **network: object) -> RunRecord:
    """A run with weights to start from."""
    (run,) = services.store.create_cohort(CohortSpec(runs=(RunSpec(network=NetworkSpec(**network)),)))
    return dataclasses.replace(run, name="parent", iteration=600, weights_sha256="ab")


def test_a_start_that_no_longer_fits_is_told_at_the_field_and_bars_training(
    form: DesignForm, services: Services
) -> None:
    parent = stored_run(services)
    form.show_runs([parent])
    choose(form, "start_from", "parent")
    assert form.ready
    assert "Both nets of a twin" in form.rows["start_from"]._hint.text()
    choose(form, "network.family", "imagenet")
    row = form.rows["start_from"]
    assert row.isVisible()
    assert row.sentence.startswith("ResNet-18 A cannot begin with the weights of parent, a ResNet-20; start from")
    assert not form.ready
    assert form.obstacle == row.sentence
    choose(form, "network.family", "cifar")
    assert form.ready
    assert row.sentence == ""
    form.show_runs([])
    assert row.sentence == "That run is gone; choose another, or fresh weights."
    assert not form.ready


def test_a_twin_without_the_same_weights_cannot_start_from_them(form: DesignForm, services: Services) -> None:
    form.show_runs([stored_run(services, shortcut="B")])
    choose(form, "network.shortcut", "B")
    choose(form, "start_from", "parent")
    assert form.ready
    assert form.twin_obstacle == (
        "The weights of parent fit ResNet-20 B but not its twin plain-20; train ResNet-20 B alone."
    )
    assert form.rows["start_from"]._hint.text() == form.twin_obstacle


def cure(form: DesignForm) -> QPushButton:
    button = form.findChild(QPushButton, "cure_network.classes")
    assert button is not None
    return button


def test_classes_are_free_for_designing_and_one_click_makes_them_the_datas(qtbot: QtBot, form: DesignForm) -> None:
    choose(form, "network.family", "imagenet")
    assert form.spec is not None
    assert blueprint(form.spec.network).parameters == 11_515_688  # Table 1's ResNet-18 with option A
    row = form.rows["network.classes"]
    assert row.isVisible()
    assert row._hint.text() == "The data has 10 classes: to be trained on it, the network needs as many."
    assert not form.ready
    assert cure(form).text() == "Use the data's 10 classes"
    cure(form).click()
    assert form.spec.network.classes == 10
    assert form.ready
    assert not cure(form).isVisibleTo(row)
    choose(form, "network.family", "cifar")
    assert form.spec.network == NetworkSpec()


def folder_of(path: Path, *names: str) -> str:
    for name in names:
        (path / name).mkdir(parents=True)
        for number in range(3):
            image = QImage(8, 8, QImage.Format.Format_RGB32)
            image.fill(number)
            assert image.save(str(path / name / f"{number}.png"))
    return str(path)


def test_other_data_leave_the_classes_that_were_typed(qtbot: QtBot, form: DesignForm, tmp_path: Path) -> None:
    form._all.setChecked(True)
    type_into(qtbot, form, "network.classes", "7")
    form.data.choose_folder(folder_of(tmp_path / "trees", "ash", "birch", "cedar"))
    qtbot.waitUntil(lambda: form.data.facts is not None, timeout=10_000)
    assert form.spec is not None
    assert form.spec.network.classes == 7
    choose(form, "network.family", "imagenet")
    assert form.spec.network.classes == 7
    assert cure(form).text() == "Use the data's 3 classes"
    cure(form).click()
    assert form.spec.network.classes == 3
    form.show_spec(replace(form.spec, network=NetworkSpec(classes=4)))  # as it was stored
    qtbot.waitUntil(lambda: form.data.facts is not None, timeout=10_000)
    assert form.spec.network.classes == 4
    assert "3 classes" in form.class_fault


def test_a_wrong_list_of_blocks_leaves_no_stale_depth(qtbot: QtBot, form: DesignForm) -> None:
    form._all.setChecked(True)
    type_into(qtbot, form, "network.stages", "300,90")
    assert line(form, "network.depth") == "782"
    type_into(qtbot, form, "network.stages", "300,900,300")
    assert form.spec is None
    assert line(form, "network.depth") == ""
    assert list(form.errors) == ["network.stages.1"]
    type_into(qtbot, form, "network.width", "8")
    assert line(form, "network.depth") == ""
    type_into(qtbot, form, "network.stages", "3,3")
    assert line(form, "network.depth") == "14"
    type_into(qtbot, form, "network.stages", "")
    assert form.spec is not None


def test_tool_tips_are_whole_sentences(form: DesignForm) -> None:
    editor = form.findChild(QLineEdit, "field_recipe.learning_rate")
    assert editor is not None
    own, word, paper = re.findall("<p>(.*?)</p>", editor.toolTip())
    assert own.endswith("the paper has 0.1. More than 0, at most 10.")
    assert word.startswith(f"<b>Learning rate</b>: {find_term('learning-rate').text}")
    assert "<i>w</i>&nbsp;=&nbsp;<i>w</i>&nbsp;−&nbsp;lr&nbsp;<i>v</i>" in word
    assert paper == "The paper: Sections 3.4 and 4.2: 0.1 at the start, on both data sets."


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
    qtbot.waitUntil(lambda: bool(form.data.fault), timeout=10_000)
    label = form.findChild(QLabel, "error_data.source")
    assert label is not None
    assert label.isVisible()
    assert "nowhere" in label.text()
    assert not form.ready


def choose_data(qtbot: QtBot, form: DesignForm, title: str) -> None:
    box = form.findChild(QComboBox, "field_data.source")
    assert box is not None
    box.setCurrentText(title)
    box.activated.emit(box.currentIndex())
    qtbot.waitUntil(lambda: form.data.facts is not None, timeout=10_000)


def place_files(home: Home, row: DataSetRow) -> None:
    for name in row.files:
        path = data_set_folder(home, row) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize("row", [row for row in DATA_SETS if row.downloads], ids=lambda row: row.key)
def test_a_data_set_that_is_not_there_offers_its_download(qtbot: QtBot, form: DesignForm, row: DataSetRow) -> None:
    choose_data(qtbot, form, row.title)
    assert form.data.missing == row
    assert form.data._fetch.isVisible()
    size = "" if row.download_bytes is None else " ("
    assert form.data._fetch.text().startswith(f"Download {row.title}{size}")
    assert not form.ready
    assert form.spec is not None
    assert (form.spec.data.source, form.spec.network.classes) == (row.key, len(row.class_names))
    assert (f"{row.image_size} x {row.image_size} pixels" in form.data._note.text()) != row.photos
    choose_data(qtbot, form, "Built-in images")
    assert not form.data._fetch.isVisible()
    assert form.ready
    assert form.spec.network.classes == 10


def test_a_download_is_shown_stopped_and_repeated(
    qtbot: QtBot, form: DesignForm, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: list[str] = []

    def download(row: DataSetRow, home: Home, report: Report, should_stop: StopCheck) -> None:
        rounds.append(row.key)
        report("downloading", 0.5)
        if len(rounds) == 1:
            wait_until(should_stop)
            raise Stopped
        place_files(home, row)

    monkeypatch.setattr("resnet_studio.data.datasets.downloaded.download", download)
    choose_data(qtbot, form, STL10.title)
    form.data._fetch.click()
    qtbot.waitUntil(lambda: form.data._progress.value() == 500, timeout=10_000)
    assert form.data._fetch.text() == "Stop the download"
    form.data._fetch.click()
    qtbot.waitUntil(lambda: form.data._fetch.text().startswith("Download STL-10"), timeout=10_000)
    form.data._fetch.click()
    qtbot.waitUntil(lambda: form.data.facts is not None and form.data.facts.ready, timeout=10_000)
    assert rounds == [STL10.key, STL10.key]
    assert not form.data._fetch.isVisible()
    assert form.ready


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


def test_the_help_of_a_recipe_is_on_its_label_its_box_and_each_entry(form: DesignForm) -> None:
    box = form.findChild(QComboBox, "field_recipe")
    assert box is not None
    form.show_spec(replace(RunSpec(), recipe=apply(find_preset("cifar10-110"), RunSpec()).recipe))
    (label,) = [label for label in form.recipe.findChildren(QLabel) if label.text() == "Preset"]
    for text in (box.toolTip(), label.toolTip(), box.itemData(1, Qt.ItemDataRole.ToolTipRole)):
        assert "about 400 iterations" in text
        assert "section 4.2" in text


@pytest.mark.parametrize("width", [310, 345])
def test_no_choice_of_the_recipe_is_cut(qtbot: QtBot, form: DesignForm, width: int) -> None:
    form.resize(width, 700)
    box = form.findChild(QComboBox, "field_recipe")
    assert box is not None
    option = QStyleOptionComboBox()
    box.initStyleOption(option)
    style = box.style()
    room = style.subControlRect(QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, box)
    for index in range(box.count()):
        assert box.fontMetrics().horizontalAdvance(box.itemText(index)) <= room.width()


def test_a_field_that_is_not_at_its_default_is_in_sight(form: DesignForm, services: Services) -> None:
    hidden = ("start_from", "recipe.momentum", "recipe.label_smoothing", "network.width", "data.seed")
    assert not any(form.rows[path].isVisible() for path in hidden)
    recipe = RecipeSpec(label_smoothing=0.1)
    form.show_spec(RunSpec(recipe=recipe, data=DataSpec(seed=3), start_from="run-that-is-gone"))
    assert [path for path in hidden if form.rows[path].isVisible()] == [
        "start_from",
        "recipe.label_smoothing",
        "data.seed",
    ]
    form.show_spec(RunSpec(network=NetworkSpec(family=Family.IMAGENET, depth=50)))
    assert not any(form.rows[path].isVisible() for path in (*hidden, "network.stem", "network.image_size"))


def test_the_run_to_start_from_is_in_sight_after_a_restart(
    qtbot: QtBot, services: Services, form: DesignForm, tiny_run: RunSpec
) -> None:
    [parent] = services.store.create_cohort(CohortSpec(runs=(tiny_run,)))
    form.show_runs([parent])
    form.show_spec(replace(tiny_run, start_from=parent.id))
    assert form.rows["start_from"].isVisible()
    fresh = DesignForm(services)
    qtbot.addWidget(fresh)
    fresh.show()
    assert not fresh.rows["start_from"].isVisible()
    fresh.show_runs([parent])
    fresh.show_spec(replace(tiny_run, start_from=parent.id))
    assert fresh.rows["start_from"].isVisible()


def test_the_data_dialog_opens_where_data_were_chosen_last(
    form: DesignForm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def choose_it(_parent: object, _title: str, folder: str) -> str:
        asked.append(folder)
        return str(tmp_path)

    monkeypatch.setattr("resnet_studio.ui.widgets.data_field.QFileDialog.getExistingDirectory", choose_it)
    form.data._on_choose()
    form.data._path.clear()
    form.data._on_choose()
    assert asked == [QDir.homePath(), str(tmp_path)]


def test_the_sentence_on_the_data_has_its_lines_at_once(form: DesignForm) -> None:
    """Without another turn of the event loop, which waits while the rest of the window is built."""
    note = form.findChild(QLabel, "data_note")
    assert note is not None
    facts = form.data.facts
    assert facts is not None
    form.data._on_facts(dataclasses.replace(facts, note="It takes many words to say what is known of them. " * 4))
    lines = note.heightForWidth(note.width())
    assert lines > 3 * note.fontMetrics().height()
    assert note.height() >= lines
    assert form.data.height() >= form.data.heightForWidth(form.data.width())
