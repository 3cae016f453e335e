"""The filter field proposes as one types, and the keyboard takes what it proposes."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from resnet_studio.domain.specs import RunSpec, replace, twin
from resnet_studio.history.store import RunStore
from resnet_studio.ui.widgets.filter_field import FilterField


@pytest.fixture
def field(qtbot, home):
    with RunStore.open(home) as store:
        for depth in (8, 20):
            run = RunSpec()
            store.create_cohort(twin(replace(run, network=replace(run.network, depth=depth))))
        runs = store.list_runs()
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(600, 400)
    layout = QVBoxLayout(window)
    field = FilterField(lambda: runs)
    layout.addWidget(field)
    layout.addStretch(1)
    window.show()
    qtbot.waitExposed(window)
    field.setFocus()
    yield field
    del window


def test_tab_takes_a_field_and_then_a_value(field, qtbot):
    qtbot.keyClicks(field, "plain blo")
    assert field.options == ["block:"]
    qtbot.keyClick(field, Qt.Key.Key_Tab)
    assert field.text() == "plain block:"
    assert field.options == ["block:plain", "block:basic"]
    qtbot.keyClick(field, Qt.Key.Key_Down)
    qtbot.keyClick(field, Qt.Key.Key_Down)
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert field.text() == "plain block:basic "
    assert field.options == []


def test_a_term_in_the_middle_is_completed_where_it_stands(field, qtbot):
    field.setText("plain  tag:x")
    field.setCursorPosition(6)
    qtbot.keyClicks(field, "-blo")
    qtbot.keyClick(field, Qt.Key.Key_Tab)
    assert field.text() == "plain -block: tag:x"


def test_escape_closes_the_list_and_return_goes_on(field, qtbot):
    qtbot.keyClicks(field, "dep")
    assert field.options
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert field.options == []
    assert field.text() == "dep"
    qtbot.keyClicks(field, "t")
    with qtbot.waitSignal(field.returnPressed, timeout=1000):  # nothing is chosen in the list
        qtbot.keyClick(field, Qt.Key.Key_Return)
    assert field.text() == "dept"
