"""The pages in rail order, each imported only when it is first needed: the plots take a while to load."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from resnet_studio.ui.pages.base import Page
from resnet_studio.ui.services import Services


@dataclass(frozen=True, slots=True)
class PageRow:
    key: str
    title: str
    tip: str
    build: Callable[[Services], Page]


def _design(services: Services) -> Page:
    from resnet_studio.ui.pages.design.page import DesignPage

    return DesignPage(services)


def _train(services: Services) -> Page:
    from resnet_studio.ui.pages.train.page import TrainPage

    return TrainPage(services)


def _runs(services: Services) -> Page:
    from resnet_studio.ui.pages.runs.page import RunsPage

    return RunsPage(services)


def _compare(services: Services) -> Page:
    from resnet_studio.ui.pages.compare.page import ComparePage

    return ComparePage(services)


def _classify(services: Services) -> Page:
    from resnet_studio.ui.pages.classify.page import ClassifyPage

    return ClassifyPage(services)


PAGES = (
    PageRow("design", "Design", "Draw networks and start training (Ctrl+1)", _design),
    PageRow("train", "Train", "Watch the training (Ctrl+2)", _train),
    PageRow("runs", "Runs", "Everything that was ever trained (Ctrl+3)", _runs),
    PageRow("compare", "Compare", "Stored runs side by side (Ctrl+4)", _compare),
    PageRow("classify", "Classify", "Show images to trained networks (Ctrl+5)", _classify),
)
