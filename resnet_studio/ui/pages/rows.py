"""The pages, in the order of the rail."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QWidget

from resnet_studio.text import _
from resnet_studio.ui.pages.base import Page, PageRow
from resnet_studio.ui.services import Services


def _design(services: Services, row: PageRow, parent: QWidget | None = None) -> Page:
    from resnet_studio.ui.pages.design.page import DesignPage

    return DesignPage(services, row, parent)


def _train(services: Services, row: PageRow, parent: QWidget | None = None) -> Page:
    from resnet_studio.ui.pages.train.page import TrainPage

    return TrainPage(services, row, parent)


def _runs(services: Services, row: PageRow, parent: QWidget | None = None) -> Page:
    from resnet_studio.ui.pages.runs.page import RunsPage

    return RunsPage(services, row, parent)


def _compare(services: Services, row: PageRow, parent: QWidget | None = None) -> Page:
    from resnet_studio.ui.pages.compare.page import ComparePage

    return ComparePage(services, row, parent)


def _classify(services: Services, row: PageRow, parent: QWidget | None = None) -> Page:
    from resnet_studio.ui.pages.classify.page import ClassifyPage

    return ClassifyPage(services, row, parent)


def _inside(services: Services, row: PageRow, parent: QWidget | None = None) -> Page:
    from resnet_studio.ui.pages.inside.page import InsidePage

    return InsidePage(services, row, parent)


def _studies(services: Services, row: PageRow, parent: QWidget | None = None) -> Page:
    from resnet_studio.ui.pages.studies.page import StudiesPage

    return StudiesPage(services, row, parent)


def _lessons(services: Services, row: PageRow, parent: QWidget | None = None) -> Page:
    from resnet_studio.ui.pages.lessons.page import LessonsPage

    return LessonsPage(services, row, parent)


PAGES: tuple[PageRow, ...] = (
    PageRow("design", _("&Design"), "ph.tree-structure", "Ctrl+1", _("Draw networks and start training"), _design),
    PageRow("train", _("&Train"), "ph.chart-line", "Ctrl+2", _("Watch the training"), _train),
    PageRow("runs", _("&Runs"), "ph.table", "Ctrl+3", _("Everything that was ever trained"), _runs),
    PageRow("compare", _("&Compare"), "ph.scales", "Ctrl+4", _("Stored runs side by side"), _compare),
    PageRow("classify", _("C&lassify"), "ph.image", "Ctrl+5", _("Show images to trained networks"), _classify),
    PageRow("inside", _("Insid&e"), "ph.magnifying-glass", "Ctrl+6", _("Look into networks, side by side"), _inside),
    PageRow("studies", _("St&udies"), "ph.flask", "Ctrl+7", _("Questions, and what the runs answer"), _studies),
    PageRow("lessons", _("Less&ons"), "ph.graduation-cap", "Ctrl+8", _("Why depth hurts, in five lessons"), _lessons),
)


def page_row(key: str, rows: Sequence[PageRow] = PAGES) -> PageRow:
    """Raises KeyError if there is none."""
    found = {row.key: row for row in rows}
    return found[key]
