"""Which of the paper's recipes the form holds, and the choice of another."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QLabel, QWidget

from resnet_studio.domain.presets import PRESETS
from resnet_studio.domain.specs import RunSpec
from resnet_studio.text import _
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.field_row import TITLE_WIDTH, Choice
from resnet_studio.ui.widgets.layouts import in_row
from resnet_studio.ui.widgets.plain_tip import set_tip
from resnet_studio.ui.widgets.text import unbroken

CUSTOM = "custom"
OWN_HELP = _("None of the paper's recipes as it is: what the fields below make of it.")


class RecipeField(QWidget):
    """``chosen`` carries the preset that a person wants."""

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._box = named(Choice(), "field_recipe")
        for preset in PRESETS:
            self._box.addItem(preset.title, preset.key)
            self._box.setItemData(self._box.count() - 1, _tip(preset.help), Qt.ItemDataRole.ToolTipRole)
        self._box.addItem(_("custom"), CUSTOM)
        self._box.setItemData(self._box.count() - 1, _tip(OWN_HELP), Qt.ItemDataRole.ToolTipRole)
        self._box.setAccessibleName(_("Recipe of the paper"))
        self._box.activated.connect(self._on_activated)
        self._title = title = QLabel(_("Preset"))
        title.setFixedWidth(TITLE_WIDTH)
        title.setBuddy(self._box)
        in_row(title, (self._box, 1), of=self, margins=0, spacing=8)
        self._shown = CUSTOM

    def show_recipe(self, spec: RunSpec | None) -> None:
        """Name the preset that its recipe is; None while it is not valid."""
        keys = [preset.key for preset in PRESETS if spec is not None and preset.is_of(spec)]
        self._shown = keys[0] if keys else CUSTOM
        index = self._box.findData(self._shown)
        self._box.setCurrentIndex(index)
        text = PRESETS[index].help if index < len(PRESETS) else OWN_HELP
        for widget in (self._box, self._title):
            set_tip(widget, _tip(text))
        self._box.setAccessibleDescription(text)

    @property
    def key(self) -> str:
        """Of the preset that is shown, or ``custom``."""
        return self._shown

    @Slot(int)
    def _on_activated(self, index: int) -> None:
        """``custom`` is what the fields make of it."""
        if index < len(PRESETS):
            self.chosen.emit(PRESETS[index])
        else:
            self._box.setCurrentIndex(self._box.findData(self._shown))


def _tip(text: str) -> str:
    """Rich text, which wraps, but not within a number."""
    return "".join(f"<p>{escape(part)}</p>" for part in unbroken(text).split("\n\n"))
