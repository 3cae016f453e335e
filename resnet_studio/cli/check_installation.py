"""What ``doctor`` looks at, one function a subject; each looks and changes nothing that the program would not."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator

from resnet_studio import __version__
from resnet_studio.cli.check import Check, State
from resnet_studio.cli.check_speed import speed_checks
from resnet_studio.cli.check_storage import storage_checks
from resnet_studio.cli.window import why_no_window
from resnet_studio.domain.text_numbers import counted
from resnet_studio.platform.crash_trace import has_traces, trace_file
from resnet_studio.platform.home import Home
from resnet_studio.platform.host import cores, cpu_name
from resnet_studio.platform.private_folder import why_others_read
from resnet_studio.platform.python_child import python_command
from resnet_studio.platform.resources import resources
from resnet_studio.text import N_, _

_PACKAGES = (
    "torch", "torchvision", "PySide6-Essentials", "pyqtgraph", "numpy", "SQLAlchemy", "alembic", "pydantic", "typer",
    "rich", "safetensors", "pillow", "qtawesome",
)  # fmt: skip
_ENOUGH_DISK = 2 * 2**30  # bytes: checkpoints of a long study and a decoded data set
_QT_SECONDS = 60
_LINUX_LIBRARIES = _("libegl1 libgl1 libxkbcommon0 libxcb-cursor0 libdbus-1-3 fontconfig")


def run_checks(home: Home) -> list[Check]:
    """Every check; one that breaks becomes a finding itself."""
    found: list[Check] = []
    for name, look in _CHECKS:
        try:
            found += look(home)
        except Exception as error:
            found.append(
                Check(name, f"{type(error).__name__}: {error}", State.WRONG, _("Install ResNet Studio again."))
            )
    return found


def _program(_home: Home) -> Iterator[Check]:
    yield Check(N_("resnet-studio"), __version__)
    yield Check(
        N_("python"),
        _(
            "{python_version} on {platform}",
            python_version=platform.python_version(),
            platform=platform.platform(terse=True),
        ),
    )
    try:
        yield Check(N_("resources"), str(resources()))
    except FileNotFoundError as error:
        yield Check(N_("resources"), str(error), State.WRONG, _("Install ResNet Studio again."))


def _packages(_home: Home) -> Iterator[Check]:
    for package in _PACKAGES:
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            yield Check(package, _("missing"), State.WRONG, f"pip install {package}")
            continue
        if package == "PySide6-Essentials" and bad_qt(version, sys.version_info[:2]):
            advice = _("This pair aborts within minutes: pip install 'pyside6-essentials!=6.12.0', or use Python 3.12.")
            yield Check(
                package,
                _("{version} with Python {python_version}", version=version, python_version=platform.python_version()),
                State.WRONG,
                advice,
            )
        else:
            yield Check(package, version)


def bad_qt(pyside: str, python: tuple[int, int]) -> bool:
    """PySide6 6.12.0 loses a reference to None with each call on Python before 3.12, and aborts."""
    return pyside == "6.12.0" and python < (3, 12)


def _devices(_home: Home) -> Iterator[Check]:
    import torch

    from resnet_studio.domain.enums import Device
    from resnet_studio.networks.devices import choose_device, device_name

    threads = counted(torch.get_num_threads(), "torch thread", "torch threads")
    yield Check(
        N_("processor"),
        _(
            "{cpu_name}, {cores}, {threads}",
            cpu_name=cpu_name(),
            cores=counted(cores(), "core", "cores"),
            threads=threads,
        ),
    )
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            memory = torch.cuda.get_device_properties(index).total_memory / 2**30
            yield Check(
                _("GPU {index}", index=index),
                _("{device_name}, {memory:.0f} GiB", device_name=torch.cuda.get_device_name(index), memory=memory),
            )
    elif not torch.backends.mps.is_available():
        advice = _("Training runs on the processor; for a GPU its driver and a torch built for it are needed.")
        yield Check(N_("GPU"), _("none that torch can use"), State.NOTE, advice)
    chosen = choose_device(Device.AUTO)
    yield Check(N_("trains on"), f"{chosen.type} ({device_name(chosen)})")


def _display(_home: Home) -> Iterator[Check]:
    names = [n for n in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM") if os.environ.get(n)]
    named = " ".join(f"{n}={os.environ[n]}" for n in names)
    unseen = why_no_window()
    if unseen:
        yield Check(N_("display"), named or _("none"), State.NOTE, unseen)
    else:
        yield Check(N_("display"), named or platform.system())
    # In a process of its own: where a library is missing, Qt ends the process.
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"} if unseen else dict(os.environ)
    code = "from PySide6.QtWidgets import QApplication; app = QApplication([]); print(app.platformName())"
    try:
        tried = subprocess.run(
            python_command(code), env=environment, capture_output=True, text=True, timeout=_QT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        yield Check(
            N_("Qt"),
            _("no window system answered in {qt_seconds} s", qt_seconds=_QT_SECONDS),
            State.WRONG,
            _("Check the display's address."),
        )
        return
    if tried.returncode == 0:
        yield Check(N_("Qt"), _("starts ({stdout})", stdout=tried.stdout.strip()))
        return
    said = " ".join(tried.stderr.split())[-300:] or _("ended with {returncode}", returncode=tried.returncode)
    advice = (
        _("Install Qt's libraries: apt-get install {linux_libraries}", linux_libraries=_LINUX_LIBRARIES)
        if sys.platform == "linux"
        else ""
    )
    yield Check(N_("Qt"), said, State.WRONG, advice)


def _paths(home: Home) -> Iterator[Check]:
    place = home.root
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK):
        yield Check(N_("home"), str(home.root), State.WRONG, _("It cannot be written; choose another with --home DIR."))
    else:
        yield Check(
            N_("home"),
            _("{root}{place}", root=home.root, place="" if place == home.root else _(" (made at the first start)")),
        )
    if command := why_others_read(home.root):
        yield Check(N_("privacy"), _("other users can look into the home"), State.NOTE, command)
    if has_traces(home):
        yield Check(
            N_("crashes"),
            str(trace_file(home)),
            State.NOTE,
            _("The program crashed outside Python. The file has the traces, for a report; delete it when you like."),
        )
    free = shutil.disk_usage(place).free
    state, advice = (
        (State.OK, "") if free >= _ENOUGH_DISK else (State.NOTE, _("Make room: checkpoints and images need it."))
    )
    yield Check(N_("free disk"), _("{free:.1f} GiB", free=free / 2**30), state, advice)


_CHECKS: tuple[tuple[str, Callable[[Home], Iterator[Check]]], ...] = (
    ("program", _program),
    ("packages", _packages),
    ("devices", _devices),
    ("speed", speed_checks),
    ("display", _display),
    ("paths", _paths),
    ("stored", storage_checks),
)
