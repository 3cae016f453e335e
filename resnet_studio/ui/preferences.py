"""Typed preferences in one ini file of the home folder. A bad value gives the default; it never stops the start."""

from __future__ import annotations

import logging
from typing import Any, TypeVar

from PySide6.QtCore import QByteArray, QSettings

from resnet_studio.platform.home import Home

log = logging.getLogger(__name__)
T = TypeVar("T")

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})


class Preferences:
    """``value(key, default, kind)`` always gives a ``kind``: a fresh process reads every value back as text.

    Kinds: bool, int, float, str, list (of str) and QByteArray.
    """

    def __init__(self, home: Home) -> None:
        self._settings = QSettings(str(home.root / "preferences.ini"), QSettings.Format.IniFormat)

    def value(self, key: str, default: T, kind: type[T]) -> T:
        try:
            stored = self._settings.value(key)
            return default if stored is None else _as(stored, kind)
        except Exception:  # Qt raises whatever unpickling a damaged variant raises
            log.info("preference %s is not a %s; its default is used", key, kind.__name__)
            return default

    def set_value(self, key: str, value: object) -> None:
        self._settings.setValue(key, value)

    def remove(self, key: str) -> None:
        self._settings.remove(key)

    def sync(self) -> None:
        """Write to disk now; Qt does so by itself from time to time and at the end."""
        self._settings.sync()


def _as(stored: Any, kind: type[T]) -> T:
    result: Any
    if kind is bool:
        word = str(stored).strip().lower()
        if word not in _TRUE | _FALSE:
            raise ValueError(stored)
        result = word in _TRUE
    elif kind is list:
        result = [str(item) for item in stored] if isinstance(stored, list) else [str(stored)] if stored else []
    elif kind is QByteArray:
        if not isinstance(stored, QByteArray):
            raise TypeError(stored)
        result = stored
    elif kind in (int, float, str):
        result = kind(stored)  # type: ignore[call-arg]
    else:
        raise TypeError(f"preferences hold no {kind.__name__}")
    return result  # type: ignore[no-any-return]
