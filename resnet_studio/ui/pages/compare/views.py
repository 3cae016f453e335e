"""Views of the Compare page that a person saved: which runs, how they are grouped, drawn and looked at."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QInputDialog, QMenu, QToolButton

from resnet_studio.text import _
from resnet_studio.ui.preferences import Preferences
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.plain_tip import set_tip

_KEY = "compare/views"
MOST = 50


@dataclass(frozen=True, slots=True)
class SavedView:
    """Everything in plain words and numbers, so that it can be stored; what does not fit any more is passed over."""

    name: str
    runs: tuple[str, ...] = ()
    part: int = 0
    filter: str = ""
    grouping: tuple[str, ...] = ()
    quantity: str = ""
    axis: str = "iteration"
    window: int = 50
    raw: bool = False
    log: bool = False
    outliers: bool = True
    facets: str = ""
    same_scale: bool = True
    scatter: tuple[str, ...] = field(default=())

    def to_text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> SavedView | None:
        """None for what is no view."""
        try:
            said = json.loads(text)
            known = {each.name: each.default for each in fields(cls) if each.name != "name"}
            values: dict[str, object] = {"name": str(said["name"])[:100]}
            for key, usual in known.items():
                value = said.get(key, usual)
                if isinstance(usual, tuple):
                    value = tuple(str(each) for each in value)
                if not isinstance(value, type(usual)):
                    return None
                values[key] = value
            return cls(**values)  # type: ignore[arg-type]
        except (ValueError, TypeError, KeyError, AttributeError):
            return None


class ViewsButton(QToolButton):
    """Saves what ``present`` gives under a name; ``chosen(SavedView)``."""

    chosen = Signal(object)

    def __init__(self, preferences: Preferences, present: Callable[[str], SavedView]) -> None:
        super().__init__()
        self._preferences, self._present = preferences, present
        named(self, "views_button", role="button")
        self.setText(_("Views") + " ▾")
        set_tip(self, _("Save what is shown under a name, and come back to it"))
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self.fill)
        self.setMenu(self._menu)

    @property
    def views(self) -> list[SavedView]:
        found = map(SavedView.from_text, self._preferences.value(_KEY, [], list))
        return [view for view in found if view is not None]

    def save(self, name: str) -> None:
        """One of the same name is replaced."""
        kept = [view for view in self.views if view.name != name]
        self._store([*kept, self._present(name)][-MOST:])

    def rename(self, name: str, new: str) -> None:
        """It keeps its place; another one of the new name is replaced."""
        kept = [view for view in self.views if view.name == name or view.name != new]
        self._store([replace(view, name=new) if view.name == name else view for view in kept])

    def remove(self, name: str) -> None:
        self._store([view for view in self.views if view.name != name])

    def _store(self, views: list[SavedView]) -> None:
        self._preferences.set_value(_KEY, [view.to_text() for view in views])

    @Slot()
    def fill(self) -> None:
        """The menu: save, the views, and menus to rename and delete them."""
        self._menu.clear()
        self._menu.addAction(_("Save this view…"), self._on_save)
        views = self.views
        if not views:
            return
        self._menu.addSeparator()
        rename, delete = QMenu(_("Rename"), self._menu), QMenu(_("Delete"), self._menu)
        for view in views:
            label = view.name.replace("&", "&&")
            for menu, slot in (
                (self._menu, self._on_chosen), (rename, self._on_rename), (delete, self._on_delete)
            ):  # fmt: skip
                action = menu.addAction(label)
                action.setData(view)
                action.triggered.connect(slot)
        self._menu.addSeparator()
        self._menu.addMenu(rename)
        self._menu.addMenu(delete)

    @Slot()
    def _on_save(self) -> None:
        if name := self._ask_for_name(_("Save this view")):
            self.save(name)

    def _ask_for_name(self, title: str, before: str = "") -> str:
        """Empty where the person thinks better of it."""
        name, well = QInputDialog.getText(self, title, _("Name"), text=before)
        return " ".join(name.split())[:100] if well else ""

    def _meant(self) -> SavedView:
        """The view of the menu's action that was triggered."""
        action = self.sender()
        assert isinstance(action, QAction)
        view = action.data()
        assert isinstance(view, SavedView)
        return view

    @Slot()
    def _on_chosen(self) -> None:
        self.chosen.emit(self._meant())

    @Slot()
    def _on_rename(self) -> None:
        name = self._meant().name
        if new := self._ask_for_name(_("Rename this view"), name):
            self.rename(name, new)

    @Slot()
    def _on_delete(self) -> None:
        self.remove(self._meant().name)
