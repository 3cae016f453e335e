"""The style sheet, with the theme's colours by role name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template

_ICONS = Path(__file__).resolve().parent / "icons"

_SHEET = Template("""
* { outline: 0; }
QToolTip { background: $RAISED; color: $TEXT; border: 1px solid $BORDER; padding: 6px 8px; }
QMainWindow, QDialog { background: $WINDOW; }
QLabel[role="title"] { font-size: 17pt; font-weight: 600; }
QLabel[role="heading"] { font-size: 11pt; font-weight: 600; }
QLabel[role="muted"] { color: $MUTED; }
QLabel[role="error"] { color: $ERROR; }
QLabel[role="ok"] { color: $OK; }
QFrame[role="panel"] { background: $PANEL; border: 1px solid $BORDER; border-radius: 10px; }
QFrame[role="banner"] { background: $ACCENT_SOFT; border: 1px solid $ACCENT; border-radius: 8px; }
QFrame[role="banner"][kind="error"] { background: $PANEL; border-color: $ERROR; }
QFrame[role="banner"][kind="warning"] { background: $PANEL; border-color: $WARNING; }

QPushButton, QToolButton[role="button"] {
    background: $PANEL; color: $TEXT; border: 1px solid $FIELD_BORDER; border-radius: 6px; padding: 6px 14px;
    min-height: 18px;
}
QPushButton:hover, QToolButton[role="button"]:hover { background: $RAISED; }
QPushButton:pressed, QToolButton[role="button"]:pressed { background: $BORDER; }
QPushButton:checked { background: $ACCENT_SOFT; border-color: $ACCENT; }
QPushButton:disabled, QToolButton[role="button"]:disabled { color: $MUTED; border-color: $BORDER;
    background: $WINDOW; }
QPushButton:focus, QToolButton[role="button"]:focus { border: 2px solid $ACCENT; padding: 5px 13px; }
QPushButton[role="primary"] { background: $ACCENT; color: $ON_ACCENT; border: 1px solid $ACCENT; font-weight: 600;
    padding: 9px 20px; }
QPushButton[role="primary"]:hover { background: $TEXT; color: $PANEL; border-color: $TEXT; }
QPushButton[role="primary"]:focus { border: 2px solid $TEXT; padding: 8px 19px; }
QPushButton[role="primary"]:disabled { background: $RAISED; color: $MUTED; border-color: $BORDER; }
QPushButton[role="flat"], QToolButton { background: transparent; border: 1px solid transparent; border-radius: 6px;
    padding: 5px 8px; }
QPushButton[role="flat"]:hover, QToolButton:hover { background: $RAISED; }
QPushButton[role="flat"]:focus, QToolButton:focus { border: 2px solid $ACCENT; padding: 4px 7px; }
QToolButton:checked { background: $ACCENT_SOFT; }
QToolButton::menu-indicator { image: none; }

QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox, QPlainTextEdit, QTextEdit {
    background: $PANEL; color: $TEXT; border: 1px solid $FIELD_BORDER; border-radius: 6px; padding: 4px 8px;
    selection-background-color: $ACCENT; selection-color: $ON_ACCENT; min-height: 18px;
}
QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus, QPlainTextEdit:focus, QTextEdit:focus {
    border: 2px solid $ACCENT; padding: 3px 7px;
}
QLineEdit[wrong="true"], QSpinBox[wrong="true"], QComboBox[wrong="true"] { border: 2px solid $ERROR;
    padding: 3px 7px; }
QLineEdit:disabled, QComboBox:disabled, QSpinBox:disabled { color: $MUTED; background: $WINDOW;
    border-color: $BORDER; }
QComboBox { combobox-popup: 0; }
QComboBox QLineEdit, QComboBox QLineEdit:focus, QComboBox QLineEdit:disabled, QSpinBox QLineEdit,
QSpinBox QLineEdit:focus { border: 0; padding: 0; margin: 0;
    background: transparent; min-height: 0; }
QSpinBox::up-button, QSpinBox::down-button { width: 0; border: 0; }
QComboBox::drop-down { border: 0; width: 24px; }
QComboBox::down-arrow { image: url("$ICONS/down-$SCHEME.svg"); width: 12px; height: 12px; }
QComboBox QAbstractItemView { background: $RAISED; color: $TEXT;
    selection-background-color: $ACCENT_SOFT; selection-color: $TEXT; }

QCheckBox { spacing: 7px; }
QCheckBox::indicator { width: 14px; height: 14px; border: 1px solid $FIELD_BORDER; border-radius: 4px;
    background: $PANEL; }
QCheckBox::indicator:checked { background: $ACCENT; border-color: $ACCENT; image: url("$ICONS/check-$SCHEME.svg"); }
QCheckBox::indicator:hover { border-color: $ACCENT; }
QCheckBox:focus { color: $ACCENT; }
QCheckBox::indicator:focus { border: 2px solid $ACCENT; width: 12px; height: 12px; }
QRadioButton { spacing: 7px; }
QRadioButton::indicator { width: 14px; height: 14px; border: 1px solid $FIELD_BORDER; border-radius: 8px;
    background: $PANEL; }
QRadioButton::indicator:checked { border: 5px solid $ACCENT; width: 6px; height: 6px; }
QRadioButton::indicator:hover { border-color: $ACCENT; }
QRadioButton:focus { color: $ACCENT; }

QAbstractItemView { background: $PANEL; alternate-background-color: $RAISED; border: 1px solid $BORDER;
    border-radius: 8px;
    selection-background-color: $ACCENT_SOFT; selection-color: $TEXT; gridline-color: $GRID; }
QAbstractItemView:focus { border: 2px solid $ACCENT; }
QTableView::item, QListView::item, QTreeView::item { padding: 4px 6px; }
QListView::indicator, QTableView::indicator, QTreeView::indicator { width: 14px; height: 14px;
    border: 1px solid $FIELD_BORDER; border-radius: 4px; background: $PANEL; }
QListView::indicator:checked, QTableView::indicator:checked, QTreeView::indicator:checked { background: $ACCENT;
    border-color: $ACCENT; image: url("$ICONS/check-$SCHEME.svg"); }
QComboBox QAbstractItemView, QComboBox QAbstractItemView:focus { border: 0; border-radius: 0; padding: 0; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QHeaderView { background: $PANEL; }
QHeaderView::section { background: $PANEL; color: $MUTED; border: 0; border-bottom: 1px solid $BORDER;
    padding: 6px 14px 6px 8px; font-weight: 600; }
QHeaderView::up-arrow, QHeaderView::down-arrow { subcontrol-origin: border; subcontrol-position: center right;
    right: 2px; width: 10px; height: 6px; }
QHeaderView::up-arrow { image: url("$ICONS/sort-up-$SCHEME.svg"); }
QHeaderView::down-arrow { image: url("$ICONS/sort-down-$SCHEME.svg"); }
QAbstractScrollArea::corner { background: transparent; border: 0; }
QTableCornerButton::section { background: $PANEL; border: 0; }

QScrollArea, QScrollArea > QWidget > QWidget[role="clear"] { background: transparent; border: 0; }
QScrollBar:vertical { background: transparent; width: 12px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 12px; margin: 0; }
QScrollBar::handle { background: $FIELD_BORDER; border-radius: 4px; margin: 2px; min-height: 28px; min-width: 28px; }
QScrollBar::handle:hover { background: $MUTED; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QSplitter::handle { background: transparent; }
QSplitter::handle:hover { background: $BORDER; }

QProgressBar { background: $RAISED; border: 0; border-radius: 4px; max-height: 8px; min-height: 8px;
    color: transparent; }
QProgressBar::chunk { background: $ACCENT; border-radius: 4px; }
QMenuBar { background: $PANEL; color: $TEXT; border-bottom: 1px solid $BORDER; padding: 1px 4px; }
QMenuBar::item { background: transparent; padding: 4px 10px; border-radius: 4px; }
QMenuBar::item:selected { background: $RAISED; }
QMenu { background: $PANEL; color: $TEXT; border: 1px solid $BORDER; padding: 4px; }
QMenu::item { padding: 6px 24px 6px 12px; border-radius: 4px; }
QMenu::item:selected { background: $ACCENT_SOFT; }
QMenu::item:disabled { color: $MUTED; }
QMenu::separator { height: 1px; background: $BORDER; margin: 4px 8px; }
QStatusBar { background: $PANEL; color: $MUTED; border-top: 1px solid $BORDER; }
QStatusBar::item { border: 0; }
QStatusBar QLabel { color: $MUTED; padding: 2px 8px; }
QTabBar::tab { background: transparent; color: $MUTED; padding: 7px 14px; border-bottom: 2px solid transparent; }
QTabBar::tab:selected { color: $TEXT; border-bottom-color: $ACCENT; }
QTabBar::tab:focus { color: $ACCENT; }
QTabWidget::pane { border: 0; }
QGroupBox { border: 1px solid $BORDER; border-radius: 8px; margin-top: 10px; padding-top: 8px; }
QGroupBox::title { subcontrol-origin: margin; left: 10px; padding: 0 4px; color: $MUTED; }

QFrame#rail { background: $PANEL; border: 0; border-right: 1px solid $BORDER; }
QFrame#rail QToolButton { border-radius: 10px; padding: 8px 2px; color: $MUTED; font-size: 9pt; }
QFrame#rail QToolButton:hover { background: $RAISED; color: $TEXT; }
QFrame#rail QToolButton:checked { background: $ACCENT_SOFT; color: $ACCENT; font-weight: 600; }
QFrame#rail QToolButton:focus { border: 1px solid transparent; padding: 8px 2px; }
QFrame#rail QToolButton[role="ring"]:focus { border: 2px dotted $MUTED; padding: 7px 1px; }
""")


def style_sheet(colours: Mapping[str, str], *, dark: bool) -> str:
    """``colours`` maps every role's name to ``#rrggbb``."""
    return _SHEET.substitute(colours, ICONS=_ICONS.as_posix(), SCHEME="dark" if dark else "light")
