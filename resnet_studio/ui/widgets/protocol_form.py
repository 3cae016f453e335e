"""The form of a test protocol: its kind, and the one or two fields that this kind reads."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pydantic import ValidationError
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QBoxLayout, QCheckBox, QLabel, QLineEdit, QWidget

from resnet_studio.domain.documents import sentences
from resnet_studio.domain.protocols import Protocol, ProtocolKind
from resnet_studio.domain.spec import is_read
from resnet_studio.domain.specs import replace
from resnet_studio.text import _
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.field_row import Choice, NumberEdit
from resnet_studio.ui.widgets.plain_tip import set_tip
from resnet_studio.ui.widgets.protocol_choice import ProtocolChoice, scales_for, sizes_sentence

KINDS = {
    ProtocolKind.SINGLE: (_("Single view"), _("The view that training tests on")),
    ProtocolKind.CENTRE_CROP: (_("Centre crop"), _("One square from the middle of the resized image")),
    ProtocolKind.TEN_CROP: (
        "10-crop",
        _("Four corners and the centre, and their mirror images; the answers are averaged"),
    ),
    ProtocolKind.MULTI_SCALE: (
        _("Multi-scale"),
        _(
            "The whole image at several sizes, through the network as a fully convolutional one; the answers are "
            "averaged"
        ),
    ),
}


class ProtocolForm(QWidget):
    """``changed`` when a person has changed something; what is wrong stands in :attr:`fault`.

    ``column``: fields below each other, with what is wrong and which scales each network has in words below them.
    Else the fields stand in a row, and the words are left to who reads :attr:`fault` and :attr:`hint`.
    """

    changed = Signal()

    def __init__(self, *, column: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._typed = False  # scales of a person's own are not replaced
        self._sizes: tuple[int, ...] = (32,)
        self._column = column
        self.fault = ""
        self.kind = named(Choice(), "protocol_kind", accessible=_("Test protocol"))
        self.kind.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToContents)
        for kind, (text, tip) in KINDS.items():
            self.kind.addItem(text, kind)
            self.kind.setItemData(self.kind.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.resize_to = named(
            NumberEdit(8), "protocol_resize", tip=_("Shorter side of the image in pixels before it is cropped")
        )
        self.resize_to.setAccessibleName(_("Shorter side before cropping, in pixels"))
        self.resize_to.setMinimumWidth(90)
        self.scales = named(QLineEdit(), "protocol_scales", accessible=_("Scales, shorter sides in pixels"))
        self.scales.setMinimumWidth(150)
        self.mirrored = named(
            QCheckBox(_("mirrored too")), "protocol_mirrored", tip=_("Each size is also seen mirrored")
        )
        self.error = named(QLabel(wordWrap=True), "protocol_error", role="error")
        self.words = named(QLabel(wordWrap=True), "protocol_words", role="muted")
        layout = QBoxLayout(QBoxLayout.Direction.TopToBottom if column else QBoxLayout.Direction.LeftToRight)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6 if column else 8)
        for widget in (self.kind, self.resize_to, self.scales, self.mirrored):
            layout.addWidget(widget)
        for words in (self.error, self.words):
            if column:
                layout.addWidget(words)
            else:
                words.setParent(self)
                words.hide()
        self.setLayout(layout)
        self.set_image_sizes((32,))
        self.kind.currentIndexChanged.connect(self._on_kind)
        self.resize_to.textEdited.connect(self._on_changed)
        self.scales.textEdited.connect(self._on_scales)
        self.mirrored.toggled.connect(self._on_changed)
        self._show_fields()

    @property
    def choice(self) -> ProtocolChoice | None:
        """None while something is wrong; :attr:`fault` says what."""
        protocol = self.protocol
        if protocol is None:
            return None
        if protocol.kind is ProtocolKind.MULTI_SCALE and not self._typed:
            return ProtocolChoice(replace(protocol, scales=()), proportional=True)
        return ProtocolChoice(protocol)

    @property
    def hint(self) -> str:
        """Which network has which scales, where they differ and nobody typed any; else empty."""
        choice = self.choice
        return sizes_sentence(self._sizes) if choice is not None and choice.proportional else ""

    @property
    def protocol(self) -> Protocol | None:
        """That of the network with the largest images; None while something is wrong."""
        kind = ProtocolKind(self.kind.currentData())
        values: dict[str, object] = {"kind": kind}
        if is_read(Protocol, "resize", values):
            values["resize"] = self.resize_to.text().strip() or 0
        self.fault = ""
        if kind is ProtocolKind.MULTI_SCALE:
            text = self.scales.text() if self._typed else ", ".join(map(str, scales_for(max(self._sizes))))
            words = [word for word in re.split(r"[\s,;]+", text) if word]
            if not words or not all(word.isascii() and word.isdecimal() for word in words):
                self.fault = _("Scales are whole numbers of pixels with commas between them, such as 224, 256, 384.")
                return None
            values |= {"scales": tuple(map(int, words)), "flip": self.mirrored.isChecked()}
        try:
            return Protocol.model_validate(values)
        except ValidationError as error:
            text = next(iter(sentences(error).values()))
            self.fault = f"{text[:1].upper()}{text[1:]}."
            return None

    def set_protocol(self, protocol: Protocol) -> None:
        """Show it, without a word to anyone."""
        self.blockSignals(True)
        self.kind.setCurrentIndex(self.kind.findData(protocol.kind))
        self.resize_to.setText(str(protocol.resize or ""))
        if protocol.scales:
            self._typed = True
            self.scales.setText(", ".join(map(str, protocol.scales)))
        self.mirrored.setChecked(protocol.flip)
        self.blockSignals(False)
        self._show_fields()

    def set_image_sizes(self, image_sizes: Iterable[int]) -> None:
        """Of the networks that are tested: scales are proposed for each; ``changed`` where they are in use."""
        before = self._sizes
        self._sizes = tuple(sorted(set(image_sizes))) or before
        self._propose()
        usual = Protocol(kind=ProtocolKind.TEN_CROP).resize_for(max(self._sizes))
        self.resize_to.setPlaceholderText(_("of {usual} px", usual=usual))
        self._show_state()
        if self._sizes != before and not self._typed and self.kind.currentData() == ProtocolKind.MULTI_SCALE:
            self.changed.emit()

    def _propose(self) -> None:
        """One list where all networks have the same; else each has its own, and the field says so."""
        several, usual = len(self._sizes) > 1, ", ".join(map(str, scales_for(self._sizes[0])))
        if not self._typed:
            self.scales.setText("" if several else usual)
        self.scales.setPlaceholderText(_("by image size") if several else usual)
        tip = _("Shorter sides of the image in pixels, with commas; empty: in proportion to each network's image size")
        set_tip(self.scales, f"{tip}\n{sizes_sentence(self._sizes)}".rstrip())

    def _show_fields(self) -> None:
        kind = ProtocolKind(self.kind.currentData())
        set_tip(self.kind, KINDS[kind][1])
        for name, field in (("resize", self.resize_to), ("scales", self.scales), ("flip", self.mirrored)):
            field.setVisible(is_read(Protocol, name, {"kind": kind}))
        self._show_state()

    def _show_state(self) -> None:
        fine = self.protocol is not None
        if self._column:
            self.error.setText(self.fault)
            self.error.setVisible(not fine)
            self.words.setText(self.hint)
            self.words.setVisible(bool(self.hint))
        for field in (self.scales, self.resize_to):
            if bool(field.property("wrong")) == fine:
                field.setProperty("wrong", not fine)
                field.style().unpolish(field)
                field.style().polish(field)

    @Slot()
    def _on_kind(self) -> None:
        self._show_fields()
        self.changed.emit()

    @Slot()
    def _on_scales(self) -> None:
        self._typed = bool(self.scales.text().strip())
        self._on_changed()

    @Slot()
    def _on_changed(self) -> None:
        self._show_state()
        self.changed.emit()
