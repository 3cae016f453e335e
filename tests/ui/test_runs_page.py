"""The Runs page over a real store: choose, change, delete and bring back, and wishes to other pages."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys

import numpy as np
import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QLineEdit

from resnet_studio.domain.documents import from_toml
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.events import CurveChunk, ProgressMade
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, DataSpec, RunSpec, replace, twin
from resnet_studio.history.store import RunStore
from resnet_studio.ui.models.run_columns import COLUMNS, INDEX, Column
from resnet_studio.ui.pages.rows import page_row
from resnet_studio.ui.pages.runs.actions import ENTRIES, MENU, RunAction, Situation
from resnet_studio.ui.pages.runs.dialogs import NoteDialog, TagsDialog
from resnet_studio.ui.pages.runs.page import RunsPage

from ..databases import database_of


def spec(depth, **recipe) -> RunSpec:
    run = RunSpec()
    return replace(run, network=replace(run.network, depth=depth), recipe=replace(run.recipe, **recipe))


@pytest.fixture
def stored(services):
    """Twins of depth 8 and 20: the deeper one finished, with weights."""
    store = services.store
    shallow = store.create_cohort(twin(spec(8, iterations=100)))
    deep = store.create_cohort(twin(spec(20, iterations=100)))
    for run in deep:
        store.append_chunks([CurveChunk(run.id, Series.TEST_ERROR, 100, np.array([31.5], np.float32))])
        store.set_weights(run.id, "ab" * 32)
        store.set_status(run.id, RunStatus.FINISHED, "", 100)
    for run in shallow:
        store.set_status(run.id, RunStatus.STOPPED, "", 40)
    return {run.name: run.id for run in (*shallow, *deep)}


@pytest.fixture
def page(qtbot, services, stored):
    page = RunsPage(services, page_row("runs"))
    qtbot.addWidget(page)
    page.resize(1200, 700)
    page.show()
    qtbot.waitExposed(page)
    page.activate()
    return page


def names(page) -> list[str]:
    return [page.proxy.run_at(row).name for row in range(page.proxy.rowCount())]


def choose(page, stored, *wanted) -> None:
    page.table.choose([stored[name] for name in wanted])


def press(page, action: RunAction) -> None:
    page.toolbox.actions[action].trigger()


def test_the_newest_run_comes_first_and_the_count_is_told(page):
    assert names(page) == ["plain-20", "ResNet-20", "plain-8", "ResNet-8"]
    assert page.findChild(QDialog) is None
    assert page._count.text().partition(",")[0] == "4 runs"  # the size on disk follows


def test_filtering_as_one_types(qtbot, page, stored):
    qtbot.keyClick(page.table, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert page.filter_field.hasFocus() or QGuiApplication.focusWindow() is None
    qtbot.keyClicks(page.filter_field, "plain depth:>8")
    assert names(page) == ["plain-20"]
    assert page._count.text().partition(",")[0] == "1 of 4 runs"
    page.filter_field.setText("depth:>x")
    assert "is not understood" in page._fault.text()
    assert page._fault.isVisible()
    page.filter_field.setText("nothing like it")
    assert page._nothing.isVisible()
    qtbot.mouseClick(page._nothing.button, Qt.MouseButton.LeftButton)
    assert len(names(page)) == 4
    assert not page._fault.isVisible()


def test_several_runs_go_to_compare_and_those_with_weights_to_classify(qtbot, page, stored):
    page.table.selectAll()
    asked = page.services.navigator.asked
    press(page, RunAction.COMPARE)
    assert set(asked["compare"][0]) == set(stored.values())
    press(page, RunAction.CLASSIFY)
    assert set(asked["classify"][0]) == {stored["plain-20"], stored["ResNet-20"]}


def test_enter_and_a_double_click_compare(qtbot, page, stored):
    choose(page, stored, "plain-8")
    page.table.doubleClicked.emit(page.proxy.index_of(stored["plain-8"]))
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_Return)
    assert page.services.navigator.asked["compare"] == [[stored["plain-8"]]] * 2


def test_only_what_can_be_resumed_may_be_resumed(qtbot, page, stored):
    action = page.toolbox.actions[RunAction.RESUME]
    choose(page, stored, "plain-8", "plain-20")
    assert not action.isEnabled()
    assert "plain-20 is finished" in action.toolTip()
    choose(page, stored, "plain-8", "ResNet-8")
    assert action.isEnabled()
    action.trigger()
    assert set(page.services.navigator.asked["resume"][0]) == {stored["plain-8"], stored["ResNet-8"]}


def test_training_again_takes_the_next_seed(qtbot, page, stored):
    choose(page, stored, "plain-20", "ResNet-20")
    press(page, RunAction.AGAIN)
    (cohort,) = page.services.navigator.asked["train"]
    assert isinstance(cohort, CohortSpec)
    assert [run.network.label for run in cohort.runs] == ["plain-20", "ResNet-20"]
    assert {(run.recipe.init_seed, run.recipe.data_seed) for run in cohort.runs} == {(1, 1)}


def test_renaming_in_place(qtbot, page, stored, services):
    choose(page, stored, "plain-8")
    press(page, RunAction.RENAME)
    editor = page.table.findChild(QLineEdit)
    editor.setText("  my   baseline ")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: services.store.get(stored["plain-8"]).name == "my baseline")
    assert "my baseline" in names(page)
    assert [run.id for run in page.chosen] == [stored["plain-8"]]
    page.model.edit_requested.emit(stored["plain-8"], Column.NAME, "   ")
    assert services.store.get(stored["plain-8"]).name == "my baseline"
    assert "needs a name" in page._fault.text()


def test_tags_and_notes_in_place_and_in_dialogs(qtbot, page, stored, services, monkeypatch):
    store = services.store
    page.model.setData(page.model.index(0, INDEX[Column.TAGS]), "one, two ,one")
    assert store.get(stored["plain-20"]).tags == ("one", "two")
    choose(page, stored, "plain-20", "plain-8")
    dialog = TagsDialog(page.chosen)
    qtbot.addWidget(dialog)
    dialog._line.setText("both")
    assert dialog.tags_for(store.get(stored["plain-20"])) == ("one", "two", "both")
    monkeypatch.setattr(TagsDialog, "exec", lambda self: self._line.setText("both") or True)
    press(page, RunAction.TAGS)
    assert store.get(stored["plain-8"]).tags == ("both",)
    assert store.get(stored["plain-20"]).tags == ("one", "two", "both")
    choose(page, stored, "plain-8")
    monkeypatch.setattr(NoteDialog, "exec", lambda self: self._text.setPlainText("first\nsecond") or True)
    press(page, RunAction.NOTE)
    assert store.get(stored["plain-8"]).note == "first\nsecond"
    index = page.proxy.index_of(stored["plain-8"], Column.NOTE)
    assert index.data() == "first"


def test_a_colour_for_all_chosen_runs(page, stored, services):
    choose(page, stored, "plain-8", "ResNet-8")
    action = page.toolbox.colour_menu.actions()[4]
    action.trigger()
    assert {services.store.get(stored[name]).colour.lower() for name in ("plain-8", "ResNet-8")} == {
        action.data().lower()
    }


def test_deleting_and_undoing(qtbot, page, stored, services):
    choose(page, stored, "plain-8", "ResNet-20")
    page.table.setFocus()
    press(page, RunAction.DELETE)
    assert names(page) == ["plain-20", "ResNet-8"]
    assert len(page.chosen) == 1
    assert page.undo_bar.isVisible()
    assert page.undo_bar.text == "2 runs were deleted."
    choose(page, stored, "plain-20")
    press(page, RunAction.DELETE)
    assert "plain-20" in page.undo_bar.text
    press(page, RunAction.UNDO)  # the last first
    assert names(page) == ["plain-20", "ResNet-8"]
    press(page, RunAction.UNDO)
    assert len(names(page)) == 4
    assert {run.id for run in page.chosen} == {stored["plain-8"], stored["ResNet-20"]}
    assert not page.undo_bar.isVisible()
    assert not page.toolbox.actions[RunAction.UNDO].isEnabled()


def test_del_and_ctrl_z_work_from_the_table(qtbot, page, stored):
    choose(page, stored, "plain-8")
    page.activateWindow()
    page.table.setFocus()
    qtbot.waitUntil(lambda: QApplication.focusWidget() is page.table)
    qtbot.keyClick(page.table, Qt.Key.Key_Delete)
    assert "plain-8" not in names(page)
    qtbot.keyClick(page.table, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert "plain-8" in names(page)


def test_what_was_deleted_a_moment_ago_outlives_the_start(qtbot, services, stored):
    services.store.delete([stored["plain-8"]])
    page = RunsPage(services, page_row("runs"))
    qtbot.addWidget(page)
    qtbot.waitUntil(lambda: services.jobs.running == 0)
    assert [run.id for run in services.store.list_runs(deleted=True)] == [stored["plain-8"]]


def test_a_reload_keeps_choice_and_shows_what_is_new(qtbot, page, stored, services):
    choose(page, stored, "ResNet-8")
    services.store.create_cohort(twin(spec(14)))
    services.store.rename(stored["ResNet-8"], "renamed")
    with qtbot.waitSignal(services.controller.runs_changed):
        services.controller.refresh()
    assert names(page) == ["plain-14", "ResNet-14", "plain-20", "ResNet-20", "plain-8", "renamed"]
    assert [run.name for run in page.chosen] == ["renamed"]


def test_a_hidden_page_reads_the_list_when_it_is_shown(qtbot, page, stored, services):
    page.hide()
    services.store.delete([stored["plain-20"]])
    with qtbot.waitSignal(services.controller.runs_changed):
        services.controller.refresh()
    assert "plain-20" in names(page)
    page.show()
    assert "plain-20" not in names(page)


def test_rows_in_training_move(qtbot, page, stored, services):
    run_id = stored["plain-8"]
    (slot,) = services.controller._slots
    slot.runs = (run_id,)
    services.store.append_chunks([CurveChunk(run_id, Series.TRAINING_ERROR, 41, np.full(10, 77.0, np.float32))])
    services.controller.happened.emit(ProgressMade((run_id,), 50, 100, 1.0, 1.0, 1.0))
    index = page.proxy.index_of(run_id, Column.TRAINING_ERROR)
    qtbot.waitUntil(lambda: index.data().startswith("77.00"))
    choose(page, stored, "plain-8")
    assert not page.toolbox.actions[RunAction.DELETE].isEnabled()
    assert "stop it first" in page.toolbox.actions[RunAction.DELETE].toolTip()
    slot.runs = ()


def test_details_tell_all_and_copies_can_be_used(page, stored, services):
    choose(page, stored, "ResNet-20")
    press(page, RunAction.DETAILS)
    assert page.details.isVisible()
    text = page.details.text
    for word in ("ResNet-20", "31.50", "[network]", "depth = 20", stored["ResNet-20"][:16]):
        assert word in text
    press(page, RunAction.COPY_ID)
    assert QGuiApplication.clipboard().text() == stored["ResNet-20"]
    press(page, RunAction.COPY_SPEC)
    assert from_toml(RunSpec, QGuiApplication.clipboard().text()) == services.store.get(stored["ResNet-20"]).spec
    page.table.selectAll()
    assert "Choose one run" in page.details.text
    press(page, RunAction.DETAILS)
    assert not page.details.isVisible()


def test_columns_are_remembered(qtbot, page, services):
    menu = page.table.columns_menu()
    hidden = next(action for action in menu.actions() if action.text() == "Block")
    hidden.setChecked(False)
    page.table.setColumnWidth(INDEX[Column.NAME], 321)
    page.table.sortByColumn(INDEX[Column.DEPTH], Qt.SortOrder.AscendingOrder)
    page.table.save_layout()
    again = RunsPage(services, page_row("runs"))
    qtbot.addWidget(again)
    assert again.table.isColumnHidden(INDEX[Column.BLOCK])
    assert again.table.columnWidth(INDEX[Column.NAME]) == 321
    again.reload()
    assert names(again)[:2] == ["plain-8", "ResNet-8"]
    again.table.reset_layout()
    assert not again.table.isColumnHidden(INDEX[Column.BLOCK])
    assert again.table.columnWidth(INDEX[Column.NAME]) == COLUMNS[Column.NAME].width


def test_a_column_chosen_while_there_is_little_room_drives_no_other_away(qtbot, page, services):
    def toggle(title: str, shown: bool) -> None:
        next(each for each in page.table.columns_menu().actions() if each.text() == title).setChecked(shown)

    def hidden(page, column: Column) -> bool:
        return page.table.isColumnHidden(INDEX[column])

    page.resize(760, 700)
    qtbot.waitUntil(lambda: hidden(page, Column.DATA))
    toggle("Note", True)
    assert not hidden(page, Column.NOTE)
    assert hidden(page, Column.DATA)
    page.resize(2400, 700)
    qtbot.waitUntil(lambda: not hidden(page, Column.DATA))  # it comes back with the room
    toggle("Duration", False)
    page.resize(760, 700)
    qtbot.waitUntil(lambda: hidden(page, Column.DATA))
    assert not hidden(page, Column.NOTE)
    page.table.save_layout()
    again = RunsPage(services, page_row("runs"))
    qtbot.addWidget(again)
    again.resize(2400, 700)
    again.show()
    again.reload()
    qtbot.waitUntil(lambda: not hidden(again, Column.DATA))
    assert hidden(again, Column.DURATION)
    again.table.reset_layout()
    qtbot.waitUntil(lambda: not hidden(again, Column.DURATION))


def test_a_damaged_layout_is_no_obstacle(qtbot, services, stored):
    services.preferences.set_value("runs/columns-17", "rubbish")
    page = RunsPage(services, page_row("runs"))
    qtbot.addWidget(page)
    page.reload()
    assert len(names(page)) == 4


def test_an_empty_history_points_to_design(qtbot, services):
    page = RunsPage(services, page_row("runs"))
    qtbot.addWidget(page)
    page.show()
    page.activate()
    assert page._empty.isVisible()
    qtbot.mouseClick(page._empty.button, Qt.MouseButton.LeftButton)
    assert page.services.navigator.asked["design"]


def test_a_read_only_history_says_why_nothing_can_be_changed(qtbot, services, stored, home):
    """A second window on the same home."""
    from dataclasses import replace as with_changes

    from resnet_studio.ui.controller import RunController

    with RunStore.open(home) as second:
        assert not second.writable
        controller = RunController(second)
        page = RunsPage(with_changes(services, store=second, controller=controller), page_row("runs"))
        qtbot.addWidget(page)
        page.show()
        page.activate()
        page.table.selectRow(0)
        said = [label for label in page.findChildren(QLabel) if "in use by another" in label.text()]
        assert not said  # the window's banner says it, once
        for kind in (RunAction.DELETE, RunAction.RENAME, RunAction.TAGS, RunAction.NOTE, RunAction.RESUME):
            action = page.toolbox.actions[kind]
            assert not action.isEnabled()
            assert "in use by another" in action.toolTip()
        assert page.toolbox.actions[RunAction.COMPARE].isEnabled()
        assert not page.model.flags(page.model.index(0, INDEX[Column.NAME])) & Qt.ItemFlag.ItemIsEditable
        page.hide()


def test_what_the_store_refuses_is_told(qtbot, page, stored, services):
    services.store.set_status(stored["plain-8"], RunStatus.RUNNING)  # meanwhile, unseen
    choose(page, stored, "plain-8")
    with qtbot.waitSignal(page.message) as told:
        press(page, RunAction.DELETE)
    assert "stop it first" in told.args[0]
    assert "plain-8" in names(page)
    services.store.set_status(stored["plain-8"], RunStatus.STOPPED)


def test_every_action_is_in_the_menu_and_has_a_rule():
    assert set(MENU) - {None} == set(RunAction) == set(ENTRIES)
    for entry in ENTRIES.values():
        assert entry.tip
        assert isinstance(entry.rule(Situation()), str)
    keys = [entry.shortcut for entry in ENTRIES.values() if entry.shortcut]
    assert len(keys) == len(set(keys))


def test_keys_do_not_quarrel_with_the_windows(services):
    from resnet_studio.ui.actions import Action

    windows = {action.row.shortcut for action in Action}
    assert not windows & {entry.shortcut for entry in ENTRIES.values() if entry.shortcut}


def test_the_page_needs_no_torch():
    code = (
        "import os; os.environ['QT_QPA_PLATFORM'] = 'offscreen'\n"
        "import sys, resnet_studio.ui.pages.runs.page, resnet_studio.ui.pages.classify.page\n"
        "assert not {'torch', 'pyqtgraph'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_choosing_a_run_that_the_filter_hides_empties_the_filter(page, stored):
    page.filter_field.setText("plain")
    page.choose_runs([stored["ResNet-8"]])
    assert page.filter_field.text() == ""
    assert [run.name for run in page.chosen] == ["ResNet-8"]
    page.table.selectionModel().select(page.proxy.index(0, 0), QItemSelectionModel.SelectionFlag.Clear)


def test_names_are_shown_as_they_are_and_a_click_never_edits(services, tiny_twin, qtbot):
    from PySide6.QtCore import Qt
    from PySide6.QtWidgets import QAbstractItemView, QLabel

    from resnet_studio.ui.pages.runs.dialogs import NoteDialog, TagsDialog

    run = services.store.create_cohort(tiny_twin)[0]
    services.store.rename(run.id, "<b>bold</b>")
    run = services.store.get(run.id)
    for dialog in (NoteDialog(run), TagsDialog([run])):
        qtbot.addWidget(dialog)
        named = [label for label in dialog.findChildren(QLabel) if "<b>bold</b>" in label.text()]
        assert named
        assert all(label.textFormat() is Qt.TextFormat.PlainText for label in named)
    page = RunsPage(services, page_row("runs"))
    qtbot.addWidget(page)
    table = page.findChild(QAbstractItemView, "runs_table")
    assert table.editTriggers() == QAbstractItemView.EditTrigger.NoEditTriggers


def test_renaming_twice_keeps_the_one_editor_and_warns_of_nothing(page, stored, qtbot, caplog):
    page.table.setFocus()
    for _ in range(2):
        page.table.edit_name(stored["ResNet-20"])
        assert page.table.state() == page.table.State.EditingState
    assert len(page.table.viewport().findChildren(QLineEdit)) == 1
    page.table.edit_name(stored["ResNet-8"])
    assert page.table.currentIndex() == page.proxy.index_of(stored["ResNet-8"])
    assert "editing failed" not in caplog.text


def test_a_changed_note_is_not_dropped_unasked_and_ctrl_return_saves(services, stored, qtbot, monkeypatch):
    from PySide6.QtWidgets import QMessageBox, QPlainTextEdit

    asked = []
    answers = [QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Discard, QMessageBox.StandardButton.Save]
    monkeypatch.setattr(QMessageBox, "question", lambda *a, **k: asked.append(a) or answers.pop(0))

    def opened(text=None):
        dialog = NoteDialog(services.store.get(stored["ResNet-8"]))
        qtbot.addWidget(dialog)
        dialog.show()
        dialog.activateWindow()
        qtbot.waitExposed(dialog)
        QApplication.processEvents()
        if text:
            dialog.findChild(QPlainTextEdit).setPlainText(text)
        return dialog

    dialog = opened()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    assert not asked
    dialog = opened("much thought")
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert dialog.isVisible()
    assert dialog.note == "much thought"
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    assert dialog.result() == QDialog.DialogCode.Rejected
    dialog = opened("much thought")
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert dialog.result() == QDialog.DialogCode.Accepted
    dialog = opened("much thought")
    qtbot.keyClick(dialog.findChild(QPlainTextEdit), Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert dialog.result() == QDialog.DialogCode.Accepted
    assert len(asked) == 3


def test_a_narrow_page_shows_icons_and_cuts_no_words(page):
    assert not page.tools.compact
    page.resize(640, 500)
    QApplication.processEvents()
    assert page.tools.compact
    assert page.filter_field.width() >= 200
    page.resize(1200, 700)
    QApplication.processEvents()
    assert not page.tools.compact


def test_the_empty_page_says_that_runs_were_deleted_and_cuts_no_line(page, stored, qtbot):
    page._show_details(True)
    page.table.selectAll()
    page.toolbox.actions[RunAction.DELETE].trigger()
    labels = page._empty.findChildren(QLabel)
    assert "deleted" in labels[0].text()
    assert "Undo" in labels[1].text()
    for width in (640, 1200):
        page.resize(width, 500)
        QApplication.processEvents()
        for label in labels:
            assert label.height() >= label.heightForWidth(label.width())
            assert page._empty.rect().contains(label.geometry())
    page._on_undo()
    assert page._stack.currentWidget() is page.table


def test_all_but_the_seed_makes_groups_with_one_click_and_a_group_is_its_runs(qtbot, services):
    from resnet_studio.domain.grouping import ALL_BUT_SEEDS, NO_GROUPS

    store = services.store
    for seed in range(3):
        for run in store.create_cohort(twin(spec(8, iterations=100, init_seed=seed, data_seed=seed))):
            store.append_chunks([CurveChunk(run.id, Series.TEST_ERROR, 100, np.array([30.0 + seed], np.float32))])
            store.set_status(run.id, RunStatus.FINISHED, "", 100)
    page = RunsPage(services, page_row("runs"))
    qtbot.addWidget(page)
    page.resize(1200, 700)
    page.show()
    page.activate()
    page.group_choice._seeds.trigger()  # the one click
    model = page.groups.groups
    assert page._stack.currentWidget() is page.groups
    assert [group.name for group in model.records] == ["plain-8", "ResNet-8"]
    titles = [column.title for column in model.columns]
    cells = {title: model.index(0, place).data() for place, title in enumerate(titles)}
    assert cells["Runs"] == "3"
    assert cells["Test error"] == "31.00 ± 1.00 % (n 3)"
    assert model.index(0, titles.index("Test error") + 1).data() == "28.52 to 33.48"
    page.groups.selectRow(0)
    assert {run.spec.recipe.init_seed for run in page.chosen} == {0, 1, 2}
    page._on_action(RunAction.COMPARE)
    assert set(services.navigator.asked["compare"][-1]) == {run.id for run in model.record_at(0).runs}
    assert page._more_seeds.isVisible()
    page._more_seeds.click()
    asked = services.navigator.asked["train"]
    assert [[run.recipe.seeds for run in cohort.runs] for cohort in asked] == [[(3, 3)], [(4, 4)]]
    page.filter_field.setText("seed>0")
    assert [len(group.runs) for group in model.records] == [2, 2]
    again = RunsPage(services, page_row("runs"))
    qtbot.addWidget(again)
    assert again.group_choice.grouping == ALL_BUT_SEEDS  # remembered
    page.choose_runs([page.model.records[0].id])
    assert page.group_choice.grouping == NO_GROUPS  # a run is shown where it can be seen
    assert page._stack.currentWidget() is page.table


def test_archive_trash_and_undo(page, services, stored, qtbot, monkeypatch):
    from PySide6.QtWidgets import QMessageBox

    from resnet_studio.ui.pages.runs.actions import Shelf

    qtbot.waitUntil(lambda: page.model.total_bytes is not None)
    folder = services.home.run(stored["ResNet-8"]).path
    folder.mkdir(parents=True)
    (folder / "weights").write_bytes(b"x" * 3 * 2**20)
    page.model._sizes.clear()  # the folder grew without its run
    page.table.choose([stored["plain-8"]])
    page._on_action(RunAction.ARCHIVE)
    assert "plain-8" not in names(page)
    assert page.undo_bar.text == "“plain-8” was archived."
    page.shelf_choice.setCurrentIndex(1)
    assert names(page) == ["plain-8"]
    page.table.choose([stored["plain-8"]])
    assert "Only for Runs" in page.toolbox.actions[RunAction.ARCHIVE].toolTip()
    page._on_action(RunAction.UNARCHIVE)
    assert names(page) == []
    assert page._empty.isVisibleTo(page)
    qtbot.mouseClick(page._empty.button, Qt.MouseButton.LeftButton)  # back to the runs
    assert page.shelf is Shelf.RUNS
    assert "plain-8" in names(page)
    page._on_undo()  # back into the archive, and shown among the runs as ever
    page.shelf_choice.setCurrentIndex(1)
    page._on_action(RunAction.UNDO)
    page.shelf_choice.setCurrentIndex(0)
    assert "plain-8" in names(page)
    page.table.choose([stored["ResNet-8"]])
    page._on_action(RunAction.DELETE)
    page.shelf_choice.setCurrentIndex(2)
    assert page.shelf is Shelf.TRASH
    assert names(page) == ["ResNet-8"]
    qtbot.waitUntil(lambda: "3.0 MiB on disk" in page._count.text() or "3.0 MB on disk" in page._count.text())
    assert page.model.total_bytes == 3 * 2**20
    page.table.choose([stored["ResNet-8"]])
    assert "restore them first" in page.toolbox.actions[RunAction.COMPARE].toolTip()
    asked = []
    monkeypatch.setattr(QMessageBox, "question", lambda *args: asked.append(args[2]) or QMessageBox.StandardButton.No)
    page._on_action(RunAction.EMPTY)
    assert "Remove 1 deleted run and its files (3.0 M" in asked[0]
    assert services.store.list_runs(deleted=True)
    monkeypatch.setattr(QMessageBox, "question", lambda *args: QMessageBox.StandardButton.Yes)
    page._on_action(RunAction.EMPTY)
    assert services.store.list_runs(deleted=True) == []
    assert not folder.exists()
    assert not page.editor.can_undo  # nothing can bring it back


def test_a_run_is_opened_in_design_also_an_imported_one(page, services, stored):
    page.table.choose([stored["ResNet-20"]])
    page._on_action(RunAction.DESIGN)
    copied = services.navigator.asked["design"][-1]
    own = services.store.get(stored["ResNet-20"]).spec
    assert (copied.network, copied.recipe, copied.data, copied.name) == (own.network, own.recipe, own.data, "")
    network = replace(RunSpec().network, depth=56, classes=100)
    foreign = RunSpec(name="theirs", network=network, data=DataSpec(source="none"))
    run = services.store.add_imported(foreign, [], {}, lambda run_id: (f"{run_id}/checkpoints/iteration-0", "ab" * 32))
    page.reload()
    page.table.choose([run.id])
    page._on_action(RunAction.DESIGN)
    copied = services.navigator.asked["design"][-1]
    assert copied.network == network
    assert copied.data == RunSpec().data  # where theirs came from nobody knows


@pytest.mark.parametrize(("width", "shown"), [(1180, Column.DATA), (1340, Column.SHORTCUT), (2400, Column.SIZE)])
def test_as_many_columns_show_as_fit(page, qtbot, width, shown):
    page.resize(width, 700)
    qtbot.waitUntil(lambda: page.table.viewport().width() > width - 100)
    assert not page.table.isColumnHidden(INDEX[shown])
    assert page.table.horizontalScrollBar().maximum() == 0
    page.resize(760, 700)
    qtbot.waitUntil(lambda: page.table.isColumnHidden(INDEX[Column.TAGS]))
    assert not page.table.isColumnHidden(INDEX[Column.TEST_ERROR])


def test_any_field_of_the_recipe_can_be_a_column(page, services, stored, qtbot):
    page.table.sortByColumn(INDEX[Column.DEPTH], Qt.SortOrder.AscendingOrder)
    page.table.choose([stored["plain-20"]])
    order = names(page)
    recipe = next(a.menu() for a in page.table.columns_menu().actions() if a.menu() and a.menu().title() == "Recipe")
    next(action for action in recipe.actions() if action.text() == "Weight decay").trigger()
    assert page.model.fields == ("weight_decay",)
    assert names(page) == order
    last = page.proxy.columnCount() - 1
    assert page.proxy.headerData(last, Qt.Orientation.Horizontal) == "Weight decay"
    assert page.proxy.index(0, last).data() == "0.0001"
    assert not page.table.isColumnHidden(last)
    page.table.sortByColumn(last, Qt.SortOrder.DescendingOrder)
    again = RunsPage(services, page_row("runs"))
    qtbot.addWidget(again)
    assert again.model.fields == ("weight_decay",)  # remembered
    page.table.reset_layout()
    assert page.model.fields == ()
    assert page.proxy.columnCount() == len(COLUMNS)


def test_a_run_that_cannot_be_read_is_deleted_in_the_window(qtbot, services, stored, home, monkeypatch):
    from PySide6.QtWidgets import QMessageBox

    odd = stored["plain-8"]
    with contextlib.closing(sqlite3.connect(database_of(home))) as connection:
        connection.execute("UPDATE runs SET status = 'hibernating', name = '<b>odd</b>' WHERE id = ?", [odd])
        connection.commit()
    page = RunsPage(services, page_row("runs"))
    qtbot.addWidget(page)
    page.show()
    page.activate()
    action = page.toolbox.actions[RunAction.UNREADABLE]
    assert names(page) == ["plain-20", "ResNet-20", "ResNet-8"]
    assert action.isEnabled()
    asked: list[str] = []

    def answer(box):
        assert box.textFormat() is Qt.TextFormat.PlainText
        asked.append(box.informativeText())
        return QMessageBox.StandardButton.No if len(asked) == 1 else QMessageBox.StandardButton.Yes

    monkeypatch.setattr(QMessageBox, "exec", answer)
    action.trigger()
    assert list(services.store.unreadable) == [odd]
    action.trigger()
    assert "<b>odd</b>" in asked[1]
    assert "hibernating" in asked[1]
    page.reload()
    page._update()
    assert services.store.unreadable == {}
    assert list(services.store.unreadable_deleted) == [odd]
    assert not action.isEnabled()
    press(page, RunAction.UNDO)
    page.reload()
    assert list(services.store.unreadable) == [odd]
    action.trigger()
    page.reload()
    page._update()
    monkeypatch.setattr(QMessageBox, "question", lambda *args: QMessageBox.StandardButton.Yes)
    press(page, RunAction.EMPTY)
    services.store.list_runs(deleted=True)
    assert services.store.unreadable_deleted == {}
