"""Python processes that the program starts: isolated from the current folder and from the environment's paths."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ENVIRONMENT = threading.RLock()
_PACKAGE_ROOT = str(Path(__file__).resolve().parents[2])  # the folder that holds the package


def python_command(code: str) -> list[str]:
    """The command line of a Python process that runs ``code``, one line, with this process's import path.

    Nothing is imported from the current folder, whatever files lie there and whatever ``PYTHONPATH`` says. Where it
    holds this very package (a checkout), it comes last, after the standard library and all installed packages.
    """
    utf8 = f"utf8={sys.flags.utf8_mode}"  # an isolated process does not read PYTHONUTF8
    return [sys.executable, "-I", "-X", utf8, "-c", f"import sys; sys.path[:] = {_import_path()!a}; {code}"]


@contextmanager
def safe_path() -> Iterator[None]:
    """Python processes that a library starts meanwhile import nothing from the current folder.

    One thread at a time: the variable is the whole process's, and each sets it back to what it was.
    """
    name = "PYTHONSAFEPATH"
    with _ENVIRONMENT:
        before = os.environ.get(name)
        os.environ[name] = "1"
        try:
            yield
        finally:
            if before is None:
                del os.environ[name]
            else:
                os.environ[name] = before


def program_command(*words: str) -> list[str]:
    """The command line of this program in a process of its own, for scripts that other machines may run.

    As with :func:`python_command` nothing is imported from the current folder.
    """
    return module_command("resnet_studio", *words)


def module_command(module: str, *words: str) -> list[str]:
    """The command line of a module of this environment, likewise."""
    return [sys.executable, "-P", "-m", module, *words]


def _import_path() -> list[str]:
    kept = [entry for entry in sys.path if entry and not _is_current_folder(entry)]
    return kept if _PACKAGE_ROOT in kept else [*kept, _PACKAGE_ROOT]


def _is_current_folder(entry: str) -> bool:
    try:
        return os.path.samefile(entry, os.curdir)  # noqa: PTH121 - entries are strings
    except OSError:  # the entry, or the current folder, does not exist
        return False
