"""The settings of an analysis: one row a field of its specification."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QWidget

from resnet_studio.domain.analyses.settings import AnalysisSettings
from resnet_studio.domain.documents import parse
from resnet_studio.domain.errors import SpecError
from resnet_studio.text import _
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.field_row import FieldRow
from resnet_studio.ui.widgets.layouts import in_column
from resnet_studio.ui.widgets.spec_fields import as_text, fields_of, typed


class SettingsForm(QWidget):
    """``changed`` when a person changes a value."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        named(self, "inside_settings", role="clear")
        self._kind: type[AnalysisSettings] = AnalysisSettings
        self.rows: dict[str, FieldRow] = {}
        self._analysis = ""
        self._kept: dict[str, dict[str, str]] = {}  # as text, by analysis
        self._column = in_column(of=self, margins=(0, 0, 4, 0), spacing=6)

    def show_kind(self, kind: type[AnalysisSettings], analysis: str) -> None:
        """The settings of an analysis as they were left; its defaults the first time."""
        self._kept[self._analysis] = {name: row.text for name, row in self.rows.items()}
        self._analysis = analysis
        for row in self.rows.values():
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._kind, self.rows = kind, {}
        defaults, left = kind(), self._kept.get(analysis, {})
        for field in fields_of(kind):
            row = FieldRow(field)
            row.set_text(left.get(field.path, as_text(getattr(defaults, field.path))))
            row.edited.connect(self._on_edited)
            self._column.addWidget(row)
            self.rows[field.path] = row

    def forget(self, *names: str) -> None:
        """Of analyses that are not shown: these settings are the defaults again."""
        for left in self._kept.values():
            for name in names:
                left.pop(name, None)

    def set_value(self, name: str, value: object) -> bool:
        """False: there is no such setting."""
        if name not in self.rows:
            return False
        self.rows[name].set_text(as_text(value))
        self.settings()
        return True

    def settings(self) -> Any:
        """What is chosen, or None; then the rows say what is wrong."""
        values = {name: typed(name, row.text.strip(), several=row.field.several) for name, row in self.rows.items()}
        errors: dict[str, str] = {}
        found = None
        try:
            found = parse(self._kind, values)
        except SpecError as error:
            errors = error.fields
        for name, row in self.rows.items():
            row.show_error(errors.get(name, ""))
        if "" in errors and self.rows:
            next(iter(self.rows.values())).show_error(errors[""])
        return found

    @property
    def fault(self) -> str:
        """Of the first row that is wrong."""
        return next((row.sentence for row in self.rows.values() if row.sentence), _("A field is not filled in."))

    @Slot(str)
    def _on_edited(self, _path: str) -> None:
        self.settings()
        self.changed.emit()
