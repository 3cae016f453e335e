"""Weights in the window: a dropped file is read, asked about and imported; runs go out and are fine-tuned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QPushButton, QRadioButton
from pytestqt.qtbot import QtBot

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import RunStatus, ZeroPadding
from resnet_studio.domain.imported_weights import PRESETS, StructureHints
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.networks.residual import build
from resnet_studio.ui.drop_frame import drop_sentence
from resnet_studio.ui.main_window import MainWindow
from resnet_studio.ui.models.run_columns import COLUMNS, Column
from resnet_studio.ui.pages.runs.actions import RunAction
from resnet_studio.ui.pages.runs.delegates import STATUS_ROLES
from resnet_studio.ui.pages.runs.page import RunsPage
from resnet_studio.ui.services import Services
from resnet_studio.ui.weights.dialog import ImportDialog
from resnet_studio.ui.weights.images_box import ImagesAnswer, ImagesBox


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """ResNet-8 of option A that was never trained: nothing tells where its zeros are."""
    path = tmp_path / "theirs.th"
    torch.save({"state_dict": build(blueprint(NetworkSpec(depth=8, width=4)), 0).state_dict()}, path)
    return path


@pytest.fixture
def window(qtbot: QtBot, services: Services) -> Iterator[MainWindow]:
    window = MainWindow(services)
    qtbot.addWidget(window, before_close_func=lambda w: w.leave(ask=False))
    window.show()
    yield window
    for dialog in window.findChildren(ImportDialog):
        dialog.reject()


def drop(window: MainWindow, *paths: Path) -> ImportDialog:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    how = (Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(window, QDragEnterEvent(QPoint(10, 10), *how))  # Qt drops only where it entered
    QApplication.sendEvent(window, QDropEvent(QPointF(10, 10), *how))
    return dialog_of(window)


def dialog_of(window: MainWindow) -> ImportDialog:
    (dialog,) = [each for each in window.findChildren(ImportDialog) if each.isVisible()]
    return dialog


def read(qtbot: QtBot, dialog: ImportDialog) -> None:
    """Wait until it was; the first answer is given, if one is asked for."""
    qtbot.waitUntil(lambda: dialog.findChild(QRadioButton) is not None, timeout=20_000)
    if not dialog.answered:
        dialog.findChildren(QRadioButton)[0].click()
    assert dialog.import_button.isEnabled()


def test_a_dropped_file_is_asked_about_and_becomes_the_chosen_run(
    qtbot: QtBot, window: MainWindow, services: Services, file: Path
) -> None:
    dialog = drop(window, file)
    qtbot.waitUntil(lambda: len(dialog.findChildren(QRadioButton)) == 3, timeout=20_000)
    buttons = dialog.findChildren(QRadioButton)
    assert [button.text() for button in buttons] == [
        "ResNet-8: option A, zeros at the end",
        "ResNet-8: option A, zeros on both sides",
        "plain-8: no shortcuts",
    ]
    assert not any(button.isChecked() for button in buttons)
    assert not dialog.import_button.isEnabled()
    assert "which network" in dialog.findChild(QLabel, "import_doing").text()
    assert "does not tell" in dialog.findChild(QLabel, "import_question").text()
    buttons[1].click()
    assert dialog.findChild(QLabel, "import_doing").text() == ""
    dialog.name.setText("from the net")
    with qtbot.waitSignal(dialog.imported, timeout=20_000) as imported:
        dialog.import_button.click()
    run: RunRecord = imported.args[0]
    assert (run.name, run.status, run.spec.network.zero_padding) == (
        "from the net", RunStatus.IMPORTED, ZeroPadding.BOTH,
    )  # fmt: skip
    assert window.pages.current == "runs"
    assert [chosen.id for chosen in window.pages.page("runs").chosen] == [run.id]  # type: ignore[attr-defined]
    assert services.store.list_runs() == [run]


def test_return_imports_what_is_answered_and_typing_makes_numbers_one_s_own(
    qtbot: QtBot, window: MainWindow, services: Services, file: Path
) -> None:
    dialog = drop(window, file)
    qtbot.waitUntil(lambda: len(dialog.findChildren(QRadioButton)) == 3, timeout=20_000)
    assert QApplication.focusWidget() is dialog.findChildren(QRadioButton)[0]
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    assert dialog.isVisible()
    assert services.store.list_runs() == []
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Space)
    mean = dialog.images.mean
    mean.setFocus()
    mean.setCursorPosition(len(mean.text()))
    qtbot.keyClicks(mean, "1")
    assert dialog.images.key == "own"
    assert dialog.options.mean == (*PRESETS["cifar10"].mean[:2], 0.44651)
    assert dialog.options.std == PRESETS["cifar10"].std
    with qtbot.waitSignal(dialog.imported, timeout=20_000):
        qtbot.keyClick(mean, Qt.Key.Key_Return)
    assert len(services.store.list_runs()) == 1


def imported(qtbot: QtBot, window: MainWindow, file: Path, size: str = "32") -> RunRecord:
    dialog = drop(window, file)
    read(qtbot, dialog)
    dialog.image_size.setText(size)
    with qtbot.waitSignal(dialog.imported, timeout=20_000) as signal:
        dialog.import_button.click()
    return signal.args[0]


def test_a_new_run_is_chosen_where_the_runs_are_on_screen_already(qtbot: QtBot, window: MainWindow, file: Path) -> None:
    window.pages.show_page("runs")
    first, second = (imported(qtbot, window, file) for _ in range(2))
    page: RunsPage = window.pages.page("runs")  # type: ignore[assignment]
    assert [run.id for run in page.chosen] == [second.id]
    page.filter_field.setText(first.id)
    third = imported(qtbot, window, file)
    assert [run.id for run in page.chosen] == [third.id]


def test_the_details_of_an_imported_run_invent_nothing_and_show_what_is_stored(
    qtbot: QtBot, window: MainWindow, file: Path
) -> None:
    page: RunsPage = window.pages.page("runs")  # type: ignore[assignment]
    page._show_details(True)
    run = imported(qtbot, window, file, size="16")
    text = page.details.text
    for invented in ("64000", "64 000", "batch_size", "0 s", "--", "32 pixels", "not known: "):
        assert invented not in text
    for told in ("not known", "16 x 16 pixels", "0.4914, 0.4822, 0.4465", "0.247, 0.2435, 0.2616", "theirs.th"):
        assert told in text
    cells = {column: COLUMNS[column].shown(run) for column in (Column.DATA, Column.SEED, Column.DURATION)}
    assert cells == {Column.DATA: "not known", Column.SEED: "–", Column.DURATION: "–"}
    assert "not known" in page.toolbox.actions[RunAction.AGAIN].toolTip()
    assert STATUS_ROLES[RunStatus.IMPORTED] is not STATUS_ROLES[RunStatus.RUNNING]


def test_what_is_held_over_the_window_is_promised_until_it_leaves(window: MainWindow, file: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(file))])
    enter = QDragEnterEvent(
        QPoint(10, 10), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(window, enter)
    assert window.drop_frame.isVisible()
    assert window.drop_frame.text == "Let go to import theirs.th"
    assert window.drop_frame.geometry() == window.rect()
    QApplication.sendEvent(window, QDragLeaveEvent())
    assert not window.drop_frame.isVisible()
    mime.setUrls([QUrl.fromLocalFile(str(file)), QUrl.fromLocalFile(str(file.with_name("cat.png")))])
    assert drop_sentence(mime) == "Let go to import theirs.th and classify the rest"
    mime.setUrls([QUrl.fromLocalFile(str(file.with_name("cat.png")))])
    assert drop_sentence(mime) == "Let go to classify"
    mime.setUrls([QUrl.fromLocalFile(str(file.with_name("notes.txt")))])
    assert drop_sentence(mime) == "notes.txt is no image"
    mime.setUrls([QUrl.fromLocalFile(str(file.with_name(name))) for name in ("notes.txt", "table.csv")])
    assert drop_sentence(mime) == "These 2 files are no images"
    mime.setUrls([QUrl.fromLocalFile(str(file.with_name(name))) for name in ("notes.txt", "cat.png")])
    assert drop_sentence(mime) == "Let go to classify"
    folder = file.with_name("folder.v2")
    folder.mkdir()
    mime.setUrls([QUrl.fromLocalFile(str(folder))])
    assert drop_sentence(mime) == "Let go to classify"


def test_rubbish_is_refused_where_it_was_dropped(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    file = tmp_path / "notes.pth"
    file.write_text("hello", encoding="utf-8")
    dialog = drop(window, file)
    problem = dialog.findChild(QLabel, "import_error")
    qtbot.waitUntil(problem.isVisible, timeout=20_000)
    assert problem.text().startswith("notes.pth is no weights file")
    assert not dialog.import_button.isEnabled()
    dialog.reject()


def test_several_files_are_asked_about_one_after_another_and_pictures_are_shown(
    qtbot: QtBot, window: MainWindow, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[object] = []
    monkeypatch.setattr(window.pages.page("classify"), "classify_paths", shown.append)
    other = file.with_name("second.pth")
    other.write_bytes(file.read_bytes())
    first = drop(window, file, tmp_path / "cat.png", other)
    assert shown == [[tmp_path / "cat.png"]]
    read(qtbot, first)
    first.findChild(QPushButton, "import_cancel").click()
    second = dialog_of(window)
    assert second.findChild(QLabel, "import_title").text() == "second.pth"
    second.reject()
    assert window.services.store.list_runs() == []


def test_the_images_of_several_files_are_asked_about_once(
    qtbot: QtBot, window: MainWindow, file: Path, tmp_path: Path
) -> None:
    others = [file.with_name(f"{number}.pth") for number in range(2)]
    for other in others:
        other.write_bytes(file.read_bytes())
    dialog = drop(window, file, *others)
    read(qtbot, dialog)
    dialog.images.choice.setCurrentIndex(dialog.images.choice.findData("own"))
    dialog.images.mean.setText("0.5, 0.4, 0.3")
    dialog.images.std.setText("1, 1, 1")
    with qtbot.waitSignal(dialog.imported):
        dialog.import_button.click()
    second = dialog_of(window)
    read(qtbot, second)
    assert (second.options.mean, second.options.std) == ((0.5, 0.4, 0.3), (1.0, 1.0, 1.0))
    assert second.images.key == "own"  # it can be seen, and changed
    second.images.choice.setCurrentIndex(0)
    second.reject()
    third = dialog_of(window)
    read(qtbot, third)
    assert third.options.mean == (0.5, 0.4, 0.3)  # what was called off is no answer


def test_a_file_of_another_kind_is_proposed_its_own_images(qtbot: QtBot, window: MainWindow) -> None:
    box = ImagesBox()
    qtbot.addWidget(box)
    box.propose("imagenet", carried=False, before=ImagesAnswer("cifar10", "own", "0.5, 0.4, 0.3", "1, 1, 1", ""))
    assert box.key == "imagenet"
    box.propose("cifar10", carried=True, before=ImagesAnswer("cifar10", "own", "0.5, 0.4, 0.3", "1, 1, 1", ""))
    assert box.answer is None


def test_what_is_not_usual_is_asked_for(qtbot: QtBot, window: MainWindow, file: Path) -> None:
    dialog = drop(window, file)
    read(qtbot, dialog)
    dialog.images.propose("", carried=False)
    assert (dialog.images.key, dialog.images.choice.currentText(), dialog.images.usable) == ("", "", False)
    assert not dialog.import_button.isEnabled()
    assert "choose above how they are prepared" in dialog.findChild(QLabel, "import_doing").text()
    dialog.images.choice.setCurrentIndex(dialog.images.choice.findData("unit"))
    assert dialog.import_button.isEnabled()
    assert dialog.findChild(QLabel, "import_doing").text() == ""
    dialog.reject()


def test_numbers_and_sizes_are_checked_as_they_are_typed(qtbot: QtBot, window: MainWindow, file: Path) -> None:
    dialog = drop(window, file)
    read(qtbot, dialog)
    images, problem = dialog.images, dialog.findChild(QLabel, "import_error")
    assert images.key == "cifar10"
    images.choice.setCurrentIndex(images.choice.findData("own"))
    images.mean.setText("0.5, half, 0.5")
    assert not dialog.import_button.isEnabled()
    assert "three numbers" in problem.text()
    images.mean.setText("0.5; 0.4; 0.3")
    assert dialog.import_button.isEnabled()
    assert dialog.options.mean == (0.5, 0.4, 0.3)
    images.choice.setCurrentIndex(images.choice.findData("folder"))
    assert not dialog.import_button.isEnabled()
    images.path.setText(str(file.parent))
    assert dialog.options.mean_of is not None
    images.choice.setCurrentIndex(images.choice.findText("Mean image of CIFAR-10"))
    assert dialog.options.mean_of.source == "cifar10"
    assert dialog.options.mean is None
    images.choice.setCurrentIndex(images.choice.findText("CIFAR-10"))
    assert (dialog.options.mean, dialog.options.mean_of) == (PRESETS["cifar10"].mean, None)
    dialog.image_size.setText("3")
    assert not dialog.import_button.isEnabled()
    assert "8 to 1024" in problem.text()
    dialog.image_size.setText("16")
    assert dialog.network is not None
    assert dialog.network.image_size == 16
    dialog.reject()


def test_a_run_goes_out_and_is_proposed_for_fine_tuning(
    qtbot: QtBot, window: MainWindow, services: Services, file: Path, tmp_path: Path
) -> None:
    from resnet_studio.domain.imported_weights import ImportOptions
    from resnet_studio.weights_io.import_weights import import_weights, inspect

    asked = ImportOptions(hints=StructureHints(zero_padding=ZeroPadding.END))
    run = import_weights(services.store, inspect(file, asked), asked)
    page = window.pages.page("runs")
    window.pages.show_page("runs")
    page.choose_runs([run.id])  # type: ignore[attr-defined]
    out = tmp_path / "out.safetensors"
    with qtbot.waitSignal(
        window.navigator._weights.status_message, timeout=20_000, check_params_cb=lambda text: "Wrote" in text
    ):
        window.navigator._weights.write(run, out)
    assert out.is_file()
    with qtbot.waitSignal(window.navigator._weights.failed, timeout=20_000) as told:
        window.navigator._weights.write(run, tmp_path / "out.pth")
    assert "torchvision has no such network" in told.args[0]
    page.commands.run(RunAction.FINE_TUNE)  # type: ignore[attr-defined]
    assert window.pages.current == "design"
    assert window.pages.page("design").form.spec.start_from == run.id  # type: ignore[attr-defined]


@pytest.fixture
def two_sets(tmp_path: Path) -> Path:
    """Under names that do not tell which one is meant; the second is narrower."""
    path = tmp_path / "two.pth"
    first, second = (build(blueprint(NetworkSpec(depth=8, width=w, shortcut="B")), 0).state_dict() for w in (4, 2))
    torch.save({"generator": first, "critic": second}, path)
    return path


def test_a_file_of_two_sets_asks_which_is_meant(qtbot: QtBot, window: MainWindow, services, two_sets: Path) -> None:
    dialog = drop(window, two_sets)
    sets = dialog.findChild(QComboBox, "import_weights_key")
    qtbot.waitUntil(lambda: sets.count() == 2 and sets.isEnabled(), timeout=20_000)
    assert (sets.currentIndex(), dialog.import_button.isEnabled()) == (-1, False)
    assert "several sets of weights" in dialog.findChild(QLabel, "import_doing").text()
    assert "other shapes" in sets.itemText(1)
    for number, width in ((1, 2), (0, 4), (1, 2)):
        sets.setCurrentIndex(number)
        sets.activated.emit(number)
        qtbot.waitUntil(lambda: dialog.import_button.isEnabled(), timeout=20_000)
        assert dialog.network is not None
        assert (dialog.network.width, sets.currentIndex()) == (width, number)
    with qtbot.waitSignal(dialog.imported, timeout=20_000) as imported:
        dialog.import_button.click()
    assert imported.args[0].spec.network.width == 2


def test_a_file_of_one_set_asks_nothing_of_sets(qtbot: QtBot, window: MainWindow, file: Path) -> None:
    dialog = drop(window, file)
    read(qtbot, dialog)
    assert not dialog.findChild(QComboBox, "import_weights_key").isVisible()
