"""The composition root: paths, store, controller, window. Nothing of Qt is imported before it is known to start."""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import os
import socket
import sys
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from resnet_studio.domain.errors import UserError
from resnet_studio.platform.compile_cache import use_compile_cache
from resnet_studio.platform.crash_trace import write_crash_traces
from resnet_studio.platform.home import Home
from resnet_studio.platform.private_folder import private_opener
from resnet_studio.text import N_, _

log = logging.getLogger(__name__)

NO_DISPLAY = N_(
    "No display was found to open the window on ({why}); `resnet-studio demo` runs the built-in study in the terminal."
)
LOG_BYTES, LOG_FILES = 1_000_000, 4


def run_app(home: Home, *, study: str = "") -> int:
    """Show the window until it is closed.

    Args:
        home: Whose history and preferences the window shows.
        study: Key of a study to start at once, or empty.

    Returns:
        The exit code: 0, or 128 plus the number of the signal that ended the program.

    Raises:
        UserError: If there is no display, Qt cannot be loaded, or the history cannot be read.
    """
    require_display()
    use_compile_cache(home.cache)
    if sys.platform == "win32":
        import torch  # noqa: F401  # on Windows its libraries must be loaded before Qt's
    try:
        import PySide6.QtWidgets  # noqa: F401
    except ImportError as error:
        raise UserError(
            _(
                "Qt could not be loaded ({error}); install the missing library, `resnet-studio doctor` says which.",
                error=error,
            )
        ) from error
    home.prepare()
    start_log(home)
    write_crash_traces(home)
    from resnet_studio.studies.single_cohorts import find_single_cohort
    from resnet_studio.ui.application import run_window

    return run_window(home, find_single_cohort(study).cohort(0) if study else None)


class _LogFile(RotatingFileHandler):
    """For its owner alone. A line that finds no room is lost in silence: on a full disk there are many of them."""

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", opener=private_opener)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def start_log(home: Home) -> None:
    """Everything from INFO on goes to ``studio.log``; the file is turned over before it grows past a megabyte."""
    handler = _LogFile(
        home.logs / "studio.log", maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8", delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    logging.captureWarnings(True)


def require_display() -> None:
    """Qt would abort the process; this says in a sentence what is missing.

    Raises:
        UserError: On Linux, if no display is named, the named one does not answer, or Qt lacks a library.
    """
    if not sys.platform.startswith("linux"):
        return
    platform = os.environ.get("QT_QPA_PLATFORM", "").partition(":")[0]
    if platform not in ("", "xcb", "wayland", "wayland-egl"):
        return
    display = os.environ.get("DISPLAY", "")
    if os.environ.get("WAYLAND_DISPLAY") and platform != "xcb":
        return
    if not display:
        raise UserError(_(NO_DISPLAY, why=_("neither DISPLAY nor WAYLAND_DISPLAY is set")))
    if not answers(display):
        raise UserError(_(NO_DISPLAY, why=_("nothing answers at DISPLAY {display}", display=display)))
    missing = missing_library()
    if missing:
        raise UserError(
            _(
                "Qt cannot open a window because a system library is missing ({missing}); install it (Debian and "
                "Ubuntu: "
                "apt install libxcb-cursor0 libegl1 libxkbcommon-x11-0), or use `resnet-studio demo --headless`.",
                missing=missing,
            )
        )


def answers(display: str) -> bool:
    """Whether an X server listens at ``host:number.screen``."""
    host, _unused, rest = display.rpartition(":")
    number = rest.partition(".")[0]
    if host.startswith("/"):  # a socket's path, as XQuartz sets it
        return True
    if not number.isdecimal():
        return False
    if host in ("", "unix"):
        return any(_connects(f"{kind}/tmp/.X11-unix/X{number}") for kind in ("", "\0"))
    try:
        socket.create_connection((host, 6000 + int(number)), timeout=2.0).close()
    except (OSError, OverflowError):
        return False
    return True


def _connects(address: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(address)
        except OSError:
            return False
    return True


def missing_library() -> str:
    """What the loader says when it cannot load Qt's plug-in for X, empty if it can."""
    spec = importlib.util.find_spec("PySide6")
    if spec is None or spec.origin is None:
        return _("PySide6 itself")
    plugin = Path(spec.origin).parent / "Qt" / "plugins" / "platforms" / "libqxcb.so"
    if not plugin.is_file():
        return ""  # Qt of the system, kept whole by its packages
    try:
        ctypes.CDLL(str(plugin))
    except OSError as error:
        return str(error).partition(":")[0]
    return ""
