"""The form, generated from the specifications: what is typed is validated at each key."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from resnet_studio.domain.documents import parse
from resnet_studio.domain.errors import SpecError
from resnet_studio.domain.specs import RunSpec
from resnet_studio.domain.terms import Block, Shortcut
from resnet_studio.ui.design.data_field import DataField
from resnet_studio.ui.design.field_row import FieldRow
from resnet_studio.ui.design.fields import GROUPS, form_fields, nested, values
from resnet_studio.ui.services import Services
from resnet_studio.ui.widgets.naming import named

RESIDUAL = (Shortcut.A.value, Shortcut.B.value, Shortcut.C.value)


class DesignForm(QFrame):
    """``changed`` after each edit, valid or not: :attr:`spec` is None while a field is at fault."""

    changed = Signal()

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        named(self, "design_form", role="panel")
        self._services = services
        self.spec: RunSpec | None = None
        self.errors: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self.rows: dict[str, FieldRow] = {}
        self._group_errors: dict[str, QLabel] = {}
        self.data = DataField(services)
        self._all = named(QCheckBox("All fields"), "all_fields_box", tip="Show every field, not only the usual ones")
        self._all.setChecked(services.preferences.value("design/all_fields", False, bool))
        self._all.toggled.connect(self._on_all_toggled)
        self._build()
        self.data.edited.connect(self._on_edited)
        self.data.facts_known.connect(self._on_facts_known)
        self.show_spec(RunSpec())

    def _build(self) -> None:
        sheet = named(QWidget(), role="clear")
        column = QVBoxLayout(sheet)
        column.setContentsMargins(16, 4, 16, 12)
        column.setSpacing(7)
        fields = form_fields()
        for key, title, _kind in (("", "", None), *GROUPS):
            if title:
                column.addSpacing(8)
                column.addWidget(named(QLabel(title), role="heading"))
            for field in fields:
                if field.group != key:
                    continue
                if field.path == "data.source":
                    column.addWidget(self.data)
                    continue
                row = FieldRow(field)
                row.edited.connect(self._on_edited)
                self.rows[field.path] = row
                column.addWidget(row)
            self._group_errors[key] = named(QLabel(wordWrap=True), f"error_{key or 'run'}", role="error")
            self._group_errors[key].hide()
            column.addWidget(self._group_errors[key])
        self.rows["network.classes"].lock("As many as the data has classes.")
        column.addStretch(1)
        area = named(QScrollArea(widgetResizable=True), "form_area")
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(sheet)
        head = QHBoxLayout()
        head.setContentsMargins(16, 10, 14, 0)
        head.addWidget(named(QLabel("Your network"), role="heading"))
        head.addStretch(1)
        head.addWidget(self._all)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(1, 1, 1, 1)
        outer.addLayout(head)
        outer.addWidget(area, 1)

    def show_spec(self, spec: RunSpec) -> None:
        """Fill in every field."""
        self._texts = values(spec)
        self._offer_shortcuts()
        for path, row in self.rows.items():
            row.set_text(self._texts[path])
        self.data.set_source(spec.data.source, spec.data.seed)
        self._validate()

    @property
    def ready(self) -> bool:
        """Valid, and nothing that is known of the data speaks against it."""
        return self.spec is not None and not self.data.problem and not self.data.missing

    def _offer_shortcuts(self) -> None:
        """Plain nets have no shortcuts, residual ones do."""
        plain = self._texts["network.block"] == Block.PLAIN.value
        row = self.rows["network.shortcut"]
        row.set_text(self._texts["network.shortcut"])
        row.offer((Shortcut.NONE.value,) if plain else RESIDUAL)
        self._texts["network.shortcut"] = row.text

    def _validate(self) -> None:
        try:
            self.spec, self.errors = parse(RunSpec, nested(self._texts)), {}
        except SpecError as error:
            self.spec, self.errors = None, error.fields
        told: dict[str, str] = {}
        for name, sentence in self.errors.items():
            told.setdefault(self._place(name), sentence)
        for path, row in self.rows.items():
            row.tell(told.get(path, ""))
            row.setVisible(row.field.simple or self._all.isChecked() or path in told)
        late = self.spec is not None and any(m > self.spec.recipe.iterations for m in self.spec.recipe.milestones)
        self.rows["recipe.milestones"].hint("A milestone after the last iteration changes nothing." if late else "")
        for key, label in self._group_errors.items():
            sentence = told.get(key, "") if key not in self.rows else ""
            label.setText(sentence[:1].upper() + sentence[1:])
            label.setVisible(bool(sentence))
        self.data.tell(told.get("data.source", ""))
        self.changed.emit()

    def _place(self, name: str) -> str:
        """The row or group that shows an error: ``recipe.milestones.1`` belongs to ``recipe.milestones``."""
        while name and name not in self.rows and name != "data.source" and name not in self._group_errors:
            name = name.rpartition(".")[0]
        return name

    @Slot(str)
    def _on_edited(self, path: str) -> None:
        self._texts[path] = self.data.text if path == "data.source" else self.rows[path].text
        if path == "network.block":
            self._offer_shortcuts()
        elif path == "data.source":
            self._follow_data()
        elif path == "data.seed" and self._texts[path].isdecimal():
            self.data.set_source(self.data.text, int(self._texts[path]))
        self._validate()

    def _follow_data(self) -> None:
        """CIFAR-10 has no draw; the program's own images and CIFAR-10 have ten classes."""
        if self.data.text == "cifar10":
            self._set("data.seed", "0")
        if not self.data.text.startswith("folder:"):
            self._set("network.classes", "10")

    def _set(self, path: str, text: str) -> None:
        self._texts[path] = text
        self.rows[path].set_text(text)

    @Slot()
    def _on_facts_known(self) -> None:
        facts = self.data.facts
        if facts is not None:
            self._set("network.classes", str(len(facts.class_names)))
        self._validate()

    @Slot(bool)
    def _on_all_toggled(self, everything: bool) -> None:
        self._services.preferences.set_value("design/all_fields", everything)
        self._validate()
