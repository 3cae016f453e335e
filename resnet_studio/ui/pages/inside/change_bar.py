"""What a click in the drawing does to a network: takes one block out, several at once, or makes two change places."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QButtonGroup, QLabel, QPushButton, QWidget

from resnet_studio.domain.analyses.block_axis import block_place
from resnet_studio.domain.analyses.lesion import Change
from resnet_studio.text import N_, _
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.flow import FlowLayout
from resnet_studio.ui.widgets.layouts import in_column


class Mode(Enum):
    """Name of the button, its text, and what a click does then."""

    ONE = "one", N_("One"), N_("Click a block: it is taken out of every network.")
    SEVERAL = "several", N_("Several"), N_("Click blocks: all of them are taken out at once. A second click: it stays.")
    SWAP = "swap", N_("Swap"), N_("Click two blocks of one stage: they change places.")

    @property
    def key(self) -> str:
        return self.value[0]

    @property
    def text(self) -> str:
        return _(self.value[1])

    @property
    def hint(self) -> str:
        return _(self.value[2])


class ChangeBar(QWidget):
    """``cleared`` when the networks are to be whole again, by the button or by another mode."""

    cleared = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("change_bar")
        self.selected: tuple[str, ...] = ()
        self._swaps: tuple[tuple[str, str], ...] = ()
        self._group = QButtonGroup(self)
        self.buttons: dict[Mode, QPushButton] = {}
        row = FlowLayout(spacing=4)
        for mode in Mode:
            button = named(QPushButton(mode.text), f"change_{mode.key}", tip=mode.hint)
            button.setCheckable(True)
            self._group.addButton(button)
            self.buttons[mode] = button
            row.addWidget(button)
        self.whole = named(QPushButton(_("Whole")), "change_whole", tip=_("The networks as they were built"))
        row.addWidget(self.whole)
        self.hint = named(QLabel(wordWrap=True), "change_hint", role="muted")
        in_column(row, self.hint, of=self, margins=0, spacing=4)
        self.buttons[Mode.ONE].setChecked(True)
        self._group.buttonToggled.connect(lambda: self.clear())
        self.whole.clicked.connect(self.clear)
        self._show_hint()

    @property
    def mode(self) -> Mode:
        return next(mode for mode, button in self.buttons.items() if button.isChecked())

    def take(self, block: str) -> Change | None:
        """What the networks become now that ``block`` was clicked; None: nothing yet."""
        if self.mode is Mode.ONE:
            self.selected = (block,)
            return Change((block,))
        if self.mode is Mode.SEVERAL:
            kept = tuple(name for name in self.selected if name != block)
            self.selected = kept if block in self.selected else (*kept, block)
            self._show_hint()
            return Change(tuple(sorted(self.selected, key=block_place))) if self.selected else None
        if self.selected in ((), (block,)):
            self.selected = () if self.selected else (block,)
            self._show_hint()
            return None
        self._swaps = (*self._swaps, (self.selected[0], block))
        self.selected = ()
        self._show_hint()
        return Change(swaps=self._swaps)

    def take_back(self) -> None:
        """The last click asked for what cannot be done."""
        self._swaps, self.selected = self._swaps[:-1], ()
        self._show_hint()

    @Slot()
    def clear(self) -> None:
        self.selected, self._swaps = (), ()
        self._show_hint()
        self.cleared.emit()

    def _show_hint(self) -> None:
        hint = self.mode.hint
        if self.mode is Mode.SWAP and self.selected:
            hint = _("{block} changes places with the block that you click next.", block=self.selected[0])
        elif self.mode is Mode.SWAP and self._swaps:
            swaps = ", ".join(f"{one} ↔ {other}" for one, other in self._swaps)
            hint = _("Swapped: {swaps}. More pairs come on top.", swaps=swaps)
        self.hint.setText(hint)
