"""Typed preferences in one ini file of the home folder. A bad value gives the default; it never stops the start."""

from __future__ import annotations

import logging
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter
from PySide6.QtCore import QDir, QSettings

from resnet_studio.platform.files import identity
from resnet_studio.platform.home import Home

log = logging.getLogger(__name__)
T = TypeVar("T")
CLASS_FOLDERS, IMAGES = "design/data", "images"  # what folders are chosen for


class Preferences:
    """``value(key, default, kind)`` always gives a ``kind``: a fresh process reads every value back as text.

    Kinds: bool, int, float, str, list (of str) and QByteArray.

    While the home folder is renamed, removed or replaced nothing is written, or Qt would make another one in its place:
    what is set meanwhile counts in this process, and is written once the folder is back.
    """

    def __init__(self, home: Home) -> None:
        self._root, self._identity = home.root, identity(home.root)
        self._held: dict[str, object] = {}
        self._settings = QSettings(str(home.root / "preferences.ini"), QSettings.Format.IniFormat)

    def value(self, key: str, default: T, kind: type[T]) -> T:
        try:
            stored = self._held[key] if key in self._held else self._settings.value(key)
            return default if stored is None else _as(stored, kind)
        except Exception:  # Qt raises whatever unpickling a damaged variant raises
            log.info("preference %s is not a %s; its default is used", key, kind.__name__)
            return default

    def set_value(self, key: str, value: object) -> None:
        self._held[key] = value
        self._write()

    def _write(self) -> bool:
        """Hand what is held to Qt where the folder is there; whether it is."""
        if self._identity is not None and identity(self._root) != self._identity:
            return False
        for key, value in self._held.items():
            if value is None:
                self._settings.remove(key)
            else:
                self._settings.setValue(key, value)
        self._held.clear()
        return True

    def folder(self, purpose: str) -> str:
        """Where a file dialog begins: the folder chosen last for ``purpose``, else the home folder.

        Qt's own proposal is that of any dialog, such as the last export's.
        """
        return self.value(f"{purpose}_folder", QDir.homePath(), str)

    def set_folder(self, purpose: str, folder: str) -> None:
        self.set_value(f"{purpose}_folder", folder)

    def remove(self, key: str) -> None:
        self.set_value(key, None)

    def sync(self) -> None:
        """Write to disk now; Qt does so by itself from time to time and at the end."""
        if self._write():
            self._settings.sync()


def _as(stored: Any, kind: type[T]) -> T:
    """Raises ValueError or TypeError if it is none; Qt's own conversion would make a zero of any word."""
    if kind is list and not isinstance(stored, list):  # an ini file does not tell one item from a list of one
        stored = [stored] if stored else []
    found = TypeAdapter(kind, config=ConfigDict(arbitrary_types_allowed=True)).validate_python(stored)
    return [str(item) for item in found] if isinstance(found, list) else found  # type: ignore[return-value]
