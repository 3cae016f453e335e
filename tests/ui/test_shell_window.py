"""The window: pages, actions, keys, drops, banners, what is remembered, and closing while training."""

from __future__ import annotations

import dataclasses
import inspect
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QByteArray, QEvent, QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent, QGuiApplication, QImage
from PySide6.QtWidgets import (
    QApplication,
    QLabel,
    QLineEdit,
    QMenu,
    QMessageBox,
    QScrollArea,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.events import ProgressMade
from resnet_studio.domain.queue import QueueStatus
from resnet_studio.domain.specs import CohortSpec, replace
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.ui import status
from resnet_studio.ui.actions import Action, ActionRow, WindowState
from resnet_studio.ui.controller import RunController
from resnet_studio.ui.dialogs import SECTION_GAP, HelpDialog, all_keys
from resnet_studio.ui.images.open_images import dropped_images
from resnet_studio.ui.main_window import MainWindow
from resnet_studio.ui.navigator import Navigator
from resnet_studio.ui.pages.base import Page, PageRow
from resnet_studio.ui.pages.design.page import DesignPage
from resnet_studio.ui.pages.rows import PAGES
from resnet_studio.ui.preferences import Preferences
from resnet_studio.ui.services import Services
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.window_navigator import WindowNavigator

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform says so of any window


Opener = Callable[[Services], MainWindow]


@pytest.fixture
def open_window(qtbot: QtBot) -> Iterator[Opener]:
    """Opens windows that are left without a question, however the test ends."""
    windows: list[MainWindow] = []

    def open_one(services: Services) -> MainWindow:
        window = MainWindow(services)
        qtbot.addWidget(window)
        windows.append(window)
        window.show()
        return window

    yield open_one
    for window in windows:
        window.leave(ask=False)


@pytest.fixture
def window(open_window: Opener, services: Services) -> MainWindow:
    made = open_window(services)
    made.resize(1200, 720)
    return made


def long(cohort: CohortSpec) -> CohortSpec:
    runs = [replace(run, recipe=replace(run.recipe, iterations=100_000, test_every=100_000)) for run in cohort.runs]
    return replace(cohort, runs=tuple(runs))


def start_training(qtbot: QtBot, window: MainWindow, cohort: CohortSpec) -> tuple[str, ...]:
    controller = window.services.controller
    with qtbot.waitSignal(
        controller.happened, timeout=60_000, check_params_cb=lambda event: isinstance(event, ProgressMade)
    ):
        window.navigator.train(long(cohort))
    return controller.active


def press(name: str) -> None:
    """Press a button of the question that is open, as a person would."""
    box = QApplication.activeModalWidget()
    assert isinstance(box, QMessageBox)
    next(button for button in box.buttons() if button.objectName() == name).click()


# Pages


def test_the_first_start_shows_design_and_builds_the_others_afterwards(qtbot: QtBot, window: MainWindow) -> None:
    assert window.pages.current == "design"
    assert list(window.pages.pages) == ["design"]
    window.show_and_build()
    qtbot.waitUntil(lambda: len(window.pages.pages) == len(PAGES), timeout=30_000)
    assert list(window.pages.pages) == [row.key for row in PAGES]


def test_rail_keys_and_menu_lead_to_the_pages(qtbot: QtBot, window: MainWindow) -> None:
    for number, row in enumerate(PAGES, start=1):
        window.menus.page_actions[row.key].trigger()
        assert window.pages.current == row.key
        assert window.findChild(QToolButton, f"rail_{row.key}").isChecked()
        assert window.findChild(QAction, f"go_{row.key}_action").shortcut().toString() == f"Ctrl+{number}"
        qtbot.mouseClick(window.findChild(QToolButton, "rail_design"), Qt.MouseButton.LeftButton)
        assert window.pages.current == "design"


class _NotebookPage(Page):
    """Nothing of its own."""


def test_a_row_is_all_that_a_new_page_needs(qtbot: QtBot, services: Services) -> None:
    """Rail, menu, key, stack, help and what is remembered follow from the row."""
    keys = f"Ctrl+{len(PAGES) + 1}"
    row = PageRow("notebook", "&Notebook", "ph.magnifying-glass", keys, "Notes on runs", _NotebookPage)
    window = MainWindow(services, (*PAGES, row))
    qtbot.addWidget(window)
    window.show()
    button = window.findChild(QToolButton, "rail_notebook")
    assert (button.text(), button.toolTip()) == ("Notebook", f"Notes on runs ({keys})")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    page = window.findChild(_NotebookPage, "notebook_page")
    assert page.isVisible()
    assert window.pages.current == "notebook"
    assert button.isChecked()
    assert services.preferences.value("window/page", "", str) == "notebook"
    window.rail.load_icons()
    assert not button.icon().isNull()
    window.pages.show_page("design")
    view = next(menu for menu in window.menuBar().findChildren(QMenu) if menu.title() == "&View")
    assert [action.text() for action in view.actions()][: len(PAGES) + 1] == [
        row.menu_text for row in window.pages.rows
    ]
    action = window.findChild(QAction, "go_notebook_action")
    assert action.shortcut().toString() == keys
    action.trigger()
    assert window.pages.current == "notebook"
    assert (keys, "Notebook") in dict(all_keys(window.pages.rows))["Everywhere"]
    with qtbot.waitSignal(window.status.messageChanged):
        page.message.emit("Looking…")
    page.working.emit("Looking inside")
    assert window.status.eta_label.text() == "Looking inside"
    assert window.leave(ask=False)


def test_keys_titles_and_shortcuts_of_pages_are_their_own() -> None:
    for name in ("key", "title", "icon", "shortcut", "tip"):
        assert len({getattr(row, name) for row in PAGES}) == len(PAGES), name


def test_the_window_grants_whatever_a_page_may_ask(window: MainWindow) -> None:
    for name, method in vars(Navigator).items():
        if not name.startswith("_"):
            own = vars(WindowNavigator).get(name)
            assert own is not None, name
            assert inspect.signature(own) == inspect.signature(method), name
    window.pages.page("runs").services.navigator.design()
    assert window.pages.current == "design"


def test_arrows_move_along_the_rail(qtbot: QtBot, window: MainWindow) -> None:
    window.activateWindow()
    first = window.findChild(QToolButton, "rail_design")
    first.setFocus()
    qtbot.keyClick(first, Qt.Key.Key_Down)
    second = window.findChild(QToolButton, "rail_train")
    qtbot.waitUntil(second.hasFocus, timeout=2000)


def test_the_focus_in_the_rail_goes_with_the_page(qtbot: QtBot, window: MainWindow) -> None:
    window.activateWindow()
    first, third = (window.findChild(QToolButton, f"rail_{key}") for key in ("design", "runs"))
    first.setFocus()
    window.pages.show_page("runs")
    qtbot.waitUntil(third.hasFocus)
    assert third.isChecked()
    assert not first.hasFocus()


def test_a_ring_stands_only_where_the_focus_came_by_keys(qtbot: QtBot, window: MainWindow) -> None:
    window.activateWindow()
    first, second = (window.findChild(QToolButton, f"rail_{key}") for key in ("design", "train"))
    second.setFocus()
    qtbot.waitUntil(second.hasFocus)
    without = first.grab().toImage()
    first.setFocus(Qt.FocusReason.ActiveWindowFocusReason)
    qtbot.waitUntil(first.hasFocus)
    assert first.grab().toImage() == without
    first.clearFocus()
    first.setFocus(Qt.FocusReason.BacktabFocusReason)
    qtbot.waitUntil(first.hasFocus)
    assert first.grab().toImage() != without
    second.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(second.hasFocus)
    assert second.property("role") == "ring"
    qtbot.mouseClick(first, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(first.hasFocus)
    assert first.property("role") != "ring"


def test_no_editor_takes_a_dropped_file_as_text(window: MainWindow) -> None:
    for row in PAGES:
        for editor in window.pages.page(row.key).findChildren(QLineEdit):
            assert not editor.acceptDrops(), editor.objectName()


# Actions


def test_the_table_of_actions_is_sound(window: MainWindow) -> None:
    shortcuts = [action.row.shortcut for action in Action if action.row.shortcut]
    assert len(set(shortcuts)) == len(shortcuts)
    for action in Action:
        item = window.findChild(QAction, action.object_name)
        assert item is not None, action
        assert item is window.menus.actions[action]
        assert item.text() == action.row.text
        assert item.shortcut().toString() == action.row.shortcut
        assert action.row.tip
    mnemonics: dict[str, list[str]] = {}
    rows = [*(ActionRow(page.menu_text, page.shortcut, "&View", page.tip) for page in PAGES), *(a.row for a in Action)]
    for row in rows:
        letter = row.text.partition("&")[2][:1].lower()
        assert letter, row
        mnemonics.setdefault(row.menu, []).append(letter)
    for menu, letters in mnemonics.items():
        assert len(set(letters)) == len(letters), menu


@pytest.mark.parametrize(
    ("state", "off"),
    [
        (WindowState(), {Action.PAUSE, Action.STOP}),
        (WindowState(training=True), set()),
        (WindowState(training=True, stopping=True), {Action.PAUSE, Action.STOP}),
        (
            WindowState(writable=False),
            {Action.PAUSE, Action.STOP, Action.TRAIN_TWIN, Action.TRAIN_THIS, Action.RUN_STUDY, Action.IMPORT_WEIGHTS},
        ),
        (WindowState(writable=False, held_elsewhere=True), {Action.PAUSE, Action.STOP, Action.IMPORT_WEIGHTS}),
    ],
)
def test_actions_are_enabled_by_their_rules(window: MainWindow, state: WindowState, off: set[Action]) -> None:
    window.menus.apply(state)
    assert {action for action, item in window.menus.actions.items() if not item.isEnabled()} == off


def test_help_opens_and_names_every_key(qtbot: QtBot, window: MainWindow) -> None:
    from PySide6.QtWidgets import QDialog, QLabel

    window.menus.actions[Action.SHORTCUTS].trigger()
    dialog = window.findChild(QDialog, "help_dialog")
    texts = {label.text() for label in dialog.findChildren(QLabel)}
    assert {action.row.shortcut for action in Action if action.row.shortcut} <= texts
    assert {row.shortcut for row in PAGES} <= texts
    dialog.close()
    window.menus.actions[Action.ABOUT].trigger()
    box = window.findChild(QMessageBox, "about_box")
    assert "1512.03385" in box.text()
    box.close()


# Theme


def test_themes_are_chosen_and_remembered(window: MainWindow, services: Services) -> None:
    window.menus.actions[Action.THEME_DARK].trigger()
    assert services.theme.dark
    assert Theme(services.preferences).mode == "dark"
    window.menus.actions[Action.THEME_LIGHT].trigger()
    assert not services.theme.dark
    with pytest.raises(ValueError, match="mode must be"):
        services.theme.set_mode("pink")  # type: ignore[arg-type]


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(
    ("front", "ground", "least"),
    [
        (Role.TEXT, Role.WINDOW, 7.0), (Role.TEXT, Role.PANEL, 7.0), (Role.TEXT, Role.ACCENT_SOFT, 7.0),
        (Role.MUTED, Role.PANEL, 4.5), (Role.MUTED, Role.WINDOW, 4.5), (Role.MUTED, Role.RAISED, 4.5),
        (Role.ON_ACCENT, Role.ACCENT, 4.5), (Role.ACCENT, Role.ACCENT_SOFT, 4.5), (Role.ACCENT, Role.PANEL, 3.0),
        (Role.ERROR, Role.PANEL, 4.5), (Role.WARNING, Role.PANEL, 4.5), (Role.OK, Role.PANEL, 4.5),
        (Role.FIELD_BORDER, Role.PANEL, 3.0),
    ],
)  # fmt: skip
def test_contrast_is_readable(front: Role, ground: Role, least: float, dark: bool) -> None:
    """WCAG 2.1: 4.5 to 1 for text, 3 to 1 for the edges of controls."""
    light, shade = sorted((_luminance(front.value[dark]), _luminance(ground.value[dark])), reverse=True)
    assert (light + 0.05) / (shade + 0.05) >= least


def test_plain_is_dashed_and_residual_solid(services: Services) -> None:
    plain = services.theme.run_pen("#0072B2", residual=False, bold=False)
    residual = services.theme.run_pen("#0072B2", residual=True, bold=True)
    assert plain.style() is not Qt.PenStyle.SolidLine
    assert plain.isCosmetic()
    assert plain.width() == 1
    assert residual.style() is Qt.PenStyle.SolidLine
    assert residual.width() == 2


# Preferences


def test_preferences_come_back_with_their_types(home: Home) -> None:
    first = Preferences(home)
    for key, value in (
        ("a", True),
        ("b", 7),
        ("c", 0.5),
        ("d", "x"),
        ("e", QByteArray(b"\x00\xff")),
        ("f", ["p", "q"]),
    ):
        first.set_value(key, value)
    first.sync()
    again = Preferences(home)
    assert again.value("a", False, bool) is True
    assert again.value("b", 0, int) == 7
    assert again.value("c", 0.0, float) == 0.5
    assert again.value("d", "", str) == "x"
    assert again.value("e", QByteArray(), QByteArray) == b"\x00\xff"
    assert again.value("f", [], list) == ["p", "q"]
    assert again.value("nothing", 3, int) == 3


@pytest.mark.parametrize("text", ["[window]\ngeometry=nonsense\npage=moon\n", "\x00\x01 no ini", "[design]\nspec=[1"])
def test_bad_preferences_never_stop_the_start(open_window: Opener, home: Home, text: str) -> None:
    from resnet_studio.ui.threads.jobs import Jobs

    (home.root / "preferences.ini").write_text(text + "\n[x]\nnumber=many\nflag=perhaps\n", encoding="utf-8")
    preferences = Preferences(home)
    assert preferences.value("x/number", 4, int) == 4
    assert preferences.value("x/flag", True, bool) is True
    with RunStore.open(home) as store:
        services = Services(home, store, RunController(store), preferences, Theme(preferences), Jobs())
        window = open_window(services)
        assert window.pages.current == "design"
        assert window.leave()


def test_page_and_geometry_are_remembered(open_window: Opener, services: Services) -> None:
    first = open_window(services)
    first.resize(1080, 660)
    first.pages.show_page("runs")
    assert first.close()
    second = open_window(services)
    assert second.pages.current == "runs"
    assert second.height() == 660
    assert second.leave()


# Drops


def picture(path: Path) -> Path:
    image = QImage(32, 32, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    assert image.save(str(path))
    return path


def drop(window: MainWindow, mime: QMimeData) -> None:
    where = QPoint(400, 300)
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entering = QDragEnterEvent(where, copy, mime, left, none)
    QApplication.sendEvent(window, entering)
    if entering.isAccepted():
        QApplication.sendEvent(window, QDropEvent(QPointF(where), copy, mime, left, none))


def test_files_dropped_anywhere_lead_to_classify(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[object] = []
    monkeypatch.setattr(window.pages.page("classify"), "classify_paths", taken.append)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(picture(tmp_path / "cat.png"))), QUrl.fromLocalFile(str(tmp_path))])
    drop(window, mime)
    assert window.pages.current == "classify"
    assert taken == [[tmp_path / "cat.png", tmp_path]]


def test_text_is_not_taken_and_a_remote_picture_is_refused_in_a_sentence(window: MainWindow) -> None:
    text = QMimeData()
    text.setText("hello")
    drop(window, text)
    assert window.pages.current == "design"
    remote = QMimeData()
    remote.setUrls([QUrl("https://example.org/cat.png")])
    drop(window, remote)
    assert window.pages.current == "design"
    assert "another machine" in window.banner.sentence


def test_a_pasted_image_is_classified(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[object] = []
    monkeypatch.setattr(window.pages.page("classify"), "classify_images", taken.extend)
    image = QImage(16, 16, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.blue)
    QGuiApplication.clipboard().setImage(image)
    window.menus.actions[Action.PASTE_IMAGE].trigger()
    assert window.pages.current == "classify"
    assert taken[0].name.startswith("Pasted")  # type: ignore[attr-defined]
    assert taken[0].content.startswith(b"\x89PNG")  # type: ignore[attr-defined]
    QGuiApplication.clipboard().setText("words")
    window.pages.show_page("design")
    window.menus.actions[Action.PASTE_IMAGE].trigger()
    assert window.pages.current == "design"


def test_an_empty_drag_holds_nothing() -> None:
    assert not dropped_images(QMimeData())


# History


def test_a_second_window_reads_until_the_first_is_closed(
    qtbot: QtBot, open_window: Opener, home: Home, services: Services
) -> None:
    from resnet_studio.ui.threads.jobs import Jobs

    with RunStore.open(home, writer=False) as reader:
        preferences = services.preferences
        second = open_window(Services(home, reader, RunController(reader), preferences, services.theme, Jobs()))
        assert second.banner.sentence
        assert not second.menus.actions[Action.IMPORT_WEIGHTS].isEnabled()
        services.store.close()
        qtbot.waitUntil(lambda: reader.writable, timeout=10_000)
        assert not second.banner.sentence
        assert second.menus.actions[Action.IMPORT_WEIGHTS].isEnabled()
        assert second.leave()


def test_a_second_window_asks_the_first_to_train(
    qtbot: QtBot, open_window: Opener, home: Home, services: Services, tiny_twin: CohortSpec
) -> None:
    from resnet_studio.ui.threads.jobs import Jobs

    with RunStore.open(home) as reader:
        assert (reader.writable, reader.held_elsewhere, services.store.held_elsewhere) == (False, True, False)
        second = open_window(
            Services(home, reader, RunController(reader), services.preferences, services.theme, Jobs())
        )
        assert "can change the queue" in second.banner.sentence
        assert second.menus.actions[Action.TRAIN_TWIN].isEnabled()
        services.controller.hold()
        services.controller.watch()
        second.navigator.train(tiny_twin)
        qtbot.waitUntil(lambda: len(reader.queue()) == 1)
        assert second.pages.current == "train"
        assert [run.name for run in reader.queue()[0].runs] == [run.label for run in tiny_twin.runs]
        assert second.leave()


def test_runs_left_waiting_are_offered_at_the_next_start(
    qtbot: QtBot, open_window: Opener, home_with_images: Home, services: Services, tiny_twin: CohortSpec
) -> None:
    records = services.store.create_cohort(tiny_twin)
    window = open_window(services)
    assert "2 runs were not finished" in window.banner.sentence
    window.banner.acted.emit("left-over")
    assert window.pages.current == "train"
    assert services.controller.active == tuple(record.id for record in records)
    qtbot.waitUntil(lambda: not services.controller.training, timeout=60_000)
    assert {run.status for run in services.store.list_runs()} == {RunStatus.FINISHED}
    assert window.leave()


def test_the_queue_that_closing_left_is_offered_and_goes_on_where_it_was(
    qtbot: QtBot, open_window: Opener, home_with_images: Home, services: Services, tiny_twin: CohortSpec
) -> None:
    store = services.store
    begun, waiting = store.enqueue(tiny_twin), store.enqueue(tiny_twin)
    for run_id in begun.run_ids:
        store.set_status(run_id, RunStatus.STOPPED, iteration=5)
    controller = RunController(store)
    window = open_window(dataclasses.replace(services, controller=controller))
    assert "2 cohorts wait in the queue" in window.banner.sentence
    assert "goes on at iteration 5 of" in window.banner.sentence
    assert not controller.training, "a person decides"
    extra = store.enqueue(tiny_twin)
    controller.refresh()
    qtbot.waitUntil(lambda: "3 cohorts wait in the queue" in window.banner.sentence)
    store.remove(extra.id)
    controller.refresh()
    qtbot.waitUntil(lambda: "2 cohorts wait in the queue" in window.banner.sentence)
    window.banner.acted.emit("queue")
    assert window.pages.current == "train"
    assert controller.active == begun.run_ids
    assert not window.banner.sentence
    qtbot.waitUntil(lambda: not controller.training and not controller.queue, timeout=60_000)
    assert {run.status for run in store.list_runs()} == {RunStatus.FINISHED}
    assert [entry.id for entry in store.queue(ended=9)] == [begun.id, waiting.id]
    assert window.leave()


def test_closing_while_training_keeps_its_place_in_the_queue(
    qtbot: QtBot, home_with_images: Home, window: MainWindow, tiny_twin: CohortSpec
) -> None:
    store = window.services.store
    run_ids = start_training(qtbot, window, tiny_twin)
    assert window.leave(ask=False)
    (entry,) = store.queue()
    assert (entry.run_ids, entry.status, entry.claimed) == (run_ids, QueueStatus.WAITING, False)


# Closing


def test_closing_while_training_asks_and_may_be_called_off(
    qtbot: QtBot, home_with_images: Home, window: MainWindow, tiny_twin: CohortSpec
) -> None:
    run_ids = start_training(qtbot, window, tiny_twin)
    assert window.pages.current == "train"
    QTimer.singleShot(200, lambda: press("keep_training_button"))
    assert not window.close()
    assert window.isVisible()
    assert window.services.controller.training
    QTimer.singleShot(200, lambda: press("stop_and_save_button"))
    assert window.close()
    runs = [window.services.store.get(run_id) for run_id in run_ids]
    assert all(run.status is RunStatus.STOPPED and run.resumable and run.iteration > 0 for run in runs)
    assert window.services.store.checkpoints(run_ids[0])


def test_closing_during_long_work_of_a_page_asks_and_may_be_called_off(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = window.pages.page("compare")
    page.working.emit("Evaluating, 2 min left")
    assert window.status.long_works == []  # it has just begun
    monkeypatch.setattr(status, "LONG_SECONDS", 0.0)
    QTimer.singleShot(200, lambda: press("keep_going_button"))
    assert not window.close()
    assert window.isVisible()
    QTimer.singleShot(200, lambda: press("stop_and_close_button"))
    assert window.close()
    page.working.emit("")
    assert window.status.long_works == []


def test_the_status_bar_tells_device_and_time_left(
    qtbot: QtBot, home_with_images: Home, window: MainWindow, tiny_twin: CohortSpec
) -> None:
    assert window.status.eta_label.text() == "Idle"
    assert window.status.memory_label.text()
    start_training(qtbot, window, tiny_twin)
    assert window.status.eta_label.text().endswith(("left", "…"))
    assert "float32" in window.status.device_label.text()
    window.services.controller.train(tiny_twin)
    assert window.status.queue_label.text() == "1 waiting"
    assert window.leave(ask=False)


# Start


def test_torch_and_the_plots_are_not_needed_to_show_the_window(home: Home) -> None:
    """In a process of its own: the window is on screen, and neither torch nor pyqtgraph was imported."""
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from resnet_studio.platform.home import Home\n"
        "from resnet_studio.history.store import RunStore\n"
        "from resnet_studio.ui.application import Studio, make_application\n"
        f"app = make_application(); home = Home(Path({str(home.root)!r}))\n"
        "store = RunStore.open(home); studio = Studio(home, store)\n"
        "studio.window.show(); app.processEvents()\n"
        "assert studio.window.isVisible()\n"
        "print(sorted({'torch', 'torchvision', 'pyqtgraph', 'alembic'} & set(sys.modules)))\n"
        "studio.window.leave(); studio.take_down(); store.close()\n"
    )
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": os.pathsep.join(sys.path)}
    RunStore.open(home).close()  # the database is there already
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "[]"


# Theme


class Polished(QWidget):
    """Counts how often its style has changed."""

    times = 0

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        if event.type() is QEvent.Type.StyleChange:
            self.times += 1
        super().changeEvent(event)


def test_a_theme_polishes_a_widget_twice_however_deep_it_lies(qtbot: QtBot, services: Services) -> None:
    services.theme.set_mode("light")
    root = parent = QWidget()
    qtbot.addWidget(root)
    for _unused in range(8):
        parent = QWidget(parent)
    leaf = Polished(parent)
    root.show()
    before = leaf.times
    services.theme.set_mode("dark")
    assert 1 <= leaf.times - before <= 2
    services.theme.set_mode("system")


@pytest.mark.parametrize("size", [(1203, 677), (1060, 640)])
def test_a_twin_is_in_sight_in_a_small_window(qtbot: QtBot, window: MainWindow, size: tuple[int, int]) -> None:
    window.resize(*size)
    window.pages.show_page("design")
    page = window.pages.page_of("design", DesignPage)
    qtbot.waitUntil(lambda: page.view.rows is not None and page.width() > 900)
    assert window.width() == size[0]
    assert page.view.horizontalScrollBar().maximum() == 0
    assert page.view.name_rect(0).left() >= 0
    assert page.view.name_rect(1).right() <= page.view.viewport().width()


def test_sections_of_the_keys_stand_apart(qtbot: QtBot, window: MainWindow) -> None:
    dialog = HelpDialog(PAGES, window.services.theme, window)
    dialog.show_term("")
    dialog.show()
    keys = dialog.tabs.currentWidget()
    assert isinstance(keys, QScrollArea)
    grid = keys.widget().layout()
    headings = [label for label in keys.findChildren(QLabel) if label.property("role") == "heading"]
    assert len(headings) == len(all_keys(PAGES))
    for heading in headings[1:]:
        row = grid.getItemPosition(grid.indexOf(heading))[0]
        above = grid.itemAtPosition(row - 2, 0).widget()
        assert heading.geometry().top() - above.geometry().bottom() > SECTION_GAP
    dialog.close()


def at_rest(window: MainWindow, page: QWidget, key: str, qtbot: QtBot) -> QImage:
    """The page as it looks once it is laid out: shown a second time, and the same in two pictures."""
    for shown in ("design", key, "design", key):
        window.pages.show_page(shown)
        QApplication.processEvents()
    window.setFocus()
    pictures = [page.grab().toImage()]

    def still() -> bool:
        pictures.append(page.grab().toImage())
        return pictures[-1] == pictures[-2]

    qtbot.waitUntil(still)
    return pictures[-1]


def test_a_hidden_page_is_styled_when_it_is_shown(qtbot: QtBot, open_window: Opener, services: Services) -> None:
    """Styling thousands of widgets that nobody sees took a quarter of a second."""
    window, theme = open_window(services), services.theme
    for key in ("runs", "compare"):
        page = window.pages.page(key)
        leaf = Polished(page)
        theme.set_mode("dark")
        dark = at_rest(window, page, key, qtbot)
        theme.set_mode("light")
        window.pages.show_page("design")
        before = leaf.times
        theme.set_mode("dark")
        assert leaf.times == before
        assert at_rest(window, page, key, qtbot) == dark
    theme.set_mode("system")


def test_an_open_window_of_a_hidden_page_follows_the_theme(
    qtbot: QtBot, open_window: Opener, services: Services
) -> None:
    services.theme.set_mode("light")
    window = open_window(services)
    page = window.pages.page("design")
    own = QWidget(page, Qt.WindowType.Window)
    leaf = Polished(own)
    own.show()
    window.pages.show_page("runs")
    before = leaf.times
    services.theme.set_mode("dark")
    assert leaf.times > before
    services.theme.set_mode("system")
