"""Rows, columns, stacks and frames of widgets, each in one statement.

What has many widgets in it is styled anew each time it gets another parent. A large page therefore makes what is
outside before what is in it, and hands it over as ``of``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLayout,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.ui.widgets.accessible_names import named

if TYPE_CHECKING:
    from resnet_studio.ui.preferences import Preferences


@dataclass(frozen=True, slots=True)
class Gap:
    """Room between two parts: so many pixels, and a share of what is left."""

    pixels: int = 0
    stretch: int = 0


STRETCH = Gap(stretch=1)

Item = QWidget | QLayout
Part = Item | Gap | tuple[Item, int] | tuple[QWidget, int, Qt.AlignmentFlag]  # with a stretch factor, an alignment
Margins = int | tuple[int, int, int, int]  # pixels: all four alike, or left, top, right, bottom

B = TypeVar("B", bound=QBoxLayout)


def in_row(*parts: Part, of: QWidget | None = None, margins: Margins | None = None, spacing: int = -1) -> QHBoxLayout:
    """The parts from left to right, as the layout of a widget or of none yet; margins and spacing else are Qt's."""
    return _filled(QHBoxLayout(), parts, of, margins, spacing)


def in_column(
    *parts: Part, of: QWidget | None = None, margins: Margins | None = None, spacing: int = -1
) -> QVBoxLayout:
    """The parts from top to bottom; see :func:`in_row`."""
    return _filled(QVBoxLayout(), parts, of, margins, spacing)


def _filled(layout: B, parts: Iterable[Part], of: QWidget | None, margins: Margins | None, spacing: int) -> B:
    if of is not None:
        of.setLayout(layout)
    if margins is not None:
        layout.setContentsMargins(*(margins if isinstance(margins, tuple) else (margins,) * 4))
    if spacing >= 0:
        layout.setSpacing(spacing)
    for part in parts:
        if isinstance(part, Gap):
            layout.addSpacing(part.pixels) if part.pixels else layout.addStretch(part.stretch)
        elif isinstance(part, QWidget):
            layout.addWidget(part)
        elif isinstance(part, QLayout):
            layout.addLayout(part)
        elif isinstance(part[0], QLayout):
            layout.addLayout(part[0], part[1])
        else:
            layout.addWidget(*part)
    return layout


def framed_panel(*parts: Part, of: QFrame | None = None, margins: Margins = (10, 8, 10, 8), spacing: int = 6) -> QFrame:
    """A panel with the parts one below the other: ``of``, or a new one."""
    panel = named(of or QFrame(), role="panel")
    in_column(*parts, of=panel, margins=margins, spacing=spacing)
    return panel


def in_stack(*widgets: QWidget, of: QStackedWidget | None = None) -> QStackedWidget:
    """One is shown at a time, the first to begin with; in ``of``, or a new one."""
    stack = of or QStackedWidget()
    for widget in widgets:
        stack.addWidget(widget)
    return stack


def scrolled(widget: QWidget, name: str = "") -> QScrollArea:
    """An area without a frame, as wide as there is room, in which ``widget`` is moved up and down."""
    area = named(QScrollArea(widgetResizable=True), name)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(widget)
    return area


def in_splitter(
    *parts: tuple[QWidget, int],
    of: QSplitter | None = None,
    sizes: Sequence[int] = (),
    name: str = "",
    upright: bool = False,
    handle: int = 8,
) -> QSplitter:
    """Parts with handles between them; none can be folded away.

    Args:
        parts: Widgets, each with its share of the room that a larger window brings.
        of: What they are put into; a new one without it.
        sizes: Pixels of each at first.
        name: Of the splitter.
        upright: One above the other.
        handle: Width of a handle in pixels.
    """
    splitter = named(of or QSplitter(), name)
    splitter.setOrientation(Qt.Orientation.Vertical if upright else Qt.Orientation.Horizontal)
    splitter.setChildrenCollapsible(False)
    splitter.setHandleWidth(handle)
    for place, (widget, stretch) in enumerate(parts):
        splitter.addWidget(widget)
        splitter.setStretchFactor(place, stretch)
    if sizes:
        splitter.setSizes(sizes)
    return splitter


def remember_sizes(splitter: QSplitter, preferences: Preferences, key: str) -> None:
    """The parts are as they were the last time; what is moved from now on is kept."""
    splitter.restoreState(preferences.value(key, QByteArray(), QByteArray))
    splitter.splitterMoved.connect(lambda: preferences.set_value(key, splitter.saveState()))
