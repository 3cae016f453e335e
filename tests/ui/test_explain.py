"""Explanations where one looks: the drawing, the window of a block, the help, the form."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QLabel, QLineEdit
from pytestqt.qtbot import QtBot

from resnet_studio.domain.blueprint import BlockPlan
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import Shortcut
from resnet_studio.domain.glossary import FIELD_TERMS, TERMS, find_term
from resnet_studio.domain.specs import NetworkSpec, RunSpec, replace
from resnet_studio.ui.diagram.rows import COLUMN, RowKind
from resnet_studio.ui.dialogs import HelpDialog, term_of
from resnet_studio.ui.explain.formula import field_tip, formula_html
from resnet_studio.ui.explain.window import ExplainWindow
from resnet_studio.ui.explain.words import _FIGURES
from resnet_studio.ui.pages.design.page import DesignPage
from resnet_studio.ui.pages.rows import PAGES, page_row
from resnet_studio.ui.services import Services

pytestmark = pytest.mark.qt_log_ignore(
    "propagateSizeHints", r"does not support raise\(\)"
)  # the offscreen platform says so of any window


@pytest.fixture
def page(qtbot: QtBot, services: Services) -> DesignPage:
    made = DesignPage(services, page_row("design"))
    qtbot.addWidget(made)
    made.resize(1180, 900)
    made.show()
    qtbot.waitUntil(lambda: made.form.data.facts is not None, timeout=10_000)
    made.show_spec(replace(RunSpec(), network=NetworkSpec(depth=20)))
    return made


@pytest.fixture
def window(qtbot: QtBot, services: Services) -> ExplainWindow:
    made = ExplainWindow(services.theme)
    qtbot.addWidget(made)
    return made


def place_of(page: DesignPage, block: str, column: int) -> QPoint:
    """The middle of a block's row in a column, brought into sight."""
    view = page.view
    assert view.rows is not None
    for index, row in enumerate(view.rows.all):
        what = view.subject_of(row, column)
        if row.kind is RowKind.GROUP and isinstance(what, BlockPlan) and what.name == block:
            view.show_span(row.top, row.bottom)
            return view.position_of(index) + QPoint(round(column * COLUMN * view.zoom), 0)
    raise AssertionError(f"{block} is not drawn")


def press(qtbot: QtBot, page: DesignPage, block: str, column: int) -> ExplainWindow:
    qtbot.mouseClick(page.view.viewport(), Qt.MouseButton.LeftButton, pos=place_of(page, block, column))
    assert page.explanation is not None
    return page.explanation


def test_a_press_on_a_block_explains_it_and_the_window_stays_for_the_next(qtbot: QtBot, page: DesignPage) -> None:
    window = press(qtbot, page, "stage1.block2", 1)
    assert window.isVisible()
    assert window.kind.text() == "Basic block, option A"
    assert window.which.text() == "stage1.block2 of ResNet-20"
    assert "<i>a</i><sup>[5]</sup>" in window.formulas.text()
    assert "4\u202f672" in window.prices.text()
    assert window.figure.isVisible()
    assert press(qtbot, page, "stage2.block1", 0) is window
    assert window.kind.text() == "Layers of a plain net"
    assert "With other options" not in window.prices.text()
    assert page.view.is_open(1), "a press on a block folds nothing"
    qtbot.mouseClick(page.view.viewport(), Qt.MouseButton.LeftButton, pos=page.view.position_of(1))
    assert window.which.text() == "stem.conv of plain-20"
    assert not window.figure.isVisible()
    window.close()


def test_its_words_lead_to_the_help(qtbot: QtBot, page: DesignPage) -> None:
    window = press(qtbot, page, "stage2.block1", 1)
    links = [key for term in TERMS if f'href="{(key := term.key)}"' in window.terms.text()]
    assert {"residual-block", "main-path", "shortcut", "option-a", "batch-norm"} <= set(links)
    window.terms.linkActivated.emit("shortcut")
    assert page.services.navigator.asked["explain"] == ["shortcut"]  # type: ignore[attr-defined]
    window.close()


def test_keys_explain_the_marked_block_and_the_question_mark_a_block_at_least(qtbot: QtBot, page: DesignPage) -> None:
    question = page.findChild(object, "explain_button")
    question.click()  # type: ignore[attr-defined]
    window = page.explanation
    assert window is not None
    assert window.which.text() == "stage2.block1 of ResNet-20"
    page.view.setFocus()
    page.view.move_mark(1)
    for _step in range(3):
        qtbot.keyClick(page.view, Qt.Key.Key_Down)
    qtbot.keyClick(page.view, Qt.Key.Key_F1)
    assert window.which.text() == "stage1.block1 of ResNet-20"
    qtbot.keyClick(page.view, Qt.Key.Key_Left)
    qtbot.keyClick(page.view, Qt.Key.Key_Question)
    assert window.which.text() == "stage1.block1 of plain-20"
    window.close()


def test_the_tip_of_a_block_has_its_formulas(page: DesignPage) -> None:
    tip = page.view.tip_at(place_of(page, "stage2.block1", 1).toPointF())
    assert tip.splitlines()[-3:] == [
        "H(x) = F(x) + pad(x)", "a[9] = g(z[9] + pad(a[7]))", "Press it for figure, formulas and prices.",
    ]  # fmt: skip


@pytest.mark.parametrize("shortcut", [Shortcut.A, Shortcut.B, Shortcut.C])
@pytest.mark.parametrize(
    "values", [{"depth": 20}, {"family": "imagenet", "depth": 50}, {"depth": 20, "activation": "pre"}]
)
def test_every_block_is_painted_within_its_figure(
    window: ExplainWindow, shortcut: Shortcut, values: dict[str, object]
) -> None:
    plan = blueprint(NetworkSpec.model_validate({**values, "shortcut": shortcut}))
    for stage in plan.stages:
        window.explain(plan, stage.blocks[0])
        picture = window.figure.grab().toImage()
        assert (picture.width(), picture.height()) == (window.figure.width(), window.figure.height())
        corner = picture.pixelColor(0, 0)
        edges = [picture.pixelColor(x, y) for x in range(picture.width()) for y in (0, picture.height() - 1)]
        assert all(colour == corner for colour in edges), "something is cut off"
        inside = {picture.pixelColor(round(x), picture.height() // 2).name() for x in range(60, 300)}
        assert len(inside) > 2


def test_help_shows_words_or_keys_and_follows_a_link(qtbot: QtBot, services: Services) -> None:
    dialog = HelpDialog(PAGES, services.theme)
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.show_term("")
    assert dialog.tabs.tabText(dialog.tabs.currentIndex()) == "Keys"
    dialog.show_term("bottleneck")
    assert dialog.tabs.tabText(dialog.tabs.currentIndex()) == "Words"
    words = dialog.words
    assert words.name.text() == "Bottleneck"
    assert words.figure.isVisible()
    words.see.linkActivated.emit("option-b")
    assert words.name.text() == "Option B"
    words.search.setText("skip")
    assert (words.list.count(), words.name.text()) == (1, "Shortcut")
    words.search.setText("no such word")
    assert (words.list.count(), words.term, words.see.text()) == (0, None, "")
    words.show_term("degradation")
    assert words.sentences.text() == find_term("degradation").text
    assert not words.figure.isVisible()


def test_every_words_figure_is_of_a_block_that_there_is(qtbot: QtBot, services: Services) -> None:
    dialog = HelpDialog(PAGES, services.theme)
    qtbot.addWidget(dialog)
    for key in _FIGURES:
        dialog.show_term(key)
        assert dialog.words.name.text() == find_term(key).name
        assert not dialog.words.figure.grab().isNull()


def test_fields_know_their_words_and_their_tips_have_them(page: DesignPage) -> None:
    for path, keys in FIELD_TERMS.items():
        row = page.form.rows[path]
        editor = row.findChild(object, f"field_{path}")
        assert term_of(editor) == keys[0]  # type: ignore[arg-type]
        assert f"<b>{find_term(keys[0]).name}</b>" in editor.toolTip() or not editor.isEnabled()  # type: ignore[attr-defined]
    assert term_of(page.form.rows["network.family"]) == ""
    assert term_of(None) == ""


def test_tips_escape_what_they_are_given() -> None:
    assert field_tip("recipe.momentum", "a < b", "c & d").startswith("<p>a &lt; b</p><p><b>Momentum</b>: ")
    assert field_tip("recipe.momentum", "a", "c & d").endswith("<p>c &amp; d</p>")
    assert field_tip("name", "alone") == "<p>alone</p>"
    assert formula_html("H(x) = pad(x_{i})") == "<i>H</i>(<i>x</i>)&nbsp;=&nbsp;pad(<i>x</i><sub><i>i</i></sub>)"


def test_facts_say_what_to_expect(page: DesignPage) -> None:
    label = page.findChild(QLabel, "expectation_label")
    assert label is not None
    assert "ResNet-20 ends with a test error of 8.75\u00a0% on CIFAR-10" in label.text()
    assert "14 to 17 times in plain-20" in label.text()
    page.show_spec(replace(RunSpec(), network=NetworkSpec(depth=26)))
    assert "<b>Not known.</b>" in label.text()
    line = page.findChild(QLineEdit, "field_recipe.learning_rate")
    assert line is not None
    assert "<b>Learning rate</b>" in line.toolTip()
