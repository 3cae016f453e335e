"""The part of the import dialog that says how images are prepared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QFileDialog, QGridLayout, QLabel, QLineEdit, QPushButton, QWidget

from resnet_studio.domain.data_sets import DATA_SETS, Colour
from resnet_studio.domain.imported_weights import PRESETS
from resnet_studio.domain.specs import DataSpec
from resnet_studio.text import _
from resnet_studio.ui.weights.texts import colour_text, parse_colour
from resnet_studio.ui.widgets.accessible_names import named

_CARRIED, _OWN, _FILE, _FOLDER, _MEAN_OF = "carried", "own", "file", "folder", _("mean of ")
_MEANS = {
    _FILE: _("Mean image from a file…"),
    **{
        f"{_MEAN_OF}{row.key}": _("Mean image of {title}", title=row.title if row.downloads else _("the drawn images"))
        for row in DATA_SETS
    },
    _FOLDER: _("Mean image of a folder of images…"),
}
_MEAN_FILTER = _("Mean images (*.npy *.safetensors *.pth *.pt *.th);;All files (*)")


@dataclass(frozen=True, slots=True)
class ImagesAnswer:
    """What was chosen for one file; ``preset`` had been proposed for it."""

    preset: str
    key: str
    mean: str
    std: str
    path: str


class ImagesBox(QWidget):
    """``changed`` when what is chosen may have become usable or not."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.choice = named(
            QComboBox(), "import_images", tip=_("What was done to the images that trained these weights")
        )
        self.mean = named(QLineEdit(), "import_mean", tip=_("Red, green, blue, of values in 0..1"))
        self.std = named(QLineEdit(), "import_std", tip=_("Red, green, blue, of values in 0..1"))
        self.path = named(QLineEdit(placeholderText=_("No file chosen")), "import_mean_path")
        self._browse = named(QPushButton(_("Choose…")), "import_mean_browse")
        self.choice.setPlaceholderText(_("Choose how images are prepared"))
        for key, preset in PRESETS.items():
            self.choice.addItem(preset.title, key)
        self.choice.addItem(_("Numbers of your own"), _OWN)
        for key, title in _MEANS.items():
            self.choice.addItem(title, key)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnStretch(1, 1)
        grid.addWidget(self.choice, 0, 0, 1, 3)
        self._rows: list[tuple[QWidget, ...]] = []
        for row, (title, widget) in enumerate(
            ((_("Mean"), self.mean), (_("Std"), self.std), (_("From"), self.path)), start=1
        ):
            label = named(QLabel(title), role="muted")
            label.setBuddy(widget)
            grid.addWidget(label, row, 0)
            grid.addWidget(widget, row, 1, 1, 2 if row < 3 else 1)
            self._rows.append((label, widget))
        grid.addWidget(self._browse, 3, 2)
        self._rows[2] = (*self._rows[2], self._browse)
        self._preset = ""
        self.choice.currentIndexChanged.connect(self._on_choice)
        self._browse.clicked.connect(self._on_browse)
        for editor in (self.mean, self.std, self.path):
            editor.textChanged.connect(self.changed)
            editor.setAcceptDrops(False)
        for editor in (self.mean, self.std):
            editor.textEdited.connect(lambda: self.choice.setCurrentIndex(self.choice.findData(_OWN)))
        self._on_choice()

    def propose(self, preset: str, *, carried: bool, before: ImagesAnswer | None = None) -> None:
        """Choose what the file holds, else the answer for the file before, else what is usual, if anything is.

        The answer for the file before counts if that was of the same kind.
        """
        self._preset = preset
        if carried and self.choice.findData(_CARRIED) < 0:
            self.choice.insertItem(0, _("As the file says"), _CARRIED)
        self.choice.setCurrentIndex(self.choice.findData(_CARRIED if carried else preset))
        if before is not None and before.preset == preset and not carried and self.choice.findData(before.key) >= 0:
            self.choice.setCurrentIndex(self.choice.findData(before.key))
            self.mean.setText(before.mean)
            self.std.setText(before.std)
            self.path.setText(before.path)

    @property
    def answer(self) -> ImagesAnswer | None:
        """For the next file; None where the file itself said it."""
        if self.key == _CARRIED:
            return None
        return ImagesAnswer(self._preset, self.key, self.mean.text(), self.std.text(), self.path.text())

    @property
    def key(self) -> str:
        """Empty while nothing is chosen."""
        return str(self.choice.currentData() or "")

    @property
    def colours(self) -> tuple[Colour, Colour] | None:
        """Mean and standard deviation, None where they are not chosen."""
        if self.key in PRESETS:
            return PRESETS[self.key].mean, PRESETS[self.key].std
        mean, std = parse_colour(self.mean.text()), parse_colour(self.std.text())
        return (mean, std) if self.key == _OWN and mean is not None and std is not None else None

    @property
    def pixel_mean(self) -> Path | None:
        return Path(self.path.text()) if self.key == _FILE and self.path.text().strip() else None

    @property
    def mean_of(self) -> DataSpec | None:
        if self.key.startswith(_MEAN_OF):
            return DataSpec(source=self.key.removeprefix(_MEAN_OF))
        path = self.path.text().strip()
        return DataSpec(source=f"folder:{Path(path).expanduser().absolute()}") if self.key == _FOLDER and path else None

    @property
    def usable(self) -> bool:
        return self.key == _CARRIED or any(x is not None for x in (self.colours, self.pixel_mean, self.mean_of))

    @Slot()
    def _on_choice(self) -> None:
        key = self.key
        numbers = key in PRESETS or key == _OWN
        for row, shown in zip(self._rows, (numbers, numbers, key in (_FILE, _FOLDER)), strict=True):
            for widget in row:
                widget.setVisible(shown)
        if key in PRESETS:
            self.mean.setText(colour_text(PRESETS[key].mean))
            self.std.setText(colour_text(PRESETS[key].std))
        self.path.clear()
        self.changed.emit()

    @Slot()
    def _on_browse(self) -> None:
        if self.key == _FILE:
            chosen, _unused = QFileDialog.getOpenFileName(self, _("Choose a mean image"), "", _MEAN_FILTER)
        else:
            chosen = QFileDialog.getExistingDirectory(self, _("Choose a folder of images in class folders"))
        if chosen:
            self.path.setText(chosen)
