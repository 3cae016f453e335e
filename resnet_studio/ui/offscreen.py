"""An application object where there is none: drawing text needs one, even without a window or a display."""

from __future__ import annotations

import os

from PySide6.QtWidgets import QApplication

_kept: list[QApplication] = []  # an application made here lives as long as the program


def application() -> None:
    """Make sure that one exists; on a machine without a display the offscreen platform serves."""
    if QApplication.instance() is None:
        if not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")) and os.name == "posix":
            os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        _kept.append(QApplication(["resnet-studio"]))
