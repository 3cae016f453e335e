"""The button that asks where to write what is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QFileDialog, QMenu, QPushButton, QWidget

from resnet_studio.text import _
from resnet_studio.ui.pages.compare.export import Export, Shown
from resnet_studio.ui.preferences import Preferences
from resnet_studio.ui.widgets.plain_tip import set_tip


class ExportButton(QPushButton):
    """A menu of formats; ``chosen(Export, Path)`` after the file dialog. Its shortcuts work anywhere on the page."""

    chosen = Signal(object, object)

    def __init__(self, page: QWidget, preferences: Preferences, shown: Callable[[], Shown]) -> None:
        super().__init__(_("Export"), page)
        self._preferences, self._shown = preferences, shown
        self.setObjectName("export_button")
        set_tip(self, _("Write what is shown to a file (Ctrl+E)"))
        menu = QMenu(self)
        for kind in Export:
            action = QAction(kind.row.text, self)
            action.setObjectName(f"export_{kind.name.lower()}_action")
            action.setData(kind.name)
            if kind.row.key:
                action.setShortcut(QKeySequence(kind.row.key))
                action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
                page.addAction(action)
            action.triggered.connect(self._on_triggered)
            menu.addAction(action)
        self.setMenu(menu)

    @Slot()
    def _on_triggered(self) -> None:
        action, shown = self.sender(), self._shown()
        if not isinstance(action, QAction) or not shown.runs:
            return
        kind = Export[action.data()]
        folder = Path(self._preferences.value("compare/folder", str(Path.home()), str))
        proposal = str(folder / f"{shown.file_name}{kind.row.suffix}")
        title = kind.row.text.rstrip("…")
        if kind.row.suffix:
            path, _unused = QFileDialog.getSaveFileName(self, title, proposal, kind.row.kind)
        else:
            path = QFileDialog.getExistingDirectory(self, title, str(folder))
        if path:
            self._preferences.set_value("compare/folder", str(Path(path).parent))
            self.chosen.emit(kind, Path(path))
