"""The button that says how runs are grouped: not at all, all but the seed, or by any fields."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from resnet_studio.domain.grouping import ALL_BUT_SEEDS, NO_GROUPS, Grouping, fields_of, grouping_text
from resnet_studio.domain.run_fields import RunField, run_fields
from resnet_studio.text import _
from resnet_studio.ui.preferences import Preferences
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.plain_tip import set_tip

_USUAL = ("depth", "block", "shortcut", "data", "learning_rate", "study", "tag", "status")
_PARTS = (("network", _("Network")), ("recipe", _("Recipe")), ("data", _("Data")))


class GroupChoice(QToolButton):
    """A menu that groups runs; emits ``changed(Grouping)`` and is remembered under ``key``.

    The first click of the menu's second row is all it takes to average over seeds.
    """

    changed = Signal(object)

    def __init__(self, preferences: Preferences, key: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._preferences, self._key = preferences, f"{key}/grouping"
        named(self, f"{key}_group_button", role="button")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        set_tip(self, _("Runs in groups, with mean, standard deviation, number and 95 % interval"))
        stored = preferences.value(self._key, [], list)
        self._grouping: Grouping = tuple(stored) if tuple(stored) == ALL_BUT_SEEDS or fields_of(tuple(stored)) else ()
        self._menu = QMenu(self)
        self._menu.setToolTipsVisible(True)
        self._none = self._action(self._menu, _("No groups"), _("One row a run"))
        self._seeds = self._action(
            self._menu, _("All but the seed"), _("Runs that differ in their seeds alone make a group")
        )
        self._none.triggered.connect(self._on_none)
        self._seeds.triggered.connect(lambda: self.set_grouping(ALL_BUT_SEEDS))
        self._menu.addSeparator()
        self._fields: dict[str, list[QAction]] = {}
        for key_ in _USUAL:
            self._add_field(self._menu, run_fields()[key_])
        self._menu.addSeparator()
        for prefix, title in _PARTS:
            part = self._menu.addMenu(title)
            for field in run_fields().values():
                if field.path.startswith(f"{prefix}."):
                    self._add_field(part, field)
        self.setMenu(self._menu)
        self._show()

    @property
    def grouping(self) -> Grouping:
        return self._grouping

    def set_grouping(self, grouping: Grouping) -> None:
        """For the user: is remembered and emitted."""
        if grouping != self._grouping:
            self._grouping = grouping
            self._preferences.set_value(self._key, list(grouping))
            self._show()
            self.changed.emit(grouping)
        self._show()

    def _action(self, menu: QMenu, text: str, tip: str) -> QAction:
        action = menu.addAction(text)
        action.setCheckable(True)
        set_tip(action, tip)
        return action

    def _add_field(self, menu: QMenu, field: RunField) -> None:
        action = self._action(menu, field.title, _("Runs that share this make a group; several may be ticked"))
        action.setData(field.key)
        action.triggered.connect(self._on_field)
        self._fields.setdefault(field.key, []).append(action)

    def _show(self) -> None:
        self._none.setChecked(self._grouping == NO_GROUPS)
        self._seeds.setChecked(self._grouping == ALL_BUT_SEEDS)
        for key, actions in self._fields.items():
            for action in actions:
                action.setChecked(key in self._grouping)
        words = grouping_text(self._grouping) if self._grouping else ""
        text = _("Group") if not words else _("Group: {words}", words=words if len(words) < 28 else f"{words[:26]}…")
        self.setText(f"{text} ▾")

    @Slot()
    def _on_none(self) -> None:
        self.set_grouping(NO_GROUPS)

    @Slot(bool)
    def _on_field(self, ticked: bool) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            key = str(action.data())
            kept = tuple(each for each in self._grouping if each != key and self._grouping != ALL_BUT_SEEDS)
            self.set_grouping((*kept, key) if ticked else kept)
