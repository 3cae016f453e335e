"""Opening the window from the command line, where there is a display to show it on."""

from __future__ import annotations

import os
import sys

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.home import Home

NO_DISPLAY = (
    "No display was found to open the window on (neither DISPLAY nor WAYLAND_DISPLAY is set); "
    "`resnet-studio demo` runs the built-in study in the terminal."
)


def has_display() -> bool:
    """Windows and macOS always have one; elsewhere the environment names it, or Qt's platform was chosen by hand."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def open_window(home: Home, study: str = "") -> int:
    """Show the window until it is closed; ``study`` is the key of one to start at once.

    Returns:
        The exit code.

    Raises:
        UserError: If there is no display, or Qt's libraries cannot be loaded.
    """
    if not has_display():
        raise UserError(NO_DISPLAY)
    try:
        from resnet_studio.app import run_app
    except ImportError as error:
        if error.name is not None and not error.name.startswith(("PySide6", "shiboken6")):
            raise
        raise UserError(f"Qt could not be loaded ({error}); `resnet-studio doctor` says what is missing.") from error
    return run_app(home, study=study)


def start_window(chosen: str | None) -> int:
    """Open the window and turn the user's errors into one sentence and exit code 2."""
    try:
        return open_window(Home.find(chosen))
    except UserError as error:
        print(error.sentence, file=sys.stderr)
        return 2
