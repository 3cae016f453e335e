"""How the studio shows where a run stands to the paper: on the Design page, in a window, in a run's details."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, DataSpec, NetworkSpec, RecipeSpec, RunSpec, replace
from resnet_studio.studies.conformity import State, of_spec
from resnet_studio.ui.conformity.line import ConformityLine
from resnet_studio.ui.conformity.panel import WIDE, ConformityPanel
from resnet_studio.ui.pages.compare.tables import ResultsModel
from resnet_studio.ui.pages.design.page import DesignPage
from resnet_studio.ui.pages.rows import page_row
from resnet_studio.ui.pages.runs.actions import RunAction
from resnet_studio.ui.pages.runs.page import RunsPage

SPEC = RunSpec(data=DataSpec(source="cifar10"), recipe=RecipeSpec(batch_size=64))


@pytest.fixture
def panel(qtbot, services):
    panel = ConformityPanel(services.theme)
    qtbot.addWidget(panel)
    panel.resize(900, 500)
    panel.show()
    qtbot.waitExposed(panel)
    panel.show_conformity(of_spec(SPEC))
    return panel


def test_the_list_has_every_point_with_sign_and_word(panel):
    for check in of_spec(SPEC).checks:
        assert check.topic in panel.text
        assert check.run in panel.text
    for state in (State.CONFORMS, State.DIFFERS, State.OPEN):
        assert f"{state.sign}\N{NO-BREAK SPACE}{state}".replace("\N{NO-BREAK SPACE}", " ") in panel.text.replace(
            "\N{NO-BREAK SPACE}", " "
        )
    assert "differs in 3: batch" in panel.summary.text()
    assert "8.75 %" in panel.summary.text()


def test_only_what_differs_is_left_by_keyboard_alone(qtbot, panel):
    panel.only_differences.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(panel.only_differences, Qt.Key.Key_Space)
    assert "64 images" in panel.text
    assert "conforms" not in panel.text
    qtbot.keyClick(panel.copy_button, Qt.Key.Key_Space)
    copied = QGuiApplication.clipboard().text()
    assert "≠ Batch (differs): 64 images" in copied
    assert "conforms)" not in copied
    assert panel.list.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_nothing_differs_is_said(panel):
    conforming = replace(SPEC.recipe, batch_size=128, momentum_form="authors", bn_statistics="recomputed")
    panel.show_conformity(of_spec(replace(SPEC, recipe=conforming)))
    panel.only_differences.setChecked(True)
    assert panel.text.strip() == "Nothing differs."
    panel.show_conformity(None)
    assert "Choose one run" in panel.summary.text()
    assert not panel.copy_button.isEnabled()


def test_a_narrow_list_is_read_from_top_to_bottom_and_themes_redraw_it(panel, services):
    wide = panel.list.toHtml()
    assert "<table" in wide
    panel.resize(WIDE - 200, 500)
    narrow = panel.list.toHtml()
    assert "<table" not in narrow
    assert "64 images" in panel.text
    services.theme.set_mode("dark")
    assert panel.list.toHtml() != narrow
    services.theme.set_mode("light")
    assert panel.list.toHtml() == narrow


def test_names_are_never_read_as_html(panel):
    panel.show_conformity(of_spec(replace(SPEC, start_from="<b>x</b>")))
    assert "<b>x</b>" in panel.text


def test_the_line_follows_and_its_window_too(qtbot, services):
    line = ConformityLine(services.theme)
    qtbot.addWidget(line)
    assert not line.button.isEnabled()
    line.show_spec(SPEC)
    assert "batch" in line.differs.text()
    line.show()
    qtbot.keyClick(line.button, Qt.Key.Key_Space)
    shown = line.window_of_list
    assert shown is not None
    assert shown.isVisible()
    assert "64 images" in shown.panel.text
    line.show_spec(replace(SPEC, recipe=replace(SPEC.recipe, batch_size=32)))
    assert "32 images" in shown.panel.text
    assert not shown.isModal()
    shown.close()


def test_the_design_page_judges_at_each_keystroke(qtbot, services):
    page = DesignPage(services, page_row("design"))
    qtbot.addWidget(page)
    page.resize(1280, 720)
    page.show()
    qtbot.waitExposed(page)
    page.show_spec(RunSpec())
    before = page.conformity.counts.text()
    page.show_spec(RunSpec(network=NetworkSpec(depth=20, shortcut="B"), recipe=RecipeSpec(batch_size=32)))
    assert page.conformity.counts.text() != before
    assert "shortcuts" in page.conformity.differs.text()
    assert page.conformity.found.check("batch_size").run == "32 images"


@pytest.fixture
def seeded(services) -> list[str]:
    """Ids of three finished runs that differ in seeds: last errors 9.0, 9.4 and 9.2 %, each 0.5 above its best."""
    ids = []
    for seed, error in enumerate((9.0, 9.4, 9.2)):
        spec = replace(SPEC, recipe=replace(SPEC.recipe, init_seed=seed, data_seed=seed))
        (run,) = services.store.create_cohort(CohortSpec(runs=(spec,)))
        errors = np.array([error - 0.5, error], np.float32)
        services.store.append_chunks([CurveChunk(run.id, Series.TEST_ERROR, 1, errors)])
        services.store.set_status(run.id, RunStatus.FINISHED, "", spec.recipe.iterations)
        ids.append(run.id)
    return ids


def test_a_comparison_gives_mean_and_deviation_before_the_best(services, seeded):
    model = ResultsModel(services.theme)
    model.set_runs([services.store.get(run_id) for run_id in seeded], seeded[0])
    titles = [model.headerData(section, Qt.Orientation.Horizontal) for section in range(model.columnCount())]
    place = titles.index("Over seeds")
    assert titles.index("Test error") < place < titles.index("Best test error *")
    assert [model.index(row, place).data() for row in range(3)] == ["9.20 ± 0.20 (3)"] * 3
    model.set_runs([services.store.get(seeded[0])], seeded[0])
    assert model.index(0, place).data() == "–"


def test_a_run_tells_its_mean_over_seeds_and_its_points(qtbot, services, seeded):
    page = RunsPage(services, page_row("runs"))
    qtbot.addWidget(page)
    page.resize(1200, 700)
    page.show()
    qtbot.waitExposed(page)
    page.activate()
    page.choose_runs([seeded[1]])
    page.toolbox.actions[RunAction.DETAILS].trigger()
    text = page.details.text
    assert "last 9.20 ± 0.20 % over 3 seeds (best 8.50 %)" in text
    assert text.index("Test error") < text.index("Over seeds") < text.index("(Best test error)")
    assert page.details.tabs.tabText(1) == "The paper (≠ 3)"
    page.details.tabs.setCurrentIndex(1)
    assert "over 3 seeds" in page.details.conformity.summary.text()
    assert "64 images" in page.details.conformity.text
    page.table.selectAll()
    assert page.details.tabs.tabText(1) == "The paper"
    assert not page.details.conformity.copy_button.isEnabled()
