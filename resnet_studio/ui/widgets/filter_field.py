"""The field in which people choose among runs: it proposes names of fields and the values that runs have there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QPoint, Qt, Slot
from PySide6.QtGui import QFocusEvent, QHideEvent, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QListWidget, QListWidgetItem, QWidget

from resnet_studio.domain.filter_completion import completions
from resnet_studio.domain.records import RunRecord
from resnet_studio.text import _
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.plain_tip import set_tip

FILTER_TIP = _(
    "Words must all occur: in name, tags, note, status, depth, block, shortcut or data.\n"
    "tag:baseline   status:finished   block:plain   depth>=32   depth:20..56   test<30   seed:0\n"
    "Any field of the recipe: learning_rate<0.1, augmentation:none. Regular expressions: name:/resnet-(20|56)/.\n"
    'A minus in front excludes: -status:failed. Quotes keep words together: tag:"night sweep". Tab completes.'
)


ROWS = 8


class FilterField(QLineEdit):
    """``runs`` is called when values are proposed. Tab takes a proposal, Up and Down choose, Escape closes the list.

    The list lies in the window itself, below the field: the keyboard stays with the field.
    """

    def __init__(self, runs: Callable[[], Sequence[RunRecord]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runs = runs
        self._start = 0
        self._list: QListWidget | None = None
        self.setClearButtonEnabled(True)
        set_tip(self, FILTER_TIP)
        self.textEdited.connect(self._on_edited)

    @property
    def options(self) -> list[str]:
        """What is proposed now; none while the list is closed."""
        shown = self._list
        return [] if shown is None or shown.isHidden() else [shown.item(row).text() for row in range(shown.count())]

    @Slot(str)
    def _on_edited(self, text: str) -> None:
        found = completions(text, self.cursorPosition(), self._runs())
        self._start = found.start
        if not found.options:
            self.close_list()
            return
        shown = self._shown_list()
        shown.clear()
        shown.addItems(list(found.options))
        rows = min(shown.count(), ROWS) * shown.sizeHintForRow(0) + 2 * shown.frameWidth() + 4
        width = min(max(shown.sizeHintForColumn(0) + 40, 200), max(self.width(), 200))
        place = self.mapTo(self.window(), QPoint(0, self.height() + 2))
        shown.setGeometry(place.x(), place.y(), width, rows)
        shown.show()
        shown.raise_()

    def _shown_list(self) -> QListWidget:
        if self._list is None or self._list.parentWidget() is not self.window():
            self._list = named(QListWidget(self.window()), "filter_proposals", accessible=_("Proposals for the filter"))
            self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            self._list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
            self._list.itemClicked.connect(self._on_clicked)
        return self._list

    @Slot()
    def close_list(self) -> None:
        if self._list is not None:
            self._list.hide()

    def take(self, option: str) -> None:
        """Write a proposal over what was typed of it; a field's name leads on to its values."""
        text, cursor = self.text(), self.cursorPosition()
        end = "" if option.endswith(":") else " "
        before = text[: self._start] + option + end
        rest = text[cursor:].lstrip()
        self.setText(f"{before} {rest}" if rest and not end else before + rest)
        self.setCursorPosition(len(before))
        self.close_list()
        if not end:
            self._on_edited(self.text())

    @Slot(QListWidgetItem)
    def _on_clicked(self, item: QListWidgetItem) -> None:
        self.take(item.text())

    def _key(self, key: int) -> bool:
        """What a key means while the list is open."""
        options, shown = self.options, self._list
        if not options or shown is None:
            return False
        row = shown.currentRow()
        if key == Qt.Key.Key_Tab or (key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and row >= 0):
            self.take(options[max(row, 0)])
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            step = 1 if key == Qt.Key.Key_Down else -1
            shown.setCurrentRow((row + step) % len(options) if row >= 0 else (0 if step > 0 else len(options) - 1))
        elif key == Qt.Key.Key_Escape:
            self.close_list()
        else:
            return False
        return True

    # Qt

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and self._key(event.key()):
            return True
        return super().event(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.close_list()
        super().focusOutEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        self.close_list()
        super().hideEvent(event)
