"""The Evaluate part of the Compare page with trained networks, a real store and real threads."""

from __future__ import annotations

import dataclasses
import io
import itertools
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QDir, QPoint, QRect, Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QMessageBox, QWidget

from resnet_studio.domain.comparison import display_names
from resnet_studio.domain.protocols import Protocol, ProtocolKind
from resnet_studio.domain.records import Evaluation, EvaluationSummary, NamedImage
from resnet_studio.domain.specs import CohortSpec, DataSpec, NetworkSpec, RecipeSpec, RunSpec, replace
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.ui.images.open_images import choose_images
from resnet_studio.ui.pages.compare.evaluate.matrix_drawing import ALL
from resnet_studio.ui.pages.compare.evaluate.plan import Order, plan
from resnet_studio.ui.pages.compare.evaluate.run_groups import (
    about,
    evaluation_name,
    group,
    outdated_sentence,
    source_name,
)
from resnet_studio.ui.pages.compare.evaluate.tree import Column, EvaluationsModel
from resnet_studio.ui.pages.compare.evaluate.work import TestSets, loading_images
from resnet_studio.ui.pages.compare.page import ComparePage
from resnet_studio.ui.pages.rows import page_row
from resnet_studio.ui.preferences import CLASS_FOLDERS
from resnet_studio.ui.widgets.protocol_choice import ProtocolChoice, scales_for
from resnet_studio.ui.widgets.protocol_form import ProtocolForm

from ..colour_folders import write_colour_folders
from ..waiting import wait_until

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

LONG = Order(None, ProtocolChoice(Protocol(kind=ProtocolKind.TEN_CROP)), alone=True, together=True)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_colour_folders(tmp_path_factory.mktemp("evaluated-colours"), test=5)


@pytest.fixture(scope="session")
def evaluated_home(tmp_path_factory: pytest.TempPathFactory, folders: Path) -> Home:
    """Two runs of one network, by seed, that have seen a few colours; to be copied."""
    from resnet_studio.runner.run_cohort import run

    home = Home(tmp_path_factory.mktemp("evaluated"))
    spec = RunSpec(
        name="ResNet-8",
        network=NetworkSpec(depth=8, width=4, image_size=8, classes=3),
        recipe=RecipeSpec(
            iterations=4, batch_size=12, milestones=(), test_every=4, learning_rate=0.05, precision="float32",
            device="cpu",
        ),
        data=DataSpec(source=f"folder:{folders}"),
    )  # fmt: skip
    other = replace(spec, recipe=replace(spec.recipe, init_seed=1))
    with RunStore.open(home) as store:
        run(CohortSpec(runs=(spec, other)), store, lambda event: None)
    return home


@pytest.fixture
def home(tmp_path: Path, evaluated_home: Home) -> Home:
    shutil.copytree(evaluated_home.root, tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.fixture
def page(qtbot, services):
    page = ComparePage(services, page_row("compare"))
    qtbot.addWidget(page)
    page.resize(1180, 680)
    page.show()
    page.show_part(1)
    page.show_runs([run.id for run in services.store.list_runs()])
    yield page
    page.evaluate.session.stop()
    services.controller.blockSignals(True)


@pytest.fixture
def panel(page):
    return page.evaluate


def _evaluate(qtbot, panel) -> None:
    with qtbot.waitSignal(panel.session.ended, timeout=60_000):
        qtbot.mouseClick(panel.form.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.session.running)


def summary(**changes) -> EvaluationSummary:
    values: dict[str, object] = {
        "id": "e1",
        "run_ids": ("a",),
        "protocol": Protocol(),
        "data": "cifar10",
        "data_seed": 0,
        "data_sha256": "d" * 64,
        "images": 100,
        "classes": 10,
        "top1_error": 20.0,
        "top5_error": 2.0,
        "member_errors": (),
        "weights": ("w",),
        "iterations": (500,),
        "outdated": (False,),
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "seconds": 3.0,
    }
    return EvaluationSummary(**{**values, **changes})


def test_other_images_and_other_protocols_are_never_in_one_group():
    crops = Protocol(kind=ProtocolKind.TEN_CROP)
    groups = group(
        [
            summary(id="1", top1_error=30.0),
            summary(id="2", top1_error=10.0),
            summary(id="3", protocol=crops),
            summary(id="4", data_sha256="e" * 64),
            summary(id="5", data_seed=3, data="builtin"),
        ]
    )
    assert sorted(tuple(one.id for one in g.evaluations) for g in groups) == [("2", "1"), ("3",), ("4",), ("5",)]
    marks = {g.evaluations[0].id: g.mark for g in groups}
    assert marks["2"] == "data dddddd"
    assert marks["4"] == "data eeeeee"
    assert marks["3"] == ""
    assert source_name("folder:/some/where/flowers/") == "flowers"
    assert source_name("builtin", 3) == "Built-in images (draw 3)"


def test_an_ensemble_tells_its_gain_and_old_weights_are_marked(theme_of, qtmodeltester):
    model = EvaluationsModel(theme_of)
    ensemble = summary(
        id="e", run_ids=("a", "b"), member_errors=(22.0, 21.0), top1_error=19.5, weights=("w", "v"),
        iterations=(500, 800), outdated=(False, True),
    )  # fmt: skip
    model.set_evaluations([summary(id="s", classes=5), ensemble], [], {"a": "ResNet-20", "b": "plain-20"})
    qtmodeltester.check(model)
    parent = model.index(0, 0)
    assert model.rowCount(parent) == 2
    texts = [[model.index(row, column, parent).data() for column in Column] for row in range(2)]
    assert texts[0][:5] == [
        "Ensemble of 2: plain-20, ResNet-20", "19.50\u202f%", "2.00\u202f%", "+1.50", "iterations 500 to 800, older"
    ]  # fmt: skip
    assert texts[1][Column.TOP5] == "–"  # of five classes the first five answers are always right
    assert texts[1][Column.GAIN] == ""
    assert "plain-20 has newer ones" in outdated_sentence(ensemble, {"b": "plain-20"})
    assert "plain-20 alone: 21.00" in about(ensemble, {"a": "ResNet-20", "b": "plain-20"})


@pytest.fixture
def theme_of(services):
    return services.theme


def test_a_plan_says_what_is_missing(services):
    runs = services.store.list_runs()
    assert "Tick the runs" in plan([], LONG).fault
    assert [len(task.runs) for task in plan(runs, LONG).tasks] == [1, 1, 2]
    assert "at least two" in plan(runs[:1], LONG).fault
    bare = [dataclasses.replace(run, weights_sha256=None) for run in runs]
    assert "no weights" in plan(bare, LONG).fault or "has weights yet" in plan(bare, LONG).fault
    other = dataclasses.replace(runs[1], class_names=("x", "y", "z"), name="other")
    assert "different classes" in plan([runs[0], other], LONG).fault
    moved = dataclasses.replace(runs[1], spec=replace(runs[1].spec, data=DataSpec(source="builtin")))
    assert "choose the data" in plan([runs[0], moved], LONG).fault
    neither = dataclasses.replace(LONG, alone=False, together=False)
    assert "or both" in plan(runs, neither).fault
    tight = dataclasses.replace(LONG, protocol=ProtocolChoice(Protocol(kind=ProtocolKind.TEN_CROP, resize=4)))
    assert "at least 8" in plan(runs, tight).fault


def test_the_protocol_form_reads_only_the_fields_of_its_kind(qtbot):
    form = ProtocolForm(column=True)
    qtbot.addWidget(form)
    form.show()
    form.set_image_sizes([32])
    assert form.protocol == Protocol()
    form.kind.setCurrentIndex(form.kind.findData(ProtocolKind.MULTI_SCALE))
    assert form.protocol.scales == scales_for(32) == (32, 37, 55, 69, 91)
    assert scales_for(224) == (224, 256, 384, 480, 640)
    assert form.scales.isVisible()
    assert not form.resize_to.isVisible()
    for wrong in ("32, big", "4", "32 32"):
        form.scales.setText(wrong)
        form.scales.textEdited.emit(wrong)
        assert form.protocol is None
        assert form.fault.endswith(".")
        assert form.error.isVisible()
    form.scales.setText("32; 48 64")
    form.scales.textEdited.emit("")
    form.mirrored.setChecked(True)
    assert form.protocol == Protocol(kind=ProtocolKind.MULTI_SCALE, scales=(32, 48, 64), flip=True)
    form.set_image_sizes([224])
    assert form.scales.text() == "32; 48 64"  # a person's own stay
    form.kind.setCurrentIndex(form.kind.findData(ProtocolKind.TEN_CROP))
    form.resize_to.setText("40")
    assert form.protocol == Protocol(kind=ProtocolKind.TEN_CROP, resize=40)
    form.resize_to.setText("much")
    form.resize_to.textEdited.emit("much")
    assert form.protocol is None
    assert "whole number" in form.error.text()
    form.set_protocol(Protocol())
    assert form.protocol == Protocol()


def test_runs_and_their_ensemble_are_evaluated_kept_and_deleted(panel, page, services, qtbot, monkeypatch):
    assert panel.stack.currentIndex() == 0
    panel.form.together.setChecked(True)
    assert len(panel.plan.tasks) == 3
    _evaluate(qtbot, panel)
    assert len(services.store.evaluations()) == 3
    assert [g.title for g in panel.model.groups] == [panel.model.groups[0].title]
    own = {run.id: run.test_error for run in services.store.list_runs()}
    for evaluation in services.store.evaluations():
        if not evaluation.is_ensemble:
            assert evaluation.top1_error == pytest.approx(own[evaluation.run_ids[0]], abs=1e-4)
    assert panel.chosen[0].is_ensemble  # the last one made
    assert panel.detail.matrices.shown[0].matrix.names == ("blue", "green", "red")
    panel.form.protocol.set_protocol(Protocol(kind=ProtocolKind.TEN_CROP))
    panel.form.protocol.changed.emit()
    panel.form.together.setChecked(False)
    _evaluate(qtbot, panel)
    assert len(panel.model.groups) == 2
    page.show_runs([])
    assert panel.stack.currentIndex() == 0
    assert not panel.form.start.isEnabled()
    page.show_runs(own)
    assert len(panel.model.groups) == 2
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    panel.tree.selectAll()
    panel.form.delete.click()
    assert services.store.evaluations() == ()
    assert not panel.detail.isVisible()


def test_a_cell_shows_its_images_and_leads_to_classify(panel, page, services, qtbot, folders):
    panel.form.together.setChecked(True)
    panel.form.alone.setChecked(False)
    _evaluate(qtbot, panel)
    evaluation = services.store.evaluation(panel.chosen[0].id)
    true, answer = np.argwhere(evaluation.confusion)[0].tolist()
    panel.detail.show_cell(0, true, answer)
    count = int(evaluation.confusion[true, answer])
    qtbot.waitUntil(lambda: len(panel.detail.images.model.records) == count)
    images = panel.detail.images.model.records
    names = evaluation.class_names
    assert {(image.true, image.answer) for image in images} == {(names[true], names[answer])}
    assert [image.confidence for image in images] == sorted((image.confidence for image in images), reverse=True)
    assert all(image.row.source.is_file() for image in images)
    qtbot.waitUntil(lambda: panel.detail.thumbnails.picture(images[0].row) is not None)
    panel.grab()
    panel.detail.images.button.click()
    asked = page.services.navigator.asked["classify"]
    assert asked == [(evaluation.run_ids, [image.row.source for image in images])]
    wrong = int((evaluation.labels != evaluation.predicted).sum())
    total = 0
    for label in range(3):
        panel.detail.show_cell(0, label, ALL)
        expected = int(evaluation.confusion[label].sum() - evaluation.confusion[label, label])
        qtbot.waitUntil(lambda expected=expected: len(panel.detail.images.model.records) == expected)
        qtbot.waitUntil(lambda: not panel.detail.loading)
        total += expected
    assert total == wrong


def test_images_that_are_no_files_bring_their_class_along(services, home_with_images, qtbot):
    names = ("test/00003", "test/00012")
    evaluation = dataclasses.replace(
        _evaluation(), data="builtin", names=names, labels=np.array([3, 2], np.int32), class_names=tuple("abcdefghij")
    )
    work = loading_images(evaluation, [1], DataSpec(), home_with_images, TestSets())
    ((place, image),) = work(lambda item: None, lambda: False)
    assert place == 1
    assert isinstance(image, NamedImage)
    assert image.name == "c 00012"
    with Image.open(io.BytesIO(image.content)) as picture:
        assert picture.size == (32, 32)


def _evaluation():
    light = summary()
    shared = {
        field.name: getattr(light, field.name)
        for field in dataclasses.fields(light)
        if field.name not in ("classes", "outdated", "skipped")
    }
    return Evaluation(
        **shared, class_names=("a", "b"), confusion=np.eye(2, dtype=np.int64), labels=np.zeros(2, np.int32),
        predicted=np.zeros(2, np.int32), confidence=np.ones(2, np.float32), names=("x", "y"),
    )  # fmt: skip


def test_a_stop_in_the_middle_answers_and_keeps_what_is_done(panel, services, qtbot, monkeypatch):
    import resnet_studio.inference.evaluate as inference

    whole, views = inference.logits_of, itertools.count()

    def held(*args, **kwargs):
        if next(views) == 3:
            wait_until(args[3])  # until it is stopped
        return whole(*args, **kwargs)

    panel.form.protocol.set_protocol(Protocol(kind=ProtocolKind.TEN_CROP))
    panel.form.protocol.changed.emit()
    monkeypatch.setattr(inference, "logits_of", held)
    monkeypatch.setattr("resnet_studio.ui.pages.compare.evaluate.work.throttled", lambda report: report)
    said = []
    panel.session.changed.connect(lambda: said.append(panel.form.note.text()))
    qtbot.mouseClick(panel.form.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: any("left" in text for text in said), timeout=30_000)
    assert panel.form.bar.isVisible()
    with qtbot.waitSignal(panel.session.ended):
        qtbot.mouseClick(panel.form.stop, Qt.MouseButton.LeftButton)
    assert next(views) <= 4
    assert panel.form.start.isVisible()
    assert services.store.evaluations() == ()


def test_what_was_done_to_pixels_is_said_beside_the_button(panel, qtbot, folders, tmp_path):
    shutil.copytree(folders, tmp_path / "images")
    deep = Image.fromarray(np.full((8, 8), 30_000, np.uint16))
    for name in ("deep", "deeper"):
        deep.save(tmp_path / "images" / "test" / "red" / f"{name}.png")
    panel.form.choose_folder(str(tmp_path / "images"))
    _evaluate(qtbot, panel)
    note = "2 images: Its grey has more than 8 bits and was scaled."
    assert note in panel.form.note.text()
    qtbot.waitUntil(lambda: panel.detail.notes.text() == note)  # also as it is stored
    assert panel.detail.notes.isVisibleTo(panel)
    panel.form.source.setCurrentIndex(0)
    panel.form.changed.emit()
    _evaluate(qtbot, panel)
    assert "more than 8 bits" not in panel.form.note.text()


def test_what_goes_wrong_is_told_and_the_rest_goes_on(panel, page, services, qtbot, tmp_path):
    panel.form.choose_folder(str(tmp_path / "nowhere"))
    _evaluate(qtbot, panel)
    assert "does not exist" in page.banner.sentence
    panel.form.folder.clear()
    panel.form.changed.emit()
    assert not panel.form.start.isEnabled()
    assert "Choose the folder" in panel.form.note.text()


def test_older_weights_are_seen_in_the_list(panel, services, qtbot):
    _evaluate(qtbot, panel)
    summaries = [dataclasses.replace(one, outdated=(True,)) for one in services.store.evaluations()]
    panel.model.set_evaluations(summaries, services.store.list_runs(), {})
    parent = panel.model.index(0, 0)
    assert panel.model.index(0, Column.WEIGHTS, parent).data().endswith("older")


def test_the_curves_and_the_evaluations_are_two_parts_of_one_page(page, services, qtbot):
    assert page.evaluate.isVisible()
    assert not page.curves.export_button.isVisible()
    page.switches.button(0).click()
    assert page.curves.isVisible()
    assert page.curves.quantity.isVisible()
    assert services.preferences.value("compare/part", 9, int) == 0


def test_the_keyboard_goes_to_stop_and_comes_back(panel, page, qtbot):
    page.window().activateWindow()
    panel.form.start.setFocus()
    assert page.window().focusWidget() is panel.form.start
    panel.form.start.click()
    assert page.window().focusWidget() is panel.form.stop
    qtbot.waitUntil(lambda: not panel.session.running, timeout=60_000)
    assert page.window().focusWidget() is panel.form.start


def test_deleting_names_the_result_and_is_not_the_default(panel, services, qtbot, monkeypatch):
    _evaluate(qtbot, panel)
    asked = []

    def answer(_parent, _title, text, _buttons, default):
        asked.append((text, default))
        return default

    monkeypatch.setattr(QMessageBox, "question", answer)
    panel.form.delete.click()
    ((text, default),) = asked
    name = evaluation_name(panel.chosen[0], display_names(services.store.list_runs()))
    assert name in text
    assert "single view" in text
    assert default == QMessageBox.StandardButton.No
    assert len(services.store.evaluations()) == 2


def test_what_a_person_reads_is_not_replaced_by_a_newcomer(panel, services, qtbot):
    _evaluate(qtbot, panel)
    newest = services.store.evaluations()[0]
    assert [one.id for one in panel.chosen] == [newest.id]  # nobody chose another
    other = services.store.evaluations()[1]
    index = panel.model.index_of(other.id)
    select = panel.tree.selectionModel()
    select.select(index, select.SelectionFlag.ClearAndSelect | select.SelectionFlag.Rows)
    panel.detail.show_cell(0, 0, 0)
    shown = panel.detail.images._title.text()
    panel.form.together.setChecked(True)
    said = []
    panel.status_message.connect(said.append)
    _evaluate(qtbot, panel)
    assert len(services.store.evaluations()) == 3
    assert [one.id for one in panel.chosen] == [other.id]
    assert panel.detail.images._title.text() == shown
    assert any(sentence.startswith("Ensemble of 2") for sentence in said)


def test_what_is_stored_is_not_made_twice_unless_asked(panel, page, services, qtbot):
    panel.form.together.setChecked(True)
    assert len(panel.plan.tasks) == 3
    _evaluate(qtbot, panel)
    assert panel.plan.tasks == ()
    assert "All 3 results are there already" in panel.form.note.text()
    assert panel.form.start.text() == "Evaluate again"
    page.show_runs([run.id for run in reversed(services.store.list_runs())])  # in another order
    assert panel.plan.tasks == ()
    panel.form.protocol.set_protocol(Protocol(kind=ProtocolKind.TEN_CROP))
    panel.form.protocol.changed.emit()
    assert len(panel.plan.tasks) == 3
    ensemble = next(one for one in services.store.evaluations() if one.is_ensemble)
    services.store.delete_evaluation(ensemble.id)
    panel.form.protocol.set_protocol(Protocol())
    panel.reload()
    assert [len(task.runs) for task in panel.plan.tasks] == [2]
    assert len(panel.plan.made) == 2
    _evaluate(qtbot, panel)
    assert len(services.store.evaluations()) == 3
    _evaluate(qtbot, panel)  # again, all of them
    assert len(services.store.evaluations()) == 6


def test_what_counts_as_made(services):
    first, second = services.store.list_runs()
    order = Order(None, ProtocolChoice(Protocol(kind=ProtocolKind.TEN_CROP, resize=9)), alone=False, together=True)
    data = first.spec.data
    same = summary(
        run_ids=(second.id, first.id), protocol=Protocol(kind=ProtocolKind.TEN_CROP), data=data.source, data_seed=0,
        member_errors=(1.0, 2.0), weights=("a", "b"), iterations=(4, 4), outdated=(False, False),
    )  # fmt: skip
    assert plan([first, second], order, [same]).made  # resize 9 is what 8-pixel networks have anyway
    for other in (
        {"outdated": (False, True)}, {"data_seed": 1}, {"data": "builtin"}, {"run_ids": (first.id,)},
        {"protocol": Protocol()},
    ):  # fmt: skip
        assert plan([first, second], order, [dataclasses.replace(same, **other)]).tasks
    held = [dataclasses.replace(run, spec=replace(run.spec, data=replace(data, held_out=4))) for run in (first, second)]
    assert plan(held, order, [same]).tasks  # a summary cannot tell held-out images from test images


def test_ensembles_have_one_name_whatever_the_order():
    names = {"a": "ResNet-20", "b": "ResNet-8", "c": "plain-20"}
    one, other = summary(run_ids=("a", "b", "c")), summary(run_ids=("c", "a", "b"))
    assert evaluation_name(one, names) == evaluation_name(other, names)
    assert evaluation_name(one, names) == "Ensemble of 3: plain-20, ResNet-8, ResNet-20"


def test_each_network_has_scales_for_its_own_images(services, qtbot):
    form = ProtocolForm(column=True)
    qtbot.addWidget(form)
    form.show()
    form.kind.setCurrentIndex(form.kind.findData(ProtocolKind.MULTI_SCALE))
    form.set_image_sizes([224, 32])
    assert form.choice.of(32).scales == scales_for(32)
    assert form.choice.of(224).scales == scales_for(224)
    assert "32, 37, 55, 69, 91 for networks of 32 px" in form.words.text()
    assert form.words.isVisible()
    small, large = services.store.list_runs()
    large = dataclasses.replace(
        large, spec=replace(large.spec, network=replace(large.spec.network, image_size=16)), name="large"
    )
    tasks = plan([small, large], Order(None, form.choice, alone=True, together=True)).tasks
    assert [task.protocol.scales for task in tasks] == [scales_for(8), scales_for(16), scales_for(16)]
    form.scales.setText("32, 48")
    form.scales.textEdited.emit("32, 48")
    assert form.choice.of(224).scales == (32, 48)
    assert not form.words.isVisible()
    form.scales.setText("")
    form.scales.textEdited.emit("")  # nothing typed: in proportion again
    assert form.choice.of(32).scales == scales_for(32)


@pytest.mark.parametrize("width", [620, 740, 1200])
def test_nothing_overlaps_or_is_cut_in_a_narrow_window(panel, page, services, qtbot, width):
    _evaluate(qtbot, panel)
    panel.form.source.setCurrentIndex(panel.form.source.findData("folder:"))
    panel.form.choose_folder("/some/where/very/far/away/images")
    panel.form.protocol.set_protocol(Protocol(kind=ProtocolKind.MULTI_SCALE, scales=(32, 37, 55, 69, 91)))
    panel.form.protocol.changed.emit()
    panel.setParent(None)
    qtbot.addWidget(panel)
    panel.resize(width, 400)
    panel.show()
    QApplication.processEvents()
    matrices = panel.detail.matrices
    form = panel.form
    parts = [
        form.source, form.seed, form.folder, form.browse, form.protocol.kind, form.protocol.scales,
        form.protocol.mirrored, form.alone, form.together, form.start, form.delete, matrices.numbers,
        matrices.export_button,
    ]  # fmt: skip
    inside = panel.scrolled.viewport()
    places = [QRect(part.mapTo(inside, QPoint()), part.size()) for part in parts]
    for part, place in zip(parts, places, strict=True):
        assert place.left() >= 0, part.objectName()
        assert place.right() < inside.width(), part.objectName()
        assert place.width() >= part.minimumSizeHint().width(), part.objectName()
    for number, place in enumerate(places):
        for other in places[number + 1 :]:
            assert not place.intersects(other)
    assert form.folder.width() > 250
    scale = panel.findChild(QWidget, "confusion_scale")
    lines = 1 if scale.width() >= scale.sizeHint().width() else 2
    assert scale.height() >= lines * scale.sizeHint().height()
    table = panel.detail.classes_view
    assert table.horizontalHeader().length() <= table.viewport().width()


def test_a_wrong_protocol_is_told_once(panel, qtbot):
    panel.form.protocol.kind.setCurrentIndex(panel.form.protocol.kind.findData(ProtocolKind.MULTI_SCALE))
    panel.form.protocol.scales.setText("32, abc")
    panel.form.protocol.scales.textEdited.emit("32, abc")
    told = [label for label in panel.form.findChildren(QLabel) if label.isVisible() and "Scales are" in label.text()]
    assert told == [panel.form.note]
    assert panel.form.note.property("role") == "error"


def test_the_status_bar_hears_of_an_evaluation(panel, page, qtbot):
    heard = []
    page.working.connect(heard.append)
    _evaluate(qtbot, panel)
    assert heard[0].startswith("Evaluating")
    assert heard[-1] == ""


def test_members_of_an_ensemble_are_tested_once(panel, page, services, qtbot, monkeypatch):
    from resnet_studio.inference import evaluate as inference

    looks = []
    look = inference._look
    monkeypatch.setattr(inference, "_look", lambda *args: (looks.append(len(args[1])), look(*args))[1])
    runs = services.store.list_runs()
    services_plan = plan(runs, Order(None, ProtocolChoice(Protocol()), alone=True, together=True))
    panel.session.start(services_plan.pressed, display_names(runs))
    qtbot.waitUntil(lambda: not panel.session.running, timeout=60_000)
    assert looks == [2]  # one look, by both
    found = services.store.evaluations()
    assert sorted(len(one.run_ids) for one in found) == [1, 1, 2]
    (together,) = (one for one in found if one.is_ensemble)
    alone = {one.run_ids[0]: one.top1_error for one in found if not one.is_ensemble}
    assert tuple(alone[run_id] for run_id in together.run_ids) == together.member_errors
    assert {run.id: run.evaluated_error.top1 for run in services.store.list_runs()} == alone


def test_a_run_with_images_of_another_size_is_looked_at_alone():
    small, large = (RunSpec(network=NetworkSpec(depth=8, image_size=size, classes=3)) for size in (8, 16))
    from resnet_studio.ui.pages.compare.evaluate.plan import Task, one_look

    class Run:
        def __init__(self, run_id: str, spec: RunSpec) -> None:
            self.id, self.spec = run_id, spec

    one, other = Run("a" * 32, small), Run("b" * 32, large)
    ten = Protocol(kind=ProtocolKind.TEN_CROP)
    tasks = [Task((one,), DataSpec(), ten), Task((other,), DataSpec(), ten), Task((one, other), DataSpec(), ten)]
    assert one_look(tasks) == [(tasks[0], ()), (tasks[1], ()), (tasks[2], ())]


def test_a_dialog_begins_where_the_last_of_its_kind_ended(panel, services, monkeypatch, tmp_path):
    """Not in the folder of the last export."""
    asked, answers = [], [str(tmp_path), ""]
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *args: asked.append(args[2]) or answers.pop(0))
    panel.form._on_browse()
    panel.form.folder.clear()
    panel.form._on_browse()
    assert asked == [QDir.homePath(), str(tmp_path)]
    assert services.preferences.folder(CLASS_FOLDERS) == str(tmp_path)
    images = tmp_path / "pictures" / "a.png"
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *args: (asked.append(args[2]) or [str(images)], ""))
    assert choose_images(panel, services.preferences) == choose_images(panel, services.preferences) == (images,)
    assert asked[2:] == [QDir.homePath(), str(images.parent)]


def test_nothing_is_red_before_anything_was_chosen(panel):
    runs = panel._runs
    panel._runs = ()
    panel._on_form()
    assert "Tick the runs" in panel.form.note.text()
    assert panel.form.note.property("role") == "muted"
    panel._runs = runs
    for box in (panel.form.alone, panel.form.together):
        box.setChecked(False)
    panel._on_form()
    assert "Choose each run alone" in panel.form.note.text()
    assert panel.form.note.property("role") == "error"
