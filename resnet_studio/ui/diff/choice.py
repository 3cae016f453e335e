"""Which networks are compared: a comparison of the paper's, or names of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QComboBox, QCompleter, QGridLayout, QLabel, QWidget

from resnet_studio.domain.diff import Against
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.text import _
from resnet_studio.ui.widgets.accessible_names import named

OWN = _("My own choice")
COUNT = 3
READ_AFTER_MS = 250  # a name is typed letter by letter

Finder = Callable[[str], NetworkSpec]


@dataclass(frozen=True, slots=True)
class DiffPreset:
    """``names`` are understood by :func:`resnet_studio.domain.network_names.network_named`."""

    title: str
    names: tuple[str, ...]


DIFF_PRESETS = (
    DiffPreset(_("Figure 3: VGG-19, plain-34, ResNet-34"), ("vgg-19", "plain-34", "resnet-34-A")),
    DiffPreset(_("Plain, residual: 34 layers"), ("plain-34", "resnet-34-A")),
    DiffPreset(_("Plain, residual: 20 layers (CIFAR-10)"), ("plain-20", "resnet-20")),
    DiffPreset(_("Shortcuts A, B, C: 34 layers"), ("resnet-34-A", "resnet-34-B", "resnet-34-C")),
    DiffPreset(_("Basic, bottleneck blocks: 34, 50 layers"), ("resnet-34-B", "resnet-50")),
    DiffPreset(_("Stride in the first 1×1, in the 3×3"), ("resnet-50", "resnet-50-3x3")),
    DiffPreset(_("Table 1: 50, 101, 152 layers"), ("resnet-50", "resnet-101", "resnet-152")),
    DiffPreset(_("Zeros at the end, on both sides"), ("resnet-20", "resnet-20-both")),
    DiffPreset(_("Activation after, before (2016)"), ("resnet-20", "pre-resnet-20")),
)

# What the fields propose; anything else that is a name may be typed.
PROPOSED = (
    "plain-18", "resnet-18-A", "resnet-18-B", "plain-34", "resnet-34-A", "resnet-34-B", "resnet-34-C", "resnet-50",
    "resnet-50-3x3", "resnet-101", "resnet-152", "vgg-16", "vgg-19", "plain-20", "resnet-20", "plain-32", "resnet-32",
    "plain-44", "resnet-44", "plain-56", "resnet-56", "plain-110", "resnet-110", "resnet-1202",
    "cifar-resnet-110-bottleneck", "cifar-resnet-164-bottleneck-pre",
)  # fmt: skip


class NetworkChoice(QWidget):
    """``changed`` when other networks are chosen, or one cannot be understood: then :attr:`networks` is empty.

    Names are proposed as they are typed; any other that can be found may be typed.
    """

    changed = Signal()

    def __init__(self, find: Finder) -> None:
        """``find`` turns a name into a network, or raises UserError."""
        super().__init__()
        self._find = find
        self.networks: tuple[NetworkSpec, ...] = ()
        self._extra: dict[str, NetworkSpec] = {}
        self.preset = named(QComboBox(), "diff_preset", tip=_("Comparisons that the paper suggests"))
        self.preset.setAccessibleName(_("Comparison"))
        self.preset.addItems([preset.title for preset in DIFF_PRESETS])
        self.preset.addItem(OWN)
        self.preset.setMinimumContentsLength(24)
        self.preset.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.against = named(QComboBox(), "diff_against", tip=_("Which network each one is compared with"))
        self.against.setAccessibleName(_("Compared with"))
        self.against.addItem(_("each with the one before it"), Against.PREVIOUS)
        self.against.addItem(_("all with the first"), Against.FIRST)
        self.fields = [self._make_field(n) for n in range(COUNT)]
        self._errors = [named(QLabel(wordWrap=True), f"diff_error_{n + 1}", role="error") for n in range(COUNT)]
        self._timer = QTimer(self, singleShot=True, interval=READ_AFTER_MS)
        self._timer.timeout.connect(self._read)
        self._lay_out()
        self.preset.activated.connect(self._on_preset)
        self.against.activated.connect(lambda: self.changed.emit())
        self.show_preset(0)

    def show_preset(self, index: int) -> None:
        """Fill the fields with one of the paper's comparisons."""
        self.preset.setCurrentIndex(index)
        self.show_names(DIFF_PRESETS[index].names)

    def show_names(self, names: Sequence[str]) -> None:
        """Fill the fields; those left over are emptied."""
        for n, field in enumerate(self.fields):
            with QSignalBlocker(field):
                field.setEditText(names[n] if n < len(names) else "")
        self._read()

    def offer(self, networks: Mapping[str, NetworkSpec]) -> None:
        """These may be chosen too, by names of their own; where one is chosen already it is drawn anew."""
        if networks == self._extra:
            return
        chosen = [field.currentText().strip() for field in self.fields]
        if list(networks) != list(self._extra):
            for field, text in zip(self.fields, chosen, strict=True):
                with QSignalBlocker(field):
                    field.clear()
                    field.addItems([*networks, *PROPOSED])
                    field.setEditText(text)
        before, self._extra = self._extra, dict(networks)
        if any(text in before or text in self._extra for text in chosen):
            self._read()

    def show_own(self, names: Sequence[str]) -> None:
        """Compare networks that no preset names."""
        self.preset.setCurrentIndex(self.preset.count() - 1)
        self.show_names(names)

    @property
    def offered(self) -> Mapping[str, NetworkSpec]:
        """What :meth:`offer` gave."""
        return self._extra

    @property
    def mode(self) -> Against:
        return Against(self.against.currentData())

    @property
    def problem(self) -> str:
        """What is wrong with the names, empty where nothing is."""
        return " ".join(label.text() for label in self._errors if label.text())

    def _make_field(self, n: int) -> QComboBox:
        field = named(
            QComboBox(editable=True),
            f"diff_network_{n + 1}",
            tip=_("A name like plain-34, resnet-34-B, resnet-50-3x3, vgg-19 or cifar-resnet-110, or that of a run"),
        )
        field.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        field.addItems(PROPOSED)
        field.setMinimumContentsLength(12)
        field.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        field.setAccessibleName(_("Network {n}", n=n + 1))
        line, completer = field.lineEdit(), field.completer()
        if isinstance(completer, QCompleter):
            completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
            completer.setFilterMode(Qt.MatchFlag.MatchContains)
        if line is not None:
            line.setAcceptDrops(False)  # a file dropped is not a name
            line.setPlaceholderText(_("none") if n == COUNT - 1 else _("a network"))
        field.setEditText("")
        field.editTextChanged.connect(self._on_typed)
        return field

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(4)
        for n, (title, widget) in enumerate(
            (
                (_("Comparison"), self.preset),
                *((_("Network {n}", n=n + 1), field) for n, field in enumerate(self.fields)),
            )
        ):
            label = named(QLabel(title), role="muted")
            label.setBuddy(widget)
            grid.addWidget(label, 0, n)
            grid.addWidget(widget, 1, n)
            grid.setColumnStretch(n, 3 if n == 0 else 2)
        label = named(QLabel(_("Compared")), role="muted")
        label.setBuddy(self.against)
        grid.addWidget(label, 0, COUNT + 1)
        grid.addWidget(self.against, 1, COUNT + 1)
        for n, error in enumerate(self._errors):
            grid.addWidget(error, 2, n + 1, Qt.AlignmentFlag.AlignTop)
            error.setTextFormat(Qt.TextFormat.PlainText)
            error.hide()

    @Slot(int)
    def _on_preset(self, index: int) -> None:
        if index < len(DIFF_PRESETS):
            self.show_preset(index)
        else:
            self.fields[0].setFocus()

    @Slot()
    def _on_typed(self) -> None:
        self.preset.setCurrentIndex(self.preset.count() - 1)
        self._timer.start()

    @Slot()
    def _read(self) -> None:
        """Understand the names; the first and the second network are needed."""
        self._timer.stop()
        found: list[NetworkSpec] = []
        problems = [""] * COUNT
        for n, field in enumerate(self.fields):
            text = field.currentText().strip()
            try:
                if text:
                    found.append(self._extra.get(text) or self._find(text))
                elif n < 2:
                    problems[n] = _("Name a network.")
            except UserError as error:
                problems[n] = str(error)
        for label, field, problem in zip(self._errors, self.fields, problems, strict=True):
            label.setText(problem)
            label.setVisible(bool(problem))
            self._mark(field, wrong=bool(problem))
        self.networks = () if any(problems) else tuple(found)
        self.changed.emit()

    def _mark(self, field: QComboBox, *, wrong: bool) -> None:
        value = "true" if wrong else "false"
        if field.property("wrong") != value:
            field.setProperty("wrong", value)
            field.style().unpolish(field)
            field.style().polish(field)
