"""The Classify page with trained networks, real threads, drops, the clipboard, and files of every kind."""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
import re
import shutil
import threading
from collections.abc import Callable
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QFont,
    QFontMetrics,
    QGuiApplication,
    QHelpEvent,
    QImage,
    QPainter,
    QStandardItemModel,
)
from PySide6.QtWidgets import QApplication, QPushButton, QStyleOptionViewItem, QToolTip

from resnet_studio.analysis.cam import RandomisedWeights, randomised, where_it_looks
from resnet_studio.data.images import to_square
from resnet_studio.domain.analyses.cam import CHECK, CHECK_SAYS, Likeness
from resnet_studio.domain.analyses.overlay import blended, from_its_lowest, overlay
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.protocols import Protocol, ProtocolKind
from resnet_studio.domain.records import Classification, NamedImage, Prediction
from resnet_studio.domain.run_filter import parse_filter
from resnet_studio.domain.specs import CohortSpec, DataSpec, NetworkSpec, RecipeSpec, RunSpec, replace, twin
from resnet_studio.history.store import RunStore
from resnet_studio.inference import classify as inference
from resnet_studio.inference.models import load
from resnet_studio.platform.home import Home
from resnet_studio.ui.images.image_row import ImageRow
from resnet_studio.ui.images.thumbnails import Thumbnails
from resnet_studio.ui.models.record_table import RecordRole
from resnet_studio.ui.pages.classify import work
from resnet_studio.ui.pages.classify.cells import Cell
from resnet_studio.ui.pages.classify.delegate import BarsDelegate
from resnet_studio.ui.pages.classify.export import HEADER, as_text
from resnet_studio.ui.pages.classify.headers import MARGIN
from resnet_studio.ui.pages.classify.maps import SIDE, ClassMaps
from resnet_studio.ui.pages.classify.page import ClassifyPage
from resnet_studio.ui.pages.classify.panel import classes_note
from resnet_studio.ui.pages.classify.refused_files import RefusedDialog
from resnet_studio.ui.pages.classify.results import ResultsModel
from resnet_studio.ui.pages.classify.run_choice import RunChoiceModel
from resnet_studio.ui.pages.rows import page_row
from resnet_studio.ui.widgets.protocol_choice import ProtocolChoice

from ..colour_folders import write_colour_folders
from ..waiting import thread_seconds, wait_until


@pytest.fixture(scope="session")
def colour_folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of 8 training and 4 test images each."""
    return write_colour_folders(tmp_path_factory.mktemp("colours"), test=4, noise=20)


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory: pytest.TempPathFactory, colour_folders: Path) -> Home:
    """A twin that has seen three colours, to be copied."""
    from resnet_studio.runner.run_cohort import run

    home = Home(tmp_path_factory.mktemp("trained-colours"))
    spec = RunSpec(
        network=NetworkSpec(depth=8, width=4, image_size=8, classes=3),
        recipe=RecipeSpec(
            iterations=20, batch_size=12, milestones=(), test_every=20, learning_rate=0.05, precision="float32",
            device="cpu",
        ),
        data=DataSpec(source=f"folder:{colour_folders}"),
    )  # fmt: skip
    with RunStore.open(home) as store:
        run(twin(spec), store, lambda event: None)
    return home


@pytest.fixture
def home(tmp_path: Path, trained_home: Home) -> Home:
    """With trained networks in it: what ``services`` opens here."""
    shutil.copytree(trained_home.root, tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.fixture
def page(qtbot, services):
    page = ClassifyPage(services, page_row("classify"))
    qtbot.addWidget(page)
    page.resize(1100, 700)
    page.show()
    page.activate()
    yield page
    page.session.stop()
    page.maps.forget()


@pytest.fixture
def idle(qtbot):
    def wait(page):
        qtbot.waitUntil(lambda: not page.session.busy, timeout=60_000)

    return wait


def hold_after(views: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Classifying stands still after so many views of a batch until it is stopped, and whenever it is begun again.

    Every answer is shown at once. Returns what lets it go on to its end.
    """
    whole, seen, released = inference.logits_of, itertools.count(), threading.Event()

    def held(network, images, view, should_stop, *rest, **named):
        if next(seen) >= views and not released.is_set():
            wait_until(should_stop)
        return whole(network, images, view, should_stop, *rest, **named)

    monkeypatch.setattr(inference, "logits_of", held)
    monkeypatch.setattr(work, "_SEND_SECONDS", 0.0)
    return released.set


def mime_of(*paths: Path) -> QMimeData:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return mime


def drag(page, mime) -> QDragEnterEvent:
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    event = QDragEnterEvent(QPoint(50, 50), Qt.DropAction.CopyAction, mime, left, none)
    QApplication.sendEvent(page, event)
    return event


def drop(page, mime) -> QDropEvent:
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    event = QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, mime, left, none, QEvent.Type.Drop)
    QApplication.sendEvent(page, event)
    return event


def test_dropped_folders_meet_every_chosen_network(page, idle, colour_folders):
    assert [run.name for run in page.choice.chosen] == ["plain-8", "ResNet-8"]  # the newest cohort, plain first
    assert page.grid.isHidden()
    mime = mime_of(colour_folders / "test")
    assert drag(page, mime).isAccepted()
    assert page.zone.hot
    assert drop(page, mime).isAccepted()
    assert not page.zone.hot
    idle(page)
    assert page.grid.isVisible()
    assert page.results.rowCount() == 12
    assert page.results.columnCount() == 2
    for row in range(12):
        for column in range(2):
            cell = page.results.cell(row, column)
            assert len(cell.predictions) == 3
            assert cell.truth == page.results.images[row].folder
            assert cell.right is (cell.predictions[0].label == cell.truth)
    score = page.results.score(1)
    assert score.known == 12
    assert score.right == sum(page.results.cell(row, 1).right for row in range(12))
    assert page.session.refused == []


@pytest.mark.parametrize("width", [760, 1400])
def test_the_words_of_the_buttons_fit_in_a_narrow_window(page, idle, colour_folders, qtbot, width):
    (colour_folders / "words.txt").write_text("no image")
    page.resize(width, 560)
    page.classify_paths([colour_folders / "words.txt", next((colour_folders / "test").rglob("*.png"))])
    idle(page)
    page.session.stop()
    buttons = [page._refused, page._where, page._check, page._again, page._copy, page._export, page._clear]
    assert all(button.isVisible() for button in buttons)
    assert page.width() == width
    for button in buttons:
        assert button.width() >= button.sizeHint().width()
        assert page.rect().contains(button.geometry())
    lines = {button.geometry().center().y() for button in buttons}
    assert len(lines) == (1 if width == 1400 else 2)


def test_weights_and_studies_dropped_here_go_where_they_go_from_every_page(page, idle, colour_folders, services):
    image = next((colour_folders / "test").rglob("*.png"))
    weights, study = colour_folders / "net.pth", colour_folders / "grid.toml"
    mime = mime_of(weights, image, study)
    assert drag(page, mime).isAccepted()
    assert drop(page, mime).isAccepted()
    idle(page)
    assert page.results.rowCount() == 1
    assert page.session.refused == []
    assert services.navigator.asked["import_weights"] == [(weights,)]
    assert services.navigator.asked["open_study"] == [study]


def test_a_drag_that_leaves_or_holds_no_image_changes_nothing(page):
    mime = QMimeData()
    mime.setText("only words")
    assert not drag(page, mime).isAccepted()
    assert not page.zone.hot
    drag(page, mime_of(Path("x.png")))
    assert page.zone.hot
    QApplication.sendEvent(page, QDragLeaveEvent())
    assert not page.zone.hot


def test_rubbish_is_named_and_the_rest_is_classified(qtbot, page, idle, colour_folders, tmp_path):
    bad = tmp_path / "mixed"
    (bad / "without images").mkdir(parents=True)
    good = bad / "red.png"
    shutil.copy(colour_folders / "test" / "red" / "00.png", good)
    Image.new("RGB", (400, 300), (10, 20, 30)).save(bad / "whole.jpg")
    (bad / "cut.jpg").write_bytes((bad / "whole.jpg").read_bytes()[:300])
    (bad / "text.png").write_text("no image")
    (bad / "empty.png").write_bytes(b"")
    (bad / "notes.txt").write_text("no image, by its name")
    (bad / "huge.ppm").write_bytes(b"P6 60000 60000 255\n\x00")
    page.classify_paths([bad, tmp_path / "missing.png"])
    idle(page)
    assert [image.name for image in page.results.images] == ["red.png", "whole.jpg"]
    assert page.results.cell(0, 0).truth == "red"  # by the file's name
    sentences = "\n".join(page.session.refused)
    for name in ("cut.jpg", "text.png", "empty.png", "notes.txt", "huge.ppm", "missing.png"):
        assert name in sentences
    assert len(page.session.refused) == 6
    assert page._refused.text() == "6 files were left out"
    qtbot.mouseClick(page._refused, Qt.MouseButton.LeftButton)
    dialog = page.findChild(RefusedDialog)
    assert "huge.ppm" in dialog.text
    dialog.close()


def test_a_folder_without_images_says_so(qtbot, page, idle, tmp_path):
    (tmp_path / "bare").mkdir()
    with qtbot.waitSignal(page.message) as told:
        page.classify_paths([tmp_path / "bare"])
    assert "No image was found" in told.args[0]
    idle(page)
    assert "folder without images" in page.session.refused[0]


def test_pasting_pixels_files_and_nothing(qtbot, page, idle, colour_folders):
    clipboard = QGuiApplication.clipboard()
    image = QImage(40, 30, QImage.Format.Format_RGB32)
    image.fill(QColor(220, 30, 30))
    clipboard.setImage(image)
    page.paste()
    page.paste()  # the same again is the same or gets a number, by the clock
    idle(page)
    assert 1 <= page.results.rowCount() <= 2
    assert page.results.images[0].name.startswith("Pasted")
    assert page.results.cell(0, 0).predictions
    before = page.results.rowCount()
    clipboard.setMimeData(mime_of(colour_folders / "test" / "blue" / "00.png"))
    page.paste()
    idle(page)
    assert page.results.rowCount() == before + 1
    clipboard.setText("words")
    with qtbot.waitSignal(page.message) as told:
        page.paste()
    assert "no image on the clipboard" in told.args[0]


def test_images_of_one_name_stay_apart(page, idle):
    def png(colour) -> bytes:
        file = io.BytesIO()
        Image.new("RGB", (8, 8), colour).save(file, "PNG")
        return file.getvalue()

    first, second = NamedImage("Pasted 10:00", png((255, 0, 0))), NamedImage("Pasted 10:00", png((0, 0, 255)))
    page.classify_images([first, second, first])
    idle(page)
    assert [image.name for image in page.results.images] == ["Pasted 10:00", "Pasted 10:00 (2)"]


def test_another_choice_asks_only_what_is_missing(page, idle, services, colour_folders):
    plain, residual = page.choice.chosen
    page.choose_runs([residual.id])
    page.classify_paths([colour_folders / "test" / "red"])
    idle(page)
    assert page.session.total == 4
    page.choose_runs([plain.id, residual.id])
    idle(page)
    assert page.session.total == 4
    assert [run.name for run in page.results.runs] == ["plain-8", "ResNet-8"]
    assert all(page.results.cell(row, 0).predictions for row in range(4))
    page.choose_runs([residual.id])
    page.choose_runs([plain.id, residual.id])
    assert not page.session.busy  # known already


def test_a_check_mark_in_the_list_counts(page, idle):
    index = page.choice.index(0, 0)
    page.choice.setData(index, Qt.CheckState.Unchecked, Qt.ItemDataRole.CheckStateRole)
    assert len(page.choice.chosen) == 1
    page.panel._on_activated(index)
    assert len(page.choice.chosen) == 2
    page._stale = True
    page.activate()  # a choice of the user's own is not overruled
    page.choose_runs([])
    page._stale = True
    page.activate()
    assert page.choice.chosen == ()
    assert "at least one network" in page.panel.note


def test_stop_answers_and_the_rest_can_follow(qtbot, page, idle, tmp_path, monkeypatch):
    release = hold_after(2, monkeypatch)
    many = tmp_path / "many"
    many.mkdir()
    rng = np.random.default_rng(0)
    for i in range(300):
        Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(many / f"{i:03d}.png")
    page.classify_paths([many])
    qtbot.waitUntil(lambda: page.session.done > 0)
    page.session.stop()
    idle(page)
    assert page.session.halted
    release()
    go_on = page.findChild(QPushButton, "classify_go_on")
    assert go_on.isVisible()
    qtbot.mouseClick(go_on, Qt.MouseButton.LeftButton)
    idle(page)
    assert page.results.rowCount() == 300
    assert all(page.results.cell(row, 1).predictions for row in range(300))
    assert not page.session.halted
    page._on_clear()
    assert page.results.rowCount() == 0
    assert page.zone.isVisible()


def test_clearing_in_the_middle_leaves_nothing_behind(qtbot, page, idle, colour_folders):
    page.classify_paths([colour_folders])
    page._on_clear()
    idle(page)
    assert page.results.rowCount() == 0
    page.classify_paths([colour_folders / "test" / "red"])
    idle(page)
    assert page.results.rowCount() == 4
    assert all(page.results.cell(row, 1).predictions for row in range(4))


def test_a_network_without_a_whole_checkpoint_is_told_and_the_other_answers(page, idle, services, colour_folders):
    plain, residual = page.choice.chosen
    for checkpoint in services.store.checkpoints(plain.id):
        (services.home.runs / checkpoint.folder / "weights.safetensors").write_bytes(b"rubbish")
    page.classify_paths([colour_folders / "test" / "red"])
    idle(page)
    assert "No checkpoint of plain-8" in page._notice.text()
    assert all(page.results.cell(row, 1).predictions for row in range(4))
    assert not any(page.results.cell(row, 0).predictions for row in range(4))
    page.choose_runs([residual.id])
    assert not page._notice.isVisible()


def test_a_run_deleted_meanwhile_leaves_the_list(qtbot, page, services):
    plain, residual = page.choice.chosen
    services.store.delete([plain.id])
    with qtbot.waitSignal(services.controller.runs_changed):
        services.controller.refresh()
    assert [run.id for run in page.choice.chosen] == [residual.id]
    assert [run.id for run in page.results.runs] == [residual.id]


def test_results_can_be_copied_exported_and_taken_away(qtbot, page, idle, colour_folders, tmp_path):
    page.classify_paths([colour_folders / "test" / "red", colour_folders / "test" / "blue"])
    idle(page)
    page.export_to(tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8 * 2 * 3
    assert tuple(rows[0]) == HEADER
    assert {row["true_class"] for row in rows} == {"red", "blue"}
    assert all(0 <= float(row["probability"]) <= 1 for row in rows)
    assert {row["right"] for row in rows if row["rank"] == "1"} <= {"yes", "no"}
    assert as_text(page.results).count("\n") == len(rows) + 1
    page.grid.selectRow(0)
    page._on_copy()
    assert QGuiApplication.clipboard().text().startswith("image\ttrue_class")
    page._on_remove()
    assert page.results.rowCount() == 7
    with qtbot.waitSignal(page.message) as told:
        page.export_to(tmp_path / "nowhere" / "out.csv")
    assert "cannot be written" in told.args[0]


def test_the_sample_images_are_classified(page, idle):
    page._on_samples()
    idle(page)
    assert page.results.rowCount() >= 5
    assert page.session.refused == []


def test_looking_again_asks_everything_again(page, idle, colour_folders):
    page.classify_paths([colour_folders / "test" / "red"])
    idle(page)
    page.session.look_again()
    idle(page)
    assert page.session.total == 8
    assert all(page.results.cell(row, 1).predictions for row in range(4))


def test_where_each_network_looks_lies_over_its_image(qtbot, page, idle, services, colour_folders):
    """Toggled: the map of the network's own first guess, drawn as analysis has it; off again, nothing is asked for."""
    file = sorted((colour_folders / "test").rglob("*.png"))[0]
    page.classify_paths([file])
    idle(page)
    image = page.results.images[0]
    assert page.maps.picture(page.results.runs[0], image) is None
    where = page.findChild(QPushButton, "classify_where")
    where.click()

    def drawn() -> bool:
        return all(page.maps.picture(run, image) is not None for run in page.results.runs)

    qtbot.waitUntil(drawn, timeout=60_000)
    pictures = [page.maps.picture(run, image).toImage() for run in page.results.runs]
    assert [(each.width(), each.height()) for each in pictures] == [(SIDE, SIDE)] * len(page.results.runs)
    assert pictures[0] != pictures[1]
    for run, picture in zip(page.results.runs, pictures, strict=True):
        network = load(services.store, run)
        decoded = Image.open(file).convert("RGB")
        pixels = to_square(decoded, network.preprocessing.image_size)[None]
        plan = blueprint(run.spec.network)
        look = where_it_looks(network.module, plan, network.preprocessing.apply(pixels), SIDE, SIDE)
        assert (
            network.class_names[look.target] == page.results.cell(0, page.results.runs.index(run)).predictions[0].label
        )
        expected = blended(
            to_square(Image.open(file).convert("RGB"), SIDE).permute(1, 2, 0).numpy(), overlay(look.values)
        )
        seen = [picture.pixelColor(x, y).getRgb()[:3] for y in range(0, SIDE, 25) for x in range(0, SIDE, 25)]
        np.testing.assert_allclose(np.array(seen), expected[::25, ::25].reshape(-1, 3), atol=1)
    page.grid.grab()
    page.maps.forget()
    where.click()
    assert page.maps.picture(page.results.runs[0], image) is None
    page.grid.grab()
    assert page.maps.waiting == 0


def test_the_randomised_weights_check_stands_beside_each_map(qtbot, page, idle, services, colour_folders):
    """In both networks: the map of random weights, drawn as analysis has it, and the numbers that Inside states."""
    file = sorted((colour_folders / "test").rglob("*.png"))[0]
    page.classify_paths([file])
    idle(page)
    where, check = (page.findChild(QPushButton, f"classify_{name}") for name in ("where", "check"))
    assert check.text() == CHECK
    assert CHECK_SAYS in _plain(check.toolTip())
    narrow = page.grid.horizontalHeader().minimumSectionSize()
    check.click()
    assert where.isChecked(), "the check is of the maps"
    runs, image = page.results.runs, page.results.images[0]
    qtbot.waitUntil(
        lambda: all(page.maps.picture(run, image, random=kind) is not None for run in runs for kind in (False, True))
    )
    delegate = page.grid.itemDelegate()
    for column, run in enumerate(runs):
        network = load(services.store, run)
        decoded = Image.open(file).convert("RGB")
        x = network.preprocessing.apply(to_square(decoded, network.preprocessing.image_size)[None])
        plan = blueprint(run.spec.network)
        parts = randomised(network.module, plan, x)
        likeness = page.maps.likeness(run, image)
        assert likeness == Likeness(parts[0].correlation, parts[-1].correlation)
        look = RandomisedWeights(network.module, plan).look(x, SIDE, SIDE)
        expected = blended(to_square(decoded, SIDE).permute(1, 2, 0).numpy(), from_its_lowest(look.values))
        picture = page.maps.picture(run, image, random=True).toImage()
        seen = [picture.pixelColor(x, y).getRgb()[:3] for y in range(0, SIDE, 25) for x in range(0, SIDE, 25)]
        np.testing.assert_allclose(np.array(seen), expected[::25, ::25].reshape(-1, 3), atol=1)
        assert picture != page.maps.picture(run, image).toImage()
        tip = _plain(delegate.check_tip(page.results.cell(0, column), image))
        assert f"{round(likeness.last_layer, 2) + 0.0:.2f} (last layer random)" in tip
        assert f"{round(likeness.everything, 2) + 0.0:.2f} (all random)" in tip
        assert CHECK_SAYS in tip
    shown = page.grid.grab().toImage()
    assert page.grid.horizontalHeader().minimumSectionSize() > narrow
    check.click()
    assert page.maps.on
    assert page.maps.picture(runs[0], image) is not None
    assert delegate.check_tip(page.results.cell(0, 0), image) == ""
    assert page.grid.grab().toImage() != shown
    check.click()
    where.click()
    assert not check.isChecked()
    assert page.maps.pictures == 0
    assert page.grid.horizontalHeader().minimumSectionSize() == narrow


def test_the_maps_give_way_and_the_answers_their_room_back(qtbot, page, idle, colour_folders):
    """Networks that no longer fit side by side with pictures fit again without."""
    page.resize(760, 500)
    page.classify_paths(sorted((colour_folders / "test" / "red").iterdir())[:1])
    idle(page)
    widths = [page.grid.columnWidth(column) for column in range(2)]
    check = page.findChild(QPushButton, "classify_check")
    check.click()
    assert min(page.grid.columnWidth(column) for column in range(2)) > max(widths)
    page.findChild(QPushButton, "classify_where").click()
    assert [page.grid.columnWidth(column) for column in range(2)] == widths


@pytest.mark.qt_log_ignore("propagateSizeHints", "raise")
def test_over_a_map_the_tip_is_the_checks(qtbot, page, idle, colour_folders):
    page.classify_paths(sorted((colour_folders / "test" / "red").iterdir())[:1])
    idle(page)
    page.findChild(QPushButton, "classify_check").click()
    run, image = page.results.runs[0], page.results.images[0]
    qtbot.waitUntil(lambda: page.maps.picture(run, image, random=True) is not None)
    shown = []
    cell = page.grid.visualRect(page.results.index(0, 0))
    for x in (MARGIN + 5, cell.width() - 5):  # over the map, and over the answers
        place = QPoint(cell.left() + x, cell.center().y())
        event = QHelpEvent(QEvent.Type.ToolTip, place, page.grid.viewport().mapToGlobal(place))
        QApplication.sendEvent(page.grid.viewport(), event)
        shown.append(_plain(QToolTip.text()))
    QToolTip.hideText()
    over_map, over_answers = shown
    assert CHECK_SAYS in over_map
    assert "red:" in over_answers
    assert CHECK_SAYS not in over_answers


def test_the_check_ends_with_a_click_and_goes_on_with_another(qtbot, page, idle, colour_folders, monkeypatch):
    """A job inside a network ends within a layer; what it had not drawn is drawn when it is wanted again."""
    held, released, whole = threading.Event(), threading.Event(), RandomisedWeights.look

    def look(self, image, height, width, should_stop):
        if not released.is_set():
            held.set()
            wait_until(should_stop)
        return whole(self, image, height, width, should_stop)

    monkeypatch.setattr(RandomisedWeights, "look", look)
    page.classify_paths(sorted((colour_folders / "test" / "red").iterdir())[:2])
    idle(page)
    check = page.findChild(QPushButton, "classify_check")
    check.click()
    qtbot.waitUntil(held.is_set)
    check.click()
    qtbot.waitUntil(lambda: page.services.jobs.running == 0)
    run, images = page.results.runs[0], page.results.images
    assert page.maps.picture(run, images[0], random=True) is None
    assert page.maps.waiting == 0, "nobody asked while the check is off"
    released.set()
    check.click()
    qtbot.waitUntil(lambda: all(page.maps.picture(run, image, random=True) is not None for image in images))


def _plain(tip: str) -> str:
    """A tip's words, its lines as one."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", tip)).split())


def test_an_image_that_cannot_be_read_has_no_map(qtbot, page, services, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    page.maps.set_on(True)
    page.maps.set_checking(True)
    run, image = page.results.runs[0], ImageRow.of(broken)
    for random in (False, True):
        qtbot.waitUntil(lambda random=random: page.maps.picture(run, image, random=random) is not None, timeout=60_000)
        assert page.maps.picture(run, image, random=random).isNull()
    assert page.maps.likeness(run, image) is None


def test_without_trained_networks_the_page_says_what_to_do(qtbot, services):
    services.store.delete([run.id for run in services.store.list_runs()])
    page = ClassifyPage(services, page_row("classify"))
    qtbot.addWidget(page)
    page.show()
    page.activate()
    assert page._empty.isVisible()
    qtbot.mouseClick(page._empty.button, Qt.MouseButton.LeftButton)
    assert page.services.navigator.asked["design"]
    run = services.store.create_cohort(twin(RunSpec()))[0]
    with qtbot.waitSignal(page.message) as told:
        page.choose_runs([run.id])
    assert "None of these runs has weights yet" in told.args[0]


def test_models_keep_qts_rules(services, qtmodeltester, colour_folders):
    runs = services.store.list_runs()
    choice = RunChoiceModel(services.theme)
    choice.set_runs(runs)
    choice.choose_newest()
    qtmodeltester.check(choice)
    choice.set_filter(parse_filter("plain"))
    assert choice.rowCount() == 1
    assert len(choice.chosen) == 2  # hidden ones too
    results = ResultsModel()
    results.set_runs(choice.chosen)
    results.add_records(ImageRow.of(path) for path in sorted((colour_folders / "test").rglob("*.png")))
    first = results.images[0]
    results.add_results([Classification(first.key, runs[0].id, (Prediction("blue", 0.7), Prediction("red", 0.2)))])
    qtmodeltester.check(results)
    assert results.index(0, 0).data() == "blue 70%"
    results.remove_images([first.key])
    assert results.rowCount() == 11


@pytest.mark.parametrize(
    ("name", "folder", "truth"),
    [
        ("a.png", "Red", "red"),
        ("red.png", "x", "red"),
        ("red-2.png", "x", "red"),
        ("Red (3).jpg", "x", "red"),
        ("reddish.png", "x", ""),
        ("7.png", "x", ""),
    ],
)
def test_the_true_class_comes_from_names(services, tmp_path, name, folder, truth):
    for other in ("blue", folder):  # a folder names a class beside one of another class
        (tmp_path / other).mkdir()
    results = ResultsModel()
    results.set_runs(services.store.list_runs())
    results.add_records([ImageRow.of(tmp_path / folder / name)])
    assert results.cell(0, 0).truth == truth


def test_whose_classes_the_networks_know(services):
    runs = services.store.list_runs()
    assert "blue, green, red" in classes_note(runs)
    assert "its own classes" in classes_note(runs)


def test_thumbnails_are_drawn_in_the_background(qtbot, services, colour_folders, tmp_path):
    thumbnails = Thumbnails(services.jobs)
    image = ImageRow.of(colour_folders / "test" / "red" / "00.png")
    assert thumbnails.picture(image) is None
    qtbot.waitUntil(lambda: thumbnails.picture(image) is not None, timeout=10_000)
    picture = thumbnails.picture(image).toImage()
    assert (picture.width(), picture.height()) == (8, 8)
    assert picture.pixelColor(4, 4).red() > 150
    (tmp_path / "bad.png").write_text("x")
    bad = ImageRow.of(tmp_path / "bad.png")
    thumbnails.picture(bad)
    qtbot.waitUntil(lambda: thumbnails.picture(bad) is not None, timeout=10_000)
    assert thumbnails.picture(bad).isNull()
    qtbot.waitUntil(lambda: services.jobs.running == 0)


def test_a_thousand_images_scroll_without_decoding_them_all(qtbot, page, colour_folders):
    page.session.set_runs([])
    rows = [ImageRow(str(i), colour_folders / "test" / "red" / "00.png", f"{i}.png", "red") for i in range(1000)]
    page.results.add_records(rows)
    page._update()
    page.session.set_runs([])
    bar = page.grid.verticalScrollBar()

    def scroll() -> None:
        for step in range(50):
            bar.setValue(bar.maximum() * step // 50)
            QApplication.processEvents()

    seconds = thread_seconds(scroll)
    qtbot.waitUntil(lambda: page.services.jobs.running == 0, timeout=20_000)
    assert len(page.thumbnails) < 400
    assert seconds < 5


def test_classifying_goes_on_beside_a_training(qtbot, page, idle, services, colour_folders):
    record = page.choice.chosen[0]
    recipe = replace(record.spec.recipe, iterations=100_000, test_every=100_000)
    services.controller.train(twin(replace(record.spec, recipe=recipe)))
    qtbot.waitUntil(lambda: services.controller.training, timeout=10_000)
    page.classify_paths([colour_folders / "test"])
    idle(page)
    assert services.controller.training
    assert all(page.results.cell(row, 0).predictions for row in range(12))
    assert services.controller.shut_down()


def test_runs_of_one_name_are_told_apart_in_list_and_heads(page, services):
    runs = [dataclasses.replace(run, name="ResNet-8") for run in page.choice.runs]
    page.choice.set_runs(runs)
    names = list(page.choice.names.values())
    assert len(set(names)) == len(runs) > 1
    page.results.set_names(page.choice.names)
    page.results.set_runs(runs)
    heads = [page.results.headerData(i, Qt.Orientation.Horizontal) for i in range(len(runs))]
    assert sorted(heads) == sorted(names)


def test_the_end_of_a_line_stays_where_room_is_short(page):
    from resnet_studio.ui.widgets.elided import keep_end

    metrics = page.fontMetrics()
    whole = "a rather long name" + " · seed 1"
    assert keep_end(metrics, "a rather long name", " · seed 1", 10_000) == whole
    short = keep_end(metrics, "a rather long name", " · seed 1", metrics.horizontalAdvance(whole) - 30)
    assert short.endswith(" · seed 1")
    assert short != whole


def test_what_came_scrolls_into_sight_and_what_was_there_is_told(page, qtbot, colour_folders):
    told = []
    page.message.connect(told.append)
    files = sorted((colour_folders / "test").rglob("*.png"))
    page.classify_paths(files[:-1])
    qtbot.waitUntil(lambda: page.results.rowCount() == len(files) - 1)
    page.classify_paths(files[-1:])
    qtbot.waitUntil(lambda: page.grid.chosen_keys == (str(files[-1]),))
    assert page.grid.verticalScrollBar().value() > 0
    page.classify_paths(files[:1])
    qtbot.waitUntil(lambda: page.grid.chosen_keys == (str(files[0]),))
    assert page.grid.verticalScrollBar().value() == 0
    assert any("Already shown" in sentence for sentence in told)
    qtbot.waitUntil(lambda: not page.session.busy, timeout=20_000)


def _choose(page, kind: ProtocolKind) -> None:
    page.panel.protocol.kind.setCurrentIndex(page.panel.protocol.kind.findData(kind))


def test_crops_refine_the_first_answer_and_every_protocol_keeps_its_own(page, qtbot, idle, colour_folders):
    files = sorted((colour_folders / "test").rglob("*.png"))[:4]
    page.classify_paths(files)
    qtbot.waitUntil(lambda: page.results.rowCount() == 4)
    idle(page)
    single = [page.results.cell(row, 0).predictions for row in range(4)]
    signs = set()
    page.results.dataChanged.connect(
        lambda: signs.update(
            (page.results.cell(row, 0).sign, page.results.cell(row, 0).predictions) for row in range(4)
        )
    )
    _choose(page, ProtocolKind.TEN_CROP)
    qtbot.waitUntil(lambda: page.results.asked.protocol.kind is ProtocolKind.TEN_CROP)
    qtbot.waitUntil(lambda: all(page.results.cell(row, 1).views == 10 for row in range(4)), timeout=30_000)
    idle(page)
    assert all(page.results.cell(row, column).of == 10 for row in range(4) for column in range(2))
    assert page.results.cell(0, 0).sign == ""
    assert page.results.cell(0, 0).predictions != single[0]
    text = as_text(page.results)
    assert "ten-crop,10 of 10" in text
    _choose(page, ProtocolKind.SINGLE)
    qtbot.waitUntil(lambda: page.results.asked.protocol.kind is ProtocolKind.SINGLE)
    assert not page.session.looking  # what was seen before is still known
    assert [page.results.cell(row, 0).predictions for row in range(4)] == single


def test_an_answer_under_way_bears_its_sign_and_is_not_whole(page, qtbot, idle, colour_folders):
    (file,) = sorted((colour_folders / "test" / "red").iterdir())[:1]
    page.classify_paths([file])
    qtbot.waitUntil(lambda: page.results.rowCount() == 1)
    idle(page)
    page.session.stop()
    page.results.set_protocol(ProtocolChoice(Protocol(kind=ProtocolKind.TEN_CROP)))
    run = page.results.runs[0]
    predictions = (Prediction("red", 0.9), Prediction("blue", 0.1))
    page.results.add_results([Classification(str(file), run.id, predictions, views=3, of=10)])
    assert page.results.cell(0, 0).sign == "3 of 10 views"
    assert run.id in page.results.missing(page.results.images[0])
    tip = page.results.data(page.results.index(0, 0), Qt.ItemDataRole.ToolTipRole)
    assert "Mean of 3 of 10 views so far" in tip
    before = page.grid.grab().toImage()
    page.results.add_results([Classification(str(file), run.id, predictions, views=10, of=10)])
    assert run.id not in page.results.missing(page.results.images[0])
    page.grid.repaint_all()
    assert page.grid.grab().toImage() != before
    page.results.set_protocol(ProtocolChoice())


def test_a_stop_in_the_middle_of_the_crops_keeps_what_is_there(page, qtbot, idle, colour_folders, monkeypatch):
    release = hold_after(6, monkeypatch)
    _choose(page, ProtocolKind.TEN_CROP)
    qtbot.waitUntil(lambda: page.results.asked.protocol.kind is ProtocolKind.TEN_CROP)
    page.classify_paths(sorted((colour_folders / "test" / "red").iterdir())[:2])
    qtbot.waitUntil(lambda: page.results.rowCount() == 2 and "views" in page.results.cell(0, 0).sign, timeout=30_000)
    qtbot.keyClick(page, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not page.session.busy)
    assert page.session.halted
    assert page.results.cell(0, 0).sign
    release()
    page.session.go_on()
    qtbot.waitUntil(lambda: page.results.cell(1, 1).views == 10, timeout=30_000)
    idle(page)


def test_images_of_an_evaluation_know_their_class_and_come_once(page, qtbot, idle, colour_folders):
    content = (colour_folders / "test" / "red" / "00.png").read_bytes()
    other = (colour_folders / "test" / "blue" / "00.png").read_bytes()
    page.classify_images(
        [NamedImage("red 00000", content), colour_folders / "test" / "green" / "00.png", NamedImage("red 00000", other)]
    )
    assert [image.name for image in page.results.images] == ["red 00000", "00.png", "red 00000 (2)"]
    idle(page)
    assert [page.results.cell(row, 0).truth for row in range(3)] == ["red", "green", "red"]
    page.classify_images([NamedImage("red 00000", content)])
    assert page.results.rowCount() == 3


def test_answers_of_different_views_are_told_apart(page, idle, qtbot, colour_folders):
    files = sorted((colour_folders / "test" / "red").iterdir())[:4]
    page.classify_paths(files)
    qtbot.waitUntil(lambda: page.results.rowCount() == 4)
    idle(page)
    page.session.stop()
    protocol = Protocol(kind=ProtocolKind.MULTI_SCALE, scales=(8, 9, 14, 17, 23))
    page.results.set_protocol(ProtocolChoice(Protocol(kind=ProtocolKind.MULTI_SCALE), proportional=True))
    run = page.results.runs[0]
    right, wrong = (Prediction("red", 0.9),), (Prediction("blue", 0.9),)
    seen = [(right, 5), (wrong, 0), (right, 0), (right, 2)]
    page.results.add_results(
        [
            Classification(str(file), run.id, predictions, views=views, of=5)
            for file, (predictions, views) in zip(files, seen, strict=True)
        ]
    )
    assert page.results.score(0).sentence == "1 of 1 right; by single view 1 of 2"
    assert page.results.score(0).unfinished == 1
    assert page.results.cell(1, 0).sign == "single view so far"
    rows = [row for row in csv.DictReader(io.StringIO(as_text(page.results))) if row["run_id"] == run.id]
    assert [(row["protocol"], row["views"]) for row in rows] == [
        (protocol.key, "5 of 5"), ("single", "1 of 1"), ("single", "1 of 1"), (protocol.key, "2 of 5"),
    ]  # fmt: skip
    tip = page.results.headerData(0, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
    assert "1 of which only some views are seen are not counted" in tip
    page.results.set_protocol(ProtocolChoice())


def test_networks_of_different_sizes_see_scales_of_their_own(page, idle, qtbot):
    small, large = page.results.runs
    network = replace(large.spec.network, image_size=16)
    page.results.set_runs([small, dataclasses.replace(large, spec=replace(large.spec, network=network))])
    page.results.set_protocol(ProtocolChoice(Protocol(kind=ProtocolKind.MULTI_SCALE), proportional=True))
    page.results.add_records([ImageRow.of(Path("a.png"))])
    sizes = [page.results.cell(0, column).protocol.sizes for column in range(2)]
    assert sizes == [(8, 9, 14, 17, 23), (16, 18, 27, 34, 46)]
    page.results.clear()
    page.results.set_protocol(ProtocolChoice())


def test_time_left_is_told_and_stopping_keeps_the_keyboard_in_the_page(page, idle, qtbot, colour_folders, monkeypatch):
    release = hold_after(6, monkeypatch)
    heard = []
    page.working.connect(heard.append)
    _choose(page, ProtocolKind.TEN_CROP)
    page.classify_paths(sorted((colour_folders / "test" / "red").iterdir())[:2])
    qtbot.waitUntil(lambda: page.session.seconds_left is not None, timeout=30_000)
    assert any("left" in words for words in heard)
    stop, go_on = (page.findChild(QPushButton, f"classify_{name}") for name in ("stop", "go_on"))
    stop.setFocus()
    assert page.window().focusWidget() is stop
    stop.click()
    qtbot.waitUntil(lambda: not page.session.busy and go_on.isVisible())
    assert page.window().focusWidget() is go_on
    assert heard[-1] == ""
    release()
    go_on.click()
    idle(page)
    assert page.window().focusWidget() is page.grid  # nothing is left to stop
    clear = page.findChild(QPushButton, "classify_clear")
    clear.setFocus()
    clear.click()
    assert page.isAncestorOf(page.window().focusWidget())


def test_a_protocol_chosen_a_moment_before_holds_at_once_and_does_not_begin_what_was_stopped(
    page, idle, qtbot, colour_folders, monkeypatch
):
    release = hold_after(6, monkeypatch)
    page.panel.protocol.kind.setCurrentIndex(page.panel.protocol.kind.findData(ProtocolKind.TEN_CROP))
    page.classify_paths(sorted((colour_folders / "test" / "red").iterdir())[:2])
    assert page.results.asked.protocol.kind is ProtocolKind.TEN_CROP
    qtbot.waitUntil(lambda: page.session.seconds_left is not None)
    page.panel.protocol.kind.setCurrentIndex(page.panel.protocol.kind.findData(ProtocolKind.SINGLE))
    page.findChild(QPushButton, "classify_stop").click()
    assert page.results.asked.protocol.kind is ProtocolKind.SINGLE
    qtbot.waitUntil(lambda: not page.session.busy)
    qtbot.wait(2 * page._protocol_timer.interval())  # nothing may happen in it
    assert not page.session.busy
    release()


@pytest.mark.parametrize("width", [270, 300, 420])
def test_a_certain_answer_is_written_whole(services, width):
    """The bar of 100 % ends before the number begins."""
    spec = RunSpec(network=NetworkSpec(depth=8))
    [run] = services.store.create_cohort(CohortSpec(runs=(spec,)))
    run = dataclasses.replace(run, class_names=("a", "b"), colour="#ff0000")
    model = QStandardItemModel(1, 1)
    model.setData(model.index(0, 0), Cell(run, (Prediction("a", 1.0),)), RecordRole.VALUE)
    picture = QImage(width, 90, QImage.Format.Format_RGB32)
    picture.fill(Qt.GlobalColor.white)
    painter = QPainter(picture)
    option = QStyleOptionViewItem()
    option.rect = picture.rect()
    BarsDelegate(services.theme, lambda: "", ClassMaps(services)).paint(painter, option, model.index(0, 0))
    bold = QFont(painter.font())
    bold.setWeight(QFont.Weight.DemiBold)
    words = QFontMetrics(bold).horizontalAdvance("100.0 %")
    painter.end()
    red = [(x, y) for x in range(width) for y in range(90) if picture.pixelColor(x, y) == QColor("#ff0000")]
    assert red
    assert max(x for x, _y in red) < width - 12 - words


@pytest.mark.parametrize("width", [300, 620])
def test_bars_stand_below_each_other_with_a_verdict_and_without(services, width):
    """The mark of the true class takes room in every row, known or not."""
    spec = RunSpec(network=NetworkSpec(depth=8))
    [run] = services.store.create_cohort(CohortSpec(runs=(spec,)))
    run = dataclasses.replace(run, class_names=("a", "b"), colour="#ff0000")
    begins = set()
    for truth in ("", "a", "b"):
        model = QStandardItemModel(1, 1)
        answers = (Prediction("a", 0.6), Prediction("b", 0.4))
        model.setData(model.index(0, 0), Cell(run, answers, truth=truth), RecordRole.VALUE)
        picture = QImage(width, 90, QImage.Format.Format_RGB32)
        picture.fill(Qt.GlobalColor.white)
        painter = QPainter(picture)
        option = QStyleOptionViewItem()
        option.rect = picture.rect()
        BarsDelegate(services.theme, lambda: "", ClassMaps(services)).paint(painter, option, model.index(0, 0))
        painter.end()
        begins.add(min(x for x in range(width) for y in range(90) if picture.pixelColor(x, y) == QColor("#ff0000")))
    assert len(begins) == 1
