"""Colours, pens, icons and the style sheet, light and dark. Plain is always dashed, residual always solid."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Literal, get_args

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPalette, QPen
from PySide6.QtWidgets import QApplication

from resnet_studio.ui.stylesheet import style_sheet

if TYPE_CHECKING:
    from resnet_studio.ui.preferences import Preferences

Mode = Literal["system", "light", "dark"]
_STYLED = "resnet_studio_styled"
_ON_DARK = {  # the palette of runs on dark ground: as far from each other as on white
    "#0072b2": "#4a8fff", "#d55e00": "#ff7043", "#009e73": "#2bc48a", "#cc79a7": "#e691c0", "#e69f00": "#ffc53d",
    "#56b4e9": "#9be3ff", "#8c6d31": "#b8935a",
}  # fmt: skip
MODES: tuple[Mode, ...] = get_args(Mode)


class Role(Enum):
    """What a colour is for; (light, dark)."""

    WINDOW = ("#f4f6f9", "#14171c")
    PANEL = ("#ffffff", "#1c2027")
    RAISED = ("#eef1f6", "#262b34")
    TEXT = ("#1b2330", "#e7ebf2")
    MUTED = ("#5a6578", "#9aa6ba")
    ACCENT = ("#2456c9", "#7ea8ff")
    ON_ACCENT = ("#ffffff", "#0d1526")
    ACCENT_SOFT = ("#e3ebfd", "#243352")
    BORDER = ("#d5dbe5", "#343b47")
    FIELD_BORDER = ("#8591a5", "#66718a")
    GRID = ("#e4e8ef", "#2a303a")
    ERROR = ("#b3261e", "#ff9a92")
    WARNING = ("#8a5a00", "#f0b95b")
    OK = ("#1b6e3c", "#6fd39a")


def set_dashes(pen: QPen, solid: bool | None, dash: float, gap: float) -> None:
    """Residual nets have solid lines, plain ones dashes; the mean of both kinds (None) a dot between its dashes."""
    if solid is None:
        pen.setDashPattern([dash, gap / 2, 1.0, gap / 2])
    elif not solid:
        pen.setDashPattern([dash, gap])


class Theme(QObject):
    """One per window. ``changing`` comes before palette and style sheet are replaced, ``changed`` afterwards."""

    changing, changed = Signal(), Signal()

    def __init__(self, preferences: Preferences | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._preferences = preferences
        self.dark = False
        stored = preferences.value("theme", "system", str) if preferences else "system"
        self.mode: Mode = next((mode for mode in MODES if mode == stored), "system")
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(self._on_scheme_changed)
        self._apply()

    def set_mode(self, mode: Mode) -> None:
        """``system`` follows the desktop, live."""
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, got {mode!r}")
        self.mode = mode
        if self._preferences:
            self._preferences.set_value("theme", mode)
        self._apply()
        self.changed.emit()

    def colour(self, role: Role) -> QColor:
        return QColor(role.value[self.dark])

    def run_pen(self, colour: str, *, residual: bool | None, bold: bool) -> QPen:
        """A cosmetic pen, see :func:`set_dashes`; test errors bold, training errors thin and translucent.

        Width 2 is slow for long lines: bold only below 500 points.
        """
        shade = self.run_colour(colour)
        shade.setAlphaF(1.0 if bold else 0.75)
        pen = QPen(shade, 2.0 if bold else 1.0)
        pen.setCosmetic(True)
        set_dashes(pen, residual, *((5.0, 3.0) if bold else (7.0, 4.0)))
        return pen

    def run_colour(self, colour: str) -> QColor:
        """A run's colour; dark ones are lightened on dark ground so that a thin line stays visible."""
        shade = QColor(colour)
        if not shade.isValid():
            shade = self.colour(Role.ACCENT)
        if self.dark and shade.name() in _ON_DARK:
            return QColor(_ON_DARK[shade.name()])
        if self.dark and shade.lightnessF() < 0.45:
            shade = QColor.fromHslF(max(shade.hslHueF(), 0.0), shade.hslSaturationF() * 0.85, 0.6)
        return shade

    def icon(self, name: str, role: Role = Role.TEXT) -> QIcon:
        """An icon by its qtawesome name, such as ``ph.play``, in a colour of this theme; the first loads the fonts."""
        import qtawesome

        faint = self.colour(role)
        faint.setAlphaF(0.4)
        icon: QIcon = qtawesome.icon(name, color=self.colour(role), color_disabled=faint)
        return icon

    def _apply(self) -> None:
        hints = QGuiApplication.styleHints()
        if self.mode == "system":
            self.dark = hints.colorScheme() is Qt.ColorScheme.Dark
        else:
            self.dark = self.mode == "dark"
        app = QApplication.instance()
        if not isinstance(app, QApplication):
            return
        if app.property(_STYLED) is None:
            app.setStyle("Fusion")  # by name: a style made here would be deleted twice
            app.setProperty(_STYLED, True)
        sheet = style_sheet({role.name: role.value[self.dark] for role in Role}, dark=self.dark)
        if app.styleSheet() != sheet:
            self.changing.emit()
            app.setStyleSheet("")  # a sheet in place of another polishes a widget once for each widget that holds it
            app.setPalette(self._palette())
            app.setStyleSheet(sheet)

    def _palette(self) -> QPalette:
        palette, group = QPalette(), QPalette.ColorRole
        colours = {
            group.Window: Role.WINDOW, group.WindowText: Role.TEXT, group.Base: Role.PANEL, group.Text: Role.TEXT,
            group.AlternateBase: Role.RAISED, group.Button: Role.PANEL, group.ButtonText: Role.TEXT,
            group.BrightText: Role.ERROR, group.Highlight: Role.ACCENT, group.HighlightedText: Role.ON_ACCENT,
            group.ToolTipBase: Role.RAISED, group.ToolTipText: Role.TEXT, group.Link: Role.ACCENT,
            group.LinkVisited: Role.ACCENT, group.PlaceholderText: Role.MUTED, group.Mid: Role.BORDER,
            group.Midlight: Role.BORDER, group.Dark: Role.FIELD_BORDER, group.Light: Role.RAISED,
            group.Accent: Role.ACCENT,
        }  # fmt: skip
        for where, role in colours.items():
            palette.setColor(where, self.colour(role))
        for where in (group.WindowText, group.Text, group.ButtonText):
            faint = self.colour(Role.MUTED)
            faint.setAlphaF(0.6)
            palette.setColor(QPalette.ColorGroup.Disabled, where, faint)
        return palette

    @Slot(Qt.ColorScheme)
    def _on_scheme_changed(self, _scheme: Qt.ColorScheme) -> None:
        if self.mode == "system":
            self._apply()
            self.changed.emit()
