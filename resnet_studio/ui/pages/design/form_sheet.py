"""The fields of the design form, in their sections, and where each of its sentences stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from PySide6.QtCore import QCoreApplication, QEvent, Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from resnet_studio.text import _
from resnet_studio.ui.pages.design.form_layout import SECTIONS, applies, usual
from resnet_studio.ui.pages.design.recipe_field import RecipeField
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.data_field import DataField
from resnet_studio.ui.widgets.field_row import FieldRow
from resnet_studio.ui.widgets.layouts import in_column
from resnet_studio.ui.widgets.spec_fields import GROUPS, FormField, form_fields

_NAMES = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")


class FormSheet(QScrollArea):
    """A row for each field by its path, such as ``network.depth``; ``data`` and ``recipe`` stand among them."""

    edited = Signal(str)

    def __init__(self, data: DataField, recipe: RecipeField, parent: QWidget | None = None) -> None:
        super().__init__(parent, widgetResizable=True)
        self.setObjectName("form_area")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._data, self._recipe = data, recipe
        self.rows: dict[str, FieldRow] = {}
        self._headings: dict[str, tuple[QLabel, list[str]]] = {}
        self._group_errors: dict[str, QLabel] = {}
        self._build()

    def show_texts(self, texts: Mapping[str, str], but: str = "") -> None:
        """Every value, except that of the field ``but``, where a person is typing."""
        for path, row in self.rows.items():
            if path != but:
                row.set_text(texts[path])

    def show_faults(self, faults: Mapping[str, str]) -> None:
        """Sentences by the path of a field, or by the key of a group."""
        for path, row in self.rows.items():
            row.show_error(faults.get(path, ""))
        for key in self._group_errors:
            self.show_group_fault(key, faults.get(key, ""))

    def show_rows(self, texts: Mapping[str, str], faults: Mapping[str, str], *, everything: bool) -> None:
        """A field that nobody reads is hidden; one that is wrong, or not at its default, is not."""
        seen: set[str] = set()
        defaults = usual(texts)
        for path, row in self.rows.items():
            read = applies(path, texts) and (everything or row.field.simple or texts[path] != defaults[path])
            row.setVisible(read or path in faults)
            if read or path in faults:
                seen.add(path)
        for heading, paths in self._headings.values():
            heading.setVisible(any(path in seen for path in paths))

    def show_group_fault(self, key: str, sentence: str) -> None:
        label = self._group_errors[key]
        label.setText(sentence[:1].upper() + sentence[1:])
        label.setVisible(bool(sentence))

    def settle(self) -> None:
        """Give the data's sentence the lines that it takes, at once.

        Qt does so with later events; while the rest of the window is built they wait for seconds, and the sentence
        lay over the box above it.
        """
        for widget in (self._data, self.widget()):
            if widget is not None and (layout := widget.layout()) is not None:
                layout.activate()
            QCoreApplication.sendPostedEvents(widget, QEvent.Type.LayoutRequest.value)

    def place(self, name: str, sentence: str, edited: str) -> str:
        """The row or group that shows an error: ``recipe.milestones.1`` belongs to ``recipe.milestones``.

        What concerns a whole group belongs to the field that its sentence names, ``edited`` if it is among them.
        """
        while name and name not in self.rows and name != "data.source" and name not in self._group_errors:
            name = name.rpartition(".")[0]
        if name not in self._group_errors:
            return name
        words = sentence.replace(",", " ").replace(";", " ").split()
        paths = [f"{key}.{word}" for word in words for key in ((name,) if name else ("recipe", "network", "data"))]
        if edited in paths:
            return edited
        return next((path for path in paths if path in self.rows), name)

    def in_words(self, sentence: str) -> str:
        """Fields by the titles that the form shows: ``image_size`` is “Image size”."""
        titles = {path.rpartition(".")[2]: row.field.title for path, row in self.rows.items()}
        return _NAMES.sub(lambda found: f"“{titles[found[0]]}”" if found[0] in titles else found[0], sentence)

    def _build(self) -> None:
        sheet = named(QWidget(self.viewport()), role="clear")
        column = in_column(of=sheet, margins=(16, 4, 16, 12), spacing=7)
        left = {field.path: field for field in form_fields()}
        for key, _title, _kind in (("", "", None), *GROUPS):
            sections = [(heading, names) for group, heading, names in SECTIONS if group == key]
            for number, (heading, names) in enumerate(sections):
                own = [left.pop(path) for name in names if (path := f"{key}.{name}".lstrip(".")) in left]
                if number == len(sections) - 1:
                    own += [left.pop(path) for path in [p for p, field in left.items() if field.group == key]]
                self._add_section(column, heading, own, first=number == 0)
            self._group_errors[key] = named(QLabel(wordWrap=True), f"error_{key or 'run'}", role="error")
            self._group_errors[key].hide()
            column.addWidget(self._group_errors[key])
        column.addStretch(1)
        self.setWidget(sheet)

    def _add_section(self, column: QVBoxLayout, heading: str, fields: Iterable[FormField], *, first: bool) -> None:
        if heading:
            label = QLabel(heading)
            if first:
                column.addSpacing(8)
                named(label, role="heading")
            else:
                named(label, role="muted")
                font = QFont(label.font())
                font.setWeight(QFont.Weight.DemiBold)
                label.setFont(font)
                label.setContentsMargins(0, 6, 0, 0)
                self._headings[heading] = (label, [field.path for field in fields])
            column.addWidget(label)
        if heading == _("Recipe"):
            column.addWidget(self._recipe)
        for field in fields:
            if field.path == "data.source":
                column.addWidget(self._data)
                continue
            row = FieldRow(field, column.parentWidget())
            row.edited.connect(self.edited)
            self.rows[field.path] = row
            column.addWidget(row)
